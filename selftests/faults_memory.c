// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the counters take no more than 0.2 % of memory that is densely
 * touched, go when their range is unmapped or its process ends, and never are
 * more than max_memory says; what then has no row is said to be unattributed,
 * and the totals stay exact, also under memory pressure.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "track.h"

KIND_FIXTURE(faults_memory)

#define PID (self->target.pid)

#define DENSE (64ull << 20)
#define DENSE_PAGES (DENSE / KIND_PAGE)

/* What other processes may need meanwhile. */
#define NOISE (32ull << 10)

/* The table in which counters are found stays as large as it had to be. */
#define TABLE (128ull << 10)

static char *map_small(int slot, uint64_t pages)
{
	char *at = target_map(TARGET_ALONE(slot), pages, KIND_RW, KIND_PRIVATE | MAP_NORESERVE, -1);

	target_small_pages(at, pages);
	return at;
}

static void dense_body(struct target *t, void *arg)
{
	char *at = map_small(0, DENSE_PAGES);

	(void)arg;
	target_step(t);
	target_write(at, DENSE_PAGES, 1);
	target_step(t);
	if (munmap(at, DENSE / 2))
		target_fail("munmap");
	target_step(t);
	if (munmap(at + DENSE / 2, DENSE / 2))
		target_fail("munmap");
	target_step(t);
	at = map_small(0, DENSE_PAGES);
	target_write(at, DENSE_PAGES, 1);
	target_step(t);
}

TEST_F(faults_memory, dense)
{
	uint64_t before, used;

	KIND_START(dense_body);
	before = track_status("memory_bytes");
	KIND_NEXT();
	used = track_status("memory_bytes") - before;
	EXPECT_LT(0, used);
	EXPECT_GE(DENSE / 500, used);
	diag("%llu MiB touched: %lu bytes of counters, %.3f %%", DENSE >> 20,
	     (unsigned long)used, 100.0 * used / DENSE);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=%llu",
				(unsigned long long)DENSE_PAGES));
	EXPECT_EQ(0, faults_agree(PID));

	KIND_NEXT();
	EXPECT_TRUE(track_falls_to("memory_bytes", before + used / 2 + NOISE));
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0) + DENSE / 2, "anonflt=%llu",
				(unsigned long long)DENSE_PAGES / 2));
	EXPECT_EQ(0, faults_agree(PID));
	KIND_NEXT();
	EXPECT_TRUE(track_falls_to("memory_bytes", before + NOISE));
	EXPECT_EQ(0, faults_agree(PID));

	KIND_NEXT();
	EXPECT_LE(before + used / 2, track_status("memory_bytes"));
	EXPECT_EQ(0, faults_agree(PID));
	target_end(&self->target);
	EXPECT_TRUE(track_falls_to("memory_bytes", before + NOISE));
}

/* One page in each of so many stretches: more counters than memory. */
#define STRIDE 64
#define STEPS 16
#define STEP_PAGES 2048

/* Reading maps the zero page: nothing is used but tables and counters. */
static void sparse_body(struct target *t, void *arg)
{
	char *at = map_small(0, (uint64_t)STEPS * STEP_PAGES * STRIDE);

	(void)arg;
	target_step(t);
	for (int i = 0; i < STEPS; i++) {
		target_read(at, STEP_PAGES, STRIDE);
		at += STEP_PAGES * STRIDE * KIND_PAGE;
		target_step(t);
	}
	if (munmap((char *)TARGET_ALONE(0), (uint64_t)STEPS * STEP_PAGES * STRIDE * KIND_PAGE))
		target_fail("munmap");
	target_step(t);
	target_write(map_small(1, STEP_PAGES), STEP_PAGES, 1);
	target_step(t);
}

/* Totals are exact, whatever has rows; the counters keep their limit. */
#define EXPECT_LIMITED(sums_, limit) do {						\
	uint64_t bytes_ = track_status("memory_bytes");					\
											\
	ASSERT_TRUE(track_sum(PID, sums_));						\
	EXPECT_EQ(track_stat(PID), (sums_)->own);					\
	EXPECT_EQ(0, (sums_)->lost);							\
	EXPECT_GE(limit, bytes_) {							\
		TH_LOG("memory_bytes: expected %llu at most, seen %llu",		\
		       (unsigned long long)(limit), (unsigned long long)bytes_);	\
	}										\
} while (0)

/* All that are tracked may together have a little more than they had before: bytes, or 0. */
static uint64_t limit_memory(uint64_t before, unsigned int mebibytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", (unsigned long)(before >> 20) + mebibytes);
	if (machine_set(TRACK_PARAMETER("max_memory"), text))
		return 0;
	return track_status("max_memory_bytes");
}

TEST_F(faults_memory, limited)
{
	uint64_t before = track_status("memory_bytes"), limit, whole;
	struct track_sums sums;

	limit = limit_memory(before, 1);
	ASSERT_LT(before, limit);
	KIND_START(sparse_body);
	for (int i = 0; i < STEPS; i++) {
		KIND_NEXT();
		EXPECT_LIMITED(&sums, limit);
	}
	EXPECT_LT(0, sums.unattributed);
	EXPECT_LE(sums.unattributed, track_status("unattributed"));
	/* some have rows, and these are right */
	EXPECT_LT(0, sums.rows);
	EXPECT_LE(STEPS * STEP_PAGES, sums.rows + sums.unattributed);

	/* room again: what comes now has rows, what had none still has none */
	whole = sums.unattributed;
	KIND_NEXT();
	EXPECT_LIMITED(&sums, limit);
	EXPECT_TRUE(track_falls_to("memory_bytes", before + TABLE + NOISE));
	KIND_NEXT();
	EXPECT_LIMITED(&sums, limit);
	EXPECT_EQ(whole, sums.unattributed);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(1), "anonflt=%d", STEP_PAGES));
}

TEST_F(faults_memory, limit_lowered_below_use)
{
	uint64_t before = track_status("memory_bytes"), used, rows;
	struct track_sums sums;

	KIND_START(sparse_body);
	for (int i = 0; i < STEPS / 2; i++)
		KIND_NEXT();
	used = track_status("memory_bytes");
	ASSERT_GT(used, limit_memory(before, 1));
	ASSERT_TRUE(track_sum(PID, &sums));
	rows = sums.rows;
	for (int i = STEPS / 2; i < STEPS; i++) {
		KIND_NEXT();
		/* nothing more is taken; what has been counted stays counted */
		EXPECT_LIMITED(&sums, used);
		EXPECT_LE(rows, sums.rows);
	}
	EXPECT_LE(STEPS / 4 * STEP_PAGES, sums.unattributed);
	EXPECT_EQ(0, procfile_write(TRACK_PARAMETER("max_memory"), "100"));
	rows = sums.unattributed;
	KIND_NEXT();
	KIND_NEXT();
	EXPECT_LIMITED(&sums, 100 << 20);
	EXPECT_EQ(rows, sums.unattributed);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(1), "anonflt=%d", STEP_PAGES));
}

/* A process for which there is no memory at all is not tracked, and said to be so. */
TEST_F(faults_memory, born_at_the_limit)
{
	uint64_t limit = limit_memory(track_status("memory_bytes"), 1), untracked;
	struct target child = {};
	struct track_sums sums;
	int64_t since;

	ASSERT_LT(0, limit);
	KIND_START(sparse_body);
	for (int i = 0; i < STEPS; i++)
		KIND_NEXT();
	untracked = track_status("untracked");
	ASSERT_EQ(0, target_fork(&child, sparse_body, NULL));
	ASSERT_EQ(0, target_next(&child));
	since = track_since(child.pid);
	if (since) {
		ASSERT_TRUE(track_sum(child.pid, &sums));
		EXPECT_EQ(track_stat(child.pid), sums.own);
		EXPECT_EQ(0, sums.lost);
		EXPECT_LT(0, sums.unattributed);
	} else {
		EXPECT_LT(untracked, track_status("untracked"));
	}
	EXPECT_GE(limit, track_status("memory_bytes"));
	target_end(&child);
}

#define GROUP "/sys/fs/cgroup/faults_memory"
#define ROUNDS 2

/**
 * struct squeeze - a process that needs more memory than it can have
 * @pages: what it needs
 * @grouped: it is its control group that does not let it
 */
struct squeeze {
	uint64_t pages;
	bool grouped;
};

/* Pages of zeros are swapped without being compressed, which would take most of the time. */
static void write_zeros(volatile char *at, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		at[i * KIND_PAGE] = 0;
}

/* Write all of it, then again: most of it is in swap then. */
static void swapping_body(struct target *t, void *arg)
{
	const struct squeeze *squeeze = arg;
	char *at;

	if (squeeze->grouped && procfile_write(GROUP "/cgroup.procs", "0"))
		target_fail("cgroup.procs");
	at = map_small(0, squeeze->pages);
	for (int i = 0; i < ROUNDS; i++) {
		write_zeros(at, squeeze->pages);
		target_step(t);
	}
}

static void expect_all_counted(struct __test_metadata *_metadata, struct target *target,
			       struct squeeze squeeze)
{
	struct track_sums sums;

	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, i ? target_next(target) :
				 target_fork(target, swapping_body, &squeeze));
		ASSERT_TRUE(track_sum(target->pid, &sums));
		EXPECT_EQ(track_stat(target->pid), sums.own);
		EXPECT_EQ(0, sums.lost);
		diag("round %d: %lu faults, %lu without a row", i + 1, (unsigned long)sums.own,
		     (unsigned long)sums.unattributed);
		if (!sums.unattributed)
			EXPECT_EQ(0, faults_agree(target->pid));
	}
	/* it did have to swap */
	EXPECT_LT(squeeze.pages + squeeze.pages / 4, sums.own);
}

TEST_F(faults_memory, swapping_in_a_group)
{
	ASSERT_EQ(0, machine_swap_on(256));
	ASSERT_EQ(0, procfile_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory"));
	ASSERT_TRUE(!mkdir(GROUP, 0700) || errno == EEXIST);
	ASSERT_EQ(0, procfile_write(GROUP "/memory.max", "16777216"));
	expect_all_counted(_metadata, &self->target, (struct squeeze){ 48 << 8, true });
	target_end(&self->target);
	for (int i = 0; i < 6000 && rmdir(GROUP) && errno == EBUSY; i++)
		usleep(10000);
	ASSERT_EQ(0, procfile_write("/sys/fs/cgroup/cgroup.subtree_control", "-memory"));
}

/* What stays free above the kernel's own reserve: less than the target needs. */
#define LEFT_KIB (24ull << 10)

#define HUGE_BYTES (2ull << 20)

static uint64_t reserved_kib(void)
{
	char *text = procfile_read("/proc/sys/vm/min_free_kbytes", NULL);
	uint64_t kib = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	return kib;
}

/* What processors keep for themselves to allocate from; MemFree is without it. */
static uint64_t kept_by_processors_kib(void)
{
	char *text = procfile_read("/proc/zoneinfo", NULL), *at = text;
	uint64_t pages = 0;

	while (at && (at = strstr(at, " count:")))
		pages += strtoull(at += strlen(" count:"), NULL, 10);
	free(text);
	return pages * (KIND_PAGE >> 10);
}

/* Huge pages that nobody uses take all memory but a rest: how many, or -errno. */
static int hog_memory(void)
{
	uint64_t left = reserved_kib() + LEFT_KIB, free_kib = 0;
	char *meminfo;

	/* caches would be given up first */
	procfile_write("/proc/sys/vm/drop_caches", "3");
	meminfo = procfile_read("/proc/meminfo", NULL);
	if (meminfo && procfile_key(meminfo, "MemFree", &free_kib))
		free_kib += kept_by_processors_kib();
	free(meminfo);
	if (free_kib < left) {
		diag("%lu KiB are free: expected %lu at least", (unsigned long)free_kib,
		     (unsigned long)left);
		return -ENOMEM;
	}
	return machine_hugepages(HUGE_BYTES, (free_kib - left) / (HUGE_BYTES >> 10));
}

TEST_F(faults_memory, swapping_with_hardly_any_memory)
{
	ASSERT_EQ(0, machine_swap_on(256));
	ASSERT_LT(0, hog_memory());
	expect_all_counted(_metadata, &self->target, (struct squeeze){ 64 << 8, false });
}

TEST_HARNESS_MAIN
