// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: of 10,000 threads each has its row, and each row is right. (Of as many
 * as may have stacks, where a test may not have so many mappings.) What that costs
 * grows with their number, not faster; mmap_lock is let go of again and again for it,
 * so that no hold gets longer.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "lib/diag.h"
#include "lib/pagemap.h"
#include "lib/procfile.h"
#include "stacks.h"

STACKS_FIXTURE(stacks_many)

#define THREADS 10000
#define FEW (threads / 10)
#define STACK_PAGES 5

/* Words of this test; what is known of a thread is in memory that both have. */
enum { STARTED = STACKS_FREE, GO_ON, COPY };

struct one {
	pid_t tid;
	uint32_t depth;
	uint64_t end;
};

static struct one *one;
static unsigned int threads;
static struct target *target;

/* Deeper by a page for two threads of three. */
static __attribute__((noinline)) void wait_for_good(struct one *me)
{
	uint64_t sp;

	asm volatile("mov %%rsp, %[sp]" : [sp] "=r"(sp));
	me->depth = me->end / KIND_PAGE - sp / KIND_PAGE;
	*(volatile char *)(sp - 8) = 1;
	__atomic_add_fetch(&target->word[STARTED], 1, __ATOMIC_SEQ_CST);
	for (;;)
		stacks_call(&sp, SYS_futex, (long)&target->word[GO_ON], FUTEX_WAIT, 0, 0);
}

static void *begin(void *arg)
{
	struct one *me = arg;
	volatile char *frame;

	me->tid = gettid();
	me->end = stacks_page_up(pthread_self());
	frame = __builtin_alloca((me - one) % 3 * KIND_PAGE);
	frame[0] = 1;
	wait_for_good(me);
	return NULL;
}

/* A process with the same mappings and one thread, for as long as its parent waits. */
static pid_t copy_mappings(struct target *t)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		target_fail("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent && !t->word[GO_ON])
		usleep(10000);
	_exit(0);
}

static void many_body(struct target *t, void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	target = t;
	pthread_attr_init(&attr);
	errno = pthread_attr_setstacksize(&attr, STACK_PAGES * KIND_PAGE);
	if (errno)
		target_fail("pthread_attr_setstacksize");
	for (unsigned int i = 0; i < threads; i++) {
		errno = pthread_create(&thread, &attr, begin, &one[i]);
		if (errno)
			target_fail("pthread_create");
		if (i + 1 != FEW && i + 1 != threads)
			continue;
		while (t->word[STARTED] <= i)
			usleep(1000);
		t->word[COPY] = copy_mappings(t);
		target_step(t);
	}
}

static int compare_tid(const void *a, const void *b)
{
	const struct one *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Pages of a thread's stack down to the deepest that holds memory. */
static uint64_t touched(int pagemap, const struct one *is)
{
	uint64_t entry[STACK_PAGES], i = 0;

	if (pagemap_read(pagemap, is->end - STACK_PAGES * KIND_PAGE, entry, STACK_PAGES))
		return 0;
	while (i < STACK_PAGES && !(entry[i] & PAGEMAP_PRESENT))
		i++;
	return STACK_PAGES - i;
}

/* A thread's row beside what the thread itself said, and pagemap. */
static bool is_right(const struct stacks_row *row, const struct one *is, int pagemap)
{
	uint64_t used = touched(pagemap, is);
	char name[32];

	snprintf(name, sizeof(name), "[stack:%d]", is->tid);
	if (!strcmp(row->kind, "thread") && row->end == is->end &&
	    row->start == is->end - STACK_PAGES * KIND_PAGE && row->count[STACKS_GUARD] == 1 &&
	    row->count[STACKS_SP_DEPTH] == is->depth && row->count[STACKS_TOUCHED] == used &&
	    row->count[STACKS_HEADROOM] == STACK_PAGES - used && !strcmp(row->vma, name))
		return true;
	diag("thread %d: expected end %" PRIx64 ", sp_depth %u, touched %" PRIu64 ", seen %s %"
	     PRIx64 "-%" PRIx64 ", %" PRIu64 ", %" PRIu64 ", %s", is->tid, is->end, is->depth,
	     used, row->kind, row->start, row->end, row->count[STACKS_SP_DEPTH],
	     row->count[STACKS_TOUCHED], row->vma);
	return false;
}

/* Rows that are missing, or not right; the first of these is printed. */
static unsigned int wrong_rows(pid_t pid, const struct stacks *s, size_t wanted)
{
	struct one *sorted = malloc(wanted * sizeof(*sorted));
	int pagemap = pagemap_open(pid);
	size_t seen = 0, wrong = 0;

	memcpy(sorted, one, wanted * sizeof(*sorted));
	qsort(sorted, wanted, sizeof(*sorted), compare_tid);
	for (size_t i = 0; i < s->rows && !wrong; i++) {
		const struct one key = { .tid = s->row[i].tid };
		const struct one *is = bsearch(&key, sorted, wanted, sizeof(key), compare_tid);

		seen += !!is;
		wrong += is && !is_right(&s->row[i], is, pagemap);
	}
	free(sorted);
	close(pagemap);
	if (!wrong && (seen != wanted || s->rows != wanted + 1))
		diag("pid %d: expected %zu rows, and 1 of the main thread, seen %zu of %zu", pid,
		     wanted, seen, s->rows);
	return wrong + (wanted - seen);
}

/*
 * How often mmap_lock was taken for the threads: what a process with the same mappings
 * and one thread has not. What is done in one hold is bounded, so that counts the
 * work; time does not on a machine whose clock goes on while its host does other things.
 */
static bool holds_for_threads(uint64_t *holds, const struct target *t)
{
	struct report with, without;
	uint64_t same = 0;
	bool good;

	good = !report_read(&with, t->pid) && report_number(&with, "total", "holds", holds);
	report_free(&with);
	good &= !report_read(&without, t->word[COPY]) &&
		report_number(&without, "total", "holds", &same);
	report_free(&without);
	diag("%" PRIu64 " threads: %" PRIu64 " holds; the same without: %" PRIu64,
	     t->word[STARTED], *holds, same);
	*holds -= same;
	return good && (int64_t)*holds >= 0;
}

static int at_least(const char *path, const char *value)
{
	char *text = procfile_read(path, NULL);
	bool enough = text && atol(text) >= atol(value);

	free(text);
	return enough ? 0 : machine_set(path, value);
}

/* Stacks that may be looked for in one hold, at most. */
#define MOST_IN_A_HOLD 100

/*
 * Ten times the threads cost ten times as much, and what begins anew with each hold. The
 * holds for few threads are a number rounded down, and may be none.
 */
#define MOST_GROWTH 15

TEST_F(stacks_many, ten_thousand_threads)
{
	uint64_t few = 0, many = 0;
	struct stacks s;

	ASSERT_EQ(0, at_least("/proc/sys/kernel/threads-max", "20000"));
	ASSERT_EQ(0, at_least("/proc/sys/kernel/pid_max", "32768"));
	ASSERT_EQ(0, at_least("/proc/sys/vm/max_map_count", "65530"));
	/* a stack and its guard each */
	threads = machine_mappings(2 * THREADS) / 2;
	one = mmap(NULL, threads * sizeof(*one), KIND_RW, KIND_SHARED, -1, 0);
	ASSERT_NE(MAP_FAILED, one);

	KIND_START(many_body);
	ASSERT_EQ(0, stacks_read(&s, self->target.pid));
	EXPECT_EQ(0, wrong_rows(self->target.pid, &s, FEW));
	stacks_free(&s);
	ASSERT_TRUE(holds_for_threads(&few, &self->target));
	EXPECT_LE(FEW / MOST_IN_A_HOLD, few);

	KIND_NEXT();
	ASSERT_EQ(0, stacks_read(&s, self->target.pid));
	EXPECT_TRUE(s.report.complete);
	EXPECT_EQ(0, wrong_rows(self->target.pid, &s, threads));
	EXPECT_EQ(0, stacks_fit(self->target.pid, &s));
	stacks_free(&s);
	ASSERT_TRUE(holds_for_threads(&many, &self->target));
	EXPECT_LE(threads / MOST_IN_A_HOLD, many);
	EXPECT_GE(MOST_GROWTH * (few + 1), many);
}

TEST_HARNESS_MAIN
