// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while huge pages are made, by faults, by khugepaged and by MADV_COLLAPSE, and
 * split again, by unmapping, protecting, discarding and moving parts of them, and by the
 * kernel itself, every report is well formed, no fault is lost, and memory holds what was
 * written to it.
 */
#include <fcntl.h>

#include "storm.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define SPLIT "/sys/kernel/debug/split_huge_pages"
#define HUGE (KIND_HUGE * LIFE_PAGE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

STORM_FIXTURE(storm_huge)
{
	static const char *const setting[][2] = {
		{ THP "enabled", "madvise" },
		{ THP "defrag", "always" },
		{ THP "khugepaged/scan_sleep_millisecs", "10" },
		{ THP "khugepaged/alloc_sleep_millisecs", "10" },
		{ THP "khugepaged/pages_to_scan", "4096" },
		{ THP "khugepaged/max_ptes_none", "511" },
	};

	KIND_NEEDS_THP();
	for (size_t i = 0; i < sizeof(setting) / sizeof(*setting); i++)
		ASSERT_EQ(0, machine_set(setting[i][0], setting[i][1]));
	ASSERT_EQ(0, storm_open(&self->storm));
}

/* Where a huge page can be, with as much room below and above. */
static char *place(int flags, int fd)
{
	char *at = mmap((char *)TARGET_ALONE(0), HUGE, KIND_RW, flags | MAP_FIXED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* With all that has been moved into the room around it. */
static bool done(char *at)
{
	return !munmap(at - HUGE, 3 * HUGE);
}

static void fill(char *at, int first, int count, char with)
{
	for (int i = first; i < first + count; i++)
		*(volatile char *)(at + i * LIFE_PAGE) = with + i;
}

static bool holds(const char *at, int first, int count, char with)
{
	for (int i = first; i < first + count; i++) {
		char seen = *(volatile const char *)(at + i * LIFE_PAGE);

		if (seen == (char)(with + i))
			continue;
		diag("pid %d: page %d at %p: expected %d, seen %d", getpid(), i, at,
		     (char)(with + i), seen);
		errno = 0;
		return false;
	}
	return true;
}

/* Those pages are as they were before anybody wrote to them. */
static bool is_blank(const char *at, int first, int count)
{
	for (int i = first; i < first + count; i++)
		if (*(volatile const char *)(at + i * LIFE_PAGE)) {
			errno = 0;
			return false;
		}
	return true;
}

/*
 * MADV_COLLAPSE may be refused, also with what mm/khugepaged.c:madvise_collapse_errno()
 * says of what will never work: khugepaged was faster, or all were split meanwhile. That
 * some are made, thp_collapse_alloc says.
 */
static bool collapse(char *at)
{
	return !madvise(at, HUGE, MADV_COLLAPSE) || errno == EAGAIN || errno == EBUSY ||
	       errno == ENOMEM || errno == EINVAL;
}

/* Take it apart at both ends, and in between. */
static bool split(char *at, char with)
{
	const size_t page = LIFE_PAGE;

	if (mprotect(at + 100 * page, 3 * page, PROT_READ) || !holds(at, 0, KIND_HUGE, with))
		return false;
	if (madvise(at + 200 * page, 50 * page, MADV_DONTNEED) || !is_blank(at, 200, 50))
		return false;
	if (munmap(at, 10 * page) || munmap(at + 500 * page, 12 * page))
		return false;
	return holds(at, 10, 190, with) && holds(at, 250, 250, with);
}

/* Small pages become a huge one, and small ones again. */
static bool collapse_and_split(void)
{
	char *at = place(KIND_PRIVATE, -1);

	if (!at || madvise(at, HUGE, MADV_NOHUGEPAGE))
		return false;
	fill(at, 0, KIND_HUGE, 1);
	if (madvise(at, HUGE, MADV_HUGEPAGE) || !collapse(at))
		return false;
	return holds(at, 0, KIND_HUGE, 1) && split(at, 1) && done(at);
}

/* A huge page from the beginning; two processes write to it; parts move elsewhere. */
static bool fault_and_fork(void)
{
	char *at = place(KIND_PRIVATE, -1), *moved;
	bool good = false;
	int status = 1;
	pid_t pid;

	if (!at || madvise(at, HUGE, MADV_HUGEPAGE))
		return false;
	fill(at, 0, KIND_HUGE, 2);
	pid = fork();
	if (!pid) {
		good = holds(at, 0, KIND_HUGE, 2);
		fill(at, 0, KIND_HUGE, 3);
		_exit(good && split(at, 3) ? 0 : 1);
	}
	moved = mremap(at + 20 * LIFE_PAGE, 300 * LIFE_PAGE, 300 * LIFE_PAGE, MREMAP_MAYMOVE |
		       MREMAP_FIXED, at - 400 * LIFE_PAGE);
	if (moved != MAP_FAILED)
		good = holds(moved - 20 * LIFE_PAGE, 20, 300, 2) && holds(at, 320, 190, 2);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return false;
	return good && holds(at, 0, 20, 2) && done(at);
}

/* The same of shared memory. */
static bool collapse_shared(void)
{
	int fd = memfd_create("storm", MFD_CLOEXEC);
	char *at = fd < 0 || ftruncate(fd, HUGE) ? NULL : place(MAP_SHARED, fd);
	bool good;

	if (!at)
		return false;
	fill(at, 0, KIND_HUGE, 4);
	good = collapse(at) && holds(at, 0, KIND_HUGE, 4) &&
	       !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 30 * LIFE_PAGE,
			  40 * LIFE_PAGE) &&
	       is_blank(at, 30, 40) && holds(at, 70, KIND_HUGE - 70, 4) &&
	       !munmap(at + 100 * LIFE_PAGE, LIFE_PAGE) && holds(at, 101, 300, 4);
	close(fd);
	return done(at) && good;
}

/* Memory that lasts, for khugepaged, who gets it in pieces; every eighth page is away. */
static bool last(void)
{
	static char *at;
	static char with;

	if (!at) {
		at = place(KIND_PRIVATE, -1);
		if (!at || madvise(at, HUGE, MADV_HUGEPAGE))
			return false;
		fill(at, 0, KIND_HUGE, with);
	}
	if (!holds(at, 0, KIND_HUGE, with))
		return false;
	with++;
	fill(at, 0, KIND_HUGE, with);
	for (int i = 0; i < KIND_HUGE; i += 8) {
		if (madvise(at + i * LIFE_PAGE, LIFE_PAGE, MADV_DONTNEED))
			return false;
	}
	storm_sleep(100);
	for (int i = 0; i < KIND_HUGE; i += 8)
		fill(at, i, 1, with);
	return true;
}

/* The kernel splits all there are. */
static bool split_all(void)
{
	errno = -procfile_write(SPLIT, "1");
	return !errno && storm_sleep(300);
}

static const struct storm_kind kind[] = {
	{ "collapse and split", collapse_and_split },
	{ "fault and fork", fault_and_fork },
	{ "collapse shared memory", collapse_shared },
	{ "last", last },
	{ "split all", split_all },
};

TEST_F_TIMEOUT(storm_huge, collapse_and_split, STORM_TIMEOUT)
{
	STORM(kind, "thp_fault_alloc", "thp_collapse_alloc", "thp_split_page", "thp_split_pmd",
	      NULL);
}

TEST_HARNESS_MAIN
