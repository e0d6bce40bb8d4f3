/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of a table of rows, and which of them are shown. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "options.h"
#include "value.h"

struct rows;

/* Where a column is shown when no list of columns is given. */
#define IN_TABLE 0x1u
#define IN_RAW 0x2u
#define IN_JSON 0x4u
#define IN_SUMMARY 0x8u /* one table for the sums of several processes */
#define IN_MERGED 0x10u /* one table for the rows of several processes */
#define IN_ALL (IN_TABLE | IN_RAW | IN_JSON | IN_MERGED)

/* The largest number of column.spare. */
#define SPARE_MAX 4

/**
 * struct column - a column the tool knows
 * @name: for the user; its letters in lower case are the name of a member in
 *	JSON
 * @key: the column of the report that holds it, NULL if it comes from elsewhere
 * @kind: what its values are
 * @width: as libsmartcols takes it: columns from 1 on, below that a part of
 *	the terminal
 * @flags: of libsmartcols
 * @usual: IN_ flags
 * @help: its meaning, a few words
 * @spare: 0 if a terminal that is too narrow is no reason to leave it out;
 *	those with the lowest other numbers are left out first
 */
struct column {
	const char *name;
	const char *key;
	enum kind kind;
	double width;
	int flags;
	unsigned int usual;
	const char *help;
	unsigned int spare;
};

/**
 * struct column_set - the columns of a kind of rows
 * @section: of the report, and name of the array in JSON
 * @column: the columns
 * @nr: how many
 * @needed: the one without which a row makes no sense
 * @cell: the value of a column whose key is NULL, and of any other that is not
 *	shown as it is in the report; NULL for all others. With @units it is for
 *	a person to see.
 */
struct column_set {
	const char *section;
	const struct column *column;
	size_t nr;
	size_t needed;
	const char *(*cell)(const struct rows *rows, char **fields, size_t id,
			    const struct units *units, char *buf);
};

/**
 * struct columns - columns chosen for a table
 * @set: what they are chosen from
 * @id: which, in the order to print them
 * @nr: how many
 * @asked: the user named them
 */
struct columns {
	const struct column_set *set;
	size_t *id;
	size_t nr;
	bool asked;
};

const struct column *column_of_key(const struct column_set *set, const char *key);
int column_find(const struct column_set *set, const char *name, size_t len);
int columns_choose(struct columns *chosen, const struct column_set *set, const char *list,
		   bool all, unsigned int usual);
void columns_free(struct columns *chosen);
void columns_help(const struct column_set *set, FILE *out);

#endif /* COLUMNS_H */
