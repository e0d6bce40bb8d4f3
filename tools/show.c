// SPDX-License-Identifier: GPL-2.0
/*
 * The commands that show reports: show, the default, the memory of processes,
 * one after the other; stacks, only their stacks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "growth.h"
#include "options.h"
#include "saved.h"
#include "source.h"
#include "stacks.h"
#include "targets.h"
#include "view.h"
#include "vmas.h"

enum {
	OPT_SUMMARY = OPT_COMMAND,
};

/**
 * struct show - the state of a command
 * @view: what to show, and how
 * @all: all processes, not those that are named
 * @help: only explain the command
 * @failed: something could not be read
 * @missing: a process was not found
 */
struct show {
	struct view view;
	bool all;
	bool help;
	bool failed;
	bool missing;
};

static int help(void)
{
	printf("Usage:\n"
	       " %1$s [options] PID|NAME...\n"
	       " %1$s [options] --from FILE [PID|NAME...]\n"
	       " %1$s stacks [options] -a|PID|NAME...\n"
	       " %1$s track|untrack|reset PID|NAME...\n"
	       "\n"
	       "Show what is in the memory of processes, mapping by mapping, and which page\n"
	       "faults brought it there; their stacks, and how these grew; or switch the\n"
	       "counting of page faults and of growth.\n"
	       "\n"
	       "Options:\n"
	       " -A, --all              all there is: what -m prints, the VMAs, the page faults of\n"
	       "                        the process, its stacks and their growth, and the cost of\n"
	       "                        reading all this; the default with --json\n"
	       " -g, --growth           the log of how its stacks grew, or could not\n"
	       " -m, --mm               the address space as a whole instead of its VMAs\n"
	       " -s, --stacks           the stack of each thread instead of the VMAs\n"
	       " -z, --nonzero          only VMAs that hold memory (resident, hugetlb or swapped)\n"
	       "     --summary[=WHEN]   the totals: never, always or only\n",
	       program_invocation_short_name);
	options_help(stdout);
	fputs("\nColumns of the VMA table:\n", stdout);
	columns_help(&vma_columns, stdout);
	fputs("\nColumns of the table of stacks:\n", stdout);
	columns_help(&stack_columns, stdout);
	fputs("\nColumns of the growth log:\n", stdout);
	columns_help(&growth_columns, stdout);
	fputs("\nFor more details see vminspect(8).\n", stdout);
	return EXIT_SUCCESS;
}

static int help_stacks(void)
{
	printf("Usage:\n"
	       " %1$s stacks [options] PID|NAME...\n"
	       " %1$s stacks [options] -a\n"
	       " %1$s stacks [options] --from FILE [PID|NAME...]\n"
	       "\n"
	       "Show the stack of each thread of processes: how large it may become, how deep it\n"
	       "has been used, and how deep it is now.\n"
	       "\n"
	       "Options:\n"
	       " -a, --all              all processes that may be read, in one table, those stacks\n"
	       "                        first that are used most\n",
	       program_invocation_short_name);
	options_help(stdout);
	fputs("\nColumns:\n", stdout);
	columns_help(&stack_columns, stdout);
	fputs("\nFor more details see vminspect(8).\n", stdout);
	return EXIT_SUCCESS;
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

static void demand(struct show *show, unsigned int part)
{
	show->view.parts |= part;
	show->view.demanded |= part;
}

/* Ends the program if the options make no sense. */
static void parse(struct show *show, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "all", no_argument, NULL, 'A' },
		{ "growth", no_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "mm", no_argument, NULL, 'm' },
		{ "nonzero", no_argument, NULL, 'z' },
		{ "stacks", no_argument, NULL, 's' },
		{ "summary", optional_argument, NULL, OPT_SUMMARY },
		{ NULL }
	};
	struct view *view = &show->view;
	int opt;

	while ((opt = options_next(&view->opts, argc, argv, "Aghmsz", longopts)) != -1) {
		switch (opt) {
		case 'A':
			view->parts = PART_ALL;
			break;
		case 'g':
			demand(show, PART_GROWTH);
			break;
		case 'h':
			show->help = true;
			break;
		case 'm':
			view->parts |= PART_MM;
			break;
		case 's':
			demand(show, PART_STACKS);
			break;
		case 'z':
			view->nonzero = true;
			break;
		case OPT_SUMMARY:
			view->summary = parse_summary(optarg);
			break;
		}
	}
}

static void parse_stacks(struct show *show, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL }
	};
	int opt;

	while ((opt = options_next(&show->view.opts, argc, argv, "ah", longopts)) != -1) {
		if (opt == 'a')
			show->all = true;
		else
			show->help = true;
	}
}

/*
 * Of all processes some end while they are looked at; as nobody asked for just
 * these it is as if they had ended before.
 */
static enum source_status show_pid(void *command, uint64_t pid)
{
	struct show *show = command;
	enum source_status status;
	struct report report;
	struct input in;
	int ret;

	status = source_live(&in, show->view.opts.sysroot, pid);
	if (status == SOURCE_OK) {
		ret = report_read(&report, &in);
		if (ret <= 0)
			show->failed = true;
		else if (report.complete || !show->all)
			view_report(&show->view, &report);
		report_free(&report);
	}
	source_free(&in);
	return status;
}

static void show_live(struct show *show, char **args)
{
	struct targets targets = {
		.sysroot = show->view.opts.sysroot,
		.visit = show_pid,
		.command = show,
	};

	if (show->all)
		targets_visit_all(&targets);
	else
		targets_visit(&targets, args);
	show->failed |= targets.failed;
	show->missing |= targets.missing;
}

static void show_report(void *command, const struct report *report)
{
	struct show *show = command;

	view_report(&show->view, report);
}

static void show_saved(struct show *show, int argc, char **args)
{
	struct saved saved = {
		.path = show->view.opts.from,
		.visit = show_report,
		.command = show,
	};

	saved_visit(&saved, argc, args);
	show->failed |= saved.failed;
	show->missing |= saved.missing;
}

/* Shows the processes that the arguments left name. */
static int run(struct show *show, int argc, char **argv)
{
	struct view *view = &show->view;

	if (view_settle(view)) {
		view_free(view);
		return EXIT_FAILURE;
	}
	view_begin(view);
	if (view->opts.from)
		show_saved(show, argc - optind, argv + optind);
	else
		show_live(show, argv + optind);
	view_end(view);
	view_free(view);
	if (show->failed || view->failed)
		return EXIT_FAILURE;
	return show->missing ? EXIT_NOT_FOUND : EXIT_SUCCESS;
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
	struct show show = { .view.opts.sysroot = "" };
	struct view *view = &show.view;

	parse(&show, argc, argv);
	if (show.help)
		return help();
	if (view->opts.version)
		return options_version(&view->opts);
	if (optind == argc && !view->opts.from)
		usage_error("whose memory? Give a PID or a NAME, or --from FILE");
	if (view->opts.sort && view->summary == SUMMARY_ONLY)
		usage_error("--sort sorts VMAs, and --summary=only shows none: give only one");
	if (view->demanded && view->summary == SUMMARY_ONLY)
		usage_error("--summary=only shows neither stacks nor growth: give only one");
	return run(&show, argc, argv);
}

/**
 * cmd_stacks() - show the stacks of processes
 * @argc: number of arguments
 * @argv: options, pids and names
 *
 * Return: the exit status.
 */
int cmd_stacks(int argc, char **argv)
{
	struct show show = { .view.opts.sysroot = "" };
	struct view *view = &show.view;

	parse_stacks(&show, argc, argv);
	if (show.help)
		return help_stacks();
	if (view->opts.version)
		return options_version(&view->opts);
	if (show.all && optind < argc)
		usage_error("--all shows all processes: leave out '%s'", argv[optind]);
	if (!show.all && optind == argc && !view->opts.from)
		usage_error("whose stacks? Give a PID or a NAME, --all, or --from FILE");
	demand(&show, PART_STACKS);
	view->merged = show.all;
	return run(&show, argc, argv);
}
