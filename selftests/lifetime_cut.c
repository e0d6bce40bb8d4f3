// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a mapping that takes many holds of mmap_lock to be walked, and in between
 * is unmapped, protected, halved or moved away, has a row of what was walked of it, with
 * the counts of that; then comes what there is now. Nothing is shown twice, and the
 * report says that it changed. A guard marker that comes in between cuts nothing.
 */
#include "kselftest_harness.h"
#include "lib/machine.h"
#include "lib/slow.h"
#include "lifetime.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

/* A page in each of so many page tables, of which a hold walks four. */
#define TABLES 128
#define TABLE_PAGES 512ull
#define TABLE_BYTES (TABLE_PAGES * LIFE_PAGE)
#define WIDE_BYTES (TABLES * TABLE_BYTES)
#define ELSEWHERE (LIFE_ARENA + 4 * WIDE_BYTES)

#define NAP_US 200
#define SECONDS (20.0 * slow_times())	/* at most, until one was seen */
#define READS 10			/* at least */
#define UNCUT_READS 100

FIXTURE(lifetime_cut)
{
	struct target target;
};

typedef bool change_fn(char *at);

/** @stays: the mapping is none the less what it was */
FIXTURE_VARIANT(lifetime_cut)
{
	change_fn *change;
	bool stays;
};

static bool map_wide(void)
{
	char *at = mmap((void *)LIFE_ARENA, WIDE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (at == MAP_FAILED)
		return false;
	target_write(at, TABLES, TABLE_PAGES);
	return true;
}

static bool unmap(char *at)
{
	return !munmap(at, WIDE_BYTES);
}

static bool protect(char *at)
{
	return !mprotect(at, WIDE_BYTES, PROT_READ);
}

static bool halve(char *at)
{
	return !munmap(at + WIDE_BYTES / 2, WIDE_BYTES / 2);
}

static bool move(char *at)
{
	return mremap(at, WIDE_BYTES, WIDE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED,
		      (void *)ELSEWHERE) != MAP_FAILED;
}

FIXTURE_VARIANT_ADD(lifetime_cut, unmapped) { .change = unmap, };
FIXTURE_VARIANT_ADD(lifetime_cut, protected) { .change = protect, };
FIXTURE_VARIANT_ADD(lifetime_cut, halved) { .change = halve, };
FIXTURE_VARIANT_ADD(lifetime_cut, moved) { .change = move, };

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* The first one marks the mapping (Linux 6.19), while others read. */
static bool guard(char *at)
{
	return !madvise(at, LIFE_PAGE, MADV_GUARD_INSTALL);
}

FIXTURE_VARIANT_ADD(lifetime_cut, guarded) { .change = guard, .stays = true, };

static bool has_guards(void)
{
	/* unknown advice is EINVAL even of nothing */
	return !madvise(NULL, 0, MADV_GUARD_INSTALL);
}

/*
 * There, and changed, by turns. Whoever reads on the same processor has to let this
 * thread have it whenever it wakes up, between two holds at the latest.
 */
static void *change_for_ever(void *arg)
{
	change_fn *change = *(change_fn **)arg;
	const struct sched_param first = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		target_fail("sched_setscheduler");
	while (map_wide() && !usleep(NAP_US) && change((char *)LIFE_ARENA))
		usleep(NAP_US);
	target_fail("changing");
}

static void changing_body(struct target *target, void *arg)
{
	pthread_t thread;

	/* advice would make it another mapping, for as long as that has not come */
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		target_fail("PR_SET_THP_DISABLE");
	errno = pthread_create(&thread, NULL, change_for_ever, arg);
	if (errno)
		target_fail("pthread_create");
	target_step(target);
	for (;;)
		pause();
}

FIXTURE_SETUP(lifetime_cut)
{
	change_fn *change = variant->change;

	if (change == guard && !has_guards())
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	/* the target, too, which descends from this process */
	ASSERT_EQ(0, machine_stay_on(sched_getcpu()));
	ASSERT_EQ(0, target_fork(&self->target, changing_body, &change));
	/* let it run on; it takes no further step */
	ASSERT_EQ(0, target_continue(&self->target));
}

FIXTURE_TEARDOWN(lifetime_cut)
{
	target_end(&self->target);
}

/* Touched pages below an address, at most: each table's first. */
static uint64_t touched_below(uint64_t address)
{
	return (address + TABLE_BYTES - 1) / TABLE_BYTES;
}

static bool row_is_right(const struct report_row *row)
{
	const uint64_t most = touched_below(row->end) - touched_below(row->start);

	if (row->count[REPORT_SIZE] == (row->end - row->start) / LIFE_PAGE &&
	    row->count[REPORT_RSS] == row->count[REPORT_ANON] && row->count[REPORT_RSS] <= most)
		return true;
	diag("row %" PRIx64 "-%" PRIx64 ": expected %" PRIu64 " pages at most, seen rss %" PRIu64,
	     row->start, row->end, most, row->count[REPORT_RSS]);
	return false;
}

/* Does the row end where no mapping ever does? */
static bool is_cut(const struct report_row *row)
{
	const uint64_t end = row->end - LIFE_ARENA;

	return row->start == LIFE_ARENA && end != WIDE_BYTES && end != WIDE_BYTES / 2;
}

/** struct cuts - rows that were cut: how many, and pages resident in them */
struct cuts {
	uint64_t rows;
	uint64_t rss;
};

static bool rows_are_right(const struct report *r, struct cuts *cuts)
{
	for (size_t i = 0; i < r->rows; i++) {
		const struct report_row *row = &r->row[i];

		if (row->start < LIFE_ARENA || row->start >= 2 * LIFE_ARENA)
			continue;
		if (!row_is_right(row))
			return false;
		if (is_cut(row)) {
			cuts->rows++;
			cuts->rss += row->count[REPORT_RSS];
		}
	}
	return true;
}

/* At least READS, and until one row was cut, or might have been. */
static bool goes_on(int reads, bool stays, const struct cuts *cuts)
{
	return reads < READS || (stays ? reads < UNCUT_READS : !cuts->rss);
}

TEST_F_TIMEOUT(lifetime_cut, what_was_walked_is_shown, 90)
{
	const double end = life_seconds() + SECONDS;
	struct cuts all = {};
	int reads;

	for (reads = 0; goes_on(reads, variant->stays, &all) && life_seconds() < end; reads++) {
		const uint64_t before = all.rows;
		struct report r;
		bool ok = life_ok(report_read(&r, self->target.pid), &r, "changing");

		ok = ok && rows_are_right(&r, &all);
		ASSERT_TRUE(ok);
		ASSERT_TRUE(r.complete);
		if (all.rows > before)
			EXPECT_STRNE("no", report_value(&r, "total", "changed"));
		report_free(&r);
	}
	diag("%d reads, %" PRIu64 " rows cut, with %" PRIu64 " pages", reads, all.rows, all.rss);
	EXPECT_EQ(!variant->stays, !!all.rss);
}

TEST_HARNESS_MAIN
