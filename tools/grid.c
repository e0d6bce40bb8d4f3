// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid.h"

/* A name of fewer characters tells little: ".../libc.so.6" has 13. */
#define NAME_ROOM 16

/**
 * grid_new() - make a table that lines can be added to
 * @opts: what it will look like
 * @chosen: its columns
 *
 * Return: the table; print it with grid_print().
 */
struct libscols_table *grid_new(const struct options *opts, const struct columns *chosen)
{
	struct libscols_table *table = options_table(opts);
	const struct column *column;

	for (size_t i = 0; i < chosen->nr; i++) {
		column = &columns[chosen->id[i]];
		if (!scols_table_new_column(table, column->name, column->width, column->flags))
			err(EXIT_FAILURE, "table");
	}
	return table;
}

/**
 * grid_line() - add an empty line
 * @table: the table
 *
 * Return: the line; never NULL.
 */
struct libscols_line *grid_line(struct libscols_table *table)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (!line)
		err(EXIT_FAILURE, "table");
	return line;
}

/**
 * grid_set() - fill a cell
 * @line: the line
 * @i: the column, from 0
 * @text: copied
 */
void grid_set(struct libscols_line *line, size_t i, const char *text)
{
	if (scols_line_set_data(line, i, text))
		err(EXIT_FAILURE, "table");
}

static struct libscols_iter *new_iter(void)
{
	struct libscols_iter *iter = scols_new_iter(SCOLS_ITER_FORWARD);

	if (!iter)
		err(EXIT_FAILURE, "table");
	return iter;
}

/* What a column tells, by the cell of it that tells most. */
enum content {
	CONTENT_NONE, /* nothing is known */
	CONTENT_ZERO,
	CONTENT_SOME,
};

/**
 * struct extent - what a column needs on a terminal
 * @width: its least width, or the longest of its cells and its heading
 * @content: what it is good for
 */
struct extent {
	size_t width;
	enum content content;
};

static enum content content(const char *data)
{
	if (!data || !*data || !strcmp(data, "-"))
		return CONTENT_NONE;
	return strcmp(data, "0") ? CONTENT_SOME : CONTENT_ZERO;
}

static struct extent *measure(struct libscols_table *table, const struct columns *chosen)
{
	struct extent *extents = calloc(chosen->nr, sizeof(*extents));
	struct libscols_iter *iter = new_iter();
	const struct column *column;
	struct libscols_line *line;
	const char *data;
	size_t len;

	if (!extents)
		err(EXIT_FAILURE, "table");
	for (size_t i = 0; i < chosen->nr; i++) {
		column = &columns[chosen->id[i]];
		len = strlen(column->name);
		extents[i].width = column->width > len ? (size_t)column->width : len;
	}
	while (!scols_table_next_line(table, iter, &line)) {
		for (size_t i = 0; i < chosen->nr; i++) {
			data = scols_cell_get_data(scols_line_get_cell(line, i));
			len = data ? strlen(data) : 0;
			if (len > extents[i].width)
				extents[i].width = len;
			if (content(data) > extents[i].content)
				extents[i].content = content(data);
		}
	}
	scols_free_iter(iter);
	return extents;
}

/* Hides columns of such content, from the left, until @width is @room. */
static size_t hide(struct libscols_table *table, const struct columns *chosen,
		   const struct extent *extents, enum content of, size_t width, size_t room)
{
	struct libscols_column *column;

	for (size_t i = 0; i < chosen->nr && width > room; i++) {
		if (extents[i].content != of || chosen->id[i] == COL_NAME)
			continue;
		column = scols_table_get_column(table, i);
		scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
		width -= extents[i].width + 1;
	}
	return width;
}

/*
 * Shortens a path to ".../" and as many of its last parts as have room; to its
 * bare last part if not even that has.
 */
static void shorten_path(struct libscols_cell *name, size_t room)
{
	const char *path = scols_cell_get_data(name);
	const char *tail, *dots = "...";
	char *shortened;
	size_t len;

	len = path ? strlen(path) : 0;
	if (len <= room || *path != '/')
		return;
	tail = strchr(path + 1, '/');
	while (tail && strlen(dots) + strlen(tail) > room)
		tail = strchr(tail + 1, '/');
	if (!tail) {
		dots = "";
		tail = strrchr(path, '/') + 1;
	}
	if (asprintf(&shortened, "%s%s", dots, tail) < 0)
		err(EXIT_FAILURE, "table");
	scols_cell_refer_data(name, shortened);
}

static void shorten_names(struct libscols_table *table, size_t names, size_t room)
{
	struct libscols_iter *iter = new_iter();
	struct libscols_line *line;

	while (!scols_table_next_line(table, iter, &line))
		shorten_path(scols_line_get_cell(line, names), room);
	scols_free_iter(iter);
}

/*
 * Makes the table fit the terminal. libsmartcols cuts what does not fit at its
 * end, but the end is what tells one library from another.
 */
static void fit(struct libscols_table *table, const struct columns *chosen,
		const struct options *opts)
{
	struct extent *extents = measure(table, chosen);
	size_t room = scols_table_get_termwidth(table);
	size_t names = chosen->nr, taken = 0, wanted = 0;

	for (size_t i = 0; i < chosen->nr; i++) {
		if (chosen->id[i] == COL_NAME)
			names = i;
		else
			taken += extents[i].width + 1;
	}
	if (names < chosen->nr)
		wanted = extents[names].width < NAME_ROOM ? extents[names].width : NAME_ROOM;
	if (!opts->columns && !opts->all_columns) {
		taken = hide(table, chosen, extents, CONTENT_NONE, taken + wanted, room);
		taken = hide(table, chosen, extents, CONTENT_ZERO, taken, room) - wanted;
	}
	if (names < chosen->nr && taken + extents[names].width > room)
		shorten_names(table, names, taken < room ? room - taken : 0);
	free(extents);
}

/**
 * grid_print() - print a table and free it
 * @table: the table
 * @chosen: its columns
 * @opts: what it should look like
 */
void grid_print(struct libscols_table *table, const struct columns *chosen,
		const struct options *opts)
{
	if (opts->output == OUTPUT_TABLE && isatty(STDOUT_FILENO))
		fit(table, chosen, opts);
	if (scols_print_table(table))
		err(EXIT_FAILURE, "table");
	scols_unref_table(table);
}
