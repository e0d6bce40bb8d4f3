/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of agree_process(): each compares one part of a report with the
 * kernel's account of the same process at the same moment.
 */
#ifndef SELFTESTS_COMPARE_H
#define SELFTESTS_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "report.h"

/**
 * struct compare - one comparison
 * @pid: the process
 * @account: what the kernel says of it
 * @report: what the report says
 * @except: an address of a mapping whose pages smaps miscounts, or 0
 * @differences: how many were found so far
 */
struct compare {
	pid_t pid;
	const struct account *account;
	const struct report *report;
	uint64_t except;
	int differences;
};

/**
 * compare_differ() - count a difference, print it if it is among the first
 * @c: the comparison
 * @format: what differs, what was expected and what was seen
 */
void compare_differ(struct compare *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * compare_rows() - [vmas] with smaps and pagemap, [total] with the sums
 * @c: the comparison
 */
void compare_rows(struct compare *c);

/**
 * compare_mm() - [process] and [mm] with status and stat
 * @c: the comparison
 */
void compare_mm(struct compare *c);

#endif /* SELFTESTS_COMPARE_H */
