// SPDX-License-Identifier: GPL-2.0
/*
 * Walks the page tables of a mapping and counts what they map.
 *
 * Locking: the caller holds mmap_lock for reading. That keeps the mappings in the
 * tree, and every table down to the PMD tables that serves one of them: only
 * free_pgtables() frees those, of mappings that were taken out of the tree with
 * mmap_lock held for writing, and it spares the tables that their neighbours
 * need. It does not keep PTE tables. Since 6.6 khugepaged
 * takes them away from files without it (mm/khugepaged.c:retract_page_tables())
 * and since 6.14 so does MADV_DONTNEED (mm/pt_reclaim.c), but all of these wait
 * for an RCU grace period before they free one. So each stretch is walked under
 * rcu_read_lock(), from loading the PMD entry to the last PTE.
 *
 * No page-table lock is taken: faults of the target go on meanwhile. Each entry is
 * loaded once and the walk goes on from the value, as
 * mm/gup.c:gup_fast_pgd_range() does; what an entry says may be outdated a
 * moment later. The struct page behind one is only read, which can at worst
 * misjudge a page that was unmapped in that moment.
 */
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/shmem_fs.h>

#include "compat/entry.h"
#include "compat/leaf.h"
#include "hugetlb.h"
#include "pages.h"
#include "shmem.h"

/* PTEs, or work worth as many, that one entry of an upper table costs. */
#define VMI_COST_UPPER 1

static inline bool pfn_is_anon(unsigned long pfn)
{
	struct folio *folio = page_folio(pfn_to_page(pfn));

	return (unsigned long)READ_ONCE(folio->mapping) & FOLIO_MAPPING_ANON;
}

/* Entries from @p on that are empty, in whole strides; only a hint. */
static __always_inline unsigned long count_none(const void *p, unsigned long nr)
{
	const pteval_t *e = p;
	unsigned long i;

	for (i = 0; i + VMI_STRIDE <= nr; i += VMI_STRIDE, e += VMI_STRIDE)
		if (!vmi_entries_none(e))
			break;
	return i;
}

/* Nothing is mapped in [addr, end). Returns the address reached. */
static unsigned long walk_hole(struct vmi_walk *w, unsigned long addr,
			       unsigned long end)
{
	vmi_run_break(&w->run);
	if (unlikely(w->swap == VMI_SWAP_HOLES))
		return vmi_shmem_count_swap(w, addr, end);
	return end;
}

static void count_file(struct vmi_walk *w, unsigned long nr)
{
	if (w->shmem)
		w->pages->shmem += nr;
	else
		w->pages->file += nr;
}

static void count_page(struct vmi_walk *w, unsigned long pfn, unsigned long nr)
{
	w->pages->rss += nr;
	if (w->anon || (w->mixed && pfn_is_anon(pfn)))
		w->pages->anon += nr;
	else
		count_file(w, nr);
	vmi_run_add(&w->run, vmi_entry_of_pfn(pfn), nr);
}

static void count_bits(struct vmi_pages *pages, pte_t pte, unsigned long nr)
{
	if (pte_dirty(pte))
		pages->dirty += nr;
	if (pte_young(pte))
		pages->young += nr;
}

/*
 * Count @nr ordinary entries whose bits are those of @bits. In a mixed mapping
 * a writable entry is a copy, hence anonymous; the pages behind the others have
 * been looked at one by one.
 */
static void count_group(struct vmi_walk *w, pteval_t bits, unsigned long nr)
{
	pte_t pte = vmi_entry_pte(bits);

	w->pages->rss += nr;
	count_bits(w->pages, pte, nr);
	if (w->anon)
		w->pages->anon += nr;
	else if (!w->mixed)
		count_file(w, nr);
	else if (pte_write(pte))
		w->pages->anon += nr;
}

/* Whose are @nr pages of one run in a mixed mapping? */
static noinline void judge_pages(struct vmi_walk *w, pteval_t entry,
				 unsigned long nr)
{
	pte_t pte = vmi_entry_pte(entry);
	unsigned long pfn = pte_pfn(pte);
	unsigned long i, anon = 0;

	if (pte_write(pte))
		return;
	for (i = 0; i < nr; i++)
		anon += pfn_is_anon(pfn + i);
	w->pages->anon += anon;
	count_file(w, nr - anon);
	w->budget -= nr;
}

/* Swapped, migrating, a marker, PROT_NONE, the zero page, device memory... */
static void count_odd(struct vmi_walk *w, pteval_t entry)
{
	pte_t pte = vmi_entry_pte(entry);
	softleaf_t leaf;

	if (pte_present(pte) && !pte_special(pte)) {
		count_bits(w->pages, pte, 1);
		count_page(w, pte_pfn(pte), 1);
		return;
	}
	if (!pte_present(pte)) {
		leaf = softleaf_from_pte(pte);
		if (softleaf_has_pfn(leaf)) {
			count_page(w, softleaf_to_pfn(leaf), 1);
			return;
		}
		if (softleaf_is_swap(leaf))
			w->pages->swap++;
	}
	vmi_run_break(&w->run);
}

/* An entry that is not ordinary, or a stretch of empty ones. */
static noinline const pte_t *walk_odd(struct vmi_walk *w, pteval_t entry,
				      const pte_t *ptep, const pte_t *end,
				      unsigned long addr)
{
	const pte_t *next = ptep + 1;
	unsigned long stop;

	if (!vmi_entry_none(entry)) {
		count_odd(w, entry);
		return next;
	}
	next += count_none(next, end - next);
	stop = addr + ((next - ptep) << PAGE_SHIFT);
	while (addr < stop)
		addr = walk_hole(w, addr, stop);
	return next;
}

/*
 * The end of the run that begins at @ptep: as long as each entry is the one
 * before plus a page. Four at a time once there are two, for most runs are
 * either of one page or long.
 */
static __always_inline const pte_t *find_run_end(const pte_t *ptep,
						 const pte_t *end,
						 pteval_t entry)
{
	entry += PAGE_SIZE;
	if (++ptep == end || vmi_entry_load(ptep) != entry)
		return ptep;
	while (end - ptep >= 4 &&
	       vmi_entry_load(ptep) == entry &&
	       vmi_entry_load(ptep + 1) == entry + PAGE_SIZE &&
	       vmi_entry_load(ptep + 2) == entry + 2 * PAGE_SIZE &&
	       vmi_entry_load(ptep + 3) == entry + 3 * PAGE_SIZE) {
		entry += 4 * PAGE_SIZE;
		ptep += 4;
	}
	while (ptep < end && vmi_entry_load(ptep) == entry) {
		entry += PAGE_SIZE;
		ptep++;
	}
	return ptep;
}

/*
 * The loop that all speed depends on. The bits are decoded once for all
 * neighbours that have the same ones; the runs are counted in registers.
 */
static __always_inline void walk_ptes(struct vmi_walk *w, const pte_t *ptep,
				      unsigned long addr, unsigned long nr)
{
	const pte_t *base = ptep, *end = ptep + nr, *next;
	struct vmi_run run = w->run;
	pteval_t bits = VMI_NO_ENTRY;
	unsigned long group = 0;

	for (; ptep < end; ptep = next) {
		pteval_t entry = vmi_entry_load(ptep);

		if (unlikely(!vmi_entry_normal(entry))) {
			w->run = run;
			next = walk_odd(w, entry, ptep, end,
					addr + ((ptep - base) << PAGE_SHIFT));
			run = w->run;
			continue;
		}
		if ((entry & ~VMI_ENTRY_FRAME) != bits) {
			if (group)
				count_group(w, bits, group);
			bits = entry & ~VMI_ENTRY_FRAME;
			group = 0;
		}
		next = find_run_end(ptep, end, entry);
		vmi_run_add(&run, entry, next - ptep);
		group += next - ptep;
		if (unlikely(w->mixed))
			judge_pages(w, entry, next - ptep);
	}
	if (group)
		count_group(w, bits, group);
	w->run = run;
}

/* To begin a run costs several times as much as to go on with it. */
static void walk_pte_table(struct vmi_walk *w, pmd_t pmd, unsigned long addr,
			   unsigned long end)
{
	unsigned long nr = (end - addr) >> PAGE_SHIFT, runs = w->run.nr;

	vmi_walk_count_table(w, addr, PMD_SIZE);
	walk_ptes(w, pte_offset_kernel(&pmd, addr), addr, nr);
	w->budget -= nr + (w->run.nr - runs);
}

/*
 * As mm/memory.c:vm_normal_page_pmd(). Where it is not marked special, the huge
 * zero page is told apart by having no mapping. Anonymous mappings have it, and
 * those of files on persistent memory for their holes; no other page that these
 * map by a PMD entry lacks a mapping there.
 */
static bool is_ordinary_pmd(struct vmi_walk *w, pmd_t pmd, unsigned long pfn)
{
	if (vmi_pmd_is_special(pmd) || (w->vma->vm_flags & VM_PFNMAP))
		return false;
	if ((w->vma->vm_flags & VM_MIXEDMAP) && !pfn_valid(pfn))
		return false;
	return VMI_HUGE_ZERO_IS_SPECIAL ||
	       !(w->anon || vma_is_dax(w->vma)) ||
	       READ_ONCE(page_folio(pfn_to_page(pfn))->mapping);
}

static void walk_huge_pmd(struct vmi_walk *w, pmd_t pmd, unsigned long addr,
			  unsigned long nr)
{
	unsigned long pfn;

	/* The PTE table to split it with (pgtable_trans_huge_deposit()). */
	if (w->anon)
		w->pages->tables++;

	if (pmd_present(pmd)) {
		pfn = pmd_pfn(pmd) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
		if (!is_ordinary_pmd(w, pmd, pfn)) {
			vmi_run_break(&w->run);
			return;
		}
		if (pmd_dirty(pmd))
			w->pages->dirty += nr;
		if (pmd_young(pmd))
			w->pages->young += nr;
	} else if (softleaf_has_pfn(softleaf_from_pmd(pmd))) {
		pfn = softleaf_to_pfn(softleaf_from_pmd(pmd));
	} else {
		vmi_run_break(&w->run);
		return;
	}
	if (w->anon || !is_zone_device_page(pfn_to_page(pfn)))
		w->pages->huge += nr;
	count_page(w, pfn, nr);
}

/*
 * Each of these returns the address reached: @end, or less when the budget is
 * used up, but always past @addr.
 */
static __always_inline unsigned long walk_pmds(struct vmi_walk *w, pmd_t *pmdp,
					       unsigned long addr,
					       unsigned long end)
{
	unsigned long next, reached, skip;

	do {
		pmd_t pmd = READ_ONCE(*pmdp);

		next = pmd_addr_end(addr, end);
		if (pmd_none(pmd)) {
			skip = count_none(pmdp + 1, (end - next) >> PMD_SHIFT);
			next += skip << PMD_SHIFT;
			pmdp += skip;
			w->budget -= VMI_COST_UPPER + skip / VMI_STRIDE;
			reached = walk_hole(w, addr, next);
			if (reached < next)
				return reached;
		} else if (unlikely(!pmd_present(pmd) || pmd_leaf(pmd))) {
			walk_huge_pmd(w, pmd, addr, (next - addr) >> PAGE_SHIFT);
			w->budget -= VMI_STRIDE;
		} else if (likely(!pmd_bad(pmd))) {
			walk_pte_table(w, pmd, addr, next);
		} else {
			vmi_run_break(&w->run);
		}
		addr = next;
		pmdp++;
	} while (addr != end && w->budget > 0);
	return addr;
}

static unsigned long walk_pmd_table(struct vmi_walk *w, pud_t *pudp, pud_t pud,
				    unsigned long addr, unsigned long end)
{
	pmd_t *pmdp = pmd_offset_lockless(pudp, pud, addr);

	vmi_walk_count_table(w, addr, PUD_SIZE);
	w->pmd_table = pmdp - pmd_index(addr);
	w->pmd_base = addr & PUD_MASK;
	return walk_pmds(w, pmdp, addr, end);
}

/* Memory mapped by a PUD entry is a device's, which is not counted. */
static unsigned long walk_puds(struct vmi_walk *w, pud_t *pudp,
			       unsigned long addr, unsigned long end)
{
	unsigned long next, reached;

	do {
		pud_t pud = READ_ONCE(*pudp);

		next = pud_addr_end(addr, end);
		w->budget -= VMI_COST_UPPER;
		if (!pud_present(pud) || pud_leaf(pud) || pud_bad(pud))
			reached = walk_hole(w, addr, next);
		else
			reached = walk_pmd_table(w, pudp, pud, addr, next);
		if (reached < next)
			return reached;
		addr = next;
		pudp++;
	} while (addr != end && w->budget > 0);
	return addr;
}

static unsigned long walk_p4ds(struct vmi_walk *w, p4d_t *p4dp,
			       unsigned long addr, unsigned long end)
{
	unsigned long next, reached;

	do {
		p4d_t p4d = READ_ONCE(*p4dp);

		next = p4d_addr_end(addr, end);
		w->budget -= VMI_COST_UPPER;
		if (p4d_none(p4d) || p4d_bad(p4d)) {
			reached = walk_hole(w, addr, next);
		} else {
			vmi_walk_count_table(w, addr, P4D_SIZE);
			reached = walk_puds(w, pud_offset_lockless(p4dp, p4d, addr),
					    addr, next);
		}
		if (reached < next)
			return reached;
		addr = next;
		p4dp++;
	} while (addr != end && w->budget > 0);
	return addr;
}

static unsigned long walk_pgds(struct vmi_walk *w, unsigned long addr,
			       unsigned long end)
{
	pgd_t *pgdp = pgd_offset(w->mm, addr);
	unsigned long next, reached;

	do {
		pgd_t pgd = READ_ONCE(*pgdp);

		next = pgd_addr_end(addr, end);
		w->budget -= VMI_COST_UPPER;
		if (pgd_none(pgd) || pgd_bad(pgd)) {
			reached = walk_hole(w, addr, next);
		} else {
			if (!mm_p4d_folded(w->mm))
				vmi_walk_count_table(w, addr, PGDIR_SIZE);
			reached = walk_p4ds(w, p4d_offset_lockless(pgdp, pgd, addr),
					    addr, next);
		}
		if (reached < next)
			return reached;
		addr = next;
		pgdp++;
	} while (addr != end && w->budget > 0);
	return addr;
}

/**
 * vmi_walk_locked() - mmap_lock was taken: forget what it did not protect
 * @w: the walk
 * @mm: the address space whose lock it is
 * @budget: PTEs to look at until it is let go
 */
void vmi_walk_locked(struct vmi_walk *w, struct mm_struct *mm, long budget)
{
	mmap_assert_locked(mm);
	w->mm = mm;
	w->pmd_table = NULL;
	w->budget = budget;
	w->contended = false;
}

/**
 * vmi_walk_vma() - say which mapping is walked
 * @w: the walk
 * @vma: the mapping
 *
 * To be called again for the same mapping each time mmap_lock was let go.
 * Whether a page of a private file mapping is a copy is asked only if there can
 * be copies, which is when the mapping has an anon_vma. (From 6.15 on, guard
 * markers gave a shared one an anon_vma, too, for some releases.)
 */
void vmi_walk_vma(struct vmi_walk *w, struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;

	w->vma = vma;
	w->anon = vma_is_anonymous(vma);
	w->mixed = !w->anon && !(vma->vm_flags & VM_SHARED) &&
		   READ_ONCE(vma->anon_vma);
	w->shmem = file && shmem_mapping(file->f_mapping);
	w->swap = w->shmem ? vmi_shmem_swap(vma) : VMI_SWAP_PTES;
}

/**
 * vmi_walk_begin() - start to count
 * @w: the walk
 * @pages: where to count, zeroed
 * @start: first address that will be walked
 * @floor: end of the mapping before, 0 if there is none
 * @ceiling: start of the mapping behind, ULONG_MAX if there is none
 */
void vmi_walk_begin(struct vmi_walk *w, struct vmi_pages *pages,
		    unsigned long start, unsigned long floor,
		    unsigned long ceiling)
{
	w->pages = pages;
	w->start = start;
	w->swap_addr = start;
	w->floor = floor;
	w->ceiling = ceiling;
	w->run = (struct vmi_run){ .next = VMI_NO_ENTRY };
}

/**
 * vmi_walk_pages() - count the pages of the mapping
 * @w: the walk, begun
 * @addr: where to go on
 * @end: end of the mapping
 *
 * Locking: mmap_lock is held for reading.
 *
 * Return: the address reached, past @addr: @end, or less when the budget is
 * used up. It may be @addr if @w->contended: then mmap_lock has to be let go.
 */
unsigned long vmi_walk_pages(struct vmi_walk *w, unsigned long addr,
			     unsigned long end)
{
	unsigned long reached;

	mmap_assert_locked(w->mm);
	if (is_vm_hugetlb_page(w->vma))
		return vmi_walk_hugetlb(w, addr, end);
	if (w->swap == VMI_SWAP_OBJECT) {
		if (w->swap_addr <= addr)
			w->swap_addr = vmi_shmem_count_swap(w, addr, end);
		end = min(end, w->swap_addr);
	}

	rcu_read_lock();
	if (w->pmd_table && end - w->pmd_base <= PUD_SIZE)
		reached = walk_pmds(w, w->pmd_table + pmd_index(addr), addr, end);
	else
		reached = walk_pgds(w, addr, end);
	rcu_read_unlock();
	return reached;
}

/**
 * vmi_walk_end() - the mapping was walked, or as much of it as there is
 * @w: the walk
 */
void vmi_walk_end(struct vmi_walk *w)
{
	w->pages->runs = w->run.nr;
	w->pages->maxrun = max(w->run.longest, w->run.length);
}
