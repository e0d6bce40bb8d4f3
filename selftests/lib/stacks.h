/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reader of [stacks], the part of a report that has a row for every thread; and
 * what its rows must be, by what the kernel says elsewhere of the same process.
 *
 * The functions that compare return the number of differences, each of which they
 * print.
 */
#ifndef SELFTESTS_STACKS_H
#define SELFTESTS_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"

/** STACKS_UNLIMITED - a limit that the report prints as "unlimited" */
#define STACKS_UNLIMITED (UINT64_MAX - 1)

/** STACKS_GAP - pages the kernel keeps free below a mapping that grows */
#define STACKS_GAP 256

/* The columns that are numbers of pages. */
enum stacks_count {
	STACKS_SIZE,
	STACKS_LIMIT,
	STACKS_GUARD,
	STACKS_TOUCHED,
	STACKS_SP_DEPTH,
	STACKS_HEADROOM,
	STACKS_COUNTS
};

/**
 * struct stacks_row - one row: a thread and its stack
 * @tid: the thread
 * @comm: its name, as printed (escaped)
 * @kind: "main", "thread" or "-"
 * @start: first address of the stack; %REPORT_UNKNOWN if the range is "-"
 * @end: first address behind it; %REPORT_UNKNOWN if the range is "-"
 * @count: the columns of pages; %REPORT_UNKNOWN for "-"
 * @vma: the name of its mapping, as printed
 */
struct stacks_row {
	pid_t tid;
	const char *comm;
	const char *kind;
	uint64_t start;
	uint64_t end;
	uint64_t count[STACKS_COUNTS];
	const char *vma;
};

/**
 * struct stacks - [stacks] of one report
 * @report: all of it; names point into it
 * @row: the rows, in the order of the report
 * @rows: how many
 */
struct stacks {
	struct report report;
	struct stacks_row *row;
	size_t rows;
};

/**
 * stacks_read_path() - read a report with its stacks
 * @s: filled in; stacks_free() it in any case
 * @path: as for report_read_path()
 *
 * Return: 0, or a negative errno; -EBADMSG (see the report's error) if a row is
 * not laid out as it should be, or the columns are not those expected. A report
 * that ended early has the rows up to there.
 */
int stacks_read_path(struct stacks *s, const char *path);

/**
 * stacks_read() - read /proc/vminspect/<pid> with its stacks
 * @s: filled in; stacks_free() it in any case
 * @pid: the process
 *
 * Return: as stacks_read_path().
 */
int stacks_read(struct stacks *s, pid_t pid);

/**
 * stacks_free() - free what stacks_read() took
 * @s: what it filled in
 */
void stacks_free(struct stacks *s);

/**
 * stacks_find() - the row of a thread
 * @s: what stacks_read() filled in
 * @tid: the thread
 *
 * Return: the row, or NULL.
 */
const struct stacks_row *stacks_find(const struct stacks *s, pid_t tid);

/**
 * stacks_is_known() - whether a row says anything about a stack
 * @row: the row
 *
 * Return: whether it does; if not, its columns from kind on are "-".
 */
bool stacks_is_known(const struct stacks_row *row);

/**
 * stacks_fit() - do the figures of one report fit each other?
 * @pid: the process, for the messages only
 * @s: its stacks
 *
 * True at any moment, whatever the threads do: a tid comes once, a row is known or
 * not as a whole, the size is that of the range, nothing is more than that allows.
 *
 * Return: the number of differences.
 */
int stacks_fit(pid_t pid, const struct stacks *s);

/**
 * stacks_agree() - does the kernel say the same?
 * @pid: the process, which keeps still: stopped, or waiting
 *
 * As stacks_fit(); and the threads and their names are those of /proc/<pid>/task in
 * that order, limits those of /proc/<pid>/limits, guards and headroom what smaps has
 * below the stack, pages touched what pagemap has in it, mappings named after the
 * stacks they hold.
 *
 * Return: the number of differences.
 */
int stacks_agree(pid_t pid);

/**
 * stacks_expect() - compare one row with what the test knows
 * @pid: the process, for the messages only
 * @s: its stacks
 * @tid: the thread
 * @expected: columns and their texts, "kind=thread guard=1 sp_depth=- touched<=9",
 *	      printf() format; also start= and end=, the halves of the range.
 *	      Compared by = (any text), or as numbers by <= or >=
 *
 * Return: the number of differences; that there is no such row is one.
 */
int stacks_expect(pid_t pid, const struct stacks *s, pid_t tid, const char *expected, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * stacks_thread() - read the report and compare one row with what the test knows
 * @pid: the process
 * @tid: the thread
 * @expected: as for stacks_expect()
 *
 * Return: the number of differences; a report that cannot be read is one.
 */
int stacks_thread(pid_t pid, pid_t tid, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

/** STACKS_NOTHING - what is expected of a thread whose stack is not known */
#define STACKS_NOTHING \
	"kind=- range=- size=- limit=- guard=- touched=- sp_depth=- headroom=- vma=-"

#endif /* SELFTESTS_STACKS_H */
