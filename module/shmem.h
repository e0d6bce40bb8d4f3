/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_SHMEM_H
#define _VMI_SHMEM_H

#include "pages.h"

enum vmi_swap vmi_shmem_swap(const struct vm_area_struct *vma);
unsigned long vmi_shmem_count_swap(struct vmi_walk *w, unsigned long addr,
				   unsigned long end);

#endif /* _VMI_SHMEM_H */
