// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: of a whole program's life, with all its children, every page fault
 * is in a row or in [gone]: at the end of each process, what there is of it is
 * what the kernel itself counted since its last execve(), or its birth.
 *
 * Programs run traced, so that each process stands still where it has begun to
 * exit and still has its memory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "track.h"

#define TASKS 512

/**
 * struct task - a traced task
 * @tid: its id, 0 for a free place
 * @tgid: the process it is of
 * @announced: its parent has stopped to say that it was made
 * @held: it has stopped for the first time before that, and has to wait
 * @shares: the process has the memory of its parent, until it execs
 * @base: faults of the process before its count began
 */
struct task {
	pid_t tid;
	pid_t tgid;
	bool announced;
	bool held;
	bool shares;
	uint64_t base;
};

/**
 * struct life - a program and all its descendants
 * @task: those alive
 * @leader: the program's first process
 * @status: wait status of that
 * @checked: how many processes were compared at their end
 * @execs: how many of them had called execve()
 * @killed: how many ended without being asked
 * @signal: what the last of them died of
 * @wrong: how many were not right
 * @sums: of all compared
 */
struct life {
	struct task task[TASKS];
	pid_t leader;
	int status;
	int checked;
	int execs;
	int killed;
	int signal;
	int wrong;
	struct track_sums sums;
};

static struct task *find(struct life *life, pid_t tid)
{
	for (int i = 0; i < TASKS; i++)
		if (life->task[i].tid == tid)
			return &life->task[i];
	return NULL;
}

static pid_t group_of(pid_t tid)
{
	char *status = procfile_read_pid(tid, "status", NULL);
	uint64_t tgid = 0;

	if (status)
		procfile_key(status, "Tgid", &tgid);
	free(status);
	return tgid;
}

/* The task of that id, perhaps a new one; NULL if there are too many. */
static struct task *meet(struct life *life, pid_t tid)
{
	struct task *task = find(life, tid), *leader;

	if (task)
		return task;
	task = find(life, 0);
	if (!task) {
		diag("more than %d tasks", TASKS);
		life->wrong++;
		return NULL;
	}
	*task = (struct task){ .tid = tid, .tgid = group_of(tid) };
	leader = task->tgid == tid ? NULL : find(life, task->tgid);
	if (leader) {
		task->shares = leader->shares;
		task->base = leader->base;
	}
	return task;
}

/* Whether a task of a process can do nothing any more, its memory let go. */
static bool is_past(pid_t tgid, const char *tid)
{
	char path[320], *stat, *state;
	bool past;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", tgid, tid);
	stat = procfile_read(path, NULL);
	state = stat ? strrchr(stat, ')') : NULL;
	past = !state || state[2] == 'Z' || state[2] == 'X';
	free(stat);
	return past;
}

/* How many tasks of its process, but for itself, still have its memory. */
static int others_alive(const struct task *task)
{
	char path[64];
	struct dirent *entry;
	int alive = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", task->tgid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != task->tid)
			alive += !is_past(task->tgid, entry->d_name);
	if (dir)
		closedir(dir);
	return alive;
}

/* Whether others of its process stand before their end, too, or still run. */
static bool is_last(const struct life *life, const struct task *task)
{
	for (int i = 0; i < TASKS; i++)
		if (life->task[i].tid && life->task[i].tid != task->tid &&
		    life->task[i].tgid == task->tgid)
			return false;
	for (int i = 0; i < 3000 && others_alive(task); i++)
		usleep(10000);
	return true;
}

static void add(struct track_sums *to, const struct track_sums *sums)
{
	to->rows += sums->rows;
	to->gone += sums->gone;
	to->own += sums->own;
	to->remote += sums->remote;
	to->elsewhere += sums->elsewhere;
}

/* The last task of a process has begun to exit. */
static void check_end(struct life *life, const struct task *task)
{
	uint64_t stat = track_stat(task->tid);
	struct track_sums sums;
	bool good;

	if (task->shares)
		return;
	good = track_sum(task->tid, &sums);
	life->checked++;
	add(&life->sums, &sums);
	if (good && sums.own != stat - task->base) {
		diag("pid %d: own: expected %" PRIu64 " (stat %" PRIu64 " - %" PRIu64
		     " before), seen %" PRIu64, task->tgid, stat - task->base, stat, task->base,
		     sums.own);
		good = false;
	}
	if (good && (sums.lost || sums.unattributed)) {
		diag("pid %d: expected nothing lost, seen %" PRIu64 " lost, %" PRIu64
		     " unattributed of %" PRIu64, task->tgid, sums.lost, sums.unattributed,
		     sums.own);
		good = false;
	}
	life->wrong += !good;
}

/* Everything before counts for nothing, and there is one task left. */
static void execed(struct life *life, pid_t tgid)
{
	struct track_sums sums;
	struct task *task;

	for (int i = 0; i < TASKS; i++)
		if (life->task[i].tgid == tgid && life->task[i].tid != tgid)
			life->task[i].tid = 0;
	task = meet(life, tgid);
	if (!task)
		return;
	task->shares = false;
	if (!track_sum(tgid, &sums) || sums.own > track_stat(tgid)) {
		diag("pid %d: execve(): own: expected %" PRIu64 " at most, seen %" PRIu64, tgid,
		     track_stat(tgid), sums.own);
		life->wrong++;
	}
	task->base = track_stat(tgid) - sums.own;
	life->execs++;
}

static void died(struct life *life, pid_t tid, int status)
{
	struct task *task = find(life, tid);

	if (task)
		task->tid = 0;
	if (WIFSIGNALED(status)) {
		life->killed++;
		life->signal = WTERMSIG(status);
	}
	if (tid == life->leader)
		life->status = status;
}

/* A task says that it has made another, which may have stopped before. */
static void born(struct life *life, pid_t parent, int event)
{
	unsigned long tid;
	struct task *task;

	if (ptrace(PTRACE_GETEVENTMSG, parent, 0, &tid))
		return;
	task = meet(life, tid);
	if (!task)
		return;
	task->announced = true;
	task->shares |= task->tgid == task->tid && event != PTRACE_EVENT_FORK;
	if (task->held)
		ptrace(PTRACE_CONT, tid, 0, 0);
	task->held = false;
}

/* Deal with what a task has stopped for; return the signal that it is to get. */
static int stopped(struct life *life, struct task *task, int status)
{
	switch (status >> 16) {
	case 0:
		return WSTOPSIG(status);
	case PTRACE_EVENT_STOP:
		task->held = !task->announced;
		break;
	case PTRACE_EVENT_EXEC:
		execed(life, task->tgid);
		break;
	case PTRACE_EVENT_EXIT:
		if (is_last(life, task))
			check_end(life, task);
		task->tid = 0;
		break;
	default:
		born(life, task->tid, status >> 16);
	}
	return 0;
}

/* A task has stopped: let it go on, unless it has to wait. */
static void go_on(struct life *life, pid_t tid, int status)
{
	struct task *task = meet(life, tid);
	int signal = task ? stopped(life, task, status) : 0;

	if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, 0, 0);
	else if (!task || !task->held)
		ptrace(PTRACE_CONT, tid, 0, signal);
}

#define OPTIONS									\
	(PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |		\
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

static void __attribute__((noreturn)) become(char *const argv[])
{
	int null = open("/dev/null", O_RDWR);

	raise(SIGSTOP);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

/* Run a program to its end, and that of all its descendants. */
static int live(struct life *life, char *const argv[])
{
	int status;
	pid_t tid;

	memset(life, 0, sizeof(*life));
	life->leader = fork();
	if (!life->leader)
		become(argv);
	if (life->leader < 0 || waitpid(life->leader, &status, WUNTRACED) != life->leader ||
	    ptrace(PTRACE_SEIZE, life->leader, 0, OPTIONS))
		return -errno;
	meet(life, life->leader)->announced = true;
	if (kill(life->leader, SIGCONT))
		return -errno;
	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			go_on(life, tid, status);
		else
			died(life, tid, status);
	}
	return errno == ECHILD ? 0 : -errno;
}

FIXTURE(faults_life)
{
	struct life *life;
};

FIXTURE_SETUP(faults_life)
{
	ASSERT_EQ(0, machine_quiet());
	self->life = calloc(1, sizeof(*self->life));
	ASSERT_NE(NULL, self->life);
}

FIXTURE_TEARDOWN(faults_life)
{
	free(self->life);
	machine_restore();
}

/* At least so many processes, and faults of all of them together. */
#define EXPECT_LIFE(argv, processes, faults) do {					\
	struct life *life_ = self->life;						\
											\
	ASSERT_EQ(0, live(life_, argv));						\
	diag("%s: %d processes compared, %d execs, %d killed (%d); rows %" PRIu64	\
	     " + gone %" PRIu64 ", own %" PRIu64 ", remote %" PRIu64			\
	     ", elsewhere %" PRIu64, (argv)[0], life_->checked, life_->execs,		\
	     life_->killed, life_->signal, life_->sums.rows, life_->sums.gone,		\
	     life_->sums.own, life_->sums.remote, life_->sums.elsewhere);		\
	/* stress-ng kills its own that keep it waiting, and says that it failed */	\
	EXPECT_TRUE(!life_->status || life_->signal == SIGKILL) {			\
		TH_LOG("wait status %x", life_->status);				\
	}										\
	EXPECT_EQ(0, life_->wrong);							\
	EXPECT_LE(processes, life_->checked);						\
	EXPECT_LE(faults, life_->sums.rows + life_->sums.gone);				\
	EXPECT_LT(0, life_->sums.gone);							\
} while (0)

#define PYTHON										\
	"import argparse, asyncio, bz2, collections, concurrent.futures, csv, ctypes\n"	\
	"import datetime, decimal, difflib, email.message, fractions, hashlib, html\n"	\
	"import http.client, inspect, json, logging, lzma, mmap, multiprocessing\n"	\
	"import pathlib, pickle, platform, pprint, random, re, select, shutil, socket\n"	\
	"import ssl, statistics, string, subprocess, tempfile, threading, timeit\n"	\
	"import traceback, unittest, urllib.request, uuid, xml.dom.minidom, zipfile\n"

#define PYTHON_WORK									\
	PYTHON										\
	"def work():\n"									\
	"  for i in range(5):\n"							\
	"    d = {j: str(j) * 9 for j in range(3000)}\n"				\
	"    json.loads(json.dumps(d))\n"						\
	"    m = mmap.mmap(-1, 1 << 20)\n"						\
	"    m[::4096] = b'x' * 256\n"							\
	"    m.close()\n"								\
	"threads = [threading.Thread(target=work) for i in range(3)]\n"			\
	"[t.start() for t in threads]\n"						\
	"[t.join() for t in threads]\n"							\
	"for i in range(3):\n"								\
	"  subprocess.run(['true'], check=True)\n"					\
	"  if not os.fork():\n"								\
	"    work()\n"									\
	"    os._exit(0)\n"								\
	"  os.wait()\n"

TEST_F_TIMEOUT(faults_life, python_importing, 600)
{
	char *const argv[] = { "python3", "-c", PYTHON, NULL };

	EXPECT_LIFE(argv, 1, 1000);
}

TEST_F_TIMEOUT(faults_life, python_at_work, 600)
{
	char *const argv[] = { "python3", "-c", "import os\n" PYTHON_WORK, NULL };

	EXPECT_LIFE(argv, 7, 3000);
}

TEST_F_TIMEOUT(faults_life, shell, 600)
{
	char *const argv[] = {
		"bash", "-c", "for i in 1 2 3; do x=$x$(ls -l /etc | sort | wc); (: $x); done", NULL
	};

	EXPECT_LIFE(argv, 10, 1000);
}

#define STRESS(...)									\
	{ "stress-ng", "--temp-path", "/tmp", "--no-rand-seed", __VA_ARGS__, NULL }

TEST_F_TIMEOUT(faults_life, stress_all_of_them, 600)
{
	char *const argv[] = STRESS("--vm", "1", "--vm-bytes", "4M", "--vm-ops", "5", "--mmap",
				    "1", "--mmap-bytes", "1M", "--mmap-ops", "1", "--fork", "1",
				    "--fork-ops", "10", "--mremap", "1", "--mremap-bytes", "2M",
				    "--mremap-ops", "5", "--pthread", "1", "--pthread-ops", "3",
				    "--vfork", "1", "--vfork-ops", "10");

	EXPECT_LIFE(argv, 20, 2000);
}

TEST_HARNESS_MAIN
