// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a process that never stops to change the protection of a large piece
 * of shared memory, a part of which is in swap, cannot keep its reader: the
 * search for what is swapped goes on where it was, and each read ends.
 */
#include "kselftest_harness.h"
#include "lifetime.h"
#include "lib/kind.h"

/* So many that they cannot be searched without letting go of mmap_lock. */
#define PAGES 16384ull
#define SWAPPED 256ull
#define READS 10

KIND_FIXTURE(lifetime_swapped)

static void change_protection(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_SHARED, -1);

	(void)arg;
	target_write(at, 1, PAGES);
	if (madvise(at, SWAPPED * KIND_PAGE, MADV_PAGEOUT))
		target_fail("madvise");
	target_step(t);
	for (int prot = PROT_READ;; prot ^= PROT_WRITE)
		if (mprotect(at, PAGES * KIND_PAGE, prot))
			target_fail("mprotect");
}

TEST_F_TIMEOUT(lifetime_swapped, reads_end, 120)
{
	struct report report;
	uint64_t swap = 0;

	KIND_START(change_protection);
	ASSERT_EQ(0, report_read(&report, self->target.pid));
	ASSERT_TRUE(report_number(&report, "total", "swap", &swap));
	ASSERT_LT(0, swap) {
		TH_LOG("pid %d: nothing went to swap", self->target.pid);
	}
	report_free(&report);

	ASSERT_EQ(0, target_continue(&self->target));
	for (int i = 0; i < READS; i++) {
		EXPECT_TRUE(life_ok(report_read(&report, self->target.pid), &report, "reader"));
		EXPECT_TRUE(report.complete);
		report_free(&report);
	}
}

TEST_HARNESS_MAIN
