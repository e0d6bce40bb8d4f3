/* SPDX-License-Identifier: GPL-2.0 */
/* The VMAs of a process: the rows of [vmas]. */
#ifndef VMAS_H
#define VMAS_H

#include "columns.h"
#include "rows.h"

enum vma_column {
	COL_PID,
	COL_COMM,
	COL_RANGE,
	COL_START,
	COL_END,
	COL_PERMS,
	COL_OFFSET,
	COL_DEV,
	COL_INODE,
	COL_SIZE,
	COL_RSS,
	COL_ANON,
	COL_FILE,
	COL_SHMEM,
	COL_SWAP,
	COL_HUGE,
	COL_HUGETLB,
	COL_DIRTY,
	COL_YOUNG,
	COL_RUNS,
	COL_MAXRUN,
	COL_TABLES,
	COL_MINFLT,
	COL_MAJFLT,
	COL_ANONFLT,
	COL_FILEFLT,
	COL_COWFLT,
	COL_SWAPFLT,
	COL_OTHERFLT,
	COL_GROWS,
	COL_NAME,
	NR_COLUMNS
};

extern const struct column_set vma_columns;

void vmas_keep_nonzero(struct rows *vmas);
size_t vmas_below(const struct rows *vmas, uint64_t address);

#endif /* VMAS_H */
