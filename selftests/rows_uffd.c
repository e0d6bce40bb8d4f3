// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: pages write-protected through userfaultfd stay resident and dirty;
 * the marker that such a page leaves when it is dropped is nothing.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "lib/kind.h"

KIND_FIXTURE(uffd)

#define PAGES 24

static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		target_fail("userfaultfd");
	return fd;
}

static void write_protect(int fd, char *at, uint64_t pages)
{
	struct uffdio_register area = {
		.range = { (uintptr_t)at, pages * KIND_PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect protect = {
		.range = area.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(fd, UFFDIO_REGISTER, &area) || ioctl(fd, UFFDIO_WRITEPROTECT, &protect))
		target_fail("UFFDIO_WRITEPROTECT");
}

/* All pages write-protected, ten of them touched; then four of these gone. */
static void protected_steps(struct target *t, uint64_t features, int flags)
{
	int fd = open_uffd(features);
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, flags, -1);

	target_write(at, 10, 1);
	write_protect(fd, at, PAGES);
	target_step(t);
	if (madvise(at, 4 * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_step(t);
}

static void anonymous_body(struct target *t, void *arg)
{
	(void)arg;
	protected_steps(t, UFFD_FEATURE_PAGEFAULT_FLAG_WP, KIND_PRIVATE);
}

TEST_F(uffd, anonymous)
{
	KIND_START(anonymous_body);
	KIND_ROW(TARGET_ALONE(0), "size=24 rss=10 anon=10 swap=0 dirty=10");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=24 rss=6 anon=6 swap=0 dirty=6");
	KIND_AGREES();
}

static void shmem_body(struct target *t, void *arg)
{
	(void)arg;
	protected_steps(t, UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
			KIND_SHARED);
}

/* All pages but the ten get a marker at once, four of the ten when they go. */
TEST_F(uffd, shmem_markers)
{
	KIND_START(shmem_body);
	KIND_ROW(TARGET_ALONE(0), "size=24 rss=10 shmem=10 swap=0 dirty=10 tables=3");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=24 rss=6 shmem=6 swap=0");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
