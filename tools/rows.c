// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "grid.h"
#include "rows.h"
#include "text.h"

static int check_row(const struct rows *rows, char **fields, unsigned long line)
{
	const struct column_set *set = rows->set;
	uint64_t number;
	char *raw;

	for (size_t i = 0; i < set->nr; i++) {
		if (rows->index[i] < 0)
			continue;
		raw = fields[rows->index[i]];
		if (!value_parse(set->column[i].kind, raw, rows->page_size, &number)) {
			report_bad(rows->report, line, "[%s] %s: no such value can be: '%s'",
				   set->section, set->column[i].key, raw);
			return -1;
		}
		if (set->column[i].kind == KIND_ESCAPED)
			text_unescape(raw);
	}
	return 0;
}

static int read_rows(struct rows *rows, struct table *table)
{
	size_t found, nr = table_rows(table);
	unsigned long line = table->line;
	char **fields;

	rows->stride = table->nr;
	rows->field = calloc(nr + 1, table->nr * sizeof(*rows->field));
	rows->row = calloc(nr + 1, sizeof(*rows->row));
	if (!rows->field || !rows->row)
		err(EXIT_FAILURE, "%s", rows->report->origin);

	fields = rows->field;
	while (table_row(table, fields, &found)) {
		if (found < table->nr) {
			report_bad(rows->report, line, "[%s] %zu fields, but %zu columns",
				   rows->set->section, found, table->nr);
			return -1;
		}
		if (check_row(rows, fields, line))
			return -1;
		rows->row[rows->all] = rows->all;
		rows->all++;
		fields += table->nr;
		line = table->line;
	}
	rows->nr = rows->all;
	return 0;
}

static int read_table(struct rows *rows, const struct section *section, struct table *table)
{
	const struct column_set *set = rows->set;

	rows->index = calloc(set->nr, sizeof(*rows->index));
	if (!rows->index)
		err(EXIT_FAILURE, "%s", rows->report->origin);
	for (size_t i = 0; i < set->nr; i++)
		rows->index[i] = set->column[i].key ? table_column(table, set->column[i].key) : -1;
	if (rows->index[set->needed] < 0) {
		report_bad(rows->report, section->line, "[%s] has no column \"%s\"", set->section,
			   set->column[set->needed].key);
		return -1;
	}
	return read_rows(rows, table);
}

/**
 * rows_read() - read and check the rows of a section
 * @rows: filled in; free with rows_free() in any case
 * @set: which section, and its columns
 * @report: the report; if it does not have the section there are no rows. A
 *	section can be read once.
 * @page_size: bytes in a page
 *
 * Return: 0, or -1 with a message on stderr if the report is damaged.
 */
int rows_read(struct rows *rows, const struct column_set *set, const struct report *report,
	      uint64_t page_size)
{
	const struct section *section = report_section(report, set->section);
	struct table table;
	int ret;

	*rows = (struct rows){ .report = report, .set = set, .page_size = page_size };
	if (!section || !table_open(&table, section))
		return 0;
	rows->present = true;
	ret = read_table(rows, section, &table);
	table_close(&table);
	return ret;
}

/**
 * rows_free() - free what rows_read() allocated
 * @rows: the rows
 */
void rows_free(struct rows *rows)
{
	free(rows->field);
	free(rows->row);
	free(rows->index);
}

/**
 * rows_field() - a value as the report has it
 * @rows: the rows
 * @fields: the row
 * @id: the column
 *
 * Return: the value; "-" if the report does not have the column.
 */
const char *rows_field(const struct rows *rows, char **fields, size_t id)
{
	return rows->index[id] < 0 ? "-" : fields[rows->index[id]];
}

/**
 * rows_range_part() - one end of "start-end"
 * @range: the range, checked
 * @end: the second rather than the first
 * @buf: CELL_MAX bytes
 *
 * Return: the end; the whole of @range if it is not known.
 */
const char *rows_range_part(const char *range, bool end, char *buf)
{
	const char *dash = strchr(range, '-');

	if (!value_known(KIND_RANGE, range) || dash - range >= CELL_MAX)
		return range;
	if (end)
		return dash + 1;
	memcpy(buf, range, dash - range);
	buf[dash - range] = '\0';
	return buf;
}

/**
 * rows_cell() - the value of a column
 * @rows: the rows
 * @row: index of the row, below rows->all
 * @id: the column
 * @units: not NULL: as a person wants to see it; value_text() does the rest
 * @buf: CELL_MAX bytes to write to, if need be
 *
 * Return: the value, valid as long as @buf and the report.
 */
const char *rows_cell(const struct rows *rows, size_t row, size_t id, const struct units *units,
		      char *buf)
{
	char **fields = rows->field + row * rows->stride;
	const char *value = rows->set->cell(rows, fields, id, units, buf);

	return value ? value : rows_field(rows, fields, id);
}

/**
 * rows_sort() - sort the rows
 * @rows: the rows
 * @by: column to sort by, as order_sort() does
 */
void rows_sort(struct rows *rows, size_t by)
{
	struct order order = { .kind = rows->set->column[by].kind };
	char buf[CELL_MAX];

	for (size_t i = 0; i < rows->nr; i++)
		order_add(&order, rows_cell(rows, rows->row[i], by, NULL, buf), rows->page_size,
			  (void *)(uintptr_t)rows->row[i]);
	order_sort(&order);
	for (size_t i = 0; i < rows->nr; i++)
		rows->row[i] = (uintptr_t)order.entry[i].item;
	order_free(&order);
}

static void fill(struct libscols_line *line, const struct rows *rows, size_t row,
		 const struct columns *chosen, const struct units *units)
{
	char raw[CELL_MAX], buf[CELL_MAX];
	size_t id;

	for (size_t i = 0; i < chosen->nr; i++) {
		id = chosen->id[i];
		grid_set(line, i, value_text(rows->set->column[id].kind,
					     rows_cell(rows, row, id, units, raw), units, buf));
	}
}

static struct units units_of(const struct rows *rows, const struct options *opts)
{
	return (struct units){
		.page_size = rows->page_size,
		.bytes = opts->bytes,
		.plain = opts->output != OUTPUT_TABLE,
	};
}

/**
 * rows_add() - add a line for each row
 * @table: the table
 * @rows: the rows
 * @chosen: the columns of the table
 * @opts: how to show sizes
 */
void rows_add(struct libscols_table *table, const struct rows *rows, const struct columns *chosen,
	      const struct options *opts)
{
	const struct units units = units_of(rows, opts);

	for (size_t i = 0; i < rows->nr; i++)
		fill(grid_line(table), rows, rows->row[i], chosen, &units);
}

/**
 * rows_add_ordered() - make a line for each row, of a table yet to be sorted
 * @order: gets the lines
 * @by: column to sort by
 * @rows: the rows
 * @chosen: the columns of the table
 * @opts: how to show sizes
 */
void rows_add_ordered(struct order *order, size_t by, const struct rows *rows,
		      const struct columns *chosen, const struct options *opts)
{
	const struct units units = units_of(rows, opts);
	struct libscols_line *line;
	char buf[CELL_MAX];

	for (size_t i = 0; i < rows->nr; i++) {
		line = grid_loose_line(chosen->nr);
		fill(line, rows, rows->row[i], chosen, &units);
		order_add(order, rows_cell(rows, rows->row[i], by, NULL, buf), rows->page_size,
			  line);
	}
}

/* The letters of a name, in lower case. */
static void member_name(const char *name, char *out)
{
	for (; *name; name++)
		if (isalnum((unsigned char)*name))
			*out++ = text_lower(*name);
	*out = '\0';
}

/* Has column @i been chosen before? An object has each member once. */
static bool chosen_before(const struct columns *chosen, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (chosen->id[j] == chosen->id[i])
			return true;
	return false;
}

/**
 * rows_json() - write the rows as a member of the open object
 * @json: the document
 * @rows: the rows
 * @chosen: the columns to write
 */
void rows_json(struct json *json, const struct rows *rows, const struct columns *chosen)
{
	char raw[CELL_MAX], key[CELL_MAX];
	const struct column *column;

	json_open(json, rows->set->section, '[');
	for (size_t i = 0; i < rows->nr; i++) {
		json_open_inline(json, NULL, '{');
		for (size_t j = 0; j < chosen->nr; j++) {
			if (chosen_before(chosen, j))
				continue;
			column = &rows->set->column[chosen->id[j]];
			member_name(column->name, key);
			value_json(json, key, column->kind,
				   rows_cell(rows, rows->row[i], chosen->id[j], NULL, raw),
				   rows->page_size);
		}
		json_close(json, '}');
	}
	json_close(json, ']');
}
