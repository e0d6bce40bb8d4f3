/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that fault, map and unmap, fork and exec as fast as they can, and see to it
 * that their memory is what they made of it.
 */
#ifndef SELFTESTS_CHURN_H
#define SELFTESTS_CHURN_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/diag.h"

/** CHURN_PAGES - pages that a turn maps */
#define CHURN_PAGES 48

/**
 * struct churn_result - what a worker has done, seen by who started it
 * @turns: how many turns it did
 * @wrong: how many of them went wrong
 * @error: errno of the last of these, 0 if memory did not hold what was written
 */
struct churn_result {
	volatile unsigned long turns;
	volatile unsigned long wrong;
	volatile int error;
};

static inline size_t churn_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

static inline void churn_fill(char *at, int pages, char with)
{
	for (int i = 0; i < pages; i++)
		*(volatile char *)(at + i * churn_page()) = with + i;
}

static inline bool churn_holds(const char *at, int pages, char with)
{
	for (int i = 0; i < pages; i++) {
		if (*(volatile const char *)(at + i * churn_page()) != (char)(with + i)) {
			errno = 0;
			return false;
		}
	}
	return true;
}

/* Fault, split, move, unmap in parts. */
static inline bool churn_map(void)
{
	const size_t page = churn_page(), half = CHURN_PAGES / 2 * page;
	char *at = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved;
	bool good;

	if (at == MAP_FAILED)
		return false;
	churn_fill(at, CHURN_PAGES, 1);
	if (mprotect(at + page, page, PROT_READ))
		return false;
	moved = mremap(at + half, half, half + page, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED)
		return false;
	good = churn_holds(at, CHURN_PAGES / 2, 1) &&
	       churn_holds(moved, CHURN_PAGES / 2, 1 + CHURN_PAGES / 2);
	return !munmap(at, half) && !munmap(moved, half + page) && good;
}

static inline void *churn_thread(void *arg)
{
	bool good = true;

	for (int i = 0; i < 20 && good; i++)
		good = churn_map();
	return good ? NULL : arg;
}

/* Two threads that unmap under each other's faults. */
static inline bool churn_threads(void)
{
	static const int count = 2;
	pthread_t thread[count];
	void *wrong, *any = NULL;
	int started = 0;

	while (started < count &&
	       !pthread_create(&thread[started], NULL, churn_thread, &any))
		started++;
	for (int i = 0; i < started; i++)
		if (!pthread_join(thread[i], &wrong) && wrong)
			any = wrong;
	return started == count && !any;
}

static inline bool churn_child_is_fine(pid_t pid)
{
	int status;

	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return false;
	errno = 0;
	return status == 0;
}

/* Copies on write on both sides of a fork. */
static inline bool churn_fork(void)
{
	static char memory[CHURN_PAGES * 4096] __attribute__((aligned(4096)));
	bool good;
	pid_t pid;

	churn_fill(memory, CHURN_PAGES, 7);
	pid = fork();
	if (!pid) {
		good = churn_holds(memory, CHURN_PAGES, 7);
		churn_fill(memory, CHURN_PAGES / 2, 9);
		_exit(good && churn_holds(memory, CHURN_PAGES / 2, 9) ? 0 : 1);
	}
	good = churn_child_is_fine(pid);
	return good && churn_holds(memory, CHURN_PAGES, 7);
}

/* vfork(2) and execve(2), by way of the library. */
static inline bool churn_exec(void)
{
	char *const argv[] = { "true", NULL }, *const envp[] = { NULL };
	pid_t pid;

	errno = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp);
	return !errno && churn_child_is_fine(pid);
}

/**
 * churn - kinds of workers
 * @what: for messages
 * @turn: does it once; returns whether all went well
 */
static const struct {
	const char *what;
	bool (*turn)(void);
} churn[] = {
	{ "map and unmap", churn_map },
	{ "threads", churn_threads },
	{ "fork", churn_fork },
	{ "exec", churn_exec },
};

/** CHURN_KINDS - how many kinds there are */
#define CHURN_KINDS (sizeof(churn) / sizeof(churn[0]))

/**
 * churn_start() - start a worker; it dies with the caller
 * @kind: index into churn[]
 * @result: in shared memory
 *
 * Return: its pid, or a negative errno.
 */
static inline pid_t churn_start(size_t kind, struct churn_result *result)
{
	pid_t test = getpid(), pid = fork();

	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
	for (;;) {
		if (!churn[kind].turn()) {
			result->error = errno;
			result->wrong++;
		}
		result->turns++;
	}
}

/**
 * churn_is_well() - whether a worker has done turns since, and all of them well
 * @kind: index into churn[]
 * @pid: the worker
 * @result: what it has done
 * @since: how many turns there had been
 *
 * Waits until it has done one. Says what is wrong if not.
 */
static inline bool churn_is_well(size_t kind, pid_t pid, const struct churn_result *result,
				 unsigned long since)
{
	bool alive = !waitpid(pid, NULL, WNOHANG);

	for (int i = 0; alive && result->turns <= since && i < 6000; i++) {
		usleep(10000);
		alive = !waitpid(pid, NULL, WNOHANG);
	}
	if (!alive)
		diag("'%s', pid %d, has died after %lu turns", churn[kind].what, pid,
		     result->turns);
	else if (result->turns <= since)
		diag("'%s', pid %d: no turn in a minute, after %lu", churn[kind].what, pid, since);
	else if (result->wrong)
		diag("'%s', pid %d: %lu of %lu turns wrong: %s", churn[kind].what, pid,
		     result->wrong, result->turns,
		     result->error ? strerror(result->error) : "memory has changed");
	return alive && result->turns > since && !result->wrong;
}

#endif /* SELFTESTS_CHURN_H */
