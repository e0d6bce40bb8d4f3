/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of growing stacks have in common: a target, tracked since it was
 * forked, in which the test lets functions run one by one, and the events that
 * came of them.
 */
#ifndef SELFTESTS_GROWTH_TEST_H
#define SELFTESTS_GROWTH_TEST_H

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/diag.h"
#include "lib/growth.h"
#include "lib/kind.h"
#include "lib/procfile.h"

/** GROWTH_TOP - where growable mappings of targets end, in an address space's empty part */
#define GROWTH_TOP(slot) ((uint64_t)TARGET_ALONE(slot) + (UINT64_C(1) << 38))

/** GROWTH_FLAGS - of a mapping that grows */
#define GROWTH_FLAGS (KIND_PRIVATE | MAP_GROWSDOWN)

/* The words of a target that growth_call() uses; the others are the test's. */
enum { GROWTH_FUNCTION, GROWTH_RESULT, GROWTH_ARGUMENT, GROWTH_WORD = GROWTH_ARGUMENT + 4 };

/**
 * typedef growth_function - what a target is to do
 * @t: the target
 * @argument: what the test gave, up to four
 *
 * Return: for the test.
 */
typedef uint64_t growth_function(struct target *t, volatile uint64_t *argument);

/**
 * growth_body() - a target's body: do what the test says
 * @t: the target
 * @arg: not used
 */
static inline void growth_body(struct target *t, void *arg)
{
	(void)arg;
	for (;;) {
		growth_function *function;

		target_step(t);
		function = (growth_function *)(uintptr_t)t->word[GROWTH_FUNCTION];
		t->word[GROWTH_RESULT] = function(t, t->word + GROWTH_ARGUMENT);
	}
}

/**
 * growth_call() - let a function run in a target
 * @t: the target, forked with growth_body()
 * @function: the function
 * @argument: four arguments
 *
 * Return: as target_next(); what the function returned is in the target's words.
 */
static inline int growth_call(struct target *t, growth_function *function, const uint64_t *argument)
{
	t->word[GROWTH_FUNCTION] = (uintptr_t)function;
	for (int i = 0; i < 4; i++)
		t->word[GROWTH_ARGUMENT + i] = argument[i];
	return target_next(t);
}

/** struct growth_segv - the signal that growth_touch() got last */
struct growth_segv {
	sigjmp_buf back;
	int code;
	uint64_t address;
};

static struct growth_segv growth_segv;

static inline void growth_on_segv(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	growth_segv.code = info->si_code;
	growth_segv.address = (uintptr_t)info->si_addr;
	siglongjmp(growth_segv.back, 1);
}

/**
 * growth_on_alternate_stack() - handle SIGSEGV on a stack of its own
 * @handler: with what
 *
 * Ends the target if that is not possible.
 */
static inline void growth_on_alternate_stack(void (*handler)(int, siginfo_t *, void *))
{
	static char stack[65536];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	stack_t now;

	if (sigaltstack(NULL, &now) ||
	    (!(now.ss_flags & SS_ONSTACK) && sigaltstack(&alternate, NULL)) ||
	    sigaction(SIGSEGV, &action, NULL))
		target_fail("signal on an alternate stack");
}

/**
 * growth_touch() - in the target: write to a byte
 * @address: its address
 *
 * Return: 0, or the si_code of the SIGSEGV that this gave, and growth_segv.
 */
static inline int growth_touch(uint64_t address)
{
	growth_on_alternate_stack(growth_on_segv);
	if (sigsetjmp(growth_segv.back, 0))
		return growth_segv.code;
	*(volatile char *)address = 1;
	return 0;
}

/* A growth_function: touch argument[0]; argument[1] pages up to it one by one, if not 0. */
static inline uint64_t growth_do_touch(struct target *t, volatile uint64_t *argument)
{
	const uint64_t page = KIND_PAGE;
	int code = 0;

	(void)t;
	for (uint64_t i = argument[1] ?: 1; i-- > 0 && !code;)
		code = growth_touch(argument[0] + i * page);
	return code;
}

/* A growth_function: map argument[1] growable pages that end at argument[0]. */
static inline uint64_t growth_do_map(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	target_map(argument[0] - argument[1] * KIND_PAGE, argument[1], KIND_RW, GROWTH_FLAGS, -1);
	return 0;
}

/* A growth_function: munmap() argument[1] pages from argument[0] on. */
static inline uint64_t growth_do_unmap(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	return munmap((void *)(uintptr_t)argument[0], argument[1] * KIND_PAGE) ? errno : 0;
}

/* A growth_function: RLIMIT_argument[0] becomes argument[1], the hard limit if that is less. */
static inline uint64_t growth_do_limit(struct target *t, volatile uint64_t *argument)
{
	struct rlimit limit;

	(void)t;
	if (getrlimit(argument[0], &limit))
		return errno;
	limit.rlim_cur = argument[1];
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	return setrlimit(argument[0], &limit) ? errno : 0;
}

/**
 * growth_write() - write to the memory of another process, by way of /proc/<pid>/mem
 * @pid: the process
 * @address: of one byte
 *
 * Return: whether that was possible.
 */
static inline bool growth_write(pid_t pid, uint64_t address)
{
	char path[64];
	bool good;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	good = fd >= 0 && pwrite(fd, "", 1, address) == 1;
	close(fd);
	return good;
}

/**
 * growth_since() - read what came since a mark, which moves on
 * @pid: the process
 * @g: what was read before, freed; what is there now on return
 * @mark: how many events there were; how many there are now on return
 * @expected: how many must have come
 *
 * Return: the number of differences, those of growth_read() among them.
 */
static inline int growth_since(pid_t pid, struct growth *g, uint64_t *mark, uint64_t expected)
{
	uint64_t before = *mark;
	int differences;

	growth_free(g);
	differences = growth_read(g, pid);
	*mark = g->events + g->dropped;
	if (*mark - before == expected)
		return differences;
	diag("pid %d: expected %" PRIu64 " events more than %" PRIu64 ", seen %" PRId64, pid,
	     expected, before, (int64_t)(*mark - before));
	for (size_t i = 0; i < g->events; i++)
		diag("  %s %s by %" PRId64 " (%s) at %" PRIx64 ", %" PRIx64 "->%" PRIx64,
		     g->event[i].cause, g->event[i].result, (int64_t)g->event[i].tid,
		     g->event[i].comm, g->event[i].address, g->event[i].old_start,
		     g->event[i].new_start);
	return differences + 1;
}

/**
 * growth_back() - an event, counted from the last one
 * @g: what was read
 * @back: 1 is the last
 *
 * Return: the event, or NULL.
 */
static inline const struct growth_event *growth_back(const struct growth *g, size_t back)
{
	return back <= g->events ? &g->event[g->events - back] : NULL;
}

/** GROWTH_LIMIT - RLIMIT_STACK of targets, bytes: what it usually is */
#define GROWTH_LIMIT (UINT64_C(8) << 20)

/**
 * growth_limit() - set one's own limit of stacks, that of targets to come
 * @bytes: the limit
 *
 * Return: 0, or a negative errno.
 */
static inline int growth_limit(uint64_t bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	return setrlimit(RLIMIT_STACK, &limit) ? -errno : 0;
}

/** GROWTH_FIXTURE() - a fixture with a target, another one, and what was read of the first */
#define GROWTH_FIXTURE(name)				\
FIXTURE(name) {						\
	struct target target;				\
	struct target other;				\
	struct growth growth;				\
	uint64_t mark;					\
};							\
							\
FIXTURE_SETUP(name)					\
{							\
	(void)self;					\
	ASSERT_EQ(0, machine_quiet());			\
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));	\
}							\
							\
FIXTURE_TEARDOWN(name)					\
{							\
	growth_free(&self->growth);			\
	target_end(&self->other);			\
	target_end(&self->target);			\
	machine_restore();				\
}

/** GROWTH_START() - fork the target; it has grown nothing */
#define GROWTH_START()							\
do {									\
	ASSERT_EQ(0, target_fork(&self->target, growth_body, NULL));	\
	GROWTH_CAME(0);							\
} while (0)

/** GROWTH_CALL() - let a growth_function run in the target; what it returned */
#define GROWTH_CALL(function, ...) ({						\
	const uint64_t argument_[4] = { __VA_ARGS__ };				\
										\
	ASSERT_EQ(0, growth_call(&self->target, function, argument_));		\
	self->target.word[GROWTH_RESULT];					\
})

/** GROWTH_DO() - as GROWTH_CALL(), of a function that has to return 0 */
#define GROWTH_DO(function, ...) ASSERT_EQ(0, GROWTH_CALL(function, __VA_ARGS__))

/** GROWTH_CAME() - so many events came since this was used last, and all adds up */
#define GROWTH_CAME(count) \
	EXPECT_EQ(0, growth_since(self->target.pid, &self->growth, &self->mark, count))

/** GROWTH_LAST() - the last event is so; as growth_event_is() */
#define GROWTH_LAST(...) \
	EXPECT_EQ(0, growth_event_is(self->target.pid, growth_back(&self->growth, 1), __VA_ARGS__))

/** GROWTH_ROW() - the row that holds an address grew so often */
#define GROWTH_ROW(address, grows) \
	EXPECT_EQ((uint64_t)(grows), growth_row(self->target.pid, address))

#endif /* SELFTESTS_GROWTH_TEST_H */
