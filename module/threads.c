// SPDX-License-Identifier: GPL-2.0
/*
 * Finds out where a thread is in user space, without stopping it.
 *
 * A thread that is in the kernel, or not running, left its registers at the top of
 * its kernel stack. One that runs in user mode is asked by an interrupt of its CPU,
 * which takes it a microsecond; unless that CPU is one that is not to be
 * interrupted (nohz_full=).
 */
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tick.h>

#include "compat/regs.h"
#include "threads.h"

/* It may go to another CPU while it is looked for. */
#define VMI_ASK_TRIES 3

/**
 * struct vmi_ask - a question to a CPU
 * @task: does this one run there?
 * @thread: then where is it in user space?
 */
struct vmi_ask {
	const struct task_struct *task;
	struct vmi_thread *thread;
};

static void look_here(struct vmi_thread *thread)
{
	thread->sp = vmi_regs_sp_here();
	thread->tls = vmi_regs_tls_here();
	thread->fresh = true;
}

static void answer(void *info)
{
	struct vmi_ask *ask = info;

	if (current == ask->task)
		look_here(ask->thread);
}

/* False if it does not run, or where it does is not known. */
static bool ask_cpu(struct vmi_thread *thread, const struct task_struct *task)
{
	struct vmi_ask ask = { .task = task, .thread = thread };
	unsigned int cpu, tries = 0;

	while (!thread->fresh && vmi_task_on_cpu(task) &&
	       tries++ < VMI_ASK_TRIES) {
		cpu = task_cpu(task);
		if (tick_nohz_full_cpu(cpu))
			return false;
		smp_call_function_single(cpu, answer, &ask, true);
	}
	return thread->fresh;
}

static bool look(struct vmi_thread *thread, const struct task_struct *task)
{
	if (task == current) {
		look_here(thread);
		return true;
	}
	if (ask_cpu(thread, task))
		return true;
	thread->fresh = !vmi_task_on_cpu(task);
	thread->tls = vmi_regs_tls(task);
	return vmi_regs_sp(task, &thread->sp);
}

/* As include/linux/sched/signal.h:__on_sig_stack(). */
static bool is_signal_stack(const struct task_struct *task, unsigned long sp)
{
	unsigned long start = READ_ONCE(task->sas_ss_sp);

	return sp > start && sp - start <= READ_ONCE(task->sas_ss_size);
}

/* A worker of the kernel's has no stack in user space, nor a TLS block of its own. */
static bool is_worker(const struct task_struct *task)
{
	return task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER);
}

/**
 * vmi_thread_gather() - read what is known of a thread
 * @thread: where to put it
 * @task: the thread
 * @ns: pid namespace to number it in
 * @mm: the address space that is reported
 *
 * The address space is compared behind, too: it is left for good in exit and
 * execve(), so what was read in between was of @mm, and of a kernel stack that was
 * the thread's still.
 *
 * Locking: in an RCU read-side section, which keeps @task. Interrupts are on.
 */
void vmi_thread_gather(struct vmi_thread *thread, struct task_struct *task,
		       struct pid_namespace *ns, const struct mm_struct *mm)
{
	*thread = (struct vmi_thread){
		.tid = task_pid_nr_ns(task, ns),
		.leader = thread_group_leader(task),
	};
	get_task_comm(thread->comm, task);
	if (READ_ONCE(task->mm) != mm || is_worker(task) || !look(thread, task))
		return;
	thread->on_signal_stack = is_signal_stack(task, thread->sp);
	/* First the registers, then the address space they belong to. */
	smp_rmb();
	thread->known = READ_ONCE(task->mm) == mm;
}
