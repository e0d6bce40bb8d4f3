// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: after fork(), parent and child both have all pages resident and
 * dirty; those that one of them writes are copied, which changes neither's counts.
 */
#include <signal.h>
#include <sys/prctl.h>

#include "lib/kind.h"

KIND_FIXTURE(cow)

#define PAGES 32
#define WRITTEN 8

enum { CHILD_PID, CHILD_READY, GO };

static void child_of_target(struct target *t, char *at)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	target_write(at + 4 * KIND_PAGE, WRITTEN, 1);
	t->word[CHILD_READY] = 1;
	for (;;)
		pause();
}

static void fork_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	pid_t child;

	(void)arg;
	target_write(at, PAGES, 1);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child)
		child_of_target(t, at);
	t->word[CHILD_PID] = child;
	while (!t->word[CHILD_READY])
		usleep(1000);
	target_step(t);
	target_write(at, PAGES, 1);
	target_step(t);
}

TEST_F(cow, parent_and_child)
{
	pid_t child;

	KIND_START(fork_body);
	child = self->target.word[CHILD_PID];
	ASSERT_EQ(0, process_stop(child));
	KIND_ROW(TARGET_ALONE(0), "rss=32 anon=32 dirty=32 young=32");
	KIND_AGREES();
	EXPECT_EQ(0, agree_row(child, TARGET_ALONE(0),
			       "rss=32 anon=32 file=0 dirty=32 young=%d tables=%d", WRITTEN,
			       1 + TARGET_ALONE_UPPER));
	EXPECT_EQ(0, agree_process(child));
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "rss=32 anon=32 dirty=32 young=32");
	KIND_AGREES();
	EXPECT_EQ(0, agree_row(child, TARGET_ALONE(0), "rss=32 anon=32 dirty=32"));
	EXPECT_EQ(0, agree_process(child));
	kill(child, SIGKILL);
}

TEST_HARNESS_MAIN
