// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "grid.h"
#include "listing.h"

/**
 * listing_choose() - find out what to show, and in which order
 * @listing: filled in; free with listing_free() in any case
 * @set: the columns there are
 * @opts: what was asked for
 * @mine: LIST and --sort are about these rows
 * @usual: IN_ flag of the columns shown when nothing was asked for
 *
 * Return: 0, or -1 if a column is not known, with a message on stderr.
 */
int listing_choose(struct listing *listing, const struct column_set *set,
		   const struct options *opts, bool mine, unsigned int usual)
{
	const char *sort = mine ? opts->sort : NULL;

	*listing = (struct listing){ .opts = opts, .sort = -1 };
	if (sort) {
		listing->sort = column_find(set, sort, strlen(sort));
		if (listing->sort < 0)
			return -1;
	}
	return columns_choose(&listing->columns, set, mine ? opts->columns : NULL,
			      opts->all_columns, usual);
}

/**
 * listing_sort() - sort the rows of a process
 * @listing: how
 * @rows: the rows
 */
void listing_sort(const struct listing *listing, struct rows *rows)
{
	if (listing->sort >= 0 && rows->nr)
		rows_sort(rows, listing->sort);
}

/**
 * listing_begin() - have one table for all processes
 * @listing: the listing
 */
void listing_begin(struct listing *listing)
{
	listing->table = grid_new(listing->opts, &listing->columns);
	if (listing->sort >= 0)
		listing->order.kind = listing->columns.set->column[listing->sort].kind;
}

/**
 * listing_open() - the table for the rows of a process
 * @listing: the listing
 *
 * Return: the table; add to it, then call listing_close().
 */
struct libscols_table *listing_open(const struct listing *listing)
{
	return listing->table ? listing->table : grid_new(listing->opts, &listing->columns);
}

/**
 * listing_add() - add the rows of a process
 * @listing: the listing
 * @table: from listing_open()
 * @rows: the rows
 */
void listing_add(struct listing *listing, struct libscols_table *table, const struct rows *rows)
{
	if (listing->merged && listing->sort >= 0)
		rows_add_ordered(&listing->order, listing->sort, rows, &listing->columns,
				 listing->opts);
	else
		rows_add(table, rows, &listing->columns, listing->opts);
}

/**
 * listing_close() - print the table of a process, if it has its own
 * @listing: the listing
 * @table: from listing_open()
 */
void listing_close(const struct listing *listing, struct libscols_table *table)
{
	if (table != listing->table)
		grid_print(table, &listing->columns, listing->opts);
}

/**
 * listing_end() - print the table of all processes, if there is one
 * @listing: the listing
 */
void listing_end(struct listing *listing)
{
	if (!listing->table)
		return;
	order_sort(&listing->order);
	for (size_t i = 0; i < listing->order.nr; i++)
		grid_put(listing->table, listing->order.entry[i].item);
	grid_print(listing->table, &listing->columns, listing->opts);
	listing->table = NULL;
}

/**
 * listing_free() - free what listing_choose() and listing_add() allocated
 * @listing: the listing
 */
void listing_free(struct listing *listing)
{
	columns_free(&listing->columns);
	order_free(&listing->order);
}
