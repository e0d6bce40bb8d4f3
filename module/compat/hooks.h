/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the kernel that the probes sit on, by kernel: their names where
 * they differ, and where their arguments are found.
 *
 * None of these is an interface; selftests/faults_*.c would tell if one changed.
 */
#ifndef _VMI_COMPAT_HOOKS_H
#define _VMI_COMPAT_HOOKS_H

#include <linux/ftrace.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/version.h>

/* 6.2 gave this a name. Of the registers the arguments are always there. */
#ifndef ftrace_regs_get_argument
#define ftrace_regs_get_argument(fregs, n) \
	regs_get_kernel_argument(&(fregs)->regs, n)
#endif

#define vmi_hook_arg(fregs, n) ((void *)ftrace_regs_get_argument(fregs, n))

/**
 * struct vmi_hook_range - addresses a hook is about
 * @mm: address space, NULL if there is nothing to do
 * @start: first address
 * @end: first address behind
 * @to: where they move to, if they do
 */
struct vmi_hook_range {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	unsigned long to;
};

/*
 * Where mappings that were taken out of the address space are got rid of:
 * unmap_vmas(tlb, tree or state, vma, start, end, ...), mm/memory.c, once for all
 * that go together. exit_mmap() calls that too, with an @end past all addresses.
 * 7.0 had it take a struct of all that instead, known to mm/ only.
 */
#define VMI_HOOK_UNMAPPED "unmap_vmas"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
struct unmap_desc {
	struct ma_state *mas;
	struct vm_area_struct *first;
	unsigned long pg_start;
	unsigned long pg_end;
	unsigned long vma_start;
	unsigned long vma_end;
	unsigned long tree_end;
	unsigned long tree_reset;
	bool mm_wr_locked;
};

static inline struct vmi_hook_range vmi_hook_unmapped(struct ftrace_regs *fregs)
{
	const struct unmap_desc *unmap = vmi_hook_arg(fregs, 1);

	return (struct vmi_hook_range){
		.mm = unmap->first ? unmap->first->vm_mm : NULL,
		.start = unmap->vma_start,
		.end = min(unmap->vma_end, TASK_SIZE_MAX),
	};
}
#else
static inline struct vmi_hook_range vmi_hook_unmapped(struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = vmi_hook_arg(fregs, 2);
	unsigned long end = ftrace_regs_get_argument(fregs, 4);

	return (struct vmi_hook_range){
		.mm = vma ? vma->vm_mm : NULL,
		.start = ftrace_regs_get_argument(fregs, 3),
		.end = min(end, TASK_SIZE_MAX),
	};
}
#endif

/*
 * Where page tables are moved: by mremap(), and by execve() for the stack.
 * move_page_tables(vma, old_addr, new_vma, new_addr, len, ...) took a struct of
 * all that instead in 6.16, known to mm/ only.
 */
#define VMI_HOOK_MOVED "move_page_tables"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
struct pagetable_move_control {
	struct vm_area_struct *old;
	struct vm_area_struct *new;
	unsigned long old_addr;
	unsigned long old_end;
	unsigned long new_addr;
	unsigned long len_in;
	bool need_rmap_locks;
	bool for_stack;
};

static inline struct vmi_hook_range vmi_hook_moved(struct ftrace_regs *fregs)
{
	const struct pagetable_move_control *pmc = vmi_hook_arg(fregs, 0);

	return (struct vmi_hook_range){
		.mm = pmc->old->vm_mm,
		.start = pmc->old_addr,
		.end = pmc->old_addr + pmc->len_in,
		.to = pmc->new_addr,
	};
}
#else
static inline struct vmi_hook_range vmi_hook_moved(struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = vmi_hook_arg(fregs, 0);
	unsigned long start = ftrace_regs_get_argument(fregs, 1);

	return (struct vmi_hook_range){
		.mm = vma->vm_mm,
		.start = start,
		.end = start + ftrace_regs_get_argument(fregs, 4),
		.to = ftrace_regs_get_argument(fregs, 3),
	};
}
#endif

#endif /* _VMI_COMPAT_HOOKS_H */
