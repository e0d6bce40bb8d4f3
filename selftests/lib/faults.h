/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page faults in the report: do they add up, are they those the kernel counted
 * for the process, and those that the test caused?
 *
 * The functions look at a process that keeps still: stopped, or waiting. All
 * return the number of differences, each of which they print.
 */
#ifndef SELFTESTS_FAULTS_H
#define SELFTESTS_FAULTS_H

#include <stdint.h>
#include <sys/types.h>

#include "report.h"

/**
 * struct faults - faults of one mapping, or of the gone ones
 * @count: by column, from %REPORT_MINFLT on
 */
struct faults {
	uint64_t count[REPORT_FAULTS];
};

/**
 * faults_add_up() - the figures of one report fit each other
 * @pid: the process, tracked
 *
 * In each row, [gone] and [total], minor and major faults are as many as those of
 * all kinds. All rows and [gone] are the process's own faults, and those of others
 * here, but not its own elsewhere. None is lost or without a row.
 *
 * Return: the number of differences.
 */
int faults_add_up(pid_t pid);

/**
 * faults_agree() - as faults_add_up(), and its own faults are those of its stat
 * @pid: the process, tracked since it was forked, and without execve() since
 *
 * The minor and major faults in /proc/<pid>/stat, of living threads and dead ones,
 * are what getrusage(RUSAGE_SELF) gives.
 *
 * Return: the number of differences.
 */
int faults_agree(pid_t pid);

/**
 * faults_row() - compare the row that holds an address with what the test knows
 * @pid: the process
 * @address: the address
 * @expected: columns and counts, "size=16 anonflt=8 cowflt=2 majflt=1", printf()
 *	      format. Fault columns that it leaves out are 0; minflt is what remains
 *	      of all kinds. "faults=10" instead of these says how many, minor and
 *	      major and of any kind.
 *
 * Return: the number of differences; no such row is one.
 */
int faults_row(pid_t pid, uint64_t address, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * faults_row_mark() - remember the faults of a row
 * @pid: the process
 * @address: an address in it
 * @mark: where to put them
 *
 * Return: the number of differences: 1 if there is no such row.
 */
int faults_row_mark(pid_t pid, uint64_t address, struct faults *mark);

/**
 * faults_row_since() - as faults_row(), of the faults since a mark
 * @pid: the process
 * @address: an address in the row
 * @mark: what the row, or the row that it was then, had before; what it has now
 *	  on return
 * @expected: as for faults_row()
 *
 * Return: the number of differences.
 */
int faults_row_since(pid_t pid, uint64_t address, struct faults *mark,
		     const char *expected, ...) __attribute__((format(printf, 4, 5)));

/**
 * faults_gone_mark() - remember the faults in [gone]
 * @pid: the process
 * @mark: where to put them
 *
 * Return: the number of differences: 1 if [gone] has not all of them.
 */
int faults_gone_mark(pid_t pid, struct faults *mark);

/**
 * faults_gone_since() - as faults_row(), of what came to [gone] since a mark
 * @pid: the process
 * @mark: what [gone] had before; what it has now on return
 * @expected: as for faults_row(), without size
 *
 * Return: the number of differences.
 */
int faults_gone_since(pid_t pid, struct faults *mark, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * faults_key() - one figure of [faults]
 * @pid: the process
 * @key: "remote", say
 *
 * Return: the figure, %REPORT_UNKNOWN if it is "-" or can't be read.
 */
uint64_t faults_key(pid_t pid, const char *key);

/**
 * faults_page_out() - in the target: push pages out to swap until none is in memory
 * @at: the first page
 * @pages: how many
 *
 * A page that somebody else held for a moment stays, unmapped, and is mapped again
 * with a fault to be pushed out once more. Ends the target if that does not help.
 */
void faults_page_out(char *at, uint64_t pages);

#endif /* SELFTESTS_FAULTS_H */
