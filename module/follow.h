/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_FOLLOW_H
#define _VMI_FOLLOW_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct pid;
struct task_struct;

/**
 * struct vmi_follow_state - who is tracked, and how that goes
 * @all: everyone, not only who was asked for
 * @armed: the probes are set
 * @fire: and they fire
 * @tracked: address spaces
 * @untracked: address spaces that should be but are not, for lack of memory
 */
struct vmi_follow_state {
	bool all;
	bool armed;
	bool fire;
	int tracked;
	u64 untracked;
};

int vmi_follow_init(void);
void vmi_follow_exit_all(void);
void vmi_follow_gather(struct vmi_follow_state *state);

int vmi_follow_word(const char *word, struct mm_struct *mm, struct pid *pid);

void vmi_follow_fork(struct task_struct *child);
void vmi_follow_exec(struct mm_struct *mm);
void vmi_follow_execed(void);
void vmi_follow_exit(struct mm_struct *mm);

#endif /* _VMI_FOLLOW_H */
