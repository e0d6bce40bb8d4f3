// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: loading and unloading takes effect at once in every procfs instance
 * there is: in one that was mounted before or while the module was absent, in
 * one where the name was looked up in vain, with hidepid, and in that of
 * another pid namespace.
 */
#include "kselftest_harness.h"
#include "unload.h"

FIXTURE(unload_instances)
{
	char proc[32];		/* a second instance, like /proc */
	char hiding[32];	/* with hidepid=2 */
	char inner[64];		/* that of another pid namespace */
	pid_t outer_child;
};

/* Mounts a procfs instance in a new pid namespace; lives until killed. */
static void namespace_body(int report_to)
{
	char dir[] = "/tmp/inner-XXXXXX";
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unload_private_mounts() || unshare(CLONE_NEWPID))
		_exit(1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unload_mount_proc(dir) || write(report_to, dir, sizeof(dir)) != sizeof(dir))
			_exit(1);
		for (;;)
			pause();
	}
	if (write(report_to, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	waitpid(pid, NULL, 0);
	_exit(0);
}

/* The two writes come in any order: a pid is shorter than a path. */
static int start_namespace(char *inner, size_t size, pid_t *child)
{
	int ends[2], pid = 0;
	char dir[32] = "", got[32];
	ssize_t len;

	if (pipe2(ends, O_CLOEXEC | O_DIRECT))
		return -errno;
	*child = fork();
	if (!*child)
		namespace_body(ends[1]);
	close(ends[1]);
	for (int i = 0; i < 2; i++) {
		len = read(ends[0], got, sizeof(got));
		if (len == sizeof(pid))
			memcpy(&pid, got, sizeof(pid));
		else if (len > 0)
			memcpy(dir, got, len);
	}
	close(ends[0]);
	snprintf(inner, size, "/proc/%d/root%s", pid, dir);
	return *child > 0 && pid > 0 && dir[0] ? 0 : -ECHILD;
}

FIXTURE_SETUP(unload_instances)
{
	ASSERT_EQ(0, unload_ensure());
	ASSERT_EQ(0, unload_private_mounts());
	strcpy(self->proc, "/tmp/second-XXXXXX");
	ASSERT_EQ(0, unload_mount_proc(self->proc));
	strcpy(self->hiding, "/tmp/hiding-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->hiding));
	ASSERT_EQ(0, mount("proc", self->hiding, "proc", 0, "hidepid=2"));
	ASSERT_EQ(0, start_namespace(self->inner, sizeof(self->inner), &self->outer_child));
}

FIXTURE_TEARDOWN(unload_instances)
{
	kill(self->outer_child, SIGKILL);
	waitpid(self->outer_child, NULL, 0);
	umount2(self->proc, MNT_DETACH);
	umount2(self->hiding, MNT_DETACH);
	rmdir(self->proc);
	rmdir(self->hiding);
	EXPECT_EQ(0, unload_ensure());
}

#define EXPECT_EVERYWHERE(check) do {							\
	EXPECT_TRUE(check("/proc", getpid()));						\
	EXPECT_TRUE(check(self->proc, getpid()));					\
	EXPECT_TRUE(check(self->hiding, getpid()));					\
	EXPECT_TRUE(check(self->inner, 1));						\
} while (0)

TEST_F_TIMEOUT(unload_instances, all_at_once, 60)
{
	for (int i = 0; i < 5; i++) {
		EXPECT_EVERYWHERE(unload_works);
		ASSERT_EQ(0, unload_remove());
		EXPECT_EVERYWHERE(unload_gone);
		ASSERT_EQ(0, unload_insert());
	}
	EXPECT_EVERYWHERE(unload_works);
}

/* Not looked at before: no name is cached in it. */
TEST_F(unload_instances, not_looked_at_before)
{
	ASSERT_EQ(0, unload_remove());
	EXPECT_EVERYWHERE(unload_gone);
	ASSERT_EQ(0, unload_insert());
	EXPECT_EVERYWHERE(unload_works);
}

TEST_F(unload_instances, mounted_while_absent)
{
	char later[] = "/tmp/later-XXXXXX";

	ASSERT_EQ(0, unload_remove());
	ASSERT_EQ(0, unload_mount_proc(later));
	EXPECT_TRUE(unload_gone(later, getpid()));
	ASSERT_EQ(0, unload_insert());
	EXPECT_TRUE(unload_works(later, getpid()));
	ASSERT_EQ(0, unload_remove());
	EXPECT_TRUE(unload_gone(later, getpid()));
	umount2(later, MNT_DETACH);
	rmdir(later);
}

TEST_F(unload_instances, unmounted_while_loaded)
{
	int dir, file;
	char path[64];

	snprintf(path, sizeof(path), "%s/vminspect", self->proc);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_GE(dir, 0);
	snprintf(path, sizeof(path), "%s/vminspect/%d", self->proc, getpid());
	file = open(path, O_RDONLY);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, umount2(self->proc, MNT_DETACH));
	ASSERT_EQ(0, unload_remove());
	EXPECT_EQ(-1, read(file, path, 1));
	EXPECT_EQ(EIO, errno);
	close(file);
	close(dir);
	ASSERT_EQ(0, unload_insert());
	EXPECT_TRUE(unload_works("/proc", getpid()));
}

TEST_HARNESS_MAIN
