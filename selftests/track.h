/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is tracked: parameters of the module, words written to a process's file,
 * the keys of status.
 */
#ifndef SELFTESTS_TRACK_H
#define SELFTESTS_TRACK_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/diag.h"
#include "lib/procfile.h"
#include "lib/report.h"
#include "lib/slow.h"

/** FTRACE - the switch behind the module's back: 0, and no probe fires */
#define FTRACE "/proc/sys/kernel/ftrace_enabled"

/** TRACK_PARAMETER - the file of a parameter of the module */
#define TRACK_PARAMETER(name) "/sys/module/vminspect/parameters/" name

/* Tries, a centisecond apart, of what the module does in its own time. */
#define TRACK_TRIES (1500 * (int)slow_times())

/**
 * track_put() - write a word to an open report
 * @fd: the report
 * @word: what to write
 *
 * Return: 0, or the negative errno of write(); -EIO if not all was taken.
 */
static inline int track_put(int fd, const char *word)
{
	ssize_t put = write(fd, word, strlen(word));

	if (put < 0)
		return -errno;
	return (size_t)put == strlen(word) ? 0 : -EIO;
}

/**
 * track_write() - write a word to the file of a process
 * @pid: the process
 * @word: what to write
 *
 * Return: 0, or the negative errno of open() or write(); -EIO if not all was taken.
 */
static inline int track_write(pid_t pid, const char *word)
{
	int fd = report_open(pid, O_WRONLY), err;

	if (fd < 0)
		return fd;
	err = track_put(fd, word);
	close(fd);
	return err;
}

/**
 * track_since() - since when a process has been tracked
 * @pid: the process
 *
 * Return: nanoseconds of the monotonic clock, 0 if it is not tracked; a negative errno if
 * that cannot be read or is no time, which is also printed.
 */
static inline int64_t track_since(pid_t pid)
{
	struct report r;
	int err = report_read(&r, pid);
	const char *seen = err ? NULL : report_value(&r, "process", "tracked_since");
	uint64_t since = 0;

	if (err) {
		diag("pid %d: report: %s %s", pid, strerror(-err), r.error);
	} else if (!report_time(&r, "process", "tracked_since", &since)) {
		diag("pid %d: tracked_since: expected a time or -, seen %s", pid, seen ?: "none");
		err = -EBADMSG;
	}
	report_free(&r);
	if (err)
		return err;
	return since == REPORT_UNKNOWN ? 0 : (int64_t)since;
}

/**
 * track_stat() - faults of a process, as the kernel counts them: all threads, minor and major
 * @pid: the process, or one of its threads
 *
 * Return: how many; UINT64_MAX if it is gone.
 */
static inline uint64_t track_stat(pid_t pid)
{
	char *stat = procfile_read_pid(pid, "stat", NULL);
	uint64_t count = UINT64_MAX;

	if (stat)
		count = procfile_stat(stat, 10) + procfile_stat(stat, 12);
	free(stat);
	return count;
}

/**
 * struct track_sums - the figures of one report, minor and major faults together
 * @rows: of all rows
 * @gone: [gone]
 * @own: own_minflt and own_majflt
 * @remote: as the key of that name in [faults]; so the others
 * @probes: are they on?
 */
struct track_sums {
	uint64_t rows;
	uint64_t gone;
	uint64_t own;
	uint64_t remote;
	uint64_t elsewhere;
	uint64_t unattributed;
	uint64_t lost;
	bool probes;
};

static inline bool track_figure(const struct report *r, const char *section, const char *key,
				uint64_t *sum)
{
	uint64_t number;

	if (!report_number(r, section, key, &number) || number == REPORT_UNKNOWN) {
		diag("[%s] %s: expected a number, seen %s", section, key,
		     report_value(r, section, key) ?: "none");
		return false;
	}
	*sum += number;
	return true;
}

/**
 * track_sum_of() - the figures of a report of a process that keeps still
 * @r: the report
 * @pid: the process, for messages
 * @sums: filled in
 *
 * Return: whether all are there and balance: what is in rows and [gone], without a
 * row, lost, or elsewhere is what the process caused itself, and what others did here.
 * Says what is wrong if not.
 */
static inline bool track_sum_of(const struct report *r, pid_t pid, struct track_sums *sums)
{
	uint64_t accounted;
	bool all;

	memset(sums, 0, sizeof(*sums));
	all = track_figure(r, "total", "minflt", &sums->rows) &&
	      track_figure(r, "total", "majflt", &sums->rows) &&
	      track_figure(r, "gone", "minflt", &sums->gone) &&
	      track_figure(r, "gone", "majflt", &sums->gone) &&
	      track_figure(r, "faults", "own_minflt", &sums->own) &&
	      track_figure(r, "faults", "own_majflt", &sums->own) &&
	      track_figure(r, "faults", "remote", &sums->remote) &&
	      track_figure(r, "faults", "elsewhere", &sums->elsewhere) &&
	      track_figure(r, "faults", "unattributed", &sums->unattributed) &&
	      track_figure(r, "faults", "lost", &sums->lost);
	sums->probes = !strcmp(report_value(r, "faults", "probes") ?: "", "on");
	accounted = sums->rows + sums->gone + sums->unattributed + sums->lost + sums->elsewhere;
	if (all && accounted != sums->own + sums->remote) {
		diag("pid %d: rows %" PRIu64 " + gone %" PRIu64 " + unattributed %" PRIu64
		     " + lost %" PRIu64 " + elsewhere %" PRIu64 " are not own %" PRIu64
		     " + remote %" PRIu64, pid, sums->rows, sums->gone, sums->unattributed,
		     sums->lost, sums->elsewhere, sums->own, sums->remote);
		all = false;
	}
	return all;
}

/**
 * track_sum() - read the figures of a process that keeps still
 * @pid: the process, or one of its threads; tracked
 * @sums: filled in
 *
 * Return: as track_sum_of(); a report that can't be read is wrong.
 */
static inline bool track_sum(pid_t pid, struct track_sums *sums)
{
	struct report r;
	int err = report_read(&r, pid);
	bool all = !err && track_sum_of(&r, pid, sums);

	if (err) {
		memset(sums, 0, sizeof(*sums));
		diag("pid %d: report: %s %s", pid, strerror(-err), r.error);
	}
	report_free(&r);
	return all;
}

/**
 * track_status() - a number of /proc/vminspect/status
 * @key: its key
 *
 * Return: the number, UINT64_MAX if there is none, which is also printed.
 */
static inline uint64_t track_status(const char *key)
{
	char *text = procfile_read("/proc/vminspect/status", NULL), line[64], *at;
	uint64_t number = UINT64_MAX;

	snprintf(line, sizeof(line), "\n%s ", key);
	at = text ? strstr(text, line) : NULL;
	if (!at || sscanf(at + strlen(line), "%" SCNu64, &number) != 1)
		diag("/proc/vminspect/status: expected a number %s, seen %.40s", key,
		     at ? at + 1 : "none");
	free(text);
	return number;
}

/* The value of a key of status, for free(); NULL if there is none. */
static inline char *track_status_text(const char *key)
{
	char *text = procfile_read("/proc/vminspect/status", NULL), line[64], *at;
	char *value = NULL;

	snprintf(line, sizeof(line), "\n%s ", key);
	at = text ? strstr(text, line) : NULL;
	if (at) {
		at += strlen(line);
		value = strndup(at, strcspn(at, "\n"));
	}
	free(text);
	return value;
}

/* Ask up to that many times. */
static inline bool track_status_comes(const char *key, const char *value, int tries)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	char *seen = track_status_text(key);
	bool is = seen && !strcmp(seen, value);

	for (int i = 1; !is && i < tries; i++) {
		nanosleep(&nap, NULL);
		free(seen);
		seen = track_status_text(key);
		is = seen && !strcmp(seen, value);
	}
	if (!is)
		diag("/proc/vminspect/status: %s: expected %s, seen %s", key, value,
		     seen ?: "none");
	free(seen);
	return is;
}

/**
 * track_status_is() - whether a key of status has a value
 * @key: the key
 * @value: its value
 *
 * Says what is there if not.
 */
static inline bool track_status_is(const char *key, const char *value)
{
	return track_status_comes(key, value, 1);
}

/**
 * track_status_becomes() - wait until a key of status has a value
 * @key: the key
 * @value: its value
 *
 * Return: whether it came to that; says what is there if not.
 */
static inline bool track_status_becomes(const char *key, const char *value)
{
	return track_status_comes(key, value, TRACK_TRIES);
}

/**
 * track_falls_to() - wait until a number of status is not above a value any more
 * @key: the key
 * @most: the value
 *
 * What is freed is freed in the module's own time.
 *
 * Return: whether it came to that; says what is there if not.
 */
static inline bool track_falls_to(const char *key, uint64_t most)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	uint64_t now = track_status(key);

	for (int i = 0; now > most && i < TRACK_TRIES; i++) {
		nanosleep(&nap, NULL);
		now = track_status(key);
	}
	if (now > most)
		diag("/proc/vminspect/status: %s: expected %" PRIu64 " at most, seen %" PRIu64,
		     key, most, now);
	return now <= most;
}

/* A test that was killed leaves everything tracked, as it was at the beginning. */
static void __attribute__((destructor)) track_leave_all(void)
{
	procfile_write(TRACK_PARAMETER("track"), "all");
}

#endif /* SELFTESTS_TRACK_H */
