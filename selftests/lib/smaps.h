/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reader of /proc/<pid>/smaps, the kernel's own account of each mapping.
 */
#ifndef SELFTESTS_SMAPS_H
#define SELFTESTS_SMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** SMAPS_GATE - address of the gate VMA ([vsyscall]), which belongs to no mm */
#define SMAPS_GATE 0xffffffffff600000ull

/**
 * struct smaps_row - one mapping; counts in pages
 * @start: first address
 * @end: first address after the mapping
 * @offset: offset in the file, bytes
 * @inode: inode number
 * @major: device, first half
 * @minor: device, second half
 * @perms: as "rw-p"
 * @name: as smaps prints it (escaped), NULL if there is none
 * @rss: Rss
 * @pss: Pss
 * @anon: Anonymous
 * @swap: Swap
 * @huge: AnonHugePages + ShmemPmdMapped + FilePmdMapped
 * @hugetlb: Shared_Hugetlb + Private_Hugetlb
 * @dirty: Shared_Dirty + Private_Dirty
 * @referenced: Referenced
 * @locked: Locked
 * @page_size: KernelPageSize, bytes
 * @flags: VmFlags, with a blank before and behind each
 */
struct smaps_row {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	unsigned int major;
	unsigned int minor;
	char perms[5];
	const char *name;
	uint64_t rss;
	uint64_t pss;
	uint64_t anon;
	uint64_t swap;
	uint64_t huge;
	uint64_t hugetlb;
	uint64_t dirty;
	uint64_t referenced;
	uint64_t locked;
	uint64_t page_size;
	char flags[128];
};

/**
 * struct smaps - /proc/<pid>/smaps, taken apart, without the gate VMA
 * @text: the file as read, unchanged
 * @len: its length in bytes
 * @work: the copy that names point into
 * @row: the mappings in order of address
 * @rows: how many
 */
struct smaps {
	char *text;
	size_t len;
	char *work;
	struct smaps_row *row;
	size_t rows;
};

/**
 * smaps_read() - read /proc/<pid>/smaps and take it apart
 * @s: filled in; smaps_free() it in any case
 * @pid: the process
 *
 * Return: 0, or a negative errno; -EBADMSG if it is not laid out as expected.
 */
int smaps_read(struct smaps *s, pid_t pid);

/**
 * smaps_free() - free what smaps_read() took
 * @s: what it filled in
 */
void smaps_free(struct smaps *s);

/**
 * smaps_find() - the mapping that holds an address
 * @s: what smaps_read() filled in
 * @address: the address
 *
 * Return: the mapping, or NULL.
 */
const struct smaps_row *smaps_find(const struct smaps *s, uint64_t address);

/**
 * smaps_flag() - whether a mapping has a flag
 * @row: the mapping
 * @flag: two letters as in VmFlags, "pf" say
 *
 * Return: whether it has.
 */
bool smaps_flag(const struct smaps_row *row, const char *flag);

#endif /* SELFTESTS_SMAPS_H */
