// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a grown stack is one row up to its deepest page, of which the touched
 * pages are resident; the stacks of threads are rows like any other memory.
 */
#include <pthread.h>

#include "lib/kind.h"

KIND_FIXTURE(stack)

#define DEEP_PAGES 300
#define THREADS 4
#define THREAD_STACK_PAGES 64
#define THREAD_PAGES 10

enum { DEEPEST };

/* Touch a page far below, as a frame of that size would. */
static void descend(struct target *t, uint64_t pages)
{
	volatile char *frame = __builtin_alloca(pages * KIND_PAGE);

	for (uint64_t i = pages; i-- > 0;)
		frame[i * KIND_PAGE] = 1;
	t->word[DEEPEST] = (uintptr_t)frame;
}

static void deep_body(struct target *t, void *arg)
{
	(void)arg;
	descend(t, 1);
	target_step(t);
	descend(t, DEEP_PAGES);
	target_step(t);
}

TEST_F(stack, grown)
{
	volatile uint64_t *word;

	KIND_START(deep_body);
	word = self->target.word;
	KIND_ROW(word[DEEPEST], "rss>=1 anon>=1 file=0 rss<=100");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(word[DEEPEST], "size>=300 rss>=300 rss<=400 anon>=300 dirty>=300");
	KIND_AGREES();
}

static void *sleep_in_stack(void *t)
{
	volatile char frame[THREAD_PAGES * 4096];

	for (int i = 0; i < THREAD_PAGES; i++)
		frame[i * 4096] = 1;
	__atomic_add_fetch((uint64_t *)((struct target *)t)->word, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return (void *)(uintptr_t)frame[0];
}

static void threads_body(struct target *t, void *arg)
{
	pthread_attr_t attributes;
	pthread_t thread;

	(void)arg;
	for (int i = 0; i < THREADS; i++) {
		char *at = target_map(TARGET_ALONE(i), THREAD_STACK_PAGES, KIND_RW,
				      KIND_PRIVATE | MAP_STACK, -1);

		pthread_attr_init(&attributes);
		pthread_attr_setstack(&attributes, at, THREAD_STACK_PAGES * KIND_PAGE);
		errno = pthread_create(&thread, &attributes, sleep_in_stack, t);
		if (errno)
			target_fail("pthread_create");
	}
	while (t->word[0] < THREADS)
		usleep(1000);
	target_step(t);
}

TEST_F(stack, of_threads)
{
	KIND_START(threads_body);
	for (int i = 0; i < THREADS; i++)
		KIND_ROW(TARGET_ALONE(i), "size=64 rss>=10 rss<=20 anon>=10 dirty>=10 tables=3");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
