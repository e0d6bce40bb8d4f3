/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_ACCESS_H
#define _VMI_ACCESS_H

#include <linux/fs.h>
#include <linux/types.h>

struct mm_struct;
struct pid;
struct vfsmount;

int vmi_access_init(void);
void vmi_access_exit(void);
struct vfsmount *vmi_access_proc(void);
const struct inode_operations *vmi_access_pid_iops(void);
bool vmi_access_hides(struct super_block *sb);
bool vmi_access_visible(struct super_block *sb, struct pid *pid);
struct mm_struct *vmi_access_mm(struct super_block *sb, struct vfsmount *mnt,
				pid_t nr);

#endif /* _VMI_ACCESS_H */
