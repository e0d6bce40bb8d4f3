// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: /proc/vminspect lists the pids that /proc lists, in the same order,
 * and self and status; whatever the size of the reader's buffer, a process that
 * lives all the time is listed once.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "access_list.h"
#include "lib/children.h"

#define CHILDREN 60

FIXTURE(access_list)
{
	pid_t child[CHILDREN];
	struct access_list *list;
};

FIXTURE_SETUP(access_list)
{
	pid_t test = getpid();

	self->list = access_shared(sizeof(*self->list));
	ASSERT_NE(NULL, self->list);
	for (int i = 0; i < CHILDREN; i++) {
		self->child[i] = fork();
		if (!self->child[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (getppid() == test)
				pause();
			_exit(0);
		}
		ASSERT_GT(self->child[i], 0);
	}
}

FIXTURE_TEARDOWN(access_list)
{
	children_end(self->child, CHILDREN);
}

static int times_listed(const struct access_list *list, pid_t pid)
{
	int times = 0;

	for (size_t i = 0; i < list->pids; i++)
		times += list->pid[i] == pid;
	return times;
}

TEST_F(access_list, same_as_proc)
{
	EXPECT_TRUE(access_list_same_as(&access_root, "/proc"));
	EXPECT_TRUE(access_list_same_as(&access_other, "/proc"));
}

TEST_F(access_list, once_with_any_buffer)
{
	const size_t room[] = { 32, 33, 100, 4096 };
	int dir = open("/proc/vminspect", O_RDONLY | O_DIRECTORY);

	ASSERT_GE(dir, 0);
	for (size_t r = 0; r < sizeof(room) / sizeof(*room); r++) {
		ASSERT_EQ(0, access_list_fd(self->list, dir, room[r]));
		for (int i = 0; i < CHILDREN; i++) {
			EXPECT_EQ(1, times_listed(self->list, self->child[i])) {
				TH_LOG("child %d, buffer of %zu bytes", self->child[i], room[r]);
			}
		}
		EXPECT_EQ(1, self->list->self);
		EXPECT_EQ(1, self->list->status);
		EXPECT_EQ(2, self->list->dots);
		EXPECT_EQ(0, self->list->others);
	}
	close(dir);
}

/* Every other child dies when the listing is somewhere among them. */
TEST_F(access_list, once_while_others_die)
{
	char buf[512] __attribute__((aligned(8)));
	DIR *dir = opendir("/proc/vminspect");
	int seen[CHILDREN] = {};
	struct dirent64 *entry;
	long got;

	ASSERT_NE(NULL, dir);
	while ((got = syscall(SYS_getdents64, dirfd(dir), buf, sizeof(buf))) > 0) {
		for (long at = 0; at < got; at += entry->d_reclen) {
			entry = (struct dirent64 *)(buf + at);
			for (int i = 0; i < CHILDREN; i++)
				seen[i] += self->child[i] == atoi(entry->d_name);
		}
		if (seen[CHILDREN / 2])
			for (int i = 0; i < CHILDREN; i += 2)
				children_end(&self->child[i], 1);
	}
	closedir(dir);
	ASSERT_EQ(0, got);
	for (int i = 1; i < CHILDREN; i += 2) {
		EXPECT_EQ(1, seen[i]) {
			TH_LOG("child %d lived through the listing", self->child[i]);
		}
	}
}

TEST_F(access_list, dead_are_not_listed)
{
	pid_t dead[CHILDREN];

	memcpy(dead, self->child, sizeof(dead));
	children_end(self->child, CHILDREN);
	ASSERT_EQ(0, access_list_path(self->list, "/proc/vminspect"));
	for (int i = 0; i < CHILDREN; i++) {
		EXPECT_EQ(0, times_listed(self->list, dead[i])) {
			TH_LOG("child %d is dead", dead[i]);
		}
	}
}

TEST_HARNESS_MAIN
