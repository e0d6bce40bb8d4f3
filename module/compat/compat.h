/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the supported kernels, Linux 6.1 to 7.2.
 *
 * Included before everything else in every file of the module (module/Kbuild),
 * so that the rest reads as if only the newest kernel existed. Each shim says
 * which release made it necessary and goes when that release is no longer
 * supported from below.
 */
/* Before linux/printk.h defines it: who speaks in the kernel log. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#ifndef _VMI_COMPAT_H
#define _VMI_COMPAT_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/namei.h>
#include <linux/seqlock.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/version.h>

/* 6.12 moved these from asm/. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <linux/sched/exec_state.h>
#endif

/* hex_asc_lo() was in linux/kernel.h until 6.4. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include <linux/hex.h>
#else
#include <linux/kernel.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vminspect needs Linux 6.1 or newer: VMAs in a maple tree"
#endif

/* 6.3 replaced the user namespace of a mount by its idmapping. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <linux/mnt_idmapping.h>
#define vmi_inode_permission(inode, mask) \
	inode_permission(&nop_mnt_idmap, inode, mask)
#else
#define vmi_inode_permission(inode, mask) \
	inode_permission(&init_user_ns, inode, mask)
#endif

/* Exported since 2.6, but declared in fs/internal.h only until 6.6. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt,
		    const char *name, unsigned int flags, struct path *path);
#endif

/**
 * vmi_lookup_child() - look a name up in a directory
 * @dir: the directory
 * @name: the name
 * @len: its length
 *
 * 6.16 renamed lookup_positive_unlocked().
 *
 * Return: the dentry, which is positive, or an ERR_PTR.
 */
static inline struct dentry *vmi_lookup_child(struct dentry *dir,
					      const char *name, int len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return lookup_noperm_positive_unlocked(&QSTR_LEN(name, len), dir);
#else
	return lookup_positive_unlocked(name, dir, len);
#endif
}

/*
 * Since 6.8 a file that backs another one (overlayfs) shows the path, and since
 * 6.12 the inode, of the file that was opened.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define vmi_file_path(file) file_user_path(file)
#else
#define vmi_file_path(file) (&(file)->f_path)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define vmi_file_inode(file) file_user_inode(file)
#else
#define vmi_file_inode(file) file_inode(file)
#endif

/**
 * vmi_anon_name() - the name given to a mapping with PR_SET_VMA_ANON_NAME
 * @vma: the mapping
 *
 * anon_vma_name() is not exported (mm/madvise.c). Until 6.2 the name shared its
 * room with the interval tree node of file mappings.
 *
 * Locking: mmap_lock is held.
 *
 * Return: the name, or NULL.
 */
static inline const char *vmi_anon_name(const struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	if (vma->vm_file)
		return NULL;
#endif
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

/* 6.6 gave these two tests of fs/proc/task_mmu.c a name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline bool vma_is_initial_heap(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->brk &&
	       vma->vm_end >= vma->vm_mm->start_brk;
}

static inline bool vma_is_initial_stack(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->start_stack &&
	       vma->vm_end >= vma->vm_mm->start_stack;
}
#endif

/**
 * vmi_mm_counter() - one of an address space's page counters
 * @mm: the address space
 * @member: MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS or MM_SHMEMPAGES
 *
 * Since 6.2 these are per-CPU counters, which can be summed up exactly. Before,
 * up to 64 events per task may still be on their way.
 *
 * Return: pages.
 */
static inline unsigned long vmi_mm_counter(struct mm_struct *mm, int member)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return percpu_counter_sum_positive(&mm->rss_stat[member]);
#else
	return get_mm_counter(mm, member);
#endif
}

/**
 * vmi_mm_seq() - how often an address space was locked for a change
 * @mm: the address space
 * @seq: where to put it
 *
 * Only kernels with per-VMA locks (since 6.4) count this. It was an int until
 * a seqcount_t, which begins with the number, took its place in 6.14 and the
 * stable kernels of the time.
 *
 * Locking: mmap_lock is held, so the number stands still.
 *
 * Return: false if this kernel doesn't count.
 */
static inline bool vmi_mm_seq(const struct mm_struct *mm, unsigned int *seq)
{
#ifdef CONFIG_PER_VMA_LOCK
	static_assert(sizeof(mm->mm_lock_seq) >= sizeof(unsigned int));
	static_assert(offsetof(seqcount_t, sequence) == 0);
	*seq = READ_ONCE(*(const unsigned int *)&mm->mm_lock_seq);
	return true;
#else
	return false;
#endif
}

/**
 * vmi_task_user_ns() - whose CAP_SYS_PTRACE lets trace a process
 * @task: the process
 * @mm: its address space, which knew this until 7.1
 *
 * As kernel/ptrace.c:__ptrace_may_access() finds it.
 *
 * Locking: in an RCU read-side section, in which the result may be used.
 *
 * Return: the user namespace.
 */
static inline struct user_namespace *
vmi_task_user_ns(const struct task_struct *task, const struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return rcu_dereference(task->exec_state)->user_ns;
#else
	return mm->user_ns;
#endif
}

/* Kernels for a single CPU did not have the field until 7.1. */
static inline bool vmi_task_on_cpu(const struct task_struct *task)
{
#ifdef CONFIG_SMP
	return READ_ONCE(task->on_cpu);
#else
	return false;
#endif
}

/* 6.19 told by a flag which mappings may have guard markers. */
#ifndef VM_MAYBE_GUARD
#define VM_MAYBE_GUARD 0UL
#endif

/* Until 6.4 only io_uring had workers that are threads of a process. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER PF_IO_WORKER
#endif

/* 6.17 renamed the bit of folio->mapping that says "anonymous". */
#ifndef FOLIO_MAPPING_ANON
#define FOLIO_MAPPING_ANON PAGE_MAPPING_ANON
#endif

#endif /* _VMI_COMPAT_H */
