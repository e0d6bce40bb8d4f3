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
 * Locking: those who ever asked are in one of many sets, by address space, each with a
 * lock: who has very many reports of a process has growth of that process wait, and
 * hardly another's. leaving_lock lets nobody queue up once the module is about to go.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "waiters.h"

#define VMI_WAITERS_BITS 10

/**
 * struct vmi_waiters - those who ever asked, of some address spaces
 * @lock: protects the set
 * @set: struct vmi_waiter
 */
struct vmi_waiters {
	raw_spinlock_t lock;
	struct hlist_head set;
};

static struct vmi_waiters all_waiters[1 << VMI_WAITERS_BITS];

static DECLARE_RWSEM(leaving_lock);
static bool leaving;

static struct vmi_waiters *waiters_of(const struct mm_struct *mm)
{
	return &all_waiters[hash_ptr(mm, VMI_WAITERS_BITS)];
}

/**
 * vmi_waiters_init() - prepare for those who will wait
 */
void vmi_waiters_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(all_waiters); i++)
		raw_spin_lock_init(&all_waiters[i].lock);
}

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
	struct vmi_waiters *waiters = waiters_of(waiter->mm);

	if (hlist_unhashed_lockless(&waiter->node))
		return;
	raw_spin_lock(&waiters->lock);
	hlist_del_init(&waiter->node);
	raw_spin_unlock(&waiters->lock);
	irq_work_sync(&waiter->wake);
}

static void add_waiter(struct vmi_waiter *waiter)
{
	struct vmi_waiters *waiters = waiters_of(waiter->mm);

	/* It is taken out only when nobody can wait any more. */
	if (!hlist_unhashed_lockless(&waiter->node))
		return;
	raw_spin_lock(&waiters->lock);
	if (hlist_unhashed(&waiter->node))
		hlist_add_head(&waiter->node, &waiters->set);
	raw_spin_unlock(&waiters->lock);
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
	struct vmi_waiters *waiters = waiters_of(mm);
	struct vmi_waiter *waiter;

	/* First what happened, then who waits; see vmi_waiter_poll(). */
	smp_mb();
	if (hlist_empty(&waiters->set))
		return;
	raw_spin_lock(&waiters->lock);
	hlist_for_each_entry(waiter, &waiters->set, node) {
		/* Whoever queues up after this sees what happened, as above. */
		if (waiter->mm == mm && waitqueue_active(&waiter->queue))
			irq_work_queue(&waiter->wake);
	}
	raw_spin_unlock(&waiters->lock);
}

static bool send_some_away(struct vmi_waiters *waiters)
{
	struct vmi_waiter *waiter;
	bool any = false;

	raw_spin_lock(&waiters->lock);
	hlist_for_each_entry(waiter, &waiters->set, node) {
		/* Nobody can join any more: whoever is seen is the last. */
		if (waitqueue_active(&waiter->queue)) {
			irq_work_queue(&waiter->wake);
			any = true;
		}
	}
	raw_spin_unlock(&waiters->lock);
	return any;
}

/* Returns whether there was anyone left who waited. */
static bool send_away(void)
{
	bool any = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(all_waiters); i++)
		any |= send_some_away(&all_waiters[i]);
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
