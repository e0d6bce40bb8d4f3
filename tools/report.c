// SPDX-License-Identifier: GPL-2.0
/* Cuts a text report into sections, keys, columns and rows. */
#include <err.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../module/uapi/vminspect.h"
#include "report.h"
#include "text.h"
#include "value.h"

#define MAGIC "vminspect "

/**
 * report_bad() - say on stderr what is wrong with a report
 * @report: the report
 * @line: number of the line in its input, 0 if it is not about one line
 * @fmt: what is wrong; bytes that could steer a terminal are made visible
 */
void report_bad(const struct report *report, unsigned long line, const char *fmt, ...)
{
	char what[512], safe[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	text_safe(safe, sizeof(safe), what);
	if (line)
		warnx("%s: line %lu: %s", report->origin, line, safe);
	else
		warnx("%s: %s", report->origin, safe);
}

/* The next whole line, its newline made a NUL; NULL when there is none. */
static char *next_line(struct input *in)
{
	char *line = in->pos;
	char *newline = memchr(line, '\n', in->end - line);

	if (!newline)
		return NULL;
	*newline = '\0';
	in->pos = newline + 1;
	in->line++;
	return line;
}

static bool starts_report(const struct input *in)
{
	size_t left = in->end - in->pos;

	return left >= strlen(MAGIC) && !memcmp(in->pos, MAGIC, strlen(MAGIC));
}

/* Checks the first line; 0, or -1 with a message. */
static int read_format(struct report *report, struct input *in)
{
	unsigned long line = in->line;
	uint64_t format;
	char *first;

	if (!starts_report(in) || (line == 1 && memchr(in->pos, '\0', in->end - in->pos))) {
		report_bad(report, line, "not a vminspect report (it does not start with \"%s%d\")",
			   MAGIC, VMINSPECT_FORMAT);
		return -1;
	}
	first = next_line(in);
	if (!first || !value_number(first + strlen(MAGIC), 10, &format)) {
		report_bad(report, line,
			   "not a vminspect report (no format number in its first line)");
		return -1;
	}
	if (format != VMINSPECT_FORMAT) {
		report_bad(report, line,
			   "report format %s, but this tool reads format %d: use a newer vminspect",
			   first + strlen(MAGIC), VMINSPECT_FORMAT);
		return -1;
	}
	return 0;
}

static bool is_heading(const char *line)
{
	size_t len = strlen(line);

	return len > 2 && line[0] == '[' && line[len - 1] == ']' && !strchr(line, ' ');
}

static void add_section(struct report *report, char *heading, const struct input *in)
{
	size_t nr = report->nr_sections;
	struct section *section;

	section = reallocarray(report->sections, nr + 1, sizeof(*section));
	if (!section)
		err(EXIT_FAILURE, "report");
	report->sections = section;
	report->nr_sections = nr + 1;
	heading[strlen(heading) - 1] = '\0';
	section[nr] = (struct section){
		.name = heading + 1,
		.start = in->pos,
		.end = in->pos,
		.line = in->line,
	};
}

/*
 * The last key that format 1 promises for [total]: when it is there, all rows
 * were written. An unfinished last line means that even so something is gone.
 */
static bool is_complete(const struct report *report, bool cut)
{
	const struct section *total = report_section(report, "total");

	return !cut && total && section_value(total, "changed", NULL);
}

/**
 * report_read() - read the next report of an input
 * @report: filled in; points into the input's text, free with report_free()
 * @in: what to read from
 *
 * Return: 1 if there was one, 0 at the end of the input, -1 if what comes is
 * not a report (with a message on stderr).
 */
int report_read(struct report *report, struct input *in)
{
	bool cut = false;
	char *line;

	*report = (struct report){ .origin = in->origin };
	if (in->pos == in->end)
		return 0;
	if (read_format(report, in))
		return -1;

	while (in->pos < in->end && !starts_report(in)) {
		line = next_line(in);
		if (!line) {
			in->pos = in->end;
			cut = true;
		} else if (is_heading(line)) {
			add_section(report, line, in);
		} else if (report->nr_sections) {
			report->sections[report->nr_sections - 1].end = in->pos;
		}
	}
	report->complete = is_complete(report, cut);
	return 1;
}

/**
 * report_free() - free what report_read() allocated
 * @report: the report; the text it points to stays
 */
void report_free(struct report *report)
{
	free(report->sections);
	report->sections = NULL;
	report->nr_sections = 0;
}

/**
 * report_section() - find a section
 * @report: the report
 * @name: without brackets
 *
 * Return: the first section of that name, or NULL.
 */
const struct section *report_section(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->nr_sections; i++)
		if (!strcmp(report->sections[i].name, name))
			return &report->sections[i];
	return NULL;
}

/**
 * section_line() - step through the lines of a section
 * @section: the section
 * @line: the line before, NULL for the first
 *
 * Return: the line, or NULL at the end.
 */
const char *section_line(const struct section *section, const char *line)
{
	line = line ? line + strlen(line) + 1 : section->start;
	return line < section->end ? line : NULL;
}

/**
 * section_value() - find a key in a section of "key value" lines
 * @section: the section
 * @key: the key
 * @number: if not NULL, set to the line's number
 *
 * Return: the value, which may be empty; NULL if the key is not there.
 */
const char *section_value(const struct section *section, const char *key, unsigned long *number)
{
	unsigned long nr = section->line;
	size_t len = strlen(key);
	const char *line = NULL;

	while ((line = section_line(section, line))) {
		if (!strncmp(line, key, len) && (line[len] == ' ' || !line[len])) {
			if (number)
				*number = nr;
			return line[len] ? line + len + 1 : line + len;
		}
		nr++;
	}
	return NULL;
}

/*
 * Cuts a line at its blanks into at most @max fields; the last one keeps
 * blanks of its own.
 */
static size_t split(char *line, char **fields, size_t max)
{
	size_t nr = 0;

	while (nr < max) {
		fields[nr++] = line;
		if (nr == max)
			break;
		line = strchr(line, ' ');
		if (!line)
			break;
		*line++ = '\0';
	}
	return nr;
}

/**
 * table_open() - begin to read a section as a table
 * @table: filled in; table_close() when done
 * @section: the section; its lines are cut up, so it can be read once
 *
 * Return: false if the section is empty: not even column names.
 */
bool table_open(struct table *table, const struct section *section)
{
	char *names = section->start;
	size_t len, max = 1;

	if (names == section->end)
		return false;
	len = strlen(names);
	for (const char *c = names; *c; c++)
		max += *c == ' ';
	*table = (struct table){
		.section = section,
		.names = calloc(max, sizeof(*table->names)),
		.pos = names + len + 1,
		.line = section->line + 1,
	};
	if (!table->names)
		err(EXIT_FAILURE, "report");
	table->nr = split(names, table->names, max);
	return true;
}

/**
 * table_close() - free what table_open() allocated
 * @table: the table
 */
void table_close(struct table *table)
{
	free(table->names);
	table->names = NULL;
}

/**
 * table_column() - find a column
 * @table: the table
 * @name: its name in the report
 *
 * Return: its index in the fields of a row, -1 if it is not there.
 */
int table_column(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->nr; i++)
		if (!strcmp(table->names[i], name))
			return i;
	return -1;
}

/**
 * table_rows() - count the rows not yet read
 * @table: the table
 *
 * Return: their number.
 */
size_t table_rows(const struct table *table)
{
	size_t nr = 0;

	for (const char *pos = table->pos; pos < table->section->end; pos += strlen(pos) + 1)
		nr++;
	return nr;
}

/**
 * table_row() - read the next row
 * @table: the table
 * @fields: filled with one string per column
 * @found: set to the number of fields found, fewer than columns if the row is
 *	damaged
 *
 * Return: false when there are no more rows.
 */
bool table_row(struct table *table, char **fields, size_t *found)
{
	char *line = table->pos;

	if (line >= table->section->end)
		return false;
	table->pos += strlen(line) + 1;
	table->line++;
	*found = split(line, fields, table->nr);
	return true;
}
