// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "faults.h"
#include "procfile.h"
#include "target.h"

/* Fields of /proc/<pid>/stat. */
#define STAT_MINFLT 10
#define STAT_MAJFLT 12

#define TRIES 20
#define NAP_US 50000

#define PAGE_OUT_TRIES 100
#define PAGE_OUT_NAP_US 10000

/* The fault columns, counted from REPORT_MINFLT on. */
enum { MINOR, MAJOR, KINDS };

static const char *column_name(int column)
{
	return report_column_name[REPORT_MINFLT + column];
}

/**
 * struct sheet - the figures of one report, as far as faults go
 * @pid: the process
 * @rows: sums of the rows
 * @gone: [gone]
 * @own: minor and major faults of the process itself
 * @remote: faults of others in its address space
 * @elsewhere: its own in other address spaces
 * @differences: how many were found so far
 */
struct sheet {
	pid_t pid;
	struct faults rows;
	struct faults gone;
	uint64_t own[KINDS];
	uint64_t remote;
	uint64_t elsewhere;
	int differences;
};

static void differ(struct sheet *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void differ(struct sheet *s, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag("pid %d: %s", s->pid, text);
	s->differences++;
}

/* A figure that must be there and known. */
static uint64_t figure(struct sheet *s, const struct report *r, const char *section,
		       const char *key)
{
	const char *seen = report_value(r, section, key);
	uint64_t number;

	if (report_number(r, section, key, &number) && number != REPORT_UNKNOWN)
		return number;
	differ(s, "[%s] %s: expected a number, seen %s", section, key, seen ? seen : "no such key");
	return 0;
}

static void section_figures(struct sheet *s, const struct report *r, const char *section,
			    struct faults *f)
{
	for (int i = 0; i < REPORT_FAULTS; i++)
		f->count[i] = figure(s, r, section, column_name(i));
}

static void row_figures(const struct report_row *row, struct faults *f)
{
	memcpy(f->count, row->count + REPORT_MINFLT, sizeof(f->count));
}

static uint64_t both(const struct faults *f)
{
	return f->count[MINOR] + f->count[MAJOR];
}

static uint64_t all_kinds(const struct faults *f)
{
	uint64_t sum = 0;

	for (int i = KINDS; i < REPORT_FAULTS; i++)
		sum += f->count[i];
	return sum;
}

static void compare_kinds(struct sheet *s, const char *where, const struct faults *f)
{
	if (both(f) != all_kinds(f))
		differ(s, "%s: expected as many faults of all kinds as minor and major ones, %"
		       PRIu64 ", seen %" PRIu64, where, both(f), all_kinds(f));
}

static void add_rows(struct sheet *s, const struct report *r)
{
	memset(&s->rows, 0, sizeof(s->rows));
	for (size_t i = 0; i < r->rows; i++) {
		struct faults f;
		char where[128];

		snprintf(where, sizeof(where), "%" PRIx64 "-%" PRIx64 " %.64s", r->row[i].start,
			 r->row[i].end, r->row[i].name ? r->row[i].name : "-");
		row_figures(&r->row[i], &f);
		for (int c = 0; c < REPORT_FAULTS; c++) {
			if (f.count[c] == REPORT_UNKNOWN)
				differ(s, "%s: %s: expected a number, seen -", where,
				       column_name(c));
			s->rows.count[c] += f.count[c];
		}
		compare_kinds(s, where, &f);
	}
}

static void compare_total(struct sheet *s, const struct report *r)
{
	struct faults total;

	section_figures(s, r, "total", &total);
	for (int i = 0; i < REPORT_FAULTS; i++)
		if (total.count[i] != s->rows.count[i])
			differ(s, "[total] %s: expected the sum of the rows, %" PRIu64
			       ", seen %" PRIu64, column_name(i), s->rows.count[i],
			       total.count[i]);
}

static void compare_since(struct sheet *s, const struct report *r)
{
	const char *seen = report_value(r, "process", "tracked_since");
	uint64_t since, now;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	if (!report_time(r, "process", "tracked_since", &since) || since > now || !since)
		differ(s, "tracked_since: expected a moment before %" PRIu64 " ns, seen %s", now,
		       seen ? seen : "no such key");
}

/* How many faults there must be in rows and [gone] of what others did not cause. */
static void compare_sums(struct sheet *s)
{
	uint64_t here = both(&s->rows) + both(&s->gone);
	uint64_t caused = s->own[MINOR] + s->own[MAJOR] + s->remote - s->elsewhere;

	if (here != caused)
		differ(s, "expected %" PRIu64 " faults in rows and [gone] (own %" PRIu64 " + %"
		       PRIu64 " + remote %" PRIu64 " - elsewhere %" PRIu64 "), seen %" PRIu64
		       " + %" PRIu64, caused, s->own[MINOR], s->own[MAJOR], s->remote,
		       s->elsewhere, both(&s->rows), both(&s->gone));
	if (s->remote || s->elsewhere)
		return;	/* they are not told apart */
	for (int i = MINOR; i <= MAJOR; i++)
		if (s->rows.count[i] + s->gone.count[i] != s->own[i])
			differ(s, "%s: expected the process's own, %" PRIu64 ", seen %" PRIu64
			       " in rows + %" PRIu64 " gone", column_name(i), s->own[i],
			       s->rows.count[i], s->gone.count[i]);
}

static void compare_figures(struct sheet *s, const struct report *r)
{
	const char *probes = report_value(r, "faults", "probes");

	if (!r->complete)
		differ(s, "expected a whole report, seen %zu bytes without [total]", r->len);
	compare_since(s, r);
	add_rows(s, r);
	section_figures(s, r, "gone", &s->gone);
	if (!report_value(r, "gone", "grows"))
		differ(s, "[gone] grows: seen no such key");
	compare_kinds(s, "[gone]", &s->gone);
	compare_total(s, r);
	s->own[MINOR] = figure(s, r, "faults", "own_minflt");
	s->own[MAJOR] = figure(s, r, "faults", "own_majflt");
	s->remote = figure(s, r, "faults", "remote");
	s->elsewhere = figure(s, r, "faults", "elsewhere");
	for (int i = 0; i < 2; i++) {
		const char *key = i ? "lost" : "unattributed";
		uint64_t count = figure(s, r, "faults", key);

		if (count)
			differ(s, "[faults] %s: expected 0, seen %" PRIu64, key, count);
	}
	if (!probes || strcmp(probes, "on"))
		differ(s, "[faults] probes: expected on, seen %s", probes ? probes : "no such key");
	compare_sums(s);
}

static int read_report(struct report *r, pid_t pid)
{
	int err = report_read(r, pid);

	if (err)
		diag("pid %d: report: %s %s", pid, strerror(-err), r->error);
	return err;
}

int faults_add_up(pid_t pid)
{
	struct sheet s = { .pid = pid };
	struct report r;

	if (read_report(&r, pid))
		s.differences++;
	else
		compare_figures(&s, &r);
	report_free(&r);
	return s.differences;
}

static int read_stat(pid_t pid, uint64_t *count)
{
	char *stat = procfile_read_pid(pid, "stat", NULL);

	if (!stat)
		return -errno;
	count[MINOR] = procfile_stat(stat, STAT_MINFLT);
	count[MAJOR] = procfile_stat(stat, STAT_MAJFLT);
	free(stat);
	return 0;
}

/* A report, and what stat says of faults both before and after it. */
static int read_between(struct report *r, pid_t pid, uint64_t *stat)
{
	uint64_t after[KINDS];

	for (int i = 0; i < TRIES; i++) {
		if (read_stat(pid, stat) || read_report(r, pid) || read_stat(pid, after))
			return -ESRCH;
		if (!memcmp(stat, after, sizeof(after)))
			return 0;
		report_free(r);
		usleep(NAP_US);
	}
	return -EAGAIN;
}

int faults_agree(pid_t pid)
{
	struct sheet s = { .pid = pid };
	struct report r = { 0 };
	uint64_t stat[KINDS];
	int err = read_between(&r, pid, stat);

	if (err)
		differ(&s, "expected a process that keeps still: %s", strerror(-err));
	else
		compare_figures(&s, &r);
	for (int i = MINOR; !err && i <= MAJOR; i++)
		if (s.own[i] != stat[i])
			differ(&s, "[faults] own_%s: expected %" PRIu64 " (stat), seen %" PRIu64,
			       column_name(i), stat[i], s.own[i]);
	report_free(&r);
	return s.differences;
}

uint64_t faults_key(pid_t pid, const char *key)
{
	uint64_t number = REPORT_UNKNOWN;
	struct report r;

	if (!read_report(&r, pid))
		report_number(&r, "faults", key, &number);
	report_free(&r);
	return number;
}

/**
 * struct expectation - what a test says of a row
 * @size: pages, %REPORT_UNKNOWN if it does not say
 * @faults: minor and major ones together, if it says nothing of kinds
 * @by_kind: all columns, if it does
 */
struct expectation {
	uint64_t size;
	uint64_t faults;
	struct faults by_kind;
};

/* Put one "column=count" where it belongs. */
static bool take_word(struct expectation *e, char *word)
{
	char *value = strchr(word, '='), *end;
	uint64_t count;

	if (!value || !value[1])
		return false;
	*value++ = '\0';
	count = strtoull(value, &end, 10);
	if (*end)
		return false;
	if (!strcmp(word, "size")) {
		e->size = count;
		return true;
	}
	if (!strcmp(word, "faults")) {
		e->faults = count;
		return true;
	}
	for (int i = MAJOR; i < REPORT_FAULTS; i++) {
		if (strcmp(word, column_name(i)))
			continue;
		e->by_kind.count[i] = count;
		return true;
	}
	return false;
}

static bool parse_expectation(struct expectation *e, char *text)
{
	char *word;

	memset(e, 0, sizeof(*e));
	e->size = REPORT_UNKNOWN;
	e->faults = REPORT_UNKNOWN;
	while ((word = strsep(&text, " "))) {
		if (*word && !take_word(e, word)) {
			diag("'%s' is no column with a count: the test is wrong", word);
			return false;
		}
	}
	e->by_kind.count[MINOR] = all_kinds(&e->by_kind) - e->by_kind.count[MAJOR];
	return true;
}

/* Compare a row, or [gone] if it is NULL, with a text that is cut on the way. */
static int compare_expected(pid_t pid, const struct report_row *row, const struct faults *seen,
			    char *expected)
{
	struct sheet s = { .pid = pid };
	struct expectation e;
	char where[128] = "[gone]";

	if (!parse_expectation(&e, expected))
		return 1;
	if (row)
		snprintf(where, sizeof(where), "%" PRIx64 "-%" PRIx64 " %.64s", row->start,
			 row->end, row->name ? row->name : "-");
	if (row && e.size != REPORT_UNKNOWN && row->count[REPORT_SIZE] != e.size)
		differ(&s, "%s: size: expected %" PRIu64 ", seen %" PRIu64, where, e.size,
		       row->count[REPORT_SIZE]);
	if (e.faults != REPORT_UNKNOWN) {
		if (both(seen) != e.faults)
			differ(&s, "%s: faults: expected %" PRIu64 ", seen %" PRIu64 " + %" PRIu64,
			       where, e.faults, seen->count[MINOR], seen->count[MAJOR]);
		return s.differences;
	}
	for (int i = 0; i < REPORT_FAULTS; i++)
		if (seen->count[i] != e.by_kind.count[i])
			differ(&s, "%s: %s: expected %" PRIu64 ", seen %" PRId64, where,
			       column_name(i), e.by_kind.count[i], (int64_t)seen->count[i]);
	return s.differences;
}

/* Make @mark the new figures; return what came since the old ones. */
static struct faults advance(struct faults *mark, const struct faults *now)
{
	struct faults since;

	for (int i = 0; i < REPORT_FAULTS; i++)
		since.count[i] = now->count[i] - mark->count[i];
	*mark = *now;
	return since;
}

static const struct report_row *find_row(const struct report *r, pid_t pid, uint64_t address)
{
	const struct report_row *row = report_find(r, address);

	if (!row)
		diag("pid %d: no row holds %" PRIx64, pid, address);
	return row;
}

/* The row's faults since the mark with a text, which is cut on the way. */
static int compare_row_since(pid_t pid, uint64_t address, struct faults *mark, char *expected)
{
	const struct report_row *row = NULL;
	struct faults now, since;
	int differences = 1;
	struct report r;

	if (!read_report(&r, pid))
		row = find_row(&r, pid, address);
	if (row) {
		row_figures(row, &now);
		since = advance(mark, &now);
		differences = compare_expected(pid, row, &since, expected);
	}
	report_free(&r);
	return differences;
}

int faults_row(pid_t pid, uint64_t address, const char *expected, ...)
{
	struct faults none = { 0 };
	char text[256];
	va_list args;

	va_start(args, expected);
	vsnprintf(text, sizeof(text), expected, args);
	va_end(args);
	return compare_row_since(pid, address, &none, text);
}

int faults_row_mark(pid_t pid, uint64_t address, struct faults *mark)
{
	const struct report_row *row = NULL;
	struct report r;

	if (!read_report(&r, pid))
		row = find_row(&r, pid, address);
	if (row)
		row_figures(row, mark);
	report_free(&r);
	return row ? 0 : 1;
}

int faults_row_since(pid_t pid, uint64_t address, struct faults *mark,
		     const char *expected, ...)
{
	char text[256];
	va_list args;

	va_start(args, expected);
	vsnprintf(text, sizeof(text), expected, args);
	va_end(args);
	return compare_row_since(pid, address, mark, text);
}

int faults_gone_mark(pid_t pid, struct faults *mark)
{
	struct sheet s = { .pid = pid };
	struct report r;

	if (read_report(&r, pid))
		s.differences++;
	else
		section_figures(&s, &r, "gone", mark);
	report_free(&r);
	return s.differences;
}

int faults_gone_since(pid_t pid, struct faults *mark, const char *expected, ...)
{
	struct faults now, since;
	char text[256];
	va_list args;

	va_start(args, expected);
	vsnprintf(text, sizeof(text), expected, args);
	va_end(args);
	if (faults_gone_mark(pid, &now))
		return 1;
	since = advance(mark, &now);
	return compare_expected(pid, NULL, &since, text);
}

/* Map those pages of the range that are in memory; return how many there are. */
static uint64_t map_remaining(char *at, uint64_t pages)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	unsigned char *in_core = malloc(pages);
	uint64_t count = 0;

	if (!in_core || mincore(at, pages * page, in_core))
		target_fail("mincore");
	for (uint64_t i = 0; i < pages; i++) {
		if (!(in_core[i] & 1))
			continue;
		target_read(at + i * page, 1, 1);
		count++;
	}
	free(in_core);
	return count;
}

void faults_page_out(char *at, uint64_t pages)
{
	for (int i = 0; i < PAGE_OUT_TRIES; i++) {
		if (madvise(at, pages * sysconf(_SC_PAGESIZE), MADV_PAGEOUT))
			target_fail("MADV_PAGEOUT");
		if (!map_remaining(at, pages))
			return;
		usleep(PAGE_OUT_NAP_US);
	}
	errno = ETIMEDOUT;
	target_fail("pages do not go to swap");
}
