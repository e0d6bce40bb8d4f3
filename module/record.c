// SPDX-License-Identifier: GPL-2.0
/*
 * The records of tasks: what faults.c has to know of each whose faults it counts.
 *
 * Locking: found under RCU, made and hidden under records_lock, freed by RCU. A record
 * holds its task and the trackings it is linked to. Who hides it sees to it that it is
 * released, once it is on no list any more.
 */
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "memory.h"
#include "record.h"
#include "track.h"

DEFINE_HASHTABLE(vmi_records, VMI_RECORD_BITS);
static DEFINE_SPINLOCK(records_lock);
static struct kmem_cache *record_cache;

struct vmi_track vmi_nowhere = {
	.refs = REFCOUNT_INIT(1),
	.dead = true,
	.settle_lock = __SPIN_LOCK_UNLOCKED(vmi_nowhere.settle_lock),
};

/**
 * vmi_record_create_cache() - prepare to make records
 *
 * Return: 0 or -ENOMEM.
 */
int vmi_record_create_cache(void)
{
	record_cache = KMEM_CACHE(vmi_task, 0);
	return record_cache ? 0 : -ENOMEM;
}

/**
 * vmi_record_destroy_cache() - undo vmi_record_create_cache()
 *
 * Records that are being freed are waited for.
 */
void vmi_record_destroy_cache(void)
{
	rcu_barrier();
	kmem_cache_destroy(record_cache);
}

static void free_record(struct vmi_task *record)
{
	put_task_struct(record->task);
	kmem_cache_free(record_cache, record);
	vmi_memory_sub(sizeof(*record));
}

static void free_record_rcu(struct rcu_head *rcu)
{
	free_record(container_of(rcu, struct vmi_task, rcu));
}

static struct vmi_task *alloc_record(struct task_struct *task)
{
	struct vmi_task *record;

	record = kmem_cache_alloc(record_cache, VMI_GFP_HOOK);
	if (!record)
		return NULL;
	*record = (struct vmi_task){
		.task = get_task_struct(task),
		.track = &vmi_nowhere,
	};
	raw_spin_lock_init(&record->lock);
	vmi_track_hold(&vmi_nowhere);
	vmi_memory_add(sizeof(*record));
	return record;
}

/**
 * vmi_record_get() - the record of a task, made if need be
 * @task: the task
 *
 * Called in an RCU read-side section, in which the result may be used.
 *
 * Return: its record, NULL if there is no memory.
 */
struct vmi_task *vmi_record_get(struct task_struct *task)
{
	struct vmi_task *record = vmi_record_find(task);
	struct vmi_task *there;

	if (record)
		return record;
	record = alloc_record(task);
	if (!record)
		return NULL;
	spin_lock(&records_lock);
	there = vmi_record_find(task);
	if (!there)
		hash_add_rcu(vmi_records, &record->node, (unsigned long)task);
	spin_unlock(&records_lock);
	if (!there)
		return record;
	vmi_track_put(&vmi_nowhere);
	free_record(record);
	return there;
}

/**
 * vmi_record_hide() - let a record no longer be found
 * @record: the record
 *
 * Return: whether it was found until now: who hid it has to release it.
 */
bool vmi_record_hide(struct vmi_task *record)
{
	bool mine;

	spin_lock(&records_lock);
	mine = hash_hashed(&record->node);
	hash_del_rcu(&record->node);
	spin_unlock(&records_lock);
	return mine;
}

/**
 * vmi_record_release() - free a record that nobody finds any more
 * @record: the record, which is on no list
 */
void vmi_record_release(struct vmi_task *record)
{
	vmi_track_put(record->track);
	if (record->home)
		vmi_track_put(record->home);
	call_rcu(&record->rcu, free_record_rcu);
}
