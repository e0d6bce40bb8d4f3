// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: memory that may not be accessed keeps its pages: they are resident,
 * dirty and young as before, and their frames are read right (such entries
 * hold them inverted on x86).
 */
#include "lib/kind.h"

KIND_FIXTURE(protnone)

#define PAGES 48

static void protect_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	char *shared = target_map(TARGET_ALONE(1), PAGES, KIND_RW, KIND_SHARED, -1);

	(void)arg;
	target_map(TARGET_ALONE(2), PAGES, PROT_NONE, KIND_PRIVATE, -1);
	target_write(at, 16, 3);
	target_write(shared, 10, 1);
	target_read(at + KIND_PAGE, 4, 3);	/* the zero page */
	target_step(t);
	if (mprotect(at, PAGES * KIND_PAGE, PROT_NONE) ||
	    mprotect(shared, PAGES * KIND_PAGE, PROT_NONE))
		target_fail("mprotect");
	target_step(t);
	if (mprotect(at + 12 * KIND_PAGE, 12 * KIND_PAGE, PROT_READ))
		target_fail("mprotect");
	target_step(t);
}

static uint64_t runs(pid_t pid, uint64_t address)
{
	const struct report_row *row;
	uint64_t count = REPORT_UNKNOWN;
	struct report r;

	if (!report_read(&r, pid)) {
		row = report_find(&r, address);
		if (row)
			count = row->count[REPORT_RUNS];
	}
	report_free(&r);
	return count;
}

TEST_F(protnone, after_touching)
{
	uint64_t at = TARGET_ALONE(0), shared = TARGET_ALONE(1), before;

	KIND_START(protect_body);
	KIND_ROW(at, "size=48 rss=16 anon=16 dirty=16 young=16 runs=16 maxrun=1");
	KIND_ROW(shared, "size=48 rss=10 shmem=10 dirty=10 young=10");
	KIND_ROW(TARGET_ALONE(2), "size=48 rss=0 tables=0");
	KIND_AGREES();
	before = runs(self->target.pid, shared);
	KIND_NEXT();
	KIND_ROW(at, "size=48 rss=16 anon=16 dirty=16 young=16 runs=16 maxrun=1");
	KIND_ROW(shared, "size=48 rss=10 shmem=10 dirty=10 young=10");
	EXPECT_EQ(before, runs(self->target.pid, shared));
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=12 rss=4 anon=4 dirty=4 young=4");
	KIND_ROW(at + 12 * KIND_PAGE, "size=12 rss=4 anon=4 dirty=4 young=4");
	KIND_ROW(at + 24 * KIND_PAGE, "size=24 rss=8 anon=8 dirty=8 young=8");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
