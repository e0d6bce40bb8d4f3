// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "machine.h"

/* Entries in a node of the maple tree: leaves, and inner nodes of one that allocates. */
#define LEAF_SLOTS 16
#define NODE_SLOTS 10

/* What a CPU or (6.1) a thread may hold back of each of the mm's counters. */
#define COUNTER_BATCH 64

/**
 * struct pair - a key of [mm] and what it is compared with
 * @key: the key
 * @number: its like in the kernel's account
 */
struct pair {
	const char *key;
	enum account_number number;
};

static const struct pair same_number[] = {
	{ "total_vm", ACCOUNT_SIZE },
	{ "hiwater_vm", ACCOUNT_PEAK },
	{ "locked_vm", ACCOUNT_LOCKED },
	{ "pinned_vm", ACCOUNT_PINNED },
	{ "data_vm", ACCOUNT_DATA },
	{ "stack_vm", ACCOUNT_STACK },
};

static const struct pair same_address[] = {
	{ "start_code", ACCOUNT_START_CODE },
	{ "end_code", ACCOUNT_END_CODE },
	{ "start_data", ACCOUNT_START_DATA },
	{ "end_data", ACCOUNT_END_DATA },
	{ "start_brk", ACCOUNT_START_BRK },
	{ "start_stack", ACCOUNT_START_STACK },
	{ "arg_start", ACCOUNT_ARG_START },
	{ "arg_end", ACCOUNT_ARG_END },
	{ "env_start", ACCOUNT_ENV_START },
	{ "env_end", ACCOUNT_ENV_END },
};

static const struct pair near_number[] = {
	{ "rss", ACCOUNT_RSS },
	{ "anon", ACCOUNT_ANON },
	{ "file", ACCOUNT_FILE },
	{ "shmem", ACCOUNT_SHMEM },
	{ "swap", ACCOUNT_SWAP },
	{ "hiwater_rss", ACCOUNT_HWM },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t number(struct compare *c, const char *section, const char *key)
{
	uint64_t value = REPORT_UNKNOWN;

	if (!report_number(c->report, section, key, &value))
		compare_differ(c, "[%s] has no number %s", section, key);
	return value;
}

static uint64_t address(struct compare *c, const char *key)
{
	uint64_t value = REPORT_UNKNOWN;

	if (!report_address(c->report, "mm", key, &value))
		compare_differ(c, "[mm] has no address %s", key);
	return value;
}

static void expect(struct compare *c, const char *section, const char *key, uint64_t expected)
{
	uint64_t seen = number(c, section, key);

	if (seen != expected)
		compare_differ(c, "[%s] %s: expected %" PRIu64 ", seen %" PRIu64, section, key,
			       expected, seen);
}

static void expect_address(struct compare *c, const char *key, uint64_t expected)
{
	uint64_t seen = address(c, key);

	if (seen != expected)
		compare_differ(c, "[mm] %s: expected %" PRIx64 ", seen %" PRIx64, key,
			       expected, seen);
}

static void expect_between(struct compare *c, const char *section, const char *key,
			   uint64_t least, uint64_t most)
{
	uint64_t seen = number(c, section, key);

	if (seen < least || seen > most)
		compare_differ(c, "[%s] %s: expected %" PRIu64 " to %" PRIu64 ", seen %" PRIu64,
			       section, key, least, most, seen);
}

static void compare_process(struct compare *c)
{
	static const char *const text_key[] = { "comm", "tracked_since" };
	const char *comm = report_value(c->report, "process", "comm");

	for (size_t i = 0; i < COUNT(text_key); i++)
		if (!report_value(c->report, "process", text_key[i]))
			compare_differ(c, "[process] has no %s", text_key[i]);
	if (comm && strcmp(comm, c->account->comm))
		compare_differ(c, "[process] comm: expected %s, seen %s", c->account->comm,
			       comm);
	expect(c, "process", "pid", c->pid);
	expect(c, "process", "uid", c->account->number[ACCOUNT_UID]);
	expect(c, "process", "threads", c->account->number[ACCOUNT_THREADS]);
	expect(c, "process", "page_size", sysconf(_SC_PAGESIZE));
}

/* The mm's own counters, kept per CPU or thread, lag behind: how far at most? */
static void compare_counters(struct compare *c)
{
	uint64_t parts = sysconf(_SC_NPROCESSORS_CONF) + c->account->number[ACCOUNT_THREADS];
	uint64_t slack = COUNTER_BATCH * parts;

	for (size_t i = 0; i < COUNT(near_number); i++) {
		uint64_t said = c->account->number[near_number[i].number];
		/* rss is the sum of three counters */
		uint64_t off = strstr(near_number[i].key, "rss") ? 3 * slack : slack;

		expect_between(c, "mm", near_number[i].key, said > off ? said - off : 0,
			       said + off);
	}
}

static void compare_layout(struct compare *c)
{
	const struct smaps *smaps = &c->account->smaps;
	uint64_t base = address(c, "mmap_base"), brk = address(c, "brk");
	uint64_t stack = c->account->number[ACCOUNT_START_STACK], page = sysconf(_SC_PAGESIZE);
	const struct smaps_row *heap = NULL;

	for (size_t i = 0; i < smaps->rows; i++)
		if (smaps->row[i].name && !strcmp(smaps->row[i].name, "[heap]"))
			heap = &smaps->row[i];
	if (brk < c->account->number[ACCOUNT_START_BRK])
		compare_differ(c, "[mm] brk: expected at least start_brk %" PRIx64 ", seen %"
			       PRIx64, c->account->number[ACCOUNT_START_BRK], brk);
	if (heap && ((brk + page - 1) & -page) != heap->end)
		compare_differ(c, "[mm] brk: expected in the last page of [heap], before %"
			       PRIx64 ", seen %" PRIx64, heap->end, brk);
	if (base % page || base > stack || base < stack / 2)
		compare_differ(c, "[mm] mmap_base: expected a page below the stack %" PRIx64
			       ", seen %" PRIx64, stack, base);
	expect_address(c, "task_size", machine_levels() == 5 ? (1ull << 56) - page :
							       (1ull << 47) - page);
}

/* Address spaces of 256 TiB in use: with five levels, each has a table of its own. */
static uint64_t upper_tables(const struct smaps *smaps)
{
	uint64_t used = 0, last = UINT64_MAX;

	for (size_t i = 0; i < smaps->rows; i++)
		for (uint64_t at = smaps->row[i].start >> 48;
		     at <= (smaps->row[i].end - 1) >> 48; at++)
			if (at != last) {
				last = at;
				used++;
			}
	return used;
}

static void compare_tables(struct compare *c)
{
	uint64_t accounted = c->account->number[ACCOUNT_TABLES], page = sysconf(_SC_PAGESIZE);
	uint64_t seen = number(c, "total", "tables") + number(c, "total", "shared_tables");
	uint64_t most = accounted, least = accounted;

	expect(c, "mm", "pgtable_levels", machine_levels());
	expect(c, "mm", "pgtables_bytes", accounted * page);
	if (machine_levels() == 5) {
		/* tables of the fourth level are not accounted */
		least += 1;
		most += upper_tables(&c->account->smaps);
	}
	if (seen < least || seen > most)
		compare_differ(c, "[total] tables + shared_tables: expected %" PRIu64 " to %"
			       PRIu64 " (VmPTE), seen %" PRIu64, least, most, seen);
}

/* Mappings and the gaps around them: what the leaves of the maple tree hold. */
static uint64_t tree_entries(const struct smaps *smaps)
{
	uint64_t entries = smaps->rows + 1, end = 0;

	for (size_t i = 0; i < smaps->rows; i++) {
		entries += smaps->row[i].start != end;
		end = smaps->row[i].end;
	}
	return entries;
}

static void compare_tree(struct compare *c)
{
	uint64_t entries = tree_entries(&c->account->smaps);
	uint64_t height = number(c, "mm", "maple_height"), leaves, nodes, width = 1;

	leaves = number(c, "mm", "maple_leaves");
	nodes = number(c, "mm", "maple_nodes");
	expect(c, "mm", "map_count", c->account->smaps.rows);
	if (height < 1 || height > 16) {
		compare_differ(c, "[mm] maple_height: expected 1 to 16, seen %" PRIu64, height);
		return;
	}
	for (uint64_t i = 1; i < height; i++)
		width *= NODE_SLOTS;
	/* full leaves at least; at most one entry to a leaf, ten leaves to a node */
	expect_between(c, "mm", "maple_leaves", (entries + LEAF_SLOTS - 1) / LEAF_SLOTS,
		       entries < width ? entries : width);
	/* a chain of nodes at least; at most a tree in which each node has two below it */
	expect_between(c, "mm", "maple_nodes", leaves + height - 1,
		       leaves == 1 ? 1 : 2 * leaves - 1);
	if (height == 1 ? leaves != 1 || nodes != 1 : leaves == 1 || nodes == 1)
		compare_differ(c, "[mm] maple_height %" PRIu64 " does not fit %" PRIu64
			       " nodes, %" PRIu64 " leaves", height, nodes, leaves);
}

static void compare_locks(struct compare *c)
{
	const char *changed = report_value(c->report, "total", "changed");
	uint64_t sum = number(c, "total", "lock_ns");

	expect_between(c, "total", "holds", 1, REPORT_UNKNOWN - 1);
	expect_between(c, "total", "longest_hold_ns", 1, sum);
	if (!changed || (strcmp(changed, "no") && strcmp(changed, "-")))
		compare_differ(c, "[total] changed: expected no, seen %s",
			       changed ? changed : "nothing");
}

void compare_mm(struct compare *c)
{
	const uint64_t *said = c->account->number;

	compare_process(c);
	for (size_t i = 0; i < COUNT(same_number); i++)
		expect(c, "mm", same_number[i].key, said[same_number[i].number]);
	for (size_t i = 0; i < COUNT(same_address); i++)
		expect_address(c, same_address[i].key, said[same_address[i].number]);
	expect(c, "mm", "exec_vm", said[ACCOUNT_TEXT] + said[ACCOUNT_LIB]);
	compare_counters(c);
	compare_layout(c);
	compare_tables(c);
	compare_tree(c);
	compare_locks(c);
}
