// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the pages of a hugetlb mapping.
 *
 * Locking: mmap_lock is held for reading. Processes that map the same file, shared,
 * may share its PMD tables, and huge_pmd_unshare() gives one back under i_mmap_rwsem
 * held for writing, whoever holds mmap_lock (mm/hugetlb.c:vma_shareable()). So that
 * is held for reading, too, as long as entries of such a mapping are looked at; but
 * never waited for, since whoever has it may unmap all of a large file under it.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat/leaf.h"
#include "hugetlb.h"

#ifdef CONFIG_HUGETLB_PAGE

/* PTEs that one huge page is worth: a descent from the top of the tables. */
#define VMI_COST_HUGETLB 8

/*
 * Count an entry, of whatever level. It reads as a PTE, as huge_ptep_get() has
 * it: present also where access was taken away, or migrating, or poisoned.
 */
static void count_huge(struct vmi_walk *w, pte_t pte, unsigned long nr)
{
	unsigned long pfn;

	if (pte_present(pte)) {
		pfn = pte_pfn(pte);
		if (pte_dirty(pte))
			w->pages->dirty += nr;
		if (pte_young(pte))
			w->pages->young += nr;
	} else if (!pte_none(pte) && softleaf_has_pfn(softleaf_from_pte(pte))) {
		pfn = softleaf_to_pfn(softleaf_from_pte(pte));
	} else {
		vmi_run_break(&w->run);
		return;
	}
	w->pages->hugetlb += nr;
	vmi_run_add(&w->run, vmi_entry_of_pfn(pfn), nr);
}

/*
 * One huge page. The tables above it are counted on the way down; their span
 * ends where the next one begins, so each is met at its first address.
 */
static void walk_huge_page(struct vmi_walk *w, unsigned long addr,
			   unsigned long size)
{
	pgd_t *pgdp = pgd_offset(w->mm, addr);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	if (pgd_none(pgd) || pgd_bad(pgd))
		goto none;
	if (!mm_p4d_folded(w->mm))
		vmi_walk_count_table(w, addr, PGDIR_SIZE);
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || p4d_bad(p4d))
		goto none;
	vmi_walk_count_table(w, addr, P4D_SIZE);
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	if (size == PUD_SIZE) {
		count_huge(w, __pte(pud_val(pud)), size >> PAGE_SHIFT);
		return;
	}
	if (!pud_present(pud) || pud_leaf(pud) || pud_bad(pud))
		goto none;
	vmi_walk_count_table(w, addr, PUD_SIZE);
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, addr));
	count_huge(w, __pte(pmd_val(pmd)), size >> PAGE_SHIFT);
	return;
none:
	vmi_run_break(&w->run);
}

/**
 * vmi_walk_hugetlb() - count the pages of a hugetlb mapping
 * @w: the walk, begun
 * @addr: where to go on
 * @end: end of the mapping
 *
 * Return: the address reached, past @addr: @end, or less when the budget is
 * used up; @addr, and @w->contended is set, if i_mmap_rwsem could not be had.
 */
unsigned long vmi_walk_hugetlb(struct vmi_walk *w, unsigned long addr,
			       unsigned long end)
{
	unsigned long size = huge_page_size(hstate_vma(w->vma));
	struct address_space *shared = NULL;

	if (w->vma->vm_flags & VM_MAYSHARE)
		shared = w->vma->vm_file->f_mapping;
	if (shared && !i_mmap_trylock_read(shared)) {
		w->contended = true;
		return addr;
	}
	do {
		walk_huge_page(w, addr, size);
		w->budget -= VMI_COST_HUGETLB;
		addr += size;
	} while (addr < end && w->budget > 0);
	if (shared)
		i_mmap_unlock_read(shared);
	return min(addr, end);
}

#endif /* CONFIG_HUGETLB_PAGE */
