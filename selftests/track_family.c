// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a forked child starts at 0; one that shares the memory of its parent
 * faults there, as somebody else (remote); exec starts a new count, whichever
 * thread does it; threads, also dead ones, are the process; with the process its
 * counters go.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "track.h"

KIND_FIXTURE(track_family)

#define PAGES 40

enum { WORD_CHILD, WORD_FAULTS, WORD_STAGE, WORD_REACHED };

#define PID (self->target.pid)

static char *map_pages(int slot)
{
	return target_map(TARGET_ALONE(slot), PAGES, KIND_RW, KIND_PRIVATE, -1);
}

/* In the child of the target: wait until the test wants that much of it. */
static void child_stage(struct target *t, uint64_t stage)
{
	t->word[WORD_REACHED] = stage;
	while (t->word[WORD_STAGE] <= stage)
		usleep(1000);
}

/* Let the child go on to a stage, and stop it there. */
static bool child_next(struct target *t, uint64_t stage)
{
	pid_t child = t->word[WORD_CHILD];

	t->word[WORD_STAGE] = stage;
	kill(child, SIGCONT);
	for (int i = 0; t->word[WORD_REACHED] < stage && i < 6000; i++)
		usleep(10000);
	return t->word[WORD_REACHED] == stage && !process_stop(child);
}

static void fork_body(struct target *t, void *arg)
{
	char *at = map_pages(0);
	pid_t child;

	(void)arg;
	target_write(at, PAGES, 1);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		child_stage(t, 1);
		target_write(at, 5, 2);
		target_write(map_pages(1), 7, 1);
		child_stage(t, 2);
		_exit(0);
	}
	t->word[WORD_CHILD] = child;
	target_step(t);
	target_write(at, 3, 1);
	target_step(t);
	waitpid(child, NULL, 0);
	target_write(at, 5, 1);
	target_step(t);
}

TEST_F(track_family, fork_starts_at_0)
{
	struct faults parent;
	pid_t child;

	KIND_START(fork_body);
	child = self->target.word[WORD_CHILD];
	ASSERT_TRUE(child_next(&self->target, 1));
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=%d", PAGES));
	EXPECT_EQ(0, faults_row_mark(PID, TARGET_ALONE(0), &parent));
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "anonflt=0"));
	EXPECT_EQ(0, faults_agree(PID));
	EXPECT_EQ(0, faults_agree(child));

	/* each copies for itself */
	KIND_NEXT();
	EXPECT_EQ(0, faults_row_since(PID, TARGET_ALONE(0), &parent, "cowflt=3"));
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "anonflt=0"));
	ASSERT_TRUE(child_next(&self->target, 2));
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "cowflt=5"));
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(1), "anonflt=7"));
	EXPECT_EQ(0, faults_agree(child));
	EXPECT_EQ(0, faults_row_since(PID, TARGET_ALONE(0), &parent, "cowflt=0"));

	/* and the child's end takes nothing from the parent */
	self->target.word[WORD_STAGE] = 3;
	kill(child, SIGCONT);
	KIND_NEXT();
	EXPECT_EQ(0, faults_row_since(PID, TARGET_ALONE(0), &parent, "cowflt=2"));
	EXPECT_EQ(0, faults_agree(PID));
}

struct sharer {
	char *at;
	uint64_t pages;
};

static int sharer_body(void *arg)
{
	struct sharer *s = arg;

	target_write(s->at, s->pages, 1);
	_exit(0);
}

static uint64_t wait_for_faults(pid_t child)
{
	struct rusage usage;

	if (wait4(child, NULL, __WALL, &usage) != child)
		target_fail("wait4");
	return usage.ru_minflt + usage.ru_majflt;
}

/* arg: flags of clone(2) that make the child share the memory. */
static void share_body(struct target *t, void *arg)
{
	char *at = map_pages(0), *stack = map_pages(1);
	struct sharer s = { at, 11 };
	pid_t child;

	target_write(stack, PAGES, 1);
	target_step(t);
	child = clone(sharer_body, stack + PAGES * KIND_PAGE, *(int *)arg | SIGCHLD, &s);
	if (child < 0)
		target_fail("clone");
	t->word[WORD_FAULTS] = wait_for_faults(child);
	target_step(t);
	target_write(at + 11 * KIND_PAGE, 4, 1);
	target_step(t);
}

/* What such a child did, as the kernel counted for it, is the parent's remote. */
#define EXPECT_SHARED(flags_) do {							\
	int flags = flags_;								\
											\
	ASSERT_EQ(0, target_fork(&self->target, share_body, &flags));			\
	EXPECT_EQ(0, faults_key(PID, "remote"));					\
	KIND_NEXT();									\
	EXPECT_LE(11, self->target.word[WORD_FAULTS]);					\
	EXPECT_EQ(self->target.word[WORD_FAULTS], faults_key(PID, "remote"));		\
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=11"));			\
	EXPECT_EQ(0, faults_agree(PID));						\
	KIND_NEXT();									\
	EXPECT_EQ(self->target.word[WORD_FAULTS], faults_key(PID, "remote"));		\
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=15"));			\
	EXPECT_EQ(0, faults_agree(PID));						\
} while (0)

TEST_F(track_family, vfork_child_is_remote)
{
	EXPECT_SHARED(CLONE_VFORK | CLONE_VM);
}

TEST_F(track_family, sharing_child_is_remote)
{
	EXPECT_SHARED(CLONE_VM);
}

static void *thread_body(void *arg)
{
	target_write(arg, 8, 1);
	return arg;
}

static void threads_body(struct target *t, void *arg)
{
	char *at = map_pages(0);
	pthread_t thread[4];

	(void)arg;
	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, thread_body, at + 8 * i * KIND_PAGE))
			target_fail("pthread_create");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
}

TEST_F(track_family, threads_are_the_process)
{
	KIND_START(threads_body);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=32"));
	EXPECT_EQ(0, faults_key(PID, "remote"));
	EXPECT_EQ(0, faults_agree(PID));
}

static void *exec_sleep(void *arg)
{
	execlp("sleep", "sleep", "1000", NULL);
	return arg;
}

/* Counts something, lets itself be traced, becomes a program; arg: whether a thread execs. */
static void exec_body(struct target *t, void *arg)
{
	pthread_t thread;

	target_write(map_pages(0), PAGES, 1);
	target_step(t);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		target_fail("PTRACE_TRACEME");
	raise(SIGSTOP);
	if (!*(bool *)arg)
		exec_sleep(NULL);
	else if (!pthread_create(&thread, NULL, exec_sleep, NULL))
		pthread_join(thread, NULL);
	target_fail("exec");
}

/* Let the target and all its threads run until its execve() has succeeded: it stands there. */
static bool run_to_exec(pid_t pid)
{
	const long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, options))
		return false;
	while (!ptrace(PTRACE_CONT, pid, 0, 0) || errno == ESRCH) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 || !WIFSTOPPED(status))
			return false;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
			return true;
	}
	return false;
}

/* Let the target run until it sleeps, then stop it for good. */
static bool run_and_detach(pid_t pid)
{
	return !ptrace(PTRACE_DETACH, pid, 0, 0) &&
	       !process_await_call(pid, SYS_clock_nanosleep) && !process_stop(pid);
}

/* After execve() nothing is left of before; from there on all is counted. */
static void expect_new_count(struct __test_metadata *_metadata, struct target *target,
			     bool by_thread)
{
	uint64_t stat, before;
	struct track_sums sums;
	int64_t since;
	pid_t pid;

	ASSERT_EQ(0, target_fork(target, exec_body, &by_thread));
	pid = target->pid;
	EXPECT_EQ(0, faults_row(pid, TARGET_ALONE(0), "anonflt=%d", PAGES));
	since = track_since(pid);
	before = track_stat(pid);
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ASSERT_EQ(1, send(target->test_end, "", 1, 0));
	ASSERT_TRUE(run_to_exec(pid));

	EXPECT_LT(since, track_since(pid));
	stat = track_stat(pid);
	ASSERT_TRUE(track_sum(pid, &sums));
	EXPECT_GE(stat - before, sums.own);
	EXPECT_EQ(0, sums.lost);
	EXPECT_EQ(0, sums.gone);
	stat -= sums.own;

	ASSERT_TRUE(run_and_detach(pid));
	ASSERT_TRUE(track_sum(pid, &sums));
	EXPECT_EQ(track_stat(pid) - stat, sums.own);
	EXPECT_LT(0, sums.own);
	EXPECT_EQ(0, sums.lost);
	EXPECT_EQ(0, faults_add_up(pid));
}

TEST_F(track_family, exec_starts_anew)
{
	expect_new_count(_metadata, &self->target, false);
}

TEST_F(track_family, exec_by_a_thread_starts_anew)
{
	expect_new_count(_metadata, &self->target, true);
}

static void vfork_exec_body(struct target *t, void *arg)
{
	pid_t child;

	(void)arg;
	target_step(t);
	child = vfork();
	if (!child) {
		/* dies with its parent, but shares its stack: no call more than needed */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("sleep", "sleep", "1000", NULL);
		_exit(127);
	}
	t->word[WORD_CHILD] = child;
	target_step(t);
}

/* What the child did before is remote in the parent, and nothing in the child. */
TEST_F(track_family, exec_after_vfork)
{
	struct track_sums parent, sums;
	pid_t child;

	KIND_START(vfork_exec_body);
	KIND_NEXT();
	child = self->target.word[WORD_CHILD];
	ASSERT_EQ(0, process_await_call(child, SYS_clock_nanosleep));
	ASSERT_EQ(0, process_stop(child));
	EXPECT_EQ(0, faults_agree(PID));
	EXPECT_EQ(0, faults_add_up(child));
	ASSERT_TRUE(track_sum(PID, &parent));
	ASSERT_TRUE(track_sum(child, &sums));
	EXPECT_LT(0, sums.own);
	EXPECT_GE(track_stat(child), parent.remote + sums.own);
	kill(child, SIGKILL);
}

#define PROCESSES 300

/* Start that many processes, each with some faults, and end them again. */
static void come_and_go(struct __test_metadata *_metadata, uint64_t *at_most)
{
	static pid_t pid[PROCESSES];
	int ready[2];
	char byte;

	ASSERT_EQ(0, pipe(ready));
	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			target_write(map_pages(0), PAGES, 1);
			if (write(ready[1], "", 1) == 1)
				pause();
			_exit(1);
		}
		ASSERT_LT(0, pid[i]);
	}
	for (int i = 0; i < PROCESSES; i++)
		ASSERT_EQ(1, read(ready[0], &byte, 1));
	*at_most = track_status("memory_bytes");
	EXPECT_LT(0, track_since(pid[0]));
	EXPECT_LT(0, track_since(pid[PROCESSES - 1]));
	for (int i = 0; i < PROCESSES; i++) {
		kill(pid[i], SIGKILL);
		ASSERT_EQ(pid[i], waitpid(pid[i], NULL, 0));
	}
	close(ready[0]);
	close(ready[1]);
}

/* What the test itself may need for its own faults meanwhile. */
#define OWN_BYTES 4096

TEST_F(track_family, three_hundred_leave_nothing)
{
	uint64_t tracked, before, at_most;

	come_and_go(_metadata, &at_most);
	usleep(500000);
	tracked = track_status("tracked");
	before = track_status("memory_bytes");
	come_and_go(_metadata, &at_most);
	EXPECT_LT(before + PROCESSES * 64, at_most);
	EXPECT_TRUE(track_falls_to("tracked", tracked));
	EXPECT_TRUE(track_falls_to("memory_bytes", before + OWN_BYTES));
}

TEST_F(track_family, end_frees)
{
	uint64_t tracked = track_status("tracked");

	KIND_START(threads_body);
	EXPECT_EQ(tracked + 1, track_status("tracked"));
	kill(PID, SIGKILL);
	/* its zombie has no memory any more */
	EXPECT_TRUE(track_falls_to("tracked", tracked));
	target_end(&self->target);
}

TEST_HARNESS_MAIN
