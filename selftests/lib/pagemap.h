/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readers of /proc/<pid>/pagemap and /proc/kpageflags: what the kernel says
 * of single pages. Frame numbers need CAP_SYS_ADMIN.
 */
#ifndef SELFTESTS_PAGEMAP_H
#define SELFTESTS_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bits of a pagemap entry; see Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_FRAME	((1ull << 55) - 1)
#define PAGEMAP_UFFD_WP	(1ull << 57)
#define PAGEMAP_GUARD	(1ull << 58)
#define PAGEMAP_FILE	(1ull << 61)
#define PAGEMAP_SWAP	(1ull << 62)
#define PAGEMAP_PRESENT	(1ull << 63)

/* Bits of a kpageflags entry that don't change while a page stays mapped. */
#define KPAGE_ANON		(1ull << 12)
#define KPAGE_SWAPBACKED	(1ull << 14)
#define KPAGE_HEAD		(1ull << 15)
#define KPAGE_TAIL		(1ull << 16)
#define KPAGE_HUGETLB		(1ull << 17)
#define KPAGE_NOPAGE		(1ull << 20)
#define KPAGE_KSM		(1ull << 21)
#define KPAGE_THP		(1ull << 22)
#define KPAGE_ZERO		(1ull << 24)

/**
 * struct pagemap_counts - one range of addresses, counted page by page
 * @present: entries with a frame, whatever it is
 * @zero: of these, the zero page (small or huge)
 * @hugetlb: of these, pages of hugetlbfs
 * @anon: of these, anonymous pages
 * @shmem: of these, pages of shmem or tmpfs
 * @file: of these, all other pages with a struct page
 * @other: of these, frames without a struct page
 * @swap: entries that are in swap
 * @marker: entries that are neither: migration, poison, uffd-wp and guard markers
 * @runs: maximal stretches of @anon, @shmem, @file and @hugetlb pages adjacent
 *	  in the address space and in memory
 * @maxrun: pages of the longest
 */
struct pagemap_counts {
	uint64_t present;
	uint64_t zero;
	uint64_t hugetlb;
	uint64_t anon;
	uint64_t shmem;
	uint64_t file;
	uint64_t other;
	uint64_t swap;
	uint64_t marker;
	uint64_t runs;
	uint64_t maxrun;
};

/**
 * pagemap_open() - open /proc/<pid>/pagemap
 * @pid: the process
 *
 * Return: a file descriptor, or a negative errno.
 */
int pagemap_open(pid_t pid);

/**
 * pagemap_read() - read the entries of a range
 * @fd: from pagemap_open()
 * @start: address of the first page
 * @entry: where to put the entries
 * @pages: how many
 *
 * Return: 0, or a negative errno; -EIO if there are fewer.
 */
int pagemap_read(int fd, uint64_t start, uint64_t *entry, size_t pages);

/**
 * pagemap_is_swap() - whether an entry is one of a swap device
 * @entry: the entry
 *
 * Migration entries and markers have the swap bit as well, but types that no
 * swap device can have.
 *
 * Return: whether it is.
 */
bool pagemap_is_swap(uint64_t entry);

/**
 * pagemap_count() - count entries, looking up the frames in /proc/kpageflags
 * @entry: the entries of one range
 * @pages: how many
 * @counts: filled in
 *
 * Return: 0, or a negative errno.
 */
int pagemap_count(const uint64_t *entry, size_t pages, struct pagemap_counts *counts);

/**
 * pagemap_count_range() - read and count the pages of a process from start to end
 * @pid: the process
 * @start: first address
 * @end: first address after the range
 * @counts: filled in
 *
 * Return: 0, or a negative errno.
 */
int pagemap_count_range(pid_t pid, uint64_t start, uint64_t end,
			struct pagemap_counts *counts);

#endif /* SELFTESTS_PAGEMAP_H */
