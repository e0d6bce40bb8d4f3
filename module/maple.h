/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_MAPLE_H
#define _VMI_MAPLE_H

#include "space.h"

/**
 * struct vmi_maple - the shape of the tree that holds the mappings
 * @height: levels of nodes, 0 if the tree is empty
 * @nodes: nodes in all
 * @leaves: nodes that hold mappings
 */
struct vmi_maple {
	unsigned int height;
	unsigned long nodes;
	unsigned long leaves;
};

int vmi_maple_gather(struct vmi_maple *maple, struct vmi_holds *holds,
		     struct mm_struct *mm);

#endif /* _VMI_MAPLE_H */
