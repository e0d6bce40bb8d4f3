// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>

#include "fields.h"
#include "grid.h"
#include "totals.h"
#include "value.h"
#include "vmas.h"

/* The sums of a section, which go by the names of the columns. */
static int check_sums(const struct report *report, const char *name, uint64_t page_size)
{
	const struct section *sums = report_section(report, name);
	unsigned long line;
	const char *raw;
	uint64_t number;

	for (size_t i = 0; sums && i < NR_COLUMNS; i++) {
		if (!vma_columns.column[i].key)
			continue;
		raw = section_value(sums, vma_columns.column[i].key, &line);
		if (raw && !value_parse(vma_columns.column[i].kind, raw, page_size, &number)) {
			report_bad(report, line, "[%s] %s: no such value can be: '%s'", name,
				   vma_columns.column[i].key, raw);
			return -1;
		}
	}
	return 0;
}

/**
 * totals_check() - check the sums of a report
 * @report: the report
 * @page_size: bytes in a page
 *
 * Return: 0, or -1 with a message on stderr.
 */
int totals_check(const struct report *report, uint64_t page_size)
{
	return check_sums(report, "total", page_size) || check_sums(report, "gone", page_size) ?
	       -1 : 0;
}

/* A blank field would be lost among the blanks of raw output. */
static const char *nothing(const struct options *opts)
{
	return opts->output == OUTPUT_TABLE ? "" : "-";
}

/* Adds a line that is called like the section whose sums it shows. */
static void add_sums(struct libscols_table *table, const struct report *report, const char *name,
		     const char *absent, const struct columns *chosen, const struct options *opts,
		     uint64_t page_size)
{
	const struct units units = { .page_size = page_size, .bytes = opts->bytes };
	const struct section *sums = report_section(report, name);
	struct libscols_line *line = grid_line(table);
	const struct column *column;
	const char *label = name, *raw;
	char buf[VALUE_MAX];

	for (size_t i = 0; i < chosen->nr; i++) {
		column = &vma_columns.column[chosen->id[i]];
		if (chosen->id[i] == COL_PID) {
			grid_set(line, i, fields_get(report, "process", "pid"));
		} else if (chosen->id[i] == COL_COMM) {
			grid_set(line, i, fields_get(report, "process", "comm"));
		} else if (chosen->id[i] == COL_INODE) {
			grid_set(line, i, nothing(opts));
		} else if (value_is_number(column->kind)) {
			raw = sums ? section_value(sums, column->key, NULL) : NULL;
			grid_set(line, i,
				 raw ? value_text(column->kind, raw, &units, buf) : absent);
		} else {
			grid_set(line, i, label);
			label = nothing(opts);
		}
	}
}

/**
 * totals_add() - add the line with the sums of the VMAs
 * @table: the table
 * @report: where the sums are; "-" for each if it has none
 * @chosen: the columns of the table
 * @opts: how to show sizes
 * @page_size: bytes in a page
 */
void totals_add(struct libscols_table *table, const struct report *report,
		const struct columns *chosen, const struct options *opts, uint64_t page_size)
{
	add_sums(table, report, "total", "-", chosen, opts, page_size);
}

static bool knows_gone(const struct report *report, const struct columns *chosen)
{
	const struct section *gone = report_section(report, "gone");
	const struct column *column;
	const char *raw;

	for (size_t i = 0; gone && i < chosen->nr; i++) {
		column = &vma_columns.column[chosen->id[i]];
		raw = column->key ? section_value(gone, column->key, NULL) : NULL;
		if (raw && value_known(column->kind, raw))
			return true;
	}
	return false;
}

/**
 * totals_add_gone() - add the line of the mappings that no longer exist
 * @table: the table
 * @report: the report; no line if it knows nothing that the columns show
 * @chosen: the columns of the table
 * @opts: how to show them
 * @page_size: bytes in a page
 */
void totals_add_gone(struct libscols_table *table, const struct report *report,
		     const struct columns *chosen, const struct options *opts,
		     uint64_t page_size)
{
	if (knows_gone(report, chosen))
		add_sums(table, report, "gone", nothing(opts), chosen, opts, page_size);
}

/**
 * totals_json() - write the sums of the VMAs as members of the open object
 * @json: the document
 * @report: the report, checked
 * @page_size: bytes in a page
 */
void totals_json(struct json *json, const struct report *report, uint64_t page_size)
{
	const struct column *column = vma_columns.column;

	value_json(json, "vmas", KIND_COUNT, fields_get(report, "total", "vmas"), page_size);
	for (size_t i = 0; i < NR_COLUMNS; i++, column++)
		if (column->key && value_is_number(column->kind) && i != COL_INODE)
			value_json(json, column->key, column->kind,
				   fields_get(report, "total", column->key), page_size);
}

/**
 * totals_json_gone() - write the faults in mappings that no longer exist as
 * members of the open object
 * @json: the document
 * @report: the report, checked
 * @page_size: bytes in a page
 */
void totals_json_gone(struct json *json, const struct report *report, uint64_t page_size)
{
	for (size_t i = COL_MINFLT; i <= COL_GROWS; i++)
		value_json(json, vma_columns.column[i].key, vma_columns.column[i].kind,
			   fields_get(report, "gone", vma_columns.column[i].key), page_size);
}
