// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a page is huge while one PMD entry maps all of it; a table put by for
 * its split counts; when a part is unmapped, its other pages stay resident and
 * are no longer huge. The huge zero page is not resident.
 */
#include <signal.h>

#include "lib/kind.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Before this kernel, splitting a huge page put its dirty bit into the struct page. */
#define SPLIT_KEEPS_DIRTY_SINCE 6002

/* Before this kernel, smaps left huge pages out that may not be accessed. */
#define PROT_NONE_IN_SMAPS_SINCE 6012

/* The first kernel with anonymous pages of sizes in between. */
#define MIDDLE_SIZES_SINCE 6008

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define HUGE_PAGES 4
#define PAGES (HUGE_PAGES * KIND_HUGE)

FIXTURE(thp) {
	struct target target;
};

FIXTURE_SETUP(thp)
{
	ASSERT_EQ(0, machine_quiet());
	KIND_NEEDS_THP();
	ASSERT_EQ(0, machine_set(THP "enabled", "madvise"));
	ASSERT_EQ(0, machine_set(THP "defrag", "madvise"));
	ASSERT_EQ(0, machine_set(THP "shmem_enabled", "advise"));
	ASSERT_EQ(0, machine_set(THP "use_zero_page", "1"));
}

FIXTURE_TEARDOWN(thp)
{
	target_end(&self->target);
	machine_restore();
}

/* Dirty entries of pages that were part of a huge page. */
static uint64_t split_dirty(uint64_t pages)
{
	return machine_kernel() >= SPLIT_KEEPS_DIRTY_SINCE ? pages : 0;
}

static char *map_huge(int flags)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, flags, -1);

	if (madvise(at, PAGES * KIND_PAGE, MADV_HUGEPAGE))
		target_fail("MADV_HUGEPAGE");
	return at;
}

static void anonymous_body(struct target *t, void *arg)
{
	char *at = map_huge(KIND_PRIVATE);

	(void)arg;
	target_write(at, HUGE_PAGES, KIND_HUGE);
	target_step(t);
	/* one page in the middle of the first huge page */
	if (munmap(at + 100 * KIND_PAGE, KIND_PAGE))
		target_fail("munmap");
	target_step(t);
	/* the second: half of it read-only */
	if (mprotect(at + KIND_HUGE * KIND_PAGE, KIND_HUGE / 2 * KIND_PAGE, PROT_READ))
		target_fail("mprotect");
	target_step(t);
}

TEST_F(thp, anonymous_and_split)
{
	uint64_t at = TARGET_ALONE(0), huge = KIND_HUGE * KIND_PAGE;

	KIND_START(anonymous_body);
	KIND_ROW(at, "size=2048 rss=2048 anon=2048 huge=2048 hugetlb=0 dirty=2048 young=2048");
	/* no PTE table is in use, but one is put by for each huge page */
	KIND_ROW(at, "runs>=1 runs<=4 maxrun>=512 tables=%d", HUGE_PAGES + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=100 rss=100 anon=100 huge=0 runs=1 maxrun=100 dirty=%ld",
		 split_dirty(100));
	KIND_ROW(at + huge, "size=1947 rss=1947 anon=1947 huge=1536 dirty=%ld tables=3",
		 1536 + split_dirty(411));
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at + 101 * KIND_PAGE, "size=411 rss=411 huge=0 runs=1 maxrun=411");
	KIND_ROW(at + huge, "size=256 rss=256 huge=0 runs=1 maxrun=256 dirty=%ld tables=0",
		 split_dirty(256));
	KIND_ROW(at + 2 * huge, "size=1280 rss=1280 huge=1024 dirty=%ld tables=2",
		 1024 + split_dirty(256));
	KIND_AGREES();
}

static void zero_body(struct target *t, void *arg)
{
	char *at = map_huge(KIND_PRIVATE);

	(void)arg;
	target_read(at, HUGE_PAGES, KIND_HUGE);
	target_step(t);
	/* one page of it becomes a huge page, or a small one */
	target_write(at, 1, 1);
	target_step(t);
}

TEST_F(thp, huge_zero_page)
{
	KIND_START(zero_body);
	KIND_ROW(TARGET_ALONE(0),
		 "rss=0 anon=0 file=0 huge=0 dirty=0 young=0 runs=0 maxrun=0 tables=%d",
		 HUGE_PAGES + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss>=1 rss<=512 file=0 dirty>=1");
	KIND_AGREES();
}

static void discard_body(struct target *t, void *arg)
{
	char *at = map_huge(KIND_PRIVATE);

	(void)arg;
	target_write(at, HUGE_PAGES, KIND_HUGE);
	if (mprotect(at + KIND_HUGE * KIND_PAGE, KIND_HUGE * KIND_PAGE, PROT_NONE))
		target_fail("mprotect");
	target_step(t);
	if (madvise(at + 10 * KIND_PAGE, 20 * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
}

TEST_F(thp, prot_none_and_discarded)
{
	uint64_t at = TARGET_ALONE(0), huge = KIND_HUGE * KIND_PAGE;
	uint64_t except = machine_kernel() < PROT_NONE_IN_SMAPS_SINCE ? at + huge : 0;

	KIND_START(discard_body);
	KIND_ROW(at, "size=512 rss=512 huge=512 dirty=512 runs=1 maxrun=512 tables=1");
	KIND_ROW(at + huge, "size=512 rss=512 anon=512 huge=512 dirty=512 runs=1 tables=1");
	EXPECT_EQ(0, agree_except(self->target.pid, except));
	KIND_NEXT();
	KIND_ROW(at, "size=512 rss=492 huge=0 dirty=%ld runs=2 maxrun=482 tables=1",
		 split_dirty(492));
	EXPECT_EQ(0, agree_except(self->target.pid, except));
}

static void collapse_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), KIND_HUGE, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at, KIND_HUGE, 1);
	target_step(t);
	if (madvise(at, KIND_HUGE * KIND_PAGE, MADV_COLLAPSE))
		target_fail("MADV_COLLAPSE");
	target_step(t);
}

TEST_F(thp, collapsed)
{
	KIND_START(collapse_body);
	KIND_ROW(TARGET_ALONE(0), "rss=512 anon=512 huge=0 dirty=512 tables=3");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=512 anon=512 huge=512 dirty=512 runs=1 maxrun=512 tables=3");
	KIND_AGREES();
}

static void fork_body(struct target *t, void *arg)
{
	char *at = map_huge(KIND_PRIVATE);
	pid_t child;

	(void)arg;
	target_write(at, HUGE_PAGES, KIND_HUGE);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child)
		for (;;)
			pause();
	/* copied as a small page, the rest of the huge page stays shared */
	target_write(at, 1, 1);
	t->word[0] = child;
	target_step(t);
}

TEST_F(thp, shared_after_fork)
{
	KIND_START(fork_body);
	KIND_ROW(TARGET_ALONE(0), "rss=2048 anon=2048 dirty=%ld huge=1536",
		 1536 + 1 + split_dirty(511));
	KIND_AGREES();
	kill(self->target.word[0], SIGKILL);
}

static void middle_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), KIND_HUGE, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at + 5 * KIND_PAGE, 3, 64);
	target_step(t);
	if (munmap(at, 4 * KIND_PAGE))
		target_fail("munmap");
	target_step(t);
}

/* Pages of 64 KiB are mapped by 16 entries: resident in one piece, but not huge. */
TEST_F(thp, middle_size)
{
	if (machine_kernel() < MIDDLE_SIZES_SINCE)
		SKIP(return, "sizes below that of a PMD entry exist since Linux 6.8");
	ASSERT_EQ(0, machine_set(THP "hugepages-64kB/enabled", "always"));
	KIND_START(middle_body);
	KIND_ROW(TARGET_ALONE(0), "size=512 rss=48 anon=48 huge=0 runs<=3 maxrun>=16 tables=3");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0) + 4 * KIND_PAGE, "size=508 rss=44 anon=44 huge=0 maxrun>=16");
	KIND_AGREES();
}

static void shmem_body(struct target *t, void *arg)
{
	char *at = map_huge(KIND_SHARED);

	(void)arg;
	target_write(at, HUGE_PAGES, KIND_HUGE);
	target_step(t);
	if (munmap(at + 300 * KIND_PAGE, KIND_PAGE))
		target_fail("munmap");
	target_read(at, 5, 1);
	target_step(t);
}

TEST_F(thp, shmem)
{
	KIND_START(shmem_body);
	KIND_ROW(TARGET_ALONE(0),
		 "rss=2048 anon=0 file=0 shmem=2048 huge=2048 runs<=4 maxrun>=512 tables=%d",
		 TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	/* the first PMD was cleared by the split, not filled with small entries */
	KIND_ROW(TARGET_ALONE(0), "size=300 shmem>=5 rss<=300 anon=0 huge=0");
	KIND_ROW(TARGET_ALONE(0) + KIND_HUGE * KIND_PAGE, "size=1747 shmem>=1536 huge=1536");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
