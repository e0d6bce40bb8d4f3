// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "machine.h"
#include "pagemap.h"

/* What one table of each level spans, from the PTE tables up (x86-64). */
#define TABLE_SHIFT_FIRST 21
#define TABLE_SHIFT_STEP 9
#define HUGE_PAGES (1u << TABLE_SHIFT_STEP)

static uint64_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* A mapping that holds a thread's stack is named after it, unlike in maps. */
static bool same_name(const char *smaps, const char *row)
{
	bool given = smaps && !strncmp(smaps, "[anon:", strlen("[anon:"));

	if (row && (!smaps || given) && !strncmp(row, "[stack:", strlen("[stack:")))
		return true;
	return smaps && row ? !strcmp(smaps, row) : smaps == row;
}

static const char *shown(const char *name)
{
	return name ? name : "-";
}

static void expect(struct compare *c, const struct report_row *row, enum report_column column,
		   const char *source, uint64_t expected)
{
	if (row->count[column] != expected)
		compare_differ(c, "%" PRIx64 "-%" PRIx64 " %s: %s: expected %" PRIu64
			       " (%s), seen %" PRIu64, row->start, row->end, shown(row->name),
			       report_column_name[column], expected, source,
			       row->count[column]);
}

static void expect_at_most(struct compare *c, const struct report_row *row,
			   enum report_column column, const char *source, uint64_t most)
{
	if (row->count[column] > most)
		compare_differ(c, "%" PRIx64 "-%" PRIx64 " %s: %s: expected at most %" PRIu64
			       " (%s), seen %" PRIu64, row->start, row->end, shown(row->name),
			       report_column_name[column], most, source, row->count[column]);
}

static void expect_at_least(struct compare *c, const struct report_row *row,
			    enum report_column column, const char *source, uint64_t least)
{
	if (row->count[column] < least || row->count[column] == REPORT_UNKNOWN)
		compare_differ(c, "%" PRIx64 "-%" PRIx64 " %s: %s: expected at least %" PRIu64
			       " (%s), seen %" PRIu64, row->start, row->end, shown(row->name),
			       report_column_name[column], least, source, row->count[column]);
}

/* Return whether the rows mean the same mapping. */
static bool compare_identity(struct compare *c, const struct report_row *row,
			     const struct smaps_row *smaps)
{
	if (row->start == smaps->start && row->end == smaps->end &&
	    !strcmp(row->perms, smaps->perms) && row->offset == smaps->offset &&
	    row->major == smaps->major && row->minor == smaps->minor &&
	    row->inode == smaps->inode && same_name(smaps->name, row->name))
		return true;
	compare_differ(c, "expected %" PRIx64 "-%" PRIx64 " %s %" PRIx64 " %02x:%02x %" PRIu64
		       " %s, seen %" PRIx64 "-%" PRIx64 " %s %" PRIx64 " %02x:%02x %" PRIu64
		       " %s", smaps->start, smaps->end, smaps->perms, smaps->offset,
		       smaps->major, smaps->minor, smaps->inode, shown(smaps->name),
		       row->start, row->end, row->perms, row->offset, row->major,
		       row->minor, row->inode, shown(row->name));
	return false;
}

static void compare_smaps(struct compare *c, const struct report_row *row,
			  const struct smaps_row *smaps)
{
	uint64_t resident = smaps->rss + smaps->hugetlb;

	expect(c, row, REPORT_SIZE, "smaps Size", (smaps->end - smaps->start) / page_size());
	expect(c, row, REPORT_SWAP, "smaps Swap", smaps->swap);
	expect(c, row, REPORT_HUGETLB, "smaps Shared_Hugetlb+Private_Hugetlb",
	       smaps->hugetlb);
	expect(c, row, REPORT_RSS, "anon+file+shmem of the row", row->count[REPORT_ANON] +
	       row->count[REPORT_FILE] + row->count[REPORT_SHMEM]);
	if (c->except >= row->start && c->except < row->end)
		return;
	expect(c, row, REPORT_HUGE, "smaps AnonHugePages+ShmemPmdMapped+FilePmdMapped",
	       smaps->huge);
	expect(c, row, REPORT_RSS, "smaps Rss", smaps->rss);
	expect(c, row, REPORT_ANON, "smaps Anonymous", smaps->anon);
	/* smaps takes a page for dirty or referenced by its entry, and by its struct page. */
	expect_at_most(c, row, REPORT_DIRTY, "smaps Shared_Dirty+Private_Dirty, hugetlb",
		       smaps->dirty + smaps->hugetlb);
	expect_at_most(c, row, REPORT_YOUNG, "smaps Referenced, hugetlb",
		       smaps->referenced + smaps->hugetlb);
	expect_at_most(c, row, REPORT_DIRTY, "smaps Rss, hugetlb", resident);
	expect_at_most(c, row, REPORT_YOUNG, "smaps Rss, hugetlb", resident);
}

/*
 * A marker may stand for a page, a poisoned one say, whose frame is not known:
 * whether it does, smaps decides.
 */
static void expect_pages(struct compare *c, const struct report_row *row,
			 enum report_column column, uint64_t pages, uint64_t markers)
{
	if (!markers) {
		expect(c, row, column, "pagemap", pages);
		return;
	}
	expect_at_least(c, row, column, "pagemap", pages);
	expect_at_most(c, row, column, "pagemap with markers", pages + markers);
}

static void compare_pages(struct compare *c, const struct report_row *row,
			  const struct smaps_row *smaps, const uint64_t *entry)
{
	struct pagemap_counts pages;
	int err = pagemap_count(entry, (row->end - row->start) / page_size(), &pages);

	if (err) {
		compare_differ(c, "%" PRIx64 ": pagemap, kpageflags: %s", row->start,
			       strerror(-err));
		return;
	}
	expect_pages(c, row, REPORT_ANON, pages.anon, pages.marker);
	expect_pages(c, row, REPORT_FILE, pages.file, pages.marker);
	expect_pages(c, row, REPORT_SHMEM, pages.shmem, pages.marker);
	expect_pages(c, row, REPORT_HUGETLB, pages.hugetlb, pages.marker);
	if (!pages.marker) {
		expect(c, row, REPORT_RUNS, "pagemap", pages.runs);
		expect(c, row, REPORT_MAXRUN, "pagemap", pages.maxrun);
	}
	/* What shmem has swapped out leaves nothing in the page tables. */
	if (smaps->inode)
		expect_at_least(c, row, REPORT_SWAP, "pagemap", pages.swap);
	else
		expect(c, row, REPORT_SWAP, "pagemap", pages.swap);
}

/* Whether the pages from first to last are all zero in pagemap. */
static bool is_empty(const uint64_t *entry, uint64_t first, uint64_t last)
{
	/* The uppermost bits but those of a page (soft-dirty say) don't count. */
	for (uint64_t i = first; i < last; i++)
		if (entry[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAP))
			return false;
	return true;
}

/**
 * struct tables - how many page tables a row may have to itself
 * @least: those that pages in pagemap prove
 * @most: those that fit in
 */
struct tables {
	uint64_t least;
	uint64_t most;
};

/* Tables of one level: those whose span meets no other row. */
static void count_tables(const struct compare *c, size_t index, const uint64_t *entry,
			 unsigned int shift, struct tables *t)
{
	const struct report_row *row = &c->report->row[index];
	uint64_t before = index ? row[-1].end : 0;
	uint64_t after = index + 1 < c->report->rows ? row[1].start : UINT64_MAX;
	uint64_t span = 1ull << shift;

	for (uint64_t at = row->start & -span; at < row->end; at += span) {
		uint64_t first = at > row->start ? at : row->start;
		uint64_t last = at + span < row->end ? at + span : row->end;

		if (before > at || after < at + span)
			continue;
		t->most++;
		if (entry && !is_empty(entry, (first - row->start) / page_size(),
				       (last - row->start) / page_size()))
			t->least++;
	}
}

static void compare_tables(struct compare *c, size_t index, const uint64_t *entry)
{
	const struct report_row *row = &c->report->row[index];
	struct tables t = { 0, 0 };
	int levels = machine_levels();

	/* Huge pages need fewer tables than pagemap shows, or one put by for later. */
	if (row->count[REPORT_HUGETLB] || row->count[REPORT_HUGE])
		entry = NULL;
	for (int level = 0; level < levels - 1; level++)
		count_tables(c, index, entry, TABLE_SHIFT_FIRST + level * TABLE_SHIFT_STEP, &t);
	expect_at_most(c, row, REPORT_TABLES, "tables that fit in",
		       t.most + row->count[REPORT_HUGE] / HUGE_PAGES);
	expect_at_least(c, row, REPORT_TABLES, "tables that pagemap proves", t.least);
}

static void compare_total(struct compare *c)
{
	for (int i = 0; i < REPORT_COLUMNS; i++) {
		uint64_t sum = 0, total = 0;
		bool known = true;

		for (size_t j = 0; j < c->report->rows; j++) {
			uint64_t count = c->report->row[j].count[i];

			known &= count != REPORT_UNKNOWN;
			if (i != REPORT_MAXRUN)
				sum += count;
			else if (count > sum)
				sum = count;
		}
		if (c->report->rows && !known)
			sum = REPORT_UNKNOWN;
		if (!report_number(c->report, "total", report_column_name[i], &total))
			compare_differ(c, "[total] has no number %s", report_column_name[i]);
		else if (total != sum)
			compare_differ(c, "[total] %s: expected %" PRId64 ", seen %" PRId64
				       " (-1 is unknown)", report_column_name[i],
				       (int64_t)sum, (int64_t)total);
	}
}

void compare_rows(struct compare *c)
{
	const struct account *a = c->account;
	size_t rows = c->report->rows;
	uint64_t total;

	if (rows != a->smaps.rows)
		compare_differ(c, "expected %zu rows (smaps), seen %zu", a->smaps.rows, rows);
	if (!report_number(c->report, "total", "vmas", &total) || total != rows)
		compare_differ(c, "[total] vmas: expected %zu, seen %s", rows,
			       shown(report_value(c->report, "total", "vmas")));
	for (size_t i = 0; i < rows && i < a->smaps.rows; i++) {
		const struct report_row *row = &c->report->row[i];
		const struct smaps_row *smaps = &a->smaps.row[i];
		const uint64_t *entry = NULL;

		if (!compare_identity(c, row, smaps))
			break;	/* the rows behind it are off by one or more */
		compare_smaps(c, row, smaps);
		/* pagemap does not look at raw frames, and not at copies among them */
		if (a->first[i] != SIZE_MAX && !smaps_flag(smaps, "pf"))
			entry = a->entry + a->first[i];
		if (entry)
			compare_pages(c, row, smaps, entry);
		compare_tables(c, i, entry);
	}
	compare_total(c);
}
