// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "growth.h"
#include "procfile.h"

static const char *const result_name[] = {
	"grown", "refused:rlimit_stack", "refused:guard_gap", "refused:rlimit_as",
	"refused:rlimit_memlock", "refused:overcommit", "refused:mmap_min_addr", "refused:other"
};

static const char *const cause_name[] = { "fault", "exec", "remote" };

/**
 * struct check - one reading of a report
 * @pid: the process
 * @differences: how many were found so far
 */
struct check {
	pid_t pid;
	int differences;
};

static void differ(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void differ(struct check *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag("pid %d: %s", c->pid, text);
	c->differences++;
}

static bool is_among(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(text, list[i]))
			return true;
	return false;
}

static uint64_t figure(struct check *c, const struct report *r, const char *section,
		       const char *key)
{
	uint64_t number = 0;

	if (!report_number(r, section, key, &number) || number == REPORT_UNKNOWN) {
		differ(c, "[%s] %s: expected a number, seen %s", section, key,
		       report_value(r, section, key) ?: "no such key");
		return 0;
	}
	return number;
}

static bool read_limit(const char *text, uint64_t *limit)
{
	if (text && !strcmp(text, "unlimited")) {
		*limit = GROWTH_UNLIMITED;
		return true;
	}
	return report_decimal(text, limit) && *limit != REPORT_UNKNOWN;
}

static bool read_word(const char *text, char *word, size_t size)
{
	return text && snprintf(word, size, "%s", text) < (int)size;
}

static bool read_address(const char *text, uint64_t *address)
{
	return report_hex(text, address) && *address != REPORT_UNKNOWN;
}

/* The name of the first column that is not as it should be; NULL if there is none. */
static const char *read_event(const struct report_table *t, size_t row, struct growth_event *e)
{
	const struct {
		const char *column;
		bool good;
	} read[] = {
#define CELL(column) report_cell(t, row, column)
		{ "time", report_seconds(CELL("time"), &e->time) && e->time != REPORT_UNKNOWN },
		{ "tid", report_decimal(CELL("tid"), &e->tid) },
		{ "comm", read_word(CELL("comm"), e->comm, sizeof(e->comm)) },
		{ "cause", read_word(CELL("cause"), e->cause, sizeof(e->cause)) },
		{ "ip", report_hex(CELL("ip"), &e->ip) },
		{ "sp", report_hex(CELL("sp"), &e->sp) },
		{ "address", read_address(CELL("address"), &e->address) },
		{ "old_start", read_address(CELL("old_start"), &e->old_start) },
		{ "new_start", read_address(CELL("new_start"), &e->new_start) },
		{ "size", report_decimal(CELL("size"), &e->size) },
		{ "limit", read_limit(CELL("limit"), &e->limit) },
		{ "result", read_word(CELL("result"), e->result, sizeof(e->result)) },
#undef CELL
	};

	for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++)
		if (!read[i].good)
			return read[i].column;
	return NULL;
}

/* What must hold of every event; the mapping's end follows from size and start. */
static void check_event(struct check *c, const struct growth_event *e, size_t i)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	bool fault = !strcmp(e->cause, "fault");
	bool ip = e->ip != REPORT_UNKNOWN, sp = e->sp != REPORT_UNKNOWN;
	uint64_t end = e->new_start + e->size * page;

	if (!is_among(e->result, result_name, sizeof(result_name) / sizeof(*result_name)))
		differ(c, "event %zu: '%s' is no result", i, e->result);
	if (!is_among(e->cause, cause_name, sizeof(cause_name) / sizeof(*cause_name)))
		differ(c, "event %zu: '%s' is no cause", i, e->cause);
	if (e->address - e->new_start >= page || e->new_start % page || e->old_start % page)
		differ(c, "event %zu: expected whole pages, and %" PRIx64 " in the first, seen %"
		       PRIx64 "->%" PRIx64, i, e->address, e->old_start, e->new_start);
	if (e->new_start >= e->old_start || e->old_start > end || e->size == REPORT_UNKNOWN)
		differ(c, "event %zu: expected a mapping that begins lower, seen %" PRIx64 "->%"
		       PRIx64 " of %" PRId64 " pages", i, e->old_start, e->new_start,
		       (int64_t)e->size);
	if (ip != fault || sp != fault)
		differ(c, "event %zu (%s): expected ip and sp if it is a fault, seen %" PRIx64
		       " and %" PRIx64, i, e->cause, e->ip, e->sp);
}

static void take_events(struct check *c, struct growth *g, const struct report_table *t)
{
	g->event = calloc(t->rows ?: 1, sizeof(*g->event));
	if (!g->event) {
		differ(c, "no memory");
		return;
	}
	for (size_t i = 0; i < t->rows; i++) {
		struct growth_event *e = &g->event[i];
		const char *bad = read_event(t, i, e);

		if (bad) {
			differ(c, "event %zu: %s: seen '%s'", i, bad, report_cell(t, i, bad) ?:
			       "no such column");
			return;
		}
		check_event(c, e, i);
		if (i && e->time < g->event[i - 1].time)
			differ(c, "event %zu: expected a time after %" PRIu64 ", seen %" PRIu64, i,
			       g->event[i - 1].time, e->time);
		g->events++;
	}
}

static void sum_rows(struct check *c, struct growth *g, const struct report *r)
{
	uint64_t total = figure(c, r, "total", "grows");

	for (size_t i = 0; i < r->rows; i++) {
		uint64_t grows = r->row[i].count[REPORT_GROWS];

		if (grows == REPORT_UNKNOWN)
			differ(c, "row %" PRIx64 ": grows: expected a number, seen -",
			       r->row[i].start);
		else
			g->rows += grows;
	}
	if (total != g->rows)
		differ(c, "[total] grows: expected the sum of the rows, %" PRIu64 ", seen %" PRIu64,
		       g->rows, total);
}

static void check_sums(struct check *c, const struct growth *g, const struct report *r)
{
	uint64_t gone = figure(c, r, "gone", "grows");

	if (gone != g->gone)
		differ(c, "[gone] grows: expected as in [grows], %" PRIu64 ", seen %" PRIu64,
		       g->gone, gone);
	if (g->grown != g->rows + g->gone + g->unattributed)
		differ(c, "expected grown = rows + gone + unattributed, seen %" PRIu64 ", %" PRIu64
		       " + %" PRIu64 " + %" PRIu64, g->grown, g->rows, g->gone,
		       g->unattributed);
	if (g->grown + g->refused != g->events + g->dropped)
		differ(c, "expected grown + refused = events + dropped, seen %" PRIu64 " + %" PRIu64
		       ", %zu + %" PRIu64, g->grown, g->refused, g->events, g->dropped);
	if (growth_count(g, "grown") > g->grown || growth_count(g, "refused:") > g->refused)
		differ(c, "expected events grown and refused: at most %" PRIu64 " and %" PRIu64
		       ", seen %zu and %zu", g->grown, g->refused, growth_count(g, "grown"),
		       growth_count(g, "refused:"));
	if (g->refused && !growth_count(g, "refused:"))
		differ(c, "expected the last of %" PRIu64 " refusals among the events, seen none",
		       g->refused);
}

int growth_of(struct growth *g, const struct report *r, pid_t pid)
{
	const struct report_table *t = report_table(r, "growth");
	struct check c = { .pid = pid };

	memset(g, 0, sizeof(*g));
	g->grown = figure(&c, r, "grows", "grown");
	g->refused = figure(&c, r, "grows", "refused");
	g->gone = figure(&c, r, "grows", "gone");
	g->unattributed = figure(&c, r, "grows", "unattributed");
	g->dropped = figure(&c, r, "grows", "dropped");
	if (t)
		take_events(&c, g, t);
	else
		differ(&c, "expected a section [growth], seen none");
	sum_rows(&c, g, r);
	if (!c.differences)
		check_sums(&c, g, r);
	return c.differences;
}

int growth_read(struct growth *g, pid_t pid)
{
	struct report r;
	int err = report_read(&r, pid);

	memset(g, 0, sizeof(*g));
	if (err)
		diag("pid %d: report: %s %s", pid, strerror(-err), r.error);
	else
		err = growth_of(g, &r, pid);
	report_free(&r);
	return err;
}

void growth_free(struct growth *g)
{
	free(g->event);
	memset(g, 0, sizeof(*g));
}

size_t growth_count(const struct growth *g, const char *result)
{
	bool all = result[strlen(result) - 1] == ':';
	size_t count = 0;

	for (size_t i = 0; i < g->events; i++)
		count += all ? !strncmp(g->event[i].result, result, strlen(result)) :
			       !strcmp(g->event[i].result, result);
	return count;
}

/* A field as the report prints it. */
static bool show_field(const struct growth_event *e, const char *field, char *text, size_t size)
{
	const struct {
		const char *field;
		bool hex;
		uint64_t value;
	} number[] = {
		{ "tid", false, e->tid },
		{ "ip", true, e->ip },
		{ "sp", true, e->sp },
		{ "address", true, e->address },
		{ "old_start", true, e->old_start },
		{ "new_start", true, e->new_start },
		{ "size", false, e->size },
		{ "limit", false, e->limit },
	};
	const char *word = !strcmp(field, "comm")   ? e->comm :
			   !strcmp(field, "cause")  ? e->cause :
			   !strcmp(field, "result") ? e->result :
						      NULL;

	if (word)
		return snprintf(text, size, "%s", word) > 0;
	for (size_t i = 0; i < sizeof(number) / sizeof(*number); i++) {
		if (strcmp(field, number[i].field))
			continue;
		if (number[i].value == REPORT_UNKNOWN)
			return snprintf(text, size, "-") > 0;
		if (number[i].value == GROWTH_UNLIMITED)
			return snprintf(text, size, "unlimited") > 0;
		return snprintf(text, size, number[i].hex ? "%" PRIx64 : "%" PRIu64,
				number[i].value) > 0;
	}
	return false;
}

/* Compare one "field=value". */
static void compare_word(struct check *c, const struct growth_event *e, char *word)
{
	char seen[64], *value = strchr(word, '=');

	if (!value) {
		differ(c, "'%s' is no field with a value: the test is wrong", word);
		return;
	}
	*value++ = '\0';
	if (!show_field(e, word, seen, sizeof(seen)))
		differ(c, "'%s' is no field: the test is wrong", word);
	else if (strcmp(seen, value))
		differ(c, "event %s at %" PRIx64 ": %s: expected %s, seen %s", e->result,
		       e->address, word, value, seen);
}

int growth_event_is(pid_t pid, const struct growth_event *e, const char *expected, ...)
{
	struct check c = { .pid = pid };
	char text[256], *next = text, *word;
	va_list args;

	va_start(args, expected);
	vsnprintf(text, sizeof(text), expected, args);
	va_end(args);
	if (!e)
		differ(&c, "expected an event %s, seen none", text);
	while (e && (word = strsep(&next, " ")))
		if (*word)
			compare_word(&c, e, word);
	return c.differences;
}

uint64_t growth_row(pid_t pid, uint64_t address)
{
	const struct report_row *row = NULL;
	uint64_t grows = REPORT_UNKNOWN;
	struct report r;

	if (!report_read(&r, pid))
		row = report_find(&r, address);
	if (row)
		grows = row->count[REPORT_GROWS];
	else
		diag("pid %d: no row holds %" PRIx64 " %s", pid, address, r.error);
	report_free(&r);
	return grows;
}

uint64_t growth_maps(pid_t pid, uint64_t address)
{
	char *text = procfile_read_pid(pid, "maps", NULL), *next = text, *line;
	uint64_t start, end, found = 0;

	while (!found && next && (line = strsep(&next, "\n")))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && start <= address &&
		    address < end)
			found = start;
	free(text);
	return found;
}

uint64_t growth_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}
