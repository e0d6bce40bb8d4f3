// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while processes and threads are made, exec and exit all the time, whoever reads
 * every report that is listed gets well-formed ones, complete, ended early or empty, or
 * ENOENT or ESRCH, nothing else; no fault is lost, and nothing is left of who ended.
 */
#include "storm.h"
#include "churn.h"

STORM_FIXTURE(storm_process)
{
	ASSERT_EQ(0, storm_open(&self->storm));
}

#define CHILDREN 6

/* Lives for a moment, changes its address space, or runs a program. */
static void short_life(int kind)
{
	char *mem;

	if (kind == 1)
		usleep(2000);
	if (kind == 2) {
		mem = mmap(NULL, 64 * LIFE_PAGE, KIND_RW, KIND_PRIVATE, -1, 0);
		for (int i = 0; mem != MAP_FAILED && i < 64; i += 2)
			mprotect(mem + i * LIFE_PAGE, LIFE_PAGE, PROT_NONE);
	}
	if (kind == 3)
		execlp("true", "true", NULL);
	_exit(kind == 3);
}

/* Several at once, so that some are still listed when they are gone. */
static bool short_lives(void)
{
	bool good = true;
	int status;

	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (!pid)
			short_life(i % 4);
		good = good && pid > 0;
	}
	errno = 0;
	while (wait(&status) > 0)
		good = good && !status;
	errno = errno == ECHILD ? 0 : errno;
	return good;
}

static void *exec_true(void *arg)
{
	(void)arg;
	execlp("true", "true", NULL);
	_exit(1);
}

/* A thread that execs becomes the process; all the others end. */
static bool exec_by_thread(void)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		if (pthread_create(&thread, NULL, exec_true, NULL))
			_exit(1);
		for (;;)
			pause();
	}
	return churn_child_is_fine(pid);
}

static const struct storm_kind kind[] = {
	{ "fork", churn_fork },
	{ "vfork and exec", churn_exec },
	{ "threads", churn_threads },
	{ "short lives", short_lives },
	{ "exec by a thread", exec_by_thread },
};

TEST_F_TIMEOUT(storm_process, fork_exec_exit, STORM_TIMEOUT)
{
	STORM(kind, NULL);
}

TEST_HARNESS_MAIN
