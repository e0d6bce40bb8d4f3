// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while more memory is used than there may be, and goes to swap and comes back
 * all the time, also because a swap device is taken away, every report is well formed, no
 * fault is lost, and memory holds what was written to it.
 */
#include <sys/swap.h>

#include "storm.h"

#define LIMIT (8ull << 20)
#define PAGES 1500	/* of each worker: four of them don't fit */
#define TOUCHED 200	/* in a turn */
#define DEVICE_MIB 96

STORM_FIXTURE(storm_swap)
{
	ASSERT_EQ(0, machine_swap_on(DEVICE_MIB));
	ASSERT_EQ(0, storm_open(&self->storm));
	ASSERT_EQ(0, group_limit(&self->storm.group, LIMIT));
}

/**
 * struct pool - pages in swap, and what must be in them
 * @at: where they are
 * @seed: of the random numbers
 * @stamp: of each page
 */
struct pool {
	char *at;
	unsigned int seed;
	char stamp[PAGES];
};

static bool pool_ready(struct pool *p, int flags)
{
	if (p->at)
		return true;
	p->at = mmap(NULL, PAGES * LIFE_PAGE, KIND_RW, flags, -1, 0);
	if (p->at != MAP_FAILED)
		return true;
	p->at = NULL;
	return false;
}

static volatile char *page_at(const struct pool *p, int page)
{
	return p->at + page * LIFE_PAGE;
}

static bool pool_holds(const struct pool *p, int page)
{
	char seen = *page_at(p, page);

	if (seen == p->stamp[page])
		return true;
	diag("pid %d: page %d at %p: expected %d, seen %d", getpid(), page, p->at,
	     p->stamp[page], seen);
	errno = 0;
	return false;
}

/* Some pages anywhere: what is in them, and something new. */
static bool touch(struct pool *p)
{
	for (int i = 0; i < TOUCHED; i++) {
		int page = rand_r(&p->seed) % PAGES;

		if (!pool_holds(p, page))
			return false;
		if (i % 2)
			*page_at(p, page) = ++p->stamp[page];
	}
	return true;
}

static bool touch_private(void)
{
	static struct pool pool = { .seed = 1 };

	return pool_ready(&pool, KIND_PRIVATE) && touch(&pool);
}

static bool touch_shared(void)
{
	static struct pool pool = { .seed = 2 };

	return pool_ready(&pool, KIND_SHARED) && touch(&pool);
}

/* Parent and child have the same pages in swap, until one of them writes. */
static bool touch_forked(void)
{
	static struct pool pool = { .seed = 3 };
	int status;
	pid_t pid;

	if (!pool_ready(&pool, KIND_PRIVATE) || !touch(&pool))
		return false;
	pid = fork();
	if (!pid)
		_exit(touch(&pool) ? 0 : 1);
	if (pid < 0 || !touch(&pool) || waitpid(pid, &status, 0) != pid)
		return false;
	errno = 0;
	return !status;
}

/* Pushed out by hand, all or some of them, and read in again. */
static bool push_out(void)
{
	static struct pool pool = { .seed = 4 };
	int first = rand_r(&pool.seed) % PAGES;

	if (!pool_ready(&pool, KIND_PRIVATE) || !touch(&pool))
		return false;
	if (madvise(pool.at + first * LIFE_PAGE, (PAGES - first) * LIFE_PAGE, MADV_PAGEOUT))
		return false;
	for (int i = first; i < PAGES && i < first + TOUCHED; i++)
		if (!pool_holds(&pool, i))
			return false;
	return true;
}

/* The swap device that is used first: the test's own. */
static bool first_device(char *path)
{
	char *text = procfile_read("/proc/swaps", NULL), *line = text;
	int priority = -1;

	while (line && (line = strchr(line, '\n')))
		if (sscanf(++line, "%39s %*s %*u %*u %d", path, &priority) == 2 &&
		    priority == SWAP_FLAG_PRIO_MASK)
			break;
	free(text);
	return priority == SWAP_FLAG_PRIO_MASK;
}

/* All that is on it must come back or go elsewhere. Being frozen interrupts that. */
static bool take_away(void)
{
	char path[40];

	storm_sleep(300);
	if (!first_device(path))
		return false;
	if (swapoff(path))
		return errno == EINTR;
	storm_sleep(100);
	return !swapon(path, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK);
}

static const struct storm_kind kind[] = {
	{ "private memory", touch_private },
	{ "shared memory", touch_shared },
	{ "memory of relatives", touch_forked },
	{ "push out", push_out },
	{ "take a device away", take_away },
};

TEST_F_TIMEOUT(storm_swap, under_pressure, STORM_TIMEOUT)
{
	STORM(kind, "pswpout", "pswpin", NULL);
}

TEST_HARNESS_MAIN
