// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: pages of shared anonymous memory, memfds, tmpfs and System V shared
 * memory count as shmem, copies of them as anonymous; what another process
 * put into the file is resident only where it is mapped.
 */
#include <fcntl.h>
#include <sys/shm.h>

#include "lib/kind.h"

#define PAGES 64

FIXTURE(shmem) {
	struct target target;
};

FIXTURE_SETUP(shmem)
{
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, machine_exact_faults());
}

FIXTURE_TEARDOWN(shmem)
{
	target_end(&self->target);
	machine_restore();
}

static void anonymous_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_SHARED, -1);

	(void)arg;
	target_write(at, 10, 1);
	target_read(at + 20 * KIND_PAGE, 5, 1);
	target_step(t);
}

/* Reading allocates a page too: shared memory has no zero page. */
TEST_F(shmem, shared_anonymous)
{
	KIND_START(anonymous_body);
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=15 anon=0 file=0 shmem=15 dirty>=10 young=15");
	KIND_AGREES();
}

static int new_memfd(void)
{
	int fd = memfd_create("rows", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, PAGES * KIND_PAGE))
		target_fail("memfd_create");
	return fd;
}

static void memfd_body(struct target *t, void *arg)
{
	int fd = new_memfd();
	char *shared = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	char *private = target_map(TARGET_ALONE(1), PAGES, KIND_RW, MAP_PRIVATE, fd);

	(void)arg;
	target_write(shared, PAGES, 1);
	target_step(t);
	target_read(private, 20, 1);
	target_write(private + 10 * KIND_PAGE, 30, 1);
	target_step(t);
	if (madvise(shared, PAGES * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
	if (madvise(shared + 8 * KIND_PAGE, 8 * KIND_PAGE, MADV_REMOVE))
		target_fail("MADV_REMOVE");
	target_step(t);
}

TEST_F(shmem, memfd_shared_and_private)
{
	KIND_START(memfd_body);
	KIND_ROW(TARGET_ALONE(0), "rss=64 shmem=64 anon=0 file=0 dirty=64 young=64");
	KIND_ROW(TARGET_ALONE(1), "rss=0 shmem=0 anon=0 swap=0");
	KIND_AGREES();
	KIND_NEXT();
	/* 0-9 read only, 10-19 read and written, 20-39 written */
	KIND_ROW(TARGET_ALONE(1), "rss=40 shmem=10 anon=30 file=0 dirty=30 young=40");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=0 shmem=0 swap=0");
	KIND_AGREES();
	KIND_NEXT();
	/* the pages that were removed go from the private mapping too, its copies don't */
	KIND_ROW(TARGET_ALONE(1), "rss=38 shmem=8 anon=30");
	KIND_AGREES();
}

static void tmpfs_body(struct target *t, void *arg)
{
	char path[] = "/dev/shm/rows.XXXXXX";
	int fd = mkstemp(path);
	char *at;

	(void)arg;
	if (fd < 0 || ftruncate(fd, PAGES * KIND_PAGE))
		target_fail(path);
	at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	target_write(at, PAGES / 4, 4);
	unlink(path);
	target_step(t);
}

TEST_F(shmem, tmpfs)
{
	KIND_START(tmpfs_body);
	KIND_ROW(TARGET_ALONE(0), "rss=16 shmem=16 anon=0 file=0 dirty=16 runs=16 maxrun=1");
	KIND_AGREES();
}

#define FAR (1ull << 43)

static void far_body(struct target *t, void *arg)
{
	int fd = new_memfd();
	char *at;

	(void)arg;
	if (ftruncate(fd, 2 * FAR))
		target_fail("ftruncate");
	at = mmap((void *)TARGET_ALONE(0), PAGES * KIND_PAGE, KIND_RW,
		  MAP_SHARED | MAP_FIXED_NOREPLACE, fd, FAR);
	if (at == MAP_FAILED)
		target_fail("mmap");
	target_write(at + 2 * KIND_PAGE, 3, 1);
	target_step(t);
}

TEST_F(shmem, far_offset)
{
	const struct report_row *row;
	struct report r;

	KIND_START(far_body);
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=3 shmem=3 dirty=3");
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	row = report_find(&r, TARGET_ALONE(0));
	ASSERT_NE(NULL, row);
	EXPECT_EQ(FAR, row->offset);
	report_free(&r);
	KIND_AGREES();
}

static void sysv_body(struct target *t, void *arg)
{
	int id = shmget(IPC_PRIVATE, PAGES * KIND_PAGE, IPC_CREAT | 0600);
	char *at = id < 0 ? (void *)-1 : shmat(id, (void *)TARGET_ALONE(0), 0);

	(void)arg;
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	if (at == (void *)-1)
		target_fail("shmat");
	target_write(at, 7, 1);
	target_step(t);
}

TEST_F(shmem, system_v)
{
	KIND_START(sysv_body);
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=7 shmem=7 anon=0 file=0 dirty=7");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
