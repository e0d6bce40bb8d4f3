/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of the table of VMAs. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stddef.h>
#include <stdio.h>

#include "options.h"
#include "value.h"

enum column_id {
	COL_PID,
	COL_COMM,
	COL_RANGE,
	COL_START,
	COL_END,
	COL_PERMS,
	COL_OFFSET,
	COL_DEV,
	COL_INODE,
	COL_SIZE,
	COL_RSS,
	COL_ANON,
	COL_FILE,
	COL_SHMEM,
	COL_SWAP,
	COL_HUGE,
	COL_HUGETLB,
	COL_DIRTY,
	COL_YOUNG,
	COL_RUNS,
	COL_MAXRUN,
	COL_TABLES,
	COL_MINFLT,
	COL_MAJFLT,
	COL_ANONFLT,
	COL_FILEFLT,
	COL_COWFLT,
	COL_SWAPFLT,
	COL_OTHERFLT,
	COL_GROWS,
	COL_NAME,
	NR_COLUMNS
};

/* Where a column is shown when no list of columns is given. */
#define IN_TABLE 0x1u
#define IN_RAW 0x2u
#define IN_JSON 0x4u
#define IN_SUMMARY 0x8u
#define IN_ALL (IN_TABLE | IN_RAW | IN_JSON)

/**
 * struct column - a column the tool knows
 * @name: for the user; in lower case the name of a member in JSON
 * @key: the column of [vmas] that holds it, NULL if it comes from elsewhere
 * @kind: what its values are
 * @width: as libsmartcols takes it: columns from 1 on, below that a part of
 *	the terminal
 * @flags: of libsmartcols
 * @usual: IN_ flags
 * @help: its meaning, a few words
 */
struct column {
	const char *name;
	const char *key;
	enum kind kind;
	double width;
	int flags;
	unsigned int usual;
	const char *help;
};

/**
 * struct columns - columns chosen for a table
 * @id: which, in the order to print them
 * @nr: how many
 */
struct columns {
	enum column_id *id;
	size_t nr;
};

extern const struct column columns[NR_COLUMNS];

const struct column *column_of_key(const char *key);
int column_find(const char *name, size_t len);
int columns_choose(struct columns *chosen, const struct options *opts, unsigned int usual);
void columns_free(struct columns *chosen);
void columns_help(FILE *out);

#endif /* COLUMNS_H */
