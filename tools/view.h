/* SPDX-License-Identifier: GPL-2.0 */
/* What is shown of the reports of processes, and how. */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"
#include "listing.h"
#include "options.h"
#include "report.h"

/* The parts of a report. */
#define PART_VMAS 0x1u
#define PART_MM 0x2u
#define PART_FAULTS 0x4u
#define PART_STACKS 0x8u
#define PART_GROWS 0x10u
#define PART_GROWTH 0x20u
#define PART_COST 0x40u
#define PART_ALL 0x7fu

enum summary {
	SUMMARY_AUTO,
	SUMMARY_NEVER,
	SUMMARY_ALWAYS,
	SUMMARY_ONLY,
};

/**
 * struct view - what to show, and what has been shown
 * @opts: what was asked for
 * @parts: what to show, PART_ bits; 0 for the usual
 * @demanded: those of @parts without which the user gets nothing
 * @summary: whether to show sums
 * @nonzero: only VMAs that hold memory
 * @merged: the stacks of all processes together, sorted
 * @vmas: how to list them
 * @stacks: how to list them
 * @growth: how to list it
 * @faults: the table below the VMAs, of where the faults of the processes went;
 *	NULL for none
 * @json: the document
 * @shown: number of processes shown
 * @failed: something could not be shown
 */
struct view {
	struct options opts;
	unsigned int parts;
	unsigned int demanded;
	enum summary summary;
	bool nonzero;
	bool merged;
	struct listing vmas;
	struct listing stacks;
	struct listing growth;
	struct libscols_table *faults;
	struct json json;
	size_t shown;
	bool failed;
};

int view_settle(struct view *view);
void view_begin(struct view *view);
void view_report(struct view *view, const struct report *report);
void view_end(struct view *view);
void view_free(struct view *view);

#endif /* VIEW_H */
