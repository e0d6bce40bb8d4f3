// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "saved.h"
#include "source.h"

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

static void visit_file(struct saved *saved, const char *path, char **args, bool *found)
{
	struct report report;
	struct input in;
	int ret;

	if (source_file(&in, path)) {
		saved->failed = true;
		source_free(&in);
		return;
	}
	while ((ret = report_read(&report, &in)) > 0) {
		if (asked_for(&report, args, found))
			saved->visit(saved->command, &report);
		report_free(&report);
	}
	if (ret < 0)
		saved->failed = true;
	source_free(&in);
}

/**
 * saved_visit() - do it to all reports asked for
 * @saved: what to do; what came of it is noted here, and said on stderr
 * @argc: number of arguments
 * @args: pids and names, NULL at the end; none: all reports
 */
void saved_visit(struct saved *saved, int argc, char **args)
{
	char **files = source_list(saved->path);
	bool *found = calloc(argc + 1, sizeof(*found));

	if (!found)
		err(EXIT_FAILURE, "%s", saved->path);
	if (!files)
		saved->failed = true;
	for (size_t i = 0; files && files[i]; i++) {
		visit_file(saved, files[i], args, found);
		free(files[i]);
	}
	for (int i = 0; files && i < argc; i++) {
		if (!found[i]) {
			warnx("%s: no such process in %s", args[i], saved->path);
			saved->missing = true;
		}
	}
	free(files);
	free(found);
}
