/* SPDX-License-Identifier: GPL-2.0 */
/* The stacks of the threads of a process: the rows of [stacks]. */
#ifndef STACKS_H
#define STACKS_H

#include "columns.h"

enum stack_column {
	STACK_PID,
	STACK_PROCESS,
	STACK_TID,
	STACK_COMM,
	STACK_KIND,
	STACK_RANGE,
	STACK_START,
	STACK_END,
	STACK_SIZE,
	STACK_LIMIT,
	STACK_UNLIMITED,
	STACK_GUARD,
	STACK_TOUCHED,
	STACK_DEPTH,
	STACK_HEADROOM,
	STACK_USE,
	STACK_NAME,
	NR_STACK_COLUMNS
};

extern const struct column_set stack_columns;

const char *stacks_unlimited(const char *limit);

#endif /* STACKS_H */
