// SPDX-License-Identifier: GPL-2.0
/* The default command: the memory of processes, one after the other. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../module/uapi/vminspect.h"
#include "command.h"
#include "faults.h"
#include "fields.h"
#include "grid.h"
#include "options.h"
#include "source.h"
#include "targets.h"
#include "text.h"
#include "totals.h"
#include "vmas.h"

enum {
	OPT_SUMMARY = OPT_COMMAND,
};

enum summary {
	SUMMARY_AUTO,
	SUMMARY_NEVER,
	SUMMARY_ALWAYS,
	SUMMARY_ONLY,
};

/* What is shown of a process. */
#define VIEW_VMAS 1u
#define VIEW_MM 2u
#define VIEW_FAULTS 4u
#define VIEW_COST 8u
#define VIEW_ALL (VIEW_VMAS | VIEW_MM | VIEW_FAULTS | VIEW_COST)

/**
 * struct show - the state of the command
 * @opts: what was asked for
 * @views: what to show, VIEW_ bits
 * @summary: whether to show sums
 * @help: only explain the command
 * @nonzero: only VMAs that hold memory
 * @sort: enum column_id to sort by, -1 for the order of the report
 * @columns: of the table of VMAs
 * @table: one table for all processes, NULL when each has its own
 * @faults: the table below it, of where their faults went; NULL for none
 * @json: the document
 * @shown: number of processes shown
 * @failed: something could not be read
 * @missing: a process was not found
 */
struct show {
	struct options opts;
	unsigned int views;
	enum summary summary;
	bool help;
	bool nonzero;
	int sort;
	struct columns columns;
	struct libscols_table *table;
	struct libscols_table *faults;
	struct json json;
	size_t shown;
	bool failed;
	bool missing;
};

static void help(void)
{
	printf("Usage:\n"
	       " %1$s [options] PID|NAME...\n"
	       " %1$s [options] --from FILE [PID|NAME...]\n"
	       " %1$s track|untrack|reset PID|NAME...\n"
	       "\n"
	       "Show what is in the memory of processes, mapping by mapping, and which page\n"
	       "faults brought it there; or switch the counting of page faults.\n"
	       "\n"
	       "Options:\n"
	       " -A, --all              all there is: what -m prints, the VMAs, the page faults of\n"
	       "                        the process, and the cost of reading all this; the\n"
	       "                        default with --json\n"
	       " -m, --mm               the address space as a whole instead of its VMAs\n"
	       " -z, --nonzero          only VMAs that hold memory (resident, hugetlb or swapped)\n"
	       "     --summary[=WHEN]   the totals: never, always or only\n",
	       program_invocation_short_name);
	options_help(stdout);
	fputs("\nColumns of the VMA table:\n", stdout);
	columns_help(stdout);
	fputs("\nFor more details see vminspect(8).\n", stdout);
}

static enum summary parse_summary(const char *when)
{
	if (!when || !strcmp(when, "always"))
		return SUMMARY_ALWAYS;
	if (!strcmp(when, "never"))
		return SUMMARY_NEVER;
	if (!strcmp(when, "only"))
		return SUMMARY_ONLY;
	usage_error("--summary: never, always or only, not '%s'", when);
}

/* Ends the program if the options make no sense. */
static void parse(struct show *show, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "all", no_argument, NULL, 'A' },
		{ "help", no_argument, NULL, 'h' },
		{ "mm", no_argument, NULL, 'm' },
		{ "nonzero", no_argument, NULL, 'z' },
		{ "summary", optional_argument, NULL, OPT_SUMMARY },
		{ NULL }
	};
	int opt;

	while ((opt = options_next(&show->opts, argc, argv, "Ahmz", longopts)) != -1) {
		switch (opt) {
		case 'A':
			show->views = VIEW_ALL;
			break;
		case 'h':
			show->help = true;
			break;
		case 'm':
			show->views |= VIEW_MM;
			break;
		case 'z':
			show->nonzero = true;
			break;
		case OPT_SUMMARY:
			show->summary = parse_summary(optarg);
			break;
		}
	}
}

static bool has_own_table(const struct show *show)
{
	return show->opts.output == OUTPUT_TABLE && show->summary != SUMMARY_ONLY;
}

/* Fills in what follows from the options; -1 with a message if it cannot be. */
static int settle(struct show *show)
{
	const char *sort = show->opts.sort;
	unsigned int usual = IN_RAW;

	if (!show->views)
		show->views = show->opts.output == OUTPUT_JSON ? VIEW_ALL : VIEW_VMAS;
	if (show->opts.output == OUTPUT_JSON)
		usual = IN_JSON;
	else if (show->summary == SUMMARY_ONLY)
		usual = IN_SUMMARY;
	else if (show->opts.output == OUTPUT_TABLE)
		usual = IN_TABLE;
	if (show->summary == SUMMARY_AUTO)
		show->summary = has_own_table(show) || show->opts.output == OUTPUT_JSON ?
				SUMMARY_ALWAYS : SUMMARY_NEVER;
	show->sort = sort ? column_find(sort, strlen(sort)) : -1;
	if (sort && show->sort < 0)
		return -1;
	return columns_choose(&show->columns, &show->opts, usual);
}

static const char *shown_value(const struct report *report, const char *section, const char *key,
			       enum kind kind, const struct units *units, char *buf)
{
	return value_text(kind, fields_get(report, section, key), units, buf);
}

/* Two lines that say which process this is and how much memory it has. */
static void print_heading(const struct show *show, const struct report *report,
			  const struct units *units)
{
	char comm[256], buf[4][VALUE_MAX];

	if (show->shown)
		putchar('\n');
	text_safe(comm, sizeof(comm), fields_get(report, "process", "comm"));
	printf("%s: pid %s, uid %s, threads %s, VMAs %s, maple tree height %s, nodes %s\n", comm,
	       fields_get(report, "process", "pid"), fields_get(report, "process", "uid"),
	       fields_get(report, "process", "threads"), fields_get(report, "mm", "map_count"),
	       fields_get(report, "mm", "maple_height"), fields_get(report, "mm", "maple_nodes"));
	printf("virtual %s, resident %s, swapped %s, page tables %s\n",
	       shown_value(report, "mm", "total_vm", KIND_PAGES, units, buf[0]),
	       shown_value(report, "mm", "rss", KIND_PAGES, units, buf[1]),
	       shown_value(report, "mm", "swap", KIND_PAGES, units, buf[2]),
	       shown_value(report, "mm", "pgtables_bytes", KIND_BYTES, units, buf[3]));
	faults_heading(report);
}

static void show_rows(struct show *show, const struct vmas *vmas)
{
	const struct report *report = vmas->report;
	struct libscols_table *table = show->table;

	if (!table)
		table = grid_new(&show->opts, &show->columns);
	if (show->summary != SUMMARY_ONLY)
		vmas_add_rows(table, vmas, &show->columns, &show->opts);
	if (show->summary != SUMMARY_NEVER)
		totals_add(table, report, &show->columns, &show->opts, vmas->page_size);
	if (show->summary == SUMMARY_ALWAYS)
		totals_add_gone(table, report, &show->columns, &show->opts, vmas->page_size);
	if (show->faults)
		faults_add(show->faults, report);
	if (!show->table)
		grid_print(table, &show->columns, &show->opts);
}

static void show_tables(struct show *show, const struct vmas *vmas, const struct units *units)
{
	const struct report *report = vmas->report;

	if (has_own_table(show) && !show->opts.noheadings)
		print_heading(show, report, units);
	if (show->views & VIEW_MM)
		fields_print(report, "mm", mm_fields, &show->opts, units->page_size);
	if (show->views & VIEW_VMAS)
		show_rows(show, vmas);
	if (show->views & VIEW_FAULTS)
		fields_print(report, "faults", fault_fields, &show->opts, units->page_size);
	if (show->views & VIEW_COST)
		fields_print(report, "total", cost_fields, &show->opts, units->page_size);
}

static void show_json(struct show *show, const struct vmas *vmas, const struct units *units)
{
	const struct report *report = vmas->report;
	struct json *json = &show->json;

	json_open(json, NULL, '{');
	json_open(json, "process", '{');
	fields_json(json, report, "process", process_fields, units->page_size);
	json_close(json, '}');
	if (show->views & VIEW_MM) {
		json_open(json, "mm", '{');
		fields_json(json, report, "mm", mm_fields, units->page_size);
		json_close(json, '}');
	}
	if (show->views & VIEW_VMAS && show->summary != SUMMARY_ONLY)
		vmas_json(json, vmas, &show->columns);
	if (show->summary != SUMMARY_NEVER && show->views & (VIEW_VMAS | VIEW_COST)) {
		json_open(json, "total", '{');
		totals_json(json, report, units->page_size);
		fields_json(json, report, "total", cost_fields, units->page_size);
		json_close(json, '}');
		json_open(json, "gone", '{');
		totals_json_gone(json, report, units->page_size);
		json_close(json, '}');
		json_open(json, "faults", '{');
		fields_json(json, report, "faults", fault_fields, units->page_size);
		json_close(json, '}');
	}
	json_bool(json, "complete", report->complete);
	json_close(json, '}');
}

/* Checks a report from end to end before the first byte of it is shown. */
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
	    fields_check(report, "total", cost_fields, units->page_size) ||
	    totals_check(report, units->page_size))
		return -1;
	return 0;
}

/* What the reader must know about a report and its rows do not say. */
static void add_notes(struct show *show, const struct report *report)
{
	const char *pid = fields_get(report, "process", "pid");

	if (!report->complete) {
		report_bad(report, 0,
			   "pid %s: ends early: it exited or called exec while it was read%s", pid,
			   show->opts.from ? ", or the file was cut" : "");
		show->failed = true;
	}
	if (!strcmp(fields_get(report, "total", "changed"), "yes"))
		report_bad(report, 0, "pid %s: mappings came or went while it was read", pid);
	faults_notes(report);
}

static void show_report(struct show *show, const struct report *report)
{
	struct units units = { .bytes = show->opts.bytes };
	struct vmas vmas = { 0 };

	if (check(report, &units) || vmas_read(&vmas, report, units.page_size)) {
		show->failed = true;
	} else {
		if (show->nonzero)
			vmas_keep_nonzero(&vmas);
		if (show->sort >= 0)
			vmas_sort(&vmas, show->sort);
		if (show->opts.output == OUTPUT_JSON)
			show_json(show, &vmas, &units);
		else
			show_tables(show, &vmas, &units);
		show->shown++;
		fflush(stdout);
		add_notes(show, report);
	}
	vmas_free(&vmas);
}

static enum source_status show_pid(void *command, uint64_t pid)
{
	enum source_status status;
	struct show *show = command;
	struct report report;
	struct input in;
	int ret;

	status = source_live(&in, show->opts.sysroot, pid);
	if (status == SOURCE_OK) {
		ret = report_read(&report, &in);
		if (ret > 0)
			show_report(show, &report);
		else
			show->failed = true;
		report_free(&report);
	}
	source_free(&in);
	return status;
}

static void show_live(struct show *show, char **args)
{
	struct targets targets = {
		.sysroot = show->opts.sysroot,
		.visit = show_pid,
		.command = show,
	};

	targets_visit(&targets, args);
	show->failed |= targets.failed;
	show->missing |= targets.missing;
}

/* Is the report asked for? Marks all arguments that ask for it. */
static bool asked_for(const struct report *report, char **args, bool *found)
{
	const char *pid = fields_get(report, "process", "pid");
	const char *comm = fields_get(report, "process", "comm");
	bool asked = !*args;

	for (size_t i = 0; args[i]; i++) {
		if (!strcmp(args[i], pid) || !strcmp(args[i], comm)) {
			found[i] = true;
			asked = true;
		}
	}
	return asked;
}

static void show_file(struct show *show, const char *path, char **args, bool *found)
{
	struct report report;
	struct input in;
	int ret;

	if (source_file(&in, path)) {
		show->failed = true;
		source_free(&in);
		return;
	}
	while ((ret = report_read(&report, &in)) > 0) {
		if (asked_for(&report, args, found))
			show_report(show, &report);
		report_free(&report);
	}
	if (ret < 0)
		show->failed = true;
	source_free(&in);
}

static void show_saved(struct show *show, int argc, char **args)
{
	char **files = source_list(show->opts.from);
	bool *found = calloc(argc + 1, sizeof(*found));

	if (!found)
		err(EXIT_FAILURE, "%s", show->opts.from);
	if (!files)
		show->failed = true;
	for (size_t i = 0; files && files[i]; i++) {
		show_file(show, files[i], args, found);
		free(files[i]);
	}
	for (int i = 0; files && i < argc; i++) {
		if (!found[i]) {
			warnx("%s: no such process in %s", args[i], show->opts.from);
			show->missing = true;
		}
	}
	free(files);
	free(found);
}

static void begin(struct show *show)
{
	if (show->opts.output == OUTPUT_JSON) {
		show->json.out = stdout;
		json_open(&show->json, NULL, '{');
		json_number(&show->json, "format", VMINSPECT_FORMAT);
		json_open(&show->json, "processes", '[');
	} else if (!has_own_table(show) && show->views & VIEW_VMAS) {
		show->table = grid_new(&show->opts, &show->columns);
		if (show->opts.output == OUTPUT_TABLE)
			show->faults = faults_table(&show->opts);
	}
}

static void end(struct show *show)
{
	if (show->opts.output == OUTPUT_JSON) {
		json_close(&show->json, ']');
		json_close(&show->json, '}');
	} else if (show->table) {
		grid_print(show->table, &show->columns, &show->opts);
	}
	if (show->faults)
		faults_print(show->faults);
}

/**
 * cmd_show() - show the memory of processes
 * @argc: number of arguments
 * @argv: options, pids and names
 *
 * Return: the exit status.
 */
int cmd_show(int argc, char **argv)
{
	struct show show = { .opts.sysroot = "" };

	parse(&show, argc, argv);
	if (show.help) {
		help();
		return EXIT_SUCCESS;
	}
	if (show.opts.version)
		return options_version(&show.opts);
	if (optind == argc && !show.opts.from)
		usage_error("whose memory? Give a PID or a NAME, or --from FILE");
	if (show.opts.sort && show.summary == SUMMARY_ONLY)
		usage_error("--sort sorts VMAs, and --summary=only shows none: give only one");
	if (settle(&show)) {
		columns_free(&show.columns);
		return EXIT_FAILURE;
	}

	begin(&show);
	if (show.opts.from)
		show_saved(&show, argc - optind, argv + optind);
	else
		show_live(&show, argv + optind);
	end(&show);
	columns_free(&show.columns);
	if (show.failed)
		return EXIT_FAILURE;
	return show.missing ? EXIT_NOT_FOUND : EXIT_SUCCESS;
}
