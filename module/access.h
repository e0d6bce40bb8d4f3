/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_ACCESS_H
#define _VMI_ACCESS_H

#include <linux/fs.h>
#include <linux/types.h>

struct mm_struct;
struct vfsmount;

struct mm_struct *vmi_access_mm(struct super_block *sb, struct vfsmount *mnt,
				pid_t nr);
int vmi_access_test(struct vfsmount *proc,
		    const struct inode_operations **pid_iops);

#endif /* _VMI_ACCESS_H */
