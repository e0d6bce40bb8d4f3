// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the pages of shared memory that are in swap.
 *
 * Unlike anonymous memory, shared memory leaves nothing in the page tables when
 * it is swapped out: the entries are in the page cache of its file.
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/shmem_fs.h>
#include <linux/xarray.h>

#include "pages.h"
#include "shmem.h"

/**
 * vmi_shmem_swap() - where the swapped pages of a mapping are found
 * @vma: a mapping of shared memory
 *
 * As fs/proc/task_mmu.c:smap_gather_stats().
 *
 * Return: where.
 */
enum vmi_swap vmi_shmem_swap(const struct vm_area_struct *vma)
{
	if (!READ_ONCE(SHMEM_I(file_inode(vma->vm_file))->swapped))
		return VMI_SWAP_PTES;
	if ((vma->vm_flags & (VM_SHARED | VM_WRITE)) == VM_WRITE)
		return VMI_SWAP_HOLES;
	return VMI_SWAP_OBJECT;
}

/**
 * vmi_shmem_count_swap() - count the pages of a mapping's file in swap
 * @w: the walk, of a mapping of shared memory
 * @addr: where to start
 * @end: where to end
 *
 * Swapped pages are values in the page cache, each for a power of two of pages
 * (mm/shmem.c:shmem_partial_swap_usage()).
 *
 * Locking: mmap_lock keeps the mapping and its file, RCU the nodes of the page
 * cache.
 *
 * Return: the address reached, past @addr: @end, or less when the budget is
 * used up.
 */
unsigned long vmi_shmem_count_swap(struct vmi_walk *w, unsigned long addr,
				   unsigned long end)
{
	struct address_space *mapping = w->vma->vm_file->f_mapping;
	pgoff_t first = linear_page_index(w->vma, addr);
	pgoff_t last = linear_page_index(w->vma, end - 1);
	XA_STATE(xas, &mapping->i_pages, first);
	pgoff_t from, to;
	unsigned long nr;
	void *entry;

	rcu_read_lock();
	xas_for_each(&xas, entry, last) {
		if (xas_retry(&xas, entry))
			continue;
		to = xas.xa_index;
		if (xa_is_value(entry)) {
			nr = 1UL << xas_get_order(&xas);
			from = round_down(to, nr);
			to = from + nr - 1;
			w->pages->swap += min(to, last) - max(from, first) + 1;
		}
		if (to >= last)
			break;
		if (--w->budget <= 0) {
			end = addr + ((to + 1 - first) << PAGE_SHIFT);
			break;
		}
	}
	rcu_read_unlock();
	return end;
}
