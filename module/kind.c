// SPDX-License-Identifier: GPL-2.0
/*
 * What a page fault is about to do, told by the page-table entry it meets.
 *
 * The kernel decides the same way (mm/memory.c:handle_pte_fault()), a moment
 * later. When another thread has resolved the fault in between, it comes to
 * nothing there, and is counted here as what it set out to be.
 */
#include <linux/hugetlb_inline.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat/leaf.h"
#include "kind.h"

static __always_inline bool is_private(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_SHARED);
}

/* Nothing is mapped there. */
static __always_inline enum vmi_fault kind_of_none(struct vm_area_struct *vma,
						   unsigned int flags)
{
	if (vma_is_anonymous(vma))
		return VMI_FAULT_ANON;
	if (unlikely(is_vm_hugetlb_page(vma)) && is_private(vma))
		return VMI_FAULT_ANON;
	if ((flags & FAULT_FLAG_WRITE) && is_private(vma))
		return VMI_FAULT_COW;
	return VMI_FAULT_FILE;
}

/* A page is mapped there, and may be written or not. */
static __always_inline enum vmi_fault
kind_of_present(struct vm_area_struct *vma, unsigned int flags, bool writable)
{
	if ((flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) && !writable &&
	    is_private(vma))
		return VMI_FAULT_COW;
	return VMI_FAULT_OTHER;
}

static noinline enum vmi_fault kind_of_swapped(softleaf_t leaf)
{
	return softleaf_is_swap(leaf) ? VMI_FAULT_SWAP : VMI_FAULT_OTHER;
}

/* An entry of a PTE table, or of a table above in hugetlb's reading. */
static __always_inline enum vmi_fault kind_of_pte(struct vm_area_struct *vma,
						  unsigned int flags, pte_t pte)
{
	if (likely(pte_none(pte)))
		return kind_of_none(vma, flags);
	if (unlikely(pte_protnone(pte)))
		return VMI_FAULT_OTHER;
	if (likely(pte_present(pte)))
		return kind_of_present(vma, flags, pte_write(pte));
	return kind_of_swapped(softleaf_from_pte(pte));
}

/* An entry of a PMD table that is a page or not present. */
static noinline enum vmi_fault kind_of_pmd(struct vm_area_struct *vma,
					   unsigned int flags, pmd_t pmd)
{
	if (pmd_protnone(pmd))
		return VMI_FAULT_OTHER;
	if (pmd_present(pmd))
		return kind_of_present(vma, flags, pmd_write(pmd));
	return kind_of_swapped(softleaf_from_pmd(pmd));
}

static __always_inline enum vmi_fault
kind_by_tables(struct vm_area_struct *vma, unsigned long addr,
	       unsigned int flags)
{
	pgd_t *pgdp = pgd_offset(vma->vm_mm, addr);
	p4d_t *p4dp;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	if (pgd_none(READ_ONCE(*pgdp)))
		return kind_of_none(vma, flags);
	p4dp = p4d_offset(pgdp, addr);
	if (p4d_none(READ_ONCE(*p4dp)))
		return kind_of_none(vma, flags);
	pudp = pud_offset(p4dp, addr);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud))
		return kind_of_none(vma, flags);
	if (unlikely(!pud_present(pud)))
		return VMI_FAULT_OTHER;
	if (unlikely(pud_leaf(pud)))
		return kind_of_present(vma, flags, pud_write(pud));
	pmdp = pmd_offset(&pud, addr);
	pmd = READ_ONCE(*pmdp);
	if (pmd_none(pmd))
		return kind_of_none(vma, flags);
	if (unlikely(!pmd_present(pmd) || pmd_leaf(pmd)))
		return kind_of_pmd(vma, flags, pmd);
	return kind_of_pte(vma, flags, READ_ONCE(*pte_offset_kernel(&pmd, addr)));
}

/**
 * vmi_kind_of_fault() - what a fault is about to do
 * @vma: the mapping
 * @addr: the address
 * @flags: FAULT_FLAG_* of the fault
 *
 * Locking: the fault holds mmap_lock or the lock of @vma, which keeps the
 * mapping. Page tables may be freed nevertheless (mm/khugepaged.c); that waits
 * for us as it does for GUP-fast (mm/gup.c:gup_fast()), since interrupts are off.
 *
 * Return: the kind.
 */
enum vmi_fault vmi_kind_of_fault(struct vm_area_struct *vma,
				 unsigned long addr, unsigned int flags)
{
	unsigned long irqs;
	enum vmi_fault kind;

	local_irq_save(irqs);
	kind = kind_by_tables(vma, addr, flags);
	local_irq_restore(irqs);
	return kind;
}
