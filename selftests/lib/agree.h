/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does the report of a process agree with what the kernel itself says of it?
 *
 * The kernel's account is read before and after the report; only when both
 * readings are equal is the report between them compared with it.
 */
#ifndef SELFTESTS_AGREE_H
#define SELFTESTS_AGREE_H

#include <stdint.h>
#include <sys/types.h>

#include "report.h"

/** AGREE_MOVING - what agree_process() gives when the process won't keep still */
#define AGREE_MOVING 1000000

/**
 * agree_process() - compare the whole report of a quiet process
 * @pid: the process; stopped, or at least not running
 *
 * Row by row with smaps, page by page with pagemap and kpageflags, [total] with
 * the sums of the rows, [mm] and [process] with status, stat and statm. Each
 * difference is printed with what was expected and what was seen.
 *
 * Return: the number of differences; %AGREE_MOVING if no two readings of the
 * kernel's account were equal; a negative errno if something could not be read
 * (-ESRCH or -ENOENT: the process is gone).
 */
int agree_process(pid_t pid);

/**
 * agree_except() - as agree_process(), but for one mapping smaps is known to miscount
 * @pid: the process
 * @address: an address in the mapping; of this one, Rss, Anonymous and huge pages
 *	     are not compared with smaps (everything else is)
 *
 * Return: as agree_process().
 */
int agree_except(pid_t pid, uint64_t address);

/**
 * agree_counts() - compare columns of one row with what the test knows
 * @pid: the process, only for the message
 * @row: the row
 * @expected: column names and decimal counts, "rss=5 anon=5 runs<=5": compared
 *	      by =, <= or >=
 *
 * Return: the number of differences, each of which is printed.
 */
int agree_counts(pid_t pid, const struct report_row *row, const char *expected);

/**
 * agree_row() - read the report and compare the row that holds an address
 * @pid: the process
 * @address: the address
 * @expected: as for agree_counts(), printf() format
 *
 * Return: the number of differences, each of which is printed; a report that
 * can't be read or has no such row is one.
 */
int agree_row(pid_t pid, uint64_t address, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* SELFTESTS_AGREE_H */
