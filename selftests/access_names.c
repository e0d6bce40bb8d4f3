// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: in /proc/vminspect a name is a pid of a living process, written as
 * /proc writes it, or self, or status. Everything else is ENOENT, as in /proc.
 */
#include "kselftest_harness.h"
#include "access.h"

FIXTURE(access_names)
{
	int proc;
	int ours;
};

FIXTURE_SETUP(access_names)
{
	self->proc = open("/proc", O_PATH | O_DIRECTORY);
	ASSERT_GE(self->proc, 0);
	self->ours = open("/proc/vminspect", O_PATH | O_DIRECTORY);
	ASSERT_GE(self->ours, 0);
}

FIXTURE_TEARDOWN(access_names)
{
	close(self->proc);
	close(self->ours);
}

static int stat_error(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ? errno : 0;
}

TEST_F(access_names, no_pid)
{
	const char *const name[] = {
		"0", "-", "-1", "+1", "01", "001", "1x", "x1", "1.", "1 ", " 1", "1\n", "0x1",
		"abc", "Self", "self1", ".x", "...", "4294967295", "4294967296", "4294967297",
		"2147483648", "999999999", "1000000001", "10000000000000000000",
		"18446744073709551617", "18446744073709551615", "99999999999999999999999999",
		"\377", "\303\244", "1\001", "task", "maps", "auxv",
	};

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++) {
		EXPECT_EQ(stat_error(self->proc, name[i]), stat_error(self->ours, name[i])) {
			TH_LOG("stat of '%s': expected as in /proc", name[i]);
		}
		EXPECT_EQ(ENOENT, stat_error(self->ours, name[i])) TH_LOG("stat of '%s'", name[i]);
		EXPECT_EQ(ENOENT, access_open(self->ours, name[i]).open) {
			TH_LOG("open of '%s'", name[i]);
		}
	}
}

TEST_F(access_names, long_names)
{
	char name[300];

	memset(name, '1', sizeof(name));
	name[255] = '\0';
	EXPECT_EQ(ENOENT, stat_error(self->ours, name));
	name[255] = '1';
	name[256] = '\0';
	EXPECT_EQ(stat_error(self->proc, name), stat_error(self->ours, name));
}

TEST_F(access_names, report_is_no_directory)
{
	EXPECT_EQ(ENOTDIR, access_open(self->ours, "1/").open);
	EXPECT_EQ(ENOTDIR, access_open(self->ours, "1/maps").open);
	EXPECT_EQ(ENOTDIR, access_open(self->ours, "1/..").open);
	EXPECT_EQ(ENOENT, access_open(self->ours, "999999999/").open);
}

TEST_F(access_names, dead_pid)
{
	char name[16];
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	snprintf(name, sizeof(name), "%d", pid);
	EXPECT_EQ(ENOENT, stat_error(self->ours, name));
	EXPECT_EQ(ENOENT, access_open(self->ours, name).open);
}

TEST_F(access_names, dots)
{
	struct stat dot, dots, proc;

	ASSERT_EQ(0, fstat(self->proc, &proc));
	ASSERT_EQ(0, fstatat(self->ours, "..", &dots, 0));
	ASSERT_EQ(0, fstatat(self->ours, ".", &dot, 0));
	EXPECT_EQ(proc.st_ino, dots.st_ino);
	EXPECT_EQ(proc.st_dev, dots.st_dev);
	EXPECT_TRUE(S_ISDIR(dot.st_mode));
}

TEST_F(access_names, kinds)
{
	struct stat st;

	ASSERT_EQ(0, fstatat(self->ours, "1", &st, AT_SYMLINK_NOFOLLOW));
	EXPECT_EQ(S_IFREG | 0666, st.st_mode);
	ASSERT_EQ(0, fstatat(self->ours, "status", &st, AT_SYMLINK_NOFOLLOW));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	ASSERT_EQ(0, fstatat(self->ours, "self", &st, AT_SYMLINK_NOFOLLOW));
	EXPECT_TRUE(S_ISLNK(st.st_mode));
}

TEST_HARNESS_MAIN
