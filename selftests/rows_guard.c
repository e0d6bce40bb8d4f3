// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: guard pages, be they mappings without access or markers in the page
 * table, are neither resident nor swapped.
 */
#include "lib/kind.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* The first kernel with MADV_GUARD_INSTALL. */
#define MARKERS_SINCE 6013

KIND_FIXTURE(guard)

#define PAGES 32

static void mapping_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, PROT_NONE, KIND_PRIVATE, -1);

	(void)arg;
	if (mprotect(at + KIND_PAGE, (PAGES - 2) * KIND_PAGE, KIND_RW))
		target_fail("mprotect");
	target_write(at + KIND_PAGE, PAGES - 2, 1);
	target_step(t);
}

TEST_F(guard, mappings_around)
{
	uint64_t at = TARGET_ALONE(0);

	KIND_START(mapping_body);
	KIND_ROW(at, "size=1 rss=0 tables=0");
	KIND_ROW(at + KIND_PAGE, "size=30 rss=30 anon=30 dirty=30");
	KIND_ROW(at + (PAGES - 1) * KIND_PAGE, "size=1 rss=0 tables=0");
	KIND_AGREES();
}

static void marker_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	char *fresh = target_map(TARGET_ALONE(1), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at, PAGES, 1);
	if (madvise(at + 4 * KIND_PAGE, 8 * KIND_PAGE, MADV_GUARD_INSTALL) ||
	    madvise(fresh, PAGES * KIND_PAGE, MADV_GUARD_INSTALL))
		target_fail("MADV_GUARD_INSTALL");
	target_step(t);
	if (madvise(at + 4 * KIND_PAGE, 8 * KIND_PAGE, MADV_GUARD_REMOVE))
		target_fail("MADV_GUARD_REMOVE");
	target_write(at + 5 * KIND_PAGE, 2, 1);
	target_step(t);
}

TEST_F(guard, markers)
{
	if (machine_kernel() < MARKERS_SINCE)
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	KIND_START(marker_body);
	KIND_ROW(TARGET_ALONE(0), "size=32 rss=24 anon=24 swap=0 dirty=24 runs>=2");
	KIND_ROW(TARGET_ALONE(1), "size=32 rss=0 swap=0 runs=0 tables=3");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=32 rss=26 anon=26 swap=0 dirty=26");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
