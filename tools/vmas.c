// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <libsmartcols.h>

#include "fields.h"
#include "vmas.h"

#define RIGHT SCOLS_FL_RIGHT
#define TRUNC SCOLS_FL_TRUNC

static const struct column columns[NR_COLUMNS] = {
	[COL_PID] = { "PID", NULL, KIND_COUNT, 5, RIGHT, IN_RAW | IN_SUMMARY,
		      "process ID" },
	[COL_COMM] = { "COMM", NULL, KIND_LITERAL, 0, 0, IN_SUMMARY,
		       "name of the process" },
	[COL_RANGE] = { "RANGE", "range", KIND_RANGE, 25, 0, 0,
			"first address, and first address after it" },
	[COL_START] = { "START", NULL, KIND_HEX, 12, RIGHT, IN_ALL,
			"first address" },
	[COL_END] = { "END", NULL, KIND_HEX, 12, RIGHT, IN_JSON,
		      "first address after it" },
	[COL_PERMS] = { "PERMS", "perms", KIND_TEXT, 4, 0, IN_ALL,
			"read, write, execute, shared or private" },
	[COL_OFFSET] = { "OFFSET", "offset", KIND_HEX, 6, RIGHT, IN_JSON,
			 "where in the file it begins, in bytes" },
	[COL_DEV] = { "DEV", "dev", KIND_TEXT, 5, RIGHT, IN_JSON,
		      "device of the file, major:minor" },
	[COL_INODE] = { "INODE", "inode", KIND_COUNT, 4, RIGHT, IN_JSON,
			"inode of the file" },
	[COL_SIZE] = { "SIZE", "size", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "address space" },
	[COL_RSS] = { "RSS", "rss", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		      "resident memory" },
	[COL_ANON] = { "ANON", "anon", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "resident, anonymous" },
	[COL_FILE] = { "FILE", "file", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "resident, of a file" },
	[COL_SHMEM] = { "SHMEM", "shmem", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
			"resident, of shared memory or tmpfs" },
	[COL_SWAP] = { "SWAP", "swap", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "swapped out" },
	[COL_HUGE] = { "HUGE", "huge", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "resident in huge pages (part of RSS)" },
	[COL_HUGETLB] = { "HUGETLB", "hugetlb", KIND_PAGES, 4, RIGHT, IN_JSON,
			  "resident in hugetlbfs (not part of RSS)" },
	[COL_DIRTY] = { "DIRTY", "dirty", KIND_PAGES, 4, RIGHT, IN_ALL | IN_SUMMARY,
			"resident, written to through this mapping" },
	[COL_YOUNG] = { "YOUNG", "young", KIND_PAGES, 4, RIGHT, IN_JSON,
			"resident, accessed of late" },
	[COL_RUNS] = { "RUNS", "runs", KIND_COUNT, 4, RIGHT, IN_ALL | IN_SUMMARY,
		       "stretches of physically adjacent memory" },
	[COL_MAXRUN] = { "MAXRUN", "maxrun", KIND_PAGES, 4, RIGHT, IN_JSON,
			 "the longest such stretch" },
	[COL_TABLES] = { "TABLES", "tables", KIND_PAGES, 4, RIGHT, IN_JSON,
			 "page tables that serve it alone" },
	[COL_MINFLT] = { "MINFLT", "minflt", KIND_COUNT, 4, RIGHT, IN_ALL | IN_SUMMARY,
			 "minor page faults" },
	[COL_MAJFLT] = { "MAJFLT", "majflt", KIND_COUNT, 4, RIGHT, IN_ALL | IN_SUMMARY,
			 "major page faults" },
	[COL_ANONFLT] = { "ANONFLT", "anonflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			  "faults: first touch of anonymous memory" },
	[COL_FILEFLT] = { "FILEFLT", "fileflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			  "faults: page of a file or shared memory mapped" },
	[COL_COWFLT] = { "COWFLT", "cowflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			 "faults: first write to a private page" },
	[COL_SWAPFLT] = { "SWAPFLT", "swapflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			  "faults: page brought back from swap" },
	[COL_OTHERFLT] = { "OTHERFLT", "otherflt", KIND_COUNT, 4, RIGHT, IN_JSON,
			   "faults: any other kind" },
	[COL_GROWS] = { "GROWS", "grows", KIND_COUNT, 4, RIGHT, IN_JSON,
			"times it grew as a stack" },
	[COL_NAME] = { "NAME", "name", KIND_TEXT, 0.1, TRUNC, IN_ALL,
		       "file, or what the kernel calls it" },
};

static const char *cell(const struct rows *vmas, char **fields, size_t id,
			const struct units *units, char *buf)
{
	(void)units;
	switch (id) {
	case COL_PID:
		return fields_get(vmas->report, "process", "pid");
	case COL_COMM:
		return fields_get(vmas->report, "process", "comm");
	case COL_START:
	case COL_END:
		return rows_range_part(rows_field(vmas, fields, COL_RANGE), id == COL_END, buf);
	default:
		return NULL;
	}
}

const struct column_set vma_columns = {
	.section = "vmas",
	.column = columns,
	.nr = NR_COLUMNS,
	.needed = COL_RANGE,
	.cell = cell,
};

/**
 * vmas_keep_nonzero() - drop the VMAs that hold no memory
 * @vmas: the VMAs
 *
 * What is not known may be memory, so such a row stays.
 */
void vmas_keep_nonzero(struct rows *vmas)
{
	static const enum vma_column memory[] = { COL_RSS, COL_SWAP, COL_HUGETLB };
	char buf[CELL_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < vmas->nr; i++) {
		for (size_t j = 0; j < sizeof(memory) / sizeof(*memory); j++) {
			if (strcmp(rows_cell(vmas, vmas->row[i], memory[j], NULL, buf), "0")) {
				vmas->row[kept++] = vmas->row[i];
				break;
			}
		}
	}
	vmas->nr = kept;
}

/**
 * vmas_below() - find the VMA that is nearest below an address
 * @vmas: the VMAs; those that are not to be shown count, too
 * @address: the address
 *
 * Return: its row; vmas->all if there is none.
 */
size_t vmas_below(const struct rows *vmas, uint64_t address)
{
	size_t below = vmas->all;
	char buf[CELL_MAX];
	uint64_t end;

	/* In a report they are in the order of their addresses. */
	for (size_t row = 0; row < vmas->all; row++)
		if (value_number(rows_cell(vmas, row, COL_END, NULL, buf), 16, &end) &&
		    end <= address)
			below = row;
	return below;
}
