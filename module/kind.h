/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_KIND_H
#define _VMI_KIND_H

#include <linux/mm_types.h>

#include "counts.h"

enum vmi_fault vmi_kind_of_fault(struct vm_area_struct *vma,
				 unsigned long addr, unsigned int flags);

#endif /* _VMI_KIND_H */
