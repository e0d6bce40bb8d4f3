// SPDX-License-Identifier: GPL-2.0
/* vminspect: shows the memory of processes, from the reports of the module. */
#include <err.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

/**
 * struct command - something the tool can do
 * @name: first argument that calls for it
 * @run: does it; called with arguments as main() is, returns the exit status
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
};

/* The first is what happens without the name of one. */
static const struct command commands[] = {
	{ "show", cmd_show },
	{ "stacks", cmd_stacks },
	{ "track", cmd_track },
	{ "untrack", cmd_untrack },
	{ "reset", cmd_reset },
};

/*
 * A full disk or a closed descriptor shows only when the last of the output
 * is written.
 */
static int close_stdout(int status)
{
	if (ferror(stdout) || fflush(stdout) || (close(STDOUT_FILENO) && errno != EBADF)) {
		warn("write error");
		return EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command = &commands[0];
	int status;

	setlocale(LC_ALL, "");
	if (argc)
		argv[0] = program_invocation_short_name;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(argv[1], commands[i].name)) {
			command = &commands[i];
			argv[1] = argv[0];
			argv++;
			argc--;
			break;
		}
	}
	status = command->run(argc, argv);
	return close_stdout(status);
}
