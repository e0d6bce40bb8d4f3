// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a report's name stands for the process that has the pid now: a pid
 * that was looked up in vain opens once it is taken, is gone when its process
 * is gone, and shows the next process that gets it. A file opened for one
 * process never shows the next one; a descriptor that only names the pid opens
 * the next one's report only for who may read that.
 */
#include "kselftest_harness.h"
#include "access.h"

#include <linux/sched.h>

FIXTURE(access_recycle)
{
	pid_t pid;
	char path[64];
};

/* Start a process with a given pid, or any if that is 0. It lives until killed. */
static pid_t start_as(pid_t pid, const struct access_id *id, int mark)
{
	pid_t wanted = pid, test = getpid();
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&wanted : 0,
		.set_tid_size = pid ? 1 : 0,
	};
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		access_mark(mark);
		if (access_become(id) || prctl(PR_SET_DUMPABLE, 1) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		while (getppid() == test)
			pause();
		_exit(0);
	}
	if (pid < 0)
		pid = -errno;
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1)
		pid = -ECHILD;
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

FIXTURE_SETUP(access_recycle)
{
	self->pid = start_as(0, &access_owner, 1);
	ASSERT_GT(self->pid, 0);
	snprintf(self->path, sizeof(self->path), "/proc/vminspect/%d", self->pid);
}

FIXTURE_TEARDOWN(access_recycle)
{
	end(self->pid);
}

TEST_F(access_recycle, name_follows_the_pid)
{
	struct stat st;

	EXPECT_ACCESS(&access_root, "/proc", self->pid, 0, 1);
	end(self->pid);
	for (int mark = 2; mark < 6; mark++) {
		EXPECT_EQ(-1, stat(self->path, &st));
		EXPECT_EQ(ENOENT, errno);
		EXPECT_ACCESS(&access_root, "/proc", self->pid, ENOENT, 0);
		ASSERT_EQ(self->pid, start_as(self->pid, &access_owner, mark));
		EXPECT_EQ(0, stat(self->path, &st));
		EXPECT_ACCESS(&access_root, "/proc", self->pid, 0, mark);
		end(self->pid);
	}
}

/* Also while somebody keeps the report open. */
TEST_F(access_recycle, name_of_an_open_report_follows_the_pid)
{
	int fd = open(self->path, O_RDONLY);
	struct stat st;

	ASSERT_GE(fd, 0);
	end(self->pid);
	EXPECT_EQ(-1, stat(self->path, &st));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_ACCESS(&access_root, "/proc", self->pid, ENOENT, 0);
	ASSERT_EQ(self->pid, start_as(self->pid, &access_owner, 2));
	EXPECT_EQ(0, stat(self->path, &st));
	EXPECT_ACCESS(&access_root, "/proc", self->pid, 0, 2);
	close(fd);
	EXPECT_ACCESS(&access_root, "/proc", self->pid, 0, 2);
}

/*
 * Whoever holds the name itself keeps it findable (Documentation/vminspect.rst,
 * known limits), but what is opened by it is always the pid's process.
 */
TEST_F(access_recycle, pinned_name_opens_the_pid)
{
	int pin = open(self->path, O_PATH);

	ASSERT_GE(pin, 0);
	end(self->pid);
	EXPECT_ACCESS(&access_root, "/proc", self->pid, ENOENT, 0);
	ASSERT_EQ(self->pid, start_as(self->pid, &access_owner, 2));
	EXPECT_ACCESS(&access_root, "/proc", self->pid, 0, 2);
	close(pin);
	EXPECT_ACCESS(&access_root, "/proc", self->pid, 0, 2);
}

TEST_F(access_recycle, open_file_stays_with_its_process)
{
	int fd = open(self->path, O_RDONLY);
	struct access_answer answer;

	ASSERT_GE(fd, 0);
	end(self->pid);
	answer = access_read(fd);
	EXPECT_EQ(0, answer.read);
	EXPECT_FALSE(answer.data);
	ASSERT_EQ(self->pid, start_as(self->pid, &access_owner, 2));
	answer = access_read(fd);
	EXPECT_EQ(0, answer.read);
	EXPECT_FALSE(answer.data) {
		TH_LOG("opened for pid %d's first process, shows mark %d", self->pid, answer.mark);
	}
	close(fd);
}

/* The owner keeps a name of a process of his; the pid then goes to root's. */
struct reopen {
	int fd;
	struct access_answer after;
};

static void reopen_as_owner(void *arg)
{
	struct reopen *reopen = arg;
	char path[32];

	prctl(PR_SET_DUMPABLE, 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", reopen->fd);
	reopen->after = access_open(AT_FDCWD, path);
}

TEST_F(access_recycle, old_name_gives_no_new_right)
{
	struct reopen *reopen = access_shared(sizeof(*reopen));

	ASSERT_NE(NULL, reopen);
	reopen->fd = open(self->path, O_PATH);
	ASSERT_GE(reopen->fd, 0);
	EXPECT_ACCESS(&access_owner, "/proc", self->pid, 0, 1);
	end(self->pid);
	ASSERT_EQ(self->pid, start_as(self->pid, &access_root, 2));
	ASSERT_EQ(0, access_call_as(&access_owner, reopen_as_owner, reopen));
	EXPECT_NE(0, reopen->after.open) {
		TH_LOG("pid %d: the owner of the process before reads root's, mark %d",
		       self->pid, reopen->after.mark);
	}
	EXPECT_FALSE(reopen->after.data);
	close(reopen->fd);
}

TEST_HARNESS_MAIN
