/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page-table entries as plain numbers.
 *
 * The walk compares each PTE with the one before plus one page: entries of a
 * physically contiguous stretch differ in nothing else. For that it needs the
 * number behind the entry. pte_val() is a paravirtual call on x86, six times
 * the work of all else per page, so the raw word is read; what it *means* is
 * asked of the kernel's own pte_*() once per stretch.
 *
 * An architecture port supplies this file's names:
 *
 * VMI_ENTRY_FRAME	 the bits that hold the frame, in place (frame << shift)
 * vmi_entry_readable() whether raw words can be read on this machine
 * vmi_entry_load()	 read an entry once, without a lock
 * vmi_entry_none()	 nothing there, as pte_none()
 * vmi_entry_normal()	 present, accessible, and of ordinary memory
 * vmi_entry_pte()	 back to a pte_t
 * vmi_entry_of_pfn()	 a number with just the frame
 * vmi_entry_is_table()	 an entry of an upper level points to a table
 * vmi_entry_table()	 that table
 */
#ifndef _VMI_COMPAT_ENTRY_H
#define _VMI_COMPAT_ENTRY_H

#include <linux/mm.h>
#include <linux/pgtable.h>

#ifdef CONFIG_X86_64
#include <asm/cpufeature.h>

#define VMI_ENTRY_FRAME ((pteval_t)PTE_PFN_MASK)

/*
 * Entries of a Xen PV guest hold frames of the host, which only pte_val() knows
 * how to translate.
 */
static inline bool vmi_entry_readable(void)
{
	return !cpu_feature_enabled(X86_FEATURE_XENPV);
}

static __always_inline pteval_t vmi_entry_load(const pte_t *ptep)
{
	return READ_ONCE(ptep->pte);
}

static __always_inline bool vmi_entry_none(pteval_t entry)
{
	return !(entry & ~(pteval_t)_PAGE_KNL_ERRATUM_MASK);
}

/* PROT_NONE entries lack _PAGE_PRESENT: their frame bits may be inverted. */
static __always_inline bool vmi_entry_normal(pteval_t entry)
{
	return (entry & (_PAGE_PRESENT | _PAGE_SPECIAL)) == _PAGE_PRESENT;
}

static __always_inline pte_t vmi_entry_pte(pteval_t entry)
{
	return native_make_pte(entry);
}

static __always_inline pteval_t vmi_entry_of_pfn(unsigned long pfn)
{
	return (pteval_t)pfn << PAGE_SHIFT;
}

static __always_inline bool vmi_entry_is_table(pteval_t entry)
{
	return (entry & (_PAGE_PRESENT | _PAGE_PSE)) == _PAGE_PRESENT;
}

static __always_inline const pte_t *vmi_entry_table(pteval_t entry)
{
	return __va(entry & VMI_ENTRY_FRAME);
}

#else
#error "vminspect does not know the page-table entries of this architecture yet"
#endif

/* Entries looked at together where nothing is mapped. */
#define VMI_STRIDE 8

/**
 * vmi_entries_none() - are the next VMI_STRIDE entries empty?
 * @entries: the first, of a table of any level
 *
 * Locking: none that keeps an entry from being filled meanwhile, which is as good as
 * right afterwards. So plain loads will do, which the compiler may put together.
 *
 * Return: whether they are.
 */
static __always_inline bool vmi_entries_none(const void *entries)
{
	const pteval_t *e = entries;

	/* One that is filled meanwhile may be seen or not. */
	return vmi_entry_none(data_race(e[0] | e[1] | e[2] | e[3] |
					e[4] | e[5] | e[6] | e[7]));
}

/* Entries of all levels are such words. */
static_assert(sizeof(pte_t) == sizeof(pteval_t));
static_assert(sizeof(pmd_t) == sizeof(pteval_t));
static_assert(sizeof(pud_t) == sizeof(pteval_t));
static_assert(sizeof(pgd_t) == sizeof(pteval_t));

#endif /* _VMI_COMPAT_ENTRY_H */
