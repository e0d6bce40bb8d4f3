// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps the growths of stacks, and the refused ones.
 *
 * A growth belongs to the address space, whoever caused it. Which mapping it
 * belongs to is told by the end of that mapping, which stays where it is while the
 * start moves away from it: the mapping that holds the last page now has the
 * growths. So splitting and merging need no attention; unmapping and moving do.
 *
 * Locking: the lock of a log is a leaf, and raw, so that it does not sleep on
 * PREEMPT_RT: a log is written to in a probe, with preemption off. There all memory
 * for it is allocated before; elsewhere in the probe, before the lock is taken.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "growth.h"
#include "memory.h"

#define VMI_GROWTH_EVENTS 256
#define VMI_GROWTH_EVENTS_MAX 4096

/* Mappings of one process whose growths are told apart. */
#define VMI_GROWTH_ENDS_MAX 4096U

/* Whose room is used up gets so much more. */
#define VMI_GROWTH_MORE 8

static unsigned int growth_events = VMI_GROWTH_EVENTS;

static int set_growth_events(const char *value, const struct kernel_param *param)
{
	return param_set_uint_minmax(value, param, 0, VMI_GROWTH_EVENTS_MAX);
}

static const struct kernel_param_ops growth_events_ops = {
	.set = set_growth_events,
	.get = param_get_uint,
};
module_param_cb(growth_events, &growth_events_ops, &growth_events, 0644);
MODULE_PARM_DESC(growth_events,
		 "growths of stacks kept of each process (default 256, at most 4096)");

static struct kmem_cache *event_cache;
static atomic64_t last_event;

/**
 * vmi_growth_create_cache() - prepare to keep growths
 *
 * Return: 0 or -ENOMEM.
 */
int vmi_growth_create_cache(void)
{
	event_cache = KMEM_CACHE(vmi_growth_event, 0);
	return event_cache ? 0 : -ENOMEM;
}

/**
 * vmi_growth_destroy_cache() - undo vmi_growth_create_cache()
 */
void vmi_growth_destroy_cache(void)
{
	kmem_cache_destroy(event_cache);
}

static struct vmi_growth_event *alloc_event(gfp_t gfp)
{
	struct vmi_growth_event *event;

	if (!vmi_memory_charge(sizeof(*event)))
		return NULL;
	event = kmem_cache_alloc(event_cache, gfp);
	if (!event)
		vmi_memory_uncharge(sizeof(*event));
	return event;
}

static void free_event(const struct vmi_growth *growth,
		       struct vmi_growth_event *event)
{
	if (!event || event == &growth->first)
		return;
	kmem_cache_free(event_cache, event);
	vmi_memory_uncharge(sizeof(*event));
}

static void *alloc_array(unsigned int nr, size_t size, gfp_t gfp)
{
	void *array;

	if (!vmi_memory_charge(nr * size))
		return NULL;
	array = kcalloc(nr, size, gfp);
	if (!array)
		vmi_memory_uncharge(nr * size);
	return array;
}

static void free_array(void *array, unsigned int nr, size_t size)
{
	if (!array)
		return;
	kfree(array);
	vmi_memory_uncharge(nr * size);
}

/**
 * struct vmi_growth_room - memory for an event that is to be kept
 * @event: for itself
 * @slots: more slots than there are
 * @nr_slots: how many
 * @ends: more room for mappings than there is
 * @max_ends: for how many
 */
struct vmi_growth_room {
	struct vmi_growth_event *event;
	struct vmi_growth_event **slots;
	unsigned int nr_slots;
	struct vmi_growth_end *ends;
	unsigned int max_ends;
};

static void free_room(const struct vmi_growth *growth,
		      const struct vmi_growth_room *room)
{
	free_event(growth, room->event);
	if (room->slots != growth->few)
		free_array(room->slots, room->nr_slots, sizeof(*room->slots));
	if (room->ends != growth->few_ends)
		free_array(room->ends, room->max_ends, sizeof(*room->ends));
}

/* Allocate what is asked for: more slots, or ends, than 0, and an event. */
static void alloc_room(struct vmi_growth_room *room, gfp_t gfp)
{
	if (room->nr_slots)
		room->slots = alloc_array(room->nr_slots, sizeof(*room->slots),
					  gfp);
	if (room->max_ends)
		room->ends = alloc_array(room->max_ends, sizeof(*room->ends),
					 gfp);
	room->event = alloc_event(gfp);
}

/* Take more slots into use; the room has the old ones then. */
static void use_slots(struct vmi_growth *growth, struct vmi_growth_room *room)
{
	u64 n = growth->nr - growth->kept;
	unsigned int i;

	/* The events first, then memory for those to come. */
	for (i = 0; i < growth->nr_slots; i++, n++)
		swap(room->slots[n % room->nr_slots],
		     growth->slots[n % growth->nr_slots]);
	swap(growth->slots, room->slots);
	swap(growth->nr_slots, room->nr_slots);
}

static void use_ends(struct vmi_growth *growth, struct vmi_growth_room *room)
{
	memcpy(room->ends, growth->ends, growth->nr_ends * sizeof(*room->ends));
	swap(growth->ends, room->ends);
	swap(growth->max_ends, room->max_ends);
}

/* The room may have been allocated for what is no longer so. */
static void use_room(struct vmi_growth *growth, struct vmi_growth_room *room)
{
	if (room->slots && room->nr_slots > growth->nr_slots)
		use_slots(growth, room);
	if (room->ends && room->max_ends > growth->max_ends)
		use_ends(growth, room);
}

/*
 * On PREEMPT_RT no memory can be had in the probe. What is there from the start
 * has to do then, until the next fault in a stack (vmi_growth_make_room()), which
 * comes with each growth by a fault. It is not much, for every process takes it.
 */
#define VMI_GROWTH_AHEAD 16

static void alloc_ahead(struct vmi_growth *growth, gfp_t gfp)
{
	struct vmi_growth_room room = {
		.nr_slots = VMI_GROWTH_AHEAD,
		.max_ends = VMI_GROWTH_FEW_ENDS * VMI_GROWTH_MORE,
	};
	unsigned int i;

	alloc_room(&room, gfp);
	use_room(growth, &room);
	free_room(growth, &room);
	growth->refusal = alloc_event(gfp);
	for (i = 0; i < growth->nr_slots; i++)
		if (!growth->slots[i])
			growth->slots[i] = alloc_event(gfp);
}

/**
 * vmi_growth_init() - begin to keep the growths of an address space
 * @growth: where
 * @gfp: how to allocate
 */
void vmi_growth_init(struct vmi_growth *growth, gfp_t gfp)
{
	raw_spin_lock_init(&growth->lock);
	growth->slots = growth->few;
	growth->nr_slots = VMI_GROWTH_FEW;
	growth->few[0] = &growth->first;
	growth->ends = growth->few_ends;
	growth->max_ends = VMI_GROWTH_FEW_ENDS;
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		alloc_ahead(growth, gfp);
}

/**
 * vmi_growth_free() - forget all growths
 * @growth: where they are kept; no stack of the address space grows any more, but
 *	it may still be read
 */
void vmi_growth_free(struct vmi_growth *growth)
{
	struct vmi_growth_room old;
	unsigned int i;

	raw_spin_lock(&growth->lock);
	old = (struct vmi_growth_room){
		.event = growth->refusal,
		.slots = growth->slots,
		.nr_slots = growth->nr_slots,
		.ends = growth->ends,
		.max_ends = growth->max_ends,
	};
	growth->refusal = NULL;
	growth->kept = 0;
	growth->held = 0;
	growth->nr_ends = 0;
	raw_spin_unlock(&growth->lock);

	for (i = 0; i < old.nr_slots; i++)
		free_event(growth, old.slots[i]);
	free_room(growth, &old);
}

/* The first of the ends that is above @addr. */
static unsigned int find_end(const struct vmi_growth *growth, unsigned long addr)
{
	unsigned int low = 0, high = growth->nr_ends;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (growth->ends[middle].end > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void insert_end(struct vmi_growth *growth, unsigned int i,
		       unsigned long end, u64 grows)
{
	struct vmi_growth_end *at = &growth->ends[i];

	memmove(at + 1, at, (growth->nr_ends - i) * sizeof(*at));
	*at = (struct vmi_growth_end){ .end = end, .grows = grows };
	growth->nr_ends++;
}

static void remove_ends(struct vmi_growth *growth, unsigned int first,
			unsigned int last)
{
	struct vmi_growth_end *ends = growth->ends;

	if (first >= last)
		return;
	memmove(ends + first, ends + last,
		(growth->nr_ends - last) * sizeof(*ends));
	growth->nr_ends -= last - first;
}

/* Count a growth of the mapping that ends at @end. */
static void count_end(struct vmi_growth *growth, unsigned long end)
{
	unsigned int i = find_end(growth, end - 1);

	if (i < growth->nr_ends && growth->ends[i].end == end)
		growth->ends[i].grows++;
	else if (growth->nr_ends < growth->max_ends)
		insert_end(growth, i, end, 1);
	else
		growth->unattributed++;
}

/* Mappings that end there are gone. */
static void forget_ends(struct vmi_growth *growth, unsigned long start,
			unsigned long end)
{
	unsigned int first = find_end(growth, start);
	unsigned int last = find_end(growth, end);
	unsigned int i;

	for (i = first; i < last; i++)
		growth->gone += growth->ends[i].grows;
	remove_ends(growth, first, last);
}

static void reverse_ends(struct vmi_growth_end *ends, unsigned int first,
			 unsigned int last)
{
	for (; first + 1 < last; first++, last--)
		swap(ends[first], ends[last - 1]);
}

/* Let those from @first change places with those from @middle to @last. */
static void rotate_ends(struct vmi_growth_end *ends, unsigned int first,
			unsigned int middle, unsigned int last)
{
	reverse_ends(ends, first, middle);
	reverse_ends(ends, middle, last);
	reverse_ends(ends, first, last);
}

/* The mappings that end from @from on, now end from @to on, where no others do. */
static void move_ends(struct vmi_growth *growth, unsigned long from,
		      unsigned long to, unsigned long len)
{
	unsigned int first = find_end(growth, from);
	unsigned int last = find_end(growth, from + len);
	unsigned int at = find_end(growth, to);
	unsigned int i;

	for (i = first; i < last; i++)
		growth->ends[i].end += to - from;
	if (at < first)
		rotate_ends(growth->ends, at, first, last);
	else if (at > last)
		rotate_ends(growth->ends, first, last, at);
}

/* Is the last refusal no longer in the slots? */
static bool refusal_is_aside(const struct vmi_growth *growth)
{
	return growth->refusal && growth->last_refusal &&
	       growth->last_refusal <= growth->nr - growth->kept;
}

/*
 * The oldest event is no longer kept in the slots; the last refusal is kept
 * nevertheless. Memory stays for those to come.
 */
static void forget_oldest(struct vmi_growth *growth)
{
	u64 n = growth->nr - growth->kept;
	struct vmi_growth_event **slot = &growth->slots[n % growth->nr_slots];

	growth->kept--;
	if (growth->last_refusal == n + 1)
		swap(*slot, growth->refusal);
	else if (*slot)
		growth->held--;
}

/*
 * Memory for what is to be kept in any case: some that is not in use, or else the
 * oldest event's. There is always that of the first event.
 */
static void take_memory(struct vmi_growth *growth, struct vmi_growth_event **slot)
{
	unsigned int i;

	for (i = 1; i < growth->nr_slots && !*slot; i++) {
		swap(*slot, growth->slots[(growth->nr + i) % growth->nr_slots]);
		if (*slot && i >= growth->nr_slots - growth->kept)
			growth->held--;
	}
}

static void keep_event(struct vmi_growth *growth,
		       const struct vmi_growth_event *event,
		       struct vmi_growth_room *room)
{
	unsigned int max = min(READ_ONCE(growth_events), growth->nr_slots);
	struct vmi_growth_event **slot;

	if (event->result != VMI_GROWTH_GROWN) {
		if (refusal_is_aside(growth))
			growth->held--;
		growth->last_refusal = growth->nr + 1;
	}
	if (growth->kept == growth->nr_slots)
		forget_oldest(growth);
	slot = &growth->slots[growth->nr % growth->nr_slots];
	if (!*slot)
		swap(*slot, room->event);
	/* Rather the memory of the last refusal than none for this one. */
	if (!*slot && event->result != VMI_GROWTH_GROWN)
		swap(*slot, growth->refusal);
	if (!*slot && event->result != VMI_GROWTH_GROWN)
		take_memory(growth, slot);
	if (*slot) {
		**slot = *event;
		growth->held++;
	}
	growth->nr++;
	growth->kept++;
	while (growth->kept > max)
		forget_oldest(growth);
}

static void count_event(struct vmi_growth *growth,
			const struct vmi_growth_event *event)
{
	growth->newest = atomic64_inc_return(&last_event);
	if (event->result == VMI_GROWTH_GROWN) {
		growth->grown++;
		count_end(growth, event->end);
	} else {
		growth->refused++;
	}
}

/* What is needed to keep another event? False if nothing. */
static bool need_room(struct vmi_growth *growth, struct vmi_growth_room *room)
{
	unsigned int max = READ_ONCE(growth_events);
	bool full, need;

	raw_spin_lock(&growth->lock);
	full = growth->kept == growth->nr_slots;
	need = !growth->slots[growth->nr % growth->nr_slots];
	/* The last refusal, in that slot, will go aside. */
	if (full && growth->last_refusal == growth->nr - growth->kept + 1)
		need |= !growth->refusal;
	if (full && growth->nr_slots < max)
		room->nr_slots = min(growth->nr_slots * VMI_GROWTH_MORE, max);
	if (growth->nr_ends == growth->max_ends &&
	    growth->max_ends < VMI_GROWTH_ENDS_MAX)
		room->max_ends = min(growth->max_ends * VMI_GROWTH_MORE,
				     VMI_GROWTH_ENDS_MAX);
	raw_spin_unlock(&growth->lock);
	return need || room->nr_slots || room->max_ends;
}

/* How many events and mappings more there is to be memory for on PREEMPT_RT. */
#define VMI_GROWTH_SPARE 4

/* Where memory for one of the next events is missing, NULL if it is not. */
static struct vmi_growth_event **empty_slot(struct vmi_growth *growth)
{
	struct vmi_growth_event **slot;
	unsigned int i;

	for (i = 0; i < min_t(unsigned int, VMI_GROWTH_SPARE, growth->nr_slots); i++) {
		slot = &growth->slots[(growth->nr + i) % growth->nr_slots];
		if (!*slot)
			return slot;
	}
	/* While the last refusal is in its slot, it may have to go aside. */
	if (growth->last_refusal > growth->nr - growth->kept &&
	    !growth->refusal)
		return &growth->refusal;
	return NULL;
}

static bool need_spare(struct vmi_growth *growth, struct vmi_growth_room *room)
{
	unsigned int max = READ_ONCE(growth_events);
	bool need;

	raw_spin_lock(&growth->lock);
	need = empty_slot(growth);
	if (growth->kept + VMI_GROWTH_SPARE > growth->nr_slots &&
	    growth->nr_slots < max)
		room->nr_slots = min(growth->nr_slots * VMI_GROWTH_MORE, max);
	if (growth->nr_ends + VMI_GROWTH_SPARE > growth->max_ends &&
	    growth->max_ends < VMI_GROWTH_ENDS_MAX)
		room->max_ends = min(growth->max_ends * VMI_GROWTH_MORE,
				     VMI_GROWTH_ENDS_MAX);
	raw_spin_unlock(&growth->lock);
	return need || room->nr_slots || room->max_ends;
}

/**
 * vmi_growth_make_room() - have memory for some growths more
 * @growth: where they are kept
 *
 * For PREEMPT_RT: what there is from the start would be all there ever is.
 *
 * Context: preemptible there.
 */
void vmi_growth_make_room(struct vmi_growth *growth)
{
	struct vmi_growth_event **slot;
	struct vmi_growth_room room;
	unsigned int i;

	for (i = 0; i < VMI_GROWTH_SPARE; i++) {
		room = (struct vmi_growth_room){};
		if (!need_spare(growth, &room))
			return;
		alloc_room(&room, VMI_GFP_HOOK);
		raw_spin_lock(&growth->lock);
		use_room(growth, &room);
		slot = empty_slot(growth);
		if (slot)
			swap(*slot, room.event);
		raw_spin_unlock(&growth->lock);
		free_room(growth, &room);
	}
}

/**
 * vmi_growth_add() - keep an event
 * @growth: where
 * @event: the event
 *
 * Context: a probe; mmap_lock of the address space is held, so that its mappings
 * stand still.
 */
void vmi_growth_add(struct vmi_growth *growth,
		    const struct vmi_growth_event *event)
{
	struct vmi_growth_room room = {};

	if (!IS_ENABLED(CONFIG_PREEMPT_RT) && need_room(growth, &room))
		alloc_room(&room, VMI_GFP_HOOK);
	raw_spin_lock(&growth->lock);
	use_room(growth, &room);
	count_event(growth, event);
	keep_event(growth, event, &room);
	raw_spin_unlock(&growth->lock);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		free_room(growth, &room);
}

/**
 * vmi_growth_unmapped() - a range of addresses is no longer mapped
 * @growth: the growths of the address space
 * @start: first address
 * @end: first address behind
 */
void vmi_growth_unmapped(struct vmi_growth *growth, unsigned long start,
			 unsigned long end)
{
	if (!READ_ONCE(growth->nr_ends))
		return;
	raw_spin_lock(&growth->lock);
	forget_ends(growth, start, end);
	raw_spin_unlock(&growth->lock);
}

/**
 * vmi_growth_moved() - the pages of a range are about to move
 * @growth: the growths of the address space
 * @from: first address
 * @to: where it goes
 * @len: bytes
 */
void vmi_growth_moved(struct vmi_growth *growth, unsigned long from,
		      unsigned long to, unsigned long len)
{
	if (!READ_ONCE(growth->nr_ends))
		return;
	raw_spin_lock(&growth->lock);
	/* What was there may have gone while the probes did not fire. */
	if (to < from)
		forget_ends(growth, to, min(to + len, from));
	else
		forget_ends(growth, max(to, from + len), to + len);
	move_ends(growth, from, to, len);
	raw_spin_unlock(&growth->lock);
}

/**
 * vmi_growth_sums() - how often the stacks grew
 * @growth: the growths of the address space
 * @sums: where to put it
 */
void vmi_growth_sums(struct vmi_growth *growth, struct vmi_grows *sums)
{
	raw_spin_lock(&growth->lock);
	*sums = (struct vmi_grows){
		.grown = growth->grown,
		.refused = growth->refused,
		.gone = growth->gone,
		.unattributed = growth->unattributed,
		.dropped = growth->nr - growth->held,
		.nr = growth->nr,
		.newest = growth->newest,
	};
	raw_spin_unlock(&growth->lock);
}

/**
 * vmi_growth_in() - growths of a mapping
 * @growth: the growths of the address space
 * @start: first address of the mapping
 * @end: first address behind
 *
 * Return: how often it grew.
 */
u64 vmi_growth_in(struct vmi_growth *growth, unsigned long start,
		  unsigned long end)
{
	unsigned int i;
	u64 sum = 0;

	if (!READ_ONCE(growth->nr_ends))
		return 0;
	raw_spin_lock(&growth->lock);
	for (i = find_end(growth, start);
	     i < growth->nr_ends && growth->ends[i].end <= end; i++)
		sum += growth->ends[i].grows;
	raw_spin_unlock(&growth->lock);
	return sum;
}

/**
 * vmi_growth_next() - read the next event
 * @growth: the growths of the address space
 * @pos: where to go on; 0 to begin. Set to what comes next
 * @nr: end before the event of that number, from vmi_growth_sums()
 * @event: where to put it
 *
 * Return: whether there was one.
 */
bool vmi_growth_next(struct vmi_growth *growth, u64 *pos, u64 nr,
		     struct vmi_growth_event *event)
{
	const struct vmi_growth_event *found = NULL;
	u64 n;

	raw_spin_lock(&growth->lock);
	if (!*pos) {
		if (refusal_is_aside(growth) && growth->last_refusal <= nr)
			found = growth->refusal;
		*pos = 1;
	}
	for (n = max(*pos - 1, growth->nr - growth->kept); !found && n < nr; n++) {
		found = growth->slots[n % growth->nr_slots];
		*pos = n + 2;
	}
	if (found)
		*event = *found;
	raw_spin_unlock(&growth->lock);
	return found;
}

/**
 * vmi_growth_newest() - which event was the last
 * @growth: the growths of the address space
 *
 * Return: its number among those of all processes, 0 if there was none.
 */
u64 vmi_growth_newest(struct vmi_growth *growth)
{
	return READ_ONCE(growth->newest);
}

/**
 * vmi_growth_now() - which event of all processes was the last
 *
 * Return: its number, 0 if there was none.
 */
u64 vmi_growth_now(void)
{
	return atomic64_read(&last_event);
}

/**
 * vmi_growth_tid() - the number of the task that caused an event
 * @event: the event
 * @tgid: the tracked process
 * @ns: pid namespace
 *
 * Return: its number there, 0 if it has none or it is not known.
 */
pid_t vmi_growth_tid(const struct vmi_growth_event *event,
		     const struct pid *tgid, const struct pid_namespace *ns)
{
	unsigned int level = ns->level;

	/* Processes that share an address space need not share a namespace. */
	if (level >= VMI_PID_LEVELS || level > tgid->level ||
	    tgid->numbers[level].ns != ns)
		return 0;
	return event->tid[level];
}
