// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "growth.h"
#include "refusal.h"
#include "stacks.h"
#include "text.h"
#include "vmas.h"

#define REFUSED "refused:"

/**
 * struct event - a refusal, and what is needed to explain it
 * @growth: the log it is in
 * @row: which row of it
 * @vmas: the VMAs of the process
 * @stacks: its stacks
 * @units: how to show sizes
 */
struct event {
	const struct rows *growth;
	size_t row;
	const struct rows *vmas;
	const struct rows *stacks;
	const struct units *units;
};

static const char *value(const struct event *event, size_t id, char *buf)
{
	return rows_cell(event->growth, event->row, id, NULL, buf);
}

/* The limit that counts is that of who made the stack grow. */
static void rlimit_stack(const struct event *event)
{
	const char *pid = fields_get(event->growth->report, "process", "pid");
	char raw[CELL_MAX], buf[VALUE_MAX], comm[CELL_MAX];

	printf("the limit is %s", value_text(KIND_LIMIT, value(event, GROWTH_LIMIT, raw),
					     event->units, buf));
	if (strcmp(value(event, GROWTH_CAUSE, raw), "remote")) {
		printf(": raise it with ulimit -s, or now with prlimit --stack=BYTES -p %s", pid);
		return;
	}
	text_safe(comm, sizeof(comm), value(event, GROWTH_COMM, raw));
	printf(", that of %s, who read or wrote there: raise it with ulimit -s before starting it",
	       comm);
}

/* Pages that the kernel keeps free below a stack that grows, if nobody says otherwise. */
#define GUARD_GAP 256

/* What this kernel has below the main stack, in bytes. */
static uint64_t guard_bytes(const struct rows *stacks)
{
	uint64_t pages = GUARD_GAP, guard;
	char raw[CELL_MAX];

	for (size_t row = 0; row < stacks->all; row++)
		if (!strcmp(rows_cell(stacks, row, STACK_KIND, NULL, raw), "main") &&
		    value_number(rows_cell(stacks, row, STACK_GUARD, NULL, raw), 10, &guard))
			pages = guard;
	return pages * stacks->page_size;
}

/* May a VMA be accessed, and is it so near? As mm/vma.c:expand_downwards() asks. */
static bool is_in_the_way(const struct event *event, size_t vma)
{
	uint64_t end = 0, start = 0;
	char raw[CELL_MAX];

	if (!strncmp(rows_cell(event->vmas, vma, COL_PERMS, NULL, raw), "---", 3))
		return false;
	value_number(rows_cell(event->vmas, vma, COL_END, NULL, raw), 16, &end);
	value_number(value(event, GROWTH_NEW, raw), 16, &start);
	return start < end || start - end < guard_bytes(event->stacks);
}

/* What is in the way is what is right below the stack. */
static void guard_gap(const struct event *event)
{
	static const enum vma_column what[] = { COL_RANGE, COL_PERMS, COL_NAME };
	char raw[CELL_MAX], text[256];
	const struct rows *vmas = event->vmas;
	uint64_t start = 0;
	size_t below;

	value_number(value(event, GROWTH_OLD, raw), 16, &start);
	below = vmas_below(vmas, start);
	if (below == vmas->all || !is_in_the_way(event, below)) {
		printf("what was too near (stack_guard_gap) is gone");
		return;
	}
	for (size_t i = 0; i < sizeof(what) / sizeof(*what); i++) {
		text_safe(text, sizeof(text), rows_cell(vmas, below, what[i], NULL, raw));
		if (strcmp(text, "-"))
			printf("%s ", text);
	}
	printf("is too near (stack_guard_gap): map it lower");
}

static void rlimit_as(const struct event *event)
{
	const char *size = fields_get(event->growth->report, "mm", "total_vm");
	char buf[VALUE_MAX];

	printf("the address space, now %s, is near its limit: raise ulimit -v, or map less",
	       value_text(KIND_PAGES, size, event->units, buf));
}

static void rlimit_memlock(const struct event *event)
{
	(void)event;
	printf("the stack is locked in memory, and no more may be: raise ulimit -l, or unlock");
}

static void overcommit(const struct event *event)
{
	(void)event;
	printf("no memory was promised for it: see vm.overcommit_memory, /proc/meminfo");
}

static void mmap_min_addr(const struct event *event)
{
	(void)event;
	printf("the stack is down at the lowest address that may be mapped (vm.mmap_min_addr)");
}

static const struct {
	const char *reason;
	void (*explain)(const struct event *event);
} refusals[] = {
	{ "rlimit_stack", rlimit_stack },
	{ "guard_gap", guard_gap },
	{ "rlimit_as", rlimit_as },
	{ "rlimit_memlock", rlimit_memlock },
	{ "overcommit", overcommit },
	{ "mmap_min_addr", mmap_min_addr },
};

/* The reason of a result that is a refusal, else NULL. */
static const char *reason_of(const char *result)
{
	return strncmp(result, REFUSED, strlen(REFUSED)) ? NULL : result + strlen(REFUSED);
}

/**
 * refusal_text() - what came of an attempt to grow, for a person
 * @result: as in the report
 * @limit: RLIMIT_STACK, as in the report; mentioned if it is the reason
 * @units: how to show it
 * @buf: CELL_MAX bytes to write to, if need be
 *
 * Return: @buf or @result.
 */
const char *refusal_text(const char *result, const char *limit, const struct units *units,
			 char *buf)
{
	const char *reason = reason_of(result);
	char size[VALUE_MAX];

	if (!reason)
		return result;
	if (strcmp(reason, "rlimit_stack"))
		snprintf(buf, CELL_MAX, "refused: %s", reason);
	else
		snprintf(buf, CELL_MAX, "refused: %s (limit %s)", reason,
			 value_text(KIND_LIMIT, limit, units, size));
	return buf;
}

/* The row of the last refusal for a reason; the number of rows if there is none. */
static size_t last_refusal(const struct rows *growth, const char *reason)
{
	char buf[CELL_MAX];
	const char *why;

	for (size_t row = growth->all; row-- > 0;) {
		why = reason_of(rows_cell(growth, row, GROWTH_RESULT, NULL, buf));
		if (why && !strcmp(why, reason))
			return row;
	}
	return growth->all;
}

/**
 * refusal_advice() - print a line for each reason of a refusal: what to do
 * @growth: the growth log
 * @vmas: the VMAs of the process
 * @stacks: its stacks
 * @units: how to show sizes
 */
void refusal_advice(const struct rows *growth, const struct rows *vmas,
		    const struct rows *stacks, const struct units *units)
{
	struct event event = {
		.growth = growth, .vmas = vmas, .stacks = stacks, .units = units,
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		event.row = last_refusal(growth, refusals[i].reason);
		if (event.row == growth->all)
			continue;
		printf("%s: ", refusals[i].reason);
		refusals[i].explain(&event);
		putchar('\n');
	}
}
