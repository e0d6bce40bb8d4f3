// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: faults belong to addresses. However mappings are split, merged, grown
 * and moved, each row has the faults taken in what is now its range, moved along
 * with the pages; those of what was unmapped are in [gone], and none is lost.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <sys/shm.h>

#include "faults.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

FAULTS_FIXTURE(vma)

#define PAGES 16
#define GIB (1ull << 30)
#define AT TARGET_ALONE(0)
#define TO TARGET_ALONE(1)

/* page() - address of a page of the mapping at AT */
#define page(i) (AT + (i) * KIND_PAGE)

/*
 * Pages with 1, 2, 3... faults each: from the faults of a row it shows which pages
 * they were on. All are there in the end.
 */
static void climb(uint64_t at, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		char *from = (char *)at + i * KIND_PAGE;

		if (i && madvise(from, (pages - i) * KIND_PAGE, MADV_DONTNEED))
			target_fail("MADV_DONTNEED");
		target_write(from, pages - i, 1);
	}
}

/* Faults on such pages from one up to another. */
static int climbed(int from, int to)
{
	return (to * (to + 1) - from * (from + 1)) / 2;
}

/* ROW() - the row of an address has these pages, and the faults of that part */
#define ROW(address, from, to)						\
	FAULTS_ROW(address, "size=%d anonflt=%d", (to) - (from), climbed(from, to))

static char *map_private(uint64_t at, uint64_t pages)
{
	return target_map(at, pages, KIND_RW, KIND_PRIVATE, -1);
}

static void unmap(uint64_t at, uint64_t pages)
{
	if (munmap((void *)at, pages * KIND_PAGE))
		target_fail("munmap");
}

static void protect(uint64_t at, uint64_t pages, int prot)
{
	if (mprotect((void *)at, pages * KIND_PAGE, prot))
		target_fail("mprotect");
}

static void advise(uint64_t at, uint64_t pages, int advice)
{
	if (madvise((void *)at, pages * KIND_PAGE, advice))
		target_fail("madvise");
}

/* As mremap(), which ends the target when it fails; sizes in pages. */
static void remap(uint64_t from, uint64_t pages, uint64_t wanted, int flags, uint64_t to)
{
	void *at = mremap((void *)from, pages * KIND_PAGE, wanted * KIND_PAGE, flags, (void *)to);

	if (at == MAP_FAILED)
		target_fail("mremap");
	if (at != (void *)to) {
		errno = EFAULT;
		target_fail("mremap to elsewhere");
	}
}

static void move(uint64_t from, uint64_t pages, uint64_t wanted, uint64_t to)
{
	remap(from, pages, wanted, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static bool has_row(pid_t pid, uint64_t address)
{
	struct report r;
	bool has = !report_read(&r, pid) && report_find(&r, address);

	report_free(&r);
	return has;
}

#define NO_ROW(address) EXPECT_FALSE(has_row(self->target.pid, address))

/* -------- split and merge -------- */

static void split_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	target_step(t);
	protect(page(4), 4, PROT_READ);
	target_step(t);
	advise(page(9), 3, MADV_DONTDUMP);
	target_step(t);
	if (mlock((void *)page(14), 2 * KIND_PAGE))
		target_fail("mlock");
	target_step(t);
	unmap(page(10), 1);
	target_step(t);
	/* merged to what they were */
	protect(page(4), 4, KIND_RW);
	advise(page(9), 1, MADV_DODUMP);
	advise(page(11), 1, MADV_DODUMP);
	munlock((void *)page(14), 2 * KIND_PAGE);
	target_step(t);
	map_private(page(10), 1);
	target_step(t);
}

TEST_F(vma, split_and_merged)
{
	FAULTS_START(split_body);
	ROW(AT, 0, 16);
	FAULTS_NEXT();
	ROW(AT, 0, 4);
	ROW(page(4), 4, 8);
	ROW(page(8), 8, 16);
	FAULTS_NEXT();
	ROW(page(8), 8, 9);
	ROW(page(9), 9, 12);
	ROW(page(12), 12, 16);
	FAULTS_NEXT();
	ROW(page(12), 12, 14);
	ROW(page(14), 14, 16);
	FAULTS_GONE("faults=0");
	FAULTS_NEXT();
	ROW(page(9), 9, 10);
	NO_ROW(page(10));
	ROW(page(11), 11, 12);
	FAULTS_GONE("anonflt=11");
	FAULTS_NEXT();
	ROW(AT, 0, 10);
	ROW(page(11), 11, 16);
	FAULTS_GONE("faults=0");
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=%d", climbed(0, 16) - 11);
	FAULTS_GONE("faults=0");
}

static void neighbour_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(page(4), 4);
	climb(page(4), 4);
	target_step(t);
	map_private(AT, 4);
	climb(AT, 2);
	map_private(page(8), 4);
	climb(page(8), 3);
	target_step(t);
}

/* Two new mappings beside it become one with it. */
TEST_F(vma, merged_with_neighbours)
{
	FAULTS_START(neighbour_body);
	ROW(page(4), 0, 4);
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=12 anonflt=%d",
		   climbed(0, 4) + climbed(0, 2) + climbed(0, 3));
	FAULTS_GONE("faults=0");
}

#define MANY 1000

static void wide_body(struct target *t, void *arg)
{
	(void)arg;
	/* not at the start of anything */
	map_private(page(37), MANY);
	target_write((char *)page(37), MANY, 1);
	target_step(t);
	for (int i = 0; i < 10; i++)
		protect(page(37 + 50 + i * 90), 7, PROT_READ);
	target_step(t);
	unmap(page(37 + 101), 615);
	target_step(t);
	unmap(AT, 2000);
	target_step(t);
}

/* Over the ends of any block that counters may be kept in. */
TEST_F(vma, wide)
{
	FAULTS_START(wide_body);
	FAULTS_ROW(page(37), "size=1000 anonflt=1000");
	FAULTS_NEXT();
	FAULTS_ROW(page(37), "size=50 anonflt=50");
	for (int i = 0; i < 10; i++)
		FAULTS_ROW(page(37 + 50 + i * 90), "size=7 anonflt=7");
	FAULTS_ROW(page(37 + 57), "size=83 anonflt=83");
	FAULTS_ROW(page(37 + 999), "size=133 anonflt=133");
	FAULTS_NEXT();
	FAULTS_ROW(page(37 + 57), "size=44 anonflt=44");
	FAULTS_ROW(page(37 + 716), "size=54 anonflt=54");
	FAULTS_GONE("anonflt=615");
	FAULTS_NEXT();
	FAULTS_GONE("anonflt=385");
}

/* -------- unmap and map over -------- */

static void unmap_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	target_step(t);
	unmap(AT, 3);
	target_step(t);
	unmap(page(14), 10);
	target_step(t);
	unmap(page(6), 2);
	target_step(t);
	/* two mappings and the hole between them */
	unmap(AT, PAGES);
	target_step(t);
}

TEST_F(vma, unmapped_in_parts)
{
	FAULTS_START(unmap_body);
	FAULTS_NEXT();
	ROW(page(3), 3, 16);
	FAULTS_GONE("anonflt=%d", climbed(0, 3));
	FAULTS_NEXT();
	ROW(page(3), 3, 14);
	FAULTS_GONE("anonflt=%d", climbed(14, 16));
	FAULTS_NEXT();
	ROW(page(3), 3, 6);
	ROW(page(8), 8, 14);
	FAULTS_GONE("anonflt=%d", climbed(6, 8));
	FAULTS_NEXT();
	NO_ROW(page(3));
	NO_ROW(page(8));
	FAULTS_GONE("anonflt=%d", climbed(3, 6) + climbed(8, 14));
}

static void fixed_body(struct target *t, void *arg)
{
	int fd = memfd_create("faults", MFD_CLOEXEC);

	(void)arg;
	if (fd < 0 || ftruncate(fd, PAGES * KIND_PAGE))
		target_fail("memfd_create");
	map_private(AT, PAGES);
	climb(AT, PAGES);
	target_step(t);
	if (mmap((void *)page(5), 4 * KIND_PAGE, KIND_RW, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED)
		target_fail("mmap");
	target_write((char *)page(5), 2, 1);
	target_step(t);
	/* over three mappings at once, with the same as two of them */
	if (mmap((void *)page(3), 8 * KIND_PAGE, KIND_RW, KIND_PRIVATE | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		target_fail("mmap");
	target_step(t);
	target_write((char *)page(3), 8, 1);
	target_step(t);
}

TEST_F(vma, mapped_over)
{
	FAULTS_START(fixed_body);
	FAULTS_NEXT();
	ROW(AT, 0, 5);
	FAULTS_ROW(page(5), "size=4 fileflt=2");
	ROW(page(9), 9, 16);
	FAULTS_GONE("anonflt=%d", climbed(5, 9));
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=%d", climbed(0, 3) + climbed(11, 16));
	FAULTS_GONE("fileflt=2 anonflt=%d", climbed(3, 5) + climbed(9, 11));
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=%d", climbed(0, 3) + climbed(11, 16) + 8);
	FAULTS_GONE("faults=0");
}

#define REUSES 100

static void reuse_body(struct target *t, void *arg)
{
	(void)arg;
	for (int i = 0; i < REUSES; i++) {
		map_private(AT, PAGES);
		target_write((char *)AT, 1 + i % PAGES, 1);
		unmap(AT, PAGES);
	}
	target_step(t);
	map_private(AT, PAGES);
	target_step(t);
	target_write((char *)AT, 1, 1);
	target_step(t);
}

TEST_F(vma, address_reused)
{
	struct faults none = {};
	int gone = 0;

	for (int i = 0; i < REUSES; i++)
		gone += 1 + i % PAGES;
	FAULTS_START(reuse_body);
	NO_ROW(AT);
	EXPECT_EQ(0, faults_gone_since(self->target.pid, &none, "anonflt=%d", gone));
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 faults=0");
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=1");
	FAULTS_GONE("faults=0");
}

#define EXTRA_MAPPINGS 500

static void refused_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	map_private(TO, EXTRA_MAPPINGS);
	for (int i = 0; i < EXTRA_MAPPINGS; i += 2)
		protect(TO + i * KIND_PAGE, 1, PROT_READ);
	target_step(t);
	/* what is left would be two, for one: one too many */
	if (!munmap((void *)page(4), 4 * KIND_PAGE) || errno != ENOMEM)
		target_fail("munmap that splits");
	if (mremap((void *)page(4), 4 * KIND_PAGE, 4 * KIND_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   (void *)TARGET_ALONE(2)) != MAP_FAILED || errno != ENOMEM)
		target_fail("mremap that splits");
	target_step(t);
}

/* A process that has as many mappings as it may have. */
TEST_F(vma, unmapping_refused)
{
	struct report r;
	char limit[16];

	FAULTS_START(refused_body);
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	snprintf(limit, sizeof(limit), "%zu", r.rows);
	report_free(&r);
	ASSERT_EQ(0, machine_set("/proc/sys/vm/max_map_count", limit));
	FAULTS_NEXT();
	ROW(AT, 0, 16);
	FAULTS_GONE("faults=0");
}

/* The highest address of user space, with the tables that the machine uses. */
static uint64_t top(void)
{
	return (1ull << (machine_levels() == 5 ? 56 : 47)) - KIND_PAGE;
}

static void edges_body(struct target *t, void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		uint64_t at = i ? top() - PAGES * KIND_PAGE : 16 * KIND_PAGE;

		map_private(at, PAGES);
		climb(at, PAGES);
		unmap(at + 3 * KIND_PAGE, 4);
	}
	target_step(t);
	for (int i = 0; i < 2; i++)
		unmap(i ? top() - PAGES * KIND_PAGE : 16 * KIND_PAGE, PAGES);
	target_step(t);
}

TEST_F(vma, lowest_and_highest)
{
	struct faults none = {};

	FAULTS_START(edges_body);
	EXPECT_EQ(0, faults_gone_since(self->target.pid, &none, "anonflt=%d",
				       2 * climbed(3, 7)));
	for (int i = 0; i < 2; i++) {
		uint64_t at = i ? top() - PAGES * KIND_PAGE : 16 * KIND_PAGE;

		ROW(at, 0, 3);
		ROW(at + 7 * KIND_PAGE, 7, 16);
	}
	FAULTS_NEXT();
	FAULTS_GONE("anonflt=%d", 2 * (climbed(0, 3) + climbed(7, 16)));
}

/* -------- mremap() -------- */

static void resize_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	remap(AT, PAGES, 2 * PAGES, 0, AT);
	target_step(t);
	target_write((char *)page(PAGES), PAGES, 1);
	target_step(t);
	remap(AT, 2 * PAGES, 10, 0, AT);
	target_step(t);
	/* part of it, whose place is taken: refused */
	if (mremap((void *)AT, 5 * KIND_PAGE, 6 * KIND_PAGE, 0) != MAP_FAILED)
		target_fail("mremap with no room");
	target_step(t);
}

TEST_F(vma, grown_and_shrunk)
{
	FAULTS_START(resize_body);
	FAULTS_ROW(AT, "size=32 anonflt=%d", climbed(0, 16));
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=32 anonflt=%d", climbed(0, 16) + 16);
	FAULTS_NEXT();
	ROW(AT, 0, 10);
	FAULTS_GONE("anonflt=%d", climbed(10, 16) + 16);
	FAULTS_NEXT();
	ROW(AT, 0, 10);
	FAULTS_GONE("faults=0");
}

static void move_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	target_step(t);
	move(AT, PAGES, PAGES, TO);
	target_step(t);
	/* at another place in whatever counters are kept in, and across its end */
	move(TO, PAGES, PAGES, page(57));
	target_step(t);
	/* overlapping would be refused; one page beside is not */
	move(page(57), PAGES, PAGES, page(57 + PAGES + 1));
	target_step(t);
	/* grown, and shrunk, on the way */
	move(page(57 + PAGES + 1), PAGES, 3 * PAGES, TO);
	target_step(t);
	move(TO, 3 * PAGES, 9, AT);
	target_step(t);
	/* shared among the places: what was there before is not there any more */
	map_private(TO, PAGES);
	map_private(page(57), 3 * PAGES);
	target_step(t);
}

TEST_F(vma, moved)
{
	FAULTS_START(move_body);
	ROW(AT, 0, 16);
	FAULTS_NEXT();
	NO_ROW(AT);
	ROW(TO, 0, 16);
	FAULTS_NEXT();
	NO_ROW(TO);
	ROW(page(57), 0, 16);
	FAULTS_NEXT();
	NO_ROW(page(57));
	ROW(page(57 + PAGES + 1), 0, 16);
	FAULTS_NEXT();
	FAULTS_ROW(TO, "size=48 anonflt=%d", climbed(0, 16));
	FAULTS_GONE("faults=0");
	FAULTS_NEXT();
	NO_ROW(TO);
	ROW(AT, 0, 9);
	FAULTS_GONE("anonflt=%d", climbed(9, 16));
	FAULTS_NEXT();
	FAULTS_ROW(TO, "size=16 faults=0");
	FAULTS_ROW(page(57), "size=48 faults=0");
	FAULTS_GONE("faults=0");
}

static void move_at_once_body(struct target *t, void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		map_private(AT, PAGES);
		target_write((char *)AT, PAGES, 1);
		move(AT, PAGES, PAGES, TO + i * GIB);
	}
	target_step(t);
}

/* Between the last fault and the move there is none, nor does anyone look. */
TEST_F(vma, moved_at_once)
{
	FAULTS_START(move_at_once_body);
	for (int i = 0; i < 10; i++)
		FAULTS_ROW(TO + i * GIB, "size=16 anonflt=16");
}

static void move_part_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	move(page(5), 6, 6, TO + 3 * KIND_PAGE);
	target_step(t);
	/* the parts keep their own: split where they are now */
	protect(TO + 4 * KIND_PAGE, 2, PROT_READ);
	target_step(t);
	/* back into the hole, where they become one again */
	protect(TO + 4 * KIND_PAGE, 2, KIND_RW);
	move(TO + 3 * KIND_PAGE, 6, 6, page(5));
	target_step(t);
}

TEST_F(vma, part_moved_and_back)
{
	FAULTS_START(move_part_body);
	ROW(AT, 0, 5);
	NO_ROW(page(5));
	ROW(TO + 3 * KIND_PAGE, 5, 11);
	ROW(page(11), 11, 16);
	FAULTS_NEXT();
	ROW(TO + 3 * KIND_PAGE, 5, 6);
	ROW(TO + 4 * KIND_PAGE, 6, 8);
	ROW(TO + 6 * KIND_PAGE, 8, 11);
	FAULTS_NEXT();
	NO_ROW(TO + 3 * KIND_PAGE);
	ROW(AT, 0, 16);
	FAULTS_GONE("faults=0");
}

static void stay_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	remap(AT, PAGES, PAGES, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, TO);
	target_step(t);
	target_write((char *)AT, 5, 1);
	target_step(t);
}

/* The pages go, and their faults; the mapping that stays is as new. */
TEST_F(vma, moved_but_not_unmapped)
{
	FAULTS_START(stay_body);
	FAULTS_ROW(AT, "size=16 faults=0");
	ROW(TO, 0, 16);
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=5");
	ROW(TO, 0, 16);
	FAULTS_GONE("faults=0");
}

static void stay_in_part_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	remap(page(5), 6, 6, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	      TO + 3 * KIND_PAGE);
	target_step(t);
	target_write((char *)page(5), 3, 1);
	target_step(t);
	/* and what is there now */
	remap(page(5), 6, 6, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	      TO + 20 * KIND_PAGE);
	target_step(t);
	/* back, over what stayed */
	move(TO + 3 * KIND_PAGE, 6, 6, page(5));
	target_step(t);
}

/* What stays is one mapping, in which part of the pages are as new. */
TEST_F(vma, moved_in_part_but_not_unmapped)
{
	FAULTS_START(stay_in_part_body);
	FAULTS_ROW(AT, "size=16 anonflt=%d", climbed(0, 5) + climbed(11, 16));
	ROW(TO + 3 * KIND_PAGE, 5, 11);
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=%d", climbed(0, 5) + climbed(11, 16) + 3);
	ROW(TO + 3 * KIND_PAGE, 5, 11);
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 anonflt=%d", climbed(0, 5) + climbed(11, 16));
	FAULTS_ROW(TO + 20 * KIND_PAGE, "size=6 anonflt=3");
	FAULTS_NEXT();
	NO_ROW(TO + 3 * KIND_PAGE);
	ROW(AT, 0, 16);
	FAULTS_GONE("faults=0");
}

static void stay_shared_body(struct target *t, void *arg)
{
	(void)arg;
	target_map(AT, PAGES, KIND_RW, KIND_SHARED, -1);
	target_write((char *)AT, 10, 1);
	remap(AT, PAGES, PAGES, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, TO);
	target_step(t);
	target_read((char *)AT, 4, 1);
	target_step(t);
	unmap(AT, PAGES);
	target_step(t);
}

/* The memory is at both places then, and each has its own faults. */
TEST_F(vma, shared_moved_but_not_unmapped)
{
	FAULTS_START(stay_shared_body);
	FAULTS_ROW(AT, "size=16 faults=0");
	FAULTS_ROW(TO, "size=16 fileflt=10");
	FAULTS_NEXT();
	KIND_ROW(AT, "rss=4");
	FAULTS_ROW(AT, "size=16 fileflt=4");
	FAULTS_ROW(TO, "size=16 fileflt=10");
	FAULTS_NEXT();
	FAULTS_ROW(TO, "size=16 fileflt=10");
	FAULTS_GONE("fileflt=4");
}

static void onto_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	climb(AT, PAGES);
	map_private(TO, 2 * PAGES);
	target_write((char *)TO, 2 * PAGES, 1);
	move(AT, PAGES, PAGES, TO + 5 * KIND_PAGE);
	target_step(t);
	/* grown onto more of it */
	move(TO + 5 * KIND_PAGE, PAGES, PAGES + 4, AT);
	move(AT, PAGES + 4, PAGES + 4, TO + 10 * KIND_PAGE);
	target_step(t);
}

TEST_F(vma, moved_onto_another)
{
	struct faults none = {};

	FAULTS_START(onto_body);
	NO_ROW(AT);
	/* merged or not with what is left of the other: 5 + 16 pages + 11 */
	EXPECT_EQ(0, faults_gone_since(self->target.pid, &none, "anonflt=16"));
	FAULTS_NEXT();
	NO_ROW(AT);
	NO_ROW(TO + 5 * KIND_PAGE);
	FAULTS_GONE("anonflt=9");
}

#define TABLES 4
#define TABLES_PAGES (TABLES * KIND_HUGE)

static void tables_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, TABLES_PAGES);
	target_small_pages((char *)AT, TABLES_PAGES);
	target_write((char *)AT, TABLES_PAGES / 4, 4);
	target_step(t);
	move(AT, TABLES_PAGES, TABLES_PAGES, TO);
	target_step(t);
}

/* Whole page tables at once. */
TEST_F(vma, tables_moved)
{
	FAULTS_START(tables_body);
	FAULTS_ROW(AT, "size=2048 anonflt=512");
	FAULTS_NEXT();
	NO_ROW(AT);
	FAULTS_ROW(TO, "size=2048 anonflt=512");
	FAULTS_GONE("faults=0");
}

static void huge_move_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, TABLES_PAGES);
	advise(AT, TABLES_PAGES, MADV_HUGEPAGE);
	target_write((char *)AT, TABLES_PAGES, 1);
	target_step(t);
	move(AT, TABLES_PAGES, TABLES_PAGES, TO);
	target_step(t);
	move(TO, TABLES_PAGES, TABLES_PAGES, AT + 7 * KIND_PAGE);
	target_step(t);
}

/* In one piece each, and taken apart. */
TEST_F(vma, huge_pages_moved)
{
	KIND_NEEDS_THP();
	FAULTS_START(huge_move_body);
	KIND_ROW(AT, "huge=2048");
	FAULTS_ROW(AT, "size=2048 anonflt=4");
	FAULTS_NEXT();
	KIND_ROW(TO, "huge=2048");
	FAULTS_ROW(TO, "size=2048 anonflt=4");
	FAULTS_NEXT();
	NO_ROW(TO);
	KIND_ROW(AT + 7 * KIND_PAGE, "rss=2048 huge=0");
	FAULTS_ROW(AT + 7 * KIND_PAGE, "size=2048 anonflt=4");
	FAULTS_GONE("faults=0");
}

static void duplicate_body(struct target *t, void *arg)
{
	(void)arg;
	target_map(AT, PAGES, KIND_RW, KIND_SHARED, -1);
	target_write((char *)AT, 6, 1);
	/* nothing of it goes: a second mapping of the same memory */
	remap(AT, 0, PAGES, MREMAP_MAYMOVE | MREMAP_FIXED, TO);
	target_step(t);
	target_read((char *)TO, 6, 1);
	target_step(t);
	move(TO, PAGES, PAGES, TO + 100 * KIND_PAGE);
	target_step(t);
}

TEST_F(vma, duplicated)
{
	FAULTS_START(duplicate_body);
	FAULTS_ROW(AT, "size=16 fileflt=6");
	FAULTS_ROW(TO, "size=16 faults=0");
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 fileflt=6");
	FAULTS_ROW(TO, "size=16 fileflt=6");
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=16 fileflt=6");
	NO_ROW(TO);
	FAULTS_ROW(TO + 100 * KIND_PAGE, "size=16 fileflt=6");
	FAULTS_GONE("faults=0");
}

static void reorder_body(struct target *t, void *arg)
{
	(void)arg;
	target_map(AT, PAGES, KIND_RW, KIND_SHARED, -1);
	target_write((char *)AT, PAGES, 1);
	target_step(t);
	if (remap_file_pages((void *)page(4), 2 * KIND_PAGE, 0, 10, 0))
		target_fail("remap_file_pages");
	target_step(t);
}

/* Another part of the file is a new mapping, populated at once. */
TEST_F(vma, file_pages_remapped)
{
	FAULTS_START(reorder_body);
	FAULTS_NEXT();
	FAULTS_ROW(AT, "size=4 fileflt=4");
	FAULTS_ROW(page(4), "size=2 fileflt=2");
	FAULTS_ROW(page(6), "size=10 fileflt=10");
	FAULTS_GONE("fileflt=2");
}

/* -------- heap, stack, shared memory -------- */

static void set_brk(uint64_t to)
{
	if (brk((void *)to))
		target_fail("brk");
}

enum { HEAP_END };

static void brk_body(struct target *t, void *arg)
{
	uint64_t end = ((uintptr_t)sbrk(0) + KIND_PAGE - 1) & -KIND_PAGE;

	(void)arg;
	set_brk(end + KIND_PAGE);
	t->word[HEAP_END] = end;
	target_step(t);
	set_brk(end + PAGES * KIND_PAGE);
	climb(end, PAGES);
	target_step(t);
	set_brk(end + 6 * KIND_PAGE);
	target_step(t);
	set_brk(end + PAGES * KIND_PAGE);
	target_step(t);
	target_write((char *)end, PAGES, 1);
	target_step(t);
}

TEST_F(vma, heap_grown_and_shrunk)
{
	uint64_t end;

	FAULTS_START(brk_body);
	end = self->target.word[HEAP_END];
	FAULTS_MARK(end);
	FAULTS_NEXT();
	FAULTS_SINCE(end, "anonflt=%d", climbed(0, 16));
	FAULTS_NEXT();
	FAULTS_GONE("anonflt=%d", climbed(6, 16));
	NO_ROW(end + 6 * KIND_PAGE);
	FAULTS_MARK(end);
	FAULTS_NEXT();
	FAULTS_SINCE(end, "faults=0");
	FAULTS_NEXT();
	FAULTS_SINCE(end, "anonflt=10");
	FAULTS_GONE("faults=0");
}

static void growsdown_body(struct target *t, void *arg)
{
	(void)arg;
	target_map(page(1000), 4, KIND_RW, KIND_PRIVATE | MAP_GROWSDOWN, -1);
	target_write((char *)page(1000), 4, 1);
	target_step(t);
	for (int i = 1; i <= 100; i++)
		target_write((char *)page(1000 - i), 1, 1);
	target_step(t);
	/* many pages at once */
	target_write((char *)page(600), 1, 1);
	target_step(t);
	unmap(page(600), 404);
	target_step(t);
}

TEST_F(vma, grown_down)
{
	FAULTS_START(growsdown_body);
	FAULTS_ROW(page(1000), "size=4 anonflt=4");
	FAULTS_NEXT();
	FAULTS_ROW(page(1000), "size=104 anonflt=104");
	FAULTS_NEXT();
	FAULTS_ROW(page(1000), "size=404 anonflt=105");
	FAULTS_NEXT();
	NO_ROW(page(1000));
	FAULTS_GONE("anonflt=105");
}

enum { STACK_START, STACK_PAGES = 40 };

static void stack_body(struct target *t, void *arg)
{
	(void)arg;
	/* somewhere on it; the test answers with where it starts */
	t->word[STACK_START] = (uintptr_t)&arg;
	target_step(t);
	for (int i = 1; i <= STACK_PAGES; i++)
		target_write((char *)t->word[STACK_START] - i * KIND_PAGE, 1, 1);
	target_step(t);
}

TEST_F(vma, stack_grown)
{
	struct report r;
	uint64_t on, start = 0;

	FAULTS_START(stack_body);
	on = self->target.word[STACK_START];
	if (!report_read(&r, self->target.pid) && report_find(&r, on))
		start = report_find(&r, on)->start;
	report_free(&r);
	ASSERT_NE(0, start);
	self->target.word[STACK_START] = start;
	FAULTS_MARK(on);
	FAULTS_NEXT();
	FAULTS_SINCE(start - STACK_PAGES * KIND_PAGE, "anonflt=%d", STACK_PAGES);
	FAULTS_GONE("faults=0");
}

static void shm_body(struct target *t, void *arg)
{
	int id = shmget(IPC_PRIVATE, PAGES * KIND_PAGE, IPC_CREAT | 0600);

	(void)arg;
	if (id < 0 || shmat(id, (void *)AT, 0) != (void *)AT ||
	    shmat(id, (void *)TO, 0) != (void *)TO || shmctl(id, IPC_RMID, NULL))
		target_fail("shmat");
	target_write((char *)AT, 10, 1);
	target_read((char *)TO, 5, 1);
	target_step(t);
	if (shmdt((void *)AT))
		target_fail("shmdt");
	target_step(t);
	protect(TO, 2, PROT_READ);
	if (shmdt((void *)TO))
		target_fail("shmdt");
	target_step(t);
}

TEST_F(vma, shared_memory_segment)
{
	FAULTS_START(shm_body);
	FAULTS_ROW(AT, "size=16 fileflt=10");
	FAULTS_ROW(TO, "size=16 fileflt=5");
	FAULTS_NEXT();
	NO_ROW(AT);
	FAULTS_ROW(TO, "size=16 fileflt=5");
	FAULTS_GONE("fileflt=10");
	FAULTS_NEXT();
	NO_ROW(TO);
	FAULTS_GONE("fileflt=5");
}

/* -------- pages discarded, often, and far apart -------- */

static void discard_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, PAGES);
	target_write((char *)AT, PAGES, 1);
	advise(AT, PAGES, MADV_DONTNEED);
	target_step(t);
	target_write((char *)AT, 5, 1);
	target_step(t);
	target_map(TO, PAGES, KIND_RW, KIND_SHARED, -1);
	target_write((char *)TO, PAGES, 1);
	advise(TO, PAGES, MADV_REMOVE);
	target_step(t);
}

/* The memory is gone, its mapping is not. */
TEST_F(vma, discarded)
{
	FAULTS_START(discard_body);
	KIND_ROW(AT, "rss=0");
	FAULTS_ROW(AT, "anonflt=16");
	FAULTS_NEXT();
	FAULTS_ROW(AT, "anonflt=21");
	FAULTS_NEXT();
	KIND_ROW(TO, "rss=0");
	FAULTS_ROW(TO, "fileflt=16");
	FAULTS_GONE("faults=0");
}

static const int often[] = { 254, 255, 256, 257, 600, 1, 70000, 3 };

#define OFTEN ((int)(sizeof(often) / sizeof(often[0])))

static void often_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, OFTEN);
	for (int i = 0; i < OFTEN; i++) {
		for (int j = 0; j < often[i]; j++) {
			advise(page(i), 1, MADV_DONTNEED);
			target_write((char *)page(i), 1, 1);
		}
	}
	target_step(t);
	for (int i = 0; i < OFTEN; i += 2)
		protect(page(i), 1, PROT_READ);
	target_step(t);
	protect(AT, OFTEN, KIND_RW);
	move(AT, OFTEN, OFTEN, TO + 60 * KIND_PAGE);
	target_step(t);
	for (int i = 0; i < OFTEN; i += 2)
		protect(TO + (60 + i) * KIND_PAGE, 1, PROT_READ);
	target_step(t);
	unmap(TO + 60 * KIND_PAGE, 5);
	target_step(t);
	unmap(TO + 65 * KIND_PAGE, 3);
	target_step(t);
}

/* However often a page is faulted in, no fault is forgotten, none its neighbour's. */
TEST_F(vma, page_faulted_often)
{
	int all = 0, first = 0;

	for (int i = 0; i < OFTEN; i++) {
		all += often[i];
		first += i < 5 ? often[i] : 0;
	}
	FAULTS_START(often_body);
	FAULTS_ROW(AT, "size=%d anonflt=%d", OFTEN, all);
	FAULTS_NEXT();
	for (int i = 0; i < OFTEN; i++)
		FAULTS_ROW(page(i), "size=1 anonflt=%d", often[i]);
	FAULTS_NEXT();
	FAULTS_ROW(TO + 60 * KIND_PAGE, "size=%d anonflt=%d", OFTEN, all);
	FAULTS_NEXT();
	for (int i = 0; i < OFTEN; i++)
		FAULTS_ROW(TO + (60 + i) * KIND_PAGE, "size=1 anonflt=%d", often[i]);
	FAULTS_GONE("faults=0");
	FAULTS_NEXT();
	FAULTS_GONE("anonflt=%d", first);
	FAULTS_NEXT();
	FAULTS_GONE("anonflt=%d", all - first);
}

static void mixed_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(AT, 2);
	for (int i = 0; i < 300; i++) {
		advise(AT, 1, MADV_DONTNEED);
		target_read((char *)AT, 1, 1);
		target_write((char *)AT, 1, 1);
	}
	target_step(t);
	move(AT, 2, 2, TO + 63 * KIND_PAGE);
	target_step(t);
	unmap(TO + 63 * KIND_PAGE, 1);
	target_step(t);
}

/* So with faults of several kinds on one page. */
TEST_F(vma, page_faulted_often_in_several_ways)
{
	FAULTS_START(mixed_body);
	FAULTS_ROW(AT, "anonflt=300 cowflt=300");
	FAULTS_NEXT();
	FAULTS_ROW(TO + 63 * KIND_PAGE, "anonflt=300 cowflt=300");
	FAULTS_NEXT();
	FAULTS_ROW(TO + 64 * KIND_PAGE, "size=1 faults=0");
	FAULTS_GONE("anonflt=300 cowflt=300");
}

static void sparse_body(struct target *t, void *arg)
{
	uint64_t stride = GIB / KIND_PAGE;

	(void)arg;
	target_map(TARGET_ALONE(2), 400 * stride, KIND_RW, KIND_PRIVATE | MAP_NORESERVE, -1);
	target_write((char *)TARGET_ALONE(2), 400, stride);
	target_step(t);
	protect(TARGET_ALONE(2) + 100 * GIB, stride, PROT_READ);
	target_step(t);
	move(TARGET_ALONE(2) + 200 * GIB, 150 * stride, 150 * stride, TARGET_ALONE(4));
	target_step(t);
	unmap(TARGET_ALONE(2), 400 * stride);
	target_step(t);
}

TEST_F(vma, huge_and_sparse)
{
	FAULTS_START(sparse_body);
	FAULTS_ROW(TARGET_ALONE(2), "anonflt=400");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(2), "anonflt=100");
	FAULTS_ROW(TARGET_ALONE(2) + 100 * GIB, "anonflt=1");
	FAULTS_ROW(TARGET_ALONE(2) + 101 * GIB, "anonflt=299");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(2) + 101 * GIB, "anonflt=99");
	FAULTS_ROW(TARGET_ALONE(2) + 350 * GIB, "anonflt=50");
	FAULTS_ROW(TARGET_ALONE(4), "anonflt=150");
	FAULTS_GONE("faults=0");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(4), "anonflt=150");
	FAULTS_GONE("anonflt=250");
}

TEST_HARNESS_MAIN
