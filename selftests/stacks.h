/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of stacks have in common: threads of a target whose stacks are as
 * deep as the test says, to the page, and which wait in a system call, saying where
 * their stack pointer is.
 *
 * A thread has a slot of words that it shares with the test. Threads take turns
 * with the target's main thread: they run until they wait in stacks_park(), and go
 * on when the main thread calls stacks_turn().
 */
#ifndef SELFTESTS_STACKS_TEST_H
#define SELFTESTS_STACKS_TEST_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "lib/kind.h"
#include "lib/stacks.h"

/** STACKS_FIXTURE() - a fixture with a target on a quiet machine, its stacks in small pages */
#define STACKS_FIXTURE(name)						\
FIXTURE(name) {								\
	struct target target;						\
};									\
									\
FIXTURE_SETUP(name)							\
{									\
	ASSERT_EQ(0, machine_quiet());					\
	ASSERT_EQ(0, machine_thp("enabled", "madvise"));			\
}									\
									\
FIXTURE_TEARDOWN(name)							\
{									\
	target_end(&self->target);					\
	machine_restore();						\
}

/** enum stacks_word - what a slot has: set by its thread, or by who started it */
enum stacks_word {
	STACKS_TID,
	STACKS_SP,	/* its stack pointer where it waits */
	STACKS_PARKED,	/* the turn that it waits for the end of, plus 1 */
	STACKS_START,	/* its stack as the C library knows it, without the guard */
	STACKS_END,
	STACKS_REQUEST,	/* these two are each test's own */
	STACKS_ANSWER,
	STACKS_WORDS = 8
};

/** STACKS_SLOTS - how many threads of a target can have a slot */
#define STACKS_SLOTS 48

/** STACKS_TURN - the word that counts turns */
#define STACKS_TURN (STACKS_SLOTS * STACKS_WORDS)

/** STACKS_FREE - the first of the words that are each test's own */
#define STACKS_FREE (STACKS_TURN + 1)

/**
 * struct stacks_thread - a thread, as it and the target's main thread see it
 * @t: the target
 * @slot: its slot
 * @run: what it does; it must not return
 * @depth: for @run: how deep, in pages
 * @more: for @run: anything else
 * @end: first address behind its stack
 */
struct stacks_thread {
	struct target *t;
	unsigned int slot;
	void (*run)(struct stacks_thread *me);
	uint64_t depth;
	void *more;
	uint64_t end;
};

/**
 * stacks_slot() - one word of a thread
 * @t: the target
 * @slot: its slot
 * @which: the word
 */
static inline volatile uint64_t *stacks_slot(const struct target *t, unsigned int slot,
					     enum stacks_word which)
{
	return &t->word[slot * STACKS_WORDS + which];
}

/**
 * stacks_depth() - pages from the one that holds the stack pointer up to the end
 * @t: the target
 * @slot: slot of the thread
 */
static inline uint64_t stacks_depth(const struct target *t, unsigned int slot)
{
	uint64_t page = *stacks_slot(t, slot, STACKS_SP) / KIND_PAGE;

	return *stacks_slot(t, slot, STACKS_END) / KIND_PAGE - page;
}

/**
 * stacks_sp() - a stack pointer
 * @end: first address behind the stack
 * @depth: pages: it is in the middle of that page
 */
static inline uint64_t stacks_sp(uint64_t end, uint64_t depth)
{
	return end - depth * KIND_PAGE + KIND_PAGE / 2;
}

/* A system call of four arguments, after which it says where the stack pointer is. */
static inline long stacks_call(volatile uint64_t *sp, long nr, long a, long b, long c, long d)
{
	register long r10 asm("r10") = d;
	long ret;

	asm volatile("mov %%rsp, (%[sp])\n\t"
		     "syscall"
		     : "=a"(ret)
		     : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), [sp] "r"(sp)
		     : "rcx", "r11", "memory");
	return ret;
}

/* Says where the stack pointer is. */
static inline __attribute__((always_inline)) void stacks_publish(const struct target *t,
								 unsigned int slot)
{
	asm volatile("mov %%rsp, (%[sp])" : : [sp] "r"(stacks_slot(t, slot, STACKS_SP))
		     : "memory");
}

/**
 * stacks_park() - in a thread: wait in a system call until the turn ends
 * @me: the thread
 */
static __attribute__((noinline)) void stacks_park(struct stacks_thread *me)
{
	volatile uint64_t *turn = &me->t->word[STACKS_TURN];
	volatile uint64_t *sp = stacks_slot(me->t, me->slot, STACKS_SP);
	uint64_t now = *turn;

	stacks_publish(me->t, me->slot);
	*stacks_slot(me->t, me->slot, STACKS_PARKED) = now + 1;
	while (*turn == now)
		stacks_call(sp, SYS_futex, (long)turn, FUTEX_WAIT, now, 0);
}

/**
 * stacks_descend() - in a thread: call a function at a given depth
 * @me: the thread
 * @depth: pages: the function runs with its stack pointer in that page from the end,
 *	   and that page is touched; those between are not
 * @then: the function; its own frame must be small
 */
static __attribute__((noinline)) void stacks_descend(struct stacks_thread *me, uint64_t depth,
						     void (*then)(struct stacks_thread *me))
{
	uint64_t low = stacks_sp(me->end, depth);
	uint64_t here = (uintptr_t)__builtin_frame_address(0);
	volatile char *frame;

	if (here < low)
		target_fail("a thread is deeper than it should be");
	frame = __builtin_alloca(here - low);
	frame[0] = 1;
	then(me);
	frame[0] = 2;
}

/* What returns at once: stacks_descend() touches one page with it. */
static inline void stacks_return(struct stacks_thread *me)
{
	(void)me;
}

/** stacks_wait_deep() - for @run: wait @depth pages deep, for good */
static inline void stacks_wait_deep(struct stacks_thread *me)
{
	for (;;)
		stacks_descend(me, me->depth, stacks_park);
}

/** stacks_have_been_deep() - for @run: wait for good, having been @depth pages deep before */
static inline void stacks_have_been_deep(struct stacks_thread *me)
{
	stacks_descend(me, me->depth, stacks_return);
	for (;;)
		stacks_park(me);
}

/** stacks_page_up() - the first page boundary above an address */
static inline uint64_t stacks_page_up(uint64_t address)
{
	return (address / KIND_PAGE + 1) * KIND_PAGE;
}

/* What every thread starts with: the C library's own data are at its stack's end. */
static inline void *stacks_begin(void *arg)
{
	struct stacks_thread *me = arg;

	me->end = stacks_page_up(pthread_self());
	*stacks_slot(me->t, me->slot, STACKS_TID) = gettid();
	me->run(me);
	return NULL;
}

/* In the main thread: until a thread waits in this turn. */
static inline void stacks_await(struct target *t, unsigned int slot)
{
	while (*stacks_slot(t, slot, STACKS_PARKED) != t->word[STACKS_TURN] + 1)
		usleep(1000);
}

/**
 * stacks_launch() - in the target: start a thread
 * @me: the thread; lives as long as it
 * @attr: attributes for its stack
 *
 * Ends the target if that fails. Its tid is there when it has parked first.
 */
static inline void stacks_launch(struct stacks_thread *me, pthread_attr_t *attr)
{
	pthread_attr_t got;
	pthread_t thread;
	size_t size;
	void *start;

	/* Of the threads' own memory none may come to lie below a stack. */
	mallopt(M_ARENA_MAX, 1);
	errno = pthread_create(&thread, attr, stacks_begin, me);
	if (!errno)
		errno = pthread_getattr_np(thread, &got);
	if (!errno)
		errno = pthread_attr_getstack(&got, &start, &size);
	if (errno)
		target_fail("pthread_create");
	pthread_attr_destroy(&got);
	*stacks_slot(me->t, me->slot, STACKS_START) = (uintptr_t)start;
	*stacks_slot(me->t, me->slot, STACKS_END) = (uintptr_t)start + size;
}

/**
 * stacks_start() - in the target: start a thread and wait until it has parked
 * @me: the thread
 * @attr: attributes for its stack, which are used up
 */
static inline void stacks_start(struct stacks_thread *me, pthread_attr_t *attr)
{
	stacks_launch(me, attr);
	pthread_attr_destroy(attr);
	stacks_await(me->t, me->slot);
}

/**
 * stacks_start_sized() - in the target: start a thread on a stack from the C library
 * @me: the thread
 * @size: bytes of the stack
 * @guard: bytes of the guard
 */
static inline void stacks_start_sized(struct stacks_thread *me, size_t size, size_t guard)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	errno = pthread_attr_setstacksize(&attr, size);
	if (!errno)
		errno = pthread_attr_setguardsize(&attr, guard);
	if (errno)
		target_fail("attributes of a thread");
	stacks_start(me, &attr);
}

/**
 * stacks_start_on() - in the target: start a thread on memory of the test's own
 * @me: the thread
 * @at: the memory
 * @pages: how much it is
 */
static inline void stacks_start_on(struct stacks_thread *me, uint64_t at, uint64_t pages)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	errno = pthread_attr_setstack(&attr, (void *)at, pages * KIND_PAGE);
	if (errno)
		target_fail("pthread_attr_setstack");
	stacks_start(me, &attr);
}

/**
 * stacks_turn() - in the main thread: let all threads go on until they park again
 * @t: the target
 * @slots: how many slots have threads
 */
static inline void stacks_turn(struct target *t, unsigned int slots)
{
	t->word[STACKS_TURN]++;
	if (syscall(SYS_futex, &t->word[STACKS_TURN], FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0)
		target_fail("futex");
	for (unsigned int i = 0; i < slots; i++)
		stacks_await(t, i);
}

/**
 * stacks_map() - in the target: map a stack with a guard below it
 * @at: where the stack starts; the guard ends there
 * @pages: of the stack
 * @guard: pages of the guard, 0 for none
 */
static inline void stacks_map(uint64_t at, uint64_t pages, uint64_t guard)
{
	if (guard)
		target_map(at - guard * KIND_PAGE, guard, PROT_NONE, KIND_PRIVATE, -1);
	target_map(at, pages, KIND_RW, KIND_PRIVATE | MAP_STACK, -1);
}

/**
 * stacks_start_raw() - in the target: start a thread as no library does
 * @t: the target
 * @slot: its slot; its tid is there, and its stack pointer
 * @sp: its stack pointer; it pushes a word there and waits for good
 *
 * It has no TLS of its own (but the pointer of whoever made it), and nothing but a
 * stack pointer to find its stack by.
 */
static inline void stacks_start_raw(struct target *t, unsigned int slot, uint64_t sp)
{
	const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			   CLONE_SYSVSEM;
	volatile uint64_t *where = stacks_slot(t, slot, STACKS_SP);
	long ret;

	asm volatile("xor %%r10d, %%r10d\n\t"
		     "xor %%r8d, %%r8d\n\t"
		     "syscall\n\t"
		     "test %%rax, %%rax\n\t"
		     "jnz 2f\n\t"
		     "push %%rax\n\t"
		     "mov %%rsp, (%[where])\n"
		     "1: mov %[pause], %%eax\n\t"
		     "syscall\n\t"
		     "jmp 1b\n"
		     "2:"
		     : "=a"(ret)
		     : "0"((long)SYS_clone), "D"(flags), "S"(sp), "d"(0l),
		       [where] "r"(where), [pause] "i"(SYS_pause)
		     : "rcx", "r8", "r10", "r11", "memory");
	if (ret < 0) {
		errno = -ret;
		target_fail("clone");
	}
	while (!*where)
		usleep(1000);
	*stacks_slot(t, slot, STACKS_TID) = ret;
}

/** STACKS_ROW() - the row of the thread in a slot is this, as for stacks_expect() */
#define STACKS_ROW(slot, ...)							\
	EXPECT_EQ(0, stacks_thread(self->target.pid,				\
				   *stacks_slot(&self->target, slot, STACKS_TID), __VA_ARGS__))

/** STACKS_AGREE() - the kernel says the same of the target's stacks */
#define STACKS_AGREE() EXPECT_EQ(0, stacks_agree(self->target.pid))

/** STACKS_AT() - a word of a slot */
#define STACKS_AT(slot, which) (*stacks_slot(&self->target, slot, which))

#endif /* SELFTESTS_STACKS_TEST_H */
