/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Growths of stacks in the report: what [grows] and [growth] say, whether they add
 * up, and whether they are what the test knows.
 */
#ifndef SELFTESTS_GROWTH_H
#define SELFTESTS_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"

/** GROWTH_UNLIMITED - a limit that is none */
#define GROWTH_UNLIMITED (UINT64_MAX - 1)

/** GROWTH_PARAMETER - how many events the module keeps of each process */
#define GROWTH_PARAMETER "/sys/module/vminspect/parameters/growth_events"

/** GROWTH_GAP - pages that the kernel keeps free below a stack */
#define GROWTH_GAP 256

/**
 * struct growth_event - one row of [growth]
 * @time: nanoseconds of the monotonic clock
 * @tid: who caused it; %REPORT_UNKNOWN if it is not of this pid namespace
 * @comm: its name, as printed
 * @cause: "fault", "exec" or "remote"
 * @ip: where it was in user space; %REPORT_UNKNOWN for "-"
 * @sp: its stack pointer there; %REPORT_UNKNOWN for "-"
 * @address: what was touched
 * @old_start: first address of the mapping before
 * @new_start: and after, or what was asked for
 * @size: pages after, or what was asked for
 * @limit: RLIMIT_STACK in pages, or %GROWTH_UNLIMITED
 * @result: "grown" or "refused:" and a reason
 */
struct growth_event {
	uint64_t time;
	uint64_t tid;
	char comm[64];
	char cause[8];
	uint64_t ip;
	uint64_t sp;
	uint64_t address;
	uint64_t old_start;
	uint64_t new_start;
	uint64_t size;
	uint64_t limit;
	char result[32];
};

/**
 * struct growth - all that one report says of growths
 * @grown: this and the next four: the keys of [grows], %REPORT_UNKNOWN for "-"
 * @refused: refused ones
 * @gone: growths of mappings that are gone
 * @unattributed: growths that no row has
 * @dropped: those that are not in [growth] any more
 * @event: the rows of [growth], in their order
 * @events: how many
 * @rows: sum of the column grows of [vmas]
 */
struct growth {
	uint64_t grown;
	uint64_t refused;
	uint64_t gone;
	uint64_t unattributed;
	uint64_t dropped;
	struct growth_event *event;
	size_t events;
	uint64_t rows;
};

/**
 * growth_of() - what a report says of growths, if it adds up
 * @g: filled in; growth_free() it in any case
 * @r: the report, of a process that is tracked
 * @pid: the process, for messages
 *
 * What it grew is in the rows, gone, or unattributed; what it grew and what was
 * refused is among the events or dropped; [total] and [gone] say the same; the
 * events come in the order of time, and each makes sense in itself.
 *
 * Return: the number of differences, each of which is printed.
 */
int growth_of(struct growth *g, const struct report *r, pid_t pid);

/**
 * growth_read() - read a report, and growth_of()
 * @g: filled in; growth_free() it in any case
 * @pid: the process, tracked
 *
 * Return: as growth_of(); a report that can't be read is a difference.
 */
int growth_read(struct growth *g, pid_t pid);

/**
 * growth_free() - free what the two above took
 * @g: what they filled in
 */
void growth_free(struct growth *g);

/**
 * growth_count() - events with a result
 * @g: what growth_read() filled in
 * @result: "grown", say; "refused:" is all refusals
 *
 * Return: how many.
 */
size_t growth_count(const struct growth *g, const char *result);

/**
 * growth_event_is() - compare an event with what the test knows
 * @pid: the process, for messages
 * @e: the event; NULL is a difference
 * @expected: fields and values, "cause=fault address=7f0 limit=2048 result=grown", printf()
 *	      format; addresses without zeros in front
 *
 * Return: the number of differences, each of which is printed.
 */
int growth_event_is(pid_t pid, const struct growth_event *e, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * growth_row() - column grows of the row that holds an address
 * @pid: the process
 * @address: the address
 *
 * Return: growths; %REPORT_UNKNOWN for "-", or if there is no such row, which is
 * also printed.
 */
uint64_t growth_row(pid_t pid, uint64_t address);

/**
 * growth_maps() - where a mapping begins, by /proc/<pid>/maps
 * @pid: the process
 * @address: an address in it
 *
 * Return: its first address, 0 if there is no mapping.
 */
uint64_t growth_maps(pid_t pid, uint64_t address);

/**
 * growth_clock() - what the time of events is measured in
 *
 * Return: nanoseconds.
 */
uint64_t growth_clock(void);

#endif /* SELFTESTS_GROWTH_H */
