// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: locked memory is resident as soon as it is locked, or, locked on
 * fault, once it was touched; [mm] says how much may not be swapped.
 */
#include "lib/kind.h"

KIND_FIXTURE(locked)

#define PAGES 16

static void mlock_body(struct target *t, void *arg)
{
	char *all = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	char *some = target_map(TARGET_ALONE(1), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_map(TARGET_ALONE(2), PAGES, KIND_RW, KIND_PRIVATE | MAP_LOCKED, -1);
	target_map(TARGET_ALONE(3), PAGES, PROT_READ, KIND_PRIVATE | MAP_LOCKED, -1);
	if (mlock(all, PAGES * KIND_PAGE) || mlock2(some, PAGES * KIND_PAGE, MLOCK_ONFAULT))
		target_fail("mlock");
	target_step(t);
	target_write(some + 4 * KIND_PAGE, 5, 2);
	target_step(t);
	if (munlock(all, PAGES / 2 * KIND_PAGE))
		target_fail("munlock");
	target_step(t);
}

static uint64_t locked_pages(pid_t pid)
{
	uint64_t pages = REPORT_UNKNOWN;
	struct report r;

	if (!report_read(&r, pid))
		report_number(&r, "mm", "locked_vm", &pages);
	report_free(&r);
	return pages;
}

TEST_F(locked, at_once_and_on_fault)
{
	KIND_START(mlock_body);
	KIND_ROW(TARGET_ALONE(0), "size=16 rss=16 anon=16 dirty=16");
	KIND_ROW(TARGET_ALONE(1), "size=16 rss=0 tables=0");
	KIND_ROW(TARGET_ALONE(2), "size=16 rss=16 anon=16 dirty=16");
	/* locking memory that can only be read maps the zero page */
	KIND_ROW(TARGET_ALONE(3), "size=16 rss=0 anon=0 tables=3");
	EXPECT_EQ(4u * PAGES, locked_pages(self->target.pid));
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(1), "size=16 rss=5 anon=5 dirty=5 runs=5");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=8 rss=8");
	KIND_ROW(TARGET_ALONE(0) + PAGES / 2 * KIND_PAGE, "size=8 rss=8");
	EXPECT_EQ(4u * PAGES - PAGES / 2, locked_pages(self->target.pid));
	KIND_AGREES();
}

TEST_HARNESS_MAIN
