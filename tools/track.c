// SPDX-License-Identifier: GPL-2.0
/*
 * The commands that switch the counting of page faults and the log of the growth
 * of stacks: track, untrack, reset.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "options.h"
#include "source.h"
#include "targets.h"

/**
 * struct order - what to tell the module
 * @word: the word it knows
 * @does: what that does, for the help text
 * @sysroot: directory that stands for /
 */
struct order {
	const char *word;
	const char *does;
	const char *sysroot;
};

static void help(const struct order *order)
{
	printf("Usage:\n"
	       " %s %s [options] PID|NAME...\n"
	       "\n"
	       "%s\n"
	       "\n"
	       "Options:\n"
	       "     --sysroot DIR      use DIR as the system's root, to find /proc\n"
	       "\n"
	       " -h, --help             display this help\n"
	       " -V, --version          display the versions of the tool and of the module\n"
	       "\n"
	       "For more details see vminspect(8).\n",
	       program_invocation_short_name, order->word, order->does);
}

static enum source_status visit(void *command, uint64_t pid)
{
	const struct order *order = command;

	return source_order(order->sysroot, pid, order->word);
}

/* Carries out the order, as the main function of its command. */
static int give(struct order *order, int argc, char **argv)
{
	enum { OPT_SYSROOT = 256 };
	static const struct option longopts[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "sysroot", required_argument, NULL, OPT_SYSROOT },
		{ "version", no_argument, NULL, 'V' },
		{ NULL }
	};
	struct targets targets = { .visit = visit, .command = order };
	bool version = false;
	int opt;

	order->sysroot = "";
	while ((opt = getopt_long(argc, argv, "hV", longopts, NULL)) != -1) {
		switch (opt) {
		case 'h':
			help(order);
			return EXIT_SUCCESS;
		case 'V':
			version = true;
			break;
		case OPT_SYSROOT:
			order->sysroot = optarg;
			break;
		default:
			usage_hint();
		}
	}
	if (version)
		return options_version(&(struct options){ .sysroot = order->sysroot });
	if (optind == argc)
		usage_error("%s what? Give a PID or a NAME", order->word);
	targets.sysroot = order->sysroot;
	targets_visit(&targets, argv + optind);
	if (targets.failed)
		return EXIT_FAILURE;
	return targets.missing ? EXIT_NOT_FOUND : EXIT_SUCCESS;
}

/**
 * cmd_track() - count the page faults of processes from now on
 * @argc: number of arguments
 * @argv: options, pids and names
 *
 * Return: the exit status.
 */
int cmd_track(int argc, char **argv)
{
	struct order order = {
		.word = "track",
		.does = "Count the page faults of processes, and log the growth of their stacks,\n"
			"from now on; of their children to come, too. Where that is done already it\n"
			"goes on.",
	};

	return give(&order, argc, argv);
}

/**
 * cmd_untrack() - count the page faults of processes no longer
 * @argc: number of arguments
 * @argv: options, pids and names
 *
 * Return: the exit status.
 */
int cmd_untrack(int argc, char **argv)
{
	struct order order = {
		.word = "untrack",
		.does = "Stop counting the page faults of processes, and logging the growth of\n"
			"their stacks; drop the counts and the log.",
	};

	return give(&order, argc, argv);
}

/**
 * cmd_reset() - count the page faults of processes from 0 again
 * @argc: number of arguments
 * @argv: options, pids and names
 *
 * Return: the exit status.
 */
int cmd_reset(int argc, char **argv)
{
	struct order order = {
		.word = "reset",
		.does = "Begin to count the page faults of processes from 0 again, with an empty\n"
			"log of the growth of their stacks.",
	};

	return give(&order, argc, argv);
}
