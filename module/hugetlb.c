// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the pages of a hugetlb mapping.
 *
 * Locking: mmap_lock is held for reading, and i_mmap_rwsem of the file for
 * reading as long as entries are looked at: processes that map the same file
 * may share its PMD tables, and huge_pmd_unshare() gives one back under
 * i_mmap_rwsem held for writing, whoever holds mmap_lock (mm/hugetlb.c).
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

static void add_run(struct vmi_walk *w, unsigned long pfn, unsigned long nr)
{
	vmi_run_add(&w->run, vmi_entry_of_pfn(pfn), nr);
}

/* Present, migrating or poisoned: what smaps counts as mapped. */
static void count_pud(struct vmi_walk *w, pud_t pud)
{
	unsigned long nr = PUD_SIZE >> PAGE_SHIFT;

	if (!pud_present(pud) && !vmi_pte_has_pfn(__pte(pud_val(pud)))) {
		vmi_run_break(&w->run);
		return;
	}
	w->pages->hugetlb += nr;
	if (!pud_present(pud)) {
		add_run(w, vmi_pte_nonpresent_pfn(__pte(pud_val(pud))), nr);
		return;
	}
	add_run(w, pud_pfn(pud), nr);
	if (pud_dirty(pud))
		w->pages->dirty += nr;
	if (pud_young(pud))
		w->pages->young += nr;
}

static void count_pmd(struct vmi_walk *w, pmd_t pmd)
{
	unsigned long nr = PMD_SIZE >> PAGE_SHIFT;

	if (!pmd_present(pmd) && !vmi_pte_has_pfn(__pte(pmd_val(pmd)))) {
		vmi_run_break(&w->run);
		return;
	}
	w->pages->hugetlb += nr;
	if (!pmd_present(pmd)) {
		add_run(w, vmi_pte_nonpresent_pfn(__pte(pmd_val(pmd))), nr);
		return;
	}
	add_run(w, pmd_pfn(pmd), nr);
	if (pmd_dirty(pmd))
		w->pages->dirty += nr;
	if (pmd_young(pmd))
		w->pages->young += nr;
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
	if (pud_none(pud))
		goto none;
	if (size == PUD_SIZE) {
		count_pud(w, pud);
		return;
	}
	if (!pud_present(pud) || pud_leaf(pud) || pud_bad(pud))
		goto none;
	vmi_walk_count_table(w, addr, PUD_SIZE);
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, addr));
	if (pmd_none(pmd))
		goto none;
	count_pmd(w, pmd);
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
 * used up.
 */
unsigned long vmi_walk_hugetlb(struct vmi_walk *w, unsigned long addr,
			       unsigned long end)
{
	unsigned long size = huge_page_size(hstate_vma(w->vma));
	struct address_space *mapping = w->vma->vm_file->f_mapping;

	i_mmap_lock_read(mapping);
	do {
		walk_huge_page(w, addr, size);
		w->budget -= VMI_COST_HUGETLB;
		addr += size;
	} while (addr < end && w->budget > 0);
	i_mmap_unlock_read(mapping);
	return min(addr, end);
}

#endif /* CONFIG_HUGETLB_PAGE */
