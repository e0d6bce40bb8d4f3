/* SPDX-License-Identifier: GPL-2.0 */
/* The table as it is laid out and printed, whatever its lines hold. */
#ifndef GRID_H
#define GRID_H

#include <stddef.h>

#include <libsmartcols.h>

#include "columns.h"
#include "options.h"

struct libscols_table *grid_new(const struct options *opts, const struct columns *chosen);
struct libscols_line *grid_line(struct libscols_table *table);
struct libscols_line *grid_loose_line(size_t nr);
void grid_set(struct libscols_line *line, size_t i, const char *text);
void grid_put(struct libscols_table *table, struct libscols_line *line);
void grid_print(struct libscols_table *table, const struct columns *chosen,
		const struct options *opts);

#endif /* GRID_H */
