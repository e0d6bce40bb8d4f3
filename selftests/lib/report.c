// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
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

static int parse_lines(struct report *r)
{
	static const char *const key_section[] = {
		"process", "mm", "gone", "faults", "total"
	};
	const size_t sections = sizeof(key_section) / sizeof(key_section[0]);
	const char *section = NULL;
	bool keys = false, columns = false, rows = false;
	struct layout layout;
	char *line = r->work, *next;
	int err = 0;

	for (; *line && !err; line = next) {
		next = strchr(line, '\n');
		if (!next)
			return bad(r, "'%.60s' has no newline", line);
		*next++ = '\0';

		if (line == r->work) {
			if (strcmp(line, "vminspect 1"))
				return bad(r, "'%.60s' is not format 1", line);
		} else if (*line == '[' && line[strlen(line) - 1] == ']') {
			line[strlen(line) - 1] = '\0';
			section = line + 1;
			rows = !strcmp(section, "vmas");
			columns = rows;
			keys = false;
			for (size_t i = 0; i < sections; i++)
				keys |= !strcmp(section, key_section[i]);
			r->complete |= !strcmp(section, "total");
		} else if (columns) {
			err = parse_columns(r, line, &layout);
			columns = false;
		} else if (rows) {
			err = add_row(r, line, &layout);
		} else if (keys) {
			err = add_key(r, section, line);
		} else if (!section) {
			err = bad(r, "'%.60s' stands in no section", line);
		}
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
	memset(r, 0, sizeof(*r));
}

const struct report_row *report_find(const struct report *r, uint64_t address)
{
	for (size_t i = 0; i < r->rows; i++)
		if (r->row[i].start <= address && address < r->row[i].end)
			return &r->row[i];
	return NULL;
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
	const char *value = report_value(r, section, key);

	return value && parse_count(value, number);
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
	const char *value = report_value(r, section, key), *dot;
	uint64_t seconds, fraction = 0;
	char whole[24];

	if (value && !strcmp(value, "-")) {
		*ns = REPORT_UNKNOWN;
		return true;
	}
	dot = value ? strchr(value, '.') : NULL;
	if (!dot || dot - value >= (int)sizeof(whole) || strlen(dot + 1) != 9)
		return false;
	snprintf(whole, sizeof(whole), "%.*s", (int)(dot - value), value);
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
