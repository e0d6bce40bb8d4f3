/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_DESCENT_H
#define _VMI_DESCENT_H

#include <linux/mm_types.h>
#include <linux/types.h>

/**
 * struct vmi_descent - a walk of page tables from the top of a stack down
 * @mm: the address space
 * @key: an address that is in the stack
 * @floor: where to stop
 * @addr: everything from here up was looked at
 * @top: end of the stack: the first address behind, or where a guard begins
 * @lowest: the deepest page that holds memory; @top if there is none
 * @guard: pages of guard markers found below the stack
 * @bottom: first address above these
 * @done: there is no more to be looked at
 * @budget: PTEs, or work worth as many, until mmap_lock has to be let go
 */
struct vmi_descent {
	struct mm_struct *mm;
	unsigned long key;
	unsigned long floor;
	unsigned long addr;
	unsigned long top;
	unsigned long lowest;
	unsigned long guard;
	unsigned long bottom;
	bool done;
	long budget;
};

void vmi_descent_begin(struct vmi_descent *d, unsigned long key,
		       unsigned long top);
void vmi_descend(struct vmi_descent *d);

#endif /* _VMI_DESCENT_H */
