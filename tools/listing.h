/* SPDX-License-Identifier: GPL-2.0 */
/* A table of rows as it was asked for: VMAs, stacks, or growth. */
#ifndef LISTING_H
#define LISTING_H

#include "columns.h"
#include "options.h"
#include "order.h"
#include "rows.h"

/**
 * struct listing - how to show a kind of rows
 * @opts: what was asked for
 * @columns: which columns
 * @sort: the one to sort by, -1 for the order of the report
 * @merged: sort the rows of all processes together
 * @table: one table for all processes; NULL when each has its own
 * @order: its lines, if they are yet to be sorted
 */
struct listing {
	const struct options *opts;
	struct columns columns;
	int sort;
	bool merged;
	struct libscols_table *table;
	struct order order;
};

int listing_choose(struct listing *listing, const struct column_set *set,
		   const struct options *opts, bool mine, unsigned int usual);
void listing_sort(const struct listing *listing, struct rows *rows);
void listing_begin(struct listing *listing);
struct libscols_table *listing_open(const struct listing *listing);
void listing_add(struct listing *listing, struct libscols_table *table, const struct rows *rows);
void listing_close(const struct listing *listing, struct libscols_table *table);
void listing_end(struct listing *listing);
void listing_free(struct listing *listing);

#endif /* LISTING_H */
