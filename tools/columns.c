// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "columns.h"

#define RIGHT SCOLS_FL_RIGHT
#define TRUNC SCOLS_FL_TRUNC

const struct column columns[NR_COLUMNS] = {
	[COL_PID] = { "PID", NULL, KIND_COUNT, 5, RIGHT, IN_RAW | IN_SUMMARY,
		      "process ID" },
	[COL_COMM] = { "COMM", NULL, KIND_LITERAL, 0, 0, IN_SUMMARY,
		       "name of the process" },
	[COL_RANGE] = { "RANGE", "range", KIND_RANGE, 25, 0, 0,
			"first address, and first address after it" },
	[COL_START] = { "START", NULL, KIND_HEX, 12, RIGHT, IN_ALL,
			"first address" },
	[COL_END] = { "END", NULL, KIND_HEX, 12, RIGHT, IN_JSON,
		      "first address after it" },
	[COL_PERMS] = { "PERMS", "perms", KIND_TEXT, 4, 0, IN_ALL,
			"read, write, execute, shared or private" },
	[COL_OFFSET] = { "OFFSET", "offset", KIND_HEX, 6, RIGHT, IN_JSON,
			 "where in the file it begins, in bytes" },
	[COL_DEV] = { "DEV", "dev", KIND_TEXT, 5, RIGHT, IN_JSON,
		      "device of the file, major:minor" },
	[COL_INODE] = { "INODE", "inode", KIND_COUNT, 4, RIGHT, IN_JSON,
			"inode of the file" },
	[COL_SIZE] = { "SIZE", "size", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "address space" },
	[COL_RSS] = { "RSS", "rss", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		      "resident memory" },
	[COL_ANON] = { "ANON", "anon", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "resident, anonymous" },
	[COL_FILE] = { "FILE", "file", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "resident, of a file" },
	[COL_SHMEM] = { "SHMEM", "shmem", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
			"resident, of shared memory or tmpfs" },
	[COL_SWAP] = { "SWAP", "swap", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "swapped out" },
	[COL_HUGE] = { "HUGE", "huge", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "resident in huge pages (part of RSS)" },
	[COL_HUGETLB] = { "HUGETLB", "hugetlb", KIND_PAGES, 4, RIGHT, IN_JSON,
			  "resident in hugetlbfs (not part of RSS)" },
	[COL_DIRTY] = { "DIRTY", "dirty", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
			"resident, written to through this mapping" },
	[COL_YOUNG] = { "YOUNG", "young", KIND_PAGES, 4, RIGHT, IN_JSON,
			"resident, accessed of late" },
	[COL_RUNS] = { "RUNS", "runs", KIND_COUNT, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "stretches of physically adjacent memory" },
	[COL_MAXRUN] = { "MAXRUN", "maxrun", KIND_PAGES, 4, RIGHT, IN_JSON,
			 "the longest such stretch" },
	[COL_TABLES] = { "TABLES", "tables", KIND_PAGES, 4, RIGHT, IN_JSON,
			 "page tables that serve it alone" },
	[COL_MINFLT] = { "MINFLT", "minflt", KIND_COUNT, 4, RIGHT, IN_ALL | IN_SUMMARY,
			 "minor page faults" },
	[COL_MAJFLT] = { "MAJFLT", "majflt", KIND_COUNT, 4, RIGHT, IN_ALL | IN_SUMMARY,
			 "major page faults" },
	[COL_ANONFLT] = { "ANONFLT", "anonflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			  "faults: first touch of anonymous memory" },
	[COL_FILEFLT] = { "FILEFLT", "fileflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			  "faults: page of a file or shared memory mapped" },
	[COL_COWFLT] = { "COWFLT", "cowflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			 "faults: first write to a private page" },
	[COL_SWAPFLT] = { "SWAPFLT", "swapflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			  "faults: page brought back from swap" },
	[COL_OTHERFLT] = { "OTHERFLT", "otherflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			   "faults: any other kind" },
	[COL_GROWS] = { "GROWS", "grows", KIND_COUNT, 4, RIGHT, IN_JSON,
			"times it grew as a stack" },
	[COL_NAME] = { "NAME", "name", KIND_TEXT, 0.1, TRUNC, IN_ALL,
		       "file, or what the kernel calls it" },
};

/**
 * column_of_key() - find the column for one of the report's
 * @key: name in the report
 *
 * Return: the column, or NULL if the tool does not know it.
 */
const struct column *column_of_key(const char *key)
{
	for (size_t i = 0; i < NR_COLUMNS; i++)
		if (columns[i].key && !strcmp(columns[i].key, key))
			return &columns[i];
	return NULL;
}

/**
 * column_find() - find a column by its name
 * @name: the name, in upper or lower case
 * @len: length of the name
 *
 * Return: its enum column_id, or -1 with a message on stderr.
 */
int column_find(const char *name, size_t len)
{
	for (size_t i = 0; i < NR_COLUMNS; i++)
		if (strlen(columns[i].name) == len && !strncasecmp(columns[i].name, name, len))
			return i;
	warnx("unknown column: '%.*s'", (int)len, name);
	fputs("Columns are:", stderr);
	for (size_t i = 0; i < NR_COLUMNS; i++)
		fprintf(stderr, " %s", columns[i].name);
	fputs("\n", stderr);
	return -1;
}

static void add(struct columns *chosen, enum column_id id)
{
	enum column_id *grown = reallocarray(chosen->id, chosen->nr + 1, sizeof(*grown));

	if (!grown)
		err(EXIT_FAILURE, "columns");
	chosen->id = grown;
	chosen->id[chosen->nr++] = id;
}

/* Adds the columns of a list "RSS,name"; 0, or -1 with a message. */
static int add_list(struct columns *chosen, const char *list)
{
	size_t len;
	int id;

	for (;;) {
		len = strcspn(list, ",");
		id = column_find(list, len);
		if (id < 0)
			return -1;
		add(chosen, id);
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

/**
 * columns_choose() - find out which columns to show
 * @chosen: filled in; free with columns_free() in any case
 * @opts: what was asked for
 * @usual: IN_ flag of the columns shown when nothing was asked for
 *
 * Return: 0, or -1 if a column is not known, with a message on stderr.
 */
int columns_choose(struct columns *chosen, const struct options *opts, unsigned int usual)
{
	const char *list = opts->columns;

	*chosen = (struct columns){ 0 };
	if (opts->all_columns || !list || *list == '+')
		for (size_t i = 0; i < NR_COLUMNS; i++)
			if (opts->all_columns || columns[i].usual & usual)
				add(chosen, i);
	if (!list || opts->all_columns)
		return 0;
	return add_list(chosen, *list == '+' ? list + 1 : list);
}

/**
 * columns_free() - free what columns_choose() allocated
 * @chosen: the columns
 */
void columns_free(struct columns *chosen)
{
	free(chosen->id);
	chosen->id = NULL;
	chosen->nr = 0;
}

/**
 * columns_help() - list the columns, for the help text
 * @out: where to
 */
void columns_help(FILE *out)
{
	for (size_t i = 0; i < NR_COLUMNS; i++)
		fprintf(out, " %9s  %s\n", columns[i].name, columns[i].help);
}
