// SPDX-License-Identifier: GPL-2.0
/*
 * Who is tracked: everyone, or those asked for and their children.
 *
 * The probes are armed while anyone is tracked, and a moment longer, since that
 * takes its time.
 *
 * Locking: follow_lock is held by whoever decides, and arms; the probes, which
 * follow fork, exec and exit, only read what was decided.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "exec.h"
#include "faults.h"
#include "follow.h"
#include "growth.h"
#include "hooks.h"
#include "memory.h"
#include "process.h"
#include "record.h"
#include "rusage.h"
#include "track.h"
#include "waiters.h"

/* The probes stay armed that long for nobody. */
#define VMI_IDLE_TIME HZ

/* So often those are looked for whose exit was not seen. */
#define VMI_SWEEP_TIME (10 * HZ)

/* Objects that exit frees on its own time, no longer than it unmaps as much. */
#define VMI_EXIT_OBJECTS 1024

static DEFINE_MUTEX(follow_lock);
static bool follow_all = true;
static bool ready;
static bool armed;
static atomic64_t untracked;

static LLIST_HEAD(reaped);
static void reap(struct work_struct *work);
static DECLARE_WORK(reap_work, reap);

static void disarm_idle(struct work_struct *work);
static DECLARE_DELAYED_WORK(idle_work, disarm_idle);

static void sweep(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(sweep_work, sweep);

/*
 * With PREEMPT_RT, another tracer on a function that we probe blinds us there
 * (hooks.c:hook_may_run()). If that is only where processes exit, more and more of them
 * would stay tracked until somebody asks.
 */
static void sweep_later(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		schedule_delayed_work(&sweep_work, VMI_SWEEP_TIME);
}

static int arm(void)
{
	int err = 0;

	lockdep_assert_held(&follow_lock);
	if (armed)
		return 0;
	vmi_exec_forget_all();
	err = vmi_hooks_arm();
	armed = !err;
	if (armed)
		sweep_later();
	return err;
}

/* The last one tracked may have gone. */
static void check_idle(void)
{
	if (!READ_ONCE(follow_all) && !vmi_track_nr())
		schedule_delayed_work(&idle_work, VMI_IDLE_TIME);
}

/* Is nobody tracked, nor about to be? */
static bool is_idle(void)
{
	if (READ_ONCE(follow_all) || vmi_track_nr())
		return false;
	/* Who just had no memory for that says so, vmi_exec_ask(). */
	synchronize_rcu();
	if (vmi_exec_awaited())
		return false;
	/* Whose execve() is just over is being added. */
	synchronize_rcu();
	return !vmi_track_nr();
}

static void disarm(void)
{
	lockdep_assert_held(&follow_lock);
	vmi_hooks_disarm();
	armed = false;
	/* Tasks that exit from now on are not seen to. */
	flush_work(&reap_work);
	vmi_faults_forget_all();
}

static void disarm_idle(struct work_struct *work)
{
	mutex_lock(&follow_lock);
	if (armed && is_idle())
		disarm();
	else if (armed)
		check_idle();
	mutex_unlock(&follow_lock);
}

/* Too much for whom it was buried by. */
static void reap(struct work_struct *work)
{
	struct vmi_track *track, *next;
	struct llist_node *list = llist_del_all(&reaped);

	/* Faults that were just being noted. */
	synchronize_rcu();
	llist_for_each_entry_safe(track, next, list, reap)
		vmi_track_empty(track, true);
}

static void reap_later(struct vmi_track *track)
{
	llist_add(&track->reap, &reaped);
	schedule_work(&reap_work);
}

static int ask_for(const struct mm_struct *mm)
{
	struct vmi_track *track = vmi_track_get(mm);

	if (!track)
		return -ESRCH;
	WRITE_ONCE(track->asked, true);
	vmi_track_put(track);
	return 0;
}

/* Track a process that is running. Its mm_users is held. */
static int track_process(struct mm_struct *mm, struct task_struct *leader,
			 bool asked)
{
	struct pid *tgid = get_task_pid(leader, PIDTYPE_TGID);
	struct vmi_track *track;

	/* It has been reaped since. Others may live on in its memory. */
	if (!tgid)
		return -ESRCH;
	track = vmi_track_add(mm, tgid, asked, GFP_KERNEL);
	put_pid(tgid);
	if (track == ERR_PTR(-EEXIST))
		return asked ? ask_for(mm) : 0;
	if (IS_ERR(track))
		return PTR_ERR(track);
	vmi_rusage_adopt(track, leader);
	return 0;
}

/* Its address space, which threads may have whose leader has exited. NULL if none has. */
static struct mm_struct *get_process_mm(struct task_struct *leader)
{
	struct mm_struct *mm = get_task_mm(leader);
	struct task_struct *thread;

	if (mm || (leader->flags & PF_KTHREAD))
		return mm;
	rcu_read_lock();
	for_each_thread(leader, thread) {
		mm = get_task_mm(thread);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}

/* Everyone there is. Those who come meanwhile are followed by the probes. */
static void track_everyone(void)
{
	struct task_struct *leader;
	struct mm_struct *mm;
	struct pid *pid;
	pid_t nr = 1;
	int err;

	for (; (pid = vmi_process_next(&init_pid_ns, nr)); nr++) {
		nr = pid_nr(pid);
		leader = get_pid_task(pid, PIDTYPE_TGID);
		put_pid(pid);
		if (!leader)
			continue;
		mm = get_process_mm(leader);
		if (mm) {
			err = track_process(mm, leader, false);
			if (err && err != -ESRCH)
				atomic64_inc(&untracked);
			/* The last one waits for all I/O of the process. */
			mmput_async(mm);
		}
		put_task_struct(leader);
		cond_resched();
	}
}

static bool is_anyone(struct vmi_track *track)
{
	return true;
}

static bool is_not_asked(struct vmi_track *track)
{
	return !READ_ONCE(track->asked);
}

static void untrack_those(bool (*which)(struct vmi_track *track))
{
	struct vmi_track *track, *next;
	LLIST_HEAD(buried);
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(vmi_tracks, bucket, track, node)
		if (which(track) && vmi_track_bury(track))
			__llist_add(&track->reap, &buried);
	rcu_read_unlock();
	if (llist_empty(&buried))
		return;
	/* Faults that were just being noted. */
	synchronize_rcu();
	llist_for_each_entry_safe(track, next, __llist_del_all(&buried), reap) {
		/* Of its end nobody may have been told. */
		vmi_waiters_wake(track->mm);
		vmi_track_empty(track, true);
	}
}

static void forget_exited(void)
{
	lockdep_assert_held(&follow_lock);
	/* Torn down while the probes did not fire. */
	untrack_those(vmi_track_is_torn_down);
	vmi_faults_sweep();
	if (armed)
		check_idle();
}

static void sweep(struct work_struct *work)
{
	mutex_lock(&follow_lock);
	if (armed) {
		forget_exited();
		sweep_later();
	}
	mutex_unlock(&follow_lock);
}

static int follow_everyone(void)
{
	int err = arm();

	if (err)
		return err;
	WRITE_ONCE(follow_all, true);
	track_everyone();
	return 0;
}

static void follow_asked(void)
{
	WRITE_ONCE(follow_all, false);
	/* Those who are just being followed. */
	synchronize_rcu();
	untrack_those(is_not_asked);
	check_idle();
}

static int set_track(const char *value, const struct kernel_param *param)
{
	bool all = sysfs_streq(value, "all");
	int err = 0;

	if (!all && !sysfs_streq(value, "none"))
		return -EINVAL;
	mutex_lock(&follow_lock);
	if (!ready)
		follow_all = all;
	else if (all && !follow_all)
		err = follow_everyone();
	else if (!all && follow_all)
		follow_asked();
	mutex_unlock(&follow_lock);
	return err;
}

static int get_track(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", READ_ONCE(follow_all) ? "all" : "none");
}

static const struct kernel_param_ops track_ops = {
	.set = set_track,
	.get = get_track,
};
module_param_cb(track, &track_ops, NULL, 0644);
MODULE_PARM_DESC(track,
		 "all: count the faults of every process (default); none: of those asked for");

/**
 * vmi_follow_init() - begin to track
 *
 * Return: 0, also if this kernel can't be probed: nobody is tracked then.
 */
int vmi_follow_init(void)
{
	int err = vmi_counts_create_caches();

	if (err)
		return err;
	err = vmi_record_create_cache();
	if (err)
		goto destroy_counts;
	err = vmi_growth_create_cache();
	if (err)
		goto destroy_records;
	err = vmi_track_create_cache();
	if (err)
		goto destroy_growth;
	vmi_memory_init();

	mutex_lock(&follow_lock);
	if (follow_all && follow_everyone()) {
		pr_warn("page faults are not counted: no probes\n");
		follow_asked();
		vmi_faults_forget_all();
	}
	ready = true;
	mutex_unlock(&follow_lock);
	return 0;

destroy_growth:
	vmi_growth_destroy_cache();
destroy_records:
	vmi_record_destroy_cache();
destroy_counts:
	vmi_counts_destroy_caches();
	return err;
}

/**
 * vmi_follow_exit_all() - undo vmi_follow_init()
 *
 * Nobody reads or writes any more.
 */
void vmi_follow_exit_all(void)
{
	mutex_lock(&follow_lock);
	ready = false;
	WRITE_ONCE(follow_all, false);
	if (armed)
		vmi_hooks_disarm();
	armed = false;
	mutex_unlock(&follow_lock);
	vmi_hooks_exit();
	cancel_delayed_work_sync(&sweep_work);
	cancel_delayed_work_sync(&idle_work);
	flush_work(&reap_work);

	untrack_those(is_anyone);
	vmi_faults_forget_all();
	vmi_record_destroy_cache();
	vmi_track_destroy_cache();
	vmi_growth_destroy_cache();
	vmi_counts_destroy_caches();
}

/**
 * vmi_follow_gather() - who is tracked, and how that goes
 * @state: where to put it
 *
 * Who went while the probes did not fire is forgotten now.
 */
void vmi_follow_gather(struct vmi_follow_state *state)
{
	mutex_lock(&follow_lock);
	forget_exited();
	state->all = follow_all;
	state->armed = armed;
	state->fire = armed && vmi_hooks_fire();
	mutex_unlock(&follow_lock);
	state->tracked = vmi_track_nr();
	state->untracked = atomic64_read(&untracked);
}

static int word_track(struct mm_struct *mm, struct task_struct *leader)
{
	int err = arm();

	if (err)
		return err;
	err = track_process(mm, leader, true);
	if (!err)
		err = vmi_exec_say(leader, mm, true);
	if (err)
		check_idle();
	return err;
}

static int word_untrack(struct mm_struct *mm, struct task_struct *leader)
{
	struct vmi_track *track = vmi_track_get(mm);
	bool buried = track && vmi_track_bury(track);
	/* At once: an execve() does not wait for a grace period. */
	int err = vmi_exec_say(leader, mm, false);

	if (buried) {
		/* Faults that were just being noted. */
		synchronize_rcu();
		vmi_track_empty(track, true);
	}
	if (track)
		vmi_track_put(track);
	check_idle();
	return err;
}

static int renew(struct vmi_track *old, struct task_struct *leader)
{
	struct pid *tgid = get_task_pid(leader, PIDTYPE_TGID);
	struct vmi_track *track;

	if (!tgid)
		return -ESRCH;
	track = vmi_track_renew(old, tgid);
	put_pid(tgid);
	if (IS_ERR(track))
		return PTR_ERR(track);
	vmi_rusage_adopt(track, leader);
	/* Faults that were just being noted. */
	synchronize_rcu();
	vmi_track_empty(old, true);
	return 0;
}

static int word_reset(struct mm_struct *mm, struct task_struct *leader)
{
	struct vmi_track *track = vmi_track_get(mm);
	int err;

	if (!track)
		return -EINVAL;
	err = renew(track, leader);
	vmi_track_put(track);
	return err;
}

/**
 * vmi_follow_word() - do what was written to a process's file
 * @word: "track", "untrack" or "reset"
 * @mm: the process's address space
 * @pid: the process, or a thread of it
 *
 * Return: 0; -EINVAL for any other word, and for the reset of what is not
 * tracked; -ESRCH if the process is gone; -EBUSY, see vmi_exec_say(); -ENOMEM; or why
 * the probes can't be set.
 */
int vmi_follow_word(const char *word, struct mm_struct *mm, struct pid *pid)
{
	static const struct {
		const char *word;
		int (*act)(struct mm_struct *mm, struct task_struct *leader);
	} words[] = {
		{ "track", word_track },
		{ "untrack", word_untrack },
		{ "reset", word_reset },
	};
	struct task_struct *task;
	int i, err = -ESRCH;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, word))
			break;
	if (i == ARRAY_SIZE(words))
		return -EINVAL;
	task = get_pid_task(pid, PIDTYPE_PID);
	if (!task)
		return -ESRCH;
	if (mmget_not_zero(mm)) {
		mutex_lock(&follow_lock);
		if (vmi_process_runs_in(task, mm))
			err = words[i].act(mm, task);
		mutex_unlock(&follow_lock);
		mmput(mm);
	}
	put_task_struct(task);
	return err;
}

/*
 * Track an address space that just came to be, if it is to be. False if there is no
 * memory for that.
 */
static bool follow(struct mm_struct *mm, struct task_struct *task, bool asked)
{
	struct vmi_track *track;

	track = vmi_track_add(mm, task_tgid(task), asked, VMI_GFP_HOOK);
	/* Somebody who tracks everyone came first. */
	if (track == ERR_PTR(-EEXIST) && asked)
		ask_for(mm);
	return track != ERR_PTR(-ENOMEM);
}

/* Does the current process stem from one that is tracked, or was asked for? */
static bool stems_from(bool *asked)
{
	struct vmi_track *from = current->mm ? vmi_track_find(current->mm) : NULL;

	*asked = from && READ_ONCE(from->asked);
	return from;
}

/**
 * vmi_follow_fork() - a task was made, and is about to run
 * @child: the task
 *
 * Called in an RCU read-side section.
 */
void vmi_follow_fork(struct task_struct *child)
{
	bool asked;

	if (!child->mm || child->mm == current->mm)
		return;
	if (!stems_from(&asked) && !READ_ONCE(follow_all))
		return;
	if (!follow(child->mm, child, asked))
		atomic64_inc(&untracked);
}

/**
 * vmi_follow_exec() - the current process is about to get a new address space
 * @mm: that one
 *
 * If there is no memory, vmi_follow_execed() tries again, when what the process stems
 * from may be gone.
 *
 * Called in an RCU read-side section.
 */
void vmi_follow_exec(struct mm_struct *mm)
{
	bool asked;

	vmi_exec_begin();
	if (!stems_from(&asked) && !READ_ONCE(follow_all))
		return;
	if (!follow(mm, current, asked) && asked && !vmi_exec_ask())
		atomic64_inc(&untracked);
}

/* The current process was to be tracked no more when its address space came to be. */
static void leave(struct vmi_track *track)
{
	if (!vmi_track_bury(track))
		return;
	reap_later(track);
	check_idle();
}

/**
 * vmi_follow_execed() - the current process got its new address space
 *
 * What it has from before, and from reading the arguments of execve(), does not
 * belong there.
 *
 * Called in an RCU read-side section.
 */
void vmi_follow_execed(void)
{
	enum vmi_exec_word word = vmi_exec_take();
	struct vmi_track *track = vmi_track_find(current->mm);
	bool asked = word == VMI_EXEC_TRACK;

	if (word == VMI_EXEC_UNTRACK && track && !READ_ONCE(follow_all)) {
		leave(track);
		return;
	}
	if (word != VMI_EXEC_NONE && track)
		WRITE_ONCE(track->asked, asked);
	/* There was no memory, or tracking began, since vmi_follow_exec(). */
	if (!track && (asked || READ_ONCE(follow_all))) {
		if (!follow(current->mm, current, asked))
			atomic64_inc(&untracked);
		track = vmi_track_find(current->mm);
	}
	if (track)
		vmi_rusage_execed(track);
}

/**
 * vmi_follow_exit() - an address space is about to be torn down
 * @mm: the address space, which has no users any more
 *
 * Called in an RCU read-side section.
 */
void vmi_follow_exit(struct mm_struct *mm)
{
	struct vmi_track *track = vmi_track_find(mm);

	if (!track || !vmi_track_bury(track))
		return;
	vmi_waiters_wake(mm);
	/* A device that has no more than a notifier may be faulting yet (6.1: AMD IOMMU v2). */
	if (track->counts.nr_leaves + track->growth.nr_slots <= VMI_EXIT_OBJECTS &&
	    !mm_has_notifiers(mm))
		vmi_track_empty(track, false);
	else
		reap_later(track);
	check_idle();
}
