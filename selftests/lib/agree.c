// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account.h"
#include "agree.h"
#include "compare.h"
#include "diag.h"

#define TRIES 10
#define NAP_NS 50000000

/* Differences printed in full for one process; the rest is counted. */
#define PRINTED 12

void compare_differ(struct compare *c, const char *format, ...)
{
	char text[512];
	va_list args;

	if (c->differences++ >= PRINTED)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag("pid %d (%s): %s", c->pid, c->account->comm, text);
}

/* Read account, report, account. Return 1 if nothing changed meanwhile. */
static int read_between(pid_t pid, struct account *before, struct report *r)
{
	int err;

	err = account_read(before, pid);
	if (err)
		return err;
	err = report_read(r, pid);
	if (err) {
		diag("pid %d (%s): report: %s %s", pid, before->comm, strerror(-err), r->error);
		return err;
	}
	return account_holds(before, pid);
}

static int compare_all(pid_t pid, const struct account *a, const struct report *r,
		       uint64_t except)
{
	struct compare c = { .pid = pid, .account = a, .report = r, .except = except };

	if (!r->complete)
		compare_differ(&c, "expected a whole report, seen %zu bytes without [total]",
			       r->len);
	compare_rows(&c);
	compare_mm(&c);
	if (c.differences > PRINTED)
		diag("pid %d (%s): %d differences in all", pid, a->comm, c.differences);
	return c.differences;
}

int agree_except(pid_t pid, uint64_t address)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	struct account account;
	struct report report;
	int result = AGREE_MOVING;

	for (int i = 0; i < TRIES && result == AGREE_MOVING; i++) {
		memset(&report, 0, sizeof(report));
		result = read_between(pid, &account, &report);
		if (result > 0)
			result = compare_all(pid, &account, &report, address);
		else if (!result)
			result = AGREE_MOVING;
		account_free(&account);
		report_free(&report);
		if (result == AGREE_MOVING)
			nanosleep(&nap, NULL);
	}
	if (result == AGREE_MOVING)
		diag("pid %d: smaps, pagemap and status kept changing", pid);
	return result;
}

int agree_process(pid_t pid)
{
	return agree_except(pid, 0);
}

/* Cut "rss<=5" at the sign of comparison; return which one it is, or 0. */
static char cut(char *word, const char **value)
{
	char *at = strpbrk(word, "<>=");
	char sign;

	if (!at)
		return 0;
	sign = *at;
	*at++ = '\0';
	if (sign != '=') {
		if (*at != '=')
			return 0;
		at++;
	}
	*value = at;
	return sign;
}

static int find_column(const char *name)
{
	for (int i = 0; i < REPORT_COLUMNS; i++)
		if (!strcmp(name, report_column_name[i]))
			return i;
	return -1;
}

/* Compare one "column=count" with a row; return the number of differences. */
static int compare_word(pid_t pid, const struct report_row *row, char *word)
{
	const char *value = NULL;
	char sign = cut(word, &value);
	int column = find_column(word);
	uint64_t wanted, seen;
	char *end;
	bool fits;

	if (!sign || column < 0 || !isdigit((unsigned char)*value)) {
		diag("'%s' is no column with a count: the test is wrong", word);
		return 1;
	}
	wanted = strtoull(value, &end, 10);
	if (*end) {
		diag("'%s' is no count: the test is wrong", value);
		return 1;
	}
	seen = row->count[column];
	fits = sign == '=' ? seen == wanted : sign == '<' ? seen <= wanted : seen >= wanted;
	if (fits && seen != REPORT_UNKNOWN)
		return 0;
	diag("pid %d %" PRIx64 "-%" PRIx64 " %s: %s: expected %s%s%" PRIu64 ", seen %" PRId64,
	     pid, row->start, row->end, row->name ? row->name : "-", word,
	     sign == '<' ? "at most " : "", sign == '>' ? "at least " : "", wanted,
	     (int64_t)seen);
	return 1;
}

int agree_counts(pid_t pid, const struct report_row *row, const char *expected)
{
	char *words = strdup(expected), *next = words, *word;
	int differences = 0;

	while (next && (word = strsep(&next, " ")))
		if (*word)
			differences += compare_word(pid, row, word);
	free(words);
	return differences;
}

int agree_row(pid_t pid, uint64_t address, const char *expected, ...)
{
	const struct report_row *row;
	char text[512];
	struct report r;
	va_list args;
	int err;

	va_start(args, expected);
	vsnprintf(text, sizeof(text), expected, args);
	va_end(args);
	err = report_read(&r, pid);
	row = err ? NULL : report_find(&r, address);
	if (err)
		diag("pid %d: report: %s %s", pid, strerror(-err), r.error);
	else if (!row)
		diag("pid %d: no row holds %" PRIx64, pid, address);
	err = row ? agree_counts(pid, row, text) : 1;
	report_free(&r);
	return err;
}
