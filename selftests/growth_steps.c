// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the events of a stack that grows are the changes that maps shows, each
 * with who, when, where and how far; at its limit there is one refused growth and
 * SIGSEGV, as without the module, and the refusal stays readable until the end.
 * A limit that changes while the process runs is followed.
 */
#include <sys/wait.h>

#include "growth.h"
#include "track.h"

GROWTH_FIXTURE(growth_steps)

#define PID (self->target.pid)
#define PAGE KIND_PAGE
#define STEP (UINT64_C(64) << 10)
#define MIB (UINT64_C(1) << 20)
#define MIB_PAGES (MIB / PAGE)

/* Something on the main stack of a forked target, whose frames are the test's. */
static uint64_t do_where(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	return (uintptr_t)&argument;
}

/** struct stack - the main stack of a process */
struct stack {
	uint64_t on;
	uint64_t start;
	uint64_t end;
};

/* By maps; with what its row says it grew. */
static bool read_stack(pid_t pid, uint64_t on, struct stack *stack, uint64_t *grows)
{
	const struct report_row *row = NULL;
	struct report r;

	if (!report_read(&r, pid))
		row = report_find(&r, on);
	stack->on = on;
	stack->start = growth_maps(pid, on);
	if (row && row->name && !strcmp(row->name, "[stack]")) {
		stack->end = row->end;
		*grows = row->count[REPORT_GROWS];
	} else {
		diag("pid %d: expected [stack] to hold %" PRIx64 ", seen %s", pid, on,
		     row && row->name ? row->name : "nothing");
		stack->end = 0;
	}
	report_free(&r);
	return stack->end;
}

/* Whether code is there, of the program itself or of a library. */
static bool is_code(pid_t pid, uint64_t ip, const char *path)
{
	const struct report_row *row = NULL;
	struct report r;
	bool is;

	if (!report_read(&r, pid))
		row = report_find(&r, ip);
	is = row && row->perms[2] == 'x' && row->name && strstr(row->name, path);
	if (!is)
		diag("pid %d: expected code of %s at %" PRIx64 ", seen %s", pid, path, ip,
		     row && row->name ? row->name : "nothing");
	report_free(&r);
	return is;
}

/* One touch, further down: an event if, and as, maps changes. */
TEST_F(growth_steps, are_those_of_maps)
{
	char comm[16] = "";
	struct stack stack;
	uint64_t grows, changes = 0;
	FILE *f;

	GROWTH_START();
	f = fopen("/proc/self/comm", "r");
	ASSERT_TRUE(f && fscanf(f, "%15s", comm) == 1);
	fclose(f);
	ASSERT_TRUE(read_stack(PID, GROWTH_CALL(do_where), &stack, &grows));
	EXPECT_EQ(0, grows);
	for (uint64_t size = STEP; size <= MIB; size += STEP) {
		const uint64_t before = stack.start, address = stack.end - size + 123;
		const uint64_t time = growth_clock();
		const struct growth_event *e;

		GROWTH_DO(growth_do_touch, address);
		ASSERT_TRUE(read_stack(PID, stack.on, &stack, &grows));
		changes += stack.start != before;
		EXPECT_EQ(changes, grows);
		GROWTH_CAME(stack.start != before);
		if (stack.start == before)
			continue;
		EXPECT_EQ(stack.end - size, stack.start);
		GROWTH_LAST("tid=%d comm=%s cause=fault address=%" PRIx64 " old_start=%" PRIx64
			    " new_start=%" PRIx64 " size=%" PRIu64 " limit=2048 result=grown", PID,
			    comm, address, before, stack.start, size / PAGE);
		e = growth_back(&self->growth, 1);
		ASSERT_NE(NULL, e);
		EXPECT_LT(time, e->time);
		EXPECT_GT(growth_clock(), e->time);
		EXPECT_TRUE(is_code(PID, e->ip, "growth_steps"));
		EXPECT_TRUE(e->sp >= before && e->sp < stack.end) {
			TH_LOG("pid %d: sp %" PRIx64 ", stack %" PRIx64 "-%" PRIx64, PID, e->sp,
			       before, stack.end);
		}
	}
	/* it is not larger than 128 KiB and some pages when a program begins */
	EXPECT_LE(12, changes);
	EXPECT_EQ(changes, self->growth.grown);
	EXPECT_EQ(0, self->growth.refused);
	KIND_AGREES();
}

TEST_F(growth_steps, of_a_program_are_one)
{
	char *const argv[] = { "sleep", "1000", NULL };
	uint64_t before = growth_clock();
	const struct growth_event *e;

	ASSERT_EQ(0, target_run(&self->target, argv));
	/* until it stands in its system call, having used its stack */
	ASSERT_EQ(0, process_await_call(PID, SYS_clock_nanosleep));
	GROWTH_CAME(1);
	GROWTH_LAST("tid=%d comm=sleep cause=exec ip=- sp=- limit=2048 result=grown", PID);
	e = growth_back(&self->growth, 1);
	ASSERT_NE(NULL, e);
	EXPECT_LT(before, e->time);
	EXPECT_EQ(1, growth_row(PID, e->new_start));
	EXPECT_EQ(e->new_start, growth_maps(PID, e->new_start));
}

/* Words that recursion tells of itself. */
enum { CODE = GROWTH_WORD, ADDRESS, DEPTH };

static struct target *recursing;

static void __attribute__((noinline)) recurse(uint64_t depth)
{
	volatile char frame[40000];

	recursing->word[DEPTH] = depth;
	frame[0] = 1;
	if (recursing->word[DEPTH] == depth)	/* always */
		recurse(depth + 1);
	recursing->word[DEPTH] = frame[0];
}

static void on_overflow(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	recursing->word[CODE] = info->si_code;
	recursing->word[ADDRESS] = (uintptr_t)info->si_addr;
	growth_body(recursing, NULL);
}

/* Does not come back: the signal's handler goes on as growth_body() does. */
static uint64_t do_recurse(struct target *t, volatile uint64_t *argument)
{
	(void)argument;
	recursing = t;
	growth_on_alternate_stack(on_overflow);
	recurse(0);
	return 0;
}

/* From old to new without a gap, down to where the stack is now. */
#define EXPECT_CHAIN(from, to) do {							\
	uint64_t at_ = (from);								\
											\
	for (size_t i_ = 0; i_ < self->growth.events; i_++) {				\
		const struct growth_event *e_ = &self->growth.event[i_];		\
											\
		if (strcmp(e_->result, "grown"))					\
			continue;							\
		EXPECT_EQ(at_, e_->old_start) {						\
			TH_LOG("pid %d: event %zu", PID, i_);				\
		}									\
		EXPECT_EQ(0, growth_event_is(PID, e_, "tid=%d cause=fault limit=2048", PID));	\
		at_ = e_->new_start;							\
	}										\
	EXPECT_EQ(to, at_);								\
} while (0)

TEST_F(growth_steps, of_a_recursion_end_at_the_limit)
{
	struct stack stack, deep;
	uint64_t grows, address;

	GROWTH_START();
	ASSERT_TRUE(read_stack(PID, GROWTH_CALL(do_where), &stack, &grows));
	(void)GROWTH_CALL(do_recurse);
	address = self->target.word[ADDRESS];
	EXPECT_EQ(SEGV_MAPERR, self->target.word[CODE]);
	ASSERT_TRUE(read_stack(PID, stack.on, &deep, &grows));

	GROWTH_CAME(grows + 1);
	EXPECT_EQ(1, self->growth.refused);
	EXPECT_EQ(grows, self->growth.grown);
	EXPECT_LE(150, grows);
	EXPECT_CHAIN(stack.start, deep.start);
	GROWTH_LAST("tid=%d cause=fault address=%" PRIx64 " old_start=%" PRIx64 " size=%" PRIu64
		    " limit=2048 result=refused:rlimit_stack", PID, address, deep.start,
		    (deep.end - (address & -PAGE)) / PAGE);
	KIND_AGREES();
}

/* What a recursion of an untracked process gets. */
static bool overflow(struct target *t, bool tracked, uint64_t *word)
{
	const uint64_t none[4] = { 0 };
	bool good = !target_fork(t, growth_body, NULL) &&
		    (tracked || !track_write(t->pid, "untrack")) &&
		    !growth_call(t, do_recurse, none);

	for (int i = CODE; good && i <= DEPTH; i++)
		word[i] = t->word[i];
	return good;
}

TEST_F(growth_steps, end_as_if_nobody_looked)
{
	uint64_t tracked[DEPTH + 1], untracked[DEPTH + 1];

	ASSERT_TRUE(overflow(&self->target, true, tracked));
	ASSERT_TRUE(overflow(&self->other, false, untracked));
	EXPECT_EQ(0, track_since(self->other.pid));
	for (int i = CODE; i <= DEPTH; i++) {
		EXPECT_EQ(untracked[i], tracked[i]) {
			TH_LOG("word %d of pid %d and pid %d", i, self->other.pid, PID);
		}
	}
}

/* Without a handler: killed by SIGSEGV. */
TEST_F(growth_steps, end_the_process)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		struct target t = { .word = calloc(TARGET_WORDS, sizeof(*t.word)) };

		recursing = &t;
		recurse(0);
		_exit(1);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) {
		TH_LOG("pid %d: expected death by SIGSEGV, seen wait status %x", pid, status);
	}
}

#define EVENTS 256

/* The refusal is the first row, then come the latest events. */
TEST_F(growth_steps, leave_the_last_refusal_readable)
{
	const uint64_t top = GROWTH_TOP(0);
	struct growth_event refused;

	GROWTH_START();
	(void)GROWTH_CALL(do_recurse);
	growth_free(&self->growth);
	ASSERT_EQ(0, growth_read(&self->growth, PID));
	self->mark = self->growth.events + self->growth.dropped;
	ASSERT_EQ(1, growth_count(&self->growth, "refused:"));
	refused = *growth_back(&self->growth, 1);

	/* on the alternate stack, in the handler */
	GROWTH_DO(growth_do_map, top, 1);
	for (int turn = 1; turn <= 3; turn++) {
		GROWTH_DO(growth_do_touch, top - (turn * 200 + 1) * PAGE, 200);
		GROWTH_CAME(200);
		GROWTH_ROW(top - 1, turn * 200);
		ASSERT_LE(1, growth_count(&self->growth, "refused:"));
		if (turn == 1)
			continue;
		EXPECT_EQ(EVENTS + 1, self->growth.events);
		EXPECT_EQ(0, memcmp(&refused, self->growth.event, sizeof(refused)));
		GROWTH_LAST("result=grown new_start=%" PRIx64, top - (turn * 200 + 1) * PAGE);
	}
	/* a new one takes its place */
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, top - 8 * MIB - PAGE));
	GROWTH_CAME(1);
	EXPECT_EQ(1, growth_count(&self->growth, "refused:"));
	EXPECT_EQ(EVENTS, self->growth.events);
	GROWTH_LAST("result=refused:rlimit_stack size=2049");
}

TEST_F(growth_steps, follow_setrlimit)
{
	struct stack stack;
	uint64_t grows, end;

	GROWTH_START();
	ASSERT_TRUE(read_stack(PID, GROWTH_CALL(do_where), &stack, &grows));
	end = stack.end;
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, end - 8 * MIB - 1));
	GROWTH_CAME(1);
	GROWTH_LAST("size=2049 limit=2048 result=refused:rlimit_stack address=%" PRIx64,
		    end - 8 * MIB - 1);

	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 12 * MIB + PAGE / 2);
	GROWTH_DO(growth_do_touch, end - 8 * MIB - 1);
	GROWTH_CAME(1);
	GROWTH_LAST("size=2049 limit=3072 result=grown");
	GROWTH_DO(growth_do_touch, end - 12 * MIB);
	GROWTH_CAME(1);
	GROWTH_LAST("size=3072 limit=3072 result=grown");
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, end - 12 * MIB - 1));
	GROWTH_CAME(1);
	GROWTH_LAST("size=3073 limit=3072 result=refused:rlimit_stack");

	GROWTH_DO(growth_do_limit, RLIMIT_STACK, RLIM_INFINITY);
	GROWTH_DO(growth_do_touch, end - 12 * MIB - 1);
	GROWTH_CAME(1);
	GROWTH_LAST("size=3073 limit=unlimited result=grown");

	/* less than it has already */
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, MIB);
	GROWTH_DO(growth_do_touch, end - 12 * MIB);
	GROWTH_CAME(0);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, end - 12 * MIB - PAGE - 1));
	GROWTH_CAME(1);
	GROWTH_LAST("size=3074 limit=256 result=refused:rlimit_stack");
	EXPECT_EQ(3, growth_row(PID, stack.on));
}

/* From outside, while it stands. */
TEST_F(growth_steps, follow_prlimit)
{
	struct rlimit limit = { 2 * MIB, RLIM_INFINITY };
	const uint64_t top = GROWTH_TOP(0);

	GROWTH_START();
	GROWTH_DO(growth_do_map, top, 4);
	ASSERT_EQ(0, prlimit(PID, RLIMIT_STACK, &limit, NULL));
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, top - 2 * MIB - 1));
	GROWTH_CAME(1);
	GROWTH_LAST("size=%" PRIu64 " limit=%" PRIu64 " result=refused:rlimit_stack",
		    2 * MIB_PAGES + 1, 2 * MIB_PAGES);
	limit.rlim_cur += PAGE;
	ASSERT_EQ(0, prlimit(PID, RLIMIT_STACK, &limit, NULL));
	GROWTH_DO(growth_do_touch, top - 2 * MIB - 1);
	GROWTH_CAME(1);
	GROWTH_LAST("size=%" PRIu64 " limit=%" PRIu64 " result=grown", 2 * MIB_PAGES + 1,
		    2 * MIB_PAGES + 1);
	GROWTH_ROW(top - 1, 1);
}

TEST_HARNESS_MAIN
