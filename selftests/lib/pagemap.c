// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pagemap.h"

/* More than any kernel has swap devices, fewer than its other entry types. */
#define SWAP_TYPES 20
#define SWAP_TYPE_MASK 31

/* Frames looked up in /proc/kpageflags at a time. */
#define FRAMES 512

/* Frames of the largest page that has tails, a power of two. */
#define LARGEST 512

static int read_entries(int fd, uint64_t index, uint64_t *entry, size_t count)
{
	char *to = (char *)entry;
	size_t done = 0, size = count * sizeof(*entry);

	while (done < size) {
		ssize_t got = pread(fd, to + done, size - done,
				    (off_t)(index * sizeof(*entry) + done));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			return -EIO;
		if (got > 0)
			done += got;
	}
	return 0;
}

int pagemap_open(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pagemap_read(int fd, uint64_t start, uint64_t *entry, size_t pages)
{
	return read_entries(fd, start / sysconf(_SC_PAGESIZE), entry, pages);
}

bool pagemap_is_swap(uint64_t entry)
{
	return !(entry & PAGEMAP_PRESENT) && entry & PAGEMAP_SWAP &&
	       (entry & SWAP_TYPE_MASK) < SWAP_TYPES;
}

/* Flags of up to FRAMES adjacent frames; those past the end of memory have no page. */
static int read_flags(int fd, uint64_t frame, uint64_t *flags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		flags[i] = KPAGE_NOPAGE;
	if (!read_entries(fd, frame, flags, count))
		return 0;
	for (size_t i = 0; i < count; i++) {
		int err = read_entries(fd, frame + i, &flags[i], 1);

		if (err == -EIO || err == -ENXIO || err == -EINVAL)
			flags[i] = KPAGE_NOPAGE;
		else if (err)
			return err;
	}
	return 0;
}

/*
 * Flags that say what a page is. Up to 6.1, those of a large page's tail are its
 * own and say nothing: its head lies at the next lower frame that begins one.
 */
static uint64_t head_flags(int fd, uint64_t frame, uint64_t flags)
{
	uint64_t head = frame, found;

	if (!(flags & KPAGE_TAIL) || flags & (KPAGE_ANON | KPAGE_SWAPBACKED | KPAGE_HUGETLB))
		return flags;
	for (uint64_t bit = 1; bit <= LARGEST; bit *= 2) {
		head &= ~bit;
		if (!read_flags(fd, head, &found, 1) && found & KPAGE_HEAD)
			return flags | found;
	}
	return flags;
}

/* Count one present page; return whether it belongs to a run. */
static bool count_page(struct pagemap_counts *c, uint64_t flags)
{
	c->present++;
	if (flags & KPAGE_NOPAGE) {
		c->other++;
		return false;
	}
	if (flags & KPAGE_ZERO) {
		c->zero++;
		return false;
	}
	if (flags & KPAGE_HUGETLB) {
		c->hugetlb++;
		return true;
	}
	if (flags & KPAGE_ANON)
		c->anon++;
	else if (flags & KPAGE_SWAPBACKED)
		c->shmem++;
	else
		c->file++;
	return true;
}

static bool is_frame(uint64_t entry)
{
	return entry & PAGEMAP_PRESENT;
}

/* How many of the entries from the first on are present with adjacent frames. */
static size_t adjacent(const uint64_t *entry, size_t pages)
{
	size_t n = 1;

	while (n < pages && n < FRAMES && is_frame(entry[n]) &&
	       (entry[n] & PAGEMAP_FRAME) == (entry[0] & PAGEMAP_FRAME) + n)
		n++;
	return n;
}

static int count_entries(int fd, const uint64_t *entry, size_t pages,
			 struct pagemap_counts *c)
{
	uint64_t flags[FRAMES], last = 0, run = 0;
	size_t n;
	int err;

	for (size_t i = 0; i < pages; i += n) {
		n = 1;
		if (!is_frame(entry[i])) {
			if (pagemap_is_swap(entry[i]))
				c->swap++;
			else if (entry[i] & PAGEMAP_SWAP)
				c->marker++;
			run = 0;
			continue;
		}
		if (!(entry[i] & PAGEMAP_FRAME))
			return -EPERM;	/* frame numbers are hidden from us */
		n = adjacent(entry + i, pages - i);
		err = read_flags(fd, entry[i] & PAGEMAP_FRAME, flags, n);
		if (err)
			return err;
		for (size_t j = 0; j < n; j++) {
			uint64_t frame = entry[i + j] & PAGEMAP_FRAME;

			if (!count_page(c, head_flags(fd, frame, flags[j]))) {
				run = 0;
				continue;
			}
			run = run && frame == last + 1 ? run + 1 : 1;
			c->runs += run == 1;
			if (run > c->maxrun)
				c->maxrun = run;
			last = frame;
		}
	}
	return 0;
}

int pagemap_count(const uint64_t *entry, size_t pages, struct pagemap_counts *counts)
{
	/* open for good: this is called for each of tens of thousands of mappings */
	static int fd = -1;

	memset(counts, 0, sizeof(*counts));
	if (fd < 0)
		fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return count_entries(fd, entry, pages, counts);
}

int pagemap_count_range(pid_t pid, uint64_t start, uint64_t end,
			struct pagemap_counts *counts)
{
	size_t pages = (end - start) / sysconf(_SC_PAGESIZE);
	uint64_t *entry = calloc(pages, sizeof(*entry));
	int fd, err;

	if (!entry)
		return -ENOMEM;
	fd = pagemap_open(pid);
	err = fd < 0 ? fd : pagemap_read(fd, start, entry, pages);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = pagemap_count(entry, pages, counts);
	free(entry);
	return err;
}
