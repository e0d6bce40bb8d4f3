/* SPDX-License-Identifier: GPL-2.0 */
/* The saved reports that a command is to do something with. */
#ifndef SAVED_H
#define SAVED_H

#include <stdbool.h>

#include "report.h"

/**
 * struct saved - what to do with each of them, and what came of it
 * @path: file, "-" or directory
 * @visit: does it to one report
 * @command: passed to @visit
 * @failed: something could not be read
 * @missing: some process is not there
 */
struct saved {
	const char *path;
	void (*visit)(void *command, const struct report *report);
	void *command;
	bool failed;
	bool missing;
};

void saved_visit(struct saved *saved, int argc, char **args);

#endif /* SAVED_H */
