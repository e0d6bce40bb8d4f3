// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: reports are there in every procfs instance, also through a bind
 * mount of the directory or of one report, with the answer of that instance's
 * maps; not in an instance mounted with subset=pid.
 */
#include "kselftest_harness.h"
#include "access.h"

FIXTURE(access_instances)
{
	char dir[32];
	struct target target;
};

FIXTURE_SETUP(access_instances)
{
	strcpy(self->dir, "/tmp/instance-XXXXXX");
	ASSERT_EQ(0, access_private_mounts());
	ASSERT_EQ(0, access_start(&self->target, &access_owner, 1, false));
}

FIXTURE_TEARDOWN(access_instances)
{
	target_end(&self->target);
	access_umount(self->dir);
}

TEST_F(access_instances, second_instance)
{
	ASSERT_EQ(0, access_mount_proc(self->dir, NULL));
	EXPECT_ACCESS(&access_root, self->dir, self->target.pid, 0, 1);
	EXPECT_ACCESS(&access_owner, self->dir, self->target.pid, 0, 1);
	EXPECT_ACCESS(&access_other, self->dir, self->target.pid, EACCES, 0);
}

TEST_F(access_instances, none_with_subset_pid)
{
	char path[64];
	struct stat st;

	ASSERT_EQ(0, access_mount_proc(self->dir, "subset=pid"));
	snprintf(path, sizeof(path), "%s/%d/maps", self->dir, self->target.pid);
	EXPECT_EQ(0, stat(path, &st));
	snprintf(path, sizeof(path), "%s/vminspect", self->dir);
	EXPECT_EQ(-1, stat(path, &st));
	EXPECT_EQ(ENOENT, errno);
	snprintf(path, sizeof(path), "%s/vminspect/%d", self->dir, self->target.pid);
	EXPECT_EQ(ENOENT, access_open(AT_FDCWD, path).open);
}

/* Make dir/name and bind source there; dir is a tmpfs. */
static int bind_into(const char *dir, const char *name, const char *source, bool file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file) {
		fd = open(path, O_CREAT | O_WRONLY, 0444);
		if (fd < 0)
			return -errno;
		close(fd);
	} else if (mkdir(path, 0755)) {
		return -errno;
	}
	return mount(source, path, NULL, MS_BIND, NULL) ? -errno : 0;
}

TEST_F(access_instances, bind_of_the_directory)
{
	char pid[16], source[32];

	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, mount("tmpfs", self->dir, "tmpfs", 0, "mode=755"));
	snprintf(pid, sizeof(pid), "%d", self->target.pid);
	snprintf(source, sizeof(source), "/proc/%s", pid);
	ASSERT_EQ(0, bind_into(self->dir, pid, source, false));
	ASSERT_EQ(0, bind_into(self->dir, "vminspect", "/proc/vminspect", false));

	EXPECT_ACCESS(&access_root, self->dir, self->target.pid, 0, 1);
	EXPECT_ACCESS(&access_owner, self->dir, self->target.pid, 0, 1);
	EXPECT_ACCESS(&access_other, self->dir, self->target.pid, EACCES, 0);
}

TEST_F(access_instances, bind_of_one_report)
{
	char path[64], pid[16], source[64];

	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, mount("tmpfs", self->dir, "tmpfs", 0, "mode=755"));
	snprintf(pid, sizeof(pid), "%d", self->target.pid);
	snprintf(path, sizeof(path), "%s/vminspect", self->dir);
	ASSERT_EQ(0, mkdir(path, 0755));
	snprintf(source, sizeof(source), "/proc/vminspect/%s", pid);
	ASSERT_EQ(0, bind_into(path, pid, source, true));
	snprintf(path, sizeof(path), "%s/%s", self->dir, pid);
	ASSERT_EQ(0, mkdir(path, 0755));
	snprintf(source, sizeof(source), "/proc/%s/maps", pid);
	ASSERT_EQ(0, bind_into(path, "maps", source, true));

	EXPECT_ACCESS(&access_root, self->dir, self->target.pid, 0, 1);
	EXPECT_ACCESS(&access_owner, self->dir, self->target.pid, 0, 1);
	EXPECT_ACCESS(&access_other, self->dir, self->target.pid, EACCES, 0);

	target_end(&self->target);
	snprintf(path, sizeof(path), "%s/vminspect/%s", self->dir, pid);
	EXPECT_NE(0, access_open(AT_FDCWD, path).open) {
		TH_LOG("the bound report of dead process %s still opens", pid);
	}
}

TEST_F(access_instances, open_file_outlives_the_mount)
{
	struct access_pair pair;
	char path[64];
	int maps, ours;

	ASSERT_EQ(0, access_mount_proc(self->dir, NULL));
	snprintf(path, sizeof(path), "%s/%d/maps", self->dir, self->target.pid);
	maps = open(path, O_RDONLY);
	ASSERT_GE(maps, 0);
	snprintf(path, sizeof(path), "%s/vminspect/%d", self->dir, self->target.pid);
	ours = open(path, O_RDONLY);
	ASSERT_GE(ours, 0);
	ASSERT_EQ(0, umount2(self->dir, MNT_DETACH));
	pair.maps = access_read(maps);
	pair.ours = access_read(ours);
	EXPECT_TRUE(access_same("root, after umount", self->target.pid, &pair, 0, 1));
	close(maps);
	close(ours);
}

TEST_HARNESS_MAIN
