// SPDX-License-Identifier: GPL-2.0
/*
 * May this reader see this process? The kernel is asked, not imitated.
 *
 * What decides about /proc/<pid>/maps is mm_access() with
 * PTRACE_MODE_READ_FSCREDS (fs/proc/base.c:proc_mem_open()), which modules
 * cannot call. But opening /proc/<pid>/auxv asks the very same question, and
 * what it leaves in the file is the address space it was asked about, so there
 * is no moment between the check and the use. On the way there, the mount
 * options of the procfs instance (hidepid, gid) and any security module have
 * had their say.
 *
 * Two flags keep the path from leading elsewhere: LOOKUP_NO_XDEV refuses to
 * enter anything mounted over /proc/<pid> or its auxv, LOOKUP_NO_SYMLINKS
 * refuses links.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "access.h"

/* dentry_open() leaves out the file's own mode: auxv has 0400, maps 0444. */
static struct file *open_auxv(struct super_block *sb, struct vfsmount *mnt,
			      pid_t nr)
{
	char name[sizeof("2147483647/auxv")];
	struct path path;
	struct file *file;
	int err;

	snprintf(name, sizeof(name), "%d/auxv", nr);
	err = vfs_path_lookup(sb->s_root, mnt, name,
			      LOOKUP_NO_XDEV | LOOKUP_NO_SYMLINKS, &path);
	if (err)
		return ERR_PTR(err);
	file = dentry_open(&path, O_RDONLY, current_cred());
	path_put(&path);
	return file;
}

/**
 * vmi_access_mm() - the address space of a process, if the caller may see it
 * @sb: the procfs instance, whose pid namespace @nr belongs to
 * @mnt: the mount it was reached by
 * @nr: number of the process or thread
 *
 * Context: may sleep; in the context of the reader, whose credentials count.
 *
 * Return: the address space with a reference for mmdrop(); -ESRCH if the
 * process has none (a kernel thread, a zombie); otherwise the error of opening
 * maps, or -EXDEV if something is mounted over the way to it.
 */
struct mm_struct *vmi_access_mm(struct super_block *sb, struct vfsmount *mnt,
				pid_t nr)
{
	struct file *file = open_auxv(sb, mnt, nr);
	struct mm_struct *mm;

	if (IS_ERR(file))
		return ERR_CAST(file);
	mm = file->private_data;
	if (mm)
		mmgrab(mm);
	fput(file);
	return mm ?: ERR_PTR(-ESRCH);
}

/**
 * vmi_access_test() - does this kernel answer as expected?
 * @proc: a procfs instance
 * @pid_iops: where to put the inode operations of the files in /proc/<pid>
 *
 * Asks for the caller's own address space, which is known.
 *
 * Return: 0, -ENODEV if the answer is another, or the error of the question.
 */
int vmi_access_test(struct vfsmount *proc,
		    const struct inode_operations **pid_iops)
{
	struct super_block *sb = proc->mnt_sb;
	struct file *file;
	int err = 0;

	file = open_auxv(sb, proc, task_tgid_nr_ns(current, proc_pid_ns(sb)));
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!current->mm || file->private_data != current->mm)
		err = -ENODEV;
	*pid_iops = file_inode(file)->i_op;
	fput(file);
	return err;
}
