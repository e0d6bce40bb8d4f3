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
 *
 * Whether an instance that hides processes (hidepid=2 and more) may show that
 * one exists is ptrace_may_access(), which is out of reach as well. A private
 * instance of procfs, mounted with hidepid=ptraceable, answers just that when
 * /proc/<pid> is looked up in it. The reader's own instance must not be asked:
 * its root would be locked with our directory's lock held, while rename(2) from
 * the root into the directory locks them the other way round.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "access.h"

static struct vfsmount *private_proc;
static const struct inode_operations *pid_iops;

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

/* A directory of the private instance, by its number there. */
static bool may_trace(struct pid *pid)
{
	struct super_block *sb = private_proc->mnt_sb;
	struct dentry *dentry;
	char name[12];
	bool may;
	int len;

	len = snprintf(name, sizeof(name), "%d",
		       pid_nr_ns(pid, proc_pid_ns(sb)));
	dentry = vmi_lookup_child(sb->s_root, name, len);
	if (IS_ERR(dentry))
		return false;
	may = !vmi_inode_permission(d_inode(dentry), MAY_EXEC);
	dput(dentry);
	return may;
}

/**
 * vmi_access_hides() - does an instance hide processes from some readers?
 * @sb: the procfs instance
 *
 * Return: whether it does, that is, hidepid=2 or more.
 */
bool vmi_access_hides(struct super_block *sb)
{
	return proc_sb_info(sb)->hide_pid >= HIDEPID_INVISIBLE;
}

/**
 * vmi_access_visible() - may the caller know that a process exists?
 * @sb: the procfs instance that is asked
 * @pid: the process
 *
 * As fs/proc/base.c:has_pid_permissions() decides for a lookup or a listing.
 *
 * Locking: may be called with i_rwsem of our directory held. That of the private
 * instance's root comes behind it and is of a class of its own.
 *
 * Return: whether it may.
 */
bool vmi_access_visible(struct super_block *sb, struct pid *pid)
{
	const struct proc_fs_info *info = proc_sb_info(sb);

	if (!vmi_access_hides(sb))
		return true;
	if (info->hide_pid == HIDEPID_INVISIBLE && in_group_p(info->pid_gid))
		return true;
	return may_trace(pid);
}

/*
 * In a worker, which is in the initial pid namespace whoever loads the module:
 * an instance numbers the processes of its mounter's.
 */
static void mount_private(struct work_struct *work)
{
	char options[] = "hidepid=ptraceable";

	private_proc = vfs_kern_mount(get_fs_type("proc"), SB_KERNMOUNT, "proc",
				      options);
	/* procfs itself does not use this class. */
	if (!IS_ERR(private_proc))
		lockdep_set_class(&d_inode(private_proc->mnt_root)->i_rwsem,
				  &private_proc->mnt_sb->s_type->i_mutex_dir_key);
}

/* Ask for the caller's own address space, which is known. */
static int test_auxv(void)
{
	struct super_block *sb = private_proc->mnt_sb;
	struct file *file;
	int err = 0;

	file = open_auxv(sb, private_proc,
			 task_tgid_nr_ns(current, proc_pid_ns(sb)));
	/* The caller is there: that is procfs's word for want of memory. */
	if (file == ERR_PTR(-ENOENT))
		return -ENOMEM;
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!current->mm || file->private_data != current->mm)
		err = -ENODEV;
	pid_iops = file_inode(file)->i_op;
	fput(file);
	return err;
}

/**
 * vmi_access_init() - prepare to ask, and see whether the answer is right
 *
 * Context: of a process, whose own address space is asked for.
 *
 * Return: 0; -ENODEV if this kernel answers otherwise than expected; or the
 * error of the question.
 */
int vmi_access_init(void)
{
	struct work_struct work;
	int err;

	INIT_WORK_ONSTACK(&work, mount_private);
	schedule_work(&work);
	flush_work(&work);
	destroy_work_on_stack(&work);
	if (IS_ERR(private_proc))
		return PTR_ERR(private_proc);

	err = test_auxv();
	if (err)
		mntput(private_proc);
	return err;
}

/**
 * vmi_access_exit() - undo vmi_access_init()
 */
void vmi_access_exit(void)
{
	mntput(private_proc);
}

/**
 * vmi_access_proc() - an instance of procfs that nobody else can reach
 *
 * Return: it.
 */
struct vfsmount *vmi_access_proc(void)
{
	return private_proc;
}

/**
 * vmi_access_pid_iops() - the methods of a file in /proc/<pid>
 *
 * Return: the kernel's own table.
 */
const struct inode_operations *vmi_access_pid_iops(void)
{
	return pid_iops;
}
