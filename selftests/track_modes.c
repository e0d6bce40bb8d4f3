// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: with track=all every process is tracked: those there are when the
 * module is loaded or told so from then on, new ones from their first
 * instruction. With track=none only those are that were asked for, and their
 * children, and without any of them no probe is armed. From one to the other at
 * any time: what was asked for stays tracked, and its counts go on.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/sysinfo.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "churn.h"
#include "track.h"
#include "unload.h"

enum { ASKED, OTHER, NEW, TARGETS };

FIXTURE(track_modes)
{
	struct target target[TARGETS];
	struct churn_result *result;
	pid_t worker[CHURN_KINDS];
	pid_t child;
};

FIXTURE_SETUP(track_modes)
{
	(void)self;
	ASSERT_EQ(0, machine_quiet());
}

static int reload(const char *parameters)
{
	int err = unload_is_loaded() ? unload_remove() : 0;

	return err ?: unload_insert_with(parameters);
}

FIXTURE_TEARDOWN(track_modes)
{
	for (int i = 0; i < TARGETS; i++)
		target_end(&self->target[i]);
	if (self->child > 0)
		kill(self->child, SIGKILL);
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		if (self->worker[i] <= 0)
			continue;
		kill(self->worker[i], SIGKILL);
		waitpid(self->worker[i], NULL, 0);
	}
	machine_restore();
	EXPECT_EQ(0, reload(""));
}

static int set_mode(const char *mode)
{
	return procfile_write(TRACK_PARAMETER("track"), mode);
}

#define PIECE 10

enum { WORD_CHILD };

/*
 * A child that then waits, or execs. It has done so on return: the report of one that execs
 * between open and read comes to its end at once.
 */
static pid_t start_child(const char *how)
{
	int done[2];
	pid_t child;
	char byte;

	if (pipe2(done, O_CLOEXEC))
		target_fail("pipe2");
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child) {
		if (!strcmp(how, "exec"))
			execlp("sleep", "sleep", "1000", NULL);
		close(done[1]);
		for (;;)
			pause();
	}
	close(done[1]);
	while (read(done[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(done[0]);
	return child;
}

/* Ten new pages a step; with the first of them, a child. */
static void work_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 100 * PIECE, KIND_RW, KIND_PRIVATE, -1);

	target_small_pages(at, 100 * PIECE);
	target_step(t);
	for (int i = 0; i < 100; i++) {
		target_write(at + i * PIECE * KIND_PAGE, PIECE, 1);
		if (!i && arg)
			t->word[WORD_CHILD] = start_child(arg);
		target_step(t);
	}
}

#define START(i, child) ASSERT_EQ(0, target_fork(&self->target[i], work_body, child))
#define NEXT(i) ASSERT_EQ(0, target_next(&self->target[i]))
#define PID(i) (self->target[i].pid)
/* The child of a target, which may outlive it. */
#define CHILD(i) (self->child = self->target[i].word[WORD_CHILD])

/* All its faults since it was tracked are known: as many as stat has more than then. */
#define EXPECT_COUNTED(pid, stat) do {						\
	uint64_t now_ = track_stat(pid);					\
	struct track_sums sums_;						\
										\
	ASSERT_TRUE(track_sum(pid, &sums_));					\
	EXPECT_EQ(now_ - (stat), sums_.own) {					\
		TH_LOG("pid %d: own faults", pid);				\
	}									\
	EXPECT_EQ(0, sums_.lost);						\
	EXPECT_EQ(0, sums_.unattributed);					\
} while (0)

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static uint64_t read_parameter(const char *path)
{
	char *text = procfile_read(path, NULL);
	uint64_t number = text ? strtoull(text, NULL, 10) : UINT64_MAX;

	free(text);
	return number;
}

TEST_F(track_modes, defaults)
{
	struct sysinfo info;
	uint64_t percent, set;
	char *text;

	ASSERT_EQ(0, reload(""));
	text = procfile_read(TRACK_PARAMETER("track"), NULL);
	EXPECT_STREQ("all\n", text ?: "nothing");
	free(text);
	EXPECT_TRUE(track_status_is("track", "all"));
	EXPECT_TRUE(track_status_is("probes", "on"));

	ASSERT_EQ(0, sysinfo(&info));
	percent = ((uint64_t)info.totalram * info.mem_unit >> 20) / 100;
	set = read_parameter(TRACK_PARAMETER("max_memory"));
	EXPECT_EQ(percent < 16 ? 16 : percent, set);
	EXPECT_EQ(set << 20, track_status("max_memory_bytes"));
}

TEST_F(track_modes, max_memory_is_a_parameter)
{
	ASSERT_EQ(0, reload("max_memory=20"));
	EXPECT_EQ(20, read_parameter(TRACK_PARAMETER("max_memory")));
	EXPECT_EQ(20 << 20, track_status("max_memory_bytes"));
	EXPECT_EQ(0, procfile_write(TRACK_PARAMETER("max_memory"), "30\n"));
	EXPECT_EQ(30, read_parameter(TRACK_PARAMETER("max_memory")));
	EXPECT_EQ(30 << 20, track_status("max_memory_bytes"));
}

TEST_F(track_modes, all_from_loading_on)
{
	int64_t before, after, since;
	uint64_t stat;

	ASSERT_EQ(0, unload_ensure() ?: unload_remove());
	START(OTHER, NULL);
	NEXT(OTHER);
	stat = track_stat(PID(OTHER));
	before = now();
	ASSERT_EQ(0, unload_insert_with("track=all"));
	after = now();

	since = track_since(PID(OTHER));
	EXPECT_LE(before, since);
	EXPECT_GE(after, since);
	EXPECT_COUNTED(PID(OTHER), stat);
	EXPECT_EQ(0, faults_row(PID(OTHER), TARGET_ALONE(0), "anonflt=0"));
	NEXT(OTHER);
	EXPECT_COUNTED(PID(OTHER), stat);
	EXPECT_EQ(0, faults_row(PID(OTHER), TARGET_ALONE(0), "anonflt=%d", PIECE));
}

TEST_F(track_modes, all_from_birth)
{
	ASSERT_EQ(0, reload("track=all"));
	START(NEW, "exec");
	EXPECT_COUNTED(PID(NEW), 0);
	EXPECT_EQ(0, faults_agree(PID(NEW)));
	NEXT(NEW);
	EXPECT_COUNTED(PID(NEW), 0);
	EXPECT_LT(0, track_since(CHILD(NEW)));
	EXPECT_LT(0, track_since(getpid()));
	EXPECT_LT(0, track_since(1));
}

TEST_F(track_modes, none_at_all)
{
	START(OTHER, NULL);
	ASSERT_EQ(0, reload("track=none"));
	EXPECT_TRUE(track_status_is("track", "none"));
	EXPECT_TRUE(track_status_is("probes", "off"));
	EXPECT_EQ(0, track_status("tracked"));
	START(NEW, "exec");
	NEXT(OTHER);
	NEXT(NEW);
	EXPECT_EQ(0, track_since(PID(OTHER)));
	EXPECT_EQ(0, track_since(PID(NEW)));
	EXPECT_EQ(0, track_since(CHILD(NEW)));
	EXPECT_EQ(0, track_since(getpid()));
	EXPECT_EQ(0, track_status("tracked"));
	EXPECT_EQ(0, track_status("memory_bytes"));
	EXPECT_TRUE(track_status_is("probes", "off"));
}

/* So many address spaces and no more; what ends does so in the module's own time. */
#define EXPECT_TRACKED(count) do {							\
	EXPECT_TRUE(track_falls_to("tracked", count));					\
	EXPECT_EQ(count, track_status("tracked"));					\
	EXPECT_TRUE(track_status_becomes("probes", (count) ? "on" : "off"));		\
} while (0)

/* What was asked for, a child of it, one that execs: each is tracked by itself. */
#define ASKED_WITH_CHILD(how)								\
	uint64_t stat;									\
	pid_t child;									\
											\
	ASSERT_EQ(0, reload("track=none"));						\
	START(ASKED, how);								\
	stat = track_stat(PID(ASKED));							\
	ASSERT_EQ(0, track_write(PID(ASKED), "track"));					\
	EXPECT_TRACKED(1);								\
	NEXT(ASKED);									\
	child = CHILD(ASKED);								\
	EXPECT_LT(0, track_since(child));						\
	EXPECT_TRACKED(2);								\
	EXPECT_EQ(0, track_since(getpid()));						\
	START(OTHER, NULL);								\
	EXPECT_EQ(0, track_since(PID(OTHER)));						\
	EXPECT_COUNTED(PID(ASKED), stat)

TEST_F(track_modes, none_but_the_asked)
{
	ASKED_WITH_CHILD("wait");
	ASSERT_EQ(0, process_stop(child));
	EXPECT_COUNTED(child, 0);
	EXPECT_EQ(0, track_write(PID(ASKED), "untrack"));
	EXPECT_TRACKED(1);
	EXPECT_EQ(0, track_since(PID(ASKED)));
	EXPECT_LT(0, track_since(child));
	EXPECT_EQ(0, track_write(child, "untrack"));
	EXPECT_TRACKED(0);
	EXPECT_EQ(0, track_since(child));
}

/* Whether a process runs a program of that name. */
static bool runs(pid_t pid, const char *name)
{
	char path[64], exe[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, exe, sizeof(exe) - 1) > 0 && strstr(exe, name);
}

TEST_F(track_modes, none_but_the_asked_and_execed)
{
	ASKED_WITH_CHILD("exec");
	for (int i = 0; i < 6000 && !runs(child, "sleep"); i++)
		usleep(10000);
	ASSERT_TRUE(runs(child, "sleep"));
	EXPECT_LT(0, track_since(child));
	target_end(&self->target[ASKED]);
	EXPECT_TRACKED(1);
	kill(child, SIGKILL);
	EXPECT_TRACKED(0);
}

TEST_F(track_modes, all_to_none)
{
	int64_t since;
	pid_t child;

	ASSERT_EQ(0, reload("track=all"));
	START(ASKED, "wait");
	START(OTHER, NULL);
	ASSERT_EQ(0, track_write(PID(ASKED), "track"));
	since = track_since(PID(ASKED));
	ASSERT_LT(0, since);
	NEXT(ASKED);
	child = CHILD(ASKED);
	ASSERT_EQ(0, set_mode("none\n"));
	EXPECT_TRUE(track_status_is("track", "none"));

	EXPECT_EQ(since, track_since(PID(ASKED)));
	EXPECT_LT(0, track_since(child));
	EXPECT_EQ(0, track_since(PID(OTHER)));
	EXPECT_EQ(0, track_since(getpid()));
	EXPECT_TRACKED(2);
	START(NEW, NULL);
	EXPECT_EQ(0, track_since(PID(NEW)));
	NEXT(ASKED);
	NEXT(OTHER);
	EXPECT_COUNTED(PID(ASKED), 0);
	EXPECT_EQ(0, faults_row(PID(ASKED), TARGET_ALONE(0), "anonflt=%d", 2 * PIECE));
	EXPECT_EQ(0, track_since(PID(OTHER)));
}

TEST_F(track_modes, none_to_all)
{
	int64_t since, before, others;
	uint64_t stat, other_stat;

	ASSERT_EQ(0, reload("track=none"));
	START(ASKED, NULL);
	START(OTHER, NULL);
	stat = track_stat(PID(ASKED));
	ASSERT_EQ(0, track_write(PID(ASKED), "track"));
	since = track_since(PID(ASKED));
	NEXT(ASKED);
	NEXT(OTHER);
	before = now();
	other_stat = track_stat(PID(OTHER));
	ASSERT_EQ(0, set_mode("all"));
	EXPECT_TRUE(track_status_is("track", "all"));

	EXPECT_EQ(since, track_since(PID(ASKED)));
	others = track_since(PID(OTHER));
	EXPECT_LE(before, others);
	EXPECT_GE(now(), others);
	NEXT(ASKED);
	NEXT(OTHER);
	EXPECT_COUNTED(PID(ASKED), stat);
	EXPECT_EQ(0, faults_row(PID(ASKED), TARGET_ALONE(0), "anonflt=%d", 2 * PIECE));
	EXPECT_COUNTED(PID(OTHER), other_stat);
	EXPECT_EQ(0, faults_row(PID(OTHER), TARGET_ALONE(0), "anonflt=%d", PIECE));
	START(NEW, NULL);
	EXPECT_COUNTED(PID(NEW), 0);

	ASSERT_EQ(0, set_mode("none"));
	EXPECT_EQ(since, track_since(PID(ASKED)));
	EXPECT_EQ(0, track_since(PID(OTHER)));
	EXPECT_EQ(0, track_since(PID(NEW)));
	EXPECT_TRACKED(1);
}

/* All are tracked but the one that is not to be; its child is a new process. */
TEST_F(track_modes, all_but_one)
{
	pid_t child;

	ASSERT_EQ(0, reload("track=all"));
	START(OTHER, "wait");
	ASSERT_EQ(0, track_write(PID(OTHER), "untrack"));
	NEXT(OTHER);
	EXPECT_EQ(0, track_since(PID(OTHER)));
	child = CHILD(OTHER);
	ASSERT_EQ(0, process_stop(child));
	EXPECT_LT(0, track_since(child));
	EXPECT_COUNTED(child, 0);
	ASSERT_EQ(0, set_mode("none"));
	ASSERT_EQ(0, set_mode("all"));
	EXPECT_LT(0, track_since(PID(OTHER)));
}

TEST_F(track_modes, other_values_are_invalid)
{
	static const char *const wrong[] = { "some", "\n", "ALL", "all none", "1", "Y" };
	int64_t since;

	ASSERT_EQ(0, reload(""));
	since = track_since(getpid());
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		EXPECT_EQ(-EINVAL, set_mode(wrong[i])) {
			TH_LOG("track: '%s'", wrong[i]);
		}
	}
	EXPECT_EQ(-EINVAL, procfile_write(TRACK_PARAMETER("max_memory"), "much"));
	EXPECT_TRUE(track_status_is("track", "all"));
	EXPECT_EQ(since, track_since(getpid()));
	EXPECT_EQ(-EINVAL, reload("track=some"));
	EXPECT_FALSE(unload_is_loaded());
	EXPECT_EQ(-EINVAL, reload("max_memory=much"));
	EXPECT_FALSE(unload_is_loaded());
}

/* Processes with memory of their own: those whose statm is not all zeros. */
static uint64_t count_address_spaces(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t count = 0;

	while (proc && (entry = readdir(proc))) {
		char *statm = atoi(entry->d_name) ? procfile_read_pid(atoi(entry->d_name), "statm",
								      NULL) : NULL;

		count += statm && strncmp(statm, "0 ", 2);
		free(statm);
	}
	if (proc)
		closedir(proc);
	return count;
}

TEST_F(track_modes, status_counts_address_spaces)
{
	uint64_t tracked = 0, there = 1;

	ASSERT_EQ(0, reload("track=all"));
	START(ASKED, "wait");
	NEXT(ASKED);
	EXPECT_LT(0, track_since(CHILD(ASKED)));
	/* what has ended is forgotten in the module's own time */
	for (int i = 0; i < 3000 && tracked != there; i++) {
		usleep(20000);
		there = count_address_spaces();
		tracked = track_status("tracked");
	}
	EXPECT_EQ(there, tracked);
	EXPECT_LT(4, tracked);
}

#define SWITCHES 12

/* A worker that stands still: what it did since is known, but for a fault under way then. */
#define EXPECT_WORKER_COUNTED(i) do {							\
	struct track_sums sums_;							\
											\
	ASSERT_EQ(0, process_stop(self->worker[i]));					\
	ASSERT_TRUE(track_sum(self->worker[i], &sums_));				\
	EXPECT_LT(0, sums_.own + sums_.remote) {					\
		TH_LOG("'%s', pid %d", churn[i].what, self->worker[i]);			\
	}										\
	EXPECT_GE(3, sums_.lost) {							\
		TH_LOG("'%s', pid %d", churn[i].what, self->worker[i]);			\
	}										\
	EXPECT_EQ(0, kill(self->worker[i], SIGCONT));					\
} while (0)

TEST_F(track_modes, switched_under_load)
{
	ASSERT_EQ(0, reload("track=none"));
	self->result = mmap(NULL, CHURN_KINDS * sizeof(*self->result), KIND_RW, KIND_SHARED, -1,
			    0);
	ASSERT_NE(MAP_FAILED, self->result);
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		self->worker[i] = churn_start(i, &self->result[i]);
		ASSERT_LT(0, self->worker[i]);
	}
	for (int s = 0; s < SWITCHES; s++) {
		usleep(s % 3 * 100000);
		ASSERT_EQ(0, set_mode(s % 2 ? "none" : "all"));
		ASSERT_EQ(s % 2, !track_since(getpid()));
	}
	EXPECT_TRACKED(0);
	ASSERT_EQ(0, set_mode("all"));
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		/* a whole turn: the one it is in may have no more faults */
		unsigned long since = self->result[i].turns + 1;

		EXPECT_TRUE(churn_is_well(i, self->worker[i], &self->result[i], since));
		EXPECT_WORKER_COUNTED(i);
	}
}

TEST_HARNESS_MAIN
