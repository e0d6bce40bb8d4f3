// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: of a mapped file, pages that were read are file pages; pages that
 * were written are dirty file pages if the mapping is shared, and anonymous
 * copies if it is private, also after they became read-only.
 */
#include <fcntl.h>

#include "lib/kind.h"

#define PAGES 64

/* The file that targets map, of PAGES pages, all in memory. */
static char path[64];

FIXTURE(file) {
	struct target target;
};

FIXTURE_SETUP(file)
{
	const char *directory;
	char page[4096];
	int fd;

	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, machine_exact_faults());
	directory = machine_ramfs();
	ASSERT_NE(NULL, directory);
	snprintf(path, sizeof(path), "%s/file", directory);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ASSERT_LE(0, fd);
	memset(page, 'x', sizeof(page));
	for (uint64_t i = 0; i < PAGES * KIND_PAGE / sizeof(page); i++)
		ASSERT_EQ((ssize_t)sizeof(page), write(fd, page, sizeof(page)));
	ASSERT_EQ(0, close(fd));
}

FIXTURE_TEARDOWN(file)
{
	target_end(&self->target);
	machine_restore();
}

static char *map_file(int slot, int prot, int flags)
{
	int fd = open(path, O_RDWR);
	char *at;

	if (fd < 0)
		target_fail(path);
	at = target_map(TARGET_ALONE(slot), PAGES, prot, flags, fd);
	close(fd);
	return at;
}

static void private_body(struct target *t, void *arg)
{
	char *at = map_file(0, KIND_RW, MAP_PRIVATE);

	(void)arg;
	target_step(t);
	target_read(at, 1, 1);
	target_read(at + 5 * KIND_PAGE, 2, 1);
	target_step(t);
	target_write(at + 5 * KIND_PAGE, 1, 1);		/* was read before */
	target_write(at + 30 * KIND_PAGE, 3, 1);	/* was not */
	target_step(t);
}

TEST_F(file, private_read_and_written)
{
	uint64_t at = TARGET_ALONE(0);

	KIND_START(private_body);
	KIND_ROW(at, "size=64 rss=0 anon=0 file=0 shmem=0 tables=0");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "rss=3 anon=0 file=3 shmem=0 dirty=0 young=3 runs>=2 runs<=3 tables=%d",
		 1 + TARGET_ALONE_UPPER);
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "rss=6 anon=4 file=2 shmem=0 dirty=4 young=6");
	KIND_AGREES();
}

static void shared_body(struct target *t, void *arg)
{
	char *at = map_file(0, KIND_RW, MAP_SHARED);

	(void)arg;
	target_read(at, 4, 1);
	target_step(t);
	target_write(at + 2 * KIND_PAGE, 10, 1);
	target_step(t);
	if (truncate(path, 8 * KIND_PAGE))
		target_fail("truncate");
	target_step(t);
}

TEST_F(file, shared_read_written_truncated)
{
	uint64_t at = TARGET_ALONE(0);

	KIND_START(shared_body);
	KIND_ROW(at, "rss=4 anon=0 file=4 shmem=0 dirty=0 young=4");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "rss=12 anon=0 file=12 shmem=0 dirty=10 young=12");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(at, "size=64 rss=8 file=8 dirty=6");
	KIND_AGREES();
}

static void read_only_body(struct target *t, void *arg)
{
	char *at = map_file(0, KIND_RW, MAP_PRIVATE);

	(void)arg;
	target_write(at + 8 * KIND_PAGE, 4, 1);
	if (mprotect(at, PAGES * KIND_PAGE, PROT_READ))
		target_fail("mprotect");
	target_read(at, 16, 1);
	target_step(t);
	if (mprotect(at, PAGES * KIND_PAGE, PROT_NONE))
		target_fail("mprotect");
	target_step(t);
}

/* As the loader does with relocated data: only the pages themselves can tell. */
TEST_F(file, copies_made_read_only)
{
	KIND_START(read_only_body);
	KIND_ROW(TARGET_ALONE(0), "rss=16 anon=4 file=12 shmem=0 dirty=4 young=16");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=16 anon=4 file=12 shmem=0 dirty=4 young=16");
	KIND_AGREES();
}

static void twice_body(struct target *t, void *arg)
{
	char *all = map_file(0, KIND_RW, MAP_SHARED);
	char *read_only = map_file(1, PROT_READ, MAP_SHARED);

	(void)arg;
	target_write(all, PAGES, 1);
	target_read(read_only, PAGES / 2, 2);
	target_step(t);
}

TEST_F(file, mapped_twice)
{
	KIND_START(twice_body);
	KIND_ROW(TARGET_ALONE(0), "rss=64 file=64 dirty=64");
	KIND_ROW(TARGET_ALONE(1), "rss=32 file=32 dirty=0 young=32 runs=32");
	KIND_AGREES();
}

static void offset_body(struct target *t, void *arg)
{
	int fd = open(path, O_RDONLY);
	char *at = mmap((void *)TARGET_ALONE(0), 200 * KIND_PAGE, PROT_READ,
			MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 60 * KIND_PAGE);

	(void)arg;
	if (at == MAP_FAILED)
		target_fail("mmap");
	target_read(at, 4, 1);
	target_step(t);
}

TEST_F(file, offset_and_past_the_end)
{
	KIND_START(offset_body);
	KIND_ROW(TARGET_ALONE(0), "size=200 rss=4 file=4 anon=0 young=4");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
