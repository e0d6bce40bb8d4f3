// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits, in poll(2) and its relatives, for something to happen to the stacks
 * of a process.
 *
 * Each open report has a queue. It may go when the report is released: poll(),
 * select(), aio and io_uring hold the file, and epoll forgets a file before it is
 * released (fs/file_table.c:__fput()). Unless it is released because the module
 * goes, see vmi_waiters_release().
 *
 * Waiters are woken from a probe, where PREEMPT_RT allows no lock that sleeps, and
 * nobody a lock that he might hold: so an irq_work does it.
 *
 * Locking: waiters_lock protects the set of those who ever asked. leaving_lock lets
 * nobody queue up once the module is about to go.
 */
#include <linux/delay.h>
#include <linux/hashtable.h>
#include <linux/irq_work.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "waiters.h"

#define VMI_WAITERS_BITS 8
static DEFINE_HASHTABLE(waiters, VMI_WAITERS_BITS);
static DEFINE_RAW_SPINLOCK(waiters_lock);

static DECLARE_RWSEM(leaving_lock);
static bool leaving;

/*
 * All of them, also those who want to be woken one at a time: who is the one? They
 * are not told what for: aio and io_uring would believe it, and not look. Only when
 * the module goes they are to believe that it is over (POLLFREE, as
 * kernel/sched/wait.c:__wake_up_pollfree() says it).
 */
static void wake(struct irq_work *work)
{
	struct vmi_waiter *waiter = container_of(work, struct vmi_waiter, wake);
	void *key = NULL;

	if (READ_ONCE(leaving))
		key = poll_to_key(EPOLLPRI | EPOLLHUP | POLLFREE);
	__wake_up(&waiter->queue, TASK_NORMAL, 0, key);
}

/**
 * vmi_waiter_init() - prepare to wait
 * @waiter: the waiter
 * @mm: the address space
 */
void vmi_waiter_init(struct vmi_waiter *waiter, const struct mm_struct *mm)
{
	INIT_HLIST_NODE(&waiter->node);
	waiter->mm = mm;
	init_waitqueue_head(&waiter->queue);
	init_irq_work(&waiter->wake, wake);
}

/**
 * vmi_waiter_exit() - undo vmi_waiter_init()
 * @waiter: the waiter; nobody waits any more
 */
void vmi_waiter_exit(struct vmi_waiter *waiter)
{
	if (hlist_unhashed_lockless(&waiter->node))
		return;
	raw_spin_lock(&waiters_lock);
	hash_del(&waiter->node);
	raw_spin_unlock(&waiters_lock);
	irq_work_sync(&waiter->wake);
}

static void add_waiter(struct vmi_waiter *waiter)
{
	/* It is taken out only when nobody can wait any more. */
	if (!hlist_unhashed_lockless(&waiter->node))
		return;
	raw_spin_lock(&waiters_lock);
	if (hlist_unhashed(&waiter->node))
		hash_add(waiters, &waiter->node, (unsigned long)waiter->mm);
	raw_spin_unlock(&waiters_lock);
}

/**
 * vmi_waiter_poll() - somebody is about to wait
 * @waiter: of a report
 * @file: its file
 * @table: of poll()
 *
 * What he waits for is to be looked at after this.
 *
 * Return: false if the module is about to go.
 */
bool vmi_waiter_poll(struct vmi_waiter *waiter, struct file *file,
		     struct poll_table_struct *table)
{
	bool stays;

	down_read(&leaving_lock);
	stays = !leaving;
	if (stays) {
		add_waiter(waiter);
		poll_wait(file, &waiter->queue, table);
	}
	up_read(&leaving_lock);
	/* Pairs with that of vmi_waiters_wake(). */
	smp_mb();
	return stays;
}

/**
 * vmi_waiters_wake() - something happened
 * @mm: the address space
 *
 * Context: any but an interrupt.
 */
void vmi_waiters_wake(const struct mm_struct *mm)
{
	struct vmi_waiter *waiter;

	/* First what happened, then who waits; see vmi_waiter_poll(). */
	smp_mb();
	if (hlist_empty(&waiters[hash_min((unsigned long)mm, VMI_WAITERS_BITS)]))
		return;
	raw_spin_lock(&waiters_lock);
	hash_for_each_possible(waiters, waiter, node, (unsigned long)mm) {
		/* Whoever queues up after this sees what happened, as above. */
		if (waiter->mm == mm && waitqueue_active(&waiter->queue))
			irq_work_queue(&waiter->wake);
	}
	raw_spin_unlock(&waiters_lock);
}

/* Returns whether there is anyone left who waits. */
static bool send_away(void)
{
	struct vmi_waiter *waiter;
	bool any = false;
	int bucket;

	raw_spin_lock(&waiters_lock);
	hash_for_each(waiters, bucket, waiter, node) {
		/* Nobody can join any more: whoever is seen is the last. */
		if (waitqueue_active(&waiter->queue)) {
			irq_work_queue(&waiter->wake);
			any = true;
		}
	}
	raw_spin_unlock(&waiters_lock);
	return any;
}

/**
 * vmi_waiters_release() - the module is about to go: send all waiters away
 *
 * Afterwards reports may be released whose files are still open. Who sleeps in
 * poll() looks again, and gets to hear that it is over; epoll, aio and io_uring
 * forget the queue at once.
 */
void vmi_waiters_release(void)
{
	down_write(&leaving_lock);
	WRITE_ONCE(leaving, true);
	up_write(&leaving_lock);
	while (send_away())
		fsleep(USEC_PER_MSEC);
	/* Those who forgot a queue may just be looking at it. */
	synchronize_rcu();
}
