// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: when there is no memory to count a fault by page, it is unattributed;
 * if there is none to notice it, lost; if there is none to track a process that was
 * forked or executed, it is one of those untracked. All else is exact, and what
 * comes when there is memory again is counted.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "alloc.h"
#include "growth.h"
#include "lib/disk.h"
#include "lib/faults.h"
#include "track.h"

FIXTURE(alloc_counts)
{
	struct target target;
	struct target other;
	uint64_t memory;
	int own;
};

FIXTURE_SETUP(alloc_counts)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, failnth_begin());
	self->own = failnth_open(0);
	ASSERT_LE(0, self->own);
	self->memory = track_status("memory_bytes");
	ASSERT_EQ(0, target_fork(&self->target, growth_body, NULL));
}

/* What others may need meanwhile. */
#define NOISE (64 << 10)

FIXTURE_TEARDOWN(alloc_counts)
{
	failnth_end();
	target_end(&self->other);
	target_end(&self->target);
	disk_unmount();
	EXPECT_TRUE(track_falls_to("memory_bytes", self->memory + NOISE));
	machine_restore();
}

#define PID (self->target.pid)
#define LEAF 64
#define AT(slot) ((uint64_t)TARGET_ALONE(slot))

/* Whatever of the module asks for memory below a function gets none. */
#define NO_MEMORY_FOR(function)						\
do {									\
	ASSERT_EQ(0, failnth_below_function(function));			\
	ASSERT_EQ(0, failnth_always());					\
} while (0)

#define MEMORY_AGAIN() EXPECT_LT(0, failnth_never())

/* argument[1] pages at argument[0], small ones. */
static uint64_t do_map(struct target *t, volatile uint64_t *argument)
{
	char *at = target_map(argument[0], argument[1], KIND_RW, KIND_PRIVATE | MAP_NORESERVE, -1);

	(void)t;
	return madvise(at, argument[1] * KIND_PAGE, MADV_NOHUGEPAGE) ? errno : 0;
}

/* argument[1] pages from argument[0] on, each argument[2]th. */
static uint64_t do_touch(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	target_write((char *)(uintptr_t)argument[0], argument[1], argument[2]);
	return 0;
}

/* The page at argument[0], argument[1] times. */
static uint64_t do_touch_often(struct target *t, volatile uint64_t *argument)
{
	char *at = (char *)(uintptr_t)argument[0];

	(void)t;
	for (uint64_t i = 0; i < argument[1]; i++) {
		*(volatile char *)at = 1;
		if (madvise(at, KIND_PAGE, MADV_DONTNEED))
			return errno;
	}
	return 0;
}

/* argument[1] pages from argument[0] to argument[2]. */
static uint64_t do_move(struct target *t, volatile uint64_t *argument)
{
	size_t len = argument[1] * KIND_PAGE;
	void *to = (void *)(uintptr_t)argument[2];

	(void)t;
	return mremap((void *)(uintptr_t)argument[0], len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		      to) == to ? 0 : errno;
}

static void *touch_as_thread(void *argument)
{
	return (void *)(uintptr_t)do_touch(NULL, argument);
}

/* As do_touch(), by a new thread. */
static uint64_t do_touch_in_thread(struct target *t, volatile uint64_t *argument)
{
	pthread_t thread;

	(void)t;
	errno = pthread_create(&thread, NULL, touch_as_thread, (void *)argument);
	return errno ?: pthread_join(thread, NULL);
}

/* All that is in one report adds up; how it was before. */
#define SUMS(sums) ASSERT_TRUE(track_sum(PID, sums))

#define ROW(address, count) \
	EXPECT_EQ(0, faults_row(PID, address, "faults=%d", (int)(count)))

TEST_F(alloc_counts, no_counters)
{
	struct track_sums before, after;

	GROWTH_DO(do_map, AT(0), 3 * LEAF);
	SUMS(&before);
	NO_MEMORY_FOR("new_leaf");
	GROWTH_DO(do_touch, AT(0), 20, 1);
	GROWTH_DO(do_touch, AT(0) + LEAF * KIND_PAGE, 1, 1);
	MEMORY_AGAIN();
	SUMS(&after);
	EXPECT_LE(before.unattributed + 21, after.unattributed);
	EXPECT_EQ(before.lost, after.lost);
	ROW(AT(0), 0);

	GROWTH_DO(do_touch, AT(0) + 20 * KIND_PAGE, 10, 1);
	GROWTH_DO(do_touch, AT(0) + 2 * LEAF * KIND_PAGE, LEAF, 1);
	SUMS(&before);
	EXPECT_EQ(after.unattributed, before.unattributed);
	ROW(AT(0), 10 + LEAF);
}

/* A table that can't grow is only slower. */
TEST_F(alloc_counts, no_larger_table)
{
	const int leaves = 600;
	struct track_sums before, after;

	GROWTH_DO(do_map, AT(0), 4 * leaves * LEAF);
	SUMS(&before);
	NO_MEMORY_FOR("grow_table");
	GROWTH_DO(do_touch, AT(0), leaves, LEAF);
	MEMORY_AGAIN();
	ROW(AT(0), leaves);
	GROWTH_DO(do_touch, AT(0) + (uint64_t)leaves * LEAF * KIND_PAGE, 2 * leaves, LEAF);
	ROW(AT(0), 3 * leaves);
	SUMS(&after);
	EXPECT_EQ(before.unattributed, after.unattributed);
	EXPECT_EQ(before.lost, after.lost);
}

/* A byte for each page holds 255. */
TEST_F(alloc_counts, no_wider_counters)
{
	struct track_sums before, after;

	GROWTH_DO(do_map, AT(0), 1);
	SUMS(&before);
	NO_MEMORY_FOR("vmi_leaf_widen");
	GROWTH_DO(do_touch_often, AT(0), 300);
	MEMORY_AGAIN();
	SUMS(&after);
	ROW(AT(0), 255);
	EXPECT_EQ(before.unattributed + 300 - 255, after.unattributed);
	EXPECT_EQ(before.lost, after.lost);
	GROWTH_DO(do_touch_often, AT(0), 300);
	ROW(AT(0), 255 + 300);
	SUMS(&before);
	EXPECT_EQ(after.unattributed, before.unattributed);
}

/* What moves to where there are no counters is no longer known by page. */
TEST_F(alloc_counts, no_counters_to_move_to)
{
	struct track_sums before, after;

	GROWTH_DO(do_map, AT(0), LEAF);
	GROWTH_DO(do_touch, AT(0), 30, 1);
	SUMS(&before);
	NO_MEMORY_FOR("new_leaf");
	GROWTH_DO(do_move, AT(0), LEAF, AT(1));
	MEMORY_AGAIN();
	SUMS(&after);
	ROW(AT(1), 0);
	EXPECT_EQ(before.unattributed + 30, after.unattributed);
	EXPECT_EQ(before.lost, after.lost);
	GROWTH_DO(do_touch, AT(1) + 30 * KIND_PAGE, 10, 1);
	GROWTH_DO(do_move, AT(1), LEAF, AT(2));
	ROW(AT(2), 10);
}

/* Nor counters wide enough. */
TEST_F(alloc_counts, no_wider_counters_to_move_to)
{
	struct track_sums before, after;

	GROWTH_DO(do_map, AT(0), LEAF);
	GROWTH_DO(do_touch_often, AT(0), 300);
	GROWTH_DO(do_touch, AT(0) + KIND_PAGE, 1, 1);
	SUMS(&before);
	NO_MEMORY_FOR("vmi_leaf_widen");
	GROWTH_DO(do_move, AT(0), LEAF, AT(1));
	MEMORY_AGAIN();
	SUMS(&after);
	ROW(AT(1), 0);
	EXPECT_EQ(before.unattributed + 301, after.unattributed);
}

/* Of a thread of which nothing is known, what it does is lost. */
TEST_F(alloc_counts, no_record)
{
	struct track_sums before, after;

	GROWTH_DO(do_map, AT(0), LEAF);
	GROWTH_DO(do_touch_in_thread, AT(0), 1, 1);
	SUMS(&before);
	NO_MEMORY_FOR("relink");
	GROWTH_DO(do_touch_in_thread, AT(0) + KIND_PAGE, 20, 1);
	MEMORY_AGAIN();
	SUMS(&after);
	ROW(AT(0), 1);
	EXPECT_LE(before.lost + 20, after.lost);
	EXPECT_EQ(before.unattributed, after.unattributed);
	GROWTH_DO(do_touch_in_thread, AT(0) + 21 * KIND_PAGE, 10, 1);
	ROW(AT(0), 11);
	SUMS(&before);
	EXPECT_EQ(after.lost, before.lost);
}

/* Map argument[1] pages of a file at argument[0], none of which is in memory. */
static uint64_t do_map_file(struct target *t, volatile uint64_t *argument)
{
	size_t pages = argument[1];
	int fd = disk_file("remote", pages);
	char *at;

	(void)t;
	if (fd < 0)
		return -fd;
	at = target_map(argument[0], pages, PROT_READ, MAP_PRIVATE, fd);
	return madvise(at, pages * KIND_PAGE, MADV_RANDOM) ? errno : 0;
}

/* process_vm_readv() as a thread has it: of argument[2] pages at argument[1], by pid argument[0] */
static void *read_as_thread(void *data)
{
	static char buffer[LEAF * 4096];
	volatile uint64_t *argument = data;
	size_t bytes = argument[2] * KIND_PAGE;
	struct iovec mine = { buffer, bytes };
	struct iovec theirs = { (void *)(uintptr_t)argument[1], bytes };

	memset(buffer, 1, bytes);
	if (process_vm_readv(argument[0], &mine, 1, &theirs, 1, 0) != (ssize_t)bytes)
		return (void *)(uintptr_t)(errno ?: EIO);
	return NULL;
}

static uint64_t do_read_in_thread(struct target *t, volatile uint64_t *argument)
{
	pthread_t thread;
	void *err;

	(void)t;
	errno = pthread_create(&thread, NULL, read_as_thread, (void *)argument);
	if (!errno)
		errno = pthread_join(thread, &err);
	return errno ?: (uintptr_t)err;
}

/* A new thread of the other target reads so many pages of this one. */
#define OTHER_READS(address, pages) do {						\
	const uint64_t read_[4] = { PID, address, pages };				\
											\
	ASSERT_EQ(0, growth_call(&self->other, do_read_in_thread, read_));		\
	ASSERT_EQ(0, self->other.word[GROWTH_RESULT]);					\
} while (0)

#define OTHER_SUMS(sums) ASSERT_TRUE(track_sum(self->other.pid, sums))

/* If nothing is known of one that faults here from elsewhere, no row has its faults. */
TEST_F(alloc_counts, no_record_of_another)
{
	struct track_sums before, after, other_before, other_after;
	uint64_t unattributed;

	GROWTH_DO(do_map, AT(0), LEAF);
	ASSERT_EQ(0, target_fork(&self->other, growth_body, NULL));
	OTHER_READS(AT(0), 1);
	SUMS(&before);
	OTHER_SUMS(&other_before);
	EXPECT_EQ(1, before.remote);
	EXPECT_EQ(1, other_before.elsewhere);
	unattributed = track_status("unattributed");
	NO_MEMORY_FOR("relink");
	OTHER_READS(AT(0) + KIND_PAGE, 20);
	MEMORY_AGAIN();
	SUMS(&after);
	OTHER_SUMS(&other_after);
	ROW(AT(0), 1);
	EXPECT_EQ(before.remote + 20, after.remote);
	EXPECT_EQ(before.unattributed + 20, after.unattributed);
	EXPECT_EQ(before.lost, after.lost);
	EXPECT_LE(unattributed + 20, track_status("unattributed"));
	/* the kernel counted them for who caused them */
	EXPECT_LE(other_before.lost + 20, other_after.lost);
	EXPECT_EQ(1, other_after.elsewhere);
	OTHER_READS(AT(0) + 21 * KIND_PAGE, 10);
	ROW(AT(0), 11);
	SUMS(&before);
	EXPECT_EQ(after.unattributed, before.unattributed);
	EXPECT_EQ(after.remote + 10, before.remote);
}

static uint64_t major(pid_t pid)
{
	char *stat = procfile_read_pid(pid, "stat", NULL);
	uint64_t count = stat ? procfile_stat(stat, 12) : 0;

	free(stat);
	return count;
}

/* Each is tried twice, as the disk takes its time. */
TEST_F(alloc_counts, no_record_of_another_that_waits)
{
	struct track_sums before, after;
	uint64_t other;

	ASSERT_EQ(0, machine_exact_faults());
	ASSERT_NE(NULL, disk_mount());
	/* one that knows of the disk */
	target_end(&self->target);
	ASSERT_EQ(0, target_fork(&self->target, growth_body, NULL));
	GROWTH_DO(do_map_file, AT(0), 20);
	ASSERT_EQ(0, target_fork(&self->other, growth_body, NULL));
	SUMS(&before);
	other = major(self->other.pid);
	NO_MEMORY_FOR("relink");
	OTHER_READS(AT(0), 20);
	MEMORY_AGAIN();
	SUMS(&after);
	EXPECT_LE(other + 20, major(self->other.pid));
	EXPECT_EQ(before.remote + 20, after.remote);
	EXPECT_EQ(before.unattributed + 20, after.unattributed);
	EXPECT_EQ(before.lost, after.lost);
}

/* Each allocation once. */
TEST_F(alloc_counts, each_once)
{
	const uint64_t pages = 8 * LEAF;
	struct track_sums before, after;
	int fd = failnth_open(PID);
	unsigned int nth = 0;
	bool failed = true;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, failnth_below_modules());
	SUMS(&before);
	while (failed) {
		ASSERT_GT(400, nth);
		GROWTH_DO(do_map, AT(0), pages);
		failnth_arm(fd, ++nth);
		GROWTH_DO(do_touch, AT(0), pages / LEAF, LEAF);
		GROWTH_DO(do_touch_often, AT(0), 130);
		GROWTH_DO(do_move, AT(0), pages, AT(1));
		failed = failnth_disarm(fd);
		GROWTH_DO(growth_do_unmap, AT(1), pages);
		SUMS(&after);
		EXPECT_EQ(before.lost, after.lost);
		if (!failed)
			EXPECT_EQ(before.unattributed, after.unattributed);
		before = after;
	}
	EXPECT_LT(2 * 8, nth);
	EXPECT_LT(0, before.unattributed);
	diag("%u allocations; %" PRIu64 " faults without a row", nth - 1, before.unattributed);
	close(fd);
}

/* Tracked by its word: whatever happened before, it can be. */
static bool goes_on(pid_t pid)
{
	struct track_sums sums;

	return !track_write(pid, "track") && track_since(pid) > 0 && track_sum(pid, &sums);
}

TEST_F(alloc_counts, fork)
{
	uint64_t untracked = track_status("untracked");

	ASSERT_EQ(0, failnth_below_function("vmi_track_add"));
	failnth_arm(self->own, 1);
	EXPECT_EQ(0, target_fork(&self->other, growth_body, NULL));
	EXPECT_TRUE(failnth_disarm(self->own));
	EXPECT_EQ(0, track_since(self->other.pid));
	EXPECT_EQ(untracked + 1, track_status("untracked"));
	EXPECT_TRUE(goes_on(self->other.pid));
}

/* Run a program; the child says when it is about to, and its end of the pipe when it has. */
static pid_t execute(bool once)
{
	pid_t test = getpid(), pid;
	int pipes[2], fd;
	char byte;

	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = failnth_open(0);
		if (fd < 0 || getppid() != test)
			_exit(1);
		if (once)
			failnth_arm(fd, 1);
		execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1))
		diag("expected the end of a pipe");
	close(pipes[0]);
	if (pid > 0 && process_stop(pid))
		diag("pid %d: does not stop", pid);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The first time failed, the second did not: it is tracked, and was not to be missed. */
TEST_F(alloc_counts, exec_at_second)
{
	uint64_t untracked = track_status("untracked");
	struct track_sums sums;
	pid_t pid;

	ASSERT_EQ(0, failnth_below_function("vmi_track_add"));
	pid = execute(true);
	ASSERT_LT(0, pid);
	EXPECT_LT(0, track_since(pid));
	EXPECT_TRUE(track_sum(pid, &sums));
	EXPECT_EQ(untracked, track_status("untracked"));
	end(pid);
}

/* Does not come back, but as another program. */
static uint64_t do_exec(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	(void)argument;
	execl("/bin/sleep", "sleep", "1000", NULL);
	return errno;
}

/* Let the target execute a program, up to where that waits. 0, or a negative errno. */
static int execute_in(struct target *target)
{
	const uint64_t none[4] = {};
	int err = growth_call(target, do_exec, none);

	return err == -ECHILD ? process_await_call(target->pid, SYS_clock_nanosleep) : -EIO;
}

#define ONLY_THOSE_ASKED_FOR() ASSERT_EQ(0, machine_set(TRACK_PARAMETER("track"), "none"))

/* Who was asked for, before execve(), still is, when the others are not tracked any more. */
static void exec_asked_for(struct __test_metadata *_metadata, struct target *target, bool others)
{
	uint64_t untracked = track_status("untracked");
	int fd = failnth_open(target->pid);
	struct track_sums sums;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, track_write(target->pid, "track"));
	if (!others)
		ONLY_THOSE_ASKED_FOR();
	ASSERT_EQ(0, failnth_below_function("vmi_track_add"));
	failnth_arm(fd, 1);
	ASSERT_EQ(0, execute_in(target));
	EXPECT_TRUE(failnth_disarm(fd));
	close(fd);
	ONLY_THOSE_ASKED_FOR();
	EXPECT_LT(0, track_since(target->pid));
	EXPECT_TRUE(track_sum(target->pid, &sums));
	EXPECT_EQ(untracked, track_status("untracked"));
}

TEST_F(alloc_counts, exec_at_second_asked_for)
{
	exec_asked_for(_metadata, &self->target, true);
}

TEST_F(alloc_counts, exec_at_second_only_those_asked_for)
{
	exec_asked_for(_metadata, &self->target, false);
}

/* A child that executes a program while it still has this one's memory. */
static uint64_t do_spawn(struct target *t, volatile uint64_t *argument)
{
	pid_t pid = vfork();

	(void)t;
	(void)argument;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		failnth_arm(failnth_open(0), 1);
		execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	return pid;
}

TEST_F(alloc_counts, exec_at_second_stems_from_one_asked_for)
{
	uint64_t untracked = track_status("untracked");
	struct track_sums sums;
	pid_t pid;

	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_EQ(0, failnth_below_function("vmi_track_add"));
	pid = GROWTH_CALL(do_spawn, 0);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, process_await_call(pid, SYS_clock_nanosleep));
	ONLY_THOSE_ASKED_FOR();
	EXPECT_LT(0, track_since(pid));
	EXPECT_TRUE(track_sum(pid, &sums));
	EXPECT_EQ(untracked, track_status("untracked"));
}

TEST_F(alloc_counts, exec_asked_for)
{
	uint64_t untracked = track_status("untracked");

	ASSERT_EQ(0, track_write(PID, "track"));
	ONLY_THOSE_ASKED_FOR();
	NO_MEMORY_FOR("vmi_track_add");
	ASSERT_EQ(0, execute_in(&self->target));
	MEMORY_AGAIN();
	EXPECT_EQ(0, track_since(PID));
	EXPECT_EQ(untracked + 1, track_status("untracked"));
	EXPECT_TRUE(goes_on(PID));
}

TEST_F(alloc_counts, exec)
{
	uint64_t untracked = track_status("untracked");
	pid_t pid;

	NO_MEMORY_FOR("vmi_track_add");
	pid = execute(false);
	MEMORY_AGAIN();
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, track_since(pid));
	/* the fork before it, and exec */
	EXPECT_EQ(untracked + 2, track_status("untracked"));
	EXPECT_TRUE(goes_on(pid));
	end(pid);
}

TEST_HARNESS_MAIN
