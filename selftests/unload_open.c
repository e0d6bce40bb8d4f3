// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: open files don't keep the module from being unloaded, at whatever
 * point they are; afterwards they read as procfs has it for files of a module
 * that is gone (EIO), also when it is loaded again; the module lets go of the
 * processes they were opened for. A read in progress is waited for, shortly.
 */
#include "kselftest_harness.h"
#include "lifetime.h"
#include "unload.h"

FIXTURE(unload_open)
{
	struct target target;
};

static unsigned int pairs = LIFE_PAIRS;

FIXTURE_SETUP(unload_open)
{
	ASSERT_EQ(0, unload_ensure());
	ASSERT_EQ(0, target_fork(&self->target, life_many_body, &pairs));
}

FIXTURE_TEARDOWN(unload_open)
{
	target_end(&self->target);
	EXPECT_EQ(0, unload_ensure());
}

/* The errno of reading an open file; 0 if that succeeds. */
static int read_error(int fd)
{
	char byte;

	return read(fd, &byte, 1) < 0 ? errno : 0;
}

enum { UNREAD, BEGUN, FINISHED, STATUS, FILES };

TEST_F(unload_open, files_read_as_gone)
{
	struct stat st;
	size_t len = 0;
	char *text = NULL;
	int fd[FILES];

	for (int i = 0; i < STATUS; i++) {
		fd[i] = report_open(self->target.pid, O_RDONLY);
		ASSERT_GE(fd[i], 0);
	}
	fd[STATUS] = open("/proc/vminspect/status", O_RDONLY);
	ASSERT_GE(fd[STATUS], 0);
	ASSERT_NE(NULL, life_read_some(fd[BEGUN], 5000, 999));
	ASSERT_EQ(0, life_read_on(fd[FINISHED], &text, &len, 65536));

	ASSERT_EQ(0, unload_remove());
	for (int i = 0; i < FILES; i++) {
		EXPECT_EQ(EIO, read_error(fd[i])) TH_LOG("file %d", i);
		EXPECT_EQ(0, fstat(fd[i], &st)) TH_LOG("file %d", i);
	}
	ASSERT_EQ(0, unload_insert());
	for (int i = 0; i < FILES; i++) {
		EXPECT_EQ(EIO, read_error(fd[i])) {
			TH_LOG("file %d, loaded again", i);
		}
	}
	EXPECT_TRUE(unload_works("/proc", self->target.pid));
	ASSERT_EQ(0, unload_remove());
	for (int i = 0; i < FILES; i++) {
		EXPECT_EQ(0, close(fd[i])) {
			TH_LOG("file %d", i);
		}
	}
	ASSERT_EQ(0, unload_insert());
	EXPECT_TRUE(unload_works("/proc", self->target.pid));
}

/* Read until that is an error, and end with it; returns once it has been open. */
static pid_t start_reader(pid_t pid)
{
	pid_t reader;
	int ready[2];
	char byte;
	bool opened;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	reader = fork();
	if (!reader) {
		char buf[65536];
		int fd = report_open(pid, O_RDONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd < 0 || write(ready[1], "", 1) != 1)
			_exit(0);
		while (read(fd, buf, sizeof(buf)) > 0)
			lseek(fd, 0, SEEK_SET);
		_exit(errno);
	}
	close(ready[1]);
	opened = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	return opened ? reader : -1;
}

TEST_F_TIMEOUT(unload_open, read_in_progress_is_waited_for, 60)
{
	pid_t reader;
	int status;

	for (int i = 0; i < 10; i++) {
		double start;

		reader = start_reader(self->target.pid);
		ASSERT_GT(reader, 0);
		usleep(i * 3000);
		start = life_seconds();
		EXPECT_EQ(0, unload_remove());
		EXPECT_LT(life_seconds() - start, 60.0);
		ASSERT_EQ(reader, waitpid(reader, &status, 0));
		EXPECT_EQ(EIO << 8, status) {
			TH_LOG("the reader's last read: expected EIO, wait status %x", status);
		}
		ASSERT_EQ(0, unload_insert());
	}
}

#define PROCESSES 300

TEST_F_TIMEOUT(unload_open, processes_are_let_go, 60)
{
	static int fd[PROCESSES];
	long before = life_objects("mm_struct"), more;
	pid_t pid;

	ASSERT_GT(before, 0);
	for (int i = 0; i < PROCESSES; i++) {
		pid = fork();
		if (!pid)
			for (;;)
				pause();
		ASSERT_GT(pid, 0);
		fd[i] = report_open(pid, O_RDONLY);
		ASSERT_GE(fd[i], 0);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	more = life_objects("mm_struct") - before;
	ASSERT_GT(more, PROCESSES * 3 / 4) {
		TH_LOG("expected the open files to hold %d address spaces, seen %+ld", PROCESSES,
		       more);
	}
	ASSERT_EQ(0, unload_remove());
	for (int i = 0; i < 600; i++) {
		more = life_objects("mm_struct") - before;
		if (more < PROCESSES / 4)
			break;
		usleep(100000);
	}
	EXPECT_LT(more, PROCESSES / 4) {
		TH_LOG("unloaded, and %ld of %d address spaces are still held", more, PROCESSES);
	}
	for (int i = 0; i < PROCESSES; i++)
		close(fd[i]);
}

TEST_HARNESS_MAIN
