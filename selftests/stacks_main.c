// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the process's first stack is one row of kind main: the mapping [stack],
 * with the limit that holds now; its headroom is what can really be touched before
 * the kernel refuses. It is the main thread's, unless that runs on another's stack.
 * Threads that come and go never spoil the rows of others.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/diag.h"
#include "lib/procfile.h"
#include "stacks.h"

STACKS_FIXTURE(stacks_main)

/* Words of this test. */
enum { GIVEN = STACKS_FREE, ANSWER, GO_ON };

static struct stacks_thread leader;

/* The mapping [stack] of a process, and the end of the one before it. */
static bool find_stack(pid_t pid, uint64_t *start, uint64_t *end, uint64_t *floor)
{
	char *maps = procfile_read_pid(pid, "maps", NULL), *line, *save = NULL;
	uint64_t last = 0;
	bool found = false;

	for (line = strtok_r(maps, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		*floor = last;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, start, end) != 2)
			break;
		last = *end;
		found = strstr(line, " [stack]");
	}
	free(maps);
	return found;
}

/* The target's main thread, in slot 0. */
static void become_leader(struct target *t)
{
	uint64_t floor;

	leader = (struct stacks_thread){ .t = t, .slot = 0 };
	*stacks_slot(t, 0, STACKS_TID) = gettid();
	if (!find_stack(t->pid, (uint64_t *)stacks_slot(t, 0, STACKS_START), &leader.end,
			&floor))
		target_fail("[stack] in maps");
	*stacks_slot(t, 0, STACKS_END) = leader.end;
}

static void set_limit(rlim_t soft)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit))
		target_fail("getrlimit");
	limit.rlim_cur = soft;
	if (setrlimit(RLIMIT_STACK, &limit))
		target_fail("setrlimit");
}

#define LIMIT_PAGES 1024
#define DEEP_PAGES 300

static void step_deep(struct stacks_thread *me)
{
	target_step(me->t);
}

static void depth_body(struct target *t, void *arg)
{
	(void)arg;
	become_leader(t);
	set_limit(LIMIT_PAGES * KIND_PAGE);
	stacks_descend(&leader, DEEP_PAGES, step_deep);
	stacks_descend(&leader, DEEP_PAGES / 2, step_deep);
}

TEST_F(stacks_main, depth)
{
	uint64_t start, end, floor;
	struct stacks s;
	pid_t pid;

	KIND_START(depth_body);
	pid = self->target.pid;
	ASSERT_TRUE(find_stack(pid, &start, &end, &floor));
	ASSERT_EQ(0, stacks_read(&s, pid));
	EXPECT_EQ(1, s.rows);
	EXPECT_EQ(0, stacks_fit(pid, &s));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, "kind=main start=%lx end=%lx size=%lu", start,
				   end, (end - start) / KIND_PAGE));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, "limit=1024 guard=256 vma=[stack]"));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, "sp_depth>=300 sp_depth<=304"));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, "touched>=300 touched<=304"));
	stacks_free(&s);
	STACKS_AGREE();
	KIND_NEXT();
	EXPECT_EQ(0, stacks_thread(pid, pid, "start=%lx sp_depth>=150 sp_depth<=154", start));
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main touched>=300 touched<=304"));
	STACKS_AGREE();
}

/* Each signal that a touch is refused is one jump back. */
static sigjmp_buf refused;

static void on_segv(int number)
{
	siglongjmp(refused, number);
}

static bool can_touch(uint64_t address)
{
	if (sigsetjmp(refused, 1))
		return false;
	*(volatile char *)address = 1;
	return true;
}

static void catch_segv(void)
{
	struct sigaction action = { .sa_handler = on_segv, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = 16 * KIND_PAGE };

	stack.ss_sp = target_map(TARGET_ALONE(15), 16, KIND_RW, KIND_PRIVATE, -1);
	if (sigaltstack(&stack, NULL) || sigaction(SIGSEGV, &action, NULL))
		target_fail("sigaltstack");
}

/* What may lie below the stack, PLACE pages below its end. */
#define PLACE 800

static void put_nothing(void)
{
}

static void put_accessible(void)
{
	target_map(leader.end - PLACE * KIND_PAGE, 2, PROT_READ, KIND_PRIVATE, -1);
}

static void put_inaccessible(void)
{
	target_map(leader.end - PLACE * KIND_PAGE, 2, PROT_NONE, KIND_PRIVATE, -1);
}

static void put_growable(void)
{
	target_map(leader.end - PLACE * KIND_PAGE, 2, KIND_RW, KIND_PRIVATE | MAP_GROWSDOWN, -1);
}

/*
 * The test says how many pages can still be touched (headroom): the target touches
 * the last of them, and then the one below.
 */
static void room_body(struct target *t, void *arg)
{
	void (*const *put)(void) = arg;
	uint64_t lowest;

	become_leader(t);
	catch_segv();
	set_limit(LIMIT_PAGES * KIND_PAGE);
	(*put)();
	target_step(t);
	lowest = leader.end - t->word[GIVEN] * KIND_PAGE;
	t->word[ANSWER] = can_touch(lowest);
	target_step(t);
	t->word[ANSWER] = can_touch(lowest - KIND_PAGE);
	target_step(t);
}

STACKS_FIXTURE(stacks_room)

/* What is put below the stack, pages that it can have then, is the next one refused? */
FIXTURE_VARIANT(stacks_room)
{
	void (*put)(void);
	uint64_t pages;
	bool refused;
};

FIXTURE_VARIANT_ADD(stacks_room, to_the_limit)
{
	.put = put_nothing, .pages = LIMIT_PAGES, .refused = true,
};

FIXTURE_VARIANT_ADD(stacks_room, to_the_gap)
{
	.put = put_accessible, .pages = PLACE - 2 - STACKS_GAP, .refused = true,
};

FIXTURE_VARIANT_ADD(stacks_room, to_what_is_inaccessible)
{
	.put = put_inaccessible, .pages = PLACE - 2, .refused = true,
};

/* That page is the other stack's. */
FIXTURE_VARIANT_ADD(stacks_room, to_what_grows)
{
	.put = put_growable, .pages = PLACE - 2, .refused = false,
};

static bool read_headroom(pid_t pid, uint64_t *touched, uint64_t *headroom)
{
	const struct stacks_row *row;
	struct stacks s;
	bool read = !stacks_read(&s, pid);

	row = read ? stacks_find(&s, pid) : NULL;
	if (row) {
		*touched = row->count[STACKS_TOUCHED];
		*headroom = row->count[STACKS_HEADROOM];
	}
	stacks_free(&s);
	return row;
}

TEST_F(stacks_room, headroom_is_what_can_be_touched)
{
	void (*put)(void) = variant->put;
	uint64_t touched = 0, headroom = 0;
	pid_t pid;

	ASSERT_EQ(0, target_fork(&self->target, room_body, &put));
	pid = self->target.pid;
	ASSERT_TRUE(read_headroom(pid, &touched, &headroom));
	EXPECT_EQ(variant->pages, touched + headroom);
	STACKS_AGREE();
	self->target.word[GIVEN] = touched + headroom;
	KIND_NEXT();
	EXPECT_EQ(1, self->target.word[ANSWER]);
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main touched=%lu size=%lu headroom=0",
				   variant->pages, variant->pages));
	STACKS_AGREE();
	KIND_NEXT();
	EXPECT_EQ(!variant->refused, self->target.word[ANSWER]);
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main touched=%lu headroom=0",
				   variant->pages));
}

static void wait_body(struct target *t, void *arg)
{
	(void)arg;
	become_leader(t);
	for (;;)
		target_step(t);
}

TEST_F(stacks_main, limit_follows_prlimit)
{
	struct rlimit old, limit;
	uint64_t start, end, floor;
	pid_t pid;

	KIND_START(wait_body);
	pid = self->target.pid;
	ASSERT_EQ(0, prlimit(pid, RLIMIT_STACK, NULL, &old));
	limit = old;
	/* as soon as it is set, and in whole pages */
	limit.rlim_cur = 700 * KIND_PAGE + 100;
	ASSERT_EQ(0, prlimit(pid, RLIMIT_STACK, &limit, NULL));
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main limit=700"));
	STACKS_AGREE();
	/* less than the stack already has */
	limit.rlim_cur = KIND_PAGE;
	ASSERT_EQ(0, prlimit(pid, RLIMIT_STACK, &limit, NULL));
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main limit=1"));
	STACKS_AGREE();
	limit.rlim_cur = RLIM_INFINITY;
	limit.rlim_max = RLIM_INFINITY;
	ASSERT_EQ(0, prlimit(pid, RLIMIT_STACK, &limit, NULL));
	ASSERT_TRUE(find_stack(pid, &start, &end, &floor));
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main limit=unlimited headroom<=%lu",
				   (end - floor) / KIND_PAGE - STACKS_GAP));
	STACKS_AGREE();
	ASSERT_EQ(0, prlimit(pid, RLIMIT_STACK, &old, NULL));
}

TEST_F(stacks_main, real_programs_have_one_row)
{
	static char *const argv[] = { "sleep", "1000", NULL };
	uint64_t start, end, floor;
	struct stacks s;
	pid_t pid;

	ASSERT_EQ(0, target_run(&self->target, argv));
	ASSERT_EQ(0, process_await_call(self->target.pid, SYS_clock_nanosleep));
	ASSERT_EQ(0, target_stop(&self->target));
	pid = self->target.pid;
	ASSERT_TRUE(find_stack(pid, &start, &end, &floor));
	ASSERT_EQ(0, stacks_read(&s, pid));
	EXPECT_EQ(1, s.rows);
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, "kind=main start=%lx end=%lx", start, end));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid,
				   "comm=sleep guard=256 sp_depth>=1 vma=[stack]"));
	stacks_free(&s);
	STACKS_AGREE();
}

/* A child of a thread: all it has of that thread is a copy of its stack. */
static void fork_in_thread(struct stacks_thread *me)
{
	pid_t parent = getpid();
	struct stacks_thread child = *me;

	child.slot = 1;
	*stacks_slot(me->t, 1, STACKS_END) = me->end;
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		*stacks_slot(me->t, 1, STACKS_TID) = gettid();
		stacks_wait_deep(&child);
	}
	stacks_wait_deep(me);
}

#define COPIED_PAGES 64
#define COPIED_DEPTH 20

static void forker_body(struct target *t, void *arg)
{
	static struct stacks_thread thread;

	(void)arg;
	thread = (struct stacks_thread){
		.t = t, .slot = 0, .run = fork_in_thread, .depth = COPIED_DEPTH
	};
	stacks_map(TARGET_ALONE(0), COPIED_PAGES, 1);
	stacks_start_on(&thread, TARGET_ALONE(0), COPIED_PAGES);
	stacks_await(t, 1);
	target_step(t);
}

TEST_F(stacks_main, child_of_a_thread_runs_on_its_stack)
{
	struct stacks s;
	pid_t child;

	KIND_START(forker_body);
	child = STACKS_AT(1, STACKS_TID);
	ASSERT_EQ(0, process_stop(child));
	ASSERT_EQ(0, stacks_read(&s, child));
	EXPECT_EQ(1, s.rows);
	EXPECT_EQ(0, stacks_expect(child, &s, child, "kind=thread start=%llx size=64 guard=1",
				   TARGET_ALONE(0)));
	EXPECT_EQ(0, stacks_expect(child, &s, child,
				   "touched=20 sp_depth=20 headroom=44 vma=[stack:%d]", child));
	stacks_free(&s);
	EXPECT_EQ(0, stacks_agree(child));
	STACKS_ROW(0, "kind=thread start=%llx touched=20 sp_depth=20", TARGET_ALONE(0));
	EXPECT_EQ(0, stacks_thread(self->target.pid, self->target.pid, "kind=main"));
	STACKS_AGREE();
}

/* Takes part in the handshake for the leader, which is gone. */
static void step_for_leader(struct stacks_thread *me)
{
	target_step(me->t);
	me->t->word[GO_ON] = 1;
	for (;;)
		target_step(me->t);
}

static void leaderless_body(struct target *t, void *arg)
{
	static struct stacks_thread thread;
	pthread_attr_t attr;

	(void)arg;
	thread = (struct stacks_thread){ .t = t, .slot = 0, .run = step_for_leader };
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * KIND_PAGE);
	stacks_launch(&thread, &attr);
	while (!t->word[GO_ON])
		usleep(1000);
	syscall(SYS_exit, 0);	/* this thread only */
}

TEST_F(stacks_main, dead_leader)
{
	char path[64];
	struct stacks s;
	pid_t tid, pid;

	KIND_START(leaderless_body);
	tid = STACKS_AT(0, STACKS_TID);
	pid = self->target.pid;
	EXPECT_EQ(0, stacks_thread(pid, pid, "kind=main"));
	self->target.word[GO_ON] = 0;
	/* process_stop() takes a zombie for the end of the process */
	EXPECT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(1, send(self->target.test_end, "", 1, 0));
	EXPECT_EQ(1, read(self->target.test_end, path, 1));
	for (int i = 0; i < 6000 && !process_is_zombie(pid); i++)
		usleep(10000);
	snprintf(path, sizeof(path), "/proc/vminspect/%d", tid);
	ASSERT_EQ(0, stacks_read_path(&s, path));
	EXPECT_TRUE(s.report.complete);
	EXPECT_EQ(2, s.rows);
	EXPECT_EQ(0, stacks_fit(pid, &s));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, STACKS_NOTHING));
	EXPECT_EQ(0, stacks_expect(pid, &s, tid, "kind=thread start=%lx end=%lx size=64 guard=1",
				   STACKS_AT(0, STACKS_START), STACKS_AT(0, STACKS_END)));
	stacks_free(&s);
}

/* Threads that live for a moment, beside two that stay. */
#define CREATORS 4
#define STAY 2
#define STORM_READERS 2
#define STORM_SECONDS 2
#define LEAST_REPORTS 3

static void *live_shortly(void *arg)
{
	volatile char frame[8192];

	frame[0] = 1;
	if ((uintptr_t)arg % 3)
		usleep(500);
	return (void *)(uintptr_t)frame[0];
}

static void create_for_ever(struct stacks_thread *me)
{
	pthread_t thread[8];

	*stacks_slot(me->t, me->slot, STACKS_PARKED) = 1;
	for (uintptr_t turn = 0;; turn++) {
		for (int i = 0; i < 8; i++)
			if (pthread_create(&thread[i], NULL, live_shortly, (void *)(turn + i)))
				target_fail("pthread_create");
		for (int i = 0; i < 8; i++)
			pthread_join(thread[i], NULL);
		me->t->word[ANSWER] += 8;
	}
}

static void storm_body(struct target *t, void *arg)
{
	static struct stacks_thread thread[STAY + CREATORS];

	(void)arg;
	for (unsigned int i = 0; i < STAY + CREATORS; i++) {
		thread[i] = (struct stacks_thread){
			.t = t, .slot = i, .depth = 10 + i,
			.run = i < STAY ? stacks_wait_deep : create_for_ever
		};
		stacks_start_sized(&thread[i], 64 * KIND_PAGE, KIND_PAGE);
	}
	target_step(t);
}

/* One report of the storm: always whole, and right for those who stay. */
static int read_storm(const struct target *t, unsigned long *rows)
{
	struct stacks s;
	int err = stacks_read(&s, t->pid), differences;

	if (err || !s.report.complete) {
		diag("pid %d: report: %s %s", t->pid, err ? strerror(-err) : "no [total]",
		     s.report.error);
		stacks_free(&s);
		return 1;
	}
	*rows += s.rows;
	differences = stacks_fit(t->pid, &s);
	differences += stacks_expect(t->pid, &s, t->pid, "kind=main vma=[stack]");
	for (unsigned int i = 0; i < STAY; i++) {
		pid_t tid = *stacks_slot(t, i, STACKS_TID);

		differences += stacks_expect(t->pid, &s, tid,
					     "kind=thread start=%lx size=64 guard=1",
					     *stacks_slot(t, i, STACKS_START));
		differences += stacks_expect(t->pid, &s, tid,
					     "touched=%d sp_depth=%d vma=[stack:%d]",
					     10 + i, 10 + i, tid);
	}
	stacks_free(&s);
	return differences;
}

static void __attribute__((noreturn)) storm_reader(const struct target *t)
{
	unsigned long reports = 0, rows = 0;
	time_t end = time(NULL) + STORM_SECONDS;
	int differences = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; (time(NULL) < end || reports < LEAST_REPORTS) && differences < 10; reports++)
		differences += read_storm(t, &rows);
	diag("%lu reports, %.1f threads in each", reports, (double)rows / reports);
	_exit(!!differences);
}

TEST_F(stacks_main, storm_of_threads)
{
	pid_t reader[STORM_READERS];
	uint64_t before;
	int status;

	KIND_START(storm_body);
	before = self->target.word[ANSWER];
	ASSERT_EQ(0, target_continue(&self->target));
	for (int i = 0; i < STORM_READERS; i++) {
		reader[i] = fork();
		if (!reader[i])
			storm_reader(&self->target);
		ASSERT_LT(0, reader[i]);
	}
	for (int i = 0; i < STORM_READERS; i++) {
		ASSERT_EQ(reader[i], waitpid(reader[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	diag("%" PRIu64 " threads came and went", self->target.word[ANSWER] - before);
	EXPECT_LT(before, self->target.word[ANSWER]);
	ASSERT_EQ(0, target_stop(&self->target));
	STACKS_AGREE();
}

TEST_HARNESS_MAIN
