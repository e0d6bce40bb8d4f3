/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_GRAFT_H
#define _VMI_GRAFT_H

#include <linux/fs.h>
#include <linux/proc_fs.h>

/**
 * struct vmi_tables - the methods of our inodes
 * @dir_iops: the directory's, with our ->lookup
 * @dir_fops: the directory's, with our ->iterate_shared
 * @file_iops: those of the files in it
 *
 * Inodes have the ->setattr of /proc/<pid>/maps: that of ordinary entries would
 * change the entry, and so the files of all processes in all instances.
 *
 * On the heap, since inodes may keep them for longer than the module lives. The
 * address is also the data of the directory's entry, by which an inode of the
 * directory is recognised.
 */
struct vmi_tables {
	struct inode_operations dir_iops;
	struct file_operations dir_fops;
	struct inode_operations file_iops;
};

/**
 * struct vmi_generic - what procfs itself uses
 * @dir_iops: methods of an ordinary directory
 * @dir_fops: methods of an ordinary directory
 * @file_iops: methods of an ordinary file
 * @pid_iops: methods of a file in /proc/<pid>
 * @self_iops: methods of /proc/self
 */
struct vmi_generic {
	const struct inode_operations *dir_iops;
	const struct file_operations *dir_fops;
	const struct inode_operations *file_iops;
	const struct inode_operations *pid_iops;
	const struct inode_operations *self_iops;
};

/**
 * struct vmi_graft - two methods of our own on an ordinary procfs directory
 * @type: procfs
 * @name: the directory, seen from the root of an instance
 * @file: an ordinary file in it
 * @lookup: for the directory, called with its i_rwsem held
 * @iterate: for the directory, called with its i_rwsem held
 * @entry: the directory's entry
 * @tables: the methods of our inodes
 * @generic: what they are made from
 * @iops: where @entry points to inode operations
 * @fops: where @entry points to file operations
 */
struct vmi_graft {
	struct file_system_type *type;
	const char *name;
	const char *file;
	struct dentry *(*lookup)(struct inode *dir, struct dentry *dentry,
				 unsigned int flags);
	int (*iterate)(struct file *file, struct dir_context *ctx);
	struct proc_dir_entry *entry;
	struct vmi_tables *tables;
	struct vmi_generic generic;
	const void **iops;
	const void **fops;
};

int vmi_graft_init(struct vmi_graft *graft);
int vmi_graft_learn(struct vmi_graft *graft);
void vmi_graft_put(struct vmi_graft *graft);
void vmi_graft_remove(struct vmi_graft *graft);
void vmi_graft_free(struct vmi_graft *graft);

#endif /* _VMI_GRAFT_H */
