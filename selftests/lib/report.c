// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfile.h"
#include "report.h"

#define MAX_FIELDS 64

/* The columns before the numeric ones, and the one behind them. */
enum { FIELD_RANGE, FIELD_PERMS, FIELD_OFFSET, FIELD_DEV, FIELD_INODE, FIELD_NAME, FIELDS };

static const char *const field_name[FIELDS] = {
	"range", "perms", "offset", "dev", "inode", "name"
};

const char *const report_column_name[REPORT_COLUMNS] = {
	"size", "rss", "anon", "file", "shmem", "swap", "huge", "hugetlb",
	"dirty", "young", "runs", "maxrun", "tables", "minflt", "majflt",
	"anonflt", "fileflt", "cowflt", "swapflt", "otherflt", "grows"
};

/**
 * struct layout - where in a row each column stands
 * @field: columns that are not counts
 * @count: columns that are
 * @fields: number of columns, known and unknown
 */
struct layout {
	int field[FIELDS];
	int count[REPORT_COLUMNS];
	int fields;
};

static int bad(struct report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int bad(struct report *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->error, sizeof(r->error), format, args);
	va_end(args);
	return -EBADMSG;
}

/* A whole text as number: digits of the base only, no needless zero in front. */
static bool parse_number(const char *text, int base, uint64_t *number)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t sum = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		const char *digit = memchr(digits, *text, base);

		if (!digit || __builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(digit - digits), &sum))
			return false;
	}
	*number = sum;
	return true;
}

static bool parse_count(const char *text, uint64_t *count)
{
	if (!strcmp(text, "-")) {
		*count = REPORT_UNKNOWN;
		return true;
	}
	return parse_number(text, 10, count);
}

/* As in maps: hexadecimal, with zeros in front up to eight digits. */
static bool parse_padded(const char *text, uint64_t *number)
{
	size_t digits = strlen(text);

	if (digits < 8 || (digits > 8 && *text == '0'))
		return false;
	while (*text == '0' && text[1])
		text++;
	return parse_number(text, 16, number);
}

static bool parse_range(char *text, uint64_t *start, uint64_t *end)
{
	char *dash = strchr(text, '-');
	bool good;

	if (!dash)
		return false;
	*dash = '\0';
	good = parse_padded(text, start) && parse_padded(dash + 1, end);
	*dash = '-';
	return good && *start < *end;
}

static bool parse_dev(const char *text, unsigned int *major, unsigned int *minor)
{
	char again[32];

	if (sscanf(text, "%x:%x", major, minor) != 2)
		return false;
	snprintf(again, sizeof(again), "%02x:%02x", *major, *minor);
	return !strcmp(text, again);
}

/* Cut a line at its blanks into n fields, the last of which takes the rest. */
static int split(char *line, char **field, int n)
{
	int count = 0;

	while (count < n) {
		field[count++] = line;
		line = count < n ? strchr(line, ' ') : NULL;
		if (!line)
			break;
		*line++ = '\0';
	}
	return count;
}

static int parse_columns(struct report *r, char *line, struct layout *l)
{
	char *field[MAX_FIELDS];

	for (int i = 0; i < FIELDS; i++)
		l->field[i] = -1;
	for (int i = 0; i < REPORT_COLUMNS; i++)
		l->count[i] = -1;
	l->fields = split(line, field, MAX_FIELDS);
	for (int f = 0; f < l->fields; f++) {
		for (int i = 0; i < FIELDS; i++)
			if (!strcmp(field[f], field_name[i]))
				l->field[i] = f;
		for (int i = 0; i < REPORT_COLUMNS; i++)
			if (!strcmp(field[f], report_column_name[i]))
				l->count[i] = f;
	}
	for (int i = 0; i < FIELDS; i++)
		if (l->field[i] < 0)
			return bad(r, "[vmas] has no column %s", field_name[i]);
	for (int i = 0; i < REPORT_COLUMNS; i++)
		if (l->count[i] < 0)
			return bad(r, "[vmas] has no column %s", report_column_name[i]);
	if (l->field[FIELD_NAME] != l->fields - 1)
		return bad(r, "the last column of [vmas] is not the name");
	return 0;
}

static int parse_row(struct report *r, char *line, const struct layout *l,
		     struct report_row *row)
{
	char *field[MAX_FIELDS];
	const char *text;
	int count = split(line, field, l->fields);

	if (count != l->fields)
		return bad(r, "row '%.40s' has %d fields, not %d", line, count, l->fields);
	if (!parse_range(field[l->field[FIELD_RANGE]], &row->start, &row->end))
		return bad(r, "'%.60s' is no range", field[l->field[FIELD_RANGE]]);
	text = field[l->field[FIELD_PERMS]];
	if (strlen(text) != 4 || strspn(text, "rwxps-") != 4)
		return bad(r, "'%.60s' are no permissions", text);
	memcpy(row->perms, text, sizeof(row->perms));
	text = field[l->field[FIELD_OFFSET]];
	if (!parse_number(text, 16, &row->offset))
		return bad(r, "'%.60s' is no offset", text);
	text = field[l->field[FIELD_DEV]];
	if (!parse_dev(text, &row->major, &row->minor))
		return bad(r, "'%.60s' is no device", text);
	text = field[l->field[FIELD_INODE]];
	if (!parse_number(text, 10, &row->inode))
		return bad(r, "'%.60s' is no inode", text);
	for (int i = 0; i < REPORT_COLUMNS; i++) {
		text = field[l->count[i]];
		if (!parse_count(text, &row->count[i]))
			return bad(r, "'%.60s' is no count (%s of %lx)", text,
				   report_column_name[i], (unsigned long)row->start);
	}
	text = field[l->field[FIELD_NAME]];
	if (!*text)
		return bad(r, "row %lx has an empty name", (unsigned long)row->start);
	row->name = strcmp(text, "-") ? text : NULL;
	return 0;
}

/* Room for one more element; arrays double in size from a power of two on. */
static void *grow(void *array, size_t used, size_t size)
{
	if (used & (used - 1) || used == 1)
		return array;
	return reallocarray(array, used ? used * 2 : 2, size);
}

static int add_row(struct report *r, char *line, const struct layout *l)
{
	struct report_row *more = grow(r->row, r->rows, sizeof(*r->row));

	if (!more)
		return -ENOMEM;
	r->row = more;
	return parse_row(r, line, l, &r->row[r->rows++]);
}

static int add_key(struct report *r, const char *section, char *line)
{
	struct report_key *more = grow(r->key, r->keys, sizeof(*r->key));
	char *field[2];

	if (!more)
		return -ENOMEM;
	r->key = more;
	if (split(line, field, 2) != 2 || !*field[0] || !*field[1])
		return bad(r, "'%.60s' in [%s] is no key with a value", line, section);
	r->key[r->keys].section = section;
	r->key[r->keys].key = field[0];
	r->key[r->keys++].value = field[1];
	return 0;
}

/* The line that names the columns, the last of which takes the rest of each row. */
static int name_columns(struct report *r, struct report_table *t, char *line)
{
	char *field[REPORT_TABLE_COLUMNS + 1];

	t->columns = split(line, field, REPORT_TABLE_COLUMNS + 1);
	if (t->columns > REPORT_TABLE_COLUMNS)
		return bad(r, "[%s] has more than %d columns", t->section, REPORT_TABLE_COLUMNS);
	for (int i = 0; i < t->columns; i++) {
		if (!*field[i])
			return bad(r, "[%s] has a column without a name", t->section);
		t->column[i] = field[i];
	}
	return 0;
}

static int add_cells(struct report *r, struct report_table *t, char *line)
{
	const char **more = grow(t->cell, t->rows, t->columns * sizeof(*t->cell));
	char *field[REPORT_TABLE_COLUMNS];

	if (!more)
		return -ENOMEM;
	t->cell = more;
	more += t->rows * t->columns;
	if (split(line, field, t->columns) != t->columns)
		return bad(r, "row '%.40s' of [%s] has not %d fields", line, t->section,
			   t->columns);
	for (int i = 0; i < t->columns; i++) {
		if (!*field[i])
			return bad(r, "row '%.40s' of [%s]: column %s is empty", line, t->section,
				   t->column[i]);
		more[i] = field[i];
	}
	t->rows++;
	return 0;
}

/**
 * struct place - where in the text the reader is
 * @section: the section, NULL before the first
 * @keys: is it one of "key value" lines?
 * @rows: is it [vmas]?
 * @table: the table it is, or NULL
 * @columns: does the line that names the columns come next?
 * @layout: the columns of [vmas]
 */
struct place {
	const char *section;
	bool keys;
	bool rows;
	struct report_table *table;
	bool columns;
	struct layout layout;
};

static bool is_among(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

static struct report_table *begin_table(struct report *r, const char *section)
{
	static const char *const table_section[REPORT_TABLE_SECTIONS] = { "stacks", "growth" };

	for (size_t i = 0; i < REPORT_TABLE_SECTIONS; i++) {
		if (strcmp(section, table_section[i]))
			continue;
		r->table[i].section = section;
		return &r->table[i];
	}
	return NULL;
}

static int begin_section(struct report *r, struct place *p, const char *section)
{
	static const char *const key_section[] = {
		"process", "mm", "gone", "faults", "grows", "total"
	};

	if (report_table(r, section))
		return bad(r, "[%s] comes twice", section);
	p->section = section;
	p->keys = is_among(section, key_section, sizeof(key_section) / sizeof(key_section[0]));
	p->rows = !strcmp(section, "vmas");
	p->table = begin_table(r, section);
	p->columns = p->rows || p->table;
	r->complete |= !strcmp(section, "total");
	return 0;
}

static int parse_line(struct report *r, struct place *p, char *line)
{
	bool columns = p->columns;
	char *end = line + strlen(line) - 1;

	if (*line == '[' && *end == ']') {
		*end = '\0';
		return begin_section(r, p, line + 1);
	}
	p->columns = false;
	if (p->rows)
		return columns ? parse_columns(r, line, &p->layout) : add_row(r, line, &p->layout);
	if (p->table)
		return columns ? name_columns(r, p->table, line) : add_cells(r, p->table, line);
	if (p->keys)
		return add_key(r, p->section, line);
	return p->section ? 0 : bad(r, "'%.60s' stands in no section", line);
}

static int parse_lines(struct report *r)
{
	struct place place = { .section = NULL };
	char *line = r->work, *next;
	int err = 0;

	for (; *line && !err; line = next) {
		next = strchr(line, '\n');
		if (!next)
			return bad(r, "'%.60s' has no newline", line);
		*next++ = '\0';
		if (line != r->work)
			err = parse_line(r, &place, line);
		else if (strcmp(line, "vminspect 1"))
			err = bad(r, "'%.60s' is not format 1", line);
	}
	return err;
}

int report_parse(struct report *r, char *text, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->text = text;
	r->len = len;
	if (strlen(text) != len)
		return bad(r, "there is a NUL in the report");
	r->work = strdup(text);
	if (!r->work)
		return -ENOMEM;
	return parse_lines(r);
}

int report_read_path(struct report *r, const char *path)
{
	size_t len;
	char *text;

	memset(r, 0, sizeof(*r));
	text = procfile_read(path, &len);
	if (!text)
		return -errno;
	return report_parse(r, text, len);
}

int report_open(pid_t pid, int mode)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int report_read(struct report *r, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	return report_read_path(r, path);
}

void report_free(struct report *r)
{
	free(r->text);
	free(r->work);
	free(r->row);
	free(r->key);
	for (size_t i = 0; i < REPORT_TABLE_SECTIONS; i++)
		free(r->table[i].cell);
	memset(r, 0, sizeof(*r));
}

const struct report_row *report_find(const struct report *r, uint64_t address)
{
	for (size_t i = 0; i < r->rows; i++)
		if (r->row[i].start <= address && address < r->row[i].end)
			return &r->row[i];
	return NULL;
}

const struct report_table *report_table(const struct report *r, const char *section)
{
	for (size_t i = 0; i < REPORT_TABLE_SECTIONS; i++)
		if (r->table[i].section && !strcmp(r->table[i].section, section))
			return &r->table[i];
	return NULL;
}

const char *report_cell(const struct report_table *t, size_t row, const char *column)
{
	for (int i = 0; i < t->columns; i++)
		if (!strcmp(t->column[i], column))
			return t->cell[row * t->columns + i];
	return NULL;
}

bool report_decimal(const char *text, uint64_t *number)
{
	return text && parse_count(text, number);
}

bool report_hex(const char *text, uint64_t *address)
{
	if (text && !strcmp(text, "-")) {
		*address = REPORT_UNKNOWN;
		return true;
	}
	return text && parse_padded(text, address);
}

bool report_seconds(const char *text, uint64_t *ns)
{
	uint64_t seconds, fraction = 0;
	const char *dot;
	char whole[24];

	if (text && !strcmp(text, "-")) {
		*ns = REPORT_UNKNOWN;
		return true;
	}
	dot = text ? strchr(text, '.') : NULL;
	if (!dot || dot - text >= (int)sizeof(whole) || strlen(dot + 1) != 9)
		return false;
	snprintf(whole, sizeof(whole), "%.*s", (int)(dot - text), text);
	for (const char *digit = dot + 1; *digit; digit++) {
		if (!isdigit((unsigned char)*digit))
			return false;
		fraction = fraction * 10 + *digit - '0';
	}
	if (!parse_number(whole, 10, &seconds))
		return false;
	*ns = seconds * 1000000000 + fraction;
	return true;
}

const char *report_value(const struct report *r, const char *section, const char *key)
{
	for (size_t i = 0; i < r->keys; i++)
		if (!strcmp(r->key[i].section, section) && !strcmp(r->key[i].key, key))
			return r->key[i].value;
	return NULL;
}

bool report_number(const struct report *r, const char *section, const char *key,
		   uint64_t *number)
{
	return report_decimal(report_value(r, section, key), number);
}

bool report_address(const struct report *r, const char *section, const char *key,
		    uint64_t *address)
{
	const char *value = report_value(r, section, key);

	if (value && !strcmp(value, "-")) {
		*address = REPORT_UNKNOWN;
		return true;
	}
	return value && parse_number(value, 16, address);
}

bool report_time(const struct report *r, const char *section, const char *key, uint64_t *ns)
{
	return report_seconds(report_value(r, section, key), ns);
}
