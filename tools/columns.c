// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "text.h"

/**
 * column_of_key() - find the column for one of the report's
 * @set: where to look
 * @key: name in the report
 *
 * Return: the column, or NULL if the tool does not know it.
 */
const struct column *column_of_key(const struct column_set *set, const char *key)
{
	for (size_t i = 0; i < set->nr; i++)
		if (set->column[i].key && !strcmp(set->column[i].key, key))
			return &set->column[i];
	return NULL;
}

/* Are the first @len characters of @name the name? A % at its end may be left out. */
static bool is_called(const struct column *column, const char *name, size_t len)
{
	size_t whole = strlen(column->name);

	if (len != whole && !(len + 1 == whole && column->name[len] == '%'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (text_lower(column->name[i]) != text_lower(name[i]))
			return false;
	return true;
}

/**
 * column_find() - find a column by its name
 * @set: where to look
 * @name: the name, in upper or lower case
 * @len: length of the name
 *
 * Return: its number in the set, or -1 with a message on stderr.
 */
int column_find(const struct column_set *set, const char *name, size_t len)
{
	for (size_t i = 0; i < set->nr; i++)
		if (is_called(&set->column[i], name, len))
			return i;
	warnx("unknown column: '%.*s'", (int)len, name);
	fputs("Columns are:", stderr);
	for (size_t i = 0; i < set->nr; i++)
		fprintf(stderr, " %s", set->column[i].name);
	fputs("\n", stderr);
	return -1;
}

static void add(struct columns *chosen, size_t id)
{
	size_t *grown = reallocarray(chosen->id, chosen->nr + 1, sizeof(*grown));

	if (!grown)
		err(EXIT_FAILURE, "columns");
	chosen->id = grown;
	chosen->id[chosen->nr++] = id;
}

/* Adds the columns of a list "RSS,name"; 0, or -1 with a message. */
static int add_list(struct columns *chosen, const char *list)
{
	size_t len;
	int id;

	for (;;) {
		len = strcspn(list, ",");
		id = column_find(chosen->set, list, len);
		if (id < 0)
			return -1;
		add(chosen, id);
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

/**
 * columns_choose() - find out which columns to show
 * @chosen: filled in; free with columns_free() in any case
 * @set: what there is to choose from
 * @list: LIST or +LIST that was asked for, NULL for the usual ones
 * @all: all columns were asked for
 * @usual: IN_ flag of the columns shown when nothing was asked for
 *
 * Return: 0, or -1 if a column is not known, with a message on stderr.
 */
int columns_choose(struct columns *chosen, const struct column_set *set, const char *list,
		   bool all, unsigned int usual)
{
	*chosen = (struct columns){ .set = set, .asked = list || all };
	if (all || !list || *list == '+')
		for (size_t i = 0; i < set->nr; i++)
			if (all || set->column[i].usual & usual)
				add(chosen, i);
	if (!list || all)
		return 0;
	return add_list(chosen, *list == '+' ? list + 1 : list);
}

/**
 * columns_free() - free what columns_choose() allocated
 * @chosen: the columns
 */
void columns_free(struct columns *chosen)
{
	free(chosen->id);
	chosen->id = NULL;
	chosen->nr = 0;
}

/**
 * columns_help() - list columns, for the help text
 * @set: the columns
 * @out: where to
 */
void columns_help(const struct column_set *set, FILE *out)
{
	for (size_t i = 0; i < set->nr; i++)
		fprintf(out, " %9s  %s\n", set->column[i].name, set->column[i].help);
}
