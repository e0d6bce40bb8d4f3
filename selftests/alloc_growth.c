// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: when there is no memory for a growth of a stack, it is counted
 * nevertheless; the events that could not be kept are said to be dropped, growths
 * that could not be counted by mapping to be unattributed, and the last refusal is
 * there in any case. When there is memory again, all is kept again.
 */
#include "alloc.h"
#include "growth.h"
#include "track.h"

FIXTURE(alloc_growth)
{
	struct target target;
	struct growth growth;
	uint64_t mark;
};

FIXTURE_SETUP(alloc_growth)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));
	ASSERT_EQ(0, failnth_begin());
	GROWTH_START();
}

FIXTURE_TEARDOWN(alloc_growth)
{
	failnth_end();
	growth_free(&self->growth);
	target_end(&self->target);
	machine_restore();
}

#define PID (self->target.pid)
#define PAGE KIND_PAGE
#define TOP(slot) GROWTH_TOP(slot)

/* All memory for growths is asked for here. */
#define LOGS "vmi_growing_leave"

/* Grow a mapping to so many pages, page by page, from so many. */
#define GROW(slot, from, to)								\
	GROWTH_DO(growth_do_touch, TOP(slot) - (to) * PAGE, (to) - (from))

#define MAP(slot) GROWTH_DO(growth_do_map, TOP(slot), 1)

#define REFUSED() EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP(0) - GROWTH_LIMIT - 1))

TEST_F(alloc_growth, events)
{
	MAP(0);
	ASSERT_EQ(0, failnth_below_function(LOGS));
	ASSERT_EQ(0, failnth_always());
	GROW(0, 1, 31);
	EXPECT_LT(0, failnth_never());
	GROWTH_CAME(30);
	EXPECT_EQ(30, self->growth.grown);
	EXPECT_LT(0, self->growth.dropped);
	EXPECT_EQ(0, self->growth.unattributed);
	GROWTH_ROW(TOP(0) - 1, 30);

	/* all of these are kept */
	GROW(0, 31, 51);
	GROWTH_CAME(20);
	EXPECT_LE(20, self->growth.events);
	GROWTH_LAST("result=grown size=51");
	GROWTH_ROW(TOP(0) - 1, 50);
}

/* Even if there was never memory for one. */
TEST_F(alloc_growth, last_refusal)
{
	MAP(0);
	ASSERT_EQ(0, failnth_below_function(LOGS));
	ASSERT_EQ(0, failnth_always());
	GROW(0, 1, 3);
	REFUSED();
	EXPECT_LT(0, failnth_never());
	GROWTH_CAME(3);
	GROWTH_LAST("result=refused:rlimit_stack");

	/* and however many follow */
	ASSERT_EQ(0, failnth_always());
	GROW(0, 3, 43);
	EXPECT_LT(0, failnth_never());
	GROWTH_CAME(40);
	EXPECT_EQ(1, growth_count(&self->growth, "refused:"));
	EXPECT_EQ(1, self->growth.refused);

	/* it makes room for a later one */
	ASSERT_EQ(0, failnth_always());
	REFUSED();
	failnth_never();
	GROWTH_CAME(1);
	GROWTH_LAST("result=refused:rlimit_stack");
}

#define MAPPINGS 12

TEST_F(alloc_growth, mappings)
{
	for (int slot = 0; slot < MAPPINGS; slot++)
		MAP(slot);
	ASSERT_EQ(0, failnth_below_function(LOGS));
	ASSERT_EQ(0, failnth_always());
	for (int slot = 0; slot < MAPPINGS; slot++)
		GROW(slot, 1, 2);
	EXPECT_LT(0, failnth_never());
	GROWTH_CAME(MAPPINGS);
	EXPECT_EQ(MAPPINGS, self->growth.grown);
	EXPECT_LT(0, self->growth.unattributed);
	EXPECT_EQ(MAPPINGS, self->growth.rows + self->growth.unattributed);

	for (int slot = 0; slot < MAPPINGS; slot++)
		GROW(slot, 2, 3);
	GROWTH_CAME(MAPPINGS);
	GROWTH_ROW(TOP(MAPPINGS - 1) - 1, 1);
}

/* Each allocation once: no event comes twice, none is forgotten. */
TEST_F(alloc_growth, each_once)
{
	int fd = failnth_open(PID);
	unsigned int nth = 0;
	bool failed = true;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, failnth_below_function(LOGS));
	MAP(0);
	for (uint64_t pages = 1; failed; pages += 40) {
		ASSERT_GT(200, nth);
		failnth_arm(fd, ++nth);
		GROW(0, pages, pages + 40);
		failed = failnth_disarm(fd);
		GROWTH_CAME(40);
	}
	EXPECT_LT(1, nth);
	diag("%u allocations", nth - 1);
	close(fd);
}

/* Who forgets them needs no memory. */
TEST_F(alloc_growth, unmapped)
{
	MAP(0);
	ASSERT_EQ(0, failnth_below_modules());
	ASSERT_EQ(0, failnth_always());
	GROW(0, 1, 31);
	GROWTH_DO(growth_do_unmap, TOP(0) - 31 * PAGE, 31);
	EXPECT_LT(0, failnth_never());
	GROWTH_CAME(30);
	EXPECT_EQ(30, self->growth.gone);
}

TEST_HARNESS_MAIN
