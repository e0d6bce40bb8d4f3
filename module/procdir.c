// SPDX-License-Identifier: GPL-2.0
/*
 * The directory /proc/vminspect: a file for every process, in every instance of
 * procfs, at no cost to anyone who does not look.
 *
 * procfs lets a module create directories and files, but not a directory whose
 * files come and go with the processes. So two methods of an ordinary directory
 * are replaced (graft.c): ->lookup, to find a process by its number, and
 * ->iterate_shared, to list them.
 *
 * The file of a process is a real procfs inode, made by the generic ->lookup
 * from a hidden entry, the template. Opening it and keeping it open are
 * therefore safe against the module's removal by procfs's own means
 * (fs/proc/inode.c:use_pde()), and rmmod is never refused.
 *
 * Locking: i_rwsem of the directory is held in ->lookup and ->iterate_shared.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "access.h"
#include "graft.h"
#include "process.h"
#include "procdir.h"
#include "report.h"
#include "status.h"
#include "uapi/vminspect.h"

/* Hidden entries that the files of processes and "self" are made from. */
#define VMI_FILE_TEMPLATE "-"
#define VMI_LINK_TEMPLATE "+"

#define VMI_SELF "self"
#define VMI_STATUS "status"

/* Inode numbers below procfs's own (fs/proc/generic.c:PROC_DYNAMIC_FIRST). */
#define VMI_INO(nr) (0xe0000000UL + (nr))
#define VMI_INO_SELF VMI_INO(0)
#define VMI_INO_STATUS (VMI_INO_SELF - 1)

/* Positions in the directory; a process's is VMI_POS_PIDS plus its number. */
#define VMI_POS_SELF 2
#define VMI_POS_STATUS 3
#define VMI_POS_PIDS 4

static struct vmi_graft graft = {
	.name = VMINSPECT_DIR,
	.file = VMINSPECT_DIR "/" VMI_FILE_TEMPLATE,
};

/* As fs/proc/util.c:name_to_int(): no sign, no leading zero. 0 if it is none. */
static pid_t name_to_nr(const struct qstr *name)
{
	pid_t nr = 0;
	unsigned int i;

	if (!name->len || name->len > 9 || name->name[0] == '0')
		return 0;
	for (i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return 0;
		nr = 10 * nr + (name->name[i] - '0');
	}
	return nr;
}

static bool is_name(const struct qstr *name, const char *what)
{
	return name->len == strlen(what) && !memcmp(name->name, what, name->len);
}

/* Is there a process or thread of that number which the caller may know of? */
static bool exists(struct super_block *sb, pid_t nr)
{
	struct pid *pid;
	bool there;

	rcu_read_lock();
	pid = get_pid(find_pid_ns(nr, proc_pid_ns(sb)));
	rcu_read_unlock();
	there = pid && pid_has_task(pid, PIDTYPE_PID) &&
		vmi_access_visible(sb, pid);
	put_pid(pid);
	return there;
}

/*
 * A fresh inode of an entry, made by procfs under that entry's name. For this it
 * enters the dentry cache, but under a hash of 0, where no path walk looks.
 */
static struct inode *template_inode(struct inode *dir, struct dentry *parent,
				    const char *name)
{
	struct qstr template = QSTR_INIT(name, strlen(name));
	struct dentry *dentry, *found;
	struct inode *inode;

	dentry = d_alloc(parent, &template);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	found = graft.generic.dir_iops->lookup(dir, dentry, 0);
	if (IS_ERR(found)) {
		dput(dentry);
		return ERR_CAST(found);
	}
	inode = igrab(d_inode(dentry));
	d_drop(dentry);
	dput(dentry);
	return inode;
}

/* A name that stands for an entry, with methods and a number of our own. */
static struct dentry *lookup_entry(struct inode *dir, struct dentry *dentry,
				   const char *name,
				   const struct inode_operations *iops,
				   unsigned long ino)
{
	struct inode *inode = template_inode(dir, dentry->d_parent, name);

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_op = iops;
	inode->i_ino = ino;
	return d_splice_alias(inode, dentry);
}

/*
 * The file goes from the dentry cache with its last user, as the process may.
 * Where processes are hidden it does not even enter: whoever looks next must be
 * asked again.
 */
static struct dentry *lookup_pid(struct inode *dir, struct dentry *dentry,
				 pid_t nr)
{
	struct super_block *sb = dir->i_sb;
	struct inode *inode;
	struct dentry *found;

	if (!exists(sb, nr))
		return ERR_PTR(-ENOENT);
	inode = template_inode(dir, dentry->d_parent, VMI_FILE_TEMPLATE);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	/* Who may write, like who may read, is decided when he does. */
	inode->i_mode |= 0222;
	inode->i_private = (void *)(long)nr;
	inode->i_op = &graft.tables->file_iops;
	inode->i_ino = VMI_INO(nr);
	if (vmi_access_hides(sb)) {
		d_lookup_done(dentry);
		d_instantiate(dentry, inode);
		return NULL;
	}
	ihold(inode);
	found = d_splice_alias(inode, dentry);
	d_mark_dontcache(inode);
	iput(inode);
	return found;
}

static struct dentry *vmi_lookup(struct inode *dir, struct dentry *dentry,
				 unsigned int flags)
{
	const struct qstr *name = &dentry->d_name;
	pid_t nr = name_to_nr(name);

	if (nr)
		return lookup_pid(dir, dentry, nr);
	if (is_name(name, VMI_SELF))
		return lookup_entry(dir, dentry, VMI_LINK_TEMPLATE,
				    graft.generic.self_iops, VMI_INO_SELF);
	if (is_name(name, VMI_STATUS))
		return lookup_entry(dir, dentry, VMI_STATUS,
				    &graft.tables->file_iops, VMI_INO_STATUS);
	return ERR_PTR(-ENOENT);
}

/* List one process, if the caller may know of it. False if there is no room. */
static bool list_process(struct super_block *sb, struct dir_context *ctx,
			 struct pid *pid)
{
	pid_t nr = pid_nr_ns(pid, proc_pid_ns(sb));
	char name[12];
	int len;

	ctx->pos = VMI_POS_PIDS + nr;
	if (!vmi_access_visible(sb, pid))
		return true;
	len = snprintf(name, sizeof(name), "%d", nr);
	return dir_emit(ctx, name, len, VMI_INO(nr), DT_REG);
}

static bool list_others(struct dir_context *ctx)
{
	if (ctx->pos == VMI_POS_SELF) {
		if (!dir_emit(ctx, VMI_SELF, strlen(VMI_SELF), VMI_INO_SELF,
			      DT_LNK))
			return false;
		ctx->pos++;
	}
	if (ctx->pos == VMI_POS_STATUS) {
		if (!dir_emit(ctx, VMI_STATUS, strlen(VMI_STATUS),
			      VMI_INO_STATUS, DT_REG))
			return false;
		ctx->pos++;
	}
	return true;
}

static int vmi_readdir(struct file *file, struct dir_context *ctx)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct pid *pid;
	bool room;

	if (!dir_emit_dots(file, ctx) || !list_others(ctx))
		return 0;
	while ((pid = vmi_process_next(proc_pid_ns(sb), ctx->pos - VMI_POS_PIDS))) {
		room = list_process(sb, ctx, pid);
		put_pid(pid);
		if (!room)
			return 0;
		ctx->pos++;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int create_entries(void)
{
	struct proc_dir_entry *dir;

	dir = proc_mkdir_data(VMINSPECT_DIR, 0555, NULL, graft.tables);
	if (!dir)
		return -ENOMEM;
	if (!proc_create(VMI_FILE_TEMPLATE, 0444, dir, &vmi_report_ops) ||
	    !proc_symlink(VMI_LINK_TEMPLATE, dir, VMI_SELF) ||
	    !proc_create_single(VMI_STATUS, 0444, dir, vmi_status_show)) {
		proc_remove(dir);
		return -ENOMEM;
	}
	graft.entry = dir;
	return 0;
}

/**
 * vmi_procdir_create() - create /proc/vminspect
 *
 * Return: 0; -ENODEV if this kernel's procfs is not built as expected; another
 * error if it could not be created.
 */
int vmi_procdir_create(void)
{
	int err;

	graft.lookup = vmi_lookup;
	graft.iterate = vmi_readdir;
	err = vmi_graft_init(&graft);
	if (err)
		return err;
	err = create_entries();
	if (err)
		goto free_graft;
	err = vmi_graft_learn(&graft);
	if (err)
		goto remove_entries;
	vmi_graft_put(&graft);
	return 0;

remove_entries:
	proc_remove(graft.entry);
free_graft:
	vmi_graft_free(&graft);
	return err;
}

/**
 * vmi_procdir_remove() - remove /proc/vminspect
 *
 * Waits for everyone in a method of ours. Files still open are closed behind
 * their owners' backs by proc_remove(), and read as EIO from then on.
 */
void vmi_procdir_remove(void)
{
	vmi_graft_remove(&graft);
	proc_remove(graft.entry);
	vmi_graft_free(&graft);
}
