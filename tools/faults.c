// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "faults.h"
#include "fields.h"
#include "grid.h"
#include "value.h"

static bool is_tracked(const struct report *report)
{
	return strcmp(fields_get(report, "process", "tracked_since"), "-");
}

/* "12.345" of "12.345678901": to see how long ago that is. */
static const char *since(const struct report *report, char *buf)
{
	const char *raw = fields_get(report, "process", "tracked_since");

	snprintf(buf, VALUE_MAX, "%.*s", (int)(strcspn(raw, ".") + 4), raw);
	return buf;
}

/**
 * faults_heading() - print a line about the page faults of the process itself
 * @report: the report, checked; no line if its module cannot count faults
 *
 * What is as usual (0 of everything else, probes on) is not mentioned.
 */
void faults_heading(const struct report *report)
{
	static const struct {
		const char *key;
		const char *usual;
	} more[] = {
		{ "remote", "0" }, { "elsewhere", "0" }, { "unattributed", "0" },
		{ "lost", "0" }, { "probes", "on" },
	};
	char buf[VALUE_MAX];
	const char *value;

	if (!report_section(report, "faults"))
		return;
	if (!is_tracked(report)) {
		puts("page faults are not tracked");
		return;
	}
	printf("page faults since %ss: minor %s, major %s", since(report, buf),
	       fields_get(report, "faults", "own_minflt"),
	       fields_get(report, "faults", "own_majflt"));
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		value = fields_get(report, "faults", more[i].key);
		if (strcmp(value, more[i].usual))
			printf(", %s %s", more[i].key, value);
	}
	putchar('\n');
}

/* A count of [faults] if it is known and not 0, else NULL. */
static const char *count(const struct report *report, const char *key)
{
	const char *raw = fields_get(report, "faults", key);

	return strcmp(raw, "-") && strcmp(raw, "0") ? raw : NULL;
}

static const char *were(const char *count)
{
	return strcmp(count, "1") ? "faults were" : "fault was";
}

/**
 * faults_notes() - say on stderr why counts are incomplete, if they are
 * @report: the report, checked
 */
void faults_notes(const struct report *report)
{
	const char *pid = fields_get(report, "process", "pid");
	const char *lost = count(report, "lost");
	const char *unattributed = count(report, "unattributed");

	if (lost)
		report_bad(report, 0,
			   "pid %s: counts are incomplete: %s %s not seen (probes were off)", pid,
			   lost, were(lost));
	if (unattributed)
		report_bad(report, 0,
			   "pid %s: counts are incomplete: %s %s not attributed to a mapping (no memory for the counters; see max_memory)",
			   pid, unattributed, were(unattributed));
	if (!strcmp(fields_get(report, "faults", "probes"), "off"))
		report_bad(report, 0,
			   "pid %s: probes are off, faults or growing stacks are not seen (see sysctl kernel.ftrace_enabled, and kprobes/enabled in debugfs)",
			   pid);
}

/*
 * The columns of a table with a line for each process. From MAPPED to ELSEWHERE
 * they add up to OWN and REMOTE: minor and major faults together.
 */
static const struct {
	const char *name;
	const char *section;
	const char *key[2];
	int width;
	int flags;
} parts[] = {
	{ "PID", "process", { "pid" }, 5, SCOLS_FL_RIGHT },
	{ "COMM", "process", { "comm" }, 0, 0 },
	{ "SINCE", "process", { "tracked_since" }, 0, SCOLS_FL_RIGHT },
	{ "MAPPED", "total", { "minflt", "majflt" }, 0, SCOLS_FL_RIGHT },
	{ "GONE", "gone", { "minflt", "majflt" }, 0, SCOLS_FL_RIGHT },
	{ "UNATTRIBUTED", "faults", { "unattributed" }, 0, SCOLS_FL_RIGHT },
	{ "LOST", "faults", { "lost" }, 0, SCOLS_FL_RIGHT },
	{ "ELSEWHERE", "faults", { "elsewhere" }, 0, SCOLS_FL_RIGHT },
	{ "OWN", "faults", { "own_minflt", "own_majflt" }, 0, SCOLS_FL_RIGHT },
	{ "REMOTE", "faults", { "remote" }, 0, SCOLS_FL_RIGHT },
	{ "PROBES", "faults", { "probes" }, 0, SCOLS_FL_RIGHT },
};

/**
 * faults_table() - make a table of where the faults of processes went
 * @opts: what it will look like
 *
 * Return: the table; a line for each process comes from faults_add().
 */
struct libscols_table *faults_table(const struct options *opts)
{
	struct libscols_table *table = options_table(opts);

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!scols_table_new_column(table, parts[i].name, parts[i].width, parts[i].flags))
			err(EXIT_FAILURE, "table");
	return table;
}

/* The sum of two counts; "-" if one is not known. */
static const char *sum(const char *a, const char *b, char *buf)
{
	uint64_t x, y;

	if (!value_number(a, 10, &x) || !value_number(b, 10, &y))
		return "-";
	snprintf(buf, VALUE_MAX, "%" PRIu64, x + y);
	return buf;
}

/**
 * faults_add() - add the line of a process to the table of faults
 * @table: the table
 * @report: the report, checked; no line if it is not tracked
 */
void faults_add(struct libscols_table *table, const struct report *report)
{
	struct libscols_line *line;
	char buf[VALUE_MAX];
	const char *value;

	if (!is_tracked(report))
		return;
	line = grid_line(table);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		value = fields_get(report, parts[i].section, parts[i].key[0]);
		if (!strcmp(parts[i].key[0], "tracked_since"))
			value = since(report, buf);
		if (parts[i].key[1])
			value = sum(value, fields_get(report, parts[i].section, parts[i].key[1]),
				    buf);
		grid_set(line, i, value);
	}
}

/**
 * faults_print() - print the table below another one, if it has lines, and free it
 * @table: the table
 */
void faults_print(struct libscols_table *table)
{
	if (scols_table_get_nlines(table)) {
		putchar('\n');
		if (scols_print_table(table))
			err(EXIT_FAILURE, "table");
	}
	scols_unref_table(table);
}
