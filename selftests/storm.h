/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Storms: workers that do something to their memory again and again and see to it that
 * it is what they made of it, in a control group, while readers read everything under
 * /proc/vminspect. Now and then the workers are frozen and their accounts audited; at the end
 * the module must have nothing left of them.
 *
 * A storm lasts %STORM_SECONDS, or the seconds that the environment variable
 * VMINSPECT_SOAK says; so it is bounded however slow the kernel is.
 */
#ifndef SELFTESTS_STORM_H
#define SELFTESTS_STORM_H

#include <ctype.h>
#include <dirent.h>
#include <sys/prctl.h>

#include "lib/group.h"
#include "lib/kind.h"
#include "lib/slow.h"
#include "lifetime.h"
#include "track.h"

/** STORM_SECONDS - how long a storm lasts in its short form */
#define STORM_SECONDS 3
/** STORM_TIMEOUT - seconds that the harness allows a test, whatever VMINSPECT_SOAK is */
#define STORM_TIMEOUT 86400
/** STORM_READERS - how many read everything */
#define STORM_READERS 3
/** STORM_WORKERS - how many workers a storm may have */
#define STORM_WORKERS 8
/** STORM_COUNTS - how many counts of the kernel's may have to grow */
#define STORM_COUNTS 8
/** STORM_PROCESSES - how many processes may be there when accounts are audited */
#define STORM_PROCESSES 1024

/* Seconds between two audits. */
#define STORM_AUDIT_SECONDS 2
/* Seconds of patience with a worker that is to end, and with what is to happen. */
#define STORM_PATIENCE 120

/**
 * struct storm_kind - one kind of worker
 * @what: for messages
 * @turn: does it once; returns whether all went well, and memory is what it made
 *	  of it (if not: errno is 0)
 */
struct storm_kind {
	const char *what;
	bool (*turn)(void);
};

/**
 * struct storm_done - what one worker did
 * @pid: the worker
 * @turns: how many turns it did
 * @wrong: how many of them went wrong
 * @error: errno of the last of these, 0 if memory did not hold what was written
 */
struct storm_done {
	volatile pid_t pid;
	volatile unsigned long turns;
	volatile unsigned long wrong;
	volatile int error;
};

/**
 * struct storm_seen - what one reader saw
 * @passes: how often it read everything
 * @complete: whole reports
 * @early: reports that ended before [total]
 * @gone: processes that were not there any more, or have no memory
 * @wrong: whatever must not be
 */
struct storm_seen {
	volatile unsigned long passes;
	volatile unsigned long complete;
	volatile unsigned long early;
	volatile unsigned long gone;
	volatile unsigned long wrong;
};

/**
 * struct storm_shared - what all processes of a storm see
 * @stop_workers: workers are to end
 * @stop_readers: readers are to end
 * @worker: what each worker did
 * @reader: what each reader saw
 */
struct storm_shared {
	volatile bool stop_workers;
	volatile bool stop_readers;
	struct storm_done worker[STORM_WORKERS];
	struct storm_seen reader[STORM_READERS];
};

/**
 * struct storm - a storm
 * @shared: what its processes see
 * @group: of the workers and all that descend from them
 * @reader: pids of those who read
 * @kind: what the workers are
 * @kinds: how many of them
 * @audits: how many accounts were audited
 * @tracked: status before: address spaces tracked
 * @untracked: status before: what was not counted, see storm_untracked()
 */
struct storm {
	struct storm_shared *shared;
	struct group group;
	pid_t reader[STORM_READERS];
	const struct storm_kind *kind;
	size_t kinds;
	unsigned long audits;
	uint64_t tracked;
	uint64_t untracked;
};

/**
 * storm_soak() - how long a storm has to last in its long form
 *
 * Return: seconds; 0 for the short form.
 */
static inline double storm_soak(void)
{
	const char *soak = getenv("VMINSPECT_SOAK");

	return soak ? atof(soak) : 0;
}

/** storm_shared - for workers that need to know of each other */
static struct storm_shared *storm_shared;

/**
 * storm_sleep() - sleep in a worker, but not if it has to end
 * @ms: milliseconds
 *
 * Return: true, for workers that have nothing else to say.
 */
static inline bool storm_sleep(int ms)
{
	for (; ms > 0 && !storm_shared->stop_workers; ms -= 10)
		usleep(10000);
	return true;
}

/* In a new process: die with the test. */
static inline void storm_bind(pid_t test)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
}

/* Read a report by pieces: each reader has its own way. */
static inline int storm_read(struct report *r, pid_t pid, size_t piece)
{
	size_t len = 0;
	char *text = NULL;
	int fd = report_open(pid, O_RDONLY), err;

	memset(r, 0, sizeof(*r));
	if (fd < 0)
		return fd;
	err = life_read_on(fd, &text, &len, piece);
	close(fd);
	if (!err)
		return report_parse(r, text, len);
	free(text);
	return err;
}

static inline void storm_read_one(int reader, pid_t pid)
{
	static const size_t piece[STORM_READERS] = { 65536, 4096, 333 };
	uint64_t unattributed = 0;
	struct report r;
	char who[32];
	int err = storm_read(&r, pid, piece[reader % STORM_READERS]);
	bool complete = !err && r.complete, ok = true;

	snprintf(who, sizeof(who), "pid %d", pid);
	if (err == -ENOENT || err == -ESRCH)
		storm_shared->reader[reader].gone++;
	else
		ok = life_ok(err, &r, who);
	if (complete) {
		storm_shared->reader[reader].complete++;
		report_number(&r, "faults", "unattributed", &unattributed);
	} else if (!err) {
		storm_shared->reader[reader].early++;
	}
	if (ok && unattributed && unattributed != REPORT_UNKNOWN) {
		diag("pid %d: unattributed: expected 0, seen %" PRIu64, pid, unattributed);
		ok = false;
	}
	if (ok && !complete && pid == getppid()) {
		diag("pid %d lives on, but its report has no [total]: %s", pid, strerror(-err));
		ok = false;
	}
	storm_shared->reader[reader].wrong += !ok;
	report_free(&r);
}

static inline void __attribute__((noreturn)) storm_reader(int reader)
{
	struct dirent *entry;
	DIR *dir;

	do {
		dir = opendir("/proc/vminspect");
		while (dir && (entry = readdir(dir)))
			if (isdigit((unsigned char)entry->d_name[0]))
				storm_read_one(reader, atoi(entry->d_name));
		if (!dir || track_status("tracked") == UINT64_MAX) {
			storm_shared->reader[reader].wrong++;
			break;
		}
		closedir(dir);
		storm_shared->reader[reader].passes++;
	} while (!storm_shared->stop_readers);
	_exit(0);
}

static inline void __attribute__((noreturn)) storm_worker(const struct storm *s, size_t number)
{
	const struct storm_kind *kind = &s->kind[number];
	struct storm_done *done = &storm_shared->worker[number];

	do {
		errno = 0;
		if (!kind->turn()) {
			done->error = errno;
			done->wrong++;
		}
		done->turns++;
	} while (!storm_shared->stop_workers);
	_exit(done->wrong ? 1 : 0);
}

/**
 * storm_open() - prepare a storm: everything is tracked, nobody is there yet
 * @s: filled in; storm_close() it in any case
 *
 * Return: 0, or a negative errno.
 */
static inline int storm_open(struct storm *s)
{
	memset(s, 0, sizeof(*s));
	s->shared = mmap(NULL, sizeof(*s->shared), KIND_RW, KIND_SHARED, -1, 0);
	if (s->shared == MAP_FAILED)
		return -errno;
	storm_shared = s->shared;
	return procfile_write(TRACK_PARAMETER("track"), "all") ?: group_make(&s->group);
}

/* Sums of status of what must not happen. */
static inline uint64_t storm_untracked(void)
{
	return track_status("untracked") + track_status("unattributed") +
	       track_status("growth_missed");
}

/**
 * storm_start_readers() - let them read
 * @s: the storm
 *
 * Return: 0, or a negative errno.
 */
static inline int storm_start_readers(struct storm *s)
{
	const pid_t test = getpid();

	s->tracked = track_status("tracked");
	s->untracked = storm_untracked();
	for (int i = 0; i < STORM_READERS; i++) {
		s->reader[i] = fork();
		if (!s->reader[i]) {
			storm_bind(test);
			storm_reader(i);
		}
		if (s->reader[i] < 0)
			return -errno;
	}
	return 0;
}

/* One worker of each kind. */
static inline int storm_start_workers(struct storm *s)
{
	const pid_t test = getpid();

	for (size_t i = 0; i < s->kinds; i++) {
		pid_t pid = fork();

		if (!pid) {
			storm_bind(test);
			if (group_enter(&s->group))
				_exit(1);
			storm_worker(s, i);
		}
		if (pid < 0)
			return -errno;
		s->shared->worker[i].pid = pid;
	}
	return 0;
}

/* Each row's faults, minor and major, are as many as those of all kinds. */
static inline bool storm_kinds_ok(const struct report *r, pid_t pid)
{
	for (size_t i = 0; i < r->rows; i++) {
		const uint64_t *count = r->row[i].count;
		uint64_t kinds = 0;

		for (int k = REPORT_ANONFLT; k <= REPORT_OTHERFLT; k++)
			kinds += count[k];
		if (count[REPORT_MINFLT] + count[REPORT_MAJFLT] == kinds)
			continue;
		diag("pid %d: %" PRIx64 "-%" PRIx64 ": expected %" PRIu64 " + %" PRIu64
		     " faults of all kinds, seen %" PRIu64, pid, r->row[i].start, r->row[i].end,
		     count[REPORT_MINFLT], count[REPORT_MAJFLT], kinds);
		return false;
	}
	return true;
}

/* Can it be told whether something is lost? */
static inline bool storm_is_known(const struct report *r)
{
	uint64_t lost;

	return !r->complete || !report_number(r, "faults", "lost", &lost) ||
	       lost != REPORT_UNKNOWN;
}

/* The one whose account it is may be gone, with others still in its memory. */
static inline bool storm_is_orphan(const struct report *r)
{
	uint64_t own;

	return report_number(r, "faults", "own_minflt", &own) && own == REPORT_UNKNOWN;
}

/*
 * A report whose account can be told: the kernel itself may change mappings of a frozen
 * process, to collapse them, say. -ESRCH: the one whose account it is has gone.
 */
static inline int storm_read_still(struct report *r, pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		int err = report_read(r, pid);

		if (err || storm_is_known(r))
			return err;
		err = storm_is_orphan(r) ? -ESRCH : 0;
		report_free(r);
		if (err) {
			diag("pid %d lives on in the memory of one that is gone", pid);
			return err;
		}
		usleep(10000);
	}
	return -ETIMEDOUT;
}

/* Whether nothing is lost of a frozen process; @stat: what the kernel counted, if known. */
static inline bool storm_account_ok(pid_t pid, uint64_t stat)
{
	struct track_sums sums;
	struct report r = { 0 };
	int err = storm_read_still(&r, pid);
	bool ok = err == -ESRCH || err == -ENOENT || (!err && !r.len);

	if (ok || err) {
		if (err && !ok)
			diag("pid %d: report: %s %s", pid, strerror(-err), r.error);
		report_free(&r);
		return ok;
	}
	ok = track_sum_of(&r, pid, &sums) && storm_kinds_ok(&r, pid);
	if (ok && (sums.lost || sums.unattributed || !sums.probes)) {
		diag("pid %d: expected nothing lost, seen %" PRIu64 " lost, %" PRIu64
		     " unattributed of %" PRIu64 " own + %" PRIu64 " remote, probes %s", pid,
		     sums.lost, sums.unattributed, sums.own, sums.remote,
		     sums.probes ? "on" : "off");
		ok = false;
	}
	if (ok && stat != UINT64_MAX && sums.own != stat) {
		diag("pid %d: own: expected %" PRIu64 " (stat), seen %" PRIu64, pid, stat,
		     sums.own);
		ok = false;
	}
	report_free(&r);
	return ok;
}

/* Whether it is one of the workers, whose faults were counted from its birth on. */
static inline bool storm_is_worker(const struct storm *s, pid_t pid)
{
	for (size_t i = 0; i < s->kinds; i++)
		if (s->shared->worker[i].pid == pid)
			return true;
	return false;
}

/**
 * storm_audit() - freeze all of the group, and see whether their accounts are right
 * @s: the storm
 *
 * Return: how many processes' are not, each of which says why; 1 if they don't freeze.
 */
static inline int storm_audit(struct storm *s)
{
	static pid_t pid[STORM_PROCESSES];
	int wrong = 0, count = 0, err = group_freeze(&s->group, true);

	if (!err)
		count = group_pids(&s->group, pid, STORM_PROCESSES);
	if (err || count < 0) {
		diag("freezing: %s", strerror(err ? -err : -count));
		wrong++;
	}
	for (int i = 0; i < count; i++) {
		bool own = storm_is_worker(s, pid[i]);

		wrong += !storm_account_ok(pid[i], own ? track_stat(pid[i]) : UINT64_MAX);
		s->audits++;
	}
	return wrong + (group_freeze(&s->group, false) ? 1 : 0);
}

/**
 * storm_wait() - wait for a child to end by itself; kill it if it does not
 * @pid: the child
 * @what: for messages
 *
 * Return: its status as of waitpid(), or -1 if it was killed, which was printed.
 */
static inline int storm_wait(pid_t pid, const char *what)
{
	const double end = life_seconds() + STORM_PATIENCE * slow_times();
	pid_t ended;
	int status;

	while (!(ended = waitpid(pid, &status, WNOHANG)) && life_seconds() < end)
		usleep(10000);
	if (ended == pid)
		return status;
	diag("'%s', pid %d: does not end", what, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

/* Whether a status of storm_wait() is that of a success; if not, it was printed. */
static inline bool storm_is_well(int status, pid_t pid, const char *what)
{
	if (status > 0)
		diag("'%s', pid %d: expected exit code 0, seen status %x", what, pid, status);
	return !status;
}

static inline bool storm_ended_well(pid_t pid, const char *what)
{
	return storm_is_well(storm_wait(pid, what), pid, what);
}

static inline int storm_end_workers(struct storm *s)
{
	int wrong = 0;

	s->shared->stop_workers = true;
	for (size_t i = 0; i < s->kinds; i++) {
		struct storm_done *w = &s->shared->worker[i];
		const char *what = s->kind[i].what;

		wrong += !storm_ended_well(w->pid, what);
		w->pid = 0;
		diag("%s: %lu turns", what, w->turns);
		if (!w->turns || w->wrong) {
			diag("'%s': %lu turns wrong: %s", what, w->wrong,
			     w->error ? strerror(w->error) : "memory has changed");
			wrong++;
		}
	}
	return wrong;
}

static inline int storm_end_readers(struct storm *s)
{
	int wrong = 0;

	s->shared->stop_readers = true;
	for (int i = 0; i < STORM_READERS; i++) {
		struct storm_seen *r = &s->shared->reader[i];

		wrong += !storm_ended_well(s->reader[i], "reader");
		s->reader[i] = 0;
		diag("reader %d: %lu passes, %lu complete, %lu ended early, %lu gone, %lu wrong", i,
		     r->passes, r->complete, r->early, r->gone, r->wrong);
		wrong += r->wrong || !r->passes || !r->complete;
	}
	return wrong;
}

/* Of those who ended nothing is left, and nothing at all when nobody is tracked. */
static inline int storm_leaves_nothing(const struct storm *s)
{
	int wrong = 0;

	if (storm_untracked() != s->untracked) {
		diag("untracked, unattributed, growth_missed: expected %" PRIu64
		     ", seen %" PRIu64, s->untracked, storm_untracked());
		wrong++;
	}
	wrong += !track_falls_to("tracked", s->tracked);
	procfile_write(TRACK_PARAMETER("track"), "none");
	track_write(getpid(), "untrack");
	wrong += !track_falls_to("tracked", 0);
	wrong += !track_falls_to("memory_bytes", 0);
	wrong += !track_falls_to("record_bytes", 0);
	return wrong + (procfile_write(TRACK_PARAMETER("track"), "all") ? 1 : 0);
}

/**
 * storm_rage() - let time pass, with audits
 * @s: the storm, everybody at work
 * @seconds: how long
 *
 * Return: how much was wrong, all of which was printed.
 */
static inline int storm_rage(struct storm *s, double seconds)
{
	const double end = life_seconds() + seconds;
	int wrong = 0;

	do {
		double left = end - life_seconds();

		if (left > STORM_AUDIT_SECONDS)
			left = STORM_AUDIT_SECONDS;
		if (left > 0)
			usleep(left * 1e6);
		wrong += storm_audit(s);
	} while (life_seconds() < end && !wrong);
	return wrong;
}

/**
 * storm_settle() - let readers come to their end, and see what is left
 * @s: the storm; the workers have ended
 *
 * Return: how much was wrong, all of which was printed.
 */
static inline int storm_settle(struct storm *s)
{
	int wrong = storm_end_readers(s);

	diag("%lu accounts audited", s->audits);
	return wrong + storm_leaves_nothing(s);
}

/* A count of /proc/vmstat; 0 if the kernel has none of that name. */
static inline uint64_t storm_vmstat(const char *key)
{
	char *text = procfile_read("/proc/vmstat", NULL), line[64], *at;
	uint64_t number = 0;

	snprintf(line, sizeof(line), "\n%s ", key);
	at = text ? strstr(text, line) : NULL;
	if (at)
		number = strtoull(at + strlen(line), NULL, 10);
	free(text);
	return number;
}

/* How many of those counts have not grown; @say how much they have. */
static inline int storm_missing(const char *const *happens, const uint64_t *before, bool say)
{
	int missing = 0;

	for (int i = 0; happens[i]; i++) {
		uint64_t grown = storm_vmstat(happens[i]) - before[i];

		missing += !grown;
		if (say)
			diag("%s: %" PRIu64, happens[i], grown);
	}
	return missing;
}

/**
 * storm_run() - a whole storm
 * @s: the storm, prepared
 * @kind: the workers, one of each
 * @kinds: how many
 * @happens: counts of /proc/vmstat that must grow meanwhile, up to NULL: %STORM_COUNTS at
 *	     most; it may last longer until they have
 *
 * Return: how much was wrong, all of which was printed.
 */
static inline int storm_run(struct storm *s, const struct storm_kind *kind, size_t kinds,
			    const char *const *happens)
{
	uint64_t before[STORM_COUNTS];
	int wrong, err;

	s->kind = kind;
	s->kinds = kinds;
	for (int i = 0; happens[i]; i++)
		before[i] = storm_vmstat(happens[i]);
	err = storm_start_readers(s) ?: storm_start_workers(s);
	if (err) {
		diag("fork: %s", strerror(-err));
		return 1;
	}
	wrong = storm_rage(s, storm_soak() ?: STORM_SECONDS);
	for (int i = 0; i < STORM_PATIENCE && storm_missing(happens, before, false); i++)
		wrong += storm_rage(s, 1);
	wrong += storm_missing(happens, before, true);
	wrong += storm_end_workers(s);
	return wrong + storm_settle(s);
}

/**
 * storm_close() - end all who are still there
 * @s: the storm
 */
static inline void storm_close(struct storm *s)
{
	for (int i = 0; i < STORM_READERS; i++)
		if (s->reader[i] > 0)
			kill(s->reader[i], SIGKILL);
	group_end(&s->group);
	while (wait(NULL) > 0)
		;
}

/** STORM_FIXTURE() - a fixture with a storm; more may follow storm_open() in its setup */
#define STORM_FIXTURE(name)				\
FIXTURE(name) {						\
	struct storm storm;				\
};							\
							\
FIXTURE_TEARDOWN(name)					\
{							\
	storm_close(&self->storm);			\
	machine_restore();				\
}							\
							\
FIXTURE_SETUP(name)

/**
 * STORM() - a storm of workers of the kinds of an array, all of which must go well
 * @kind: the array
 * @...: counts of /proc/vmstat that must grow meanwhile, NULL behind them
 */
#define STORM(kind, ...)							\
	EXPECT_EQ(0, storm_run(&self->storm, kind, sizeof(kind) / sizeof((kind)[0]),	\
			       (const char *const []){ __VA_ARGS__ }))

#endif /* SELFTESTS_STORM_H */
