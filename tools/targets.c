// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "targets.h"
#include "value.h"

static void visit_one(struct targets *targets, uint64_t pid)
{
	enum source_status status = targets->visit(targets->command, pid);

	source_explain(status, targets->sysroot, pid);
	if (status == SOURCE_GONE)
		targets->missing = true;
	else if (status != SOURCE_OK)
		targets->failed = true;
}

/*
 * Of the processes of that name some may end meanwhile, some may be zombies:
 * nobody asked for just these, so they matter only if nothing else was found.
 */
static void visit_named(struct targets *targets, const char *name)
{
	enum source_status status = SOURCE_GONE;
	bool found = false;
	uint64_t *pids;
	size_t nr;

	pids = names_find(targets->sysroot, name, &nr);
	for (size_t i = 0; i < nr; i++) {
		status = targets->visit(targets->command, pids[i]);
		if (status == SOURCE_DENIED)
			source_explain(status, targets->sysroot, pids[i]);
		if (status == SOURCE_DENIED || status == SOURCE_FAILED)
			targets->failed = true;
		if (status == SOURCE_OK || status == SOURCE_DENIED || status == SOURCE_FAILED)
			found = true;
	}
	if (!nr) {
		warnx("%s: no process of that name", name);
		targets->missing = true;
	} else if (!found) {
		source_explain(status, targets->sysroot, pids[nr - 1]);
		targets->missing |= status == SOURCE_GONE;
		targets->failed |= status != SOURCE_GONE;
	}
	free(pids);
}

/**
 * targets_visit_all() - do it to all processes that it can be done to, except
 * this one
 * @targets: what to do; what came of it is noted here. Nobody asked for a
 *	process by itself, so it is no failure that one is gone, is a kernel
 *	thread, or belongs to somebody else.
 */
void targets_visit_all(struct targets *targets)
{
	uint64_t *pids, self = 0;
	size_t nr = 0;

	if (!source_ready(targets->sysroot)) {
		targets->failed = true;
		return;
	}
	source_self(targets->sysroot, &self);
	pids = source_pids(targets->sysroot, &nr);
	if (!pids) {
		targets->failed = true;
		return;
	}
	for (size_t i = 0; i < nr; i++)
		if (pids[i] != self &&
		    targets->visit(targets->command, pids[i]) == SOURCE_FAILED)
			targets->failed = true;
	free(pids);
}

/**
 * targets_visit() - do it to all processes asked for
 * @targets: what to do; what came of it is noted here, and said on stderr
 * @args: pids, names, and "self" for this process; NULL at the end
 */
void targets_visit(struct targets *targets, char **args)
{
	uint64_t pid;

	if (!source_ready(targets->sysroot)) {
		targets->failed = true;
		return;
	}
	for (; *args; args++) {
		if (value_number(*args, 10, &pid) ||
		    (!strcmp(*args, "self") && source_self(targets->sysroot, &pid)))
			visit_one(targets, pid);
		else
			visit_named(targets, *args);
	}
}
