// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libsmartcols.h>

#include "fields.h"
#include "growth.h"
#include "refusal.h"
#include "rows.h"
#include "stacks.h"

#define RIGHT SCOLS_FL_RIGHT

static const struct column columns[NR_GROWTH_COLUMNS] = {
	[GROWTH_PID] = { "PID", NULL, KIND_COUNT, 5, RIGHT, IN_RAW,
			 "process ID: whose stack it is" },
	[GROWTH_PROCESS] = { "PROCESS", NULL, KIND_LITERAL, 0, 0, 0,
			     "name of the process" },
	[GROWTH_TIME] = { "TIME", "time", KIND_SECONDS, 9, RIGHT, IN_ALL,
			  "when, in seconds after boot" },
	[GROWTH_TID] = { "TID", "tid", KIND_COUNT, 5, RIGHT, IN_ALL,
			 "thread that caused it" },
	[GROWTH_COMM] = { "COMM", "comm", KIND_ESCAPED, 0, 0, IN_ALL,
			  "its name", 1 },
	[GROWTH_CAUSE] = { "CAUSE", "cause", KIND_TEXT, 5, 0, IN_ALL,
			   "fault, exec, or remote: another process, a debugger say", 2 },
	[GROWTH_IP] = { "IP", "ip", KIND_HEX, 12, RIGHT, IN_ALL,
			"instruction pointer of the thread", 3 },
	[GROWTH_SP] = { "SP", "sp", KIND_HEX, 12, RIGHT, IN_JSON,
			"stack pointer of the thread" },
	[GROWTH_ADDRESS] = { "ADDRESS", "address", KIND_HEX, 12, RIGHT, IN_JSON,
			     "that was touched" },
	[GROWTH_OLD] = { "OLD", "old_start", KIND_HEX, 12, RIGHT, IN_JSON,
			 "start of the stack before" },
	[GROWTH_NEW] = { "NEW", "new_start", KIND_HEX, 12, RIGHT, IN_JSON,
			 "start of the stack after; if refused, what it should have been" },
	[GROWTH_GREW] = { "GREW", NULL, KIND_BYTES, 4, RIGHT, IN_ALL,
			  "OLD - NEW: by how much it grew, or should have grown" },
	[GROWTH_SIZE] = { "SIZE", "size", KIND_PAGES, 4, RIGHT, IN_ALL,
			  "size after; if refused, what it would have been" },
	[GROWTH_LIMIT] = { "LIMIT", "limit", KIND_LIMIT, 4, RIGHT, IN_RAW | IN_JSON,
			   "RLIMIT_STACK of who caused it" },
	[GROWTH_UNLIMITED] = { "UNLIMITED", NULL, KIND_BOOL, 0, 0, IN_JSON,
			       "there is no such limit" },
	[GROWTH_RESULT] = { "RESULT", "result", KIND_TEXT, 0, 0, IN_ALL,
			    "grown, or refused and why" },
};

static const char *grew(const struct rows *growth, char **fields, char *buf)
{
	uint64_t old, new;

	if (!value_number(rows_field(growth, fields, GROWTH_OLD), 16, &old) ||
	    !value_number(rows_field(growth, fields, GROWTH_NEW), 16, &new) || new > old)
		return "-";
	snprintf(buf, CELL_MAX, "%" PRIu64, old - new);
	return buf;
}

static const char *cell(const struct rows *growth, char **fields, size_t id,
			const struct units *units, char *buf)
{
	const char *limit = rows_field(growth, fields, GROWTH_LIMIT);

	switch (id) {
	case GROWTH_PID:
		return fields_get(growth->report, "process", "pid");
	case GROWTH_PROCESS:
		return fields_get(growth->report, "process", "comm");
	case GROWTH_GREW:
		return grew(growth, fields, buf);
	case GROWTH_UNLIMITED:
		return stacks_unlimited(limit);
	case GROWTH_RESULT:
		if (units && !units->plain)
			return refusal_text(rows_field(growth, fields, GROWTH_RESULT), limit, units,
					    buf);
		return NULL;
	default:
		return NULL;
	}
}

const struct column_set growth_columns = {
	.section = "growth",
	.column = columns,
	.nr = NR_GROWTH_COLUMNS,
	.needed = GROWTH_RESULT,
	.cell = cell,
};

/**
 * growth_known() - does a report tell how stacks grew
 * @report: the report, checked
 *
 * Return: false if the process is not tracked, or the module cannot tell.
 */
bool growth_known(const struct report *report)
{
	return value_known(KIND_COUNT, fields_get(report, "grows", "grown"));
}

/**
 * growth_heading() - print a line about the growth of the stacks
 * @report: the report, checked; no line if its module cannot tell
 *
 * What is as usual (0 of everything else) is not mentioned.
 */
void growth_heading(const struct report *report)
{
	static const struct {
		const char *key;
		const char *before;
		const char *after;
	} more[] = {
		{ "gone", ", gone ", "" },
		{ "unattributed", ", unattributed ", "" },
		{ "dropped", "; ", " older ones not kept" },
	};
	const char *since = fields_get(report, "process", "tracked_since");
	const char *value;

	if (!report_section(report, "grows"))
		return;
	if (!growth_known(report)) {
		printf("growth is not tracked: vminspect track %s\n",
		       fields_get(report, "process", "pid"));
		return;
	}
	/* To the millisecond: to see how long ago that is. */
	printf("stack growth since %.*ss: grown %s, refused %s", (int)(strcspn(since, ".") + 4),
	       since, fields_get(report, "grows", "grown"), fields_get(report, "grows", "refused"));
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		value = fields_get(report, "grows", more[i].key);
		if (strcmp(value, "0"))
			printf("%s%s%s", more[i].before, value, more[i].after);
	}
	putchar('\n');
}

/**
 * growth_hint() - print a line that calls for a look at the growth log, if
 * something was refused
 * @report: the report, checked
 */
void growth_hint(const struct report *report)
{
	const char *refused = fields_get(report, "grows", "refused");

	if (value_known(KIND_COUNT, refused) && strcmp(refused, "0"))
		printf("stack growth refused: %s, see vminspect -g %s\n", refused,
		       fields_get(report, "process", "pid"));
}
