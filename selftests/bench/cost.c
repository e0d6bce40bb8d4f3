// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to read what the kernel and vminspect say about a process, in
 * instructions: for a machine whose clock counts them (one nanosecond each),
 * with one processor.
 *
 *   cost FILE    FILE: 256 MiB of a file system with a page cache
 *
 * Prints a line for each figure: case, what was read, instructions. Each is the
 * smaller of two readings, the first of which warms caches up.
 */
#include "bench.h"
#include "target.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define READINGS 2

struct bench_case {
	const char *name;
	void *(*map)(size_t size);
	size_t size;		/* bytes */
	bool skip_pagemap;
};

static const char *file_name;
static char buffer[128 * 1024];

/* Neighbours are touched far apart in time: their frames are, too. */
static void *map_scattered(size_t size)
{
	char *at = reserve_small(size);
	size_t pages = size / PAGE;

	/* Odd and large: reaches every page of a power of two, in long steps. */
	for (size_t i = 0, page = 0; i < pages; i++, page += 0x9e3779b1)
		at[page % pages * PAGE] = 1;
	return at;
}

static void *map_huge(size_t size)
{
	char *at = reserve(size);

	if (madvise(at, size, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
	return at;
}

static void *map_sparse(size_t size)
{
	char *at = reserve_small(size);

	for (size_t i = 0; i < 1000; i++)
		at[size / 1000 / PAGE * PAGE * i] = 1;
	return at;
}

static void *map_file(size_t size)
{
	int fd = open(file_name, O_RDONLY);
	volatile char *at;

	if (fd < 0)
		die(file_name);
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die("mmap of a file");
	for (size_t i = 0; i < size; i += PAGE)
		(void)at[i];
	return (void *)at;
}

static const struct bench_case cases[] = {
	{ "1_GiB_in_order", map_in_order, GIB, false },
	{ "1_GiB_scattered", map_scattered, GIB, false },
	{ "1_GiB_huge_pages", map_huge, GIB, false },
	{ "60000_VMAs", map_many, 60000 * PAGE, false },
	/* All of its pagemap would be 2 GiB. */
	{ "1_TiB_1000_pages", map_sparse, TIB, true },
	{ "256_MiB_file", map_file, 256 * MIB, false },
};

/* The rest is of a target whose faults are not counted. */
static void untrack(const struct target *target)
{
	static const char word[] = "untrack";
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/vminspect/%d", target->pid);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, word, strlen(word)) < 0)
		die(path);
	close(fd);
}

static void print_figure(const struct bench_case *c, const char *what, uint64_t figure)
{
	printf("%s %s %llu\n", c->name, what, (unsigned long long)figure);
}

static void measure(const struct bench_case *c, const struct target *target, const char *what,
		    const char *format)
{
	uint64_t least = UINT64_MAX;
	char path[64] = "";

	if (format)
		snprintf(path, sizeof(path), format, target->pid);
	for (int i = 0; i < READINGS; i++) {
		uint64_t start = now();
		uint64_t took;

		if (format)
			read_file(path);
		else
			read_pagemap(target);
		took = now() - start;
		if (took < least)
			least = took;
	}
	print_figure(c, what, least);
}

/* The figure that the report itself gives for its locks, out of [total]. */
static void print_longest_hold(const struct bench_case *c, const struct target *target)
{
	char path[64], line[8192];
	unsigned long long hold;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/vminspect/%d", target->pid);
	file = fopen(path, "r");
	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "longest_hold_ns %llu", &hold) == 1)
			found = true;
	fclose(file);
	if (found)
		print_figure(c, "longest_hold", hold);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: cost FILE\n", stderr);
		return 2;
	}
	file_name = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	become_sole();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct bench_case *c = &cases[i];
		struct target target;

		start_target(&target, c->map, c->size, NULL);
		measure(c, &target, "vminspect", "/proc/vminspect/%d");
		measure(c, &target, "smaps", "/proc/%d/smaps");
		measure(c, &target, "smaps_rollup", "/proc/%d/smaps_rollup");
		measure(c, &target, "maps", "/proc/%d/maps");
		if (!c->skip_pagemap)
			measure(c, &target, "pagemap", NULL);
		print_longest_hold(c, &target);
		untrack(&target);
		measure(c, &target, "untracked", "/proc/vminspect/%d");
		stop_target(&target);
	}
	return 0;
}
