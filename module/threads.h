/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_THREADS_H
#define _VMI_THREADS_H

#include <linux/sched.h>
#include <linux/types.h>

struct mm_struct;
struct pid_namespace;

/**
 * struct vmi_thread - a thread, and where it was in user space
 * @tid: its number in the pid namespace of the reader's procfs
 * @comm: its name
 * @leader: it is the first of its process
 * @known: it runs in the address space; @sp and @tls are set
 * @fresh: @sp is where it is now, not where it last entered the kernel
 * @on_signal_stack: @sp is in its sigaltstack(2)
 * @sp: its user stack pointer
 * @tls: its TLS pointer, 0 if it has none
 */
struct vmi_thread {
	pid_t tid;
	char comm[TASK_COMM_LEN];
	bool leader;
	bool known;
	bool fresh;
	bool on_signal_stack;
	unsigned long sp;
	unsigned long tls;
};

void vmi_thread_gather(struct vmi_thread *thread, struct task_struct *task,
		       struct pid_namespace *ns, const struct mm_struct *mm);

#endif /* _VMI_THREADS_H */
