/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_SPACE_H
#define _VMI_SPACE_H

#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <linux/types.h>

#include "counts.h"
#include "pages.h"

struct vmi_stacks;

/* Mappings gathered before any is formatted. */
#define VMI_ROWS 32

/* What one hold of mmap_lock may cost: four page tables full of PTEs in order... */
#define VMI_BUDGET (4L * PTRS_PER_PTE)

/* ...or 32 mappings. */
#define VMI_COST_VMA (VMI_BUDGET / VMI_ROWS)

/* Bytes of room for their names, and how many there may be for a single one. */
#define VMI_NAMES PAGE_SIZE
#define VMI_NAMES_MAX (64 * PAGE_SIZE)

/**
 * struct vmi_row - one mapping, as plain figures
 * @start: first address
 * @end: first address behind
 * @flags: its VM_* flags
 * @offset: where in its file @start lies, in bytes
 * @dev: device of the file
 * @name_len: bytes in @name, 0 if it has none
 * @ino: inode of the file
 * @name: what maps would print for it, not terminated
 * @pages: what is mapped
 * @tracked: @faults is set
 * @faults: its page faults
 * @grows: how often it grew, if @tracked
 */
struct vmi_row {
	unsigned long start;
	unsigned long end;
	unsigned long flags;
	u64 offset;
	dev_t dev;
	unsigned int name_len;
	u64 ino;
	const char *name;
	struct vmi_pages pages;
	bool tracked;
	struct vmi_faults faults;
	u64 grows;
};

/**
 * struct vmi_rows - the mappings gathered at once
 * @nr: how many
 * @row: their figures
 * @names: their names
 * @names_size: bytes of room in @names
 * @names_used: bytes taken of it
 */
struct vmi_rows {
	unsigned int nr;
	struct vmi_row row[VMI_ROWS];
	char *names;
	size_t names_size;
	size_t names_used;
};

int vmi_rows_init(struct vmi_rows *rows);
void vmi_rows_free(struct vmi_rows *rows);

/**
 * struct vmi_holds - how long mmap_lock of an address space was held
 * @nr: how many times
 * @total_ns: nanoseconds in all
 * @longest_ns: nanoseconds of the longest
 * @since_ns: when the current one began
 */
struct vmi_holds {
	u64 nr;
	u64 total_ns;
	u64 longest_ns;
	u64 since_ns;
};

int vmi_hold(struct vmi_holds *holds, struct mm_struct *mm);
void vmi_unhold(struct vmi_holds *holds, struct mm_struct *mm);

/**
 * struct vmi_space - a walk over the mappings of an address space
 * @mm: the address space
 * @stacks: stacks of threads, to name mappings after
 * @addr: cursor: everything below has been gathered
 * @crowded: the next mapping's name is too long for the room there is
 * @partial: the last row has been gathered up to @addr only
 * @done: there is nothing above @addr
 * @seq_known: @seq is set
 * @seq: the address space's change count when the walk began
 * @changed: mappings were seen to change during the walk
 * @holds: what the walk cost the target
 * @walk: the page walk of the last row
 */
struct vmi_space {
	struct mm_struct *mm;
	const struct vmi_stacks *stacks;
	unsigned long addr;
	bool crowded;
	bool partial;
	bool done;
	bool seq_known;
	unsigned int seq;
	bool changed;
	struct vmi_holds holds;
	struct vmi_walk walk;
};

/**
 * enum vmi_changed - did the mappings change while they were walked?
 * @VMI_CHANGED_UNKNOWN: this kernel can't tell
 * @VMI_CHANGED_NO: no
 * @VMI_CHANGED_YES: yes, or they were locked for a change
 */
enum vmi_changed {
	VMI_CHANGED_UNKNOWN,
	VMI_CHANGED_NO,
	VMI_CHANGED_YES,
};

void vmi_space_begin(struct vmi_space *space, struct mm_struct *mm,
		     const struct vmi_stacks *stacks);
void vmi_space_seek(struct vmi_space *space, unsigned long addr);
int vmi_space_gather(struct vmi_space *space, struct vmi_rows *rows,
		     unsigned int want);
enum vmi_changed vmi_space_changed(const struct vmi_space *space);

#endif /* _VMI_SPACE_H */
