// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the stack of each thread is shown exactly: where it is, how large, what
 * guards it, how deep it is, how deep it ever was, and how much room is left; also
 * after calls returned, after parts were discarded or pushed to swap, and in huge
 * pages. A stack without a guard can't be told from other memory: all of it is "-".
 */
#include <sched.h>

#include "lib/faults.h"
#include "stacks.h"

STACKS_FIXTURE(stacks_threads)

#define KIB 1024ul
#define MIB (1024 * KIB)
#define SWAP_MIB 64

/* Stacks of the C library: size and guard in bytes, pages deep. */
static const struct {
	size_t size;
	size_t guard;
	uint64_t depth;
} plan[] = {
	{ 16 * KIB, 4096, 4 },
	{ 64 * KIB, 4096, 9 },
	{ 64 * KIB, 3 * 4096, 16 },
	{ 256 * KIB, 1, 20 },
	{ 1 * MIB, 64 * KIB, 200 },
	{ 8 * MIB, 4096, 6 },
	{ 8 * MIB, 1 * MIB, 2048 },
	{ 64 * MIB, 4096, 16000 },
};

#define PLANS (sizeof(plan) / sizeof(plan[0]))

static void start_plan(struct target *t, void (*run)(struct stacks_thread *me))
{
	static struct stacks_thread thread[PLANS];

	for (unsigned int i = 0; i < PLANS; i++) {
		thread[i] = (struct stacks_thread){
			.t = t, .slot = i, .run = run, .depth = plan[i].depth
		};
		stacks_start_sized(&thread[i], plan[i].size, plan[i].guard);
	}
}

static void deep_body(struct target *t, void *arg)
{
	(void)arg;
	start_plan(t, stacks_wait_deep);
	target_step(t);
}

TEST_F(stacks_threads, known_sizes_guards_and_depths)
{
	KIND_START(deep_body);
	for (unsigned int i = 0; i < PLANS; i++) {
		uint64_t pages = plan[i].size / KIND_PAGE, depth = plan[i].depth;

		EXPECT_EQ(depth, stacks_depth(&self->target, i));
		STACKS_ROW(i, "kind=thread start=%lx end=%lx size=%lu limit=%lu guard=%lu",
			   STACKS_AT(i, STACKS_START), STACKS_AT(i, STACKS_END), pages, pages,
			   (plan[i].guard + KIND_PAGE - 1) / KIND_PAGE);
		STACKS_ROW(i, "touched=%lu sp_depth=%lu headroom=%lu vma=[stack:%d]", depth,
			   depth, pages - depth, (int)STACKS_AT(i, STACKS_TID));
	}
	STACKS_AGREE();
}

static void returned_body(struct target *t, void *arg)
{
	(void)arg;
	start_plan(t, stacks_have_been_deep);
	target_step(t);
}

TEST_F(stacks_threads, touched_stays_when_calls_return)
{
	KIND_START(returned_body);
	for (unsigned int i = 0; i < PLANS; i++) {
		EXPECT_GE(2, stacks_depth(&self->target, i));
		STACKS_ROW(i, "touched=%lu sp_depth=%lu headroom=%lu", plan[i].depth,
			   stacks_depth(&self->target, i),
			   plan[i].size / KIND_PAGE - plan[i].depth);
	}
	STACKS_AGREE();
}

#define ALONE_PAGES 64
#define ALONE_DEPTH 40
#define ALONE_GUARD 2

static struct stacks_thread lone;

/* A thread in slot 0 on memory at a known place. */
static void start_alone(struct target *t, void (*run)(struct stacks_thread *me), uint64_t guard)
{
	lone = (struct stacks_thread){ .t = t, .slot = 0, .run = run, .depth = ALONE_DEPTH };
	stacks_map(TARGET_ALONE(0), ALONE_PAGES, guard);
	stacks_start_on(&lone, TARGET_ALONE(0), ALONE_PAGES);
}

static void unguarded_body(struct target *t, void *arg)
{
	(void)arg;
	start_alone(t, stacks_wait_deep, 0);
	target_step(t);
	target_map(TARGET_ALONE(0) - KIND_PAGE, 1, PROT_READ, KIND_PRIVATE, -1);
	target_step(t);
	if (mprotect((void *)(TARGET_ALONE(0) - KIND_PAGE), KIND_PAGE, PROT_NONE))
		target_fail("mprotect");
	target_step(t);
}

TEST_F(stacks_threads, without_a_guard_nothing_is_known)
{
	KIND_START(unguarded_body);
	STACKS_ROW(0, STACKS_NOTHING);
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, STACKS_NOTHING);
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "kind=thread start=%llx size=64 guard=1 touched=40 sp_depth=40 headroom=24",
		   TARGET_ALONE(0));
	STACKS_AGREE();
}

static void no_guard_body(struct target *t, void *arg)
{
	(void)arg;
	lone = (struct stacks_thread){ .t = t, .slot = 0, .run = stacks_wait_deep, .depth = 6 };
	stacks_start_sized(&lone, 64 * KIB, 0);
	target_step(t);
}

TEST_F(stacks_threads, guardsize_0)
{
	KIND_START(no_guard_body);
	STACKS_ROW(0, STACKS_NOTHING);
	STACKS_AGREE();
}

static void discarded_body(struct target *t, void *arg)
{
	char *low = (char *)TARGET_ALONE(0);

	(void)arg;
	start_alone(t, stacks_have_been_deep, ALONE_GUARD);
	/* from 20 pages below the end downwards */
	target_write(low + 30 * KIND_PAGE, 14, 1);
	target_step(t);
	if (madvise(low, (ALONE_PAGES - 20) * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_write(low + 50 * KIND_PAGE, 1, 1);
	target_step(t);
	target_write(low, 1, 1);
	target_step(t);
}

TEST_F(stacks_threads, discarded)
{
	KIND_START(discarded_body);
	STACKS_ROW(0, "size=64 guard=2 touched=40 headroom=24");
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "size=64 guard=2 touched=14 headroom=50");
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "size=64 guard=2 touched=64 headroom=0");
	STACKS_AGREE();
}

static void swapped_body(struct target *t, void *arg)
{
	char *low = (char *)TARGET_ALONE(0);

	(void)arg;
	/* pages that wait in another processor's batch for their list can't go to swap */
	if (machine_stay_on(sched_getcpu()))
		target_fail("sched_setaffinity");
	start_alone(t, stacks_have_been_deep, 1);
	target_write(low + 24 * KIND_PAGE, 20, 1);
	faults_page_out(low + 24 * KIND_PAGE, 20);
	target_step(t);
	target_read(low + 24 * KIND_PAGE, 1, 1);
	target_step(t);
	if (madvise(low, 30 * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
}

TEST_F(stacks_threads, in_swap)
{
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	ASSERT_EQ(0, machine_set("/proc/sys/vm/page-cluster", "0"));
	KIND_START(swapped_body);
	KIND_ROW(TARGET_ALONE(0), "swap=20");
	STACKS_ROW(0, "touched=40 headroom=24");
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "touched=40 headroom=24");
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "touched=34 headroom=30");
	STACKS_AGREE();
}

#define HUGE_PAGES (4 * KIND_HUGE)

static void *start_huge(struct target *t)
{
	uint64_t at = TARGET_ALONE(0);

	lone = (struct stacks_thread){ .t = t, .slot = 0, .run = stacks_wait_deep, .depth = 6 };
	stacks_map(at, HUGE_PAGES, 1);
	if (madvise((void *)at, HUGE_PAGES * KIND_PAGE, MADV_HUGEPAGE))
		target_fail("MADV_HUGEPAGE");
	stacks_start_on(&lone, at, HUGE_PAGES);
	return (void *)at;
}

static void huge_body(struct target *t, void *arg)
{
	char *low = start_huge(t);

	(void)arg;
	target_step(t);
	target_write(low + (KIND_HUGE + 7) * KIND_PAGE, 1, 1);
	target_step(t);
	/* splits the huge page */
	if (madvise(low + KIND_HUGE * KIND_PAGE, 100 * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
}

TEST_F(stacks_threads, huge_pages)
{
	KIND_NEEDS_THP();
	KIND_START(huge_body);
	KIND_ROW(TARGET_ALONE(0), "huge=512");
	STACKS_ROW(0, "size=2048 guard=1 touched=512 sp_depth=6 headroom=1536");
	STACKS_AGREE();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "huge=1024");
	STACKS_ROW(0, "size=2048 guard=1 touched=1536 sp_depth=6 headroom=512");
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "size=2048 guard=1 touched=1436 sp_depth=6 headroom=612");
	STACKS_AGREE();
}

TEST_HARNESS_MAIN
