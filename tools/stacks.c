// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libsmartcols.h>

#include "fields.h"
#include "rows.h"
#include "stacks.h"

#define RIGHT SCOLS_FL_RIGHT

static const struct column columns[NR_STACK_COLUMNS] = {
	[STACK_PID] = { "PID", NULL, KIND_COUNT, 5, RIGHT, IN_RAW | IN_MERGED,
			"process ID" },
	[STACK_PROCESS] = { "PROCESS", NULL, KIND_LITERAL, 0, 0, 0,
			    "name of the process" },
	[STACK_TID] = { "TID", "tid", KIND_COUNT, 5, RIGHT, IN_ALL,
			"thread ID" },
	[STACK_COMM] = { "COMM", "comm", KIND_ESCAPED, 0, 0, IN_ALL,
			 "name of the thread" },
	[STACK_KIND] = { "KIND", "kind", KIND_TEXT, 6, 0, IN_ALL,
			 "main: the one that grows; thread: any other", 4 },
	[STACK_RANGE] = { "RANGE", "range", KIND_RANGE, 25, 0, 0,
			  "first address, and first address after it" },
	[STACK_START] = { "START", NULL, KIND_HEX, 12, RIGHT, IN_ALL,
			  "first address: the deep end", 1 },
	[STACK_END] = { "END", NULL, KIND_HEX, 12, RIGHT, IN_JSON,
			"first address after it: the top" },
	[STACK_SIZE] = { "SIZE", "size", KIND_PAGES, 4, RIGHT, IN_ALL,
			 "address space it has now" },
	[STACK_LIMIT] = { "LIMIT", "limit", KIND_LIMIT, 4, RIGHT, IN_ALL,
			  "what it may become" },
	[STACK_UNLIMITED] = { "UNLIMITED", NULL, KIND_BOOL, 0, 0, IN_JSON,
			      "there is no such limit" },
	[STACK_GUARD] = { "GUARD", "guard", KIND_PAGES, 4, RIGHT, IN_ALL,
			  "guard right below it", 3 },
	[STACK_TOUCHED] = { "TOUCHED", "touched", KIND_PAGES, 4, RIGHT, IN_ALL,
			    "deepest use so far: from the deepest page in memory to the top" },
	[STACK_DEPTH] = { "DEPTH", "sp_depth", KIND_PAGES, 4, RIGHT, IN_ALL,
			  "use now: from the stack pointer to the top" },
	[STACK_HEADROOM] = { "HEADROOM", "headroom", KIND_PAGES, 4, RIGHT, IN_ALL,
			     "never touched, and still to be had" },
	[STACK_USE] = { "USE%", NULL, KIND_PERCENT, 4, RIGHT, IN_ALL,
			"TOUCHED in percent of LIMIT; of TOUCHED + HEADROOM if unlimited" },
	[STACK_NAME] = { "NAME", "vma", KIND_TEXT, 0, 0, IN_ALL,
			 "VMA it is in", 2 },
};

/* More pages than there are in an address space: the report is damaged. */
#define TOUCHED_MAX (1ull << 46)

/* "12.345": how many percent of what it can have at most has been used. */
static const char *use(const struct rows *stacks, char **fields, char *buf)
{
	const char *limit = rows_field(stacks, fields, STACK_LIMIT);
	uint64_t touched, most, headroom, thousandths;

	if (!value_number(rows_field(stacks, fields, STACK_TOUCHED), 10, &touched) ||
	    touched >= TOUCHED_MAX)
		return "-";
	if (!strcmp(limit, UNLIMITED)) {
		if (!value_number(rows_field(stacks, fields, STACK_HEADROOM), 10, &headroom))
			return "-";
		most = touched + headroom;
	} else if (!value_number(limit, 10, &most)) {
		return "-";
	}
	if (!most)
		return "-";
	thousandths = touched * 100000 / most;
	snprintf(buf, CELL_MAX, "%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000);
	return buf;
}

/**
 * stacks_unlimited() - is there no limit
 * @limit: number of pages, "unlimited" or "-", as in a report
 *
 * Return: "yes", "no" or "-".
 */
const char *stacks_unlimited(const char *limit)
{
	if (!value_known(KIND_LIMIT, limit))
		return "-";
	return strcmp(limit, UNLIMITED) ? "no" : "yes";
}

static const char *cell(const struct rows *stacks, char **fields, size_t id,
			const struct units *units, char *buf)
{
	(void)units;
	switch (id) {
	case STACK_PID:
		return fields_get(stacks->report, "process", "pid");
	case STACK_PROCESS:
		return fields_get(stacks->report, "process", "comm");
	case STACK_START:
	case STACK_END:
		return rows_range_part(rows_field(stacks, fields, STACK_RANGE), id == STACK_END,
				       buf);
	case STACK_UNLIMITED:
		return stacks_unlimited(rows_field(stacks, fields, STACK_LIMIT));
	case STACK_USE:
		return use(stacks, fields, buf);
	default:
		return NULL;
	}
}

const struct column_set stack_columns = {
	.section = "stacks",
	.column = columns,
	.nr = NR_STACK_COLUMNS,
	.needed = STACK_TID,
	.cell = cell,
};
