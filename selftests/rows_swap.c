// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: pages in swap are counted as swap, not as resident: by their entries,
 * and of shmem, which leaves none, by what the file has in swap within the range.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/kind.h"

#define PAGES 64
#define SWAP_MIB 64

FIXTURE(swap) {
	struct target target;
};

/* Pages that wait in another processor's batch for their list can't go to swap. */
FIXTURE_SETUP(swap)
{
	ASSERT_EQ(0, machine_stay_on(sched_getcpu()));
	ASSERT_EQ(0, machine_quiet());
	/* what is read back comes without its neighbours */
	ASSERT_EQ(0, machine_set("/proc/sys/vm/page-cluster", "0"));
}

FIXTURE_TEARDOWN(swap)
{
	target_end(&self->target);
	machine_restore();
}

#define TRIES 100

/* Map those pages of the range that are in memory; return how many there are. */
static uint64_t map_remaining(char *at, uint64_t pages)
{
	unsigned char *in_core = malloc(pages);
	uint64_t count = 0;

	if (!in_core || mincore(at, pages * KIND_PAGE, in_core))
		target_fail("mincore");
	for (uint64_t i = 0; i < pages; i++) {
		if (!(in_core[i] & 1))
			continue;
		target_read(at + i * KIND_PAGE, 1, 1);
		count++;
	}
	free(in_core);
	return count;
}

/*
 * Push pages out until none is left in memory. One that somebody else held for
 * a moment stays, unmapped, and must be mapped to be pushed out again.
 */
static void page_out(char *at, uint64_t pages)
{
	for (int i = 0; i < TRIES; i++) {
		if (madvise(at, pages * KIND_PAGE, MADV_PAGEOUT))
			target_fail("MADV_PAGEOUT");
		if (!map_remaining(at, pages))
			return;
		usleep(10000);
	}
	errno = ETIMEDOUT;
	target_fail("pages do not go to swap");
}

static void anonymous_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at, PAGES - 4, 1);
	page_out(at, PAGES - 4);
	target_step(t);
	target_read(at + 10 * KIND_PAGE, 5, 2);
	target_write(at + 40 * KIND_PAGE, 3, 1);
	target_step(t);
	if (munmap(at + 50 * KIND_PAGE, 4 * KIND_PAGE) ||
	    mprotect(at, 20 * KIND_PAGE, PROT_NONE))
		target_fail("munmap, mprotect");
	target_step(t);
}

TEST_F(swap, anonymous)
{
	uint64_t at = TARGET_ALONE(0);

	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	KIND_START(anonymous_body);
	KIND_ROW(at, "size=64 rss=0 anon=0 swap=60 dirty=0 young=0 runs=0 tables=%d",
		 1 + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "rss=8 anon=8 dirty>=3 young=8 swap=52");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=20 rss=5 swap=15");
	KIND_ROW(at + 20 * KIND_PAGE, "size=30 rss=3 swap=27");
	KIND_ROW(at + 54 * KIND_PAGE, "size=10 rss=0 swap=6");
	KIND_AGREES();
}

/* A memfd of which some pages were written, and all are in swap. */
static int swapped_memfd(char **at, uint64_t pages, uint64_t written)
{
	int fd = memfd_create("rows", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, pages * KIND_PAGE))
		target_fail("memfd_create");
	*at = target_map(TARGET_ALONE(0), pages, KIND_RW, MAP_SHARED, fd);
	target_write(*at, written, 1);
	page_out(*at, pages);
	return fd;
}

static void shmem_body(struct target *t, void *arg)
{
	char *at, *part;
	int fd = swapped_memfd(&at, PAGES, 40);

	(void)arg;
	target_step(t);
	part = mmap((void *)TARGET_ALONE(1), 16 * KIND_PAGE, KIND_RW,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 30 * KIND_PAGE);
	if (part == MAP_FAILED)
		target_fail("mmap");
	target_step(t);
	target_write(at, 8, 1);
	target_step(t);
}

TEST_F(swap, shmem_shared)
{
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	KIND_START(shmem_body);
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=0 shmem=0 swap=40 runs=0");
	KIND_AGREES();
	KIND_NEXT();
	/* of the file's pages 30 to 45, ten were written */
	KIND_ROW(TARGET_ALONE(1), "size=16 rss=0 shmem=0 swap=10 tables=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=8 shmem=8 swap=32 dirty=8");
	KIND_AGREES();
}

static void private_body(struct target *t, void *arg)
{
	char *at, *private;
	int fd = swapped_memfd(&at, PAGES, 40);

	(void)arg;
	private = target_map(TARGET_ALONE(1), PAGES, KIND_RW, MAP_PRIVATE, fd);
	target_map(TARGET_ALONE(2), PAGES / 2, PROT_READ, MAP_PRIVATE, fd);
	target_step(t);
	target_write(private + 50 * KIND_PAGE, 6, 1);
	target_step(t);
	page_out(private + 50 * KIND_PAGE, 6);
	target_step(t);
	/* copies of pages that are in swap in the file, and will be again */
	target_write(private + 10 * KIND_PAGE, 4, 1);
	target_read(at + 10 * KIND_PAGE, 4, 1);
	page_out(at + 10 * KIND_PAGE, 4);
	target_step(t);
}

/* A private mapping has the file's pages in swap, and copies of its own there. */
TEST_F(swap, shmem_private)
{
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	KIND_START(private_body);
	KIND_ROW(TARGET_ALONE(1), "size=64 rss=0 swap=40");
	KIND_ROW(TARGET_ALONE(2), "size=32 rss=0 swap=32");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(1), "rss=6 anon=6 shmem=0 swap=40");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(1), "rss=0 anon=0 swap=46");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=0 swap=40");
	KIND_ROW(TARGET_ALONE(1), "rss=4 anon=4 shmem=0 swap=42");
	KIND_AGREES();
}

#define MANY 6000

static void many_body(struct target *t, void *arg)
{
	char *at, *private;
	int fd = swapped_memfd(&at, MANY, MANY);

	(void)arg;
	private = target_map(TARGET_ALONE(1), MANY, KIND_RW, MAP_PRIVATE, fd);
	if (ftruncate(fd, 2 * MANY * KIND_PAGE))
		target_fail("ftruncate");
	target_step(t);
	/* copies far apart, of which half go to swap as well */
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3000 * KIND_PAGE,
		      1000 * KIND_PAGE))
		target_fail("fallocate");
	target_write(private + 3000 * KIND_PAGE, 20, 50);
	page_out(private + 3000 * KIND_PAGE, 500);
	target_step(t);
}

/* More of them than are counted without letting go of the lock. */
TEST_F(swap, shmem_many)
{
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	KIND_START(many_body);
	KIND_ROW(TARGET_ALONE(0), "size=6000 rss=0 swap=6000");
	KIND_ROW(TARGET_ALONE(1), "size=6000 rss=0 swap=6000");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=6000 rss=0 swap=5000");
	KIND_ROW(TARGET_ALONE(1), "size=6000 rss=10 anon=10 swap=5010");
	KIND_AGREES();
}

static void huge_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 2 * KIND_HUGE, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	if (madvise(at, 2 * KIND_HUGE * KIND_PAGE, MADV_HUGEPAGE))
		target_fail("MADV_HUGEPAGE");
	target_write(at, 2, KIND_HUGE);
	target_step(t);
	page_out(at, KIND_HUGE);
	target_step(t);
}

TEST_F(swap, huge_page)
{
	KIND_NEEDS_THP();
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	ASSERT_EQ(0, machine_thp("enabled", "madvise"));
	KIND_START(huge_body);
	KIND_ROW(TARGET_ALONE(0), "rss=1024 huge=1024 swap=0");
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=512 anon=512 huge=512 swap=512 dirty=512 tables=4");
	KIND_AGREES();
}

static void fork_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	pid_t child;

	(void)arg;
	target_write(at, PAGES, 1);
	page_out(at, PAGES);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child)
		for (;;)
			pause();
	t->word[0] = child;
	target_step(t);
}

TEST_F(swap, shared_after_fork)
{
	pid_t child;

	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	KIND_START(fork_body);
	child = self->target.word[0];
	ASSERT_EQ(0, process_stop(child));
	KIND_ROW(TARGET_ALONE(0), "rss=0 swap=64");
	KIND_AGREES();
	EXPECT_EQ(0, agree_row(child, TARGET_ALONE(0), "rss=0 swap=64"));
	EXPECT_EQ(0, agree_process(child));
	kill(child, SIGKILL);
}

TEST_HARNESS_MAIN
