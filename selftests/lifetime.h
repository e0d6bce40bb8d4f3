/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must hold of every report, also of one read while its process changes,
 * execs or dies: sections in order, rows that never go backwards, right sums.
 */
#ifndef SELFTESTS_LIFETIME_H
#define SELFTESTS_LIFETIME_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/diag.h"
#include "lib/procfile.h"
#include "lib/report.h"
#include "lib/target.h"

/** LIFE_ARENA - where targets put the mappings that tests look for */
#define LIFE_ARENA 0x20000000000ull
/** LIFE_PAGE - bytes of a page */
#define LIFE_PAGE 4096ull

static inline bool life_bad(struct report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline bool life_bad(struct report *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->error, sizeof(r->error), format, args);
	va_end(args);
	return false;
}

/* The known sections come in this order, each once; [total] is what a dead process lacks. */
static inline bool life_sections_ok(struct report *r)
{
	static const char *const known[] = { "\n[process]\n", "\n[mm]\n", "\n[vmas]\n",
					     "\n[gone]\n", "\n[faults]\n", "\n[stacks]\n",
					     "\n[grows]\n", "\n[growth]\n", "\n[total]\n" };
	size_t sections = sizeof(known) / sizeof(*known);
	const char *at = r->text, *found;

	if (r->len && !r->complete)
		sections = 0;
	for (size_t i = 0; i < sections && r->len; i++) {
		found = strstr(at, known[i]);
		if (!found)
			return life_bad(r, "no section %.12s behind the one before it",
					known[i] + 1);
		at = found + strlen(known[i]) - 1;
		if (strstr(at, known[i]))
			return life_bad(r, "section %.12s comes twice", known[i] + 1);
	}
	return true;
}

static inline bool life_rows_ok(struct report *r)
{
	for (size_t i = 0; i < r->rows; i++)
		if ((r->row[i].start | r->row[i].end) % LIFE_PAGE)
			return life_bad(r, "row %" PRIx64 "-%" PRIx64 " is not of whole pages",
					r->row[i].start, r->row[i].end);
	for (size_t i = 1; i < r->rows; i++)
		if (r->row[i].start < r->row[i - 1].end)
			return life_bad(r, "row %" PRIx64 " comes after row %" PRIx64 "-%" PRIx64,
					r->row[i].start, r->row[i - 1].start, r->row[i - 1].end);
	return true;
}

static inline uint64_t life_sum(const struct report *r, int column)
{
	uint64_t sum = 0, count;

	for (size_t i = 0; i < r->rows; i++) {
		count = r->row[i].count[column];
		if (count == REPORT_UNKNOWN)
			return REPORT_UNKNOWN;
		if (column != REPORT_MAXRUN)
			sum += count;
		else if (count > sum)
			sum = count;
	}
	return sum;
}

static inline bool life_total_ok(struct report *r)
{
	uint64_t total = 0, sum;

	if (!report_number(r, "total", "vmas", &total) || total != r->rows)
		return life_bad(r, "[total] vmas: expected %zu, seen %" PRIu64, r->rows, total);
	for (int i = 0; i < REPORT_COLUMNS; i++) {
		sum = life_sum(r, i);
		if (!report_number(r, "total", report_column_name[i], &total) || total != sum)
			return life_bad(r, "[total] %s: rows make %" PRId64 ", seen %" PRId64,
					report_column_name[i], sum, total);
	}
	return true;
}

/**
 * life_ok() - whether a report that was read keeps its promises
 * @err: what reading it gave (report_read())
 * @r: the report
 * @who: for the message, which says what is wrong
 */
static inline bool life_ok(int err, struct report *r, const char *who)
{
	bool ok = !err && life_sections_ok(r) && life_rows_ok(r) &&
		  (!r->complete || life_total_ok(r));

	if (!ok)
		diag("%s: %s", who, r->error[0] ? r->error : strerror(-err));
	return ok;
}

/**
 * life_read_on() - append what a file gives from where it stands to its end
 * @fd: the file
 * @text: from malloc(), or NULL; becomes longer, with a NUL behind it
 * @len: its length; becomes longer
 * @piece: how many bytes to read at a time
 *
 * Return: 0, or the negative errno of read().
 */
static inline int life_read_on(int fd, char **text, size_t *len, size_t piece)
{
	size_t room = *text ? *len : 0;
	ssize_t got;

	do {
		if (room - *len < piece || !*text) {
			room = 2 * room + piece;
			*text = realloc(*text, room + 1);
			if (!*text)
				return -ENOMEM;
		}
		got = read(fd, *text + *len, piece);
		if (got < 0)
			return -errno;
		*len += got;
	} while (got);
	(*text)[*len] = '\0';
	return 0;
}

/**
 * life_read_some() - read exactly so many bytes of a file
 * @fd: the file
 * @len: how many
 * @piece: how many bytes to read at a time
 *
 * Return: from malloc(), with a NUL behind it; NULL with errno (ENODATA: the file is shorter).
 */
static inline char *life_read_some(int fd, size_t len, size_t piece)
{
	char *text = malloc(len + 1);
	size_t used = 0;
	ssize_t got;

	while (text && used < len) {
		got = read(fd, text + used, len - used < piece ? len - used : piece);
		if (got <= 0) {
			free(text);
			errno = got ? errno : ENODATA;
			return NULL;
		}
		used += got;
	}
	if (text)
		text[len] = '\0';
	return text;
}

/*
 * Pairs for life_map_many(): rows enough to be read in pieces. The time to make them grows
 * with their square under CONFIG_DEBUG_VM_MAPLE_TREE: 12 seconds for twice as many.
 */
#define LIFE_PAIRS 250

/**
 * life_map_many() - in the target: make many mappings at LIFE_ARENA
 * @pairs: so many of one touched page, and as many of one inaccessible page
 */
static inline void life_map_many(unsigned int pairs)
{
	char *at = target_map(LIFE_ARENA, 2 * pairs, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	for (unsigned int i = 0; i < pairs; i++) {
		if (mprotect(at + 2 * i * LIFE_PAGE, LIFE_PAGE, PROT_READ | PROT_WRITE))
			target_fail("mprotect");
		at[2 * i * LIFE_PAGE] = 1;
	}
}

/* A target's body: as many mappings as arg points at say, then ready. */
static inline void life_many_body(struct target *target, void *arg)
{
	life_map_many(*(unsigned int *)arg);
	for (;;)
		target_step(target);
}

/**
 * life_rows_in_arena() - how many rows of a report lie in the arena of life_map_many()
 * @r: the report
 */
static inline size_t life_rows_in_arena(const struct report *r)
{
	size_t rows = 0;

	for (size_t i = 0; i < r->rows; i++)
		rows += r->row[i].start >= LIFE_ARENA && r->row[i].start < 2 * LIFE_ARENA;
	return rows;
}

/**
 * life_objects() - how many objects of a slab cache are in use
 * @cache: its name
 *
 * What the allocator keeps aside for each processor is given back first, or it
 * would be counted as in use.
 *
 * Return: the number, or a negative errno, which is also printed.
 */
static inline long life_objects(const char *cache)
{
	char path[64], line[64], *text, *at;
	long count;
	int err;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	err = procfile_write(path, "1");
	if (err) {
		diag("%s: %s", path, strerror(-err));
		return err;
	}
	text = procfile_read("/proc/slabinfo", NULL);
	snprintf(line, sizeof(line), "\n%s ", cache);
	at = text ? strstr(text, line) : NULL;
	if (!at)
		diag("/proc/slabinfo: expected a line of %s", cache);
	count = at ? strtol(at + strlen(line), NULL, 10) : -ENOENT;
	free(text);
	return count;
}

/**
 * life_seconds() - monotonic time
 *
 * Return: in seconds.
 */
static inline double life_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#endif /* SELFTESTS_LIFETIME_H */
