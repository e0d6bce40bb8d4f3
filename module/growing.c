// SPDX-License-Identifier: GPL-2.0
/*
 * A stack that is about to grow: who lets it, and why it may not.
 *
 * There is a probe at the entry of expand_downwards() and one at its return
 * (mm/mmap.c, mm/vma.c on newer kernels). Every stack that grows, on a fault, for
 * a tracer or in execve(), comes by there; nothing else does.
 *
 * Locking: the probes run with preemption off, with mmap_lock held for writing by
 * whoever lets the stack grow (until 6.5, and stable kernels of the time, it could
 * be held for reading), so the mappings stand still.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "growing.h"
#include "growth.h"
#include "trace.h"
#include "track.h"
#include "waiters.h"

/* The kernel does not export its own (mm/mmap.c:stack_guard_gap). */
static unsigned int stack_guard_gap_pages = 256;
module_param_named(stack_guard_gap, stack_guard_gap_pages, uint, 0644);
MODULE_PARM_DESC(stack_guard_gap,
		 "pages, as the kernel was booted with (default 256, as the kernel's)");

/**
 * vmi_growing_gap() - what the kernel keeps free below a stack
 *
 * Return: pages.
 */
unsigned long vmi_growing_gap(void)
{
	return READ_ONCE(stack_guard_gap_pages);
}

/* Is there an accessible mapping right below that is no stack itself? */
static bool gap_is_violated(struct vm_area_struct *vma, unsigned long start)
{
	VMA_ITERATOR(vmi, vma->vm_mm, vma->vm_start);
	struct vm_area_struct *prev = vma_prev(&vmi);

	return prev && !(prev->vm_flags & VM_GROWSDOWN) &&
	       vma_is_accessible(prev) &&
	       start - prev->vm_end < vmi_growing_gap() << PAGE_SHIFT;
}

static bool may_lock(const struct vm_area_struct *vma, unsigned long grow)
{
	const struct cred *cred = current_cred();

	if (!(vma->vm_flags & VM_LOCKED) ||
	    (cred->user_ns == &init_user_ns &&
	     cap_raised(cred->cap_effective, CAP_IPC_LOCK)))
		return true;
	return vma->vm_mm->locked_vm + grow <=
	       rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

/*
 * Why was a growth refused? The questions, and their order, are those of
 * expand_downwards() and acct_stack_growth() in mm/mmap.c. They are asked again
 * under the same lock; the limits are the current task's.
 */
static enum vmi_growth_result judge(const struct vmi_growing *growing, int err)
{
	struct vm_area_struct *vma = growing->vma;
	unsigned long start = growing->addr & PAGE_MASK;
	unsigned long grow = (vma->vm_start - start) >> PAGE_SHIFT;

	if (!err)
		return VMI_GROWTH_GROWN;
	if (err == -EPERM)
		return VMI_GROWTH_MMAP_MIN_ADDR;
	if (err != -ENOMEM)
		return VMI_GROWTH_OTHER;
	if (gap_is_violated(vma, start))
		return VMI_GROWTH_GUARD_GAP;
	if (grow > vma->vm_pgoff)
		return VMI_GROWTH_OTHER;
	if (vma->vm_mm->total_vm + grow > rlimit(RLIMIT_AS) >> PAGE_SHIFT)
		return VMI_GROWTH_RLIMIT_AS;
	if (vma->vm_end - start > rlimit(RLIMIT_STACK))
		return VMI_GROWTH_RLIMIT_STACK;
	if (!may_lock(vma, grow))
		return VMI_GROWTH_RLIMIT_MEMLOCK;
	return VMI_GROWTH_OVERCOMMIT;
}

static enum vmi_growth_cause find_cause(const struct mm_struct *mm)
{
	if (current->mm != mm || current->flags & PF_KTHREAD)
		return VMI_GROWTH_REMOTE;
	return current->in_execve ? VMI_GROWTH_EXEC : VMI_GROWTH_FAULT;
}

/* Numbers of the current task, where the tracked process has numbers too. */
static void note_numbers(struct vmi_growth_event *event, const struct pid *tgid)
{
	const struct pid *pid = task_pid(current);
	unsigned int i, levels = min(pid->level, tgid->level) + 1;

	for (i = 0; i < min_t(unsigned int, levels, VMI_PID_LEVELS); i++)
		if (pid->numbers[i].ns == tgid->numbers[i].ns)
			event->tid[i] = pid->numbers[i].nr;
}

static void note_event(struct vmi_growth_event *event,
		       const struct vmi_growing *growing, int err)
{
	const struct vm_area_struct *vma = growing->vma;
	unsigned long limit = rlimit(RLIMIT_STACK);
	struct pt_regs *regs = task_pt_regs(current);

	*event = (struct vmi_growth_event){
		.time_ns = ktime_get_ns(),
		.addr = growing->addr,
		.old_start = growing->start,
		.new_start = growing->addr & PAGE_MASK,
		.end = vma->vm_end,
		.limit = limit == RLIM_INFINITY ? VMI_UNLIMITED :
						  limit >> PAGE_SHIFT,
		.result = judge(growing, err),
		.cause = find_cause(vma->vm_mm),
	};
	memcpy(event->comm, current->comm, sizeof(event->comm) - 1);
	if (event->cause == VMI_GROWTH_FAULT) {
		event->ip = instruction_pointer(regs);
		event->sp = user_stack_pointer(regs);
	}
}

/**
 * vmi_growing_enter() - expand_downwards() was called
 * @growing: where to note it
 * @vma: its mapping
 * @addr: the address that is to be in it
 *
 * Return: whether vmi_growing_leave() is to be called.
 */
bool vmi_growing_enter(struct vmi_growing *growing, struct vm_area_struct *vma,
		       unsigned long addr)
{
	bool tracked;

	if (!(vma->vm_flags & VM_GROWSDOWN))
		return false;
	rcu_read_lock();
	tracked = vmi_track_find(vma->vm_mm);
	rcu_read_unlock();
	*growing = (struct vmi_growing){
		.vma = vma,
		.addr = addr,
		.start = vma->vm_start,
	};
	return tracked;
}

/**
 * vmi_growing_leave() - expand_downwards() is about to return
 * @growing: what it was called with
 * @err: what it returns
 */
void vmi_growing_leave(const struct vmi_growing *growing, int err)
{
	struct mm_struct *mm = growing->vma->vm_mm;
	struct vmi_growth_event event;
	struct vmi_track *track;

	/* There was nothing to be done. */
	if (!err && growing->vma->vm_start == growing->start)
		return;
	rcu_read_lock();
	track = vmi_track_find(mm);
	if (track) {
		note_event(&event, growing, err);
		note_numbers(&event, track->tgid);
		trace_stack_grow(&event, pid_nr(track->tgid));
		vmi_growth_add(&track->growth, &event);
		vmi_waiters_wake(mm);
	}
	rcu_read_unlock();
}
