/* SPDX-License-Identifier: GPL-2.0 */
/* How stacks grew, or could not: [grows], and the rows of [growth]. */
#ifndef GROWTH_H
#define GROWTH_H

#include <stdbool.h>

#include "columns.h"
#include "report.h"

enum growth_column {
	GROWTH_PID,
	GROWTH_PROCESS,
	GROWTH_TIME,
	GROWTH_TID,
	GROWTH_COMM,
	GROWTH_CAUSE,
	GROWTH_IP,
	GROWTH_SP,
	GROWTH_ADDRESS,
	GROWTH_OLD,
	GROWTH_NEW,
	GROWTH_GREW,
	GROWTH_SIZE,
	GROWTH_LIMIT,
	GROWTH_UNLIMITED,
	GROWTH_RESULT,
	NR_GROWTH_COLUMNS
};

extern const struct column_set growth_columns;

bool growth_known(const struct report *report);
void growth_heading(const struct report *report);
void growth_hint(const struct report *report);

#endif /* GROWTH_H */
