/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_PAGES_H
#define _VMI_PAGES_H

#include <linux/minmax.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include "compat/entry.h"

/**
 * struct vmi_pages - what the page tables say of a stretch of addresses
 * @rss: pages of memory mapped, as smaps counts Rss: without the zero page, raw
 *	frames of a device and hugetlb, with pages that are just being migrated
 * @anon: pages of @rss that are anonymous memory
 * @file: pages of @rss that belong to a file
 * @shmem: pages of @rss that belong to shared memory or a tmpfs file
 * @swap: pages in swap, as smaps counts Swap
 * @huge: pages of @rss that are mapped by a PMD entry
 * @hugetlb: pages mapped of a hugetlb file, in pages of PAGE_SIZE
 * @dirty: pages whose page-table entry has the dirty bit
 * @young: pages whose page-table entry has the accessed bit
 * @runs: stretches of resident pages adjacent both here and in memory
 * @maxrun: pages of the longest of @runs
 * @tables: page-table pages that serve this stretch only
 * @shared_tables: page-table pages that serve others too, counted in the
 *	first mapping they serve
 *
 * All in pages of PAGE_SIZE.
 */
struct vmi_pages {
	unsigned long rss;
	unsigned long anon;
	unsigned long file;
	unsigned long shmem;
	unsigned long swap;
	unsigned long huge;
	unsigned long hugetlb;
	unsigned long dirty;
	unsigned long young;
	unsigned long runs;
	unsigned long maxrun;
	unsigned long tables;
	unsigned long shared_tables;
};

/**
 * enum vmi_swap - where the swapped pages of a mapping are found
 * @VMI_SWAP_PTES: in its page tables
 * @VMI_SWAP_HOLES: there, and in its shared-memory file where nothing is
 *	mapped: what is mapped privately is a copy
 * @VMI_SWAP_OBJECT: there, and anywhere in the part of the file it maps
 */
enum vmi_swap {
	VMI_SWAP_PTES,
	VMI_SWAP_HOLES,
	VMI_SWAP_OBJECT,
};

/**
 * struct vmi_run - stretches of pages that are neighbours in memory
 * @next: the entry that would continue the current one
 * @length: pages in the current one
 * @longest: pages in the longest of those before
 * @nr: how many, the current one included
 */
struct vmi_run {
	pteval_t next;
	unsigned long length;
	unsigned long longest;
	unsigned long nr;
};

/**
 * struct vmi_walk - a walk of the page tables of one mapping after the other
 * @mm: the address space
 * @vma: the mapping; valid only while mmap_lock is held
 * @pages: where to count
 * @start: first address of the mapping that is counted
 * @floor: end of the mapping before
 * @ceiling: start of the mapping behind, ULONG_MAX if there is none
 * @anon: the mapping can hold anonymous memory only
 * @mixed: it can hold anonymous memory beside pages of its file
 * @shmem: its file is shared memory
 * @swap: where its swapped pages are found
 * @swap_addr: how far its file was searched for them
 * @run: the runs of pages met
 * @pmd_table: PMD table of the last address walked, NULL if not known; valid
 *	only while mmap_lock is held
 * @pmd_base: first address that @pmd_table serves
 * @budget: PTEs, or work worth as many, until mmap_lock has to be let go
 * @contended: somebody else holds a lock that is needed as well
 */
struct vmi_walk {
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	struct vmi_pages *pages;
	unsigned long start;
	unsigned long floor;
	unsigned long ceiling;
	bool anon;
	bool mixed;
	bool shmem;
	enum vmi_swap swap;
	unsigned long swap_addr;
	struct vmi_run run;
	pmd_t *pmd_table;
	unsigned long pmd_base;
	long budget;
	bool contended;
};

/* No entry has all frame bits set: nothing continues this. */
#define VMI_NO_ENTRY (~(pteval_t)0)

/**
 * vmi_run_break() - what comes next does not continue the current run
 * @run: the runs
 */
static __always_inline void vmi_run_break(struct vmi_run *run)
{
	run->next = VMI_NO_ENTRY;
}

/**
 * vmi_run_add() - add pages to the current run, or start one
 * @run: the runs
 * @entry: entry of the first page
 * @nr: pages, contiguous in memory
 */
static __always_inline void vmi_run_add(struct vmi_run *run, pteval_t entry,
					unsigned long nr)
{
	if ((entry ^ run->next) & VMI_ENTRY_FRAME) {
		run->longest = max(run->longest, run->length);
		run->length = 0;
		run->nr++;
	}
	run->length += nr;
	run->next = entry + vmi_entry_of_pfn(nr);
}

/**
 * vmi_walk_count_table() - count a page-table page when it is first met
 * @w: the walk
 * @addr: address at which it was met
 * @span: bytes of address space one such table serves, a power of two
 *
 * A table belongs to the mapping if no other reaches into its span, which is
 * when unmapping would free it (mm/memory.c:free_pgtables()). Otherwise it is
 * counted in the first mapping it serves, the one that none precedes in the
 * span.
 */
static inline void vmi_walk_count_table(struct vmi_walk *w, unsigned long addr,
					unsigned long span)
{
	unsigned long first = addr & ~(span - 1);

	if (addr != max(first, w->start) || first < w->floor)
		return;
	if (first + (span - 1) < w->ceiling)
		w->pages->tables++;
	else
		w->pages->shared_tables++;
}

void vmi_walk_locked(struct vmi_walk *w, struct mm_struct *mm, long budget);
void vmi_walk_vma(struct vmi_walk *w, struct vm_area_struct *vma);
void vmi_walk_begin(struct vmi_walk *w, struct vmi_pages *pages,
		    unsigned long start, unsigned long floor,
		    unsigned long ceiling);
unsigned long vmi_walk_pages(struct vmi_walk *w, unsigned long addr,
			     unsigned long end);
void vmi_walk_end(struct vmi_walk *w);

#endif /* _VMI_PAGES_H */
