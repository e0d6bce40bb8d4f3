/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_TRACK_H
#define _VMI_TRACK_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/llist.h>
#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "counts.h"
#include "growth.h"

/**
 * struct vmi_track - an address space whose faults are counted
 * @node: in the set, by @mm
 * @mm: the address space; held by mmgrab() until @dead
 * @tgid: the process it belongs to
 * @refs: who may still look at this
 * @dead: no longer in the set: what follows means nothing any more
 * @asked: it was asked for, itself or the process it descends from
 * @execed: @before_min and @before_maj are those at its execve()
 * @since_ns: when tracking began, CLOCK_MONOTONIC
 * @before_min: minor faults the process had before that
 * @before_maj: major ones
 * @remote: faults in this address space that others caused
 * @elsewhere: faults of the process in other address spaces
 * @unattributed: faults that no page could be given
 * @moves: how often mappings began to be moved or removed
 * @moved: how often that was done
 * @gone: faults of pages that are no longer mapped
 * @counts: faults of all others, by page
 * @growth: growths of its stacks
 * @settle_lock: one settles at a time
 * @unsettled: tasks whose last fault may have completed uncounted
 * @pending: how many of them were left by the last who settled
 * @dropped: how many of them have exited since
 * @reap: on its way to the reaper
 * @rcu: to free it
 */
struct vmi_track {
	struct hlist_node node;
	struct mm_struct *mm;
	struct pid *tgid;
	refcount_t refs;
	bool dead;
	bool asked;
	bool execed;
	u64 since_ns;
	atomic64_t before_min;
	atomic64_t before_maj;
	atomic64_t remote;
	atomic64_t elsewhere;
	atomic64_t unattributed;
	atomic_t moves;
	atomic_t moved;
	atomic64_t gone[VMI_FAULT_COUNTERS];
	struct vmi_counts counts;
	struct vmi_growth growth;
	spinlock_t settle_lock; /* one settles at a time */
	struct llist_head unsettled;
	unsigned int pending;
	atomic_t dropped;
	struct llist_node reap;
	struct rcu_head rcu;
};

#define VMI_TRACK_BITS 12
extern struct hlist_head vmi_tracks[1 << VMI_TRACK_BITS];

/**
 * vmi_track_find() - is an address space tracked?
 * @mm: the address space
 *
 * Locking: in an RCU read-side section, in which the result may be used.
 *
 * Return: its tracking, or NULL.
 */
static __always_inline struct vmi_track *vmi_track_find(const struct mm_struct *mm)
{
	struct vmi_track *track;

	hash_for_each_possible_rcu_notrace(vmi_tracks, track, node,
					   (unsigned long)mm)
		if (track->mm == mm)
			return track;
	return NULL;
}

/**
 * vmi_track_hold() - keep a tracking
 * @track: it; found in this RCU read-side section
 *
 * Return: whether it could be kept.
 */
static inline bool vmi_track_hold(struct vmi_track *track)
{
	return refcount_inc_not_zero(&track->refs);
}

struct vmi_track *vmi_track_get(const struct mm_struct *mm);
void vmi_track_put(struct vmi_track *track);
struct vmi_track *vmi_track_add(struct mm_struct *mm, struct pid *tgid,
				bool asked, gfp_t gfp);
struct vmi_track *vmi_track_renew(struct vmi_track *old, struct pid *tgid);
bool vmi_track_bury(struct vmi_track *track);
bool vmi_track_is_torn_down(struct vmi_track *track);
void vmi_track_empty(struct vmi_track *track, bool readers);
int vmi_track_nr(void);
u64 vmi_track_unattributed(void);

int vmi_track_create_cache(void);
void vmi_track_destroy_cache(void);

#endif /* _VMI_TRACK_H */
