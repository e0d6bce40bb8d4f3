// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: nothing that stands for the directory or a name in it keeps the
 * module from being unloaded: an open directory, a descriptor that only names
 * it or a report in it, a working directory, an inotify watch. Afterwards these
 * lead nowhere, and are no danger, also when the module is loaded again.
 */
#include "kselftest_harness.h"
#include "unload.h"

#include <sys/inotify.h>

#define ROUNDS 10

enum { DIRECTORY, NAME_OF_DIRECTORY, NAME_OF_REPORT, NAME_OF_SELF, WATCH, HOLDS };

FIXTURE(unload_dir)
{
	int fd[HOLDS];
};

static void hold(int *fd)
{
	fd[DIRECTORY] = open("/proc/vminspect", O_RDONLY | O_DIRECTORY);
	fd[NAME_OF_DIRECTORY] = open("/proc/vminspect", O_PATH | O_DIRECTORY);
	fd[NAME_OF_REPORT] = open("/proc/vminspect/1", O_PATH);
	fd[NAME_OF_SELF] = open("/proc/vminspect/self", O_PATH | O_NOFOLLOW);
	fd[WATCH] = inotify_init1(IN_CLOEXEC);
	if (inotify_add_watch(fd[WATCH], "/proc/vminspect", IN_ALL_EVENTS) < 0 ||
	    inotify_add_watch(fd[WATCH], "/proc/vminspect/1", IN_ALL_EVENTS) < 0)
		fd[WATCH] = -1;
}

static void let_go(int *fd)
{
	for (int i = 0; i < HOLDS; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

FIXTURE_SETUP(unload_dir)
{
	ASSERT_EQ(0, unload_ensure());
	hold(self->fd);
	for (int i = 0; i < HOLDS; i++) {
		ASSERT_GE(self->fd[i], 0) {
			TH_LOG("hold %d", i);
		}
	}
}

FIXTURE_TEARDOWN(unload_dir)
{
	let_go(self->fd);
	EXPECT_EQ(0, chdir("/"));
	EXPECT_EQ(0, unload_ensure());
}

/* Which names a directory that should be empty lists, besides the dots. */
static int names(int dir)
{
	char buf[4096] __attribute__((aligned(8)));
	struct dirent64 *entry;
	int count = 0;
	long got;

	lseek(dir, 0, SEEK_SET);
	while ((got = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < got; at += entry->d_reclen) {
			entry = (struct dirent64 *)(buf + at);
			count += entry->d_name[0] != '.';
		}
	}
	return count;
}

/* Opening a name in a directory: the errno, 0 if it opened. */
static int open_error(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Opening what a descriptor names: the errno, 0 if it opened. */
static int reopen_error(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_error(AT_FDCWD, path);
}

#define EXPECT_LEADS_NOWHERE(fds) do {							\
	EXPECT_EQ(0, names((fds)[DIRECTORY]));						\
	for (int d_ = DIRECTORY; d_ <= NAME_OF_DIRECTORY; d_++) {			\
		EXPECT_EQ(ENOENT, open_error((fds)[d_], "1"));				\
		EXPECT_EQ(ENOENT, open_error((fds)[d_], "self"));			\
		EXPECT_EQ(ENOENT, open_error((fds)[d_], "status"));			\
		EXPECT_EQ(ENOENT, open_error((fds)[d_], "-"));				\
	}										\
	EXPECT_NE(0, reopen_error((fds)[NAME_OF_REPORT]));				\
} while (0)

TEST_F(unload_dir, descriptors)
{
	ASSERT_EQ(0, unload_remove());
	EXPECT_TRUE(unload_gone("/proc", getpid()));
	EXPECT_LEADS_NOWHERE(self->fd);
	ASSERT_EQ(0, unload_insert());
	EXPECT_LEADS_NOWHERE(self->fd);
	EXPECT_TRUE(unload_works("/proc", getpid()));
	ASSERT_EQ(0, unload_remove());
	EXPECT_LEADS_NOWHERE(self->fd);
	let_go(self->fd);
	ASSERT_EQ(0, unload_insert());
	EXPECT_TRUE(unload_works("/proc", getpid()));
}

TEST_F(unload_dir, working_directory)
{
	char text[256];

	ASSERT_EQ(0, chdir("/proc/vminspect"));
	ASSERT_EQ(0, open_error(AT_FDCWD, "self"));
	ASSERT_EQ(0, unload_remove());
	EXPECT_EQ(ENOENT, open_error(AT_FDCWD, "1"));
	EXPECT_EQ(ENOENT, open_error(AT_FDCWD, "self"));
	EXPECT_EQ(NULL, getcwd(text, sizeof(text)));
	ASSERT_EQ(0, unload_insert());
	EXPECT_EQ(ENOENT, open_error(AT_FDCWD, "1"));
	EXPECT_EQ(ENOENT, open_error(AT_FDCWD, "self"));
	ASSERT_EQ(0, chdir("/proc/vminspect"));
	EXPECT_EQ(0, open_error(AT_FDCWD, "self"));
	EXPECT_TRUE(unload_works("/proc", getpid()));
}

/* Held from each of several lives of the module at once, then let go in order. */
TEST_F_TIMEOUT(unload_dir, many_lives, 60)
{
	int fd[ROUNDS][HOLDS];

	for (int i = 0; i < ROUNDS; i++) {
		hold(fd[i]);
		for (int j = 0; j < HOLDS; j++) {
			ASSERT_GE(fd[i][j], 0) {
				TH_LOG("hold %d in life %d", j, i);
			}
		}
		ASSERT_EQ(0, unload_remove());
		ASSERT_EQ(0, unload_insert());
	}
	for (int i = 0; i < ROUNDS; i++) {
		EXPECT_LEADS_NOWHERE(fd[i]);
		let_go(fd[i]);
	}
	EXPECT_TRUE(unload_works("/proc", getpid()));
}

TEST_HARNESS_MAIN
