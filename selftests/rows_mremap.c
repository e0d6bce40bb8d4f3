// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: counts follow the pages when mremap() moves, grows, shrinks or
 * copies a mapping, page by page or by whole page tables.
 */
#include "lib/kind.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

KIND_FIXTURE(moved)

#define PAGES 16

static void move(uint64_t from, uint64_t pages, uint64_t to, uint64_t wanted, int flags)
{
	if (mremap((void *)from, pages * KIND_PAGE, wanted * KIND_PAGE,
		   MREMAP_MAYMOVE | MREMAP_FIXED | flags, (void *)to) == MAP_FAILED)
		target_fail("mremap");
}

static void small_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at, 5, 3);
	target_step(t);
	move(TARGET_ALONE(0), PAGES, TARGET_ALONE(1), 2 * PAGES, 0);
	target_write((char *)TARGET_ALONE(1) + PAGES * KIND_PAGE, 2, 1);
	target_step(t);
	move(TARGET_ALONE(1), 2 * PAGES, TARGET_ALONE(2), 4, 0);
	target_step(t);
	move(TARGET_ALONE(2), 4, TARGET_ALONE(3), 4, MREMAP_DONTUNMAP);
	target_step(t);
}

static bool has_row(pid_t pid, uint64_t address)
{
	struct report r;
	bool has = !report_read(&r, pid) && report_find(&r, address);

	report_free(&r);
	return has;
}

TEST_F(moved, page_by_page)
{
	KIND_START(small_body);
	KIND_ROW(TARGET_ALONE(0), "size=16 rss=5 dirty=5 young=5 runs=5 tables=3");
	KIND_AGREES();
	KIND_NEXT();
	EXPECT_FALSE(has_row(self->target.pid, TARGET_ALONE(0)));
	KIND_ROW(TARGET_ALONE(1), "size=32 rss=7 anon=7 dirty=7 tables=3");
	KIND_AGREES();
	KIND_NEXT();
	EXPECT_FALSE(has_row(self->target.pid, TARGET_ALONE(1)));
	/* of pages 0, 3, 6, 9, 12 the first two are left */
	KIND_ROW(TARGET_ALONE(2), "size=4 rss=2 anon=2 dirty=2 runs=2");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(2), "size=4 rss=0 anon=0 dirty=0 runs=0");
	KIND_ROW(TARGET_ALONE(3), "size=4 rss=2 anon=2 dirty=2 runs=2 tables=3");
	KIND_AGREES();
}

#define TABLES 4

static void large_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), TABLES * KIND_HUGE, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_small_pages(at, TABLES * KIND_HUGE);
	target_write(at, TABLES * KIND_HUGE / 2, 2);
	target_step(t);
	move(TARGET_ALONE(0), TABLES * KIND_HUGE, TARGET_ALONE(1), TABLES * KIND_HUGE, 0);
	target_step(t);
}

TEST_F(moved, by_tables)
{
	KIND_START(large_body);
	KIND_ROW(TARGET_ALONE(0), "size=2048 rss=1024 dirty=1024 tables=%d",
		 TABLES + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	EXPECT_FALSE(has_row(self->target.pid, TARGET_ALONE(0)));
	KIND_ROW(TARGET_ALONE(1), "size=2048 rss=1024 dirty=1024 tables=%d",
		 TABLES + TARGET_ALONE_UPPER);
	KIND_AGREES();
}

TEST_HARNESS_MAIN
