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
		column = &chosen->set->column[chosen->id[i]];
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
 * grid_loose_line() - make an empty line that is not yet in a table
 * @nr: number of columns
 *
 * Return: the line, never NULL; grid_put() takes it.
 */
struct libscols_line *grid_loose_line(size_t nr)
{
	struct libscols_line *line = scols_new_line();

	if (!line || scols_line_alloc_cells(line, nr))
		err(EXIT_FAILURE, "table");
	return line;
}

/**
 * grid_put() - add a line at the end of a table
 * @table: the table
 * @line: from grid_loose_line(); belongs to the table from now on
 */
void grid_put(struct libscols_table *table, struct libscols_line *line)
{
	if (scols_table_add_line(table, line))
		err(EXIT_FAILURE, "table");
	scols_unref_line(line);
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
		column = &chosen->set->column[chosen->id[i]];
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

/* The column that is cut rather than left out. */
static bool is_cut(const struct columns *chosen, size_t i)
{
	return chosen->set->column[chosen->id[i]].flags & SCOLS_FL_TRUNC;
}

static size_t hide(struct libscols_table *table, size_t i, const struct extent *extents)
{
	struct libscols_column *column = scols_table_get_column(table, i);
	int flags = scols_column_get_flags(column);

	if (flags & SCOLS_FL_HIDDEN)
		return 0;
	scols_column_set_flags(column, flags | SCOLS_FL_HIDDEN);
	return extents[i].width + 1;
}

/* Hides columns of such content, from the left, until @width is @room. */
static size_t hide_empty(struct libscols_table *table, const struct columns *chosen,
			 const struct extent *extents, enum content of, size_t width, size_t room)
{
	for (size_t i = 0; i < chosen->nr && width > room; i++)
		if (extents[i].content == of && !is_cut(chosen, i))
			width -= hide(table, i, extents);
	return width;
}

/* Hides columns that can be spared, until @width is @room. */
static size_t hide_spare(struct libscols_table *table, const struct columns *chosen,
			 const struct extent *extents, size_t width, size_t room)
{
	for (unsigned int spare = 1; spare <= SPARE_MAX; spare++)
		for (size_t i = 0; i < chosen->nr && width > room; i++)
			if (chosen->set->column[chosen->id[i]].spare == spare)
				width -= hide(table, i, extents);
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
static void fit(struct libscols_table *table, const struct columns *chosen)
{
	struct extent *extents = measure(table, chosen);
	size_t room = scols_table_get_termwidth(table);
	size_t names = chosen->nr, taken = 0, wanted = 0;

	for (size_t i = 0; i < chosen->nr; i++) {
		if (is_cut(chosen, i))
			names = i;
		else
			taken += extents[i].width + 1;
	}
	if (names < chosen->nr)
		wanted = extents[names].width < NAME_ROOM ? extents[names].width : NAME_ROOM;
	else if (taken)
		taken--; /* no blank behind the last column */
	if (!chosen->asked) {
		taken = hide_empty(table, chosen, extents, CONTENT_NONE, taken + wanted, room);
		taken = hide_empty(table, chosen, extents, CONTENT_ZERO, taken, room);
		taken = hide_spare(table, chosen, extents, taken, room) - wanted;
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
		fit(table, chosen);
	if (scols_print_table(table))
		err(EXIT_FAILURE, "table");
	scols_unref_table(table);
}
