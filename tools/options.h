/* SPDX-License-Identifier: GPL-2.0 */
/* The options that all commands which show a report have in common. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

struct libscols_table;

enum output {
	OUTPUT_TABLE,
	OUTPUT_RAW,
	OUTPUT_PAIRS,
	OUTPUT_JSON,
};

/**
 * struct options - what the user asked for
 * @output: the form
 * @bytes: sizes as exact numbers
 * @noheadings: neither the line about the process nor names of columns
 * @columns: LIST or +LIST, NULL for the usual ones
 * @all_columns: show them all
 * @sort: name of a column, NULL for the order of the report
 * @from: saved report, "-" for standard input, NULL to ask the module
 * @sysroot: directory that stands for / when looking for /proc, "" for /
 * @version: asked only for the version
 */
struct options {
	enum output output;
	bool bytes;
	bool noheadings;
	const char *columns;
	bool all_columns;
	const char *sort;
	const char *from;
	const char *sysroot;
	bool version;
};

/* Values of long options without a letter of a command begin here. */
#define OPT_COMMAND 512

int options_next(struct options *opts, int argc, char **argv, const char *letters,
		 const struct option *longopts);
void options_help(FILE *out);
int options_version(const struct options *opts);
struct libscols_table *options_table(const struct options *opts);

_Noreturn void usage_hint(void);
__attribute__((format(printf, 1, 2)))
_Noreturn void usage_error(const char *fmt, ...);

#endif /* OPTIONS_H */
