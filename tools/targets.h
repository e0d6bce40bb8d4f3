/* SPDX-License-Identifier: GPL-2.0 */
/* The processes that a command is to do something with. */
#ifndef TARGETS_H
#define TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "source.h"

/**
 * struct targets - what to do with each of them, and what came of it
 * @sysroot: directory that stands for /
 * @visit: does it to one process; messages only with SOURCE_FAILED
 * @command: passed to @visit
 * @failed: it went wrong with some process
 * @missing: some process was not found
 */
struct targets {
	const char *sysroot;
	enum source_status (*visit)(void *command, uint64_t pid);
	void *command;
	bool failed;
	bool missing;
};

void targets_visit(struct targets *targets, char **args);
void targets_visit_all(struct targets *targets);

#endif /* TARGETS_H */
