/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_GROWING_H
#define _VMI_GROWING_H

#include <linux/types.h>

struct vm_area_struct;

/**
 * struct vmi_growing - a stack that is about to grow
 * @vma: its mapping
 * @addr: the address that was touched
 * @start: first address of the mapping now
 */
struct vmi_growing {
	struct vm_area_struct *vma;
	unsigned long addr;
	unsigned long start;
};

bool vmi_growing_enter(struct vmi_growing *growing, struct vm_area_struct *vma,
		       unsigned long addr);
void vmi_growing_leave(const struct vmi_growing *growing, int err);
unsigned long vmi_growing_gap(void);

#endif /* _VMI_GROWING_H */
