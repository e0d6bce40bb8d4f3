// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: an open report is urgent (POLLPRI) while there are growth events that
 * came since it was opened, or since [grows] was last read through it; whoever
 * waits for that, in whatever way, is woken soon, and nobody else is. It has hung
 * up (POLLHUP) once the address space is gone; a tracked process's waiters hear of
 * that, too. It can always be read (POLLIN).
 */
#include <sys/wait.h>

#include "growth.h"
#include "growth_wait.h"
#include "lifetime.h"
#include "track.h"

GROWTH_FIXTURE(growth_poll)

#define PID (self->target.pid)
#define PAGE KIND_PAGE
#define TOP GROWTH_TOP(0)
#define BELOW(pages) (TOP - (uint64_t)(pages) * PAGE)

/* Longer than anything takes; soon is much less. */
#define LONG_MS 100000
#define SOON_S 10

#define START() do {				\
	GROWTH_START();				\
	GROWTH_DO(growth_do_map, TOP, 4);	\
} while (0)

/* What poll(2) says of a file at once. */
static int seen(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLPRI | POLLRDNORM };

	return poll(&poll_fd, 1, 0) < 0 ? -errno : poll_fd.revents;
}

#define READABLE (POLLIN | POLLRDNORM)

#define EXPECT_SEEN(fd, events)							\
do {										\
	int seen_ = seen(fd);							\
										\
	EXPECT_EQ(events, seen_) {						\
		TH_LOG("poll of pid %d: expected %x, seen %x", PID, events, seen_);	\
	}									\
} while (0)

/* Read to the end. */
static int read_all(int fd)
{
	size_t len = 0;
	char *text = NULL;
	int err;

	if (lseek(fd, 0, SEEK_SET))
		return -errno;
	err = life_read_on(fd, &text, &len, 65536);
	free(text);
	return err;
}

TEST_F(growth_poll, urgent_until_read)
{
	int fd, other;

	START();
	GROWTH_DO(growth_do_touch, BELOW(5));
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	/* not what came before it was opened */
	EXPECT_SEEN(fd, READABLE);
	EXPECT_EQ(0, read_all(fd));
	EXPECT_SEEN(fd, READABLE);
	GROWTH_DO(growth_do_touch, BELOW(6));
	other = report_open(PID, O_RDONLY);
	ASSERT_LE(0, other);
	EXPECT_SEEN(fd, READABLE | POLLPRI);
	EXPECT_SEEN(fd, READABLE | POLLPRI);
	EXPECT_SEEN(other, READABLE);

	GROWTH_DO(growth_do_touch, BELOW(7));
	EXPECT_SEEN(other, READABLE | POLLPRI);
	EXPECT_EQ(0, read_all(fd));
	EXPECT_SEEN(fd, READABLE);
	EXPECT_SEEN(other, READABLE | POLLPRI);
	EXPECT_EQ(0, read_all(other));
	EXPECT_SEEN(other, READABLE);
	/* somebody else's reading is not ours */
	GROWTH_DO(growth_do_touch, BELOW(8));
	GROWTH_CAME(4);
	EXPECT_SEEN(fd, READABLE | POLLPRI);
	close(other);
	close(fd);
}

TEST_F(growth_poll, refusals_are_urgent)
{
	int fd;

	START();
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP - GROWTH_LIMIT - 1));
	EXPECT_SEEN(fd, READABLE | POLLPRI);
	EXPECT_EQ(0, read_all(fd));
	EXPECT_SEEN(fd, READABLE);
	close(fd);
}

/* [growth] stands near the end: it is not read yet. */
TEST_F(growth_poll, the_beginning_is_not_enough)
{
	char *text;
	int fd;

	START();
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	GROWTH_DO(growth_do_touch, BELOW(5));
	text = life_read_some(fd, 200, 200);
	EXPECT_NE(NULL, text);
	free(text);
	EXPECT_SEEN(fd, READABLE | POLLPRI);
	EXPECT_EQ(0, read_all(fd));
	EXPECT_SEEN(fd, READABLE);
	close(fd);
}

/* "reset" forgets events; those that come are new. */
TEST_F(growth_poll, goes_on_after_reset)
{
	int fd;

	START();
	GROWTH_DO(growth_do_touch, BELOW(10), 6);
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, track_write(PID, "reset"));
	EXPECT_EQ(READABLE, seen(fd) & ~POLLPRI);
	EXPECT_EQ(0, read_all(fd));
	EXPECT_SEEN(fd, READABLE);
	GROWTH_DO(growth_do_touch, BELOW(11));
	EXPECT_SEEN(fd, READABLE | POLLPRI);
	EXPECT_EQ(0, read_all(fd));
	EXPECT_SEEN(fd, READABLE);
	ASSERT_EQ(0, track_write(PID, "untrack"));
	GROWTH_DO(growth_do_touch, BELOW(12));
	EXPECT_SEEN(fd, READABLE);
	close(fd);
}

/* Waiters of all kinds, each with a file of its own. */
#define START_WAITERS(waiter) do {						\
	for (size_t i_ = 0; i_ < GROWTH_WAITS; i_++) {				\
		(waiter)[i_].way = i_;						\
		(waiter)[i_].ms = LONG_MS;					\
		(waiter)[i_].fd = report_open(PID, O_RDONLY);				\
		ASSERT_LE(0, (waiter)[i_].fd);					\
		ASSERT_TRUE(growth_waiter_start(&(waiter)[i_]));		\
	}									\
	for (size_t i_ = 0; i_ < GROWTH_WAITS; i_++) {				\
		EXPECT_TRUE(growth_waiter_waits(&(waiter)[i_])) {		\
			TH_LOG("%s of pid %d: came back with %x and nothing had happened",	\
			       growth_wait[i_].what, PID, (waiter)[i_].result);	\
		}								\
	}									\
} while (0)

#define END_WAITERS(waiter, expected) do {					\
	for (size_t i_ = 0; i_ < GROWTH_WAITS; i_++) {				\
		int came_ = growth_waiter_end(&(waiter)[i_], SOON_S);		\
										\
		EXPECT_EQ(expected, came_) {					\
			TH_LOG("%s of pid %d: expected %x, seen %x",		\
			       growth_wait[i_].what, PID, expected, came_);	\
		}								\
		close((waiter)[i_].fd);						\
	}									\
} while (0)

TEST_F(growth_poll, wakes_whoever_waits)
{
	struct growth_waiter waiter[GROWTH_WAITS];

	START();
	START_WAITERS(waiter);
	GROWTH_DO(growth_do_touch, BELOW(5));
	END_WAITERS(waiter, POLLPRI);
	START_WAITERS(waiter);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP - GROWTH_LIMIT - 1));
	END_WAITERS(waiter, POLLPRI);
}

#define OTHERS 100

/* So many processes that grow once, and end. */
static uint64_t do_others(struct target *t, volatile uint64_t *argument)
{
	uint64_t wrong = 0;
	int status;

	for (int i = 0; i < OTHERS; i++) {
		pid_t pid = fork();

		if (!pid) {
			growth_do_map(t, argument);
			_exit(growth_touch(argument[0] - 2 * PAGE));
		}
		wrong += pid < 0 || waitpid(pid, &status, 0) != pid || status;
	}
	return wrong;
}

/* Those of other processes do not, nor does what is no growth. */
TEST_F(growth_poll, wakes_nobody_else)
{
	const uint64_t map[4] = { GROWTH_TOP(1), 1 };
	struct growth_waiter waiter[GROWTH_WAITS];

	START();
	ASSERT_EQ(0, target_fork(&self->other, growth_body, NULL));
	START_WAITERS(waiter);
	GROWTH_DO(growth_do_touch, BELOW(4), 4);
	ASSERT_EQ(0, growth_call(&self->other, do_others, map));
	EXPECT_EQ(0, self->other.word[GROWTH_RESULT]);
	usleep(100000);
	for (size_t i = 0; i < GROWTH_WAITS; i++) {
		EXPECT_TRUE(growth_waiter_waits(&waiter[i])) {
			TH_LOG("%s of pid %d", growth_wait[i].what, PID);
		}
		EXPECT_SEEN(waiter[i].fd, READABLE);
	}
	GROWTH_DO(growth_do_touch, BELOW(5));
	END_WAITERS(waiter, POLLPRI);
}

/* Not those that can't be told that it is the end. */
#define START_WAITERS_FOR_THE_END(waiter) do {					\
	for (size_t i_ = 0; i_ < GROWTH_WAITS; i_++) {				\
		(waiter)[i_].way = growth_wait[i_].ends ? i_ : 0;		\
		(waiter)[i_].ms = LONG_MS;					\
		(waiter)[i_].fd = report_open(PID, O_RDONLY);				\
		ASSERT_LE(0, (waiter)[i_].fd);					\
		ASSERT_TRUE(growth_waiter_start(&(waiter)[i_]));		\
	}									\
} while (0)

TEST_F(growth_poll, hangs_up_at_exit)
{
	struct growth_waiter waiter[GROWTH_WAITS];
	int fd;

	START();
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	START_WAITERS_FOR_THE_END(waiter);
	ASSERT_EQ(0, kill(PID, SIGKILL));
	END_WAITERS(waiter, POLLHUP);
	EXPECT_SEEN(fd, READABLE | POLLHUP);
	ASSERT_EQ(PID, waitpid(PID, NULL, 0));
	EXPECT_SEEN(fd, READABLE | POLLHUP);
	/* also for who did not wait then */
	EXPECT_EQ(POLLHUP, growth_wait_epoll(fd, LONG_MS));
	close(fd);
	self->target.pid = 0;
}

/* Nor do they sleep on where the probes did not see it: the module finds out some time. */
TEST_F(growth_poll, hangs_up_after_an_exit_that_was_not_seen)
{
	struct growth_waiter waiter[GROWTH_WAITS];
	char *status;

	START();
	START_WAITERS_FOR_THE_END(waiter);
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	ASSERT_EQ(0, kill(PID, SIGKILL));
	ASSERT_EQ(PID, waitpid(PID, NULL, 0));
	self->target.pid = 0;
	status = procfile_read("/proc/vminspect/status", NULL);
	EXPECT_NE(NULL, status);
	free(status);
	END_WAITERS(waiter, POLLHUP);
	ASSERT_EQ(0, machine_set(FTRACE, "1"));
}

static uint64_t do_exec(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	(void)argument;
	execlp("sleep", "sleep", "1000", NULL);
	return errno;
}

TEST_F(growth_poll, hangs_up_at_exec)
{
	const uint64_t none[4] = { 0 };
	struct growth_waiter waiter[GROWTH_WAITS];
	int fd;

	START();
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	START_WAITERS_FOR_THE_END(waiter);
	EXPECT_EQ(-ECHILD, growth_call(&self->target, do_exec, none));
	END_WAITERS(waiter, POLLHUP);
	EXPECT_SEEN(fd, READABLE | POLLHUP);
	close(fd);
}

TEST_F(growth_poll, hangs_up_when_an_untracked_process_has_gone)
{
	int fd;

	START();
	ASSERT_EQ(0, track_write(PID, "untrack"));
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_SEEN(fd, READABLE);
	target_end(&self->target);
	EXPECT_SEEN(fd, READABLE | POLLHUP);
	close(fd);
}

/* Ready entries of an epoll set that has one. */
static int epoll_seen(int epoll)
{
	struct epoll_event event;
	int ready = epoll_wait(epoll, &event, 1, 0);

	return ready > 0 ? (int)event.events : ready;
}

static int epoll_open(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : epoll;
}

TEST_F(growth_poll, epoll_by_level_and_by_edge)
{
	int fd, level, edge;

	START();
	fd = report_open(PID, O_RDONLY);
	level = epoll_open(fd, EPOLLPRI);
	edge = epoll_open(fd, EPOLLPRI | EPOLLET);
	ASSERT_TRUE(fd >= 0 && level >= 0 && edge >= 0);
	EXPECT_EQ(0, epoll_seen(level));
	EXPECT_EQ(0, epoll_seen(edge));
	for (int i = 5; i < 8; i++) {
		GROWTH_DO(growth_do_touch, BELOW(i));
		EXPECT_EQ(EPOLLPRI, epoll_seen(level));
		EXPECT_EQ(EPOLLPRI, epoll_seen(edge));
		EXPECT_EQ(EPOLLPRI, epoll_seen(level));
		EXPECT_EQ(0, epoll_seen(edge));
		/* the second time without having been read */
		if (i == 5)
			continue;
		EXPECT_EQ(0, read_all(fd));
		EXPECT_EQ(0, epoll_seen(level));
		EXPECT_EQ(0, epoll_seen(edge));
	}
	close(fd);
	close(level);
	close(edge);
}

/* Each of them hears of it: nobody knows which one it is for. */
TEST_F(growth_poll, epoll_exclusive)
{
	int fd, set[4];

	START();
	fd = report_open(PID, O_RDONLY);
	ASSERT_LE(0, fd);
	for (int i = 0; i < 4; i++) {
		set[i] = epoll_open(fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
		ASSERT_LE(0, set[i]);
		/* that it can be read is no news from here on */
		EXPECT_EQ(EPOLLIN, epoll_seen(set[i]));
		EXPECT_EQ(0, epoll_seen(set[i]));
	}
	GROWTH_DO(growth_do_touch, BELOW(5));
	usleep(100000);
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(EPOLLIN, epoll_seen(set[i])) {
			TH_LOG("pid %d: set %d", PID, i);
		}
		close(set[i]);
	}
	close(fd);
}

TEST_HARNESS_MAIN
