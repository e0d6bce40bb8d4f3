// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a kernel thread and a zombie have no address space: opening their
 * report is ESRCH, for everybody; their maps have no text either. They are
 * listed and can be looked up as in /proc.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "lib/procfile.h"

/* kthreadd: parent of all other kernel threads, always the second process. */
#define KTHREADD 2

static const struct access_id *const reader[] = {
	&access_root, &access_owner, &access_tracer, &access_other,
};

#define EXPECT_NO_MM(pid) do {								\
	for (size_t i_ = 0; i_ < sizeof(reader) / sizeof(*reader); i_++) {		\
		struct access_pair pair_ = {};						\
											\
		ASSERT_EQ(0, access_ask_as(reader[i_], "/proc", pid, &pair_));		\
		EXPECT_FALSE(pair_.maps.data);						\
		EXPECT_EQ(ESRCH, pair_.ours.open) {					\
			TH_LOG("%s, pid %d", reader[i_]->name, (int)(pid));		\
		}									\
	}										\
} while (0)

TEST(kernel_thread)
{
	char *stat = procfile_read_pid(KTHREADD, "stat", NULL);
	struct stat st;

	ASSERT_NE(NULL, stat);
	ASSERT_EQ(0, strncmp(stat, "2 (kthreadd)", 12));
	free(stat);
	EXPECT_EQ(0, lstat("/proc/vminspect/2", &st));
	EXPECT_NO_MM(KTHREADD);
}

TEST(zombie)
{
	char path[64];
	struct stat st;
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	ASSERT_GT(pid, 0);
	ASSERT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	EXPECT_EQ(0, lstat(path, &st));
	EXPECT_NO_MM(pid);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-1, lstat(path, &st));
	EXPECT_EQ(ENOENT, errno);
}

TEST_HARNESS_MAIN
