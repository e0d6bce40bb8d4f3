// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the stack of each thread, and how much of it is used.
 *
 * The kernel knows the first stack of a process only. Those of its threads are
 * ordinary mappings, which a library made; what is known of a thread is where its
 * stack pointer is, and its TLS pointer. C libraries put the TLS block at the top of
 * the stack they make. So that is where a stack is looked for first: it is right
 * also while the thread runs on another one, of a signal or a coroutine.
 *
 * What is found is taken for a stack only if it has a guard below, as all libraries
 * see to, or grows. Anything else, a piece of the heap say, could be any size.
 *
 * Locking: the threads are gathered first, under RCU. Then their stacks are looked
 * for with mmap_lock held for reading, a few at a time. The work is that of the
 * threads and of the tables their stacks use, each of them walked once; however the
 * threads lie in their mappings, it ends after that many (VMI_WALKS).
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "compat/leaf.h"
#include "descent.h"
#include "growing.h"
#include "growth.h"
#include "process.h"
#include "space.h"
#include "stacks.h"

/* Where a stack is looked for, one after the other. */
enum vmi_clue {
	VMI_CLUE_TLS,
	VMI_CLUE_MAIN,
	VMI_CLUE_SP,
	VMI_CLUES,
};

/* PTEs to look at where only a guard marker could tell that it is a stack. */
#define VMI_UNGUARDED_BUDGET (32L * PTRS_PER_PTE)

/*
 * How often all page tables of the process may be walked. Stacks do not overlap, so
 * once is enough, but what is empty counts eight times (descent.c).
 */
#define VMI_WALKS 16

/* PTEs to look at for each thread, beside. */
#define VMI_THREAD_BUDGET (8L * PTRS_PER_PTE)

/* The mapping may change between two holds of mmap_lock. */
#define VMI_SEARCH_STARTS 8

/**
 * struct vmi_search - the search for a thread's stack
 * @mm: the address space
 * @limit: RLIMIT_STACK of the process, in pages, or VMI_UNLIMITED
 * @clue: enum vmi_clue
 * @starts: how often the search began with this clue; 0: not yet
 * @vm_end: end of the mapping then
 * @left: PTEs that may still be looked at with this clue
 * @pool: PTEs that may still be looked at for all threads
 * @descent: the walk of its page tables
 */
struct vmi_search {
	struct mm_struct *mm;
	unsigned long limit;
	unsigned int clue;
	unsigned int starts;
	unsigned long vm_end;
	long left;
	long pool;
	struct vmi_descent descent;
};

/**
 * struct vmi_place - the mapping that holds an address
 * @vma: it
 * @prev: the one before, or NULL
 */
struct vmi_place {
	struct vm_area_struct *vma;
	struct vm_area_struct *prev;
};

static bool is_growing(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_GROWSDOWN;
}

static struct vm_area_struct *find_prev(struct vm_area_struct *vma)
{
	VMA_ITERATOR(vmi, vma->vm_mm, vma->vm_start);

	return vma_prev(&vmi);
}

/* Memory that a stack could be made of? Sets where that is. */
static bool find_place(struct vmi_place *place, struct mm_struct *mm,
		       unsigned long addr)
{
	place->vma = vma_lookup(mm, addr);
	if (!place->vma || !vma_is_anonymous(place->vma) ||
	    !(place->vma->vm_flags & VM_WRITE))
		return false;
	place->prev = find_prev(place->vma);
	return true;
}

/* Pages right below that may not be accessed. */
static unsigned long guard_below(const struct vmi_place *place)
{
	struct vm_area_struct *prev = place->prev;

	if (!prev || prev->vm_end != place->vma->vm_start ||
	    vma_is_accessible(prev) || !vma_is_anonymous(prev))
		return 0;
	return vma_pages(prev);
}

/* The page that the stack pointer is in; of an empty stack, the one below. */
static unsigned long stack_page(unsigned long sp)
{
	return sp & ~PAGE_MASK ? sp : sp - 1;
}

/*
 * A leader that runs on the stack of a thread: it was forked by one. (Otherwise
 * its TLS block is not where its stack pointer is.)
 */
static bool runs_as_thread(struct mm_struct *mm, const struct vmi_thread *thread)
{
	struct vm_area_struct *vma = vma_lookup(mm, thread->tls);

	return vma && !vma_is_initial_stack(vma) &&
	       vma == vma_lookup(mm, stack_page(thread->sp));
}

/* An address in the stack, going by a clue. 0 if it gives none. */
static unsigned long follow_clue(struct mm_struct *mm, enum vmi_clue clue,
				 const struct vmi_thread *thread)
{
	switch (clue) {
	case VMI_CLUE_TLS:
		if (!thread->known || !thread->tls ||
		    (thread->leader && !runs_as_thread(mm, thread)))
			return 0;
		return thread->tls;
	case VMI_CLUE_MAIN:
		return thread->known && thread->leader ? mm->start_stack : 0;
	case VMI_CLUE_SP:
		if (!thread->known || thread->on_signal_stack || !thread->sp)
			return 0;
		return stack_page(thread->sp);
	default:
		return 0;
	}
}

/* The TLS block ends where the stack does. */
static unsigned long top_of(const struct vm_area_struct *vma, enum vmi_clue clue,
			    unsigned long addr)
{
	if (clue == VMI_CLUE_TLS && !is_growing(vma))
		return (addr & PAGE_MASK) + PAGE_SIZE;
	return vma->vm_end;
}

/* False if there is nothing to be found. */
static bool begin_search(struct vmi_search *search,
			 const struct vmi_place *place, unsigned long addr)
{
	const struct vm_area_struct *vma = place->vma;
	bool guarded = is_growing(vma) || guard_below(place);

	if (!guarded && !VMI_HAS_GUARD_MARKERS)
		return false;
	if (search->starts && search->vm_end == vma->vm_end &&
	    search->descent.key == addr)
		return true;
	if (search->starts++ == VMI_SEARCH_STARTS)
		return false;
	search->vm_end = vma->vm_end;
	search->left = guarded ? LONG_MAX : VMI_UNGUARDED_BUDGET;
	vmi_descent_begin(&search->descent, addr,
			  top_of(vma, search->clue, addr));
	return true;
}

/*
 * Down to the limit, the mapping below, or what is kept free above that. What is
 * mapped already can be used in any case: limits are for growth.
 */
static unsigned long growing_headroom(const struct vmi_place *place,
				      unsigned long limit, unsigned long lowest)
{
	struct vm_area_struct *prev = place->prev;
	unsigned long end = place->vma->vm_end;
	unsigned long floor = 0;

	if (limit < end >> PAGE_SHIFT)
		floor = end - (limit << PAGE_SHIFT);
	if (prev)
		floor = max(floor, prev->vm_end);
	if (prev && !is_growing(prev) && vma_is_accessible(prev))
		floor = max(floor,
			    prev->vm_end + (vmi_growing_gap() << PAGE_SHIFT));
	floor = min(floor, place->vma->vm_start);
	return (lowest - floor) >> PAGE_SHIFT;
}

static void set_growing(struct vmi_stack *stack, const struct vmi_place *place,
			const struct vmi_search *search)
{
	stack->start = place->vma->vm_start;
	stack->end = place->vma->vm_end;
	stack->guard = vmi_growing_gap();
	stack->limit = search->limit;
	stack->headroom = growing_headroom(place, search->limit,
					   search->descent.lowest);
}

static void set_fixed(struct vmi_stack *stack, const struct vmi_place *place,
		      const struct vmi_descent *d)
{
	stack->end = d->top;
	stack->start = d->guard ? d->bottom : place->vma->vm_start;
	stack->guard = d->guard ?: guard_below(place);
	stack->limit = (stack->end - stack->start) >> PAGE_SHIFT;
	stack->headroom = (d->lowest - stack->start) >> PAGE_SHIFT;
}

static void set_depth(struct vmi_stack *stack)
{
	const struct vmi_thread *thread = &stack->thread;

	stack->depth_known = thread->known && thread->fresh &&
			     thread->sp >= stack->start &&
			     thread->sp <= stack->end;
	stack->depth = (stack->end - (thread->sp & PAGE_MASK)) >> PAGE_SHIFT;
}

/* The walk is done. False if what it found is no stack. */
static bool end_search(struct vmi_search *search, struct vmi_stack *stack,
		       const struct vmi_place *place)
{
	const struct vm_area_struct *vma = place->vma;
	const struct vmi_descent *d = &search->descent;

	if (is_growing(vma))
		set_growing(stack, place, search);
	else if (d->guard || guard_below(place))
		set_fixed(stack, place, d);
	else
		return false;
	stack->kind = search->clue == VMI_CLUE_MAIN ? VMI_STACK_MAIN :
						      VMI_STACK_THREAD;
	stack->initial = vma_is_initial_stack(vma);
	stack->vm_start = vma->vm_start;
	stack->vm_end = vma->vm_end;
	stack->touched = (stack->end - d->lowest) >> PAGE_SHIFT;
	set_depth(stack);
	return true;
}

/*
 * Walk some more of the mapping. Returns whether that was all. What was unmapped
 * since the last time is no longer part of the stack.
 */
static bool walk(struct vmi_search *search, const struct vm_area_struct *vma,
		 long *budget)
{
	struct vmi_descent *d = &search->descent;
	long used;

	d->mm = search->mm;
	d->floor = vma->vm_start;
	d->lowest = max(d->lowest, d->floor);
	d->bottom = max(d->bottom, d->floor);
	d->budget = *budget;
	vmi_descend(d);
	used = *budget - d->budget;
	*budget -= used;
	search->left -= used;
	search->pool -= used;
	return d->done || search->left <= 0 || search->pool <= 0;
}

/* Follow the clues. False if the budget did not last. */
static bool find_stack(struct vmi_search *search, struct vmi_stack *stack,
		       long *budget)
{
	struct vmi_place place;
	unsigned long addr;

	*budget -= VMI_COST_VMA;
	for (; search->clue < VMI_CLUES; search->clue++, search->starts = 0) {
		addr = follow_clue(search->mm, search->clue, &stack->thread);
		if (!addr || !find_place(&place, search->mm, addr) ||
		    !begin_search(search, &place, addr))
			continue;
		if (!walk(search, place.vma, budget))
			return false;
		if (search->descent.done && end_search(search, stack, &place))
			break;
	}
	return true;
}

/* One hold's worth of work. Returns how many threads are done. */
static unsigned int find_some(struct vmi_stacks *stacks, unsigned int i,
			      struct vmi_search *search)
{
	long budget = VMI_BUDGET;

	for (; i < stacks->nr && budget > 0; i++) {
		if (!find_stack(search, &stacks->stack[i], &budget))
			break;
		search->clue = 0;
		search->starts = 0;
	}
	return i;
}

static int find_stacks(struct vmi_stacks *stacks, struct vmi_holds *holds,
		       struct mm_struct *mm, unsigned long limit)
{
	struct vmi_search search = {
		.mm = mm,
		.limit = limit,
		.pool = VMI_WALKS * (mm_pgtables_bytes(mm) / sizeof(pte_t)) +
			VMI_THREAD_BUDGET * stacks->nr,
	};
	unsigned int i = 0;
	int err;

	while (i < stacks->nr) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (atomic_read(&mm->mm_users) == 1)
			return -ESRCH;
		err = vmi_hold(holds, mm);
		if (err)
			return err;
		i = find_some(stacks, i, &search);
		vmi_unhold(holds, mm);
		cond_resched();
	}
	return 0;
}

/*
 * By address; of those that begin at the same one, the smaller first; of those that
 * are the same, first the one that a thread is seen to run on, then that of the
 * older one.
 */
static int compare_stacks(const void *a, const void *b)
{
	const struct vmi_stack *x = *(const struct vmi_stack **)a;
	const struct vmi_stack *y = *(const struct vmi_stack **)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	if (x->depth_known != y->depth_known)
		return y->depth_known - x->depth_known;
	return x < y ? -1 : 1;
}

/*
 * Two stacks with one guard between them: where the upper one begins can't be told.
 * Or two threads have the same clue: one of them inherited it.
 */
static bool is_doubtful(const struct vmi_stack *stack,
			const struct vmi_stack *below)
{
	return stack->start == below->start &&
	       (stack->end != below->end || !stack->depth_known);
}

static void drop_doubtful(struct vmi_stacks *stacks)
{
	unsigned int i, kept = 1;

	for (i = 1; i < stacks->nr_names; i++) {
		struct vmi_stack *stack = stacks->name[i];

		if (is_doubtful(stack, stacks->name[kept - 1]))
			stack->kind = VMI_STACK_UNKNOWN;
		else
			stacks->name[kept++] = stack;
	}
	stacks->nr_names = min(stacks->nr_names, kept);
}

/* The first stack of the process is told by its mapping. */
static int name_stacks(struct vmi_stacks *stacks)
{
	struct vmi_stack *stack;
	unsigned int i;

	if (stacks->nr == 1 && stacks->stack->initial)
		return 0;
	stacks->name = kvmalloc_array(stacks->nr, sizeof(*stacks->name),
				      GFP_KERNEL_ACCOUNT);
	if (!stacks->name)
		return -ENOMEM;
	for (i = 0; i < stacks->nr; i++) {
		stack = &stacks->stack[i];
		if (stack->kind != VMI_STACK_UNKNOWN && !stack->initial)
			stacks->name[stacks->nr_names++] = stack;
	}
	sort(stacks->name, stacks->nr_names, sizeof(*stacks->name),
	     compare_stacks, NULL);
	drop_doubtful(stacks);
	return 0;
}

/* First of the names that is not below @addr. */
static unsigned int find_name(const struct vmi_stacks *stacks,
			      unsigned long addr)
{
	unsigned int low = 0, high = stacks->nr_names;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (stacks->name[middle]->start >= addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/**
 * vmi_stacks_in() - the stacks of threads that lie in a mapping
 * @stacks: the stacks
 * @start: first address of the mapping
 * @end: first address behind
 * @tid: where to put the number of the thread whose stack is the lowest
 *
 * Return: how many there are. The first stack of the process does not count.
 */
unsigned int vmi_stacks_in(const struct vmi_stacks *stacks, unsigned long start,
			   unsigned long end, pid_t *tid)
{
	unsigned int first, nr;

	if (!stacks->nr_names)
		return 0;
	first = find_name(stacks, start);
	nr = find_name(stacks, end) - first;
	if (nr)
		*tid = stacks->name[first]->thread.tid;
	return nr;
}

static void gather_threads(struct vmi_stacks *stacks, unsigned int room,
			   struct task_struct *task, struct pid_namespace *ns,
			   const struct mm_struct *mm)
{
	struct task_struct *thread;
	struct vmi_stack *stack;

	for_each_thread(task, thread) {
		if (stacks->nr == room)
			break;
		stack = &stacks->stack[stacks->nr];
		memset(stack, 0, sizeof(*stack));
		vmi_thread_gather(&stack->thread, thread, ns, mm);
		/* One that has just been reaped has no number. */
		if (stack->thread.tid)
			stacks->nr++;
	}
	/* What was seen may have been the names of the next program. */
	if (!vmi_process_runs_in(task, mm))
		stacks->nr = 0;
}

/* Pages, or VMI_UNLIMITED. */
static unsigned long stack_limit(const struct task_struct *task)
{
	unsigned long limit = task_rlimit(task, RLIMIT_STACK);

	return limit == RLIM_INFINITY ? VMI_UNLIMITED : limit >> PAGE_SHIFT;
}

/* Room for the threads there are, and for some of those that come meanwhile. */
static unsigned int room_for(unsigned int threads)
{
	return threads + threads / 8 + 1;
}

/**
 * vmi_stacks_gather() - find the stacks of a process
 * @stacks: where to put them; nothing of an earlier time
 * @holds: where to account for mmap_lock
 * @pid: the process, or a thread of it
 * @ns: pid namespace to number the threads in
 * @mm: its address space, whose mm_users the caller holds
 *
 * A process that is gone, or runs in another address space, has none.
 *
 * Return: 0; -ENOMEM; -EINTR when the reader is being killed; -ESRCH when the
 * process is gone meanwhile.
 */
int vmi_stacks_gather(struct vmi_stacks *stacks, struct vmi_holds *holds,
		      struct pid *pid, struct pid_namespace *ns,
		      struct mm_struct *mm)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	unsigned long limit;
	unsigned int room;
	int err = -ENOMEM;

	*stacks = (struct vmi_stacks){};
	if (!task)
		return 0;
	room = room_for(get_nr_threads(task));
	limit = stack_limit(task);
	stacks->stack = kvmalloc_array(room, sizeof(*stacks->stack),
				       GFP_KERNEL_ACCOUNT);
	if (!stacks->stack)
		goto put_task;
	rcu_read_lock();
	gather_threads(stacks, room, task, ns, mm);
	rcu_read_unlock();
	err = find_stacks(stacks, holds, mm, limit);
	if (!err)
		err = name_stacks(stacks);
put_task:
	put_task_struct(task);
	if (err)
		vmi_stacks_free(stacks);
	return err;
}

/**
 * vmi_stacks_free() - undo vmi_stacks_gather()
 * @stacks: the stacks; may be none
 */
void vmi_stacks_free(struct vmi_stacks *stacks)
{
	kvfree(stacks->stack);
	kvfree(stacks->name);
	*stacks = (struct vmi_stacks){};
}
