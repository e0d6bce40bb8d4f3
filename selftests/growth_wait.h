/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All ways there are to wait for what poll(2) calls urgent, each in a thread.
 */
#ifndef SELFTESTS_GROWTH_WAIT_H
#define SELFTESTS_GROWTH_WAIT_H

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/diag.h"

/*
 * Each of the following waits until a file has something urgent, or nothing more is
 * to come of it, but not longer than so many milliseconds. They return what poll(2)
 * would say, of POLLPRI, POLLHUP and POLLERR; 0 if the time was up; a negative errno.
 */

static inline int growth_wait_poll(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
	int ready = poll(&poll_fd, 1, ms);

	return ready < 0 ? -errno : poll_fd.revents;
}

static inline int growth_wait_select(int fd, int ms)
{
	struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };
	fd_set urgent;
	int ready;

	FD_ZERO(&urgent);
	FD_SET(fd, &urgent);
	ready = select(fd + 1, NULL, NULL, &urgent, &timeout);
	if (ready < 0)
		return -errno;
	return ready ? POLLPRI : 0;
}

static inline int growth_wait_epoll_for(int fd, int ms, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ready = -1, err;

	if (epoll >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		ready = epoll_wait(epoll, &event, 1, ms);
	err = errno;
	close(epoll);
	if (ready < 0)
		return -err;
	return ready ? event.events : 0;
}

static inline int growth_wait_epoll(int fd, int ms)
{
	return growth_wait_epoll_for(fd, ms, EPOLLPRI);
}

static inline int growth_wait_epoll_edge(int fd, int ms)
{
	return growth_wait_epoll_for(fd, ms, EPOLLPRI | EPOLLET);
}

static inline int growth_wait_aio(int fd, int ms)
{
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = fd, .aio_buf = POLLPRI
	};
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000L };
	struct iocb *requests[] = { &request };
	struct io_event event = { .res = 0 };
	aio_context_t context = 0;
	long got = -1;
	int err;

	if (syscall(SYS_io_setup, 1, &context))
		return -errno;
	if (syscall(SYS_io_submit, context, 1, requests) == 1)
		got = syscall(SYS_io_getevents, context, 1, 1, &event, &timeout);
	err = errno;
	syscall(SYS_io_destroy, context);
	if (got < 0)
		return -err;
	return got ? (int)event.res : 0;
}

/* A ring for two requests: the file, and the time. */
struct growth_ring {
	int fd;
	char *rings;
	struct io_uring_sqe *request;
	struct io_uring_params params;
};

#define GROWTH_RING_SIZE 4096

static inline bool growth_ring_open(struct growth_ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 2, &ring->params);
	if (ring->fd < 0)
		return false;
	ring->rings = mmap(NULL, GROWTH_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			   IORING_OFF_SQ_RING);
	ring->request = mmap(NULL, GROWTH_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			     IORING_OFF_SQES);
	return ring->rings != MAP_FAILED && ring->request != MAP_FAILED;
}

static inline void growth_ring_close(struct growth_ring *ring)
{
	int err = errno;

	munmap(ring->rings, GROWTH_RING_SIZE);
	munmap(ring->request, GROWTH_RING_SIZE);
	close(ring->fd);
	errno = err;
}

/* The result of whatever was completed first: the file's request has number 1. */
static inline int growth_ring_wait(struct growth_ring *ring)
{
	uint32_t *slots = (uint32_t *)(ring->rings + ring->params.sq_off.array);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(ring->rings +
							    ring->params.cq_off.cqes);

	slots[0] = 0;
	slots[1] = 1;
	__atomic_store_n((uint32_t *)(ring->rings + ring->params.sq_off.tail), 2,
			 __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 2, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	return done->user_data == 1 ? done->res : 0;
}

static inline int growth_wait_uring(int fd, int ms)
{
	struct __kernel_timespec timeout = { ms / 1000, ms % 1000 * 1000000LL };
	struct growth_ring ring;
	int result;

	if (!growth_ring_open(&ring))
		return -errno;
	ring.request[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = fd, .poll32_events = POLLPRI, .user_data = 1
	};
	ring.request[1] = (struct io_uring_sqe){
		.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (uintptr_t)&timeout, .len = 1,
		.user_data = 2
	};
	result = growth_ring_wait(&ring);
	growth_ring_close(&ring);
	return result;
}

/**
 * growth_wait - ways to wait
 * @what: for messages
 * @wait: does it
 * @ends: does it come back also when nothing more is to come (POLLHUP)?
 */
static const struct {
	const char *what;
	int (*wait)(int fd, int ms);
	bool ends;
} growth_wait[] = {
	{ "poll", growth_wait_poll, true },
	{ "select", growth_wait_select, false },
	{ "epoll", growth_wait_epoll, true },
	{ "epoll, edge-triggered", growth_wait_epoll_edge, true },
	{ "aio", growth_wait_aio, true },
	{ "io_uring", growth_wait_uring, true },
};

/** GROWTH_WAITS - how many */
#define GROWTH_WAITS (sizeof(growth_wait) / sizeof(growth_wait[0]))

/**
 * struct growth_waiter - a thread that waits
 * @thread: the thread
 * @way: how, index into growth_wait[]
 * @fd: for what
 * @ms: how long, at most
 * @waits: it is about to
 * @came: it has come back
 * @result: what came
 */
struct growth_waiter {
	pthread_t thread;
	size_t way;
	int fd;
	int ms;
	volatile bool waits;
	volatile bool came;
	int result;
};

static inline void *growth_waiter_run(void *arg)
{
	struct growth_waiter *w = arg;

	w->waits = true;
	w->result = growth_wait[w->way].wait(w->fd, w->ms);
	w->came = true;
	return NULL;
}

/**
 * growth_waiter_start() - let a thread wait
 * @w: the waiter, with way, fd and ms
 *
 * Return: whether it waits now, or is about to.
 */
static inline bool growth_waiter_start(struct growth_waiter *w)
{
	w->waits = false;
	w->came = false;
	if (pthread_create(&w->thread, NULL, growth_waiter_run, w))
		return false;
	while (!w->waits)
		usleep(1000);
	usleep(50000);
	return true;
}

/**
 * growth_waiter_waits() - whether it still does
 * @w: the waiter
 */
static inline bool growth_waiter_waits(struct growth_waiter *w)
{
	return !w->came;
}

/**
 * growth_waiter_end() - wait for its end
 * @w: the waiter
 * @seconds: no longer than that
 *
 * Return: what it saw, -ETIMEDOUT if it still waits.
 */
static inline int growth_waiter_end(struct growth_waiter *w, int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	if (!pthread_timedjoin_np(w->thread, NULL, &until))
		return w->result;
	diag("%s: still waits after %d seconds", growth_wait[w->way].what, seconds);
	return -ETIMEDOUT;
}

#endif /* SELFTESTS_GROWTH_WAIT_H */
