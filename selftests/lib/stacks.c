// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "pagemap.h"
#include "procfile.h"
#include "smaps.h"
#include "stacks.h"

#define TEXT 400

static const char *const count_name[STACKS_COUNTS] = {
	"size", "limit", "guard", "touched", "sp_depth", "headroom"
};

static uint64_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Reading. */

static int bad(struct stacks *s, size_t row, const char *column, const char *text)
{
	snprintf(s->report.error, sizeof(s->report.error), "[stacks], row %zu: %s is '%.60s'",
		 row, column, text ?: "missing");
	return -EBADMSG;
}

static bool read_range(const char *text, uint64_t *start, uint64_t *end)
{
	char half[2][20] = { "", "" };
	int length = 0;

	*start = REPORT_UNKNOWN;
	*end = REPORT_UNKNOWN;
	if (!strcmp(text, "-"))
		return true;
	if (sscanf(text, "%19[0-9a-f]-%19[0-9a-f]%n", half[0], half[1], &length) != 2 ||
	    text[length])
		return false;
	*start = strtoull(half[0], NULL, 16);
	*end = strtoull(half[1], NULL, 16);
	return *start < *end;
}

static bool read_count(enum stacks_count which, const char *text, uint64_t *count)
{
	if (which == STACKS_LIMIT && !strcmp(text, "unlimited")) {
		*count = STACKS_UNLIMITED;
		return true;
	}
	return report_decimal(text, count);
}

static int read_row(struct stacks *s, const struct report_table *t, size_t i)
{
	struct stacks_row *row = &s->row[i];
	const char *range = report_cell(t, i, "range"), *tid = report_cell(t, i, "tid");
	uint64_t number;

	row->comm = report_cell(t, i, "comm");
	row->kind = report_cell(t, i, "kind");
	row->vma = report_cell(t, i, "vma");
	if (!report_decimal(tid, &number) || number > INT32_MAX)
		return bad(s, i, "tid", tid);
	row->tid = number;
	if (!row->comm)
		return bad(s, i, "comm", NULL);
	if (!row->kind || (strcmp(row->kind, "main") && strcmp(row->kind, "thread") &&
			   strcmp(row->kind, "-")))
		return bad(s, i, "kind", row->kind);
	if (!range || !read_range(range, &row->start, &row->end))
		return bad(s, i, "range", range);
	for (int c = 0; c < STACKS_COUNTS; c++) {
		const char *text = report_cell(t, i, count_name[c]);

		if (!text || !read_count(c, text, &row->count[c]))
			return bad(s, i, count_name[c], text);
	}
	if (!row->vma || strcmp(t->column[t->columns - 1], "vma"))
		return bad(s, i, "vma (the last column)", row->vma);
	return 0;
}

int stacks_read_path(struct stacks *s, const char *path)
{
	const struct report_table *t;
	int err;

	memset(s, 0, sizeof(*s));
	err = report_read_path(&s->report, path);
	if (err)
		return err;
	t = report_table(&s->report, "stacks");
	if (!t && s->report.complete)
		return bad(s, 0, "the section", NULL);
	if (!t || !t->rows)
		return 0;
	s->row = calloc(t->rows, sizeof(*s->row));
	if (!s->row)
		return -ENOMEM;
	for (; s->rows < t->rows && !err; s->rows++)
		err = read_row(s, t, s->rows);
	return err;
}

int stacks_read(struct stacks *s, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	return stacks_read_path(s, path);
}

void stacks_free(struct stacks *s)
{
	report_free(&s->report);
	free(s->row);
	memset(s, 0, sizeof(*s));
}

const struct stacks_row *stacks_find(const struct stacks *s, pid_t tid)
{
	for (size_t i = 0; i < s->rows; i++)
		if (s->row[i].tid == tid)
			return &s->row[i];
	return NULL;
}

bool stacks_is_known(const struct stacks_row *row)
{
	return strcmp(row->kind, "-") != 0;
}

static bool is_main(const struct stacks_row *row)
{
	return !strcmp(row->kind, "main");
}

/* Reads a report; tells if it cannot. */
static int read_or_say(struct stacks *s, pid_t pid)
{
	int err = stacks_read(s, pid);

	if (err)
		diag("pid %d: report: %s %s", pid, strerror(-err), s->report.error);
	return err;
}

/* Differences. */

/**
 * struct judge - who is compared, and what came of it
 * @pid: the process
 * @tid: the thread whose row it is about
 * @differences: so far
 */
struct judge {
	pid_t pid;
	pid_t tid;
	int differences;
};

static void differ(struct judge *j, const char *what, const char *expected, const char *seen)
{
	diag("pid %d, thread %d: %s: expected %s, seen %s", j->pid, j->tid, what, expected,
	     seen);
	j->differences++;
}

static void show_count(char *text, size_t room, uint64_t count)
{
	if (count == REPORT_UNKNOWN)
		snprintf(text, room, "-");
	else if (count == STACKS_UNLIMITED)
		snprintf(text, room, "unlimited");
	else
		snprintf(text, room, "%" PRIu64, count);
}

static void expect_count(struct judge *j, const char *what, uint64_t expected, uint64_t seen)
{
	char texts[2][24];

	if (expected == seen)
		return;
	show_count(texts[0], sizeof(texts[0]), expected);
	show_count(texts[1], sizeof(texts[1]), seen);
	differ(j, what, texts[0], texts[1]);
}

static void expect_at_most(struct judge *j, const char *what, uint64_t most, uint64_t seen)
{
	char texts[2][40];

	if (seen <= most)
		return;
	snprintf(texts[0], sizeof(texts[0]), "at most %" PRIu64, most);
	show_count(texts[1], sizeof(texts[1]), seen);
	differ(j, what, texts[0], texts[1]);
}

static void expect_text(struct judge *j, const char *what, const char *expected,
			const char *seen)
{
	if (strcmp(expected, seen))
		differ(j, what, expected, seen);
}

/* What fits each other. */

static void fit_unknown(struct judge *j, const struct stacks_row *row)
{
	expect_count(j, "range of no stack", REPORT_UNKNOWN, row->start);
	for (int c = 0; c < STACKS_COUNTS; c++)
		expect_count(j, count_name[c], REPORT_UNKNOWN, row->count[c]);
	expect_text(j, "vma of no stack", "-", row->vma);
}

static void fit_known(struct judge *j, const struct stacks_row *row)
{
	uint64_t size = row->count[STACKS_SIZE], depth = row->count[STACKS_SP_DEPTH];
	uint64_t touched = row->count[STACKS_TOUCHED], headroom = row->count[STACKS_HEADROOM];

	expect_count(j, "size", (row->end - row->start) / page_size(), size);
	expect_at_most(j, "touched", size, touched);
	if (depth != REPORT_UNKNOWN)
		expect_at_most(j, "sp_depth", size, depth);
	if (row->count[STACKS_LIMIT] == REPORT_UNKNOWN || row->count[STACKS_GUARD] ==
	    REPORT_UNKNOWN || headroom == REPORT_UNKNOWN)
		differ(j, "limit, guard and headroom", "numbers", "-");
	if (!is_main(row) && row->count[STACKS_LIMIT] == size)
		expect_count(j, "headroom", size - touched, headroom);
}

static int compare_tids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static void fit_tids(struct judge *j, const struct stacks *s)
{
	pid_t *tid = calloc(s->rows + 1, sizeof(*tid));

	if (!tid) {
		differ(j, "tids", "memory to compare them", strerror(errno));
		return;
	}
	for (size_t i = 0; i < s->rows; i++)
		tid[i] = s->row[i].tid;
	qsort(tid, s->rows, sizeof(*tid), compare_tids);
	for (size_t i = 1; i < s->rows; i++) {
		j->tid = tid[i];
		if (tid[i] == tid[i - 1])
			differ(j, "rows", "1", "more");
	}
	free(tid);
}

int stacks_fit(pid_t pid, const struct stacks *s)
{
	struct judge j = { .pid = pid };
	size_t mains = 0;

	for (size_t i = 0; i < s->rows; i++) {
		const struct stacks_row *row = &s->row[i];

		j.tid = row->tid;
		if (!stacks_is_known(row))
			fit_unknown(&j, row);
		else
			fit_known(&j, row);
		mains += is_main(row);
	}
	fit_tids(&j, s);
	j.tid = pid;
	expect_at_most(&j, "rows of kind main", 1, mains);
	return j.differences;
}

/* What the kernel says. */

/**
 * struct kernel - the kernel's account of a process
 * @smaps: its mappings
 * @stack_limit: RLIMIT_STACK in pages, or %STACKS_UNLIMITED
 * @pagemap: its open pagemap
 */
struct kernel {
	struct smaps smaps;
	uint64_t stack_limit;
	int pagemap;
};

static bool read_stack_limit(pid_t pid, uint64_t *pages)
{
	char *text = procfile_read_pid(pid, "limits", NULL);
	char *line = text ? strstr(text, "Max stack size ") : NULL;
	unsigned long long bytes;
	char word[16];
	bool found = true;

	if (!line)
		found = false;
	else if (sscanf(line, "Max stack size %llu", &bytes) == 1)
		*pages = bytes / page_size();
	else if (sscanf(line, "Max stack size %15s", word) == 1 && !strcmp(word, "unlimited"))
		*pages = STACKS_UNLIMITED;
	else
		found = false;
	free(text);
	return found;
}

static int read_kernel(struct kernel *k, pid_t pid)
{
	int err;

	k->pagemap = pagemap_open(pid);
	err = smaps_read(&k->smaps, pid);
	if (!err && k->pagemap < 0)
		err = k->pagemap;
	if (!err && !read_stack_limit(pid, &k->stack_limit))
		err = -EBADMSG;
	if (err)
		diag("pid %d: smaps, pagemap, limits: %s", pid, strerror(-err));
	return err;
}

static void free_kernel(struct kernel *k)
{
	smaps_free(&k->smaps);
	if (k->pagemap >= 0)
		close(k->pagemap);
}

/* The mapping that holds an address, by halving, and the one before: there may be thousands. */
static const struct smaps_row *find_mapping(const struct kernel *k, uint64_t address,
					    const struct smaps_row **before)
{
	size_t low = 0, high = k->smaps.rows;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (k->smaps.row[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	*before = low ? &k->smaps.row[low - 1] : NULL;
	if (low == k->smaps.rows || k->smaps.row[low].start > address)
		return NULL;
	return &k->smaps.row[low];
}

static bool is_accessible(const struct smaps_row *mapping)
{
	return strncmp(mapping->perms, "---", 3) != 0;
}

/* Pages of the range from the deepest one that holds memory up to its end. */
static int touched_pages(const struct kernel *k, const struct stacks_row *row, uint64_t *touched)
{
	size_t pages = (row->end - row->start) / page_size(), i = 0;
	uint64_t *entry = calloc(pages, sizeof(*entry));
	int err = entry ? pagemap_read(k->pagemap, row->start, entry, pages) : -ENOMEM;

	while (!err && i < pages && !(entry[i] & PAGEMAP_PRESENT) && !pagemap_is_swap(entry[i]))
		i++;
	free(entry);
	*touched = pages - i;
	return err;
}

/* Pages of a stack that grows which can be touched without being refused. */
static uint64_t room_to_grow(const struct kernel *k, const struct smaps_row *stack,
			     const struct smaps_row *before)
{
	uint64_t lowest = 0, floor = 0;

	if (k->stack_limit < stack->end / page_size())
		lowest = stack->end - k->stack_limit * page_size();
	if (before && is_accessible(before) && !smaps_flag(before, "gd"))
		floor = before->end + STACKS_GAP * page_size();
	else if (before)
		floor = before->end;
	if (floor > lowest)
		lowest = floor;
	/* what is part of the mapping can be touched, even above the limit */
	if (lowest > stack->start)
		lowest = stack->start;
	return (stack->end - lowest) / page_size();
}

static void agree_growing(struct judge *j, const struct kernel *k, const struct stacks_row *row,
			  const struct smaps_row *stack, const struct smaps_row *before)
{
	expect_count(j, "start (smaps)", stack->start, row->start);
	expect_count(j, "end (smaps)", stack->end, row->end);
	expect_count(j, "limit (limits)", k->stack_limit, row->count[STACKS_LIMIT]);
	expect_count(j, "guard", STACKS_GAP, row->count[STACKS_GUARD]);
	expect_count(j, "headroom (smaps, limits, pagemap)",
		     room_to_grow(k, stack, before) - row->count[STACKS_TOUCHED],
		     row->count[STACKS_HEADROOM]);
}

/* Where the mapping goes on below the stack, it is markers that guard it. */
static void agree_guarded(struct judge *j, const struct kernel *k, const struct stacks_row *row,
			  const struct smaps_row *stack, const struct smaps_row *before)
{
	uint64_t entry, guard = row->count[STACKS_GUARD];

	expect_count(j, "limit", row->count[STACKS_SIZE], row->count[STACKS_LIMIT]);
	if (row->end > stack->end)
		differ(j, "end", "not behind the mapping", "behind");
	if (row->start == stack->start) {
		if (!before || before->end != stack->start || is_accessible(before))
			differ(j, "guard", "none, nor a row, as smaps has none", "one");
		else
			expect_count(j, "guard (smaps)", (before->end - before->start) /
				     page_size(), guard);
		return;
	}
	for (uint64_t i = 1; i <= guard; i++)
		if (pagemap_read(k->pagemap, row->start - i * page_size(), &entry, 1) ||
		    entry & PAGEMAP_PRESENT || !(entry & PAGEMAP_SWAP) || pagemap_is_swap(entry))
			differ(j, "guard", "markers in pagemap", "none");
	if (!guard)
		differ(j, "guard", "markers", "0");
}

static void agree_row(struct judge *j, const struct kernel *k, const struct stacks_row *row)
{
	const struct smaps_row *before, *stack = find_mapping(k, row->start, &before);
	uint64_t touched;

	if (!stack) {
		differ(j, "range", "part of a mapping", "none of smaps");
		return;
	}
	if (smaps_flag(stack, "gd"))
		agree_growing(j, k, row, stack, before);
	else
		agree_guarded(j, k, row, stack, before);
	if (touched_pages(k, row, &touched))
		differ(j, "touched", "pagemap of the range", "none");
	else
		expect_count(j, "touched (pagemap)", touched, row->count[STACKS_TOUCHED]);
	if (is_main(row))
		expect_text(j, "vma of main", "[stack]", row->vma);
}

/* As the report escapes it. */
static void escape(const char *raw, char *text, size_t room)
{
	size_t used = 0;

	for (; *raw && used + 5 < room; raw++)
		if (strchr(" \t\n\\", *raw))
			used += snprintf(text + used, room - used, "\\%03o", *raw);
		else
			text[used++] = *raw;
	text[used] = '\0';
	if (!used)
		snprintf(text, room, "-");
}

static void agree_comm(struct judge *j, const struct stacks_row *row)
{
	char path[64], text[80], *comm;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", j->pid, row->tid);
	comm = procfile_read(path, NULL);
	if (!comm || !*comm) {
		differ(j, path, "a name", "none");
	} else {
		comm[strlen(comm) - 1] = '\0';
		escape(comm, text, sizeof(text));
		expect_text(j, "comm", text, row->comm);
	}
	free(comm);
}

static void agree_tasks(struct judge *j, const struct stacks *s)
{
	char path[64];
	struct dirent *task;
	size_t count = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", j->pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		if (!isdigit((unsigned char)*task->d_name))
			continue;
		j->tid = atoi(task->d_name);
		if (count < s->rows)
			expect_count(j, "tid of the row at its place in task", j->tid,
				     s->row[count].tid);
		count++;
	}
	if (tasks)
		closedir(tasks);
	expect_count(j, "rows (task)", count, s->rows);
}

/**
 * struct held - the stacks of threads in one mapping
 * @count: how many
 * @end: where the lowest of them ends (where it starts others may, too, if there is
 *	 no guard between them)
 * @tid: its thread
 */
struct held {
	unsigned int count;
	uint64_t end;
	pid_t tid;
};

/* The row of [vmas] that holds all of a stack, in the same way. */
static const struct report_row *holder(const struct report *r, const struct stacks_row *row)
{
	size_t low = 0, high = r->rows;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (r->row[middle].end <= row->start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->rows || r->row[low].start > row->start || r->row[low].end < row->end)
		return NULL;
	return &r->row[low];
}

static void hold(struct held *held, const struct stacks_row *row)
{
	if (held->count++ && held->end <= row->end)
		return;
	held->end = row->end;
	held->tid = row->tid;
}

/* Stacks say the name of their mapping; which are in each? */
static void agree_vmas(struct judge *j, const struct stacks *s, struct held *held)
{
	for (size_t i = 0; i < s->rows; i++) {
		const struct stacks_row *row = &s->row[i];
		const struct report_row *vma = holder(&s->report, row);

		j->tid = row->tid;
		if (!stacks_is_known(row))
			continue;
		if (!vma) {
			differ(j, "vma", "a row of [vmas]", row->vma);
			continue;
		}
		expect_text(j, "vma", vma->name ?: "-", row->vma);
		hold(&held[vma - s->report.row], row);
	}
}

/* What a mapping without a name in maps is called: after the stacks in it. */
static void agree_name(struct judge *j, const struct held *held, const char *seen)
{
	char name[48] = "-";

	if (held->count > 1)
		snprintf(name, sizeof(name), "[stack:%d+%u]", held->tid, held->count - 1);
	else if (held->count)
		snprintf(name, sizeof(name), "[stack:%d]", held->tid);
	j->tid = held->tid;
	expect_text(j, "name in [vmas]", name, seen);
}

static void agree_names(struct judge *j, const struct kernel *k, const struct stacks *s)
{
	const struct report *r = &s->report;
	struct held *held = calloc(r->rows + 1, sizeof(*held));

	expect_count(j, "rows of [vmas] (smaps)", k->smaps.rows, r->rows);
	if (!held || r->rows != k->smaps.rows) {
		free(held);
		return;
	}
	agree_vmas(j, s, held);
	for (size_t i = 0; i < r->rows; i++) {
		const char *name = k->smaps.row[i].name, *seen = r->row[i].name ?: "-";

		/* A name that the process gave gives way. */
		if (name && (!held[i].count || strncmp(name, "[anon:", strlen("[anon:"))))
			expect_text(j, "name in [vmas]", name, seen);
		else
			agree_name(j, &held[i], seen);
	}
	free(held);
}

int stacks_agree(pid_t pid)
{
	struct kernel k = { .pagemap = -1 };
	struct judge j = { .pid = pid };
	struct stacks s;

	j.differences = read_or_say(&s, pid) || read_kernel(&k, pid);
	if (!j.differences) {
		j.differences = stacks_fit(pid, &s);
		agree_tasks(&j, &s);
		for (size_t i = 0; i < s.rows; i++) {
			j.tid = s.row[i].tid;
			agree_comm(&j, &s.row[i]);
			if (stacks_is_known(&s.row[i]))
				agree_row(&j, &k, &s.row[i]);
		}
		agree_names(&j, &k, &s);
	}
	stacks_free(&s);
	free_kernel(&k);
	return j.differences;
}

/* What the test knows. */

/* The text of a column of a row, also of the halves of the range. */
static void cell_text(const struct stacks *s, const struct stacks_row *row, const char *column,
		      char *text, size_t room)
{
	const char *cell;

	if (!strcmp(column, "start") && row->start != REPORT_UNKNOWN) {
		snprintf(text, room, "%" PRIx64, row->start);
	} else if (!strcmp(column, "end") && row->end != REPORT_UNKNOWN) {
		snprintf(text, room, "%" PRIx64, row->end);
	} else {
		cell = report_cell(report_table(&s->report, "stacks"), row - s->row, column);
		snprintf(text, room, "%s", cell ?: "no such column");
	}
}

/* One word of what is expected: column, operator, text. */
static void expect_word(struct judge *j, const struct stacks *s, const struct stacks_row *row,
			const char *word)
{
	size_t name = strcspn(word, "<>="), op = strspn(word + name, "<>=");
	const char *wanted = word + name + op;
	char column[32], seen[160];
	uint64_t limit, number;
	bool good;

	snprintf(column, sizeof(column), "%.*s", (int)name, word);
	cell_text(s, row, column, seen, sizeof(seen));
	if (word[name] == '=')
		good = !strcmp(wanted, seen);
	else
		good = report_decimal(wanted, &limit) && report_decimal(seen, &number) &&
		       number != REPORT_UNKNOWN &&
		       (word[name] == '<' ? number <= limit : number >= limit);
	if (!good)
		differ(j, column, word + name, seen);
}

static int expect_words(pid_t pid, const struct stacks *s, pid_t tid, const char *expected,
			va_list args)
{
	const struct stacks_row *row = stacks_find(s, tid);
	struct judge j = { .pid = pid, .tid = tid };
	char text[TEXT], *save = NULL;

	vsnprintf(text, sizeof(text), expected, args);
	if (!row) {
		differ(&j, "rows", "1", "0");
		return j.differences;
	}
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		expect_word(&j, s, row, word);
	return j.differences;
}

int stacks_expect(pid_t pid, const struct stacks *s, pid_t tid, const char *expected, ...)
{
	va_list args;
	int differences;

	va_start(args, expected);
	differences = expect_words(pid, s, tid, expected, args);
	va_end(args);
	return differences;
}

int stacks_thread(pid_t pid, pid_t tid, const char *expected, ...)
{
	struct stacks s;
	va_list args;
	int differences = 1;

	va_start(args, expected);
	if (!read_or_say(&s, pid))
		differences = expect_words(pid, &s, tid, expected, args);
	va_end(args);
	stacks_free(&s);
	return differences;
}
