// SPDX-License-Identifier: GPL-2.0
/*
 * Walks page tables from the top of a stack down: how deep was it ever used, and
 * where does its guard begin?
 *
 * Locking: as in pages.c: mmap_lock held for reading keeps the upper tables, RCU
 * the PTE tables, and entries are loaded once, without the page-table lock.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>

#include "compat/entry.h"
#include "compat/leaf.h"
#include "descent.h"

/**
 * vmi_descent_begin() - begin to walk
 * @d: the walk
 * @key: an address in the stack
 * @top: end of the stack, or of the mapping it lies in
 */
void vmi_descent_begin(struct vmi_descent *d, unsigned long key,
		       unsigned long top)
{
	*d = (struct vmi_descent){
		.key = key,
		.addr = top,
		.top = top,
		.lowest = top,
		.bottom = top,
	};
}

static bool is_guard(pteval_t entry)
{
	pte_t pte = vmi_entry_pte(entry);

	return !pte_none(pte) && !pte_present(pte) &&
	       vmi_leaf_is_guard(softleaf_from_pte(pte));
}

/* Does the entry hold memory, wherever it is? */
static bool is_used(pteval_t entry)
{
	pte_t pte = vmi_entry_pte(entry);
	softleaf_t leaf;

	if (pte_present(pte))
		return true;
	if (pte_none(pte))
		return false;
	leaf = softleaf_from_pte(pte);
	return softleaf_is_swap(leaf) || softleaf_has_pfn(leaf);
}

/* A marker above the key is the guard of the next stack. */
static void meet_guard(struct vmi_descent *d, unsigned long addr)
{
	if (addr > d->key) {
		d->top = addr;
		d->lowest = addr;
		d->bottom = addr;
		return;
	}
	if (!d->guard)
		d->bottom = addr + PAGE_SIZE;
	d->guard++;
}

/* One entry, not a guard marker. What is below the guard is not the stack's. */
static void meet_entry(struct vmi_descent *d, pteval_t entry, unsigned long addr)
{
	if (d->guard)
		d->done = true;
	else if (is_used(entry))
		d->lowest = addr;
}

/* From @d->addr down to @first, both served by one table. */
static void descend_ptes(struct vmi_descent *d, pmd_t pmd, unsigned long first)
{
	const pte_t *base = pte_offset_kernel(&pmd, first);
	unsigned long nr = (d->addr - first) >> PAGE_SHIFT;
	pteval_t entry;

	while (nr && !d->done) {
		if (!d->guard && nr >= VMI_STRIDE &&
		    vmi_entries_none(base + nr - VMI_STRIDE)) {
			nr -= VMI_STRIDE;
			d->budget--;
			continue;
		}
		entry = vmi_entry_load(base + --nr);
		d->budget--;
		if (is_guard(entry))
			meet_guard(d, first + (nr << PAGE_SHIFT));
		else
			meet_entry(d, entry, first + (nr << PAGE_SHIFT));
	}
	d->addr = first + (nr << PAGE_SHIFT);
}

/*
 * The entry that serves @addr, as far down as there is one, and the first address
 * it serves. None if there is no table, or an entry of an upper level is in its
 * place, which stacks don't have.
 */
static pmd_t load_pmd(struct mm_struct *mm, unsigned long addr,
		      unsigned long *first)
{
	pgd_t *pgdp = pgd_offset(mm, addr);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;

	*first = addr & PGDIR_MASK;
	if (pgd_none(pgd) || pgd_bad(pgd))
		return __pmd(0);
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	*first = addr & P4D_MASK;
	if (p4d_none(p4d) || p4d_bad(p4d))
		return __pmd(0);
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	*first = addr & PUD_MASK;
	if (!pud_present(pud) || pud_leaf(pud) || pud_bad(pud))
		return __pmd(0);
	*first = addr & PMD_MASK;
	return READ_ONCE(*pmd_offset_lockless(pudp, pud, addr));
}

static void descend_pmd(struct vmi_descent *d)
{
	unsigned long first;
	pmd_t pmd = load_pmd(d->mm, d->addr - 1, &first);

	first = max(first, d->floor);
	d->budget -= VMI_STRIDE;
	if (pmd_present(pmd) && !pmd_leaf(pmd) && !pmd_bad(pmd)) {
		descend_ptes(d, pmd, first);
		return;
	}
	if (d->guard)
		d->done = true;
	else if (!pmd_none(pmd))
		d->lowest = first;
	d->addr = first;
}

/**
 * vmi_descend() - walk as far as the budget allows
 * @d: the walk; mm, floor and budget are set
 *
 * Locking: mmap_lock is held.
 */
void vmi_descend(struct vmi_descent *d)
{
	mmap_assert_locked(d->mm);
	rcu_read_lock();
	while (!d->done && d->addr > d->floor && d->budget > 0)
		descend_pmd(d);
	rcu_read_unlock();
	if (d->addr <= d->floor)
		d->done = true;
}
