/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of failing allocations have in common: an operation whose
 * allocations fail one after the other, and what it may come to.
 */
#ifndef SELFTESTS_ALLOC_TEST_H
#define SELFTESTS_ALLOC_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/diag.h"
#include "lib/failnth.h"

/* More allocations than any operation has. */
#define ALLOC_MOST 5000

/* How often an operation is gone through that is to be refused at least once. */
#define ALLOC_ROUNDS 20

/* How often, at most, it is then done without a failure in between. */
#define ALLOC_BETWEEN 7

/**
 * typedef alloc_operation - what is to be done
 * @arg: the test's
 *
 * Return: 0, or a negative errno.
 */
typedef int alloc_operation(void *arg);

/**
 * struct alloc_steps - an operation, step by step
 * @what: its name, for messages
 * @run: do it
 * @arg: passed to it
 * @may_be: another errno than ENOMEM that it may have, negative; or 0
 * @again: whether to do it again when it has failed, to see it succeed
 * @check: called each time with what @run gave, to look and to undo it; returns the
 *	   number of differences. May be NULL
 * @stride: how far on to go after an allocation whose failure did not make it fail;
 *	    0 is 1
 * @refused_stride: the same after one whose failure did make it fail
 * @between: how often it is done without a failure before each failure, at most
 * @allocations: how many there were, on return
 * @refused: how many made the operation fail, added to
 */
struct alloc_steps {
	const char *what;
	alloc_operation *run;
	void *arg;
	int may_be;
	bool again;
	int (*check)(void *arg, int err);
	unsigned int stride;
	unsigned int refused_stride;
	unsigned int between;
	unsigned int allocations;
	unsigned int refused;
};

/* Do it once, after the nth allocation was told to fail, or 0. Adds to the differences. */
static inline int alloc_do(const struct alloc_steps *steps, int fd, unsigned int nth, bool *failed,
			   int *differences)
{
	int err;

	failnth_arm(fd, nth);
	err = steps->run(steps->arg);
	*failed = failnth_disarm(fd) && nth;
	if (err && !(*failed && (err == -ENOMEM || err == steps->may_be))) {
		diag("%s, allocation %u %s: expected %s, seen %s", steps->what, nth,
		     *failed ? "failed" : "did not fail",
		     *failed ? "success or ENOMEM" : "success", strerror(-err));
		++*differences;
	}
	if (steps->check)
		*differences += steps->check(steps->arg, err);
	return err;
}

/**
 * alloc_step_through() - let each allocation of an operation fail once
 * @fd: the calling task, of failnth_open()
 * @steps: the operation
 *
 * It must have some, and come to an end; each time it succeeds, or fails with
 * ENOMEM and succeeds when it is done again.
 *
 * Return: the number of differences, each of which is printed.
 */
static inline int alloc_step_through(int fd, struct alloc_steps *steps)
{
	int err, differences = 0;
	bool failed = true, never;
	unsigned int nth = 1;

	steps->allocations = 0;
	while (failed && differences < 20 && nth <= ALLOC_MOST) {
		for (long i = random() % (steps->between + 1); i > 0; i--)
			alloc_do(steps, fd, 0, &never, &differences);
		err = alloc_do(steps, fd, nth, &failed, &differences);
		if (failed)
			steps->allocations = nth;
		steps->refused += err && failed;
		if (err && steps->again)
			alloc_do(steps, fd, 0, &never, &differences);
		nth += (err ? steps->refused_stride : steps->stride) ?: 1;
	}
	diag("%s: %u allocations, %u of them refused it", steps->what, steps->allocations,
	     steps->refused);
	return differences + failed + !steps->allocations;
}

/**
 * alloc_until_refused() - the same, until one of them made the operation fail
 * @fd: the calling task, of failnth_open()
 * @steps: the operation
 *
 * Debug kernels allocate by themselves, more every so often, when a slab is full, so
 * that the one that counts may be the third in the second go, and the second in the
 * third; and one that fails sets the beat for the next. Random numbers of goes without a
 * failure in between keep us from being in step with that.
 *
 * Return: the number of differences, each of which is printed; to be refused never
 * is one.
 */
static inline int alloc_until_refused(int fd, struct alloc_steps *steps)
{
	int differences = 0;

	for (int i = 0; i < ALLOC_ROUNDS && !steps->refused && !differences; i++) {
		differences += alloc_step_through(fd, steps);
		steps->between = ALLOC_BETWEEN;
	}
	return differences + !steps->refused;
}

#endif /* SELFTESTS_ALLOC_TEST_H */
