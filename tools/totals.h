/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sums of a report: [total] of its VMAs, [gone] of the faults in mappings
 * that no longer exist.
 */
#ifndef TOTALS_H
#define TOTALS_H

#include <stdint.h>

#include "columns.h"
#include "json.h"
#include "options.h"
#include "report.h"

int totals_check(const struct report *report, uint64_t page_size);
void totals_add(struct libscols_table *table, const struct report *report,
		const struct columns *chosen, const struct options *opts, uint64_t page_size);
void totals_add_gone(struct libscols_table *table, const struct report *report,
		     const struct columns *chosen, const struct options *opts,
		     uint64_t page_size);
void totals_json(struct json *json, const struct report *report, uint64_t page_size);
void totals_json_gone(struct json *json, const struct report *report, uint64_t page_size);

#endif /* TOTALS_H */
