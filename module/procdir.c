// SPDX-License-Identifier: GPL-2.0
/*
 * The directory /proc/vminspect: a file for every process, in every instance of
 * procfs, at no cost to anyone who does not look.
 *
 * procfs lets a module create directories and files, but not a directory whose
 * files come and go with the processes. So the directory is an ordinary procfs
 * entry of which two methods are replaced: ->lookup, to find a process by its
 * number, and ->iterate_shared, to list them. fs/proc/proc_sysctl.c does the
 * same to /proc/sys. For a module this means:
 *
 * - The replaced tables are copies on the heap, since inodes may keep them for
 *   longer than the module lives.
 * - struct proc_dir_entry is private to procfs. Its two fields are found by
 *   what they hold: the addresses of the generic tables, each exactly once.
 *   Where that fails, the module refuses to load.
 * - A file of a process is a real procfs inode, made by the generic ->lookup
 *   from a hidden entry, the template. Opening it and keeping it open are
 *   therefore safe against the module's removal by procfs's own means
 *   (fs/proc/inode.c:use_pde()), and rmmod is never refused.
 *
 * Locking: ->lookup and ->iterate_shared are called with i_rwsem of the
 * directory held. Removal puts the generic methods back and then takes the
 * i_rwsem of each of its inodes once, after which nobody is in here any more.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "access.h"
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

/* Bytes struct proc_dir_entry may have. */
#define VMI_ENTRY_MIN 128
#define VMI_ENTRY_MAX 1024

/**
 * struct vmi_tables - the methods of our inodes
 * @dir_iops: the directory's, with our ->lookup
 * @dir_fops: the directory's, with our ->iterate_shared
 * @file_iops: a process's file's, with the ->setattr of /proc/<pid>/maps
 *
 * Its address is also the data of the directory's entry, by which an inode of
 * the directory is recognised.
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

static struct file_system_type *proc_type;
static struct proc_dir_entry *entry;
static struct vmi_tables *tables;
static struct vmi_generic generic;

/* The two fields of @entry, NULL as long as they hold the generic tables. */
static const void **iops_field, **fops_field;

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

/* Does this instance hide processes from those who may not trace them? */
static bool hides(struct super_block *sb)
{
	return proc_sb_info(sb)->hide_pid >= HIDEPID_INVISIBLE;
}

/*
 * May the caller know that the process exists? procfs itself is asked, by
 * looking /proc/<pid> up.
 *
 * Locking: i_rwsem of our directory is held. The root's comes behind it: procfs
 * never takes the one of a child with the root's held. Lockdep needs to be told
 * since all procfs inodes are of one class.
 */
static bool is_visible(struct super_block *sb, pid_t nr)
{
	struct dentry *dentry;
	char name[12];
	bool visible;
	int len;

	if (!hides(sb))
		return true;
	len = snprintf(name, sizeof(name), "%d", nr);
	inode_lock_shared_nested(d_inode(sb->s_root), I_MUTEX_CHILD);
	dentry = vmi_lookup_child(sb->s_root, name, len);
	inode_unlock_shared(d_inode(sb->s_root));
	if (IS_ERR(dentry))
		return false;
	visible = d_is_positive(dentry) &&
		  !vmi_inode_permission(d_inode(dentry), MAY_EXEC);
	dput(dentry);
	return visible;
}

static bool is_alive(struct pid_namespace *ns, pid_t nr)
{
	struct pid *pid;
	bool alive;

	rcu_read_lock();
	pid = find_pid_ns(nr, ns);
	alive = pid && pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	return alive;
}

/* A fresh inode of a hidden entry, made by procfs under that entry's name. */
static struct inode *template_inode(struct inode *dir, struct dentry *parent,
				    const char *name)
{
	struct qstr template = QSTR_INIT(name, strlen(name));
	struct dentry *dentry, *found;
	struct inode *inode;

	dentry = d_alloc(parent, &template);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	found = generic.dir_iops->lookup(dir, dentry, 0);
	if (IS_ERR(found)) {
		dput(dentry);
		return ERR_CAST(found);
	}
	inode = igrab(d_inode(dentry));
	d_drop(dentry);
	dput(dentry);
	return inode;
}

static struct dentry *lookup_self(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode;

	inode = template_inode(dir, dentry->d_parent, VMI_LINK_TEMPLATE);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_op = generic.self_iops;
	inode->i_ino = VMI_INO_SELF;
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

	if (!is_alive(proc_pid_ns(sb), nr) || !is_visible(sb, nr))
		return ERR_PTR(-ENOENT);
	inode = template_inode(dir, dentry->d_parent, VMI_FILE_TEMPLATE);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_private = (void *)(long)nr;
	inode->i_op = &tables->file_iops;
	inode->i_ino = VMI_INO(nr);
	if (hides(sb)) {
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
		return lookup_self(dir, dentry);
	if (is_name(name, VMI_STATUS))
		return generic.dir_iops->lookup(dir, dentry, flags);
	return ERR_PTR(-ENOENT);
}

/* The next process from @nr on, 0 if there is none. */
static pid_t next_process(struct pid_namespace *ns, pid_t nr)
{
	struct pid *pid;

	rcu_read_lock();
	for (; (pid = find_ge_pid(nr, ns)); nr++) {
		nr = pid_nr_ns(pid, ns);
		if (pid_task(pid, PIDTYPE_TGID))
			break;
	}
	rcu_read_unlock();
	return pid ? nr : 0;
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
	char name[12];
	pid_t nr;
	int len;

	if (!dir_emit_dots(file, ctx) || !list_others(ctx))
		return 0;
	for (nr = ctx->pos - VMI_POS_PIDS;; nr++) {
		nr = next_process(proc_pid_ns(sb), nr);
		if (!nr)
			return 0;
		ctx->pos = VMI_POS_PIDS + nr;
		if (is_visible(sb, nr)) {
			len = snprintf(name, sizeof(name), "%d", nr);
			if (!dir_emit(ctx, name, len, VMI_INO(nr), DT_REG))
				return 0;
		}
		ctx->pos++;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

/**
 * struct inode_visit - a visit to our inodes in every procfs instance
 * @visit: called for each with a reference held, may sleep; may be NULL
 * @met: how many there were
 */
struct inode_visit {
	void (*visit)(struct inode *inode);
	unsigned int met;
};

static bool is_dir(const struct inode *inode)
{
	return READ_ONCE(inode->i_private) == tables;
}

static bool is_ours(const struct inode *inode)
{
	return is_dir(inode) || READ_ONCE(inode->i_op) == &tables->file_iops;
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
		if (!is_ours(inode) || !igrab(inode))
			continue;
		spin_unlock(&sb->s_inode_list_lock);
		iput(last);
		last = inode;
		v->met++;
		if (v->visit)
			v->visit(inode);
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(last);
}

static unsigned int visit_inodes(void (*visit)(struct inode *inode))
{
	struct inode_visit v = { .visit = visit };

	iterate_supers_type(proc_type, visit_instance, &v);
	return v.met;
}

/* A directory inode from before the entry's fields were replaced. */
static void adopt(struct inode *inode)
{
	inode_lock(inode);
	inode->i_op = &tables->dir_iops;
	inode->i_fop = &tables->dir_fops;
	inode_unlock(inode);
}

static void drain(struct inode *inode)
{
	if (!is_dir(inode))
		return;
	inode_lock(inode);
	inode_unlock(inode);
}

static void forget(struct inode *inode)
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

/* Learn what procfs uses for our entries as long as nothing is replaced. */
static int learn_dir(struct vfsmount *proc)
{
	struct path path;
	struct inode *inode = find_inode(proc, VMINSPECT_DIR, &path);
	int err = 0;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	generic.dir_iops = inode->i_op;
	generic.dir_fops = inode->i_fop;
	if (!is_dir(inode))
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

static int learn(void)
{
	struct vfsmount *proc = kern_mount(proc_type);
	int err;

	if (IS_ERR(proc))
		return PTR_ERR(proc);
	err = vmi_access_test(proc, &generic.pid_iops);
	if (!err)
		err = learn_dir(proc);
	if (!err)
		err = learn_iops(proc, VMINSPECT_DIR "/" VMI_FILE_TEMPLATE,
				 &generic.file_iops);
	if (!err)
		err = learn_iops(proc, "self", &generic.self_iops);
	kern_unmount(proc);
	return err;
}

/*
 * Since 6.11 a table can say that it never changes, and then iterate_dir() does
 * not take i_rwsem, on which removal relies.
 */
static bool is_as_expected(void)
{
	const struct inode_operations *iops = generic.dir_iops;
	const struct file_operations *fops = generic.dir_fops;

#ifdef FOP_IMMUTABLE
	if (fops->fop_flags & FOP_IMMUTABLE)
		return false;
#endif
	return iops->lookup && iops->getattr && fops->iterate_shared &&
	       !fops->owner && !fops->open && !fops->release &&
	       generic.pid_iops->setattr && generic.self_iops->get_link;
}

/* The only word of @entry that holds @value, NULL if it isn't one. */
static const void **find_field(const void *value)
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

static void fill_tables(void)
{
	tables->dir_iops = *generic.dir_iops;
	tables->dir_iops.lookup = vmi_lookup;
	tables->dir_fops = *generic.dir_fops;
	tables->dir_fops.iterate_shared = vmi_readdir;
	tables->file_iops = *generic.file_iops;
	tables->file_iops.setattr = generic.pid_iops->setattr;
}

static int replace_methods(void)
{
	const void **iops, **fops;

	if (!is_as_expected())
		return -ENODEV;
	iops = find_field(generic.dir_iops);
	fops = find_field(generic.dir_fops);
	if (!iops || !fops)
		return -ENODEV;
	fill_tables();
	/* Whoever sees the new addresses sees what they point to. */
	smp_wmb();
	WRITE_ONCE(*iops, &tables->dir_iops);
	WRITE_ONCE(*fops, &tables->dir_fops);
	iops_field = iops;
	fops_field = fops;
	visit_inodes(adopt);
	return 0;
}

static void restore_methods(void)
{
	WRITE_ONCE(*iops_field, generic.dir_iops);
	WRITE_ONCE(*fops_field, generic.dir_fops);
	WRITE_ONCE(tables->dir_iops.lookup, generic.dir_iops->lookup);
	WRITE_ONCE(tables->dir_fops.iterate_shared,
		   generic.dir_fops->iterate_shared);
	visit_inodes(drain);
	iops_field = NULL;
	fops_field = NULL;
}

/*
 * The tables hold nothing of ours any more. As long as someone keeps an inode
 * that uses them (a current directory, an O_PATH descriptor) they have to stay,
 * with nobody to free them: some 700 bytes.
 */
static void free_tables(void)
{
	unsigned int kept;

	visit_inodes(forget);
	kept = visit_inodes(NULL);
	/* RCU path walks may look at a table through an inode that is gone. */
	synchronize_rcu();
	if (kept)
		pr_info("%u inodes still in use keep %zu bytes\n", kept,
			sizeof(*tables));
	else
		kfree(tables);
}

static int create_entries(void)
{
	entry = proc_mkdir_data(VMINSPECT_DIR, 0555, NULL, tables);
	if (!entry)
		return -ENOMEM;
	if (!proc_create(VMI_FILE_TEMPLATE, 0444, entry, &vmi_report_ops) ||
	    !proc_symlink(VMI_LINK_TEMPLATE, entry, VMI_SELF) ||
	    !proc_create_single(VMI_STATUS, 0444, entry, vmi_status_show)) {
		proc_remove(entry);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vmi_procdir_create() - create /proc/vminspect
 *
 * Return: 0; -ENODEV if this kernel's procfs is not built as expected, which
 * the log says; another error if it could not be created.
 */
int vmi_procdir_create(void)
{
	int err;

	proc_type = get_fs_type("proc");
	if (!proc_type)
		return -ENODEV;
	tables = kzalloc(sizeof(*tables), GFP_KERNEL);
	if (!tables)
		return -ENOMEM;
	err = create_entries();
	if (err)
		goto free_tables;
	err = learn();
	if (!err)
		err = replace_methods();
	if (err)
		goto remove_entry;
	return 0;

remove_entry:
	proc_remove(entry);
free_tables:
	free_tables();
	if (err == -ENODEV)
		pr_err("not loaded: this kernel's procfs is not built as expected\n");
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
	restore_methods();
	proc_remove(entry);
	free_tables();
}
