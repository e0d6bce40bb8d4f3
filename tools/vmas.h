/* SPDX-License-Identifier: GPL-2.0 */
/* The VMAs of a report: the rows of the table. */
#ifndef VMAS_H
#define VMAS_H

#include "columns.h"
#include "json.h"
#include "options.h"
#include "report.h"
#include "value.h"

/**
 * struct vmas - the VMAs of one process
 * @report: where they come from
 * @page_size: bytes in a page
 * @field: the rows, one string for each of the report's columns; row i begins
 *	at field[i * stride]
 * @stride: number of the report's columns
 * @row: indices of the rows to show, in order
 * @nr: how many
 * @index: where in a row a column's value is, -1 if the report has none
 */
struct vmas {
	const struct report *report;
	uint64_t page_size;
	char **field;
	size_t stride;
	size_t *row;
	size_t nr;
	int index[NR_COLUMNS];
};

int vmas_read(struct vmas *vmas, const struct report *report, uint64_t page_size);
void vmas_free(struct vmas *vmas);
void vmas_keep_nonzero(struct vmas *vmas);
void vmas_sort(struct vmas *vmas, enum column_id by);

void vmas_add_rows(struct libscols_table *table, const struct vmas *vmas,
		   const struct columns *chosen, const struct options *opts);
void vmas_json(struct json *json, const struct vmas *vmas, const struct columns *chosen);

#endif /* VMAS_H */
