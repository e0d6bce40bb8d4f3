// SPDX-License-Identifier: GPL-2.0
/*
 * The set of tracked address spaces.
 *
 * An address space is tracked from vmi_track_add() until it is buried: because
 * it is torn down, or by request. Who is tracked is decided in follow.c.
 *
 * Locking: looked up under RCU; changed under set_lock, which nests inside
 * everything, and is taken in the course of other processes' fork, exec and exit.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "faults.h"
#include "memory.h"
#include "track.h"

DEFINE_HASHTABLE(vmi_tracks, VMI_TRACK_BITS);
static DEFINE_SPINLOCK(set_lock);

static struct kmem_cache *track_cache;
static atomic_t nr_tracks;
static atomic64_t unattributed;

/**
 * vmi_track_create_cache() - prepare to track
 *
 * Return: 0 or -ENOMEM.
 */
int vmi_track_create_cache(void)
{
	track_cache = vmi_memory_create_cache("vmi_track", sizeof(struct vmi_track));
	return track_cache ? 0 : -ENOMEM;
}

/**
 * vmi_track_destroy_cache() - undo vmi_track_create_cache()
 *
 * Those that are being freed are waited for.
 */
void vmi_track_destroy_cache(void)
{
	rcu_barrier();
	kmem_cache_destroy(track_cache);
}

/**
 * vmi_track_nr() - how many address spaces are tracked
 *
 * Return: that.
 */
int vmi_track_nr(void)
{
	return atomic_read(&nr_tracks);
}

/**
 * vmi_track_unattributed() - faults that no page could be given, of all ever tracked
 *
 * Return: that.
 */
u64 vmi_track_unattributed(void)
{
	u64 sum = atomic64_read(&unattributed);
	struct vmi_track *track;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(vmi_tracks, bucket, track, node)
		sum += atomic64_read(&track->unattributed);
	rcu_read_unlock();
	return sum;
}

/**
 * vmi_track_get() - find the tracking of an address space, and keep it
 * @mm: the address space
 *
 * Return: it, for vmi_track_put(), or NULL.
 */
struct vmi_track *vmi_track_get(const struct mm_struct *mm)
{
	struct vmi_track *track;

	rcu_read_lock();
	track = vmi_track_find(mm);
	if (track && !vmi_track_hold(track))
		track = NULL;
	rcu_read_unlock();
	return track;
}

static void free_track(struct rcu_head *rcu)
{
	struct vmi_track *track = container_of(rcu, struct vmi_track, rcu);

	put_pid(track->tgid);
	kmem_cache_free(track_cache, track);
	vmi_memory_sub(sizeof(*track));
}

/**
 * vmi_track_put() - undo vmi_track_get() or vmi_track_hold()
 * @track: it
 */
void vmi_track_put(struct vmi_track *track)
{
	if (refcount_dec_and_test(&track->refs))
		call_rcu(&track->rcu, free_track);
}

static struct vmi_track *new_track(struct mm_struct *mm, struct pid *tgid,
				   bool asked, gfp_t gfp)
{
	struct vmi_track *track;

	track = vmi_memory_alloc(track_cache, sizeof(*track), gfp);
	if (!track)
		return NULL;
	track->mm = mm;
	track->tgid = get_pid(tgid);
	refcount_set(&track->refs, 1);
	track->asked = asked;
	track->since_ns = ktime_get_ns();
	vmi_memory_add(sizeof(*track));
	vmi_counts_init(&track->counts);
	vmi_growth_init(&track->growth, gfp);
	spin_lock_init(&track->settle_lock);
	init_llist_head(&track->unsettled);
	return track;
}

/**
 * vmi_track_add() - track an address space from now on
 * @mm: the address space
 * @tgid: the process it belongs to
 * @asked: it was asked for
 * @gfp: how to allocate
 *
 * Return: its tracking, which lives as long as @mm is not torn down nor buried
 * by others; -EEXIST if it is tracked already, or -ENOMEM.
 */
struct vmi_track *vmi_track_add(struct mm_struct *mm, struct pid *tgid,
				bool asked, gfp_t gfp)
{
	struct vmi_track *track = new_track(mm, tgid, asked, gfp);
	struct vmi_track *there;

	if (!track)
		return ERR_PTR(-ENOMEM);
	spin_lock(&set_lock);
	there = vmi_track_find(mm);
	if (!there) {
		mmgrab(mm);
		hash_add_rcu(vmi_tracks, &track->node, (unsigned long)mm);
		atomic_inc(&nr_tracks);
	}
	spin_unlock(&set_lock);
	if (!there)
		return track;
	vmi_growth_free(&track->growth);
	vmi_track_put(track);
	return ERR_PTR(-EEXIST);
}

/**
 * vmi_track_renew() - forget what was counted of an address space, and start anew
 * @old: its tracking until now, held
 * @tgid: the process it belongs to from now on
 *
 * There is no moment at which it is not tracked: who is forked from it, or becomes
 * another program, is not missed. The caller has to empty @old, as one that was buried.
 *
 * Locking: the caller holds mm_users, and what keeps others from burying @old.
 *
 * Return: its tracking from now on, as of vmi_track_add(), or -ENOMEM.
 */
struct vmi_track *vmi_track_renew(struct vmi_track *old, struct pid *tgid)
{
	struct vmi_track *track = new_track(old->mm, tgid, false, GFP_KERNEL);

	if (!track)
		return ERR_PTR(-ENOMEM);
	mmgrab(track->mm);
	spin_lock(&set_lock);
	track->asked = READ_ONCE(old->asked);
	hlist_replace_rcu(&old->node, &track->node);
	WRITE_ONCE(old->dead, true);
	spin_unlock(&set_lock);
	return track;
}

/**
 * vmi_track_bury() - no longer track an address space
 * @track: its tracking
 *
 * Whoever buries it has to empty it, once nobody counts there any more.
 *
 * Return: whether it was tracked until now.
 */
bool vmi_track_bury(struct vmi_track *track)
{
	bool mine;

	spin_lock(&set_lock);
	mine = !track->dead;
	if (mine) {
		hash_del_rcu(&track->node);
		WRITE_ONCE(track->dead, true);
		atomic_dec(&nr_tracks);
	}
	spin_unlock(&set_lock);
	return mine;
}

/**
 * vmi_track_is_torn_down() - is an address space gone, and was it not seen to go?
 * @track: its tracking, which others may be burying
 *
 * Locking: who buries it lets go of the address space after that, without waiting for
 * readers; as long as it is not buried it can be looked at.
 *
 * Return: whether it is to be buried.
 */
bool vmi_track_is_torn_down(struct vmi_track *track)
{
	bool is;

	spin_lock(&set_lock);
	is = !track->dead && !atomic_read(&track->mm->mm_users);
	spin_unlock(&set_lock);
	return is;
}

/**
 * vmi_track_empty() - free what a buried tracking counted
 * @track: it; no fault of its address space is being counted any more
 * @readers: somebody may be reading it
 *
 * Context: as vmi_counts_free().
 */
void vmi_track_empty(struct vmi_track *track, bool readers)
{
	vmi_faults_settle(track, 0, ULONG_MAX);
	atomic64_add(atomic64_read(&track->unattributed), &unattributed);
	vmi_counts_free(&track->counts, readers);
	vmi_growth_free(&track->growth);
	mmdrop(track->mm);
	vmi_track_put(track);
}
