// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: mounts on the directory or a report, and bind mounts of them
 * elsewhere, in any mount namespace, don't keep the module from being unloaded;
 * loaded again, its directory is reachable and nothing old covers it.
 */
#include "kselftest_harness.h"
#include "unload.h"

FIXTURE(unload_mount)
{
	char dir[32];
	char file[64];
	pid_t elsewhere;	/* has the mounts in a namespace of its own, too */
};

FIXTURE_SETUP(unload_mount)
{
	int fd;

	ASSERT_EQ(0, unload_ensure());
	ASSERT_EQ(0, unload_private_mounts());
	strcpy(self->dir, "/tmp/unload-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->file, sizeof(self->file), "%s.file", self->dir);
	fd = open(self->file, O_CREAT | O_WRONLY, 0444);
	ASSERT_GE(fd, 0);
	close(fd);
}

static void end_elsewhere(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

FIXTURE_TEARDOWN(unload_mount)
{
	end_elsewhere(&self->elsewhere);
	umount2(self->dir, MNT_DETACH);
	umount2(self->file, MNT_DETACH);
	rmdir(self->dir);
	unlink(self->file);
	EXPECT_EQ(0, unload_ensure());
}

/* A process with a copy of the mounts as they are now. */
static pid_t copy_namespace(void)
{
	pid_t test = getpid(), pid = fork();
	int err;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	err = unload_private_mounts();
	if (!err)
		prctl(PR_SET_NAME, "has-mounts");
	while (!err && getppid() == test)
		pause();
	_exit(err ? 1 : 0);
}

static bool has_copied(pid_t pid)
{
	bool copied = false;

	for (int i = 0; i < 30000 && !copied; i++) {
		char *comm = procfile_read_pid(pid, "comm", NULL);

		copied = comm && !strcmp(comm, "has-mounts\n");
		free(comm);
		usleep(copied ? 0 : 2000);
	}
	return copied;
}

/* Out, in, out, in; each time it is gone, or works, in spite of the mounts. */
#define EXPECT_UNLOADS() do {								\
	self->elsewhere = copy_namespace();						\
	ASSERT_GT(self->elsewhere, 0);							\
	ASSERT_TRUE(has_copied(self->elsewhere));					\
	for (int i_ = 0; i_ < 2; i_++) {						\
		ASSERT_EQ(0, unload_remove());						\
		EXPECT_TRUE(unload_gone("/proc", getpid()));				\
		ASSERT_EQ(0, unload_insert());						\
		EXPECT_TRUE(unload_works("/proc", getpid()));				\
	}										\
} while (0)

TEST_F(unload_mount, over_the_directory)
{
	ASSERT_EQ(0, mount("tmpfs", "/proc/vminspect", "tmpfs", 0, NULL));
	EXPECT_UNLOADS();
}

TEST_F(unload_mount, over_a_report)
{
	ASSERT_EQ(0, mount(self->file, "/proc/vminspect/1", NULL, MS_BIND, NULL));
	EXPECT_UNLOADS();
}

TEST_F(unload_mount, directory_elsewhere)
{
	char path[64];

	ASSERT_EQ(0, mount("/proc/vminspect", self->dir, NULL, MS_BIND, NULL));
	snprintf(path, sizeof(path), "%s/self", self->dir);
	ASSERT_EQ(0, access(path, R_OK));
	EXPECT_UNLOADS();
	EXPECT_EQ(-1, access(path, R_OK));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(0, umount(self->dir));
}

TEST_F(unload_mount, report_elsewhere)
{
	char byte;
	int fd;

	ASSERT_EQ(0, mount("/proc/vminspect/1", self->file, NULL, MS_BIND, NULL));
	fd = open(self->file, O_RDONLY);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, read(fd, &byte, 1));
	EXPECT_UNLOADS();
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EIO, errno);
	close(fd);
	fd = open(self->file, O_RDONLY);
	EXPECT_TRUE(fd < 0 || read(fd, &byte, 1) < 0) {
		TH_LOG("a bind mount of a report of the module's life before still reads");
	}
	close(fd);
	end_elsewhere(&self->elsewhere);	/* it has inherited the file */
	EXPECT_EQ(0, umount(self->file));
}

TEST_F(unload_mount, root_directory_of_a_process)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (chroot("/proc/vminspect") || chdir("/") || access("/self", F_OK))
			_exit(1);
		if (unload_remove())
			_exit(2);
		_exit(access("/1", F_OK) && access("/self", F_OK) ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, unload_ensure());
	EXPECT_TRUE(unload_works("/proc", getpid()));
}

TEST_HARNESS_MAIN
