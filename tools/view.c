// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "../module/uapi/vminspect.h"
#include "faults.h"
#include "fields.h"
#include "grid.h"
#include "growth.h"
#include "refusal.h"
#include "stacks.h"
#include "text.h"
#include "totals.h"
#include "view.h"
#include "vmas.h"

/**
 * struct content - the rows of the report that is shown
 * @report: the report
 * @units: how to show its values
 * @vmas: read only if they are needed
 * @stacks: read only if they are needed
 * @growth: read only if it is needed
 */
struct content {
	const struct report *report;
	struct units units;
	struct rows vmas;
	struct rows stacks;
	struct rows growth;
};

static bool has_own_tables(const struct view *view)
{
	return view->opts.output == OUTPUT_TABLE && view->summary != SUMMARY_ONLY && !view->merged;
}

static bool has_advice(const struct view *view)
{
	return view->parts & PART_GROWTH && has_own_tables(view) && !view->opts.noheadings;
}

static unsigned int usual_columns(const struct view *view)
{
	if (view->opts.output == OUTPUT_JSON)
		return IN_JSON;
	if (view->summary == SUMMARY_ONLY)
		return IN_SUMMARY;
	if (view->merged)
		return IN_MERGED;
	return view->opts.output == OUTPUT_TABLE ? IN_TABLE : IN_RAW;
}

/**
 * view_settle() - fill in what follows from the options
 * @view: the view; view_free() in any case
 *
 * LIST and the column to sort by are about the first of VMAs, stacks and growth
 * that is shown.
 *
 * Return: 0, or -1 with a message if it cannot be.
 */
int view_settle(struct view *view)
{
	const struct options *opts = &view->opts;
	unsigned int usual;
	bool vmas, stacks;

	if (!view->parts)
		view->parts = opts->output == OUTPUT_JSON ? PART_ALL : PART_VMAS;
	if (view->summary == SUMMARY_ONLY)
		view->parts &= ~(PART_STACKS | PART_GROWTH);
	if (view->summary == SUMMARY_AUTO)
		view->summary = opts->output == OUTPUT_TABLE || opts->output == OUTPUT_JSON ?
				SUMMARY_ALWAYS : SUMMARY_NEVER;
	usual = usual_columns(view);
	stacks = view->parts & PART_STACKS;
	vmas = view->parts & PART_VMAS || !(view->parts & (PART_STACKS | PART_GROWTH));
	if (listing_choose(&view->vmas, &vma_columns, opts, vmas, usual) ||
	    listing_choose(&view->stacks, &stack_columns, opts, !vmas && stacks, usual) ||
	    listing_choose(&view->growth, &growth_columns, opts, !vmas && !stacks, usual))
		return -1;
	if (view->merged) {
		view->stacks.merged = true;
		if (view->stacks.sort < 0)
			view->stacks.sort = STACK_USE;
	}
	return 0;
}

static const char *shown_value(const struct report *report, const char *section, const char *key,
			       enum kind kind, const struct units *units, char *buf)
{
	return value_text(kind, fields_get(report, section, key), units, buf);
}

/* How much memory the process has, and what became of its faults. */
static void print_memory(const struct report *report, const struct units *units)
{
	char buf[4][VALUE_MAX];

	printf(", VMAs %s, maple tree height %s, nodes %s\n", fields_get(report, "mm", "map_count"),
	       fields_get(report, "mm", "maple_height"), fields_get(report, "mm", "maple_nodes"));
	printf("virtual %s, resident %s, swapped %s, page tables %s\n",
	       shown_value(report, "mm", "total_vm", KIND_PAGES, units, buf[0]),
	       shown_value(report, "mm", "rss", KIND_PAGES, units, buf[1]),
	       shown_value(report, "mm", "swap", KIND_PAGES, units, buf[2]),
	       shown_value(report, "mm", "pgtables_bytes", KIND_BYTES, units, buf[3]));
	faults_heading(report);
}

/* Some lines that say which process this is and what is to be known first. */
static void print_heading(const struct view *view, const struct report *report,
			  const struct units *units)
{
	char comm[256];

	if (view->shown)
		putchar('\n');
	text_safe(comm, sizeof(comm), fields_get(report, "process", "comm"));
	printf("%s: pid %s, uid %s, threads %s", comm, fields_get(report, "process", "pid"),
	       fields_get(report, "process", "uid"), fields_get(report, "process", "threads"));
	if (view->parts & ~(PART_STACKS | PART_GROWTH))
		print_memory(report, units);
	else
		putchar('\n');
	if (view->parts & PART_GROWTH)
		growth_heading(report);
	else
		growth_hint(report);
}

static void show_vmas(struct view *view, const struct content *content)
{
	struct libscols_table *table = listing_open(&view->vmas);
	const struct columns *chosen = &view->vmas.columns;
	const struct report *report = content->report;
	uint64_t page_size = content->units.page_size;

	if (view->summary != SUMMARY_ONLY)
		listing_add(&view->vmas, table, &content->vmas);
	if (view->summary != SUMMARY_NEVER)
		totals_add(table, report, chosen, &view->opts, page_size);
	if (view->summary == SUMMARY_ALWAYS)
		totals_add_gone(table, report, chosen, &view->opts, page_size);
	if (view->faults)
		faults_add(view->faults, report);
	listing_close(&view->vmas, table);
}

static void show_rows(struct listing *listing, const struct rows *rows)
{
	struct libscols_table *table = listing_open(listing);

	listing_add(listing, table, rows);
	listing_close(listing, table);
}

static void show_fields(const struct view *view, const struct content *content,
			const char *section, const struct field *fields)
{
	fields_print(content->report, section, fields, &view->opts, content->units.page_size);
}

static void show_tables(struct view *view, const struct content *content)
{
	if (has_own_tables(view) && !view->opts.noheadings)
		print_heading(view, content->report, &content->units);
	if (view->parts & PART_MM)
		show_fields(view, content, "mm", mm_fields);
	if (view->parts & PART_VMAS)
		show_vmas(view, content);
	if (view->parts & PART_FAULTS)
		show_fields(view, content, "faults", fault_fields);
	if (view->parts & PART_STACKS)
		show_rows(&view->stacks, &content->stacks);
	if (view->parts & PART_GROWS)
		show_fields(view, content, "grows", grow_fields);
	if (view->parts & PART_GROWTH)
		show_rows(&view->growth, &content->growth);
	if (has_advice(view))
		refusal_advice(&content->growth, &content->vmas, &content->stacks,
			       &content->units);
	if (view->parts & PART_COST)
		show_fields(view, content, "total", cost_fields);
}

static void json_fields(struct json *json, const struct content *content, const char *key,
			const char *section, const struct field *fields)
{
	json_open(json, key, '{');
	fields_json(json, content->report, section, fields, content->units.page_size);
	json_close(json, '}');
}

static void json_sums(struct json *json, const struct content *content)
{
	uint64_t page_size = content->units.page_size;

	json_open(json, "total", '{');
	totals_json(json, content->report, page_size);
	fields_json(json, content->report, "total", cost_fields, page_size);
	json_close(json, '}');
	json_open(json, "gone", '{');
	totals_json_gone(json, content->report, page_size);
	json_close(json, '}');
	json_fields(json, content, "faults", "faults", fault_fields);
}

/* An array of rows, or null if there is no telling which there are. */
static void json_rows(struct json *json, const struct rows *rows, const struct columns *chosen,
		      bool known)
{
	if (known && rows->present)
		rows_json(json, rows, chosen);
	else
		json_null(json, chosen->set->section);
}

static void show_json(struct view *view, const struct content *content)
{
	const struct report *report = content->report;
	struct json *json = &view->json;

	json_open(json, NULL, '{');
	json_fields(json, content, "process", "process", process_fields);
	if (view->parts & PART_MM)
		json_fields(json, content, "mm", "mm", mm_fields);
	if (view->parts & PART_VMAS && view->summary != SUMMARY_ONLY)
		rows_json(json, &content->vmas, &view->vmas.columns);
	if (view->summary != SUMMARY_NEVER && view->parts & (PART_VMAS | PART_COST))
		json_sums(json, content);
	if (view->parts & PART_STACKS)
		json_rows(json, &content->stacks, &view->stacks.columns, true);
	if (view->parts & (PART_GROWS | PART_GROWTH))
		json_fields(json, content, "grows", "grows", grow_fields);
	if (view->parts & PART_GROWTH)
		json_rows(json, &content->growth, &view->growth.columns, growth_known(report));
	json_bool(json, "complete", report->complete);
	json_close(json, '}');
}

/* Checks what is not rows. */
static int check(const struct report *report, struct units *units)
{
	const char *page_size = fields_get(report, "process", "page_size");

	if (!value_number(page_size, 10, &units->page_size) || !units->page_size) {
		report_bad(report, 0, report_section(report, "process") ?
			   "damaged: [process] has no page_size" :
			   "it ends before it says which process it is about");
		return -1;
	}
	if (fields_check(report, "process", process_fields, units->page_size) ||
	    fields_check(report, "mm", mm_fields, units->page_size) ||
	    fields_check(report, "faults", fault_fields, units->page_size) ||
	    fields_check(report, "grows", grow_fields, units->page_size) ||
	    fields_check(report, "total", cost_fields, units->page_size) ||
	    totals_check(report, units->page_size))
		return -1;
	return 0;
}

/*
 * Reads and checks all of a report that is needed before the first byte of it
 * is shown. Advice may look at the VMAs, too.
 */
static int read_content(const struct view *view, struct content *content)
{
	const struct report *report = content->report;
	uint64_t page_size;

	if (check(report, &content->units))
		return -1;
	page_size = content->units.page_size;
	if ((view->parts & PART_VMAS || has_advice(view)) &&
	    rows_read(&content->vmas, &vma_columns, report, page_size))
		return -1;
	if ((view->parts & PART_STACKS || has_advice(view)) &&
	    rows_read(&content->stacks, &stack_columns, report, page_size))
		return -1;
	if (view->parts & PART_GROWTH &&
	    rows_read(&content->growth, &growth_columns, report, page_size))
		return -1;
	return 0;
}

/* Says so if a whole report does not have what the user wants of it. */
static void demand(struct view *view, const struct rows *rows)
{
	if (rows->present || !rows->report->complete)
		return;
	report_bad(rows->report, 0, "pid %s: no [%s] in it: the module that wrote it is too old",
		   fields_get(rows->report, "process", "pid"), rows->set->section);
	view->failed = true;
}

/* What the reader must know about a report and its rows do not say. */
static void add_notes(struct view *view, const struct content *content)
{
	const struct report *report = content->report;
	const char *pid = fields_get(report, "process", "pid");

	if (!report->complete) {
		report_bad(report, 0,
			   "pid %s: ends early: it exited or called exec while it was read%s", pid,
			   view->opts.from ? ", or the file was cut" : "");
		view->failed = true;
	}
	if ((view->parts & ~(PART_STACKS | PART_GROWTH)) &&
	    !strcmp(fields_get(report, "total", "changed"), "yes"))
		report_bad(report, 0, "pid %s: mappings came or went while it was read", pid);
	if (view->parts & ~(PART_STACKS | PART_GROWTH))
		faults_notes(report);
	if (view->demanded & PART_STACKS)
		demand(view, &content->stacks);
	if (view->demanded & PART_GROWTH)
		demand(view, &content->growth);
}

/**
 * view_report() - show a report
 * @view: how; what came of it is noted here
 * @report: the report
 */
void view_report(struct view *view, const struct report *report)
{
	struct content content = {
		.report = report,
		.units.bytes = view->opts.bytes,
		.units.plain = view->opts.output != OUTPUT_TABLE,
	};

	if (read_content(view, &content)) {
		view->failed = true;
	} else {
		if (view->nonzero)
			vmas_keep_nonzero(&content.vmas);
		listing_sort(&view->vmas, &content.vmas);
		listing_sort(&view->stacks, &content.stacks);
		listing_sort(&view->growth, &content.growth);
		if (view->opts.output == OUTPUT_JSON)
			show_json(view, &content);
		else
			show_tables(view, &content);
		view->shown++;
		fflush(stdout);
		add_notes(view, &content);
	}
	rows_free(&content.vmas);
	rows_free(&content.stacks);
	rows_free(&content.growth);
}

/**
 * view_begin() - begin the output
 * @view: how
 */
void view_begin(struct view *view)
{
	if (view->opts.output == OUTPUT_JSON) {
		view->json.out = stdout;
		json_open(&view->json, NULL, '{');
		json_number(&view->json, "format", VMINSPECT_FORMAT);
		json_open(&view->json, "processes", '[');
		return;
	}
	if (has_own_tables(view))
		return;
	if (view->parts & PART_VMAS) {
		listing_begin(&view->vmas);
		if (view->opts.output == OUTPUT_TABLE)
			view->faults = faults_table(&view->opts);
	}
	if (view->parts & PART_STACKS)
		listing_begin(&view->stacks);
	if (view->parts & PART_GROWTH)
		listing_begin(&view->growth);
}

/**
 * view_end() - end the output
 * @view: how
 */
void view_end(struct view *view)
{
	if (view->opts.output == OUTPUT_JSON) {
		json_close(&view->json, ']');
		json_close(&view->json, '}');
	}
	listing_end(&view->vmas);
	if (view->faults)
		faults_print(view->faults);
	listing_end(&view->stacks);
	listing_end(&view->growth);
}

/**
 * view_free() - free what the other functions allocated
 * @view: the view
 */
void view_free(struct view *view)
{
	listing_free(&view->vmas);
	listing_free(&view->stacks);
	listing_free(&view->growth);
}
