/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_EXEC_H
#define _VMI_EXEC_H

#include <linux/types.h>

struct mm_struct;
struct task_struct;

/**
 * enum vmi_exec_word - what was said of a process during its execve()
 * @VMI_EXEC_NONE: nothing
 * @VMI_EXEC_TRACK: its new address space was asked for
 * @VMI_EXEC_UNTRACK: that is not to be tracked
 */
enum vmi_exec_word {
	VMI_EXEC_NONE,
	VMI_EXEC_TRACK,
	VMI_EXEC_UNTRACK,
};

void vmi_exec_forget_all(void);
void vmi_exec_begin(void);
bool vmi_exec_ask(void);
enum vmi_exec_word vmi_exec_take(void);
int vmi_exec_say(struct task_struct *task, const struct mm_struct *mm, bool track);
bool vmi_exec_awaited(void);

#endif /* _VMI_EXEC_H */
