// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a word that is written while a process forks, is in execve(), or exits does
 * what it says to the process and to who comes of it; whoever lives on in the memory of one
 * that is gone is none the worse for it.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "lib/machine.h"
#include "track.h"

FIXTURE(track_during)
{
	struct target target;
	struct target second;
	pid_t other;
	int fd;
};

FIXTURE_SETUP(track_during)
{
	self->fd = -1;
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, machine_set(TRACK_PARAMETER("track"), "none"));
	ASSERT_TRUE(track_status_becomes("probes", "off"));
}

FIXTURE_TEARDOWN(track_during)
{
	if (self->other > 0) {
		kill(self->other, SIGKILL);
		waitpid(self->other, NULL, 0);
	}
	target_end(&self->target);
	target_end(&self->second);
	if (self->fd >= 0)
		close(self->fd);
	/* nobody who was tracked is left */
	EXPECT_TRUE(track_falls_to("tracked", 0));
	EXPECT_TRUE(track_status_becomes("probes", "off"));
	EXPECT_TRUE(track_falls_to("record_bytes", 0));
	EXPECT_TRUE(track_falls_to("memory_bytes", 0));
	machine_restore();
}

#define PID (self->target.pid)

/* -------- it forks -------- */

#define CHILDREN 200

enum { WORD_MISSED };

static void fork_body(struct target *t, void *arg)
{
	(void)arg;
	target_step(t);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		int status;

		if (!child)
			_exit(track_since(getpid()) <= 0);
		if (child < 0 || waitpid(child, &status, 0) != child)
			target_fail("fork");
		t->word[WORD_MISSED] += !!status;
	}
	target_step(t);
}

/* Over and over, until it is killed. */
static pid_t start_resetting(int fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!track_put(fd, "reset"))
		;
	_exit(1);
}

TEST_F(track_during, reset_while_it_forks)
{
	int64_t since;

	KIND_START(fork_body);
	self->fd = report_open(PID, O_WRONLY);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, track_put(self->fd, "track"));
	since = track_since(PID);
	self->other = start_resetting(self->fd);
	ASSERT_LT(0, self->other);
	KIND_NEXT();
	EXPECT_EQ(0, waitpid(self->other, NULL, WNOHANG)) {
		TH_LOG("pid %d: reset failed", PID);
	}
	EXPECT_LT(since, track_since(PID));
	EXPECT_EQ(0, self->target.word[WORD_MISSED]) {
		TH_LOG("%d children forked while their parent was reset: %lu are not tracked",
		       CHILDREN, (unsigned long)self->target.word[WORD_MISSED]);
	}
}

/* -------- it is in execve() -------- */

enum { WORD_THREAD, WORD_GO };

static void *stay(void *arg)
{
	struct target *t = arg;

	t->word[WORD_THREAD] = gettid();
	for (;;)
		pause();
	return NULL;
}

/* Becomes a program when told to, once its other thread has exited. */
static void exec_body(struct target *t, void *arg)
{
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, stay, t))
		target_fail("pthread_create");
	while (!t->word[WORD_THREAD])
		usleep(1000);
	target_step(t);
	while (!t->word[WORD_GO])
		usleep(1000);
	execlp("sleep", "sleep", "1000", NULL);
	target_fail("exec");
}

/* Let the target call execve(), and keep it there: its other thread is held at its exit. */
static bool keep_in_exec(struct target *t)
{
	const long options = PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;
	const pid_t thread = t->word[WORD_THREAD];
	int status;

	if (kill(t->pid, SIGCONT) || send(t->test_end, "", 1, 0) != 1 ||
	    ptrace(PTRACE_SEIZE, thread, 0, options))
		return false;
	t->word[WORD_GO] = 1;
	do {
		if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status))
			return false;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			return true;
	} while (!ptrace(PTRACE_CONT, thread, 0, 0));
	return false;
}

/* Let it go on, until it is the new program. */
static bool leave_exec(struct target *t)
{
	return !ptrace(PTRACE_DETACH, t->word[WORD_THREAD], 0, 0) &&
	       !process_await_call(t->pid, SYS_clock_nanosleep);
}

TEST_F(track_during, track_while_in_exec)
{
	KIND_START(exec_body);
	ASSERT_TRUE(keep_in_exec(&self->target));
	EXPECT_EQ(0, track_write(PID, "track"));
	EXPECT_LT(0, track_since(PID));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_LT(0, track_since(PID)) {
		TH_LOG("pid %d: expected the new program to be tracked", PID);
	}
	ASSERT_EQ(0, target_stop(&self->target));
	EXPECT_EQ(0, faults_add_up(PID));
}

TEST_F(track_during, untrack_while_in_exec)
{
	KIND_START(exec_body);
	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_TRUE(keep_in_exec(&self->target));
	EXPECT_EQ(0, track_write(PID, "untrack"));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_EQ(0, track_since(PID)) {
		TH_LOG("pid %d: expected the new program not to be tracked", PID);
	}
	EXPECT_TRUE(track_status_becomes("probes", "off"));
}

/* It is tracked because everybody is, and no longer than that. */
TEST_F(track_during, untrack_while_everyone_is_tracked)
{
	KIND_START(exec_body);
	ASSERT_EQ(0, machine_set(TRACK_PARAMETER("track"), "all"));
	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_TRUE(keep_in_exec(&self->target));
	EXPECT_EQ(0, track_write(PID, "untrack"));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_LT(0, track_since(PID));
	ASSERT_EQ(0, machine_set(TRACK_PARAMETER("track"), "none"));
	EXPECT_EQ(0, track_since(PID)) {
		TH_LOG("pid %d: expected it not to be tracked any more", PID);
	}
}

/* The last word counts. */
TEST_F(track_during, both_while_in_exec)
{
	KIND_START(exec_body);
	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_TRUE(keep_in_exec(&self->target));
	EXPECT_EQ(0, track_write(PID, "untrack"));
	EXPECT_EQ(0, track_write(PID, "track"));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_LT(0, track_since(PID)) {
		TH_LOG("pid %d: expected the new program to be tracked", PID);
	}
	ASSERT_EQ(0, target_stop(&self->target));
	EXPECT_EQ(0, faults_add_up(PID));
}

/* A word that a thread writes, and what became of it. */
struct word {
	int fd;
	const char *word;
	int err;
};

static void *put_word(void *arg)
{
	struct word *word = arg;

	word->err = track_put(word->fd, word->word);
	return NULL;
}

#define ENDS 5
#define TRIES 10000

/* A word takes longer than what is left of the execve(). */
TEST_F(track_during, untrack_as_exec_ends)
{
	int done = 0;

	for (int i = 0; i < ENDS; i++) {
		struct word word;
		pthread_t thread;

		KIND_START(exec_body);
		self->fd = report_open(PID, O_WRONLY);
		ASSERT_LE(0, self->fd);
		ASSERT_EQ(0, track_put(self->fd, "track"));
		ASSERT_TRUE(keep_in_exec(&self->target));
		word = (struct word){ .fd = self->fd, .word = "untrack" };
		ASSERT_EQ(0, pthread_create(&thread, NULL, put_word, &word));
		for (int tries = 0; tries < TRIES && track_since(PID) > 0; tries++)
			;
		EXPECT_TRUE(leave_exec(&self->target));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_TRUE(!word.err || word.err == -ESRCH);
		if (!word.err) {
			EXPECT_EQ(0, track_since(PID)) {
				TH_LOG("pid %d: expected the new program not to be tracked", PID);
			}
			done++;
		}
		target_end(&self->target);
		close(self->fd);
		self->fd = -1;
	}
	EXPECT_LT(0, done);
	diag("%d of %d in time", done, ENDS);
}

#define MUCH 16384 /* pages */

static void exec_much_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), MUCH, KIND_RW, KIND_PRIVATE, -1);

	target_small_pages(at, MUCH);
	target_write(at, MUCH, 1);
	exec_body(t, arg);
}

/* Leaves next to nothing of a processor to a process, until it is killed. */
static pid_t starve(pid_t pid)
{
	const struct sched_param none = { 0 };
	cpu_set_t first;
	pid_t hog;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(pid, sizeof(first), &first) ||
	    sched_setscheduler(pid, SCHED_IDLE, &none))
		return -1;
	hog = fork();
	if (hog)
		return hog;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sched_setaffinity(0, sizeof(first), &first);
	for (;;)
		;
}

/* Nobody is tracked for longer than the probes stay armed for nobody. */
TEST_F(track_during, track_while_the_old_memory_goes)
{
	bool early;

	if (machine_kernel() >= 7002)
		SKIP(return, "the old memory goes when the new program is tracked");
	KIND_START(exec_much_body);
	ASSERT_TRUE(keep_in_exec(&self->target));
	EXPECT_EQ(0, track_write(PID, "track"));
	self->other = starve(PID);
	ASSERT_LT(0, self->other);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->target.word[WORD_THREAD], 0, 0));
	early = !track_falls_to("tracked", 0);
	sleep(2);
	early |= track_status("tracked") != 0;
	ASSERT_TRUE(track_status_is("probes", "on"));
	ASSERT_EQ(0, kill(self->other, SIGKILL));
	ASSERT_EQ(0, process_await_call(PID, SYS_clock_nanosleep));
	ASSERT_LT(0, track_since(PID)) {
		TH_LOG("pid %d: expected the new program to be tracked", PID);
	}
	if (early)
		SKIP(return, "the old memory went within 2 s");
}

#define PID_MAX "/proc/sys/kernel/pid_max"
#define LAST_PID "/proc/sys/kernel/ns_last_pid"

/* The module keeps words by number, modulo a number of which this is a multiple. */
#define DISTANCE 32768
#define SECOND_TRIES 20

/* A process that is told from the first by all of its number. */
static bool start_second(struct target *second, pid_t first)
{
	char last[16];

	if (machine_set(PID_MAX, "4194304"))
		return false;
	for (int i = 1; i <= SECOND_TRIES; i++) {
		snprintf(last, sizeof(last), "%d", first + i * DISTANCE - 1);
		if (procfile_write(LAST_PID, last) || target_fork(second, exec_body, NULL))
			return false;
		if (second->pid % DISTANCE == first % DISTANCE)
			return true;
		target_end(second);
	}
	return false;
}

#define SECOND (self->second.pid)

TEST_F(track_during, track_of_another_in_exec)
{
	KIND_START(exec_body);
	ASSERT_TRUE(start_second(&self->second, PID));
	ASSERT_TRUE(keep_in_exec(&self->target));
	ASSERT_TRUE(keep_in_exec(&self->second));
	EXPECT_EQ(0, track_write(SECOND, "track"));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_EQ(0, track_since(PID)) {
		TH_LOG("pid %d is tracked; asked for was %d", PID, SECOND);
	}
	ASSERT_TRUE(leave_exec(&self->second));
	EXPECT_LT(0, track_since(SECOND));
}

TEST_F(track_during, untrack_of_another_in_exec)
{
	KIND_START(exec_body);
	ASSERT_TRUE(start_second(&self->second, PID));
	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_EQ(0, track_write(SECOND, "track"));
	ASSERT_TRUE(keep_in_exec(&self->target));
	ASSERT_TRUE(keep_in_exec(&self->second));
	EXPECT_EQ(0, track_write(SECOND, "untrack"));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_LT(0, track_since(PID)) {
		TH_LOG("pid %d is not tracked any more; said was that of %d", PID, SECOND);
	}
	ASSERT_TRUE(leave_exec(&self->second));
	EXPECT_EQ(0, track_since(SECOND));
}

/* There is a place for the word of one of them. */
TEST_F(track_during, words_for_two_in_exec)
{
	KIND_START(exec_body);
	ASSERT_TRUE(start_second(&self->second, PID));
	ASSERT_TRUE(keep_in_exec(&self->target));
	ASSERT_TRUE(keep_in_exec(&self->second));
	EXPECT_EQ(0, track_write(PID, "track"));
	EXPECT_EQ(-EBUSY, track_write(SECOND, "track"));
	EXPECT_EQ(-EBUSY, track_write(SECOND, "untrack"));
	ASSERT_TRUE(leave_exec(&self->target));
	EXPECT_LT(0, track_since(PID));
	EXPECT_EQ(0, track_write(SECOND, "track"));
	ASSERT_TRUE(leave_exec(&self->second));
	EXPECT_LT(0, track_since(SECOND));
}

/* -------- it exits -------- */

#define ROUNDS 60
#define ROUND_US 500

enum { WORD_CHILD, WORD_DELAY };

static int exit_later(void *arg)
{
	struct target *t = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!t->word[WORD_DELAY])
		usleep(100);
	usleep(t->word[WORD_DELAY]);
	return 0;
}

/* A stack that grows by a page, and goes. */
static void grow_and_unmap(void)
{
	char *top = target_map(TARGET_ALONE(0), 1, KIND_RW, KIND_PRIVATE | MAP_GROWSDOWN, -1);

	top[-1] = 1;
	if (munmap(top - KIND_PAGE, 2 * KIND_PAGE))
		target_fail("munmap");
}

/* Another process in the same memory, which is reaped at once when it exits. */
static void share_body(struct target *t, void *arg)
{
	static char stack[16384] __attribute__((aligned(16)));

	(void)arg;
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int pid = clone(exit_later, stack + sizeof(stack), CLONE_VM | SIGCHLD, t);

		if (pid < 0)
			target_fail("clone");
		t->word[WORD_CHILD] = pid;
		target_step(t);
		while (!kill(pid, 0))
			usleep(1000);
		grow_and_unmap();
		t->word[WORD_DELAY] = 0;
	}
}

TEST_F(track_during, reset_of_one_that_is_reaped)
{
	int done = 0;

	KIND_START(share_body);
	for (int i = 0; i < ROUNDS; i++) {
		int fd = report_open(self->target.word[WORD_CHILD], O_WRONLY), err;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, track_put(fd, "track"));
		self->target.word[WORD_DELAY] = 1 + i * ROUND_US;
		err = track_put(fd, "reset");
		close(fd);
		ASSERT_TRUE(!err || err == -ESRCH);
		done += !err;
		/* it grows, and survives that */
		KIND_NEXT();
		EXPECT_LT(0, track_since(PID));
	}
	diag("%d of %d in time", done, ROUNDS);
}

TEST_HARNESS_MAIN
