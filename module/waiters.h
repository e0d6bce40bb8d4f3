/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_WAITERS_H
#define _VMI_WAITERS_H

#include <linux/poll.h>

struct mm_struct;

bool vmi_waiters_add(struct file *file, struct poll_table_struct *table,
		     const struct mm_struct *mm);
void vmi_waiters_wake(const struct mm_struct *mm);
void vmi_waiters_release(void);
void vmi_waiters_exit(void);
void vmi_waiters_init(void);

#endif /* _VMI_WAITERS_H */
