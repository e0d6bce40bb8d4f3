// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: of private anonymous memory, exactly the pages that were written
 * are resident, anonymous, dirty and young; pages only read are not.
 */
#include "lib/kind.h"
#include "lib/procfile.h"

KIND_FIXTURE(anon)

#define PAGES 100

static char *map_alone(int slot, uint64_t pages)
{
	return target_map(TARGET_ALONE(slot), pages, KIND_RW, KIND_PRIVATE, -1);
}

static void touch_some(struct target *t, void *arg)
{
	char *at = map_alone(0, PAGES);

	(void)arg;
	target_step(t);
	target_write(at + 3 * KIND_PAGE, 1, 1);
	target_write(at + 7 * KIND_PAGE, 2, 1);
	target_write(at + 20 * KIND_PAGE, 1, 1);
	target_step(t);
	target_write(at, PAGES, 1);
	target_step(t);
}

TEST_F(anon, touched_pages)
{
	KIND_START(touch_some);
	KIND_ROW(TARGET_ALONE(0), "size=100 rss=0 anon=0 dirty=0 young=0 runs=0 maxrun=0 tables=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0),
		 "size=100 rss=4 anon=4 file=0 shmem=0 swap=0 huge=0 hugetlb=0 dirty=4 young=4");
	KIND_ROW(TARGET_ALONE(0), "runs>=3 runs<=4 maxrun>=1 maxrun<=2 tables=%d",
		 1 + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=100 anon=100 dirty=100 young=100 runs>=1 runs<=100");
	KIND_AGREES();
}

static void read_then_write(struct target *t, void *arg)
{
	char *at = map_alone(0, PAGES);

	(void)arg;
	target_read(at, PAGES, 1);
	target_step(t);
	target_write(at, PAGES / 2, 2);
	target_step(t);
}

/* Reading maps the zero page, which belongs to nobody. */
TEST_F(anon, zero_page)
{
	KIND_START(read_then_write);
	KIND_ROW(TARGET_ALONE(0), "rss=0 anon=0 file=0 dirty=0 young=0 runs=0 maxrun=0 tables=%d",
		 1 + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=50 anon=50 file=0 dirty=50 young=50 runs=50 maxrun=1");
	KIND_AGREES();
}

#define BLOCKS 32

static void touch_blocks(struct target *t, void *arg)
{
	char *at = map_alone(0, BLOCKS * KIND_HUGE);

	(void)arg;
	target_small_pages(at, BLOCKS * KIND_HUGE);
	target_write(at + 17 * KIND_PAGE, BLOCKS, KIND_HUGE);
	target_step(t);
}

TEST_F(anon, one_page_of_each_table)
{
	KIND_START(touch_blocks);
	KIND_ROW(TARGET_ALONE(0), "rss=32 anon=32 dirty=32 young=32 runs=32 maxrun=1 tables=%d",
		 BLOCKS + TARGET_ALONE_UPPER);
	KIND_AGREES();
}

static void end_of_table(struct target *t, void *arg)
{
	/* 10 pages on either side of a boundary between PTE, PMD and PUD tables */
	char *at = target_map(TARGET_ALONE(1) - 10 * KIND_PAGE, 20, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at + 9 * KIND_PAGE, 2, 1);
	target_step(t);
}

TEST_F(anon, across_tables)
{
	KIND_START(end_of_table);
	KIND_ROW(TARGET_ALONE(1), "size=20 rss=2 anon=2 runs<=2 tables=%d",
		 2 * (1 + TARGET_ALONE_UPPER));
	KIND_AGREES();
}

#define LONG_PAGES (20 * KIND_HUGE + 300)

static void long_body(struct target *t, void *arg)
{
	/* across a boundary of 1 GiB, not aligned to anything */
	char *at = target_map(TARGET_ALONE(0) + (1 << 30) - 5003 * KIND_PAGE, LONG_PAGES,
			      KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_small_pages(at, LONG_PAGES);
	target_write(at, LONG_PAGES, 1);
	t->word[0] = (uintptr_t)at;
	target_step(t);
	if (madvise(at + 4000 * KIND_PAGE, 3000 * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
}

/* So long that its lock is let go in between: runs go on across that. */
TEST_F(anon, many_tables)
{
	uint64_t at;

	KIND_START(long_body);
	at = self->target.word[0];
	KIND_ROW(at, "size=10540 rss=10540 anon=10540 dirty=10540 young=10540");
	/* 5003 pages in front of the boundary lie in 10 tables, 5537 behind it in 11 */
	KIND_ROW(at, "tables=%d", 10 + 11 + 2 + 1);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=10540 rss=7540 anon=7540 dirty=7540");
	KIND_AGREES();
}

/* Processors keep translations: change the protection so that they look again. */
static void forget_translations(char *at, uint64_t pages)
{
	if (mprotect(at, pages * KIND_PAGE, PROT_READ) ||
	    mprotect(at, pages * KIND_PAGE, KIND_RW))
		target_fail("mprotect");
}

static void age(struct target *t, void *arg)
{
	char *at = map_alone(0, PAGES);

	(void)arg;
	target_write(at, PAGES, 1);
	target_step(t);
	forget_translations(at, PAGES);
	target_read(at + 10 * KIND_PAGE, 5, 3);
	target_step(t);
	if (madvise(at + 50 * KIND_PAGE, 8 * KIND_PAGE, MADV_FREE))
		target_fail("MADV_FREE");
	target_step(t);
	target_write(at + 52 * KIND_PAGE, 1, 1);
	target_step(t);
}

TEST_F(anon, dirty_and_young)
{
	char path[64];

	KIND_START(age);
	KIND_ROW(TARGET_ALONE(0), "rss=100 dirty=100 young=100");
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", self->target.pid);
	ASSERT_EQ(0, procfile_write(path, "1"));
	KIND_ROW(TARGET_ALONE(0), "rss=100 dirty=100 young=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=100 dirty=100 young=5");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=100 anon=100 dirty=92 young=5");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=100 anon=100 dirty=93 young=6");
	KIND_AGREES();
}

static void divide(struct target *t, void *arg)
{
	char *at = map_alone(0, PAGES);

	(void)arg;
	target_write(at, PAGES / 2, 2);
	if (mprotect(at + 20 * KIND_PAGE, 30 * KIND_PAGE, PROT_READ))
		target_fail("mprotect");
	target_step(t);
	if (munmap(at + 10 * KIND_PAGE, 20 * KIND_PAGE))
		target_fail("munmap");
	target_step(t);
	if (madvise(at + 60 * KIND_PAGE, 7 * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
}

/* Counts follow the pages when a mapping is split, cut and emptied. */
TEST_F(anon, divided)
{
	uint64_t at = TARGET_ALONE(0);

	KIND_START(divide);
	KIND_ROW(at, "size=20 rss=10 dirty=10 runs=10 tables=0");
	KIND_ROW(at + 20 * KIND_PAGE, "size=30 rss=15 dirty=15 runs=15 tables=0");
	KIND_ROW(at + 50 * KIND_PAGE, "size=50 rss=25 dirty=25 runs=25 tables=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=10 rss=5");
	KIND_ROW(at + 30 * KIND_PAGE, "size=20 rss=10");
	KIND_ROW(at + 50 * KIND_PAGE, "size=50 rss=25");
	KIND_AGREES();
	KIND_NEXT();
	/* pages 60, 62, 64 and 66 are gone */
	KIND_ROW(at + 50 * KIND_PAGE, "size=50 rss=21 anon=21 dirty=21 runs=21");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
