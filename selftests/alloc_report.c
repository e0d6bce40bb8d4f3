// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whichever allocation fails, the module's or the kernel's, while somebody
 * lists /proc/vminspect, opens, reads or waits for a report, small or huge, or reads
 * status: he gets ENOMEM or what he asked for, whole; and it when he asks again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "alloc.h"
#include "lib/kind.h"
#include "track.h"
#include "unload.h"

FIXTURE(alloc_report)
{
	struct target target;
	uint64_t open;
	int own;
};

FIXTURE_SETUP(alloc_report)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, failnth_begin());
	ASSERT_EQ(0, failnth_below(0, FAILNTH_ANY));
	self->own = failnth_open(0);
	ASSERT_LE(0, self->own);
	self->open = track_status("open");
}

FIXTURE_TEARDOWN(alloc_report)
{
	target_end(&self->target);
	failnth_end();
	machine_restore();
	EXPECT_EQ(self->open, track_status("open"));
}

#define PID (self->target.pid)

#define EXPECT_STEPS(...)						\
do {									\
	struct alloc_steps steps_ = { __VA_ARGS__, .again = true };	\
									\
	EXPECT_EQ(0, alloc_until_refused(self->own, &steps_));		\
} while (0)

/* What reads must not allocate by itself while its allocations fail. */
static char buffer[4 << 20] __attribute__((aligned(8)));

/* As much as there is, in one go. */
static ssize_t read_all(int fd)
{
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, buffer + len, sizeof(buffer) - 1 - len)) > 0)
		len += got;
	buffer[len] = '\0';
	return got < 0 ? -errno : (ssize_t)len;
}

static bool is_listed(const char *name, ssize_t len)
{
	const struct dirent64 *entry;

	for (ssize_t at = 0; at < len; at += entry->d_reclen) {
		entry = (const struct dirent64 *)(buffer + at);
		if (!strcmp(entry->d_name, name))
			return true;
	}
	return false;
}

static int list(void *own_pid)
{
	int fd = open("/proc/vminspect", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
	if (len < 0)
		err = -errno;
	close(fd);
	if (!err && (!is_listed("self", len) || !is_listed("status", len) ||
		     !is_listed(own_pid, len)))
		err = -EBADMSG;
	return err;
}

TEST_F(alloc_report, list)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	EXPECT_STEPS(.what = "listing", .run = list, .arg = pid);
}

static int open_and_close(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return close(fd) ? -errno : 0;
}

TEST_F(alloc_report, open)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", getpid());
	EXPECT_STEPS(.what = "open", .run = open_and_close, .arg = path);
	EXPECT_EQ(self->open, track_status("open"));
}

/* Where processes are hidden the kernel is asked for each; who gets no answer sees nothing. */
TEST_F(alloc_report, open_where_processes_hide)
{
	char dir[] = "/tmp/alloc_report.XXXXXX", path[64];

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, unload_private_mounts());
	ASSERT_EQ(0, mount("proc", dir, "proc", 0, "hidepid=ptraceable"));
	snprintf(path, sizeof(path), "%s/vminspect/self", dir);
	EXPECT_STEPS(.what = "open where processes hide", .run = open_and_close, .arg = path,
		     .may_be = -ENOENT);
	EXPECT_EQ(0, umount2(dir, MNT_DETACH));
}

/* An open report, or status, from its beginning. */
static int read_again(void *arg)
{
	int fd = *(int *)arg;
	ssize_t len = lseek(fd, 0, SEEK_SET) ? -errno : read_all(fd);

	if (len < 0)
		return len;
	return strstr(buffer, "\nlongest_hold_ns ") ? 0 : -EBADMSG;
}

/* Parts, each of which has to be there, and no row twice. */
static int is_well_formed(void *arg, int err)
{
	struct report report;
	char *copy;
	int wrong;

	(void)arg;
	if (err)
		return 0;
	copy = strdup(buffer);
	wrong = report_parse(&report, copy, strlen(copy));
	if (wrong || !report.complete)
		diag("report: %s", wrong ? report.error : "not complete");
	wrong |= !report.complete;
	report_free(&report);
	return !!wrong;
}

TEST_F(alloc_report, read_small)
{
	int fd = open("/proc/vminspect/self", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_STEPS(.what = "reading", .run = read_again, .arg = &fd, .check = is_well_formed);
	close(fd);
}

TEST_F(alloc_report, status)
{
	int fd = open("/proc/vminspect/status", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_STEPS(.what = "status", .run = read_again, .arg = &fd);
	close(fd);
}

#define DEPTH 30
#define MAPPINGS 1000
#define THREADS 40

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A name too long for what a report has for names, many mappings, many threads. */
static void huge_body(struct target *t, void *arg)
{
	pthread_t thread;

	(void)arg;
	target_map_long_name(TARGET_ALONE(0), DEPTH);
	for (uint64_t i = 0; i < MAPPINGS; i++)
		target_map(TARGET_ALONE(1) + i * 2 * KIND_PAGE, 1, KIND_RW, KIND_PRIVATE, -1);
	for (int i = 0; i < THREADS; i++) {
		errno = pthread_create(&thread, NULL, wait_for_ever, NULL);
		if (errno)
			target_fail("pthread_create");
	}
	target_step(t);
}

TEST_F(alloc_report, read_huge)
{
	char path[64];
	int fd;

	KIND_START(huge_body);
	snprintf(path, sizeof(path), "/proc/vminspect/%d", PID);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_STEPS(.what = "reading what is huge", .run = read_again, .arg = &fd,
		     .check = is_well_formed);
	close(fd);
}

static int poll_once(void *fd)
{
	struct pollfd wait = { .fd = *(int *)fd, .events = POLLPRI };

	return poll(&wait, 1, 1) < 0 ? -errno : 0;
}

static int epoll_once(void *fd)
{
	struct epoll_event event = { .events = EPOLLPRI };
	int queue = epoll_create1(EPOLL_CLOEXEC), err = 0;

	if (queue < 0)
		return -errno;
	if (epoll_ctl(queue, EPOLL_CTL_ADD, *(int *)fd, &event) ||
	    epoll_wait(queue, &event, 1, 1) < 0)
		err = -errno;
	close(queue);
	return err;
}

TEST_F(alloc_report, wait)
{
	int fd = open("/proc/vminspect/self", O_RDONLY | O_CLOEXEC);
	struct alloc_steps poll = { .what = "poll", .run = poll_once, .arg = &fd, .again = true };

	ASSERT_LE(0, fd);
	EXPECT_STEPS(.what = "epoll", .run = epoll_once, .arg = &fd);
	/* a single file needs no memory of poll()'s */
	alloc_step_through(self->own, &poll);
	EXPECT_EQ(0, poll.refused);
	close(fd);
}

TEST_HARNESS_MAIN
