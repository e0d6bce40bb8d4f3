/* SPDX-License-Identifier: GPL-2.0 */
/* Processes whose memory is of a known kind and size, to be read about. */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stddef.h>
#include <sys/types.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define GIB (1ul << 30)
#define TIB (1ul << 40)

struct target {
	pid_t pid;
	void *at;		/* the memory it is about */
	size_t size;		/* bytes */
};

/* Memory of the given size, aligned to what a page-table entry above can map. */
char *reserve(size_t size);

/* The same, without huge pages. */
char *reserve_small(size_t size);

/* Memory in small pages; neighbours in it were touched one after the other. */
void *map_in_order(size_t size);

/* A VMA for every page: every other one is read-only. */
void *map_many(size_t size);

/* Starts a process that has called map(size), then live() if there is one, and sleeps. */
void start_target(struct target *target, void *(*map)(size_t size), size_t size,
		  void (*live)(void));

void stop_target(struct target *target);

/* Reads the pagemap of the memory that the target is about. */
void read_pagemap(const struct target *target);

#endif
