// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the figures an address space keeps of itself.
 *
 * Locking: mmap_lock held for reading keeps the mappings; the sizes change with
 * it held for writing, but a munmap() may still be taking its pages off them
 * after it has let others read. arg_lock keeps the layout, which
 * prctl(PR_SET_MM_MAP) changes under it alone (kernel/sys.c:prctl_set_mm_map()).
 * The page counters are per-CPU or atomic.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/spinlock.h>

#include "mm.h"

/* The levels in use, without those that are folded into the one above. */
static unsigned int pgtable_levels(struct mm_struct *mm)
{
	return 2 + !mm_pmd_folded(mm) + !mm_pud_folded(mm) + !mm_p4d_folded(mm);
}

static void gather_layout(struct vmi_mm *to, struct mm_struct *mm)
{
	lockdep_assert_held(&mm->arg_lock);
	to->start_code = mm->start_code;
	to->end_code = mm->end_code;
	to->start_data = mm->start_data;
	to->end_data = mm->end_data;
	to->start_brk = mm->start_brk;
	to->brk = mm->brk;
	to->start_stack = mm->start_stack;
	to->arg_start = mm->arg_start;
	to->arg_end = mm->arg_end;
	to->env_start = mm->env_start;
	to->env_end = mm->env_end;
}

static void gather_sizes(struct vmi_mm *to, struct mm_struct *mm)
{
	mmap_assert_locked(mm);
	to->total_vm = READ_ONCE(mm->total_vm);
	to->locked_vm = READ_ONCE(mm->locked_vm);
	to->pinned_vm = atomic64_read(&mm->pinned_vm);
	to->data_vm = READ_ONCE(mm->data_vm);
	to->exec_vm = READ_ONCE(mm->exec_vm);
	to->stack_vm = READ_ONCE(mm->stack_vm);
	to->mmap_base = mm->mmap_base;
	to->task_size = mm->task_size;
	to->map_count = READ_ONCE(mm->map_count);
	to->pgtable_levels = pgtable_levels(mm);
	to->pgtables_bytes = mm_pgtables_bytes(mm);
}

/* As fs/proc/task_mmu.c:task_mem(): the highest never falls behind. */
static void gather_counters(struct vmi_mm *to, struct mm_struct *mm)
{
	to->anon = vmi_mm_counter(mm, MM_ANONPAGES);
	to->file = vmi_mm_counter(mm, MM_FILEPAGES);
	to->shmem = vmi_mm_counter(mm, MM_SHMEMPAGES);
	to->swap = vmi_mm_counter(mm, MM_SWAPENTS);
	to->hiwater_rss = max(READ_ONCE(mm->hiwater_rss),
			      to->anon + to->file + to->shmem);
	to->hiwater_vm = max(READ_ONCE(mm->hiwater_vm), to->total_vm);
}

/**
 * vmi_mm_gather() - read the figures an address space keeps of itself
 * @to: where to put them
 * @holds: where to account for the lock held
 * @mm: the address space, whose mm_users the caller holds
 *
 * Return: 0, or -EINTR when the reader is being killed.
 */
int vmi_mm_gather(struct vmi_mm *to, struct vmi_holds *holds,
		  struct mm_struct *mm)
{
	int err = vmi_hold(holds, mm);

	if (err)
		return err;
	gather_sizes(to, mm);
	spin_lock(&mm->arg_lock);
	gather_layout(to, mm);
	spin_unlock(&mm->arg_lock);
	vmi_unhold(holds, mm);
	gather_counters(to, mm);
	return 0;
}
