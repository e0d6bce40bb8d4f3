/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_HUGETLB_H
#define _VMI_HUGETLB_H

#include "pages.h"

#ifdef CONFIG_HUGETLB_PAGE
unsigned long vmi_walk_hugetlb(struct vmi_walk *w, unsigned long addr,
			       unsigned long end);
#else
static inline unsigned long vmi_walk_hugetlb(struct vmi_walk *w,
					     unsigned long addr,
					     unsigned long end)
{
	return end;
}
#endif

#endif /* _VMI_HUGETLB_H */
