// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what a report says of the process itself.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "process.h"

/**
 * vmi_process_gather() - read what is known of a process
 * @process: where to put it
 * @pid: the process or thread
 * @ns: pid namespace to number it in
 * @mm: the address space that is reported
 *
 * A process may leave an address space that lives on with others (vfork()). Its
 * new name would say nothing of the old address space.
 *
 * Locking: holds a reference on the task, and its signal_struct stays with it; the
 * credentials are read under RCU.
 */
void vmi_process_gather(struct vmi_process *process, struct pid *pid,
			struct pid_namespace *ns, const struct mm_struct *mm)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);

	/* A process that has just been reaped has no number. */
	process->pid = task && vmi_process_runs_in(task, mm) ?
		task_tgid_nr_ns(task, ns) : 0;
	process->known = process->pid;
	if (process->known) {
		process->threads = get_nr_threads(task);
		process->uid = task_euid(task);
		get_task_comm(process->comm, task);
	}
	if (task)
		put_task_struct(task);
}

/**
 * vmi_process_runs_in() - does a process run in an address space?
 * @task: the process, or a thread of it
 * @mm: the address space, to compare only
 *
 * Return: whether a thread of it does; its leader may have exited before.
 */
bool vmi_process_runs_in(struct task_struct *task, const struct mm_struct *mm)
{
	struct task_struct *thread;
	bool runs = false;

	rcu_read_lock();
	for_each_thread(task, thread) {
		runs = READ_ONCE(thread->mm) == mm;
		if (runs)
			break;
	}
	rcu_read_unlock();
	return runs;
}

/**
 * vmi_process_next() - the next process, by number
 * @ns: pid namespace it is numbered in
 * @nr: the number to start from
 *
 * Return: it, with a reference for put_pid(); NULL if there is none.
 */
struct pid *vmi_process_next(struct pid_namespace *ns, pid_t nr)
{
	struct pid *pid;

	rcu_read_lock();
	while ((pid = find_ge_pid(nr, ns)) && !pid_task(pid, PIDTYPE_TGID))
		nr = pid_nr_ns(pid, ns) + 1;
	get_pid(pid);
	rcu_read_unlock();
	return pid;
}
