// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits, in poll(2) and its relatives, for something to happen to the stacks
 * of a process.
 *
 * The queues are shared by all processes, and chosen by address space: they have
 * to exist for as long as anyone waits, which can be longer than what he waits for,
 * and even than his descriptor is any good. Who is woken for another process looks
 * and goes on waiting.
 *
 * Waiters are woken from a probe, where PREEMPT_RT allows no lock that sleeps: so
 * an irq_work does it.
 *
 * Locking: none but that of the queues. leaving_lock lets nobody queue up once the
 * module is about to go.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/wait.h>

#include "waiters.h"

/* One bit each of an unsigned long. */
#define VMI_WAITERS_BITS 6
#define VMI_WAITERS BIT(VMI_WAITERS_BITS)

static wait_queue_head_t queues[VMI_WAITERS];
static unsigned long to_wake;

static DECLARE_RWSEM(leaving_lock);
static bool leaving;

static unsigned int queue_of(const struct mm_struct *mm)
{
	return hash_ptr(mm, VMI_WAITERS_BITS);
}

/* All of them, also those who want to be woken one at a time: who is the one? */
static void wake_queue(wait_queue_head_t *queue, __poll_t mask)
{
	__wake_up(queue, TASK_NORMAL, 0, poll_to_key(mask));
}

static void wake(struct irq_work *work)
{
	unsigned long bits = xchg(&to_wake, 0);
	unsigned int i;

	for_each_set_bit(i, &bits, VMI_WAITERS)
		wake_queue(&queues[i], EPOLLPRI | EPOLLHUP);
}

static DEFINE_IRQ_WORK(wake_work, wake);

/**
 * vmi_waiters_init() - prepare to wait
 */
void vmi_waiters_init(void)
{
	unsigned int i;

	BUILD_BUG_ON(VMI_WAITERS > BITS_PER_LONG);
	for (i = 0; i < VMI_WAITERS; i++)
		init_waitqueue_head(&queues[i]);
}

/**
 * vmi_waiters_add() - somebody is about to wait
 * @file: file of a report
 * @table: of poll()
 * @mm: the address space
 *
 * What he waits for is to be looked at after this.
 *
 * Return: false if the module is about to go.
 */
bool vmi_waiters_add(struct file *file, struct poll_table_struct *table,
		     const struct mm_struct *mm)
{
	bool stays;

	down_read(&leaving_lock);
	stays = !leaving;
	if (stays)
		poll_wait(file, &queues[queue_of(mm)], table);
	up_read(&leaving_lock);
	/* Pairs with wq_has_sleeper(). */
	smp_mb();
	return stays;
}

/**
 * vmi_waiters_wake() - something happened
 * @mm: the address space
 *
 * Context: any.
 */
void vmi_waiters_wake(const struct mm_struct *mm)
{
	unsigned int i = queue_of(mm);

	if (!wq_has_sleeper(&queues[i]))
		return;
	set_bit(i, &to_wake);
	irq_work_queue(&wake_work);
}

/**
 * vmi_waiters_release() - the module is about to go: send all waiters away
 *
 * The files are still there. Who sleeps in poll(2) looks again, and gets to hear
 * that it is over; an epoll instance or io_uring forgets the queue (EPOLLFREE, see
 * kernel/sched/wait.c:__wake_up_pollfree(), which knows of these only).
 */
void vmi_waiters_release(void)
{
	unsigned int i;

	down_write(&leaving_lock);
	leaving = true;
	up_write(&leaving_lock);
	for (i = 0; i < VMI_WAITERS; i++) {
		/* Nobody can join any more: whoever is seen is the last. */
		while (waitqueue_active(&queues[i])) {
			wake_queue(&queues[i], EPOLLHUP | POLLFREE);
			fsleep(USEC_PER_MSEC);
		}
	}
	/* Those who forgot a queue may just be looking at it. */
	synchronize_rcu();
}

/**
 * vmi_waiters_exit() - undo vmi_waiters_init(); nobody is woken any more
 */
void vmi_waiters_exit(void)
{
	irq_work_sync(&wake_work);
}
