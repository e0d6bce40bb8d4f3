// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "../module/uapi/vminspect.h"
#include "options.h"
#include "source.h"

/* Values of options without a letter. */
enum {
	OPT_FROM = 256,
	OPT_OUTPUT_ALL,
	OPT_SYSROOT,
};

#define LETTERS "bJno:PrVx:"

static const struct option common[] = {
	{ "bytes", no_argument, NULL, 'b' },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "json", no_argument, NULL, 'J' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "output-all", no_argument, NULL, OPT_OUTPUT_ALL },
	{ "pairs", no_argument, NULL, 'P' },
	{ "raw", no_argument, NULL, 'r' },
	{ "sort", required_argument, NULL, 'x' },
	{ "sysroot", required_argument, NULL, OPT_SYSROOT },
	{ "version", no_argument, NULL, 'V' },
};

#define NR_COMMON (sizeof(common) / sizeof(*common))

/**
 * usage_hint() - end the program after a message about how it was called
 */
void usage_hint(void)
{
	fprintf(stderr, "Try '%s --help' for more information.\n", program_invocation_short_name);
	exit(EXIT_FAILURE);
}

/**
 * usage_error() - end the program: it was called in a way that makes no sense
 * @fmt: what is wrong
 */
void usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vwarnx(fmt, ap);
	va_end(ap);
	usage_hint();
}

static void set_output(struct options *opts, enum output output)
{
	if (opts->output != OUTPUT_TABLE && opts->output != output)
		usage_error("--json, --pairs and --raw exclude each other: give only one");
	opts->output = output;
}

/* Notes an option if it is a common one; false if it is not. */
static bool take(struct options *opts, int opt, const char *arg)
{
	switch (opt) {
	case 'b':
		opts->bytes = true;
		return true;
	case 'J':
		set_output(opts, OUTPUT_JSON);
		return true;
	case 'n':
		opts->noheadings = true;
		return true;
	case 'o':
		opts->columns = arg;
		return true;
	case 'P':
		set_output(opts, OUTPUT_PAIRS);
		return true;
	case 'r':
		set_output(opts, OUTPUT_RAW);
		return true;
	case 'V':
		opts->version = true;
		return true;
	case 'x':
		opts->sort = arg;
		return true;
	case OPT_FROM:
		opts->from = arg;
		return true;
	case OPT_OUTPUT_ALL:
		opts->all_columns = true;
		return true;
	case OPT_SYSROOT:
		opts->sysroot = arg;
		return true;
	default:
		return false;
	}
}

/**
 * options_next() - parse options up to one of the command's own
 * @opts: where the common ones are noted
 * @argc: number of arguments
 * @argv: the arguments; the options among them come to the front
 * @letters: the command's own, as for getopt()
 * @longopts: the command's own, the same for all calls of a run
 *
 * Ends the program if an option is wrong.
 *
 * Return: the value of an option of the command, -1 at the end.
 */
int options_next(struct options *opts, int argc, char **argv, const char *letters,
		 const struct option *longopts)
{
	char all_letters[64];
	struct option all[64];
	size_t own = 0;
	int opt;

	while (longopts[own].name)
		own++;
	assert(own + NR_COMMON < sizeof(all) / sizeof(*all));
	memcpy(all, common, sizeof(common));
	memcpy(all + NR_COMMON, longopts, (own + 1) * sizeof(*all));
	snprintf(all_letters, sizeof(all_letters), "%s%s", LETTERS, letters);
	do {
		opt = getopt_long(argc, argv, all_letters, all, NULL);
		if (opt == '?')
			usage_hint();
	} while (opt != -1 && take(opts, opt, optarg));
	return opt;
}

/**
 * options_help() - print the part of the help text about the common options
 * @out: where to
 */
void options_help(FILE *out)
{
	fputs(" -b, --bytes            print sizes in bytes rather than as 1.5M\n"
	      " -J, --json             use JSON output format\n"
	      " -n, --noheadings       don't print headings\n"
	      " -o, --output LIST      columns to print; +LIST adds to the usual ones\n"
	      "     --output-all       print all columns\n"
	      " -P, --pairs            use KEY=\"value\" output format\n"
	      " -r, --raw              use raw output format\n"
	      " -x, --sort COLUMN      sort by COLUMN: numbers largest first\n"
	      "     --from FILE        read saved reports from FILE, - or a directory\n"
	      "     --sysroot DIR      use DIR as the system's root, to find /proc\n"
	      "\n"
	      " -h, --help             display this help\n"
	      " -V, --version          display the versions of the tool and of the module\n",
	      out);
}

/**
 * options_version() - print the versions of the tool and the loaded module
 * @opts: where to look for the module
 *
 * Return: the exit status.
 */
int options_version(const struct options *opts)
{
	char version[64], format[64];

	printf("vminspect %s, reads report format %d\n", VMINSPECT_VERSION, VMINSPECT_FORMAT);
	if (source_module(opts->sysroot, "version", version, sizeof(version)) &&
	    source_module(opts->sysroot, "format", format, sizeof(format)))
		printf("module %s, writes report format %s\n", version, format);
	else
		printf("module not loaded\n");
	return EXIT_SUCCESS;
}

/**
 * options_table() - make an empty table that will be printed as asked
 * @opts: what was asked for
 *
 * Return: the table; never NULL.
 */
struct libscols_table *options_table(const struct options *opts)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		err(EXIT_FAILURE, "table");
	scols_table_enable_raw(table, opts->output == OUTPUT_RAW);
	scols_table_enable_export(table, opts->output == OUTPUT_PAIRS);
	scols_table_enable_noheadings(table, opts->noheadings);
	return table;
}
