/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reader of the text report /proc/vminspect/<pid>, format version 1.
 *
 * Columns and keys are found by their names, so that later additions don't
 * matter; everything else is read strictly: one blank between fields, a
 * newline at the end of each line, numbers without leading zeros or signs.
 */
#ifndef SELFTESTS_REPORT_H
#define SELFTESTS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** REPORT_UNKNOWN - a value that the report prints as "-" */
#define REPORT_UNKNOWN UINT64_MAX

/**
 * enum report_column - the numeric columns of [vmas] that follow the inode
 * @REPORT_SIZE: size
 * @REPORT_RSS: pages present
 * @REPORT_ANON: those of anonymous memory
 * @REPORT_FILE: of files
 * @REPORT_SHMEM: of shared memory
 * @REPORT_SWAP: in swap
 * @REPORT_HUGE: mapped by huge entries
 * @REPORT_HUGETLB: of hugetlb
 * @REPORT_DIRTY: dirty
 * @REPORT_YOUNG: accessed
 * @REPORT_RUNS: physically contiguous stretches
 * @REPORT_MAXRUN: the longest of them
 * @REPORT_TABLES: page-table pages
 * @REPORT_MINFLT: minor faults
 * @REPORT_MAJFLT: major ones
 * @REPORT_ANONFLT: of all of them, first touches of anonymous memory
 * @REPORT_FILEFLT: a page of a file was mapped
 * @REPORT_COWFLT: a private page was copied or taken over
 * @REPORT_SWAPFLT: a page came back from swap
 * @REPORT_OTHERFLT: any other
 * @REPORT_GROWS: growths
 * @REPORT_COLUMNS: how many columns there are
 *
 * In pages, except @REPORT_RUNS (stretches), @REPORT_TABLES (page-table pages)
 * and the fault columns (faults).
 */
enum report_column {
	REPORT_SIZE,
	REPORT_RSS,
	REPORT_ANON,
	REPORT_FILE,
	REPORT_SHMEM,
	REPORT_SWAP,
	REPORT_HUGE,
	REPORT_HUGETLB,
	REPORT_DIRTY,
	REPORT_YOUNG,
	REPORT_RUNS,
	REPORT_MAXRUN,
	REPORT_TABLES,
	REPORT_MINFLT,
	REPORT_MAJFLT,
	REPORT_ANONFLT,
	REPORT_FILEFLT,
	REPORT_COWFLT,
	REPORT_SWAPFLT,
	REPORT_OTHERFLT,
	REPORT_GROWS,
	REPORT_COLUMNS
};

/** REPORT_FAULTS - how many columns count faults, from @REPORT_MINFLT on */
#define REPORT_FAULTS (REPORT_OTHERFLT - REPORT_MINFLT + 1)

/** report_column_name - the name of each column in the report */
extern const char *const report_column_name[REPORT_COLUMNS];

/**
 * struct report_row - one row of [vmas]
 * @start: first address
 * @end: first address after the mapping
 * @offset: offset in the file, bytes
 * @inode: inode number
 * @major: device, first half
 * @minor: device, second half
 * @perms: as "rw-p"
 * @count: the numeric columns; %REPORT_UNKNOWN for "-"
 * @name: name as printed (escaped), NULL for "-"
 */
struct report_row {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	unsigned int major;
	unsigned int minor;
	char perms[5];
	uint64_t count[REPORT_COLUMNS];
	const char *name;
};

/**
 * struct report_key - one "key value" line
 * @section: the section it stands in, without brackets
 * @key: the key
 * @value: everything behind the blank
 */
struct report_key {
	const char *section;
	const char *key;
	const char *value;
};

/** REPORT_TABLE_COLUMNS - how many columns a table other than [vmas] may have */
#define REPORT_TABLE_COLUMNS 32

/**
 * struct report_table - a table other than [vmas], as it is printed
 * @section: the section it stands in, without brackets; NULL if it is not there
 * @column: names of the columns
 * @columns: how many
 * @cell: the texts, row by row; use report_cell()
 * @rows: how many rows
 */
struct report_table {
	const char *section;
	const char *column[REPORT_TABLE_COLUMNS];
	int columns;
	const char **cell;
	size_t rows;
};

/** REPORT_TABLE_SECTIONS - how many sections are such tables: [stacks] and [growth] */
#define REPORT_TABLE_SECTIONS 2

/**
 * struct report - one report, taken apart
 * @text: the report as read, unchanged
 * @len: its length in bytes; 0 for a process that exec'd or exited
 * @work: the copy that names, keys and values point into
 * @row: the rows of [vmas], in the order of the report
 * @rows: how many
 * @key: all "key value" lines
 * @keys: how many
 * @table: the tables but [vmas]; use report_table()
 * @complete: whether [total] was there (a process that exits during the read
 *	      leaves a report without it)
 * @error: what is wrong with the text, after -EBADMSG
 */
struct report {
	char *text;
	size_t len;
	char *work;
	struct report_row *row;
	size_t rows;
	struct report_key *key;
	size_t keys;
	struct report_table table[REPORT_TABLE_SECTIONS];
	bool complete;
	char error[200];
};

/**
 * report_parse() - take a text apart
 * @r: filled in; report_free() it in any case
 * @text: from malloc(), with a NUL at text[len]; the report owns it from now on
 * @len: its length in bytes
 *
 * Return: 0, or -EBADMSG (see @r->error), or -ENOMEM.
 */
int report_parse(struct report *r, char *text, size_t len);

/**
 * report_read_path() - read a report from a file and take it apart
 * @r: filled in; report_free() it in any case
 * @path: a file of /proc/vminspect, in any procfs instance, or a saved report
 *
 * Return: 0, or the negative errno of open() or read(), or as report_parse().
 */
int report_read_path(struct report *r, const char *path);

/**
 * report_open() - open /proc/vminspect/<pid>
 * @pid: the process
 * @mode: O_RDONLY, O_WRONLY or O_RDWR
 *
 * Return: a descriptor, closed by execve(), or a negative errno.
 */
int report_open(pid_t pid, int mode);

/**
 * report_read() - read /proc/vminspect/<pid> and take it apart
 * @r: filled in; report_free() it in any case
 * @pid: the process
 *
 * Return: as report_read_path().
 */
int report_read(struct report *r, pid_t pid);

/**
 * report_free() - free what a report holds
 * @r: the report; may be one that could not be read
 */
void report_free(struct report *r);

/**
 * report_find() - the row that holds an address
 * @r: the report
 * @address: the address
 *
 * Return: the row, or NULL.
 */
const struct report_row *report_find(const struct report *r, uint64_t address);

/**
 * report_table() - a table other than [vmas]
 * @r: the report
 * @section: "growth", say
 *
 * Return: the table, or NULL if the report has no such section.
 */
const struct report_table *report_table(const struct report *r, const char *section);

/**
 * report_cell() - one text of a table
 * @t: the table
 * @row: number of the row, from 0 on; less than @t->rows
 * @column: name of the column
 *
 * Return: the text, "-" too as it is; NULL if there is no such column.
 */
const char *report_cell(const struct report_table *t, size_t row, const char *column);

/**
 * report_decimal() - read a text of a report as decimal number
 * @text: the text; may be NULL
 * @number: where to put it; %REPORT_UNKNOWN for "-"
 *
 * Return: whether it is a number or "-".
 */
bool report_decimal(const char *text, uint64_t *number);

/**
 * report_hex() - read a text of a table as address
 * @text: the text; may be NULL
 * @address: where to put it; %REPORT_UNKNOWN for "-"
 *
 * Return: whether it is "-", or hexadecimal as in maps, with zeros in front up to
 * eight digits.
 */
bool report_hex(const char *text, uint64_t *address);

/**
 * report_seconds() - read a text of a report as moment
 * @text: the text; may be NULL
 * @ns: where to put it, in nanoseconds; %REPORT_UNKNOWN for "-"
 *
 * Return: whether it is seconds with nine decimals or "-".
 */
bool report_seconds(const char *text, uint64_t *ns);

/**
 * report_value() - value of a "key value" line
 * @r: the report
 * @section: "mm", say
 * @key: "rss", say
 *
 * Return: the value, or NULL if there is no such key.
 */
const char *report_value(const struct report *r, const char *section, const char *key);

/**
 * report_number() - value of a "key value" line that holds a decimal number
 * @r: the report
 * @section: "mm", say
 * @key: "rss", say
 * @number: where to put the value; %REPORT_UNKNOWN for "-"
 *
 * Return: whether there is such a line, and it holds a number or "-".
 */
bool report_number(const struct report *r, const char *section, const char *key,
		   uint64_t *number);

/**
 * report_address() - value of a "key value" line that holds an address
 * @r: the report
 * @section: "mm", say
 * @key: "brk", say
 * @address: where to put the value; %REPORT_UNKNOWN for "-"
 *
 * Return: whether there is such a line, and it holds an address or "-".
 */
bool report_address(const struct report *r, const char *section, const char *key,
		    uint64_t *address);

/**
 * report_time() - value of a "key value" line that holds a moment
 * @r: the report
 * @section: "process", say
 * @key: "tracked_since", say
 * @ns: where to put it, in nanoseconds; %REPORT_UNKNOWN for "-"
 *
 * Return: whether there is such a line, and it holds seconds with nine decimals
 * or "-".
 */
bool report_time(const struct report *r, const char *section, const char *key,
		 uint64_t *ns);

#endif /* SELFTESTS_REPORT_H */
