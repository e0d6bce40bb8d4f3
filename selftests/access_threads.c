// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the id of any thread opens the report of its process, as
 * /proc/<tid>/maps does, by the same rules, and is not listed; that of a dead
 * leader with living threads gives nothing.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "access_list.h"
#include "lib/procfile.h"

#include <pthread.h>

enum { WORD_TID, WORD_LEADER_EXITS };

/* Takes part in the handshake for the leader, which may be dead. */
static void *thread_body(void *arg)
{
	struct target *target = arg;

	target->word[WORD_TID] = gettid();
	for (;;)
		target_step(target);
	return NULL;
}

static void threads_body(struct target *target, void *arg)
{
	pthread_t thread;

	(void)arg;
	access_mark(1);
	errno = -access_become(&access_owner);
	if (errno || prctl(PR_SET_DUMPABLE, 1))
		target_fail("become the owner");
	errno = pthread_create(&thread, NULL, thread_body, target);
	if (errno)
		target_fail("pthread_create");
	while (!target->word[WORD_LEADER_EXITS])
		usleep(1000);
	syscall(SYS_exit, 0);	/* this thread only */
}

FIXTURE(access_threads)
{
	struct target target;
	pid_t tid;
};

FIXTURE_SETUP(access_threads)
{
	ASSERT_EQ(0, target_fork(&self->target, threads_body, NULL));
	self->tid = self->target.word[WORD_TID];
	ASSERT_NE(self->target.pid, self->tid);
}

FIXTURE_TEARDOWN(access_threads)
{
	target_end(&self->target);
}

TEST_F(access_threads, thread_id_opens)
{
	EXPECT_ACCESS(&access_root, "/proc", self->tid, 0, 1);
	EXPECT_ACCESS(&access_owner, "/proc", self->tid, 0, 1);
	EXPECT_ACCESS(&access_tracer, "/proc", self->tid, 0, 1);
	EXPECT_ACCESS(&access_other, "/proc", self->tid, EACCES, 0);
}

TEST_F(access_threads, thread_is_not_listed)
{
	struct access_list *list = access_shared(sizeof(*list));

	ASSERT_NE(NULL, list);
	ASSERT_EQ(0, access_list_path(list, "/proc/vminspect"));
	EXPECT_TRUE(access_list_has(list, self->target.pid));
	EXPECT_FALSE(access_list_has(list, self->tid));
}

/* State of a process: R, S, T, Z... */
static char state(pid_t pid)
{
	char *stat = procfile_read_pid(pid, "stat", NULL);
	char *end = stat ? strrchr(stat, ')') : NULL;
	char letter = end ? end[2] : '?';

	free(stat);
	return letter;
}

TEST_F(access_threads, dead_leader_gives_nothing)
{
	char path[64];

	self->target.word[WORD_LEADER_EXITS] = 1;
	ASSERT_EQ(0, target_continue(&self->target));
	for (int i = 0; state(self->target.pid) != 'Z' && i < 12000; i++)
		usleep(5000);
	ASSERT_EQ('Z', state(self->target.pid));
	snprintf(path, sizeof(path), "/proc/vminspect/%d", self->target.pid);
	EXPECT_EQ(ESRCH, access_open(AT_FDCWD, path).open);
	EXPECT_ACCESS(&access_root, "/proc", self->tid, 0, 1);
	EXPECT_ACCESS(&access_other, "/proc", self->tid, EACCES, 0);
}

TEST_HARNESS_MAIN
