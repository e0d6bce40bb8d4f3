// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: where something is mounted over /proc/<pid> or over its auxv, the
 * report is refused with EXDEV, whoever asks; never does it show another
 * process or let in who may not see the right one. Other instances and other
 * processes answer as before, and so does this one when it is unmounted.
 */
#include "kselftest_harness.h"
#include "access.h"

/* VICTIM is root's: the owner may not read it, but may read OWN. */
enum { VICTIM, OWN, TARGETS };

FIXTURE(access_mounts)
{
	char dir[32];
	char files[32];
	struct target target[TARGETS];
};

FIXTURE_SETUP(access_mounts)
{
	strcpy(self->dir, "/tmp/over-XXXXXX");
	strcpy(self->files, "/tmp/files-XXXXXX");
	ASSERT_EQ(0, access_private_mounts());
	ASSERT_EQ(0, access_mount_proc(self->dir, NULL));
	ASSERT_NE(NULL, mkdtemp(self->files));
	ASSERT_EQ(0, mount("tmpfs", self->files, "tmpfs", 0, NULL));
	ASSERT_EQ(0, access_start(&self->target[VICTIM], &access_root, 1, false));
	ASSERT_EQ(0, access_start(&self->target[OWN], &access_owner, 2, false));
}

FIXTURE_TEARDOWN(access_mounts)
{
	for (int i = 0; i < TARGETS; i++)
		target_end(&self->target[i]);
	access_umount(self->dir);
	access_umount(self->files);
}

static int ours_open(const struct access_id *id, const char *proc, pid_t pid)
{
	struct access_pair pair = {};
	int err = access_ask_as(id, proc, pid, &pair);

	return err ?: pair.ours.open;
}

/* Refused while something is mounted there, and as before when it no longer is. */
#define EXPECT_REFUSED_UNTIL_UMOUNT(over) do {						\
	pid_t pid_ = self->target[VICTIM].pid;						\
											\
	EXPECT_EQ(EXDEV, ours_open(&access_root, self->dir, pid_));			\
	EXPECT_EQ(EXDEV, ours_open(&access_owner, self->dir, pid_));			\
	EXPECT_ACCESS(&access_root, self->dir, self->target[OWN].pid, 0, 2);		\
	EXPECT_ACCESS(&access_root, "/proc", pid_, 0, 1);				\
	EXPECT_ACCESS(&access_owner, "/proc", pid_, EACCES, 0);			\
	ASSERT_EQ(0, umount2(over, UMOUNT_NOFOLLOW));					\
	EXPECT_ACCESS(&access_root, self->dir, pid_, 0, 1);				\
	EXPECT_ACCESS(&access_owner, self->dir, pid_, EACCES, 0);			\
} while (0)

#define VICTIM_PATH(path, format)							\
	snprintf(path, sizeof(path), "%s/%d" format, self->dir, self->target[VICTIM].pid)

#define OWN_PATH(path, format)								\
	snprintf(path, sizeof(path), "%s/%d" format, self->dir, self->target[OWN].pid)

TEST_F(access_mounts, tmpfs_over_the_directory)
{
	char over[64];

	VICTIM_PATH(over, "");
	ASSERT_EQ(0, mount("tmpfs", over, "tmpfs", 0, NULL));
	EXPECT_REFUSED_UNTIL_UMOUNT(over);
}

TEST_F(access_mounts, other_process_over_the_directory)
{
	char over[64], source[64];

	VICTIM_PATH(over, "");
	OWN_PATH(source, "");
	ASSERT_EQ(0, mount(source, over, NULL, MS_BIND, NULL));
	EXPECT_REFUSED_UNTIL_UMOUNT(over);
}

TEST_F(access_mounts, other_process_over_auxv)
{
	char over[64], source[64];

	VICTIM_PATH(over, "/auxv");
	OWN_PATH(source, "/auxv");
	ASSERT_EQ(0, mount(source, over, NULL, MS_BIND, NULL));
	EXPECT_REFUSED_UNTIL_UMOUNT(over);
}

TEST_F(access_mounts, file_over_auxv)
{
	char over[64], source[64];
	int fd;

	VICTIM_PATH(over, "/auxv");
	snprintf(source, sizeof(source), "%s/file", self->files);
	fd = open(source, O_CREAT | O_WRONLY, 0666);
	ASSERT_GE(fd, 0);
	close(fd);
	ASSERT_EQ(0, mount(source, over, NULL, MS_BIND, NULL));
	EXPECT_REFUSED_UNTIL_UMOUNT(over);
}

/* A symbolic link can be mounted too, by way of a descriptor of it. */
TEST_F(access_mounts, symlink_over_auxv)
{
	char over[64], to[64], source[64], by_fd[32];
	int fd;

	VICTIM_PATH(over, "/auxv");
	OWN_PATH(to, "/auxv");
	snprintf(source, sizeof(source), "%s/link", self->files);
	ASSERT_EQ(0, symlink(to, source));
	fd = open(source, O_PATH | O_NOFOLLOW);
	ASSERT_GE(fd, 0);
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
	ASSERT_EQ(0, mount(by_fd, over, NULL, MS_BIND, NULL));
	close(fd);
	EXPECT_REFUSED_UNTIL_UMOUNT(over);
}

/* A link to a report is as good as its name, and no better. */
TEST_F(access_mounts, symlink_to_a_report)
{
	char to[64], link[64];

	for (int i = 0; i < TARGETS; i++) {
		snprintf(to, sizeof(to), "%s/vminspect/%d", self->dir, self->target[i].pid);
		snprintf(link, sizeof(link), "%s/report%d", self->files, i);
		ASSERT_EQ(0, symlink(to, link));
		EXPECT_EQ(i + 1, access_open(AT_FDCWD, link).mark);
	}
}

TEST_F(access_mounts, mount_over_a_report)
{
	char over[64];

	snprintf(over, sizeof(over), "%s/vminspect/%d", self->dir, self->target[VICTIM].pid);
	ASSERT_EQ(0, mount("/dev/null", over, NULL, MS_BIND, NULL));
	EXPECT_EQ(0, access_open(AT_FDCWD, over).open);
	EXPECT_FALSE(access_open(AT_FDCWD, over).data);
	EXPECT_ACCESS(&access_root, self->dir, self->target[OWN].pid, 0, 2);
	EXPECT_ACCESS(&access_root, "/proc", self->target[VICTIM].pid, 0, 1);
	ASSERT_EQ(0, umount(over));
	EXPECT_ACCESS(&access_root, self->dir, self->target[VICTIM].pid, 0, 1);
	EXPECT_ACCESS(&access_owner, self->dir, self->target[VICTIM].pid, EACCES, 0);
}

/* Nor does it come off because the report is read where nothing is mounted over it. */
TEST_F(access_mounts, mount_over_a_report_that_is_read_elsewhere)
{
	char elsewhere[] = "/tmp/elsewhere-XXXXXX", over[64], other[64];

	ASSERT_NE(NULL, mkdtemp(elsewhere));
	ASSERT_EQ(0, mount(self->dir, elsewhere, NULL, MS_BIND, NULL));
	snprintf(over, sizeof(over), "%s/vminspect/%d", self->dir, self->target[VICTIM].pid);
	snprintf(other, sizeof(other), "%s/vminspect/%d", elsewhere, self->target[VICTIM].pid);
	ASSERT_EQ(0, mount("/dev/null", over, NULL, MS_BIND, NULL));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(1, access_open(AT_FDCWD, other).mark);
		EXPECT_EQ(0, access_open(AT_FDCWD, over).open);
		EXPECT_FALSE(access_open(AT_FDCWD, over).data);
	}
	EXPECT_EQ(0, umount(over));
	EXPECT_EQ(1, access_open(AT_FDCWD, over).mark);
	access_umount(elsewhere);
}

TEST_HARNESS_MAIN
