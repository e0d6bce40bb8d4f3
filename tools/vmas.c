// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "fields.h"
#include "grid.h"
#include "vmas.h"

/* Enough for any value that cell() or value_text() has to make up. */
#define CELL_MAX 64

/* One end of "start-end"; the whole of it if it is not known. */
static const char *range_part(const char *range, bool end, char *buf)
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

/* A value of a row as the report has it; text is valid as long as the report. */
static const char *cell(const struct vmas *vmas, size_t row, enum column_id id, char *buf)
{
	char **fields = vmas->field + row * vmas->stride;

	switch (id) {
	case COL_PID:
		return fields_get(vmas->report, "process", "pid");
	case COL_COMM:
		return fields_get(vmas->report, "process", "comm");
	case COL_START:
		return range_part(fields[vmas->index[COL_RANGE]], false, buf);
	case COL_END:
		return range_part(fields[vmas->index[COL_RANGE]], true, buf);
	default:
		return vmas->index[id] < 0 ? "-" : fields[vmas->index[id]];
	}
}

static int check_row(const struct vmas *vmas, char **fields, unsigned long line)
{
	const char *raw;
	uint64_t number;

	for (size_t i = 0; i < NR_COLUMNS; i++) {
		if (vmas->index[i] < 0)
			continue;
		raw = fields[vmas->index[i]];
		if (!value_parse(columns[i].kind, raw, vmas->page_size, &number)) {
			report_bad(vmas->report, line, "[vmas] %s: no such value can be: '%s'",
				   columns[i].key, raw);
			return -1;
		}
	}
	return 0;
}

static int read_rows(struct vmas *vmas, struct table *table)
{
	size_t found, nr = table_rows(table);
	unsigned long line = table->line;
	char **fields;

	vmas->stride = table->nr;
	vmas->field = calloc(nr + 1, table->nr * sizeof(*vmas->field));
	vmas->row = calloc(nr + 1, sizeof(*vmas->row));
	if (!vmas->field || !vmas->row)
		err(EXIT_FAILURE, "%s", vmas->report->origin);

	fields = vmas->field;
	while (table_row(table, fields, &found)) {
		if (found < table->nr) {
			report_bad(vmas->report, line, "[vmas] %zu fields, but %zu columns", found,
				   table->nr);
			return -1;
		}
		if (check_row(vmas, fields, line))
			return -1;
		vmas->row[vmas->nr] = vmas->nr;
		vmas->nr++;
		fields += table->nr;
		line = table->line;
	}
	return 0;
}

/**
 * vmas_read() - read and check the VMAs of a report
 * @vmas: filled in; free with vmas_free() in any case
 * @report: the report; if it has no [vmas], it was cut before: no rows
 * @page_size: bytes in a page
 *
 * Return: 0, or -1 with a message on stderr if the report is damaged.
 */
int vmas_read(struct vmas *vmas, const struct report *report, uint64_t page_size)
{
	const struct section *section = report_section(report, "vmas");
	struct table table;
	int ret;

	*vmas = (struct vmas){ .report = report, .page_size = page_size };
	if (!section || !table_open(&table, section))
		return 0;
	for (size_t i = 0; i < NR_COLUMNS; i++)
		vmas->index[i] = columns[i].key ? table_column(&table, columns[i].key) : -1;
	if (vmas->index[COL_RANGE] < 0) {
		report_bad(report, section->line, "[vmas] has no column \"%s\"",
			   columns[COL_RANGE].key);
		ret = -1;
	} else {
		ret = read_rows(vmas, &table);
	}
	table_close(&table);
	return ret;
}

/**
 * vmas_free() - free what vmas_read() allocated
 * @vmas: the VMAs
 */
void vmas_free(struct vmas *vmas)
{
	free(vmas->field);
	free(vmas->row);
}

/**
 * vmas_keep_nonzero() - drop the VMAs that hold no memory
 * @vmas: the VMAs
 *
 * What is not known may be memory, so such a row stays.
 */
void vmas_keep_nonzero(struct vmas *vmas)
{
	static const enum column_id memory[] = { COL_RSS, COL_SWAP, COL_HUGETLB };
	char buf[CELL_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < vmas->nr; i++) {
		for (size_t j = 0; j < sizeof(memory) / sizeof(*memory); j++) {
			if (strcmp(cell(vmas, vmas->row[i], memory[j], buf), "0")) {
				vmas->row[kept++] = vmas->row[i];
				break;
			}
		}
	}
	vmas->nr = kept;
}

struct sort_key {
	const char *text;
	uint64_t number;
	bool known;
	size_t row;
};

/* The last resort of every comparison: the order of the report. */
static int compare_rows(const struct sort_key *a, const struct sort_key *b)
{
	if (a->known != b->known)
		return a->known ? -1 : 1;
	return a->row < b->row ? -1 : 1;
}

static int compare_text(const void *pa, const void *pb)
{
	const struct sort_key *a = pa, *b = pb;
	int order = a->known && b->known ? strcmp(a->text, b->text) : 0;

	return order ? order : compare_rows(a, b);
}

static int compare_ascending(const void *pa, const void *pb)
{
	const struct sort_key *a = pa, *b = pb;

	if (a->known && b->known && a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return compare_rows(a, b);
}

static int compare_descending(const void *pa, const void *pb)
{
	const struct sort_key *a = pa, *b = pb;

	if (a->known && b->known && a->number != b->number)
		return a->number > b->number ? -1 : 1;
	return compare_rows(a, b);
}

/**
 * vmas_sort() - sort the rows
 * @vmas: the VMAs
 * @by: column to sort by: numbers largest first, addresses and text in rising
 *	order, what is not known last
 */
void vmas_sort(struct vmas *vmas, enum column_id by)
{
	enum kind kind = columns[by].kind;
	int (*compare)(const void *a, const void *b);
	struct sort_key *keys;
	char buf[CELL_MAX];

	keys = calloc(vmas->nr + 1, sizeof(*keys));
	if (!keys)
		err(EXIT_FAILURE, "%s", vmas->report->origin);
	for (size_t i = 0; i < vmas->nr; i++) {
		keys[i].row = vmas->row[i];
		keys[i].text = cell(vmas, vmas->row[i], by, buf);
		keys[i].known = value_known(kind, keys[i].text);
		value_parse(kind, keys[i].text, vmas->page_size, &keys[i].number);
	}

	if (value_is_number(kind))
		compare = compare_descending;
	else if (kind == KIND_TEXT || kind == KIND_LITERAL)
		compare = compare_text;
	else
		compare = compare_ascending;
	qsort(keys, vmas->nr, sizeof(*keys), compare);
	for (size_t i = 0; i < vmas->nr; i++)
		vmas->row[i] = keys[i].row;
	free(keys);
}

/**
 * vmas_add_rows() - add a line for each VMA
 * @table: the table
 * @vmas: the VMAs
 * @chosen: the columns of the table
 * @opts: how to show sizes
 */
void vmas_add_rows(struct libscols_table *table, const struct vmas *vmas,
		   const struct columns *chosen, const struct options *opts)
{
	const struct units units = { .page_size = vmas->page_size, .bytes = opts->bytes };
	char raw[CELL_MAX], buf[CELL_MAX];
	struct libscols_line *line;
	enum column_id id;

	for (size_t row = 0; row < vmas->nr; row++) {
		line = grid_line(table);
		for (size_t i = 0; i < chosen->nr; i++) {
			id = chosen->id[i];
			grid_set(line, i, value_text(columns[id].kind,
						     cell(vmas, vmas->row[row], id, raw),
						     &units, buf));
		}
	}
}

static void lower_case(const char *name, char *out)
{
	while (*name)
		*out++ = tolower((unsigned char)*name++);
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
 * vmas_json() - write the VMAs as member "vmas" of the open object
 * @json: the document
 * @vmas: the VMAs
 * @chosen: the columns to write
 */
void vmas_json(struct json *json, const struct vmas *vmas, const struct columns *chosen)
{
	char raw[CELL_MAX], key[CELL_MAX];
	const struct column *column;

	json_open(json, "vmas", '[');
	for (size_t row = 0; row < vmas->nr; row++) {
		json_open_inline(json, NULL, '{');
		for (size_t i = 0; i < chosen->nr; i++) {
			if (chosen_before(chosen, i))
				continue;
			column = &columns[chosen->id[i]];
			lower_case(column->name, key);
			value_json(json, key, column->kind,
				   cell(vmas, vmas->row[row], chosen->id[i], raw),
				   vmas->page_size);
		}
		json_close(json, '}');
	}
	json_close(json, ']');
}
