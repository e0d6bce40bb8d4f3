/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_RECORD_H
#define _VMI_RECORD_H

#include <linux/hashtable.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "trace.h"

struct mm_struct;
struct task_struct;
struct vmi_leaf;
struct vmi_track;

/**
 * enum vmi_noted - what a task's record says
 * @VMI_NOTED_NOTHING: its last fault is settled
 * @VMI_NOTED_FAULT: a fault began
 * @VMI_NOTED_GONE: a fault began in a mapping that no longer exists
 */
enum vmi_noted {
	VMI_NOTED_NOTHING,
	VMI_NOTED_FAULT,
	VMI_NOTED_GONE,
};

/**
 * struct vmi_task - the record of a task: its last fault
 * @node: among all records, by @task
 * @task: the task; held by get_task_struct()
 * @lock: protects all that follows
 * @noted: whether there is a fault to be settled
 * @kind: its enum vmi_fault
 * @shmem: it is in a mapping of shared memory
 * @slot: its page in @leaf
 * @queued: the record is among the unsettled ones of @track
 * @adopted: the task existed before tracking, and may have been in a fault then
 * @finished: the task exits, its record is no longer used
 * @dropped: it is no longer found, and freed by who takes it off the list
 * @addr: the address
 * @leaf: the address's leaf, NULL if there is none or it may have been freed
 * @min: the task's min_flt when the fault began
 * @maj: its maj_flt
 * @before_min: min_flt when the record was linked to @track
 * @before_maj: maj_flt then
 * @target_mm: address space of the fault, to compare only
 * @home_mm: the task's own address space, to compare only
 * @track: tracking of @target_mm; &vmi_nowhere if it is not tracked
 * @home: tracking of the task's process, NULL if it is not tracked
 * @unsettled: in the list of @track
 * @event: the fault, for its trace event
 * @rcu: to free it
 */
struct vmi_task {
	struct hlist_node node;
	struct task_struct *task;
	raw_spinlock_t lock;
	u8 noted;
	u8 kind;
	bool shmem;
	u8 slot;
	bool queued;
	bool adopted;
	bool finished;
	bool dropped;
	unsigned long addr;
	struct vmi_leaf *leaf;
	unsigned long min;
	unsigned long maj;
	unsigned long before_min;
	unsigned long before_maj;
	struct mm_struct *target_mm;
	struct mm_struct *home_mm;
	struct vmi_track *track;
	struct vmi_track *home;
	struct llist_node unsettled;
	struct vmi_trace_fault event;
	struct rcu_head rcu;
};

#define VMI_RECORD_BITS 13
extern struct hlist_head vmi_records[1 << VMI_RECORD_BITS];

/* Stands for all address spaces that are not tracked. */
extern struct vmi_track vmi_nowhere;

/**
 * vmi_record_find() - does a task have a record?
 * @task: the task
 *
 * Locking: in an RCU read-side section, in which the result may be used.
 *
 * Return: its record, or NULL.
 */
static __always_inline struct vmi_task *
vmi_record_find(const struct task_struct *task)
{
	struct vmi_task *record;

	hash_for_each_possible_rcu_notrace(vmi_records, record, node,
					   (unsigned long)task)
		if (record->task == task)
			return record;
	return NULL;
}

int vmi_record_create_cache(void);
void vmi_record_destroy_cache(void);
struct vmi_task *vmi_record_get(struct task_struct *task);
bool vmi_record_hide(struct vmi_task *record);
void vmi_record_release(struct vmi_task *record);

#endif /* _VMI_RECORD_H */
