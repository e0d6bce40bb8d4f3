// SPDX-License-Identifier: GPL-2.0
/*
 * Replaces two methods of a procfs directory of ours, and puts them back.
 *
 * procfs has one table of methods for all directories that modules create.
 * fs/proc/proc_sysctl.c:proc_sys_init() gives its directory tables of its own;
 * struct proc_dir_entry is private to procfs, so here the two fields are found
 * by what they hold: the addresses of the generic tables, each exactly once.
 * Where that fails, or the tables are not as expected, nothing is replaced.
 *
 * Locking: the replaced methods, ->lookup and ->iterate_shared, are called with
 * i_rwsem of the directory held. Removal puts the generic methods back, into the
 * entry and into the tables, and then takes the i_rwsem of each of its inodes
 * once, after which nobody is in a method of ours any more.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kmemleak.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "access.h"
#include "graft.h"

/* Bytes struct proc_dir_entry may have. */
#define VMI_ENTRY_MIN 128
#define VMI_ENTRY_MAX 1024

/**
 * struct inode_visit - a visit to our inodes in every procfs instance
 * @graft: whose inodes
 * @visit: called for each with a reference held, may sleep; may be NULL
 * @met: how many there were
 */
struct inode_visit {
	const struct vmi_graft *graft;
	void (*visit)(const struct vmi_graft *graft, struct inode *inode);
	unsigned int met;
};

static bool is_dir(const struct vmi_graft *graft, const struct inode *inode)
{
	return READ_ONCE(inode->i_private) == graft->tables;
}

static bool is_ours(const struct vmi_graft *graft, const struct inode *inode)
{
	return is_dir(graft, inode) ||
	       READ_ONCE(inode->i_op) == &graft->tables->file_iops;
}

/*
 * Taking the root's i_rwsem first lets a lookup of the directory that is under
 * way finish: its inode is on the list then.
 */
static void visit_instance(struct super_block *sb, void *arg)
{
	struct inode_visit *v = arg;
	struct inode *inode, *last = NULL;

	inode_lock(d_inode(sb->s_root));
	inode_unlock(d_inode(sb->s_root));
	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		if (!is_ours(v->graft, inode) || !igrab(inode))
			continue;
		spin_unlock(&sb->s_inode_list_lock);
		iput(last);
		last = inode;
		v->met++;
		if (v->visit)
			v->visit(v->graft, inode);
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(last);
}

static unsigned int
visit_inodes(const struct vmi_graft *graft,
	     void (*visit)(const struct vmi_graft *graft, struct inode *inode))
{
	struct inode_visit v = { .graft = graft, .visit = visit };

	iterate_supers_type(graft->type, visit_instance, &v);
	return v.met;
}

/* A directory inode from before the entry's fields were replaced. */
static void adopt(const struct vmi_graft *graft, struct inode *inode)
{
	if (!is_dir(graft, inode))
		return;
	inode_lock(inode);
	inode->i_op = &graft->tables->dir_iops;
	inode->i_fop = &graft->tables->dir_fops;
	inode_unlock(inode);
}

static void drain(const struct vmi_graft *graft, struct inode *inode)
{
	if (!is_dir(graft, inode))
		return;
	inode_lock(inode);
	inode_unlock(inode);
}

static void forget(const struct vmi_graft *graft, struct inode *inode)
{
	struct dentry *dentry = d_find_any_alias(inode);

	if (!dentry)
		return;
	d_invalidate(dentry);
	dput(dentry);
}

static struct inode *find_inode(struct vfsmount *proc, const char *name,
				struct path *path)
{
	int err = vfs_path_lookup(proc->mnt_root, proc, name, LOOKUP_NO_XDEV,
				  path);

	return err ? ERR_PTR(err) : d_inode(path->dentry);
}

/* The directory, as long as nothing is replaced. */
static int learn_dir(struct vmi_graft *graft, struct vfsmount *proc)
{
	struct path path;
	struct inode *inode = find_inode(proc, graft->name, &path);
	int err = 0;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	graft->generic.dir_iops = inode->i_op;
	graft->generic.dir_fops = inode->i_fop;
	if (!is_dir(graft, inode))
		err = -ENODEV;
	path_put(&path);
	return err;
}

static int learn_iops(struct vfsmount *proc, const char *name,
		      const struct inode_operations **iops)
{
	struct path path;
	struct inode *inode = find_inode(proc, name, &path);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	*iops = inode->i_op;
	path_put(&path);
	return 0;
}

/* Ask an instance of procfs that nobody else can reach. */
static int learn_generic(struct vmi_graft *graft)
{
	struct vfsmount *proc = vmi_access_proc();
	int err;

	graft->generic.pid_iops = vmi_access_pid_iops();
	err = learn_dir(graft, proc);
	if (!err)
		err = learn_iops(proc, graft->file, &graft->generic.file_iops);
	if (!err)
		err = learn_iops(proc, "self", &graft->generic.self_iops);
	return err;
}

/*
 * In newer kernels a table can say that its directories never change, and then
 * iterate_dir() does not take i_rwsem, on which removal relies.
 */
static bool is_as_expected(const struct vmi_generic *generic)
{
	const struct inode_operations *iops = generic->dir_iops;
	const struct file_operations *fops = generic->dir_fops;

#ifdef FOP_IMMUTABLE
	if (fops->fop_flags & FOP_IMMUTABLE)
		return false;
#endif
	return iops->lookup && iops->getattr && fops->iterate_shared &&
	       !fops->owner && !fops->open && !fops->release &&
	       generic->pid_iops->setattr && generic->self_iops->get_link;
}

/* The only word of @entry that holds @value, NULL if it isn't one. */
static const void **find_field(struct proc_dir_entry *entry, const void *value)
{
	const void **words = (const void **)entry, **found = NULL;
	size_t size = ksize(entry), i;

	if (size < VMI_ENTRY_MIN || size > VMI_ENTRY_MAX)
		return NULL;
	for (i = 0; i < size / sizeof(*words); i++) {
		if (READ_ONCE(words[i]) != value)
			continue;
		if (found)
			return NULL;
		found = &words[i];
	}
	return found;
}

/**
 * vmi_graft_init() - prepare
 * @graft: whose names and methods are set
 *
 * Return: 0, -ENODEV or -ENOMEM.
 */
int vmi_graft_init(struct vmi_graft *graft)
{
	/* procfs is never a module: there is no reference to give back. */
	graft->type = get_fs_type("proc");
	if (!graft->type)
		return -ENODEV;
	graft->tables = kzalloc(sizeof(*graft->tables), GFP_KERNEL);
	return graft->tables ? 0 : -ENOMEM;
}

/**
 * vmi_graft_learn() - find out whether and where methods can be replaced
 * @graft: whose entry is created, with the tables as its data
 *
 * Return: 0; -ENODEV if this kernel's procfs is not built as expected; another
 * error if it could not be asked.
 */
int vmi_graft_learn(struct vmi_graft *graft)
{
	int err = learn_generic(graft);

	if (err)
		return err;
	if (!is_as_expected(&graft->generic))
		return -ENODEV;
	graft->iops = find_field(graft->entry, graft->generic.dir_iops);
	graft->fops = find_field(graft->entry, graft->generic.dir_fops);
	return graft->iops && graft->fops ? 0 : -ENODEV;
}

/**
 * vmi_graft_put() - replace the methods
 * @graft: that has learnt
 */
void vmi_graft_put(struct vmi_graft *graft)
{
	struct vmi_tables *tables = graft->tables;

	tables->dir_iops = *graft->generic.dir_iops;
	tables->dir_iops.lookup = graft->lookup;
	tables->dir_iops.setattr = graft->generic.pid_iops->setattr;
	tables->dir_fops = *graft->generic.dir_fops;
	tables->dir_fops.iterate_shared = graft->iterate;
	tables->file_iops = *graft->generic.file_iops;
	tables->file_iops.setattr = graft->generic.pid_iops->setattr;
	/* Whoever sees the new addresses sees what they point to. */
	smp_wmb();
	WRITE_ONCE(*graft->iops, &tables->dir_iops);
	WRITE_ONCE(*graft->fops, &tables->dir_fops);
	visit_inodes(graft, adopt);
}

/**
 * vmi_graft_remove() - put the generic methods back
 * @graft: that was put
 *
 * Nobody is in a replaced method any more when this returns.
 */
void vmi_graft_remove(struct vmi_graft *graft)
{
	struct vmi_tables *tables = graft->tables;
	const struct vmi_generic *generic = &graft->generic;

	WRITE_ONCE(*graft->iops, generic->dir_iops);
	WRITE_ONCE(*graft->fops, generic->dir_fops);
	WRITE_ONCE(tables->dir_iops.lookup, generic->dir_iops->lookup);
	WRITE_ONCE(tables->dir_fops.iterate_shared,
		   generic->dir_fops->iterate_shared);
	visit_inodes(graft, drain);
}

/**
 * vmi_graft_free() - undo vmi_graft_init()
 * @graft: whose entry is gone
 *
 * The tables hold nothing of ours any more. As long as someone keeps an inode
 * that uses them (a current directory, an O_PATH descriptor) they have to stay,
 * with nobody to free them: some 800 bytes.
 */
void vmi_graft_free(struct vmi_graft *graft)
{
	unsigned int kept;

	visit_inodes(graft, forget);
	kept = visit_inodes(graft, NULL);
	/* RCU path walks may look at a table through an inode that is gone. */
	synchronize_rcu();
	if (!kept) {
		kfree(graft->tables);
		return;
	}
	pr_info("%u inodes still in use keep %zu bytes\n", kept,
		sizeof(*graft->tables));
	kmemleak_not_leak(graft->tables);
}
