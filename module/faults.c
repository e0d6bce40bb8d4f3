// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the completed page faults of tracked address spaces, page by page.
 *
 * There is one probe, at the entry of handle_mm_fault(): what is about to happen
 * is noted there, in a record of the task. Whether it did happen is known from
 * the task's own min_flt and maj_flt, which the kernel raises by one when it
 * accounts for a fault (mm/memory.c:mm_account_fault()), and by nothing else.
 * They are looked at when the task next enters, or before by whoever needs to
 * know: the fault is then settled. A probe at the return would cost twice as much.
 * It is set only while the trace event is on, for an event must come at once.
 *
 * So nothing is counted that the kernel did not count; and what the kernel
 * counted and was not seen here can be told, see vmi_rusage_faults().
 *
 * Locking: the record of a task has a lock, which its owner takes at every fault
 * and others while they settle it. It holds the task, so that its counters stay
 * readable, and the tracking it points to (record.c). A noted fault points to a
 * leaf: that is valid while the fault's mapping exists, for whoever unmaps it settles
 * first (vmi_faults_unmapped()).
 */
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/shmem_fs.h>

#include "faults.h"
#include "kind.h"
#include "record.h"
#include "track.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static void add_gone(struct vmi_track *track, const struct vmi_faults *faults)
{
	unsigned int i;

	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		if (faults->nr[i])
			atomic64_add(faults->nr[i], &track->gone[i]);
}

/* The fault was between two address spaces, or processes. */
static noinline void count_remote(struct vmi_task *record)
{
	if (record->track != &vmi_nowhere)
		atomic64_inc(&record->track->remote);
	if (record->home)
		atomic64_inc(&record->home->elsewhere);
}

static noinline void count_gone(struct vmi_task *record, bool major)
{
	atomic64_inc(&record->track->gone[record->kind]);
	if (major)
		atomic64_inc(&record->track->gone[VMI_FAULT_MAJOR]);
}

static noinline void emit_event(struct vmi_task *record, bool major)
{
	record->event.addr = record->addr;
	record->event.kind = record->kind;
	record->event.major = major;
	if (record->event.vm_end && record->track != &vmi_nowhere)
		trace_fault(&record->event);
	/* Should the event be off when the next one is noted. */
	record->event.vm_end = 0;
}

/* Others have let go of the leaf, which may be there yet. */
static noinline struct vmi_leaf *find_leaf_again(const struct vmi_task *record)
{
	if (record->track == &vmi_nowhere)
		return NULL;
	return vmi_counts_find(&record->track->counts, record->addr);
}

/* False if there is no leaf for the noted fault. */
static __always_inline bool count_in_leaf(const struct vmi_task *record,
					  bool major)
{
	struct vmi_leaf *leaf = record->leaf;

	if (unlikely(!leaf))
		leaf = find_leaf_again(record);
	return leaf && vmi_leaf_add(leaf, record->slot, record->kind, major);
}

/* The noted fault did complete. */
static __always_inline void count(struct vmi_task *record, bool major)
{
	/* There is no other way for shared memory to take long. */
	if (unlikely(major && record->shmem))
		record->kind = VMI_FAULT_SWAP;
	if (unlikely(record->noted == VMI_NOTED_GONE))
		count_gone(record, major);
	else if (!count_in_leaf(record, major))
		atomic64_inc(&record->track->unattributed);
	if (unlikely(record->home != record->track))
		count_remote(record);
	if (trace_fault_enabled())
		emit_event(record, major);
}

/*
 * Look whether the noted fault has completed. If not, it stays noted: it failed,
 * or will be tried again, or is still going on.
 *
 * More than one fault since then means that some were not seen. One of them was
 * the noted one, most likely.
 */
static __always_inline void settle(struct vmi_task *record)
{
	unsigned long min = READ_ONCE(record->task->min_flt);
	unsigned long maj = READ_ONCE(record->task->maj_flt);

	lockdep_assert_held(&record->lock);
	if (min == record->min && maj == record->maj)
		return;
	if (record->noted != VMI_NOTED_NOTHING) {
		count(record, min == record->min);
		record->noted = VMI_NOTED_NOTHING;
	} else if (record->adopted && record->home &&
		   min - record->min + maj - record->maj == 1) {
		/* It was in the middle of a fault when tracking began. */
		atomic64_add(min - record->min, &record->home->before_min);
		atomic64_add(maj - record->maj, &record->home->before_maj);
	}
	record->min = min;
	record->maj = maj;
}

/*
 * Is an address in a leaf that the range is in, too? The leaf goes if nothing else of it
 * is mapped; and who unmapped the address may not have been seen.
 */
static bool shares_leaf(unsigned long addr, unsigned long start,
			unsigned long end)
{
	return start < end &&
	       (VMI_LEAF_INDEX(addr) == VMI_LEAF_INDEX(start) ||
		VMI_LEAF_INDEX(addr) == VMI_LEAF_INDEX(end - 1));
}

/* Settle a record whose task may be doing anything now. */
static void settle_other(struct vmi_task *record, struct vmi_track *track,
			 unsigned long start, unsigned long end)
{
	record->queued = false;
	settle(record);
	if (track->dead || record->noted == VMI_NOTED_NOTHING) {
		record->noted = VMI_NOTED_NOTHING;
		WRITE_ONCE(record->leaf, NULL);
		return;
	}
	if (record->addr >= start && record->addr < end) {
		record->noted = VMI_NOTED_GONE;
		WRITE_ONCE(record->leaf, NULL);
	} else if (shares_leaf(record->addr, start, end)) {
		WRITE_ONCE(record->leaf, NULL);
	}
	record->queued = true;
	llist_add(&record->unsettled, &track->unsettled);
}

/**
 * vmi_faults_settle() - count all faults that have completed
 * @track: the address space
 * @start: first address that is no longer mapped
 * @end: first address behind
 *
 * Faults that are neither completed nor given up stay noted; those from @start
 * to @end count as gone when they complete.
 *
 * The work is that of the tasks that had a fault since the last time.
 */
void vmi_faults_settle(struct vmi_track *track, unsigned long start,
		       unsigned long end)
{
	struct vmi_task *record, *next;
	struct llist_node *list;
	unsigned int pending = 0;
	bool dropped;

	rcu_read_lock();
	spin_lock(&track->settle_lock);
	atomic_set(&track->dropped, 0);
	list = llist_del_all(&track->unsettled);
	llist_for_each_entry_safe(record, next, list, unsettled) {
		raw_spin_lock(&record->lock);
		settle_other(record, track, start, end);
		pending += record->queued;
		dropped = record->dropped;
		raw_spin_unlock(&record->lock);
		if (dropped)
			vmi_record_release(record);
	}
	WRITE_ONCE(track->pending, pending);
	spin_unlock(&track->settle_lock);
	rcu_read_unlock();
}

/* The tracking on whose list the record stands, NULL if on none. Under its lock. */
static struct vmi_track *queued_at(const struct vmi_task *record)
{
	lockdep_assert_held(&record->lock);
	return record->queued ? record->track : NULL;
}

/*
 * No fault is noted from now on, so that nobody puts the record on a list again.
 * Under its lock; what is returned is for unqueue().
 */
static struct vmi_track *stop_noting(struct vmi_task *record)
{
	settle(record);
	record->noted = VMI_NOTED_NOTHING;
	return queued_at(record);
}

/* Take a record off that list, if it still stands there. */
static void unqueue(struct vmi_track *track)
{
	if (track)
		vmi_faults_settle(track, 0, 0);
}

/*
 * Link a record to the address spaces of the faults to come, which are both held
 * for it. Under its lock, and not queued. Those it was linked to are to be put.
 */
static void link_record(struct vmi_task *record, struct mm_struct *target_mm,
			struct mm_struct *home_mm, struct vmi_track **track,
			struct vmi_track **home)
{
	struct vmi_track *old = record->track;

	WRITE_ONCE(record->target_mm, target_mm);
	WRITE_ONCE(record->home_mm, home_mm);
	WRITE_ONCE(record->track, *track);
	*track = old;
	swap(record->home, *home);
	WRITE_ONCE(record->leaf, NULL);
	record->noted = VMI_NOTED_NOTHING;
	record->min = READ_ONCE(record->task->min_flt);
	record->maj = READ_ONCE(record->task->maj_flt);
	record->before_min = record->min;
	record->before_maj = record->maj;
}

/* Records that were dropped, and stay on a list for the next one who settles. */
#define VMI_DROPPED 64

/*
 * A record that was dropped is left on the list of a tracking. To look through the list
 * for each would take as long as it has tasks in a fault; it is looked through when as
 * many were dropped, or when nobody else will.
 */
static void leave_dropped(struct vmi_track *track)
{
	unsigned int most = READ_ONCE(track->pending) + VMI_DROPPED;

	if (atomic_inc_return(&track->dropped) > most || READ_ONCE(track->dead))
		vmi_faults_settle(track, 0, 0);
}

/*
 * Done with a record: its task exits, or has to do with nothing tracked. Others
 * may find the same.
 *
 * Called in an RCU read-side section, which keeps what it was linked to.
 */
static void drop_record(struct vmi_task *record)
{
	struct vmi_track *queued;
	bool mine;

	mine = vmi_record_hide(record);
	raw_spin_lock(&record->lock);
	queued = stop_noting(record);
	WRITE_ONCE(record->finished, true);
	/* So that it is linked to no address space. */
	WRITE_ONCE(record->target_mm, NULL);
	/* From here on, if it is on a list, whoever takes it off may free it. */
	record->dropped |= mine;
	raw_spin_unlock(&record->lock);
	if (!mine)
		return;
	if (queued)
		leave_dropped(queued);
	else
		vmi_record_release(record);
}

/*
 * The current task is about to fault in an address space that is not its process's,
 * and there is no memory to see whether it will. The process has the kernel's count
 * of its own faults to show for it, @track nothing but this: once, however often the
 * fault is tried again.
 */
static noinline void count_unwatched(struct vmi_track *track, unsigned int flags)
{
	if (flags & FAULT_FLAG_TRIED)
		return;
	atomic64_inc(&track->unattributed);
	atomic64_inc(&track->remote);
}

/*
 * The current task is about to fault in another address space than the last
 * time, or for the first time. NULL if that concerns nobody, or there is no memory.
 */
static noinline struct vmi_task *relink(struct vmi_task *record,
					struct mm_struct *mm,
					unsigned int flags)
{
	struct vmi_track *track = vmi_track_find(mm);
	struct vmi_track *home = track, *queued;

	if (unlikely(current->mm != mm))
		home = current->mm ? vmi_track_find(current->mm) : NULL;
	if (home && home->tgid != task_tgid(current))
		home = NULL;
	if (likely(!track && !home)) {
		if (record)
			drop_record(record);
		return NULL;
	}
	if (!record)
		record = vmi_record_get(current);
	if (!record || READ_ONCE(record->finished)) {
		if (track && track != home)
			count_unwatched(track, flags);
		return NULL;
	}

	raw_spin_lock(&record->lock);
	queued = stop_noting(record);
	raw_spin_unlock(&record->lock);
	unqueue(queued);

	if (!track || !vmi_track_hold(track)) {
		track = &vmi_nowhere;
		vmi_track_hold(track);
	}
	if (home && !vmi_track_hold(home))
		home = NULL;
	raw_spin_lock(&record->lock);
	if (!record->finished)
		link_record(record, mm, current->mm, &track, &home);
	raw_spin_unlock(&record->lock);
	vmi_track_put(track);
	if (home)
		vmi_track_put(home);
	return record;
}

/* Only while the event is on: @record->event.vm_end is 0 otherwise. */
static noinline void note_event(struct vmi_task *record,
				const struct vm_area_struct *vma,
				unsigned int flags)
{
	record->event.vm_start = vma->vm_start;
	record->event.vm_end = vma->vm_end;
	record->event.ip = current->flags & PF_KTHREAD ?
		0 : instruction_pointer(task_pt_regs(current));
	record->event.tgid = task_tgid_nr(current);
	record->event.access = flags & (FAULT_FLAG_WRITE |
					FAULT_FLAG_INSTRUCTION);
}

static bool is_shmem(const struct vm_area_struct *vma)
{
	return vma->vm_file && shmem_mapping(vma->vm_file->f_mapping);
}

/*
 * The leaf to count in: that of the last fault, if it serves. Whoever might have
 * freed it has taken it off the record, before the mapping that is locked now
 * came to be.
 */
static __always_inline struct vmi_leaf *
find_leaf(const struct vmi_task *record, struct vmi_counts *counts,
	  unsigned long addr, enum vmi_fault kind)
{
	struct vmi_leaf *leaf = READ_ONCE(record->leaf);

	if (unlikely(!leaf || VMI_LEAF_INDEX(record->addr ^ addr)))
		leaf = vmi_counts_leaf(counts, addr);
	if (leaf && unlikely(vmi_leaf_crowded(leaf, VMI_LEAF_SLOT(addr), kind)))
		vmi_leaf_widen(counts, leaf);
	return leaf;
}

/*
 * Note a fault. What was noted before is settled, or came to nothing. False if
 * the record was linked anew by others in the meantime: the leaf may be another
 * address space's.
 */
static __always_inline bool note(struct vmi_task *record,
				 struct vm_area_struct *vma, unsigned long addr,
				 unsigned int flags)
{
	enum vmi_fault kind = vmi_kind_of_fault(vma, addr, flags);
	struct vmi_track *track = READ_ONCE(record->track);
	struct vmi_leaf *leaf = NULL;

	if (likely(track != &vmi_nowhere)) {
		leaf = find_leaf(record, &track->counts, addr, kind);
		if (IS_ENABLED(CONFIG_PREEMPT_RT) &&
		    unlikely(vma->vm_flags & VM_GROWSDOWN))
			vmi_growth_make_room(&track->growth);
	}
	raw_spin_lock(&record->lock);
	if (unlikely(record->track != track || record->target_mm != vma->vm_mm)) {
		raw_spin_unlock(&record->lock);
		return false;
	}
	settle(record);
	WRITE_ONCE(record->leaf, leaf);
	record->addr = addr;
	record->slot = VMI_LEAF_SLOT(addr);
	record->kind = kind;
	record->noted = VMI_NOTED_FAULT;
	record->adopted = false;
	record->shmem = kind == VMI_FAULT_FILE && is_shmem(vma);
	if (trace_fault_enabled())
		note_event(record, vma, flags);
	else
		record->event.vm_end = 0;
	if (!record->queued && likely(track != &vmi_nowhere)) {
		record->queued = true;
		llist_add(&record->unsettled, &track->unsettled);
	}
	raw_spin_unlock(&record->lock);
	return true;
}

/* Is the record linked to the address spaces of this fault? */
static __always_inline bool is_linked(const struct vmi_task *record,
				      const struct mm_struct *mm)
{
	return READ_ONCE(record->target_mm) == mm &&
	       READ_ONCE(record->home_mm) == current->mm &&
	       !READ_ONCE(READ_ONCE(record->track)->dead);
}

/**
 * vmi_faults_enter() - the current task is about to handle a fault
 * @vma: the mapping
 * @addr: the address
 * @flags: FAULT_FLAG_*
 *
 * Locking: mmap_lock or the lock of @vma is held, which keeps both mapping and
 * address space. Called in an RCU read-side section.
 */
void vmi_faults_enter(struct vm_area_struct *vma, unsigned long addr,
		      unsigned int flags)
{
	struct vmi_task *record = vmi_record_find(current);

	do {
		if (unlikely(!record || !is_linked(record, vma->vm_mm)))
			record = relink(record, vma->vm_mm, flags);
	} while (record && unlikely(!note(record, vma, addr, flags)));
}

/**
 * vmi_faults_leave() - the current task has handled a fault
 *
 * Called only while the trace event is on.
 */
void vmi_faults_leave(void)
{
	struct vmi_task *record;

	rcu_read_lock();
	record = vmi_record_find(current);
	if (record) {
		raw_spin_lock(&record->lock);
		settle(record);
		raw_spin_unlock(&record->lock);
	}
	rcu_read_unlock();
}

/* Whose counts are on their way from one place to another is no sum to be had. */
static void begin_move(struct vmi_track *track)
{
	atomic_inc(&track->moves);
	/* First this, then counts change; see vmi_account_close(). */
	smp_mb__after_atomic();
}

static void end_move(struct vmi_track *track)
{
	/* First they have changed, then this; see vmi_account_begin(). */
	smp_mb__before_atomic();
	atomic_inc(&track->moved);
}

/**
 * vmi_faults_unmapped() - a range of addresses is no longer mapped
 * @track: the address space
 * @start: first address
 * @end: first address behind
 *
 * Locking: mmap_lock is held, by whoever unmaps. No fault can be going on in the
 * range, but one may have let go of the lock and be about to be accounted for.
 */
void vmi_faults_unmapped(struct vmi_track *track, unsigned long start,
			 unsigned long end)
{
	struct vmi_faults gone = {};

	begin_move(track);
	vmi_faults_settle(track, start, end);
	vmi_counts_take(&track->counts, track->mm, start, end, &gone);
	add_gone(track, &gone);
	end_move(track);
}

/**
 * vmi_faults_moved() - the pages of a range are about to move
 * @track: the address space
 * @from: first address
 * @to: where it goes
 * @len: bytes
 *
 * Locking: mmap_lock is held for writing.
 */
void vmi_faults_moved(struct vmi_track *track, unsigned long from,
		      unsigned long to, unsigned long len)
{
	struct vmi_faults lost = {};

	begin_move(track);
	vmi_faults_settle(track, from, from + len);
	vmi_counts_move(&track->counts, from, to, len, &lost);
	atomic64_add(vmi_faults_sum(&lost), &track->unattributed);
	end_move(track);
}

/**
 * vmi_faults_forget() - a task is exiting, and will have no more faults
 * @task: the task
 *
 * Called in an RCU read-side section.
 */
void vmi_faults_forget(struct task_struct *task)
{
	struct vmi_task *record;

	/* First its mm was cleared, then comes this; see vmi_faults_adopt(). */
	smp_mb();
	record = vmi_record_find(task);
	if (record)
		drop_record(record);
}

/**
 * vmi_faults_sweep() - forget tasks that exited while the probes did not fire
 */
void vmi_faults_sweep(void)
{
	struct vmi_task *record;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(vmi_records, bucket, record, node)
		if (READ_ONCE(record->task->exit_state))
			drop_record(record);
	rcu_read_unlock();
}

/**
 * vmi_faults_forget_all() - the probes are not armed any more
 *
 * No address space is tracked. Reports may still be read.
 */
void vmi_faults_forget_all(void)
{
	struct vmi_task *record;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(vmi_records, bucket, record, node)
		drop_record(record);
	rcu_read_unlock();
}

/**
 * vmi_faults_adopt() - note the faults of a thread that is running already
 * @track: tracking of its process
 * @thread: the thread
 * @min: to add to: minor faults it had before
 * @maj: major ones
 *
 * A thread that is past exit_mm() has none to come, and may be past the probe that
 * would forget it, too. One that has its mm now will come by there later: it
 * clears that first, and looks for its record then.
 *
 * Called in an RCU read-side section.
 */
void vmi_faults_adopt(struct vmi_track *track, struct task_struct *thread,
		      u64 *min, u64 *maj)
{
	struct vmi_track *old = track, *none = track, *queued;
	unsigned long thread_min = READ_ONCE(thread->min_flt);
	unsigned long thread_maj = READ_ONCE(thread->maj_flt);
	struct vmi_task *record = vmi_record_get(thread);

	/* First the record, then its mm; see vmi_faults_forget(). */
	smp_mb();
	if (record && !READ_ONCE(thread->mm)) {
		drop_record(record);
		record = NULL;
	}
	if (!record)
		goto add;

	vmi_track_hold(track);
	vmi_track_hold(track);
	raw_spin_lock(&record->lock);
	queued = queued_at(record);
	raw_spin_unlock(&record->lock);
	unqueue(queued);
	raw_spin_lock(&record->lock);
	if (!record->finished && record->home != track) {
		settle(record);
		if (!record->queued) {
			link_record(record, track->mm, track->mm, &old, &none);
			record->adopted = true;
		} else if (record->home_mm == track->mm) {
			/* In a fault elsewhere, which is to be known here. */
			swap(record->home, none);
		}
		record->before_min = record->min;
		record->before_maj = record->maj;
	}
	if (!record->finished) {
		thread_min = record->before_min;
		thread_maj = record->before_maj;
	}
	raw_spin_unlock(&record->lock);
	vmi_track_put(old);
	if (none)
		vmi_track_put(none);
add:
	*min += thread_min;
	*maj += thread_maj;
}

/**
 * vmi_faults_settle_others() - count the fault of a thread that nobody else settles
 * @thread: the thread
 *
 * One in another address space than its own is not settled with that; nor is one that
 * was not noted, as the thread was in it when tracking began.
 *
 * Called in an RCU read-side section.
 */
void vmi_faults_settle_others(const struct task_struct *thread)
{
	struct vmi_task *record = vmi_record_find(thread);

	if (!record)
		return;
	raw_spin_lock(&record->lock);
	if (record->home != record->track || record->adopted)
		settle(record);
	raw_spin_unlock(&record->lock);
}
