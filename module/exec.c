// SPDX-License-Identifier: GPL-2.0
/*
 * What is said of a process while it is in execve().
 *
 * Whether its new address space is tracked is decided when that comes to be, by the old
 * one: follow.c:vmi_follow_exec(). What is said after that waits here until the new
 * program is about to run: follow.c:vmi_follow_execed().
 *
 * Probes can't allocate for sure, nor is there anything of the process's own to put it
 * in: so there is a slot for all processes whose numbers leave the same remainder. It
 * holds the number, too, so that no one is taken for another.
 *
 * Locking: what is said is said by one at a time (follow.c:follow_lock); a process begins
 * and ends its execve() at any time. Slots change at once.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "exec.h"
#include "process.h"

#define VMI_EXEC_SLOTS 4096

/* The process's number in the first pid namespace to track it, its negative not to; or 0. */
static atomic_t slots[VMI_EXEC_SLOTS];

static atomic_t *slot_of(pid_t tgid)
{
	return &slots[tgid % VMI_EXEC_SLOTS];
}

static bool is_in_exec(const struct task_struct *task)
{
	const struct task_struct *thread;
	bool is = false;

	rcu_read_lock();
	for_each_thread(task, thread) {
		/* Each sets and clears its own, beside bits that do not matter here. */
		is |= data_race((bool)thread->in_execve);
	}
	rcu_read_unlock();
	return is;
}

static bool is_number_in_exec(pid_t tgid)
{
	const struct task_struct *leader;
	bool is;

	rcu_read_lock();
	leader = pid_task(find_pid_ns(tgid, &init_pid_ns), PIDTYPE_TGID);
	is = leader && is_in_exec(leader);
	rcu_read_unlock();
	return is;
}

/**
 * vmi_exec_forget_all() - forget what was ever said
 *
 * The probes are not armed: whoever was in execve() may have ended it unseen.
 */
void vmi_exec_forget_all(void)
{
	int i;

	for (i = 0; i < VMI_EXEC_SLOTS; i++)
		atomic_set(&slots[i], 0);
}

/* Take what waits for the current process. */
static int take(void)
{
	const pid_t tgid = task_tgid_nr(current);
	atomic_t *slot = slot_of(tgid);
	int there = atomic_read(slot);

	do {
		if (abs(there) != tgid)
			return 0;
	} while (!atomic_try_cmpxchg(slot, &there, 0));
	return there;
}

/**
 * vmi_exec_begin() - the current process is about to get a new address space
 *
 * Whatever is left came too early, or for an execve() that failed. After this the caller
 * looks at how the old address space is tracked.
 */
void vmi_exec_begin(void)
{
	take();
	/* First this, then who is tracked; see vmi_exec_say(). */
	smp_mb();
}

/**
 * vmi_exec_ask() - have the current process's new address space tracked later
 *
 * There was no memory for that. What somebody else said since has precedence.
 *
 * Return: whether that is noted.
 */
bool vmi_exec_ask(void)
{
	const pid_t tgid = task_tgid_nr(current);
	int there = atomic_cmpxchg(slot_of(tgid), 0, tgid);

	return !there || abs(there) == tgid;
}

/**
 * vmi_exec_take() - the current process has its new address space
 *
 * Return: what was said of that since vmi_exec_begin().
 */
enum vmi_exec_word vmi_exec_take(void)
{
	int word;

	/* First the new address space, then this; see vmi_exec_say(). */
	smp_mb();
	word = take();
	if (!word)
		return VMI_EXEC_NONE;
	return word > 0 ? VMI_EXEC_TRACK : VMI_EXEC_UNTRACK;
}

/* Unless the slot is in use. */
static bool put(pid_t tgid, int word)
{
	atomic_t *slot = slot_of(tgid);
	int there = atomic_read(slot);

	do {
		if (there && abs(there) != tgid && is_number_in_exec(abs(there)))
			return false;
	} while (!atomic_try_cmpxchg(slot, &there, word));
	return true;
}

/**
 * vmi_exec_say() - a process began, or ceased, to be tracked
 * @task: the process, or a thread of it
 * @mm: the address space for which it did
 * @track: which of them
 *
 * If it is in execve(), what is to become of its new address space may have been decided
 * by what was before.
 *
 * Return: 0; -ESRCH if it is another program already, of which this was not said; -EBUSY
 * if another process in execve() has its slot.
 */
int vmi_exec_say(struct task_struct *task, const struct mm_struct *mm, bool track)
{
	const pid_t tgid = task_tgid_nr(task);
	const int word = track ? tgid : -tgid;
	bool said;

	/* First the old address space, then this; see vmi_exec_begin(). */
	smp_mb();
	said = is_in_exec(task);
	if (said && !put(tgid, word))
		return -EBUSY;
	/* First this, then what it runs in; see vmi_exec_take(). */
	smp_mb();
	if (vmi_process_runs_in(task, mm))
		return 0;
	/* It may be about to take it, or have done so. */
	if (said && atomic_cmpxchg(slot_of(tgid), word, 0) != word)
		return 0;
	return -ESRCH;
}

/**
 * vmi_exec_awaited() - is anybody in execve() whose new address space was asked for?
 *
 * Return: that.
 */
bool vmi_exec_awaited(void)
{
	int i, word;

	for (i = 0; i < VMI_EXEC_SLOTS; i++) {
		word = atomic_read(&slots[i]);
		if (word > 0 && is_number_in_exec(word))
			return true;
	}
	return false;
}
