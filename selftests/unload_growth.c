// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the module can be unloaded while somebody waits for stacks to grow,
 * however he waits: he comes back, soon, and finds that it is over; who holds a
 * file in an epoll set can close both, in any order, also much later. Stacks may
 * grow as fast as they can meanwhile; loaded again, it counts them again.
 */
#include <sys/prctl.h>

#include "growth_load.h"
#include "growth_wait.h"
#include "lifetime.h"
#include "track.h"
#include "unload.h"

#define PROCESSES 4
#define SOON_S 60

FIXTURE(unload_growth)
{
	struct target target[PROCESSES];
	struct growth growth;
	pid_t poller[2];
};

FIXTURE_SETUP(unload_growth)
{
	(void)self;
	ASSERT_EQ(0, unload_ensure());
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));
}

FIXTURE_TEARDOWN(unload_growth)
{
	for (int i = 0; i < 2; i++) {
		if (self->poller[i] <= 0)
			continue;
		kill(self->poller[i], SIGKILL);
		waitpid(self->poller[i], NULL, 0);
	}
	growth_free(&self->growth);
	for (int i = 0; i < PROCESSES; i++)
		target_end(&self->target[i]);
	machine_restore();
	EXPECT_EQ(0, unload_ensure());
}

/* Unload, which must not take long. */
#define EXPECT_UNLOADED() do {							\
	double start_ = life_seconds();						\
										\
	ASSERT_EQ(0, unload_remove());						\
	EXPECT_GT(SOON_S, life_seconds() - start_);				\
} while (0)

TEST_F(unload_growth, sends_waiters_away)
{
	struct growth_waiter waiter[2 * GROWTH_WAITS];
	struct target *t = self->target;

	ASSERT_EQ(0, target_fork(t, growth_load_body, NULL));
	for (size_t i = 0; i < 2 * GROWTH_WAITS; i++) {
		waiter[i].way = i % GROWTH_WAITS;
		waiter[i].ms = 1000000;
		waiter[i].fd = report_open(t->pid, O_RDONLY);
		ASSERT_LE(0, waiter[i].fd);
		ASSERT_TRUE(growth_waiter_start(&waiter[i]));
	}
	EXPECT_UNLOADED();
	for (size_t i = 0; i < 2 * GROWTH_WAITS; i++) {
		int came = growth_waiter_end(&waiter[i], SOON_S);

		/* with io_uring, the kernel calls it off */
		EXPECT_TRUE(came > 0 || came == -ECANCELED) {
			TH_LOG("%s: expected to hear of the end, seen %d",
			       growth_wait[i % GROWTH_WAITS].what, came);
		}
	}
	for (size_t i = 0; i < 2 * GROWTH_WAITS; i++)
		close(waiter[i].fd);
	ASSERT_EQ(0, unload_insert());
	EXPECT_TRUE(unload_works("/proc", t->pid));
}

static void *wait_to_write(void *arg)
{
	const int fd = *(int *)arg;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return (void *)(intptr_t)select(fd + 1, NULL, &set, NULL, NULL);
}

/* What a report that was opened to be read is never ready for, yet the end comes of it. */
TEST_F(unload_growth, sends_away_who_waits_to_write)
{
	struct target *t = self->target;
	struct timespec until;
	pthread_t thread;
	void *ready;
	int fd;

	ASSERT_EQ(0, target_fork(t, growth_load_body, NULL));
	fd = report_open(t->pid, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_to_write, &fd));
	usleep(200000);
	EXPECT_UNLOADED();
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SOON_S;
	ASSERT_EQ(0, pthread_timedjoin_np(thread, &ready, &until));
	EXPECT_EQ((void *)1, ready);
	close(fd);
}

/* The sets wait for what does not come any more: they are not told, nor do they break. */
TEST_F(unload_growth, leaves_epoll_sets_alone)
{
	static const uint32_t kind[] = {
		EPOLLPRI, EPOLLPRI | EPOLLET, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE,
		EPOLLPRI | EPOLLONESHOT
	};
	struct epoll_event event;
	struct target *t = self->target;
	int fd[12], set[12];

	ASSERT_EQ(0, target_fork(t, growth_load_body, NULL));
	for (int i = 0; i < 12; i++) {
		event = (struct epoll_event){ .events = kind[i % 4] };
		fd[i] = report_open(t->pid, O_RDONLY);
		set[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_TRUE(fd[i] >= 0 && set[i] >= 0);
		ASSERT_EQ(0, epoll_ctl(set[i], EPOLL_CTL_ADD, fd[i], &event));
	}
	EXPECT_UNLOADED();
	/* some at once: the set first, the file first, or out of the set first */
	for (int i = 0; i < 12; i++) {
		EXPECT_LE(0, epoll_wait(set[i], &event, 1, 0));
		if (i == 6)
			ASSERT_EQ(0, unload_insert());
		if (i / 4 == 0)
			EXPECT_EQ(0, close(set[i]));
		if (i / 4 == 1)
			EXPECT_EQ(0, epoll_ctl(set[i], EPOLL_CTL_DEL, fd[i], NULL));
		EXPECT_EQ(0, close(fd[i]));
		if (i / 4)
			EXPECT_EQ(0, close(set[i]));
	}
	EXPECT_TRUE(unload_works("/proc", t->pid));
}

/*
 * Whether it may end so: called off, or nobody there any more to wait for (aio says
 * so), or the kernel had to tidy up after a ring that was closed before.
 */
static bool may_end(int came)
{
	return came >= 0 || came == -ECANCELED || came == -EINVAL || came == -EINTR;
}

/* Wait shortly, again and again, in the ways there are. */
static void __attribute__((noreturn)) poll_again_and_again(pid_t pid, int turn)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; turn++) {
		int fd = report_open(pid, O_RDONLY), came;

		if (fd < 0) {
			usleep(500);
			continue;
		}
		came = growth_wait[turn % GROWTH_WAITS].wait(fd, turn % 20);
		if (!may_end(came)) {
			diag("%s: %s", growth_wait[turn % GROWTH_WAITS].what, strerror(-came));
			_exit(1);
		}
		close(fd);
	}
}

#define CYCLES 5

TEST_F(unload_growth, while_stacks_grow)
{
	for (int i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(0, target_fork(&self->target[i], growth_load_body, NULL));
		ASSERT_TRUE(growth_load_go(&self->target[i]));
	}
	for (int i = 0; i < 2; i++) {
		self->poller[i] = fork();
		if (!self->poller[i])
			poll_again_and_again(self->target[i].pid, i * 3);
		ASSERT_LT(0, self->poller[i]);
	}
	for (int i = 0; i < CYCLES; i++) {
		usleep(i % 4 * 30000);
		EXPECT_UNLOADED();
		usleep(i % 3 * 10000);
		ASSERT_EQ(0, unload_insert());
	}
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, waitpid(self->poller[i], NULL, WNOHANG));
	for (int i = 0; i < PROCESSES; i++) {
		struct target *t = &self->target[i];
		uint64_t count;

		ASSERT_TRUE(growth_load_stop(t));
		count = t->word[GROWTH_LOAD_COUNT];
		ASSERT_EQ(0, track_write(t->pid, "reset"));
		ASSERT_TRUE(growth_load_go(t));
		usleep(100000);
		ASSERT_TRUE(growth_load_stop(t));
		growth_free(&self->growth);
		EXPECT_EQ(0, growth_read(&self->growth, t->pid));
		EXPECT_LT(0, self->growth.grown);
		EXPECT_EQ(t->word[GROWTH_LOAD_COUNT] - count, self->growth.grown) {
			TH_LOG("pid %d", t->pid);
		}
	}
}

TEST_HARNESS_MAIN
