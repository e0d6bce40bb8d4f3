/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_WAITERS_H
#define _VMI_WAITERS_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/wait.h>

struct mm_struct;

/**
 * struct vmi_waiter - who waits for something to happen to a process
 * @node: among all waiters, by @mm; from the first call of poll()
 * @mm: the address space, to compare only
 * @queue: the tasks
 * @wake: to wake them
 */
struct vmi_waiter {
	struct hlist_node node;
	const struct mm_struct *mm;
	wait_queue_head_t queue;
	struct irq_work wake;
};

void vmi_waiters_init(void);
void vmi_waiter_init(struct vmi_waiter *waiter, const struct mm_struct *mm);
void vmi_waiter_exit(struct vmi_waiter *waiter);
bool vmi_waiter_poll(struct vmi_waiter *waiter, struct file *file,
		     struct poll_table_struct *table);
void vmi_waiters_wake(const struct mm_struct *mm);
void vmi_waiters_release(void);

#endif /* _VMI_WAITERS_H */
