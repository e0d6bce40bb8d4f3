// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: pages of hugetlbfs count as hugetlb, not as resident (as in smaps),
 * and they have runs; entries of a higher level save the tables below.
 */
#include <inttypes.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "lib/diag.h"
#include "lib/kind.h"
#include "lib/slow.h"

KIND_FIXTURE(hugetlb)

#define HUGE_PAGES 4
#define CONTENDED_READS 200
#define MIB (1ull << 20)
#define GIB (1ull << 30)

static void private_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), HUGE_PAGES * KIND_HUGE, KIND_RW,
			      KIND_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB, -1);

	(void)arg;
	target_step(t);
	target_write(at, 1, 1);
	target_write(at + 2 * KIND_HUGE * KIND_PAGE, 2, KIND_HUGE);
	target_step(t);
	if (mprotect(at, KIND_HUGE * KIND_PAGE, PROT_NONE))
		target_fail("mprotect");
	target_step(t);
}

TEST_F(hugetlb, private)
{
	uint64_t at = TARGET_ALONE(0);

	ASSERT_LE(HUGE_PAGES, machine_hugepages(2 * MIB, HUGE_PAGES));
	KIND_START(private_body);
	KIND_ROW(at, "size=2048 rss=0 hugetlb=0 runs=0 maxrun=0 tables=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=2048 rss=0 anon=0 file=0 shmem=0 swap=0 huge=0 hugetlb=1536");
	KIND_ROW(at, "runs>=2 runs<=3 maxrun>=512 maxrun<=1024 tables=%d", TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=512 rss=0 hugetlb=512 runs=1 maxrun=512 tables=0");
	KIND_ROW(at + 2 * MIB, "size=1536 hugetlb=1024");
	KIND_AGREES();
}

static void shared_body(struct target *t, void *arg)
{
	int fd = memfd_create("rows", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	char *at;

	(void)arg;
	if (fd < 0 || ftruncate(fd, HUGE_PAGES * 2 * MIB))
		target_fail("memfd_create");
	at = target_map(TARGET_ALONE(0), HUGE_PAGES * KIND_HUGE, KIND_RW, MAP_SHARED, fd);
	target_map(TARGET_ALONE(1), HUGE_PAGES * KIND_HUGE, PROT_READ, MAP_SHARED, fd);
	target_write(at, 2, KIND_HUGE);
	target_step(t);
	target_read((char *)TARGET_ALONE(1), 1, 1);
	target_step(t);
}

TEST_F(hugetlb, shared)
{
	ASSERT_LE(HUGE_PAGES, machine_hugepages(2 * MIB, HUGE_PAGES));
	KIND_START(shared_body);
	KIND_ROW(TARGET_ALONE(0), "rss=0 hugetlb=1024 tables=%d", TARGET_ALONE_UPPER);
	KIND_ROW(TARGET_ALONE(1), "rss=0 hugetlb=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=0 shmem=0 hugetlb=1024");
	KIND_ROW(TARGET_ALONE(1), "rss=0 hugetlb=512 runs=1 maxrun=512");
	KIND_AGREES();
}

#define SHARERS 2

/* As another process does, from end to end of the file's mappings, all the time. */
static void __attribute__((noreturn)) protect_for_ever(int fd)
{
	char *at = target_map(TARGET_ALONE(2), GIB / KIND_PAGE, KIND_RW,
			      MAP_SHARED | MAP_NORESERVE, fd);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int prot = PROT_READ;; prot ^= PROT_WRITE)
		if (mprotect(at, GIB, prot))
			target_fail("mprotect");
}

static void contended_body(struct target *t, void *arg)
{
	int fd = memfd_create("rows", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	char *at;

	(void)arg;
	if (fd < 0 || ftruncate(fd, GIB))
		target_fail("memfd_create");
	at = target_map(TARGET_ALONE(0), HUGE_PAGES * KIND_HUGE, KIND_RW, MAP_SHARED, fd);
	target_write(at, HUGE_PAGES, KIND_HUGE);
	for (int i = 0; i < SHARERS; i++)
		if (!fork())
			protect_for_ever(fd);
	target_step(t);
}

/* Others change their mappings of the file: what there is of ours is told nevertheless. */
TEST_F(hugetlb, contended)
{
	uint64_t most = 0, holds;
	struct report r;

	ASSERT_LE(HUGE_PAGES, machine_hugepages(2 * MIB, HUGE_PAGES));
	KIND_START(contended_body);
	for (int i = 0; i < CONTENDED_READS; i++) {
		ASSERT_EQ(0, report_read(&r, self->target.pid));
		holds = strtoull(report_value(&r, "total", "holds"), NULL, 10);
		most = holds > most ? holds : most;
		EXPECT_STRNE("yes", report_value(&r, "total", "changed"));
		report_free(&r);
		KIND_ROW(TARGET_ALONE(0), "hugetlb=2048 rss=0 size=2048");
	}
	diag("%" PRIu64 " holds at most", most);
}

/* Above what four levels of page tables reach, where the machine has five. */
#define HIGH (1ull << 55)

static uint64_t high_if_there_is(void)
{
	return machine_levels() == 5 ? HIGH : TARGET_ALONE(2);
}

static void untouched_body(struct target *t, void *arg)
{
	const uint64_t at[] = { TARGET_ALONE(0) + GIB, TARGET_ALONE(1), high_if_there_is() };

	(void)arg;
	/* one has a neighbour that needs its upper tables, the others have none */
	target_write(target_map(TARGET_ALONE(0), 1, KIND_RW, KIND_PRIVATE, -1), 1, 1);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
		target_map(at[i], HUGE_PAGES * KIND_HUGE, KIND_RW,
			   KIND_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB | MAP_NORESERVE, -1);
	target_step(t);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
		target_write((char *)at[i] + 2 * MIB, 1, 1);
	target_step(t);
}

/* No table is there for them, on whatever level it would be. */
TEST_F(hugetlb, untouched)
{
	const uint64_t at[] = { TARGET_ALONE(0) + GIB, TARGET_ALONE(1), high_if_there_is() };

	ASSERT_LE(HUGE_PAGES, machine_hugepages(2 * MIB, HUGE_PAGES));
	KIND_START(untouched_body);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
		KIND_ROW(at[i], "size=%d rss=0 hugetlb=0 dirty=0 young=0 runs=0 maxrun=0 tables=0",
			 4 * KIND_HUGE);
	KIND_AGREES();
	KIND_NEXT();
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
		KIND_ROW(at[i], "size=%d rss=0 hugetlb=512 dirty=512 young=512 runs=1 maxrun=512",
			 4 * KIND_HUGE);
	KIND_ROW(at[0], "tables=1");
	KIND_ROW(at[1], "tables=%d", TARGET_ALONE_UPPER);
	/* with five levels, the one below the top as well */
	KIND_ROW(at[2], "tables=%d", TARGET_ALONE_UPPER + (at[2] == HIGH));
	KIND_AGREES();
}

static void gigantic_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), GIB / KIND_PAGE, KIND_RW,
			      KIND_PRIVATE | MAP_HUGETLB | MAP_HUGE_1GB, -1);

	(void)arg;
	target_write(at, 1, 1);
	target_step(t);
	if (mprotect(at, GIB, PROT_NONE))
		target_fail("mprotect");
	target_step(t);
}

static void neighbours_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0) + 2 * MIB;
	char *huge = target_map(at, KIND_HUGE, KIND_RW,
				KIND_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB, -1);

	(void)arg;
	target_write(huge, 1, 1);
	target_write(target_map(at - KIND_PAGE, 1, KIND_RW, KIND_PRIVATE, -1), 1, 1);
	target_write(target_map(at + 2 * MIB, 1, KIND_RW, KIND_PRIVATE, -1), 1, 1);
	target_step(t);
}

/* A page before and one behind have a PTE table each; those above serve all three. */
TEST_F(hugetlb, neighbours)
{
	uint64_t at = TARGET_ALONE(0) + 2 * MIB;

	ASSERT_LE(1, machine_hugepages(2 * MIB, 1));
	KIND_START(neighbours_body);
	KIND_ROW(at - KIND_PAGE, "size=1 rss=1 hugetlb=0 runs=1 tables=1");
	KIND_ROW(at, "size=512 rss=0 hugetlb=512 runs=1 tables=0");
	KIND_ROW(at + 2 * MIB, "size=1 rss=1 hugetlb=0 runs=1 tables=1");
	KIND_AGREES();
}

static void shared_table_body(struct target *t, void *arg)
{
	int fd = memfd_create("rows", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	(void)arg;
	if (fd < 0 || ftruncate(fd, GIB))
		target_fail("memfd_create");
	for (int i = 0; i < 2; i++)
		target_map(TARGET_ALONE(i), GIB / KIND_PAGE, KIND_RW, MAP_SHARED | MAP_NORESERVE,
			   fd);
	target_write((char *)TARGET_ALONE(0) + 6 * MIB, 2, KIND_HUGE);
	target_step(t);
	target_read((char *)TARGET_ALONE(1) + 6 * MIB, 1, 1);
	target_step(t);
}

/* Two mappings of all of a GiB share one table: pages of one are in the other. */
TEST_F(hugetlb, shared_table)
{
	ASSERT_LE(HUGE_PAGES, machine_hugepages(2 * MIB, HUGE_PAGES));
	KIND_START(shared_table_body);
	KIND_ROW(TARGET_ALONE(0), "size=262144 rss=0 hugetlb=1024 tables=2");
	KIND_ROW(TARGET_ALONE(1), "size=262144 rss=0 hugetlb=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=262144 rss=0 hugetlb=1024 tables=2");
	KIND_ROW(TARGET_ALONE(1), "size=262144 rss=0 hugetlb=1024 tables=2");
	KIND_AGREES();
}

/*
 * One entry of the third level: its table is all that is needed. Such a page must
 * have been reserved at boot (hugepagesz=1G hugepages=1).
 */
TEST_F(hugetlb, gigantic)
{
	if (slow_times() > 1)
		SKIP(return, "no page of 1 GiB is reserved where all is slow");
	ASSERT_LE(1, machine_hugepages(GIB, 1));
	KIND_START(gigantic_body);
	KIND_ROW(TARGET_ALONE(0),
		 "size=262144 rss=0 huge=0 hugetlb=262144 runs=1 maxrun=262144 tables=1");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=262144 rss=0 hugetlb=262144 runs=1 maxrun=262144");
	KIND_ROW(TARGET_ALONE(0), "dirty=262144 young=262144");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
