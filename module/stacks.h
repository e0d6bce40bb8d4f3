/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_STACKS_H
#define _VMI_STACKS_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include "threads.h"

struct pid;
struct pid_namespace;
struct vmi_holds;

/**
 * enum vmi_stack_kind - what stack a thread has
 * @VMI_STACK_UNKNOWN: it is not known
 * @VMI_STACK_MAIN: the one that execve() made
 * @VMI_STACK_THREAD: any other
 */
enum vmi_stack_kind {
	VMI_STACK_UNKNOWN,
	VMI_STACK_MAIN,
	VMI_STACK_THREAD,
};

/**
 * struct vmi_stack - the stack of a thread
 * @thread: the thread
 * @kind: enum vmi_stack_kind; nothing that follows is set if it is not known
 * @initial: it lies in the mapping that execve() made
 * @depth_known: @depth is set
 * @start: first address
 * @end: first address behind
 * @vm_start: first address of the mapping it lies in
 * @vm_end: first address behind that
 * @limit: what it may become, or VMI_UNLIMITED
 * @guard: what is kept free below it
 * @touched: from the deepest page that holds memory to the top
 * @depth: from the page that the stack pointer is in to the top
 * @headroom: what was never used and still can be
 *
 * All sizes are in pages.
 */
struct vmi_stack {
	struct vmi_thread thread;
	u8 kind;
	bool initial;
	bool depth_known;
	unsigned long start;
	unsigned long end;
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long limit;
	unsigned long guard;
	unsigned long touched;
	unsigned long depth;
	unsigned long headroom;
};

/**
 * struct vmi_stacks - the stacks of a process
 * @nr: how many threads it has
 * @stack: their stacks, in the order of the threads
 * @nr_names: stacks of threads that mappings are named after
 * @name: these, by address
 */
struct vmi_stacks {
	unsigned int nr;
	struct vmi_stack *stack;
	unsigned int nr_names;
	struct vmi_stack **name;
};

int vmi_stacks_gather(struct vmi_stacks *stacks, struct vmi_holds *holds,
		      struct pid *pid, struct pid_namespace *ns,
		      struct mm_struct *mm);
void vmi_stacks_free(struct vmi_stacks *stacks);
unsigned int vmi_stacks_in(const struct vmi_stacks *stacks, unsigned long start,
			   unsigned long end, pid_t *tid);

#endif /* _VMI_STACKS_H */
