// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel charged a process: the faults of its threads, and what of them was
 * before it was tracked.
 *
 * Locking: threads are gone through under RCU. Their sum is that of one moment if none
 * exited meanwhile, which signal->stats_lock tells.
 */
#include <linux/atomic.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>

#include "faults.h"
#include "process.h"
#include "record.h"
#include "rusage.h"
#include "track.h"

/* Threads may come and go meanwhile; not as often as that. */
#define VMI_THREADS_TRIES 16

/* As kernel/sys.c:getrusage(): of its threads, and of those that exited. */
static void sum_threads(const struct signal_struct *signal, u64 *min, u64 *maj)
{
	const struct task_struct *thread;

	*min = signal->min_flt;
	*maj = signal->maj_flt;
	__for_each_thread(signal, thread) {
		*min += READ_ONCE(thread->min_flt);
		*maj += READ_ONCE(thread->maj_flt);
	}
}

static void sum_threads_consistently(struct signal_struct *signal, u64 *min,
				     u64 *maj)
{
	unsigned long irqs;
	unsigned int seq, i;

	for (i = 0; i < VMI_THREADS_TRIES; i++) {
		seq = read_seqbegin(&signal->stats_lock);
		sum_threads(signal, min, maj);
		if (!read_seqretry(&signal->stats_lock, seq))
			return;
	}
	read_seqlock_excl_irqsave(&signal->stats_lock, irqs);
	sum_threads(signal, min, maj);
	read_sequnlock_excl_irqrestore(&signal->stats_lock, irqs);
}

/**
 * vmi_rusage_faults() - the faults of a process, as getrusage() has them
 * @tgid: the process
 * @mm: its address space
 * @min: where to put the minor ones
 * @maj: where to put the major ones
 *
 * Faults it caused in other address spaces are settled.
 *
 * Return: false if the process is gone, or has another address space now.
 */
bool vmi_rusage_faults(struct pid *tgid, const struct mm_struct *mm, u64 *min,
		       u64 *maj)
{
	struct task_struct *leader, *thread;
	bool runs;

	rcu_read_lock();
	leader = pid_task(tgid, PIDTYPE_TGID);
	runs = leader && vmi_process_runs_in(leader, mm);
	if (runs) {
		sum_threads_consistently(leader->signal, min, maj);
		for_each_thread(leader, thread)
			vmi_faults_settle_others(thread);
	}
	rcu_read_unlock();
	return runs;
}

/* What a thread had before @track; most have a record that tells. */
static void add_before(const struct vmi_track *track,
		       const struct task_struct *thread, u64 *min, u64 *maj)
{
	unsigned long thread_min = READ_ONCE(thread->min_flt);
	unsigned long thread_maj = READ_ONCE(thread->maj_flt);
	struct vmi_task *record = vmi_record_find(thread);

	if (record) {
		raw_spin_lock(&record->lock);
		if (record->home == track) {
			thread_min = record->before_min;
			thread_maj = record->before_maj;
		}
		raw_spin_unlock(&record->lock);
	}
	*min += thread_min;
	*maj += thread_maj;
}

static void sum_before(const struct vmi_track *track,
		       struct signal_struct *signal, u64 *min, u64 *maj)
{
	const struct task_struct *thread;
	unsigned long irqs;

	read_seqlock_excl_irqsave(&signal->stats_lock, irqs);
	*min = signal->min_flt;
	*maj = signal->maj_flt;
	__for_each_thread(signal, thread)
		add_before(track, thread, min, maj);
	read_sequnlock_excl_irqrestore(&signal->stats_lock, irqs);
}

/**
 * vmi_rusage_adopt() - a process that is running already was begun to be tracked
 * @track: its tracking
 * @leader: the process
 *
 * Its threads get a record each, which tells what they had before; and a fault
 * that one of them was in when tracking began.
 */
void vmi_rusage_adopt(struct vmi_track *track, struct task_struct *leader)
{
	struct signal_struct *signal = leader->signal;
	unsigned int seq, tries = 0;
	struct task_struct *thread;
	u64 min, maj;

	rcu_read_lock();
	do {
		seq = read_seqbegin(&signal->stats_lock);
		min = signal->min_flt;
		maj = signal->maj_flt;
		__for_each_thread(signal, thread)
			vmi_faults_adopt(track, thread, &min, &maj);
	} while (read_seqretry(&signal->stats_lock, seq) &&
		 ++tries < VMI_THREADS_TRIES);
	if (tries == VMI_THREADS_TRIES)
		sum_before(track, signal, &min, &maj);
	rcu_read_unlock();
	spin_lock(&track->settle_lock);
	/* What execve() found has all of this in it. */
	if (!track->execed) {
		atomic64_add(min, &track->before_min);
		atomic64_add(maj, &track->before_maj);
	}
	spin_unlock(&track->settle_lock);
}

/**
 * vmi_rusage_execed() - the current process has a new program
 * @track: its tracking
 *
 * It is not to be told of the faults before that.
 */
void vmi_rusage_execed(struct vmi_track *track)
{
	u64 min, maj;

	if (!vmi_rusage_faults(track->tgid, current->mm, &min, &maj))
		return;
	spin_lock(&track->settle_lock);
	track->execed = true;
	atomic64_set(&track->before_min, min);
	atomic64_set(&track->before_maj, maj);
	spin_unlock(&track->settle_lock);
}
