/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_PROCESS_H
#define _VMI_PROCESS_H

#include <linux/sched.h>
#include <linux/uidgid.h>

struct mm_struct;
struct pid;
struct pid_namespace;

/**
 * struct vmi_process - whose address space it is
 * @known: the process still runs in this address space; otherwise the rest is
 *	not set
 * @pid: its number in the pid namespace of the reader's procfs
 * @threads: how many it has
 * @uid: its effective user
 * @comm: its name
 */
struct vmi_process {
	bool known;
	pid_t pid;
	int threads;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
};

void vmi_process_gather(struct vmi_process *process, struct pid *pid,
			struct pid_namespace *ns, const struct mm_struct *mm);
bool vmi_process_runs_in(struct task_struct *task, const struct mm_struct *mm);
struct pid *vmi_process_next(struct pid_namespace *ns, pid_t nr);

#endif /* _VMI_PROCESS_H */
