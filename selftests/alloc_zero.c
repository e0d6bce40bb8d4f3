// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: after allocations have failed in all the ways of the alloc programs, which
 * by their names come before this one, no memory is left that nobody has a pointer to.
 */
#include "lib/failnth.h"
#include "lib/kind.h"

TEST(leaks)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	if (!failnth_can_look())
		SKIP(return, "this kernel is built without CONFIG_DEBUG_KMEMLEAK");
	EXPECT_EQ(0, failnth_leaks());
}

TEST_HARNESS_MAIN
