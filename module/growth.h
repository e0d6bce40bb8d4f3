/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_GROWTH_H
#define _VMI_GROWTH_H

#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct pid;
struct pid_namespace;

/**
 * enum vmi_growth_result - what became of a stack that was to grow
 * @VMI_GROWTH_GROWN: it grew
 * @VMI_GROWTH_RLIMIT_STACK: refused, it would be larger than RLIMIT_STACK
 * @VMI_GROWTH_GUARD_GAP: refused, too close to the mapping below
 * @VMI_GROWTH_RLIMIT_AS: refused, the address space would be larger than RLIMIT_AS
 * @VMI_GROWTH_RLIMIT_MEMLOCK: refused, more would be locked than RLIMIT_MEMLOCK
 * @VMI_GROWTH_OVERCOMMIT: refused, so much memory may not be promised; or the
 *	kernel had none for itself
 * @VMI_GROWTH_MMAP_MIN_ADDR: refused, nothing may be mapped as low as that
 * @VMI_GROWTH_OTHER: refused for another reason
 */
enum vmi_growth_result {
	VMI_GROWTH_GROWN,
	VMI_GROWTH_RLIMIT_STACK,
	VMI_GROWTH_GUARD_GAP,
	VMI_GROWTH_RLIMIT_AS,
	VMI_GROWTH_RLIMIT_MEMLOCK,
	VMI_GROWTH_OVERCOMMIT,
	VMI_GROWTH_MMAP_MIN_ADDR,
	VMI_GROWTH_OTHER,
};

/**
 * enum vmi_growth_cause - how a stack came to grow
 * @VMI_GROWTH_FAULT: a task that runs in the address space touched it
 * @VMI_GROWTH_EXEC: execve() made it
 * @VMI_GROWTH_REMOTE: a task that does not run in the address space touched it
 */
enum vmi_growth_cause {
	VMI_GROWTH_FAULT,
	VMI_GROWTH_EXEC,
	VMI_GROWTH_REMOTE,
};

/* Nested pid namespaces in which the number of a task is kept. */
#define VMI_PID_LEVELS 4

/* A limit that is none. */
#define VMI_UNLIMITED ULONG_MAX

/**
 * struct vmi_growth_event - one growth, or refused growth
 * @time_ns: when, CLOCK_MONOTONIC
 * @ip: where the task was in user space; 0 if it was in none of this address space
 * @sp: its stack pointer there
 * @addr: the address that was touched
 * @old_start: first address of the mapping before
 * @new_start: and after; what it would have been, if refused
 * @end: first address behind the mapping
 * @limit: RLIMIT_STACK of the task, in pages, or VMI_UNLIMITED
 * @tid: the task that caused it, by level of pid namespace; 0 in those it has
 *	no number in
 * @comm: its name
 * @result: enum vmi_growth_result
 * @cause: enum vmi_growth_cause
 */
struct vmi_growth_event {
	u64 time_ns;
	unsigned long ip;
	unsigned long sp;
	unsigned long addr;
	unsigned long old_start;
	unsigned long new_start;
	unsigned long end;
	unsigned long limit;
	pid_t tid[VMI_PID_LEVELS];
	char comm[TASK_COMM_LEN];
	u8 result;
	u8 cause;
};

/**
 * struct vmi_growth_end - the growths of one mapping
 * @end: first address behind the mapping, when it grew
 * @grows: how often it did
 */
struct vmi_growth_end {
	unsigned long end;
	u64 grows;
};

/*
 * Slots and mappings there is room for without asking for memory. There is an event,
 * too: most processes have but the one of execve().
 */
#define VMI_GROWTH_FEW 4
#define VMI_GROWTH_FEW_ENDS 2

/**
 * struct vmi_growth - the growths of the stacks of an address space
 * @lock: protects all of this
 * @grown: growths so far
 * @refused: refused ones
 * @gone: those of mappings that no longer exist
 * @unattributed: those that there was no memory to count by mapping
 * @nr: events so far: @grown and @refused
 * @newest: number of the last one among those of all processes
 * @kept: the last @kept events are in @slots, some perhaps missing
 * @held: events that can be read: of those, and the last refusal
 * @last_refusal: which event was the last refusal, counted from 1
 * @refusal: that one, if it is no longer in @slots; otherwise an older one
 * @slots: event n is in slot n modulo @nr_slots
 * @nr_slots: how many there are
 * @few: the slots to begin with
 * @first: the event to begin with, in one of the slots
 * @ends: growths by mapping, sorted
 * @nr_ends: how many
 * @max_ends: room for so many
 * @few_ends: the room to begin with
 */
struct vmi_growth {
	raw_spinlock_t lock;
	u64 grown;
	u64 refused;
	u64 gone;
	u64 unattributed;
	u64 nr;
	u64 newest;
	unsigned int kept;
	unsigned int held;
	u64 last_refusal;
	struct vmi_growth_event *refusal;
	struct vmi_growth_event **slots;
	unsigned int nr_slots;
	struct vmi_growth_event *few[VMI_GROWTH_FEW];
	struct vmi_growth_event first;
	struct vmi_growth_end *ends;
	unsigned int nr_ends;
	unsigned int max_ends;
	struct vmi_growth_end few_ends[VMI_GROWTH_FEW_ENDS];
};

/**
 * struct vmi_grows - how often the stacks of an address space grew
 * @grown: growths
 * @refused: refused ones
 * @gone: growths of mappings that no longer exist
 * @unattributed: growths that belong to no row
 * @dropped: events that are no longer kept
 * @nr: events
 * @newest: number of the last one among those of all processes
 */
struct vmi_grows {
	u64 grown;
	u64 refused;
	u64 gone;
	u64 unattributed;
	u64 dropped;
	u64 nr;
	u64 newest;
};

int vmi_growth_create_cache(void);
void vmi_growth_destroy_cache(void);

void vmi_growth_init(struct vmi_growth *growth, gfp_t gfp);
void vmi_growth_make_room(struct vmi_growth *growth);
void vmi_growth_free(struct vmi_growth *growth);

void vmi_growth_add(struct vmi_growth *growth,
		    const struct vmi_growth_event *event);
void vmi_growth_unmapped(struct vmi_growth *growth, unsigned long start,
			 unsigned long end);
void vmi_growth_moved(struct vmi_growth *growth, unsigned long from,
		      unsigned long to, unsigned long len);

void vmi_growth_sums(struct vmi_growth *growth, struct vmi_grows *sums);
u64 vmi_growth_in(struct vmi_growth *growth, unsigned long start,
		  unsigned long end);
bool vmi_growth_next(struct vmi_growth *growth, u64 *pos, u64 nr,
		     struct vmi_growth_event *event);
u64 vmi_growth_newest(struct vmi_growth *growth);
u64 vmi_growth_now(void);
pid_t vmi_growth_tid(const struct vmi_growth_event *event,
		     const struct pid *tgid, const struct pid_namespace *ns);

#endif /* _VMI_GROWTH_H */
