// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a process that never stops to change the protection of a large piece
 * of shared memory, a part of which is in swap, cannot keep its reader: the
 * search for what is swapped goes on where it was, and each read ends.
 */
#include <pthread.h>
#include <sched.h>

#include "kselftest_harness.h"
#include "lifetime.h"
#include "lib/kind.h"

/* So many that they cannot be searched without letting go of mmap_lock. */
#define PAGES 16384ull
#define HOLDS 8
#define SWAPPED 256ull
#define READS 10

/* Less than a hold of mmap_lock takes. */
#define PAUSE_US 20

KIND_FIXTURE(lifetime_swapped)

/*
 * On the reader's processor, and before it whenever it wakes up: it comes between
 * two holds of mmap_lock as often as it can.
 */
static void *change_protection(void *at)
{
	const struct sched_param first = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		target_fail("sched_setscheduler");
	for (int prot = PROT_READ;; prot ^= PROT_WRITE) {
		if (mprotect(at, PAGES * KIND_PAGE, prot))
			target_fail("mprotect");
		usleep(PAUSE_US);
	}
	return NULL;
}

/* Stands at the step; its thread begins when it is told to go on. */
static void body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_SHARED, -1);
	pthread_t thread;

	(void)arg;
	target_write(at, PAGES, 1);
	if (madvise(at, SWAPPED * KIND_PAGE, MADV_PAGEOUT))
		target_fail("madvise");
	errno = pthread_create(&thread, NULL, change_protection, at);
	if (errno)
		target_fail("pthread_create");
	target_step(t);
}

TEST_F_TIMEOUT(lifetime_swapped, reads_end, 120)
{
	struct report report;
	uint64_t swap = 0, holds = 0;

	ASSERT_EQ(0, machine_stay_on(sched_getcpu()));
	KIND_START(body);
	ASSERT_EQ(0, report_read(&report, self->target.pid));
	ASSERT_TRUE(report_number(&report, "total", "swap", &swap));
	ASSERT_LT(0, swap) {
		TH_LOG("pid %d: nothing went to swap", self->target.pid);
	}
	ASSERT_TRUE(report_number(&report, "total", "holds", &holds));
	EXPECT_LT(HOLDS, holds);
	report_free(&report);

	ASSERT_EQ(0, target_continue(&self->target));
	for (int i = 0; i < READS; i++) {
		EXPECT_TRUE(life_ok(report_read(&report, self->target.pid), &report, "reader"));
		EXPECT_TRUE(report.complete);
		report_free(&report);
	}
}

TEST_HARNESS_MAIN
