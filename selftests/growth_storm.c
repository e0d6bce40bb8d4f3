// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: of thousands of growths a second, in eight processes, none is counted
 * twice and none is lost, whoever reads, waits or resets meanwhile; threads that
 * let the same stack grow at once don't disturb that.
 */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "growth_load.h"
#include "lifetime.h"
#include "lib/children.h"
#include "track.h"

#define PROCESSES 8
#define SECONDS 4

FIXTURE(growth_storm)
{
	struct target target[PROCESSES];
	struct growth growth;
	pid_t reader[3];
	uint64_t missed;
};

FIXTURE_SETUP(growth_storm)
{
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));
	self->missed = track_status("growth_missed");
	ASSERT_NE(UINT64_MAX, self->missed);
}

FIXTURE_TEARDOWN(growth_storm)
{
	children_end(self->reader, 3);
	growth_free(&self->growth);
	for (int i = 0; i < PROCESSES; i++)
		target_end(&self->target[i]);
	machine_restore();
}

/* What each of those who disturb does again and again. */
static int read_all_of_them(void)
{
	DIR *dir = opendir("/proc/vminspect");
	struct dirent *entry;
	struct report r;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);
		int err = pid > 0 ? report_read(&r, pid) : -ESRCH;
		bool bad = err == -EBADMSG || (!err && !life_ok(0, &r, "a report"));

		if (!err || err == -EBADMSG)
			report_free(&r);
		if (bad) {
			closedir(dir);
			return -EBADMSG;
		}
	}
	if (dir)
		closedir(dir);
	return dir ? 0 : -errno;
}

static int wait_for_one(void)
{
	struct pollfd poll_fd = { .events = POLLPRI };
	static pid_t pid;

	/* whichever comes next */
	for (pid++; kill(pid, 0); pid++)
		if (pid > 100000)
			pid = 0;
	poll_fd.fd = report_open(pid, O_RDONLY);
	if (poll_fd.fd < 0)
		return 0;
	if (poll(&poll_fd, 1, 1) < 0)
		return -errno;
	close(poll_fd.fd);
	return 0;
}

static int read_status(void)
{
	char *text = procfile_read("/proc/vminspect/status", NULL);

	if (!text)
		return -errno;
	free(text);
	return 0;
}

static pid_t start_reader(int (*once)(void))
{
	pid_t test = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
	for (;;) {
		int err = once();

		if (err) {
			diag("reader: %s", strerror(-err));
			_exit(1);
		}
	}
}

/* All of what a process did is there, in its one mapping. */
#define EXPECT_COUNTED(t, count) do {						\
	growth_free(&self->growth);						\
	EXPECT_EQ(0, growth_read(&self->growth, (t)->pid));			\
	EXPECT_EQ(count, self->growth.grown) {					\
		TH_LOG("pid %d", (t)->pid);					\
	}									\
	EXPECT_EQ(count, growth_row((t)->pid, GROWTH_LOAD_TOP - 1));		\
	EXPECT_EQ(0, self->growth.unattributed + self->growth.gone);		\
	EXPECT_EQ(0, self->growth.refused);					\
} while (0)

TEST_F(growth_storm, eight_processes)
{
	uint64_t all = 0, began;

	for (int i = 0; i < PROCESSES; i++)
		ASSERT_EQ(0, target_fork(&self->target[i], growth_load_body, NULL));
	self->reader[0] = start_reader(read_all_of_them);
	self->reader[1] = start_reader(wait_for_one);
	self->reader[2] = start_reader(read_status);
	began = growth_clock();
	for (int i = 0; i < PROCESSES; i++)
		ASSERT_TRUE(growth_load_go(&self->target[i]));
	/* and twice as fast without readers */
	sleep(SECONDS / 2);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, waitpid(self->reader[i], NULL, WNOHANG));
	children_end(self->reader, 3);
	sleep(SECONDS / 2);
	for (int i = 0; i < PROCESSES; i++)
		ASSERT_TRUE(growth_load_stop(&self->target[i]));
	for (int i = 0; i < PROCESSES; i++) {
		const uint64_t count = self->target[i].word[GROWTH_LOAD_COUNT];

		EXPECT_LT(0, count);
		EXPECT_COUNTED(&self->target[i], count);
		all += count;
	}
	EXPECT_EQ(self->missed, track_status("growth_missed"));
	diag("%" PRIu64 " growths, %" PRIu64 " a second", all,
	     all * 1000000000 / (growth_clock() - began));
}

#define TURNS 20

/* Reset between turns: each counts from there. */
TEST_F(growth_storm, reset_between)
{
	struct target *t = self->target;
	uint64_t before = 0;

	ASSERT_EQ(0, target_fork(t, growth_load_body, NULL));
	for (int i = 0; i < TURNS; i++) {
		ASSERT_TRUE(growth_load_go(t));
		usleep(20000);
		ASSERT_TRUE(growth_load_stop(t));
		EXPECT_COUNTED(t, t->word[GROWTH_LOAD_COUNT] - before);
		before = t->word[GROWTH_LOAD_COUNT];
		ASSERT_EQ(0, track_write(t->pid, i % 2 ? "reset" : "untrack"));
		ASSERT_EQ(0, track_write(t->pid, "track"));
	}
}

#define THREADS 4
#define DEPTH 300
#define ROUNDS 20

static pthread_barrier_t round_begins;

/* Each page only after the one above: the stack grows by one page at a time. */
static void *descend(void *arg)
{
	const uint64_t page = KIND_PAGE;

	(void)arg;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&round_begins);
		for (uint64_t i = 1; i <= DEPTH; i++)
			*(volatile char *)(GROWTH_LOAD_TOP - i * page) = 1;
		if (pthread_barrier_wait(&round_begins) == PTHREAD_BARRIER_SERIAL_THREAD &&
		    munmap((void *)(GROWTH_LOAD_TOP - DEPTH * page), (DEPTH - 1) * page))
			target_fail("munmap");
	}
	return NULL;
}

static void race_body(struct target *t, void *arg)
{
	pthread_t thread[THREADS];

	(void)arg;
	target_map(GROWTH_LOAD_TOP - KIND_PAGE, 1, KIND_RW, GROWTH_FLAGS, -1);
	target_step(t);
	pthread_barrier_init(&round_begins, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, descend, NULL))
			target_fail("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
}

TEST_F(growth_storm, threads_on_one_stack)
{
	struct target *t = self->target;

	ASSERT_EQ(0, target_fork(t, race_body, NULL));
	EXPECT_COUNTED(t, 0);
	ASSERT_EQ(0, target_next(t));
	EXPECT_COUNTED(t, (uint64_t)ROUNDS * (DEPTH - 1));
	EXPECT_EQ(self->missed, track_status("growth_missed"));
}

TEST_HARNESS_MAIN
