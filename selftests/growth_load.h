/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that let stacks grow as fast as they can, and count how often.
 */
#ifndef SELFTESTS_GROWTH_LOAD_H
#define SELFTESTS_GROWTH_LOAD_H

#include <sys/socket.h>

#include "growth.h"

/** GROWTH_LOAD_TOP - where the mapping that grows ends */
#define GROWTH_LOAD_TOP GROWTH_TOP(0)

/** GROWTH_LOAD_PAGES - pages it grows by in a turn, one at a time */
#define GROWTH_LOAD_PAGES 63

/* Words of a target: how often it grew; whether it shall come to an end. */
enum { GROWTH_LOAD_COUNT, GROWTH_LOAD_STOP };

/**
 * growth_load_body() - a target's body: turns of growing page by page, and unmapping
 * @t: the target
 * @arg: not used
 *
 * From its first step to the second it grows until it is told to stop; and so on.
 */
static inline void growth_load_body(struct target *t, void *arg)
{
	const uint64_t page = KIND_PAGE, top = GROWTH_LOAD_TOP;

	(void)arg;
	target_map(top - page, 1, KIND_RW, GROWTH_FLAGS, -1);
	for (;;) {
		target_step(t);
		while (!t->word[GROWTH_LOAD_STOP]) {
			for (uint64_t i = 2; i < 2 + GROWTH_LOAD_PAGES; i++) {
				*(volatile char *)(top - i * page) = 1;
				t->word[GROWTH_LOAD_COUNT]++;
			}
			if (munmap((void *)(top - (1 + GROWTH_LOAD_PAGES) * page),
				   GROWTH_LOAD_PAGES * page))
				target_fail("munmap");
		}
	}
}

/**
 * growth_load_go() - let it grow
 * @t: the target, stopped
 *
 * Return: whether it does.
 */
static inline bool growth_load_go(struct target *t)
{
	t->word[GROWTH_LOAD_STOP] = 0;
	return send(t->test_end, "", 1, MSG_NOSIGNAL) == 1 && !kill(t->pid, SIGCONT);
}

/**
 * growth_load_stop() - wait until it has ended its turn
 * @t: the target, growing
 *
 * Return: whether it has, and is stopped.
 */
static inline bool growth_load_stop(struct target *t)
{
	char byte;

	t->word[GROWTH_LOAD_STOP] = 1;
	return recv(t->test_end, &byte, 1, 0) == 1 && !process_stop(t->pid);
}

#endif /* SELFTESTS_GROWTH_LOAD_H */
