// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: under stress-ng, whose stressors verify what they do, every report is well
 * formed, no fault is lost, nothing is left of it at the end; and it finds no fault.
 *
 * In the short form all stressors together; in the long form each for itself, too.
 */
#include "storm.h"

#define LOG "/tmp/storm_stress.log"
/* Of the short form. */
#define SECONDS (3 + slow_times())
/*
 * A stressor whose time is over before it began, as on a busy machine, says that it had no
 * resources. All of them then get twice the time, so often.
 */
#define NO_RESOURCES 3
#define MORE_TIMES 3
#define ARGUMENTS 64
#define AUDIT_US 700000

STORM_FIXTURE(storm_stress)
{
	ASSERT_EQ(0, storm_open(&self->storm));
}

/*
 * Without CAP_SYS_ADMIN it does not take pages away for good (MADV_HWPOISON), which kills
 * those that have them.
 */
static const char *const begin[] = {
	"setpriv", "--bounding-set", "-sys_admin", "stress-ng", "--temp-path", "/tmp",
	"--no-rand-seed", "--verify", "--log-file", LOG,
};

/* Each stressor with its options. */
static const char *const stressor[][6] = {
	{ "--vm", "1", "--vm-bytes", "8M" },
	{ "--mmap", "1", "--mmap-bytes", "4M" },
	{ "--mremap", "1", "--mremap-bytes", "4M" },
	{ "--fork", "1" },
	{ "--stack", "1" },
	{ "--brk", "1" },
	{ "--madvise", "1" },
	{ "--userfaultfd", "1" },
	{ "--numa", "1" },
	{ "--mmaphuge", "1", "--mmaphuge-mmaps", "4" },
};

#define STRESSORS (sizeof(stressor) / sizeof(stressor[0]))
#define BEGIN (sizeof(begin) / sizeof(begin[0]))

/* What it says went wrong. */
static void show_log(void)
{
	char *text = procfile_read(LOG, NULL), *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line && rest)
			diag("%s", line);
	free(text);
}

/* Of one that it does not run at all, it says so, and is content. */
static int skipped(void)
{
	char *text = procfile_read(LOG, NULL);
	bool all = text && !strstr(text, "skipped") && !strstr(text, "No stress workers");

	free(text);
	return !all;
}

/* Whether a child is still there; if not, it can be waited for. */
static bool lives(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid;
}

/* Starts stressors @first to @last for some seconds. */
static int start(struct storm *s, size_t first, size_t last, double seconds)
{
	const char *argv[ARGUMENTS] = { NULL };
	char timeout[16];
	int used = 0;

	for (size_t i = 0; i < BEGIN; i++)
		argv[used++] = begin[i];
	for (size_t i = first; i <= last; i++)
		for (int k = 0; stressor[i][k]; k++)
			argv[used++] = stressor[i][k];
	snprintf(timeout, sizeof(timeout), "%.0f", seconds);
	argv[used++] = "--timeout";
	argv[used++] = timeout;
	return group_start(&s->group, (char *const *)argv);
}

/* Returns how much was wrong until they may be waited for. */
static int audit_until_end(struct storm *s, double seconds)
{
	/* it takes its time to start, and to end */
	const double end = life_seconds() + seconds + STORM_PATIENCE * slow_times();
	int wrong = 0;

	while (!wrong && lives(s->group.leader) && life_seconds() < end) {
		usleep(AUDIT_US);
		wrong += storm_audit(s);
	}
	return wrong;
}

/* Stressors @first to @last for some seconds; returns how much was wrong. */
static int stress(struct storm *s, size_t first, size_t last, double seconds)
{
	const char *what = stressor[first][0];
	int wrong, status;
	pid_t pid;

	for (int more = 0; more <= MORE_TIMES; more++, seconds *= 2) {
		if (start(s, first, last, seconds))
			return 1;
		pid = s->group.leader;
		wrong = audit_until_end(s, seconds);
		status = storm_wait(pid, what);
		s->group.leader = 0;
		if (wrong || !WIFEXITED(status) || WEXITSTATUS(status) != NO_RESOURCES)
			break;
		diag("'%s': %.0f seconds were too short", what, seconds);
	}
	wrong += !storm_is_well(status, pid, what) || skipped();
	if (wrong)
		show_log();
	unlink(LOG);
	return wrong;
}

TEST_F_TIMEOUT(storm_stress, all_stressors, STORM_TIMEOUT)
{
	const double soak = storm_soak();

	ASSERT_EQ(0, storm_start_readers(&self->storm));
	EXPECT_EQ(0, stress(&self->storm, 0, STRESSORS - 1, soak ?: SECONDS));
	for (size_t i = 0; soak && i < STRESSORS; i++)
		EXPECT_EQ(0, stress(&self->storm, i, i, soak));
	/* that of stress-ng itself, and of one stressor at least */
	EXPECT_LT(2, self->storm.audits);
	EXPECT_EQ(0, storm_settle(&self->storm));
}

TEST_HARNESS_MAIN
