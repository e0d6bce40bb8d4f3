// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: words, parameters, the event and reports may come from everywhere at
 * once while processes fault, map, fork and exec: each is answered as it should
 * be, nobody's memory suffers, no counter is left behind, and what is tracked
 * from then on is counted exactly.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/children.h"
#include "lib/faults.h"
#include "lib/kind.h"
#include "churn.h"
#include "storm.h"
#include "track.h"
#include "unload.h"

#define INSTANCE "/sys/kernel/tracing/instances/track_storm"

/* What each of those who disturb does again and again, to one of the workers. */
static int write_words(pid_t pid)
{
	static const char *const word[] = { "track", "reset", "untrack", "track", "untrack\n" };
	static unsigned int turn;
	int err = track_write(pid, word[turn++ % 5]);

	/* untracked by somebody else */
	return err == -EINVAL ? 0 : err;
}

static int switch_mode(pid_t pid)
{
	static unsigned int turn;

	(void)pid;
	usleep(100000);
	return procfile_write(TRACK_PARAMETER("track"), turn++ % 2 ? "none" : "all");
}

static int change_limit(pid_t pid)
{
	static unsigned int turn;

	(void)pid;
	usleep(10000);
	return procfile_write(TRACK_PARAMETER("max_memory"), turn++ % 2 ? "1" : "32");
}

static int switch_event(pid_t pid)
{
	static unsigned int turn;

	(void)pid;
	usleep(30000);
	return procfile_write(INSTANCE "/events/vminspect/fault/enable", turn++ % 2 ? "0" : "1");
}

static int read_all(pid_t pid)
{
	struct report r;
	int err = report_read(&r, pid);

	report_free(&r);
	free(procfile_read("/proc/vminspect/status", NULL));
	return err;
}

static const struct {
	const char *what;
	int (*once)(pid_t pid);
} disturb[] = {
	{ "write words", write_words },
	{ "write words, too", write_words },
	{ "switch all and none", switch_mode },
	{ "change max_memory", change_limit },
	{ "switch the event", switch_event },
	{ "read", read_all },
};

#define DISTURBERS (sizeof(disturb) / sizeof(disturb[0]))

struct disturbance {
	volatile unsigned long turns;
	volatile unsigned long wrong;
	volatile int error;
};

FIXTURE(track_storm)
{
	struct churn_result *result;
	struct disturbance *done;
	pid_t worker[CHURN_KINDS];
	pid_t disturber[DISTURBERS];
	uint64_t limit;
};

static void *shared(size_t size)
{
	void *mem = mmap(NULL, size, KIND_RW, KIND_SHARED, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

FIXTURE_SETUP(track_storm)
{
	ASSERT_EQ(0, machine_quiet());
	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	self->result = shared(CHURN_KINDS * sizeof(*self->result));
	self->done = shared(DISTURBERS * sizeof(*self->done));
	ASSERT_TRUE(self->result && self->done);
}

FIXTURE_TEARDOWN(track_storm)
{
	children_end(self->disturber, DISTURBERS);
	children_end(self->worker, CHURN_KINDS);
	procfile_write(INSTANCE "/events/vminspect/fault/enable", "0");
	rmdir(INSTANCE);
	machine_restore();
	/* its parameters as they are without any */
	EXPECT_EQ(0, unload_remove() ?: unload_insert());
}

static pid_t start_disturber(size_t which, struct disturbance *done, const pid_t *worker)
{
	pid_t test = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
	for (;;) {
		int err = disturb[which].once(worker[done->turns % CHURN_KINDS]);

		if (err) {
			done->error = -err;
			done->wrong++;
		}
		done->turns++;
		usleep(1000);
	}
}

TEST_F_TIMEOUT(track_storm, all_at_once, STORM_TIMEOUT)
{
	unsigned long turns[CHURN_KINDS];
	struct track_sums sums;

	for (size_t i = 0; i < CHURN_KINDS; i++) {
		self->worker[i] = churn_start(i, &self->result[i]);
		ASSERT_LT(0, self->worker[i]);
	}
	for (size_t i = 0; i < DISTURBERS; i++) {
		self->disturber[i] = start_disturber(i, &self->done[i], self->worker);
		ASSERT_LT(0, self->disturber[i]);
	}
	usleep((storm_soak() ?: 2 * STORM_SECONDS) * 1e6);
	children_end(self->disturber, DISTURBERS);
	for (size_t i = 0; i < DISTURBERS; i++) {
		diag("%s: %lu times", disturb[i].what, self->done[i].turns);
		EXPECT_LT(0, self->done[i].turns);
		EXPECT_EQ(0, self->done[i].wrong) {
			TH_LOG("'%s': expected success, seen %s", disturb[i].what,
			       strerror(self->done[i].error));
		}
	}
	procfile_write(INSTANCE "/events/vminspect/fault/enable", "0");

	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("max_memory"), "32"));
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		turns[i] = self->result[i].turns;
		ASSERT_EQ(0, process_stop(self->worker[i]));
		ASSERT_EQ(0, track_write(self->worker[i], "track"));
		ASSERT_EQ(0, track_write(self->worker[i], "reset"));
		ASSERT_EQ(0, kill(self->worker[i], SIGCONT));
	}
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		EXPECT_TRUE(churn_is_well(i, self->worker[i], &self->result[i], turns[i] + 1));
		ASSERT_EQ(0, process_stop(self->worker[i]));
		EXPECT_TRUE(track_sum(self->worker[i], &sums));
		EXPECT_LT(0, sums.own + sums.remote);
		EXPECT_EQ(0, sums.unattributed);
		/* of a vfork child under way, say */
		EXPECT_GE(1, sums.lost) {
			TH_LOG("'%s', pid %d", churn[i].what, self->worker[i]);
		}
	}

	children_end(self->worker, CHURN_KINDS);
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "none"));
	EXPECT_EQ(0, track_write(getpid(), "untrack"));
	EXPECT_TRUE(track_falls_to("tracked", 0));
	EXPECT_TRUE(track_falls_to("memory_bytes", 0));
}

TEST_HARNESS_MAIN
