// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: wherever a thread is at that moment, running in user mode, waiting in a
 * system call, on the stack of a signal or of a coroutine, its row shows the stack
 * that is its own; the depth is that of its stack pointer now, or "-" if that is on
 * another stack. A thread whose stack can't be found has nothing but "-".
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "lib/diag.h"
#include "stacks.h"

STACKS_FIXTURE(stacks_where)

#define PAGES 128
#define DEPTH 30

static struct stacks_thread thread[STACKS_SLOTS];
static __thread struct stacks_thread *self_thread;

/* A thread in the next slot, on PAGES pages with a guard. */
static struct stacks_thread *start(struct target *t, unsigned int slot,
				   void (*run)(struct stacks_thread *me))
{
	thread[slot] = (struct stacks_thread){
		.t = t, .slot = slot, .run = run, .depth = DEPTH + slot
	};
	stacks_start_sized(&thread[slot], PAGES * KIND_PAGE, KIND_PAGE);
	return &thread[slot];
}

/* A depth in the lower bits, and a number that makes each request another one. */
#define REQUEST_DEPTH(request) ((request) & 0xffff)
#define REQUEST(number, depth) ((uint64_t)(number) << 16 | (depth))

/* Run in user mode, without a system call, until the test asks for something else. */
static __attribute__((noinline)) void spin(struct stacks_thread *me)
{
	volatile uint64_t *request = stacks_slot(me->t, me->slot, STACKS_REQUEST);
	uint64_t now = me->depth;

	stacks_publish(me->t, me->slot);
	*stacks_slot(me->t, me->slot, STACKS_ANSWER) = now;
	while (*request == now)
		__builtin_ia32_pause();
}

static void stay_on(int cpu)
{
	if (machine_stay_on(cpu))
		target_fail("sched_setaffinity");
}

static int last_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) - 1;
}

static void spin_on_request(struct stacks_thread *me)
{
	volatile uint64_t *request = stacks_slot(me->t, me->slot, STACKS_REQUEST);

	stay_on(me->slot == 2 ? 0 : last_cpu());
	stacks_park(me);
	for (;;) {
		me->depth = *request;
		stacks_descend(me, REQUEST_DEPTH(me->depth), spin);
	}
}

static void ask_for(const struct target *t, unsigned int slot, uint64_t request)
{
	*stacks_slot(t, slot, STACKS_REQUEST) = request;
}

static void await_answer(const struct target *t, unsigned int slot, uint64_t request)
{
	while (*stacks_slot(t, slot, STACKS_ANSWER) != request)
		sched_yield();
}

/* Deeper each time than the last system call, and deeper or not than the last time. */
static uint64_t some_request(unsigned int number)
{
	return REQUEST(number, 8 + number * 37 % (PAGES - 8));
}

static void spin_body(struct target *t, void *arg)
{
	unsigned int spinners = *(unsigned int *)arg;

	for (unsigned int i = 0; i < spinners; i++) {
		ask_for(t, i, some_request(1));
		start(t, i, spin_on_request);
	}
	stacks_turn(t, 0);
	for (unsigned int i = 0; i < spinners; i++)
		await_answer(t, i, some_request(1));
	target_step(t);
}

static int see_where_they_spin(const struct target *t, unsigned int spinners,
			       unsigned int rounds)
{
	int differences = 0;

	for (unsigned int n = 2; n < rounds && differences < 10; n++) {
		struct stacks s;

		for (unsigned int i = 0; i < spinners; i++)
			ask_for(t, i, some_request(n + i));
		for (unsigned int i = 0; i < spinners; i++)
			await_answer(t, i, some_request(n + i));
		differences += stacks_read(&s, t->pid) != 0;
		for (unsigned int i = 0; i < spinners; i++)
			differences += stacks_expect(t->pid, &s, *stacks_slot(t, i, STACKS_TID),
						     "kind=thread end=%lx size=%d sp_depth=%lu",
						     *stacks_slot(t, i, STACKS_END), PAGES,
						     stacks_depth(t, i));
		stacks_free(&s);
	}
	return differences;
}

/* The registers it left at the last tick are old ones, as a rule. */
TEST_F(stacks_where, running)
{
	unsigned int spinners = 1;

	stay_on(0);
	ASSERT_EQ(0, target_fork(&self->target, spin_body, &spinners));
	ASSERT_EQ(0, target_continue(&self->target));
	EXPECT_EQ(0, see_where_they_spin(&self->target, spinners, 200));
}

/* More threads than processors: some run, some wait for their turn. */
TEST_F(stacks_where, running_and_ready)
{
	unsigned int spinners = 3;

	stay_on(0);
	ASSERT_EQ(0, target_fork(&self->target, spin_body, &spinners));
	ASSERT_EQ(0, target_continue(&self->target));
	EXPECT_EQ(0, see_where_they_spin(&self->target, spinners, 40));
}

/* Waiting in different system calls. */

static int never[2];

static __attribute__((noinline)) void sleep_in(struct stacks_thread *me)
{
	static const struct timespec long_time = { .tv_sec = 100000 };
	volatile uint64_t *sp = stacks_slot(me->t, me->slot, STACKS_SP);
	char byte;

	stacks_publish(me->t, me->slot);
	*stacks_slot(me->t, me->slot, STACKS_PARKED) = me->t->word[STACKS_TURN] + 1;
	for (;;)
		switch (me->slot) {
		case 0:
			stacks_call(sp, SYS_read, never[0], (long)&byte, 1, 0);
			break;
		case 1:
			stacks_call(sp, SYS_nanosleep, (long)&long_time, 0, 0, 0);
			break;
		case 2:
			stacks_call(sp, SYS_futex, (long)never, FUTEX_WAIT_PRIVATE, never[0], 0);
			break;
		default:
			stacks_call(sp, SYS_wait4, -1, 0, 0, 0);
			stacks_call(sp, SYS_ppoll, 0, 0, 0, 0);
		}
}

#define SLEEPERS 4

static void sleep_deep(struct stacks_thread *me)
{
	stacks_descend(me, me->depth, sleep_in);
}

static void sleepers_body(struct target *t, void *arg)
{
	(void)arg;
	if (pipe(never))
		target_fail("pipe");
	for (unsigned int i = 0; i < SLEEPERS; i++)
		start(t, i, sleep_deep);
	target_step(t);
}

TEST_F(stacks_where, in_a_system_call)
{
	KIND_START(sleepers_body);
	for (int stopped = 1; stopped >= 0; stopped--) {
		for (unsigned int i = 0; i < SLEEPERS; i++) {
			EXPECT_EQ(DEPTH + i, stacks_depth(&self->target, i));
			STACKS_ROW(i, "kind=thread start=%lx end=%lx touched=%u sp_depth=%u",
				   STACKS_AT(i, STACKS_START), STACKS_AT(i, STACKS_END),
				   DEPTH + i, DEPTH + i);
		}
		STACKS_AGREE();
		ASSERT_EQ(0, target_continue(&self->target));
		usleep(100000);
	}
}

/* On another stack than its own. */

static void on_signal(int number)
{
	(void)number;
	if (self_thread)
		stacks_park(self_thread);
	else
		target_step(thread[0].t);
}

/* Memory for one more stack; a signal's need not be guarded. */
static void use_signal_stack(void)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = 16 * KIND_PAGE };

	stack.ss_sp = malloc(stack.ss_size);
	if (!stack.ss_sp || sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
		target_fail("sigaltstack");
}

static void park_in_a_handler(struct stacks_thread *me)
{
	self_thread = me;
	use_signal_stack();
	raise(SIGUSR1);
	stacks_wait_deep(me);
}

static void handler_body(struct target *t, void *arg)
{
	(void)arg;
	start(t, 0, park_in_a_handler);
	use_signal_stack();
	raise(SIGUSR1);		/* with a step in the handler */
	stacks_turn(t, 1);
	target_step(t);
}

static bool is_elsewhere(const struct target *t, unsigned int slot)
{
	uint64_t sp = *stacks_slot(t, slot, STACKS_SP);

	return sp < *stacks_slot(t, slot, STACKS_START) || sp > *stacks_slot(t, slot, STACKS_END);
}

TEST_F(stacks_where, in_a_signal_handler)
{
	pid_t pid;

	KIND_START(handler_body);
	pid = self->target.pid;
	EXPECT_TRUE(is_elsewhere(&self->target, 0));
	STACKS_ROW(0, "kind=thread start=%lx end=%lx size=128 guard=1 sp_depth=-",
		   STACKS_AT(0, STACKS_START), STACKS_AT(0, STACKS_END));
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main sp_depth=- vma=[stack]"));
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "kind=thread size=128 touched=%u sp_depth=%u", DEPTH, DEPTH);
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main sp_depth>=1"));
	STACKS_AGREE();
}

/* Where the stack of a coroutine may come from. */
enum { FROM_MALLOC, FROM_DATA, FROM_MMAP, SOURCES };

#define COROUTINE_PAGES 32

static char *coroutine_stack(unsigned int source, unsigned int which)
{
	static char data[2][COROUTINE_PAGES * 4096];
	char *at;

	switch (source) {
	case FROM_MALLOC:
		at = malloc(COROUTINE_PAGES * KIND_PAGE);
		break;
	case FROM_DATA:
		at = data[which];
		break;
	default:
		at = target_map(0, COROUTINE_PAGES + 1, KIND_RW, KIND_PRIVATE, -1);
		if (mprotect(at, KIND_PAGE, PROT_NONE))
			target_fail("mprotect");
		at += KIND_PAGE;
	}
	if (!at)
		target_fail("malloc");
	return at;
}

/* Take a step in a coroutine, and come back. */
static void run_coroutine(unsigned int source, unsigned int which)
{
	ucontext_t own, other;

	if (getcontext(&other))
		target_fail("getcontext");
	other.uc_stack.ss_sp = coroutine_stack(source, which);
	other.uc_stack.ss_size = COROUTINE_PAGES * KIND_PAGE;
	other.uc_link = &own;
	makecontext(&other, (void (*)(void))on_signal, 1, 0);
	if (swapcontext(&own, &other))
		target_fail("swapcontext");
}

static void park_in_a_coroutine(struct stacks_thread *me)
{
	self_thread = me;
	run_coroutine(me->slot, 0);
	stacks_wait_deep(me);
}

static void coroutine_body(struct target *t, void *arg)
{
	unsigned int source = *(unsigned int *)arg;

	for (unsigned int i = 0; i < SOURCES; i++)
		start(t, i, park_in_a_coroutine);
	run_coroutine(source, 1);
	stacks_turn(t, SOURCES);
	target_step(t);
}

TEST_F(stacks_where, in_a_coroutine)
{
	for (unsigned int source = 0; source < SOURCES; source++) {
		pid_t pid;

		ASSERT_EQ(0, target_fork(&self->target, coroutine_body, &source));
		pid = self->target.pid;
		EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main sp_depth=- vma=[stack]"));
		for (unsigned int i = 0; i < SOURCES; i++) {
			EXPECT_TRUE(is_elsewhere(&self->target, i));
			STACKS_ROW(i, "kind=thread start=%lx end=%lx size=128 guard=1 sp_depth=-",
				   STACKS_AT(i, STACKS_START), STACKS_AT(i, STACKS_END));
		}
		STACKS_AGREE();
		KIND_NEXT();
		EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main sp_depth>=1"));
		for (unsigned int i = 0; i < SOURCES; i++)
			STACKS_ROW(i, "kind=thread touched=%u sp_depth=%u", DEPTH + i, DEPTH + i);
		STACKS_AGREE();
		target_end(&self->target);
	}
}

/* Threads that no library made. */

static void raw_body(struct target *t, void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 2; i++)
		stacks_map(TARGET_ALONE(i), PAGES, i ? 0 : 3);
	for (unsigned int i = 0; i < 2; i++)
		stacks_start_raw(t, i, stacks_sp(TARGET_ALONE(i) + PAGES * KIND_PAGE, DEPTH));
	target_step(t);
}

TEST_F(stacks_where, without_tls)
{
	KIND_START(raw_body);
	STACKS_ROW(0, "kind=thread start=%llx size=128 limit=128 guard=3", TARGET_ALONE(0));
	STACKS_ROW(0, "touched=%d sp_depth=%d vma=[stack:%d]", DEPTH, DEPTH,
		   (int)STACKS_AT(0, STACKS_TID));
	STACKS_ROW(1, STACKS_NOTHING);
	STACKS_AGREE();
}

/* Threads that a library's thread made, whose TLS pointer they have. */
#define HEIRS 5

static void make_heirs(struct stacks_thread *me)
{
	for (unsigned int i = 1; i <= HEIRS; i++)
		stacks_start_raw(me->t, i, stacks_sp(TARGET_ALONE(i) + PAGES * KIND_PAGE, DEPTH));
	stacks_wait_deep(me);
}

static void heirs_body(struct target *t, void *arg)
{
	(void)arg;
	for (unsigned int i = 1; i <= HEIRS; i++)
		stacks_map(TARGET_ALONE(i), PAGES, 1);
	start(t, 0, make_heirs);
	target_step(t);
}

/* A stack is one thread's: the one that is on it. */
TEST_F(stacks_where, with_the_tls_of_another)
{
	KIND_START(heirs_body);
	STACKS_ROW(0, "kind=thread start=%lx end=%lx guard=1", STACKS_AT(0, STACKS_START),
		   STACKS_AT(0, STACKS_END));
	STACKS_ROW(0, "touched=%d sp_depth=%d vma=[stack:%d]", DEPTH, DEPTH,
		   (int)STACKS_AT(0, STACKS_TID));
	for (unsigned int i = 1; i <= HEIRS; i++)
		STACKS_ROW(i, STACKS_NOTHING);
	STACKS_AGREE();
}

/* As runtimes do it that manage stacks themselves: pieces of a heap. */
#define HEAP_THREADS 40
#define HEAP_PAGES (16 * KIND_HUGE)
#define HEAP_PIECE (HEAP_PAGES / (HEAP_THREADS + 1))

static void heap_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	target_map(at, HEAP_PAGES, KIND_RW, KIND_PRIVATE, -1);
	target_write((char *)at, HEAP_PAGES / 8, 8);
	for (unsigned int i = 0; i < HEAP_THREADS; i++)
		stacks_start_raw(t, i, at + (i + 1) * HEAP_PIECE * KIND_PAGE);
	target_step(t);
}

TEST_F(stacks_where, on_pieces_of_a_heap)
{
	KIND_START(heap_body);
	for (unsigned int i = 0; i < HEAP_THREADS; i++)
		STACKS_ROW(i, STACKS_NOTHING);
	EXPECT_EQ(0, stacks_thread(self->target.pid, self->target.pid, "kind=main"));
	STACKS_AGREE();
}

/* A thread's stack that grows. */
#define GROWING_PAGES 16
#define GROWING_LIMIT 1024

static void descend_twice(struct stacks_thread *me)
{
	stacks_descend(me, 64, stacks_park);
	stacks_descend(me, 100, stacks_return);
	stacks_wait_deep(me);
}

static void growing_body(struct target *t, void *arg)
{
	const struct rlimit limit = {
		.rlim_cur = GROWING_LIMIT * KIND_PAGE, .rlim_max = RLIM_INFINITY
	};
	uint64_t at = TARGET_ALONE(0) + (1ull << 30);

	(void)arg;
	if (setrlimit(RLIMIT_STACK, &limit))
		target_fail("setrlimit");
	target_map(at, GROWING_PAGES, KIND_RW, KIND_PRIVATE | MAP_STACK | MAP_GROWSDOWN, -1);
	thread[0] = (struct stacks_thread){ .t = t, .run = descend_twice, .depth = DEPTH };
	stacks_start_on(&thread[0], at, GROWING_PAGES);
	target_step(t);
	stacks_turn(t, 1);
	target_step(t);
	/* a neighbour that may not come nearer than the gap */
	target_map(at - 600 * KIND_PAGE, 1, PROT_READ, KIND_PRIVATE, -1);
	target_step(t);
}

TEST_F(stacks_where, on_a_stack_that_grows)
{
	uint64_t end = TARGET_ALONE(0) + (1ull << 30) + GROWING_PAGES * KIND_PAGE;

	KIND_START(growing_body);
	STACKS_ROW(0, "kind=thread start=%lx end=%lx size=64 limit=1024 guard=256",
		   end - 64 * KIND_PAGE, end);
	STACKS_ROW(0, "touched=64 sp_depth=64 headroom=960 vma=[stack:%d]",
		   (int)STACKS_AT(0, STACKS_TID));
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "kind=thread size=100 limit=1024 touched=100 sp_depth=30 headroom=924");
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "size=100 limit=1024 headroom=%d",
		   GROWING_PAGES + 600 - 1 - STACKS_GAP - 100);
	STACKS_AGREE();
}

/* The kernel merges memory above with the stack: its end is where the TLS is. */
static void merged_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	stacks_map(at, 3 * PAGES, 2);
	target_write((char *)at + PAGES * KIND_PAGE, 2 * PAGES, 1);
	thread[0] = (struct stacks_thread){ .t = t, .run = stacks_wait_deep, .depth = DEPTH };
	stacks_start_on(&thread[0], at, PAGES);
	target_step(t);
}

TEST_F(stacks_where, below_other_memory)
{
	KIND_START(merged_body);
	KIND_ROW(TARGET_ALONE(0), "size=384");
	STACKS_ROW(0, "kind=thread start=%llx size=128 guard=2 touched=%d sp_depth=%d headroom=%d",
		   TARGET_ALONE(0), DEPTH, DEPTH, PAGES - DEPTH);
	STACKS_AGREE();
}

/* Of the C library: one right below the other, with their guards between. */
static void adjacent_body(struct target *t, void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 8; i++)
		start(t, i, stacks_wait_deep);
	target_step(t);
}

TEST_F(stacks_where, adjacent_stacks)
{
	KIND_START(adjacent_body);
	for (unsigned int i = 0; i < 8; i++) {
		if (i)
			EXPECT_EQ(STACKS_AT(i - 1, STACKS_START) - KIND_PAGE,
				  STACKS_AT(i, STACKS_END));
		STACKS_ROW(i, "kind=thread start=%lx size=128 guard=1 touched=%u sp_depth=%u",
			   STACKS_AT(i, STACKS_START), DEPTH + i, DEPTH + i);
	}
	STACKS_AGREE();
}

TEST_HARNESS_MAIN
