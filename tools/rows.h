/* SPDX-License-Identifier: GPL-2.0 */
/* The rows of a section of a report that is a table. */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>

#include "columns.h"
#include "json.h"
#include "options.h"
#include "order.h"
#include "report.h"
#include "value.h"

struct libscols_table;

/* Enough for any value that is not in the report as it is shown. */
#define CELL_MAX 64

/**
 * struct rows - the rows of one kind of one process
 * @report: where they come from
 * @set: their columns
 * @page_size: bytes in a page
 * @present: the report has this section; if not, the rows are not known
 * @field: one string for each of the report's columns; row i begins at
 *	field[i * stride]
 * @all: number of these rows
 * @stride: number of the report's columns
 * @row: indices of the rows to show, in order
 * @nr: how many
 * @index: for each column of @set where in a row its value is, -1 if the report
 *	does not have it
 */
struct rows {
	const struct report *report;
	const struct column_set *set;
	uint64_t page_size;
	bool present;
	char **field;
	size_t all;
	size_t stride;
	size_t *row;
	size_t nr;
	int *index;
};

int rows_read(struct rows *rows, const struct column_set *set, const struct report *report,
	      uint64_t page_size);
void rows_free(struct rows *rows);
const char *rows_field(const struct rows *rows, char **fields, size_t id);
const char *rows_range_part(const char *range, bool end, char *buf);
const char *rows_cell(const struct rows *rows, size_t row, size_t id, const struct units *units,
		      char *buf);
void rows_sort(struct rows *rows, size_t by);
void rows_add(struct libscols_table *table, const struct rows *rows, const struct columns *chosen,
	      const struct options *opts);
void rows_add_ordered(struct order *order, size_t by, const struct rows *rows,
		      const struct columns *chosen, const struct options *opts);
void rows_json(struct json *json, const struct rows *rows, const struct columns *chosen);

#endif /* ROWS_H */
