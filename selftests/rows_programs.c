// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the reports of real programs and all their children, stopped at
 * arbitrary moments of their work, agree with smaps, pagemap and status.
 */
#include <time.h>

#include "lib/group.h"
#include "lib/kind.h"

#define PIDS 64

/* Moments at which a program is looked at, and the time between them. */
#define MOMENTS 3
#define BETWEEN_NS 400000000

/* How often to look whether a program has started all its processes. */
#define STARTS 150

FIXTURE(programs) {
	struct group group;
};

FIXTURE_SETUP(programs)
{
	(void)self;
	ASSERT_EQ(0, machine_quiet());
}

FIXTURE_TEARDOWN(programs)
{
	group_end(&self->group);
	machine_restore();
}

/* Compare all processes of a frozen group; return how many there were. */
static int compare_group(struct __test_metadata *_metadata, const struct group *g)
{
	int count, compared = 0;
	pid_t pid[PIDS];

	count = group_pids(g, pid, PIDS);
	EXPECT_LE(0, count);
	for (int i = 0; i < count; i++) {
		int result = agree_process(pid[i]);

		/* a process that was frozen as it ended has no memory */
		if (result == -ESRCH || result == -ENOENT)
			continue;
		EXPECT_EQ(0, result);
		compared++;
	}
	return compared;
}

/* A program of many processes takes its time to start on a busy machine. */
static void wait_for(const struct group *g, int processes)
{
	const struct timespec between = { .tv_nsec = BETWEEN_NS };
	pid_t pid[PIDS];

	for (int i = 0; i < STARTS && group_pids(g, pid, PIDS) < processes; i++)
		nanosleep(&between, NULL);
}

static void compare_often(struct __test_metadata *_metadata, struct group *g,
			  char *const argv[], int processes)
{
	const struct timespec between = { .tv_nsec = BETWEEN_NS };
	int most = 0;

	ASSERT_EQ(0, group_run(g, argv));
	wait_for(g, processes);
	for (int i = 0; i < MOMENTS; i++) {
		int compared;

		nanosleep(&between, NULL);
		ASSERT_EQ(0, group_freeze(g, true));
		compared = compare_group(_metadata, g);
		if (compared > most)
			most = compared;
		ASSERT_EQ(0, group_freeze(g, false));
	}
	/* or the program is missing, or did nothing */
	EXPECT_LE(processes, most);
}

/* Loops for ever: dictionaries, threads, files mapped and read, garbage. */
#define PYTHON								\
	"import mmap, json, threading, random\n"			\
	"def work():\n"							\
	"  while True:\n"						\
	"    d = {i: str(i) * 9 for i in range(random.randrange(9000))}\n"	\
	"    json.loads(json.dumps(d))\n"				\
	"    m = mmap.mmap(-1, 1 << 20)\n"				\
	"    m[::8192] = b'x' * 128\n"					\
	"for i in range(3):\n"						\
	"  threading.Thread(target=work).start()\n"

TEST_F_TIMEOUT(programs, python, 240)
{
	char *const argv[] = { "python3", "-c", PYTHON, NULL };

	compare_often(_metadata, &self->group, argv, 1);
}

#define SHELL "while :; do i=$((i+1)); x=$x$(ls -l /etc /usr | wc); sleep 0.05; done"

TEST_F_TIMEOUT(programs, dash, 240)
{
	char *const argv[] = { "dash", "-c", SHELL, NULL };

	compare_often(_metadata, &self->group, argv, 1);
}

TEST_F_TIMEOUT(programs, bash, 240)
{
	char *const argv[] = { "bash", "-c", "(" SHELL ") & " SHELL, NULL };

	compare_often(_metadata, &self->group, argv, 2);
}

/* Its memory stressors; but not madvise, which poisons pages. */
TEST_F_TIMEOUT(programs, stress_ng, 240)
{
	char *const argv[] = {
		"stress-ng", "--temp-path", "/tmp", "--timeout", "300",
		"--vm", "1", "--vm-bytes", "8M", "--mmap", "1", "--mmap-bytes", "4M",
		"--shm", "1", "--shm-bytes", "4M", "--memfd", "1", "--memfd-bytes", "4M",
		"--fork", "1", "--pthread", "1", "--pthread-max", "8", "--mremap", "1",
		"--mremap-bytes", "4M", NULL
	};

	compare_often(_metadata, &self->group, argv, 8);
}

TEST_HARNESS_MAIN
