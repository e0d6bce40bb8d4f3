/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The text report of one process, as plain strings.
 *
 * The reader knows the shape of a report (sections, "key value" lines, tables
 * whose first line names the columns) but none of its keys and columns: those
 * that a newer module adds pass through unharmed.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct input - text that holds reports one after the other
 * @origin: what to call it in messages: a path, or what was asked for
 * @text: all of it, malloc'ed; the readers below cut it up in place
 * @pos: first byte not yet read
 * @end: one past the last byte
 * @line: number of the line at @pos, from 1
 */
struct input {
	const char *origin;
	char *text;
	char *pos;
	char *end;
	unsigned long line;
};

/**
 * struct section - the lines between one "[name]" and the next
 * @name: without the brackets
 * @start: first line; each line ends with a NUL
 * @end: one past the last NUL
 * @line: number of the first line in its input
 */
struct section {
	const char *name;
	char *start;
	char *end;
	unsigned long line;
};

/**
 * struct report - one report
 * @origin: as in struct input
 * @sections: in the order of the text
 * @nr_sections: how many
 * @complete: it has its end: the module saw the whole process
 */
struct report {
	const char *origin;
	struct section *sections;
	size_t nr_sections;
	bool complete;
};

/**
 * struct table - a section read as a table
 * @section: where it is
 * @names: names of the columns
 * @nr: number of columns
 * @pos: the row to read next
 * @line: its line number; after table_row(), that of the row after
 */
struct table {
	const struct section *section;
	char **names;
	size_t nr;
	char *pos;
	unsigned long line;
};

int report_read(struct report *report, struct input *in);
void report_free(struct report *report);
const struct section *report_section(const struct report *report, const char *name);
__attribute__((format(printf, 3, 4)))
void report_bad(const struct report *report, unsigned long line, const char *fmt, ...);

const char *section_line(const struct section *section, const char *line);
const char *section_value(const struct section *section, const char *key, unsigned long *line);

bool table_open(struct table *table, const struct section *section);
void table_close(struct table *table);
int table_column(const struct table *table, const char *name);
size_t table_rows(const struct table *table);
bool table_row(struct table *table, char **fields, size_t *found);

#endif /* REPORT_H */
