// SPDX-License-Identifier: GPL-2.0
/*
 * gentle [wait]: how much a process is held up by who reads about it, in instructions:
 * for a machine whose clock counts them (one nanosecond each), with one processor. Or,
 * wait, in nanoseconds, for one whose processors run side by side: without hold.
 *
 * Prints a line for each figure: case, reader, what, number.
 *
 *   hold        the longest that the reader held mmap_lock, by the kernel's trace
 *               events, alone on the machine: what it does in a hold
 *   map         what mmap + touch + munmap of a page takes a thread of the process,
 *   fault       the first touch of a page another: the mean of many, one every now
 *               and then, while the reader reads all the time
 *   worst_map   the longest of these: what it took, and waited for the reader
 *   worst_fault
 *
 * Both threads are of a higher priority than the reader: they wait only where it does
 * not let them have the processor, or has the lock. The reader "spin" reads nothing:
 * this is what there is without.
 */
#include "bench.h"
#include "target.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"
#define READINGS 2
#define WINDOW 300000000ull
#define LONG_WINDOW (10 * WINDOW)	/* where not all is the same each time */
#define FRESH_PAGES 1024
#define NAP 100000		/* between two of what a thread does */

static const struct {
	const char *name;
	void *(*map)(size_t size);
	size_t size;		/* bytes */
} cases[] = {
	{ "6000_VMAs", map_many, 6000 * PAGE },
	{ "60000_VMAs", map_many, 60000 * PAGE },
	{ "128_MiB", map_in_order, 128 * MIB },
	{ "1_GiB", map_in_order, GIB },
};

static const struct reader {
	const char *name;
	const char *format;	/* of its path */
} readers[] = {
	{ "spin", NULL },
	{ "vminspect", "/proc/vminspect/%d" },
	{ "smaps", "/proc/%d/smaps" },
	{ "smaps_rollup", "/proc/%d/smaps_rollup" },
	{ "maps", "/proc/%d/maps" },
	{ "pagemap", NULL },
};

/* What a thread of the process did since the last change of round. */
struct work {
	uint64_t times;
	uint64_t total;
	uint64_t longest;
};

struct shared {
	uint64_t round;
	struct work map;
	struct work fault;
};

static struct shared *shared;

static const char *case_name;

/* One more, that took so long. It counts if it was done in one round. */
static void note(struct work *work, uint64_t round, uint64_t start)
{
	uint64_t took = now() - start;

	if (__atomic_load_n(&shared->round, __ATOMIC_ACQUIRE) != round)
		return;
	work->times++;
	work->total += took;
	if (took > work->longest)
		work->longest = took;
}

static void wait_a_while(void)
{
	const struct timespec a_while = { .tv_nsec = NAP };

	nanosleep(&a_while, NULL);
}

static char *map_pages(size_t pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void *map_on(void *arg)
{
	for (;;) {
		uint64_t round = shared->round, start = now();
		char *at = map_pages(1);

		*(volatile char *)at = 1;
		if (munmap(at, PAGE))
			die("munmap");
		note(&shared->map, round, start);
		wait_a_while();
	}
	return arg;
}

static void *fault_on(void *arg)
{
	char *at = map_pages(FRESH_PAGES);

	if (madvise(at, FRESH_PAGES * PAGE, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
	for (size_t i = 0;; i = (i + 1) % FRESH_PAGES) {
		uint64_t round, start;

		if (!i && madvise(at, FRESH_PAGES * PAGE, MADV_DONTNEED))
			die("MADV_DONTNEED");
		round = shared->round;
		start = now();
		*(volatile char *)(at + i * PAGE) = 1;
		note(&shared->fault, round, start);
		wait_a_while();
	}
	return arg;
}

static void start_thread(void *(*run)(void *arg))
{
	const struct sched_param param = { .sched_priority = 1 };
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_attr_init(&attr) || pthread_attr_setschedpolicy(&attr, SCHED_FIFO) ||
	    pthread_attr_setschedparam(&attr, &param) ||
	    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) ||
	    pthread_create(&thread, &attr, run, NULL))
		errx(1, "a thread does not start");
	pthread_attr_destroy(&attr);
}

static void live(void)
{
	start_thread(map_on);
	start_thread(fault_on);
}

static void stand_still(const struct target *target)
{
	int status;

	if (kill(target->pid, SIGSTOP) || waitpid(target->pid, &status, WUNTRACED) < 0 ||
	    !WIFSTOPPED(status))
		errx(1, "pid %d did not stop", target->pid);
}

static void go_on(const struct target *target)
{
	shared->round++;
	shared->map = (struct work){ 0 };
	shared->fault = (struct work){ 0 };
	if (kill(target->pid, SIGCONT))
		die("SIGCONT");
}

/* The trace events of this process's own locks. */

static void set_tracing(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

static void prepare_trace(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	set_tracing("tracing_on", "0");
	set_tracing("trace_clock", "mono");
	set_tracing("buffer_size_kb", "32768");
	set_tracing("set_event_pid", pid);
	set_tracing("events/mmap_lock/mmap_lock_acquire_returned/enable", "1");
	set_tracing("events/mmap_lock/mmap_lock_released/enable", "1");
}

static void begin_trace(void)
{
	set_tracing("trace", "\n");
	set_tracing("tracing_on", "1");
	/* To learn how this process's own memory is called in the trace. */
	munmap(map_pages(1), PAGE);
}

static void check_complete(const char *line)
{
	unsigned long there, written;

	if (sscanf(line, "# entries-in-buffer/entries-written: %lu/%lu", &there, &written) == 2 &&
	    there != written)
		errx(1, "the trace has %lu of %lu events", there, written);
}

/* When and of which memory an event of a name was; false: the line is none. */
static bool take_event(const char *line, const char *name, double *us, char mm[32])
{
	const char *at = strstr(line, name), *stamp = at;

	if (!at)
		return false;
	/* "... 12.345678: mmap_lock_released: mm=00000000d8ac3f1b ..." */
	while (stamp > line + 2 && stamp[-3] != ' ')
		stamp--;
	*us = strtod(stamp - 2, NULL) * 1e6;
	at = strstr(at, "mm=");
	if (!at || sscanf(at, "mm=%31s", mm) != 1)
		errx(1, "the trace says: %s", line);
	return true;
}

/* The longest hold of another process's lock since begin_trace(), instructions. */
static uint64_t end_trace(void)
{
	char line[512], own[32] = "", mm[32];
	double acquired = 0, released, longest = 0;
	FILE *trace;

	set_tracing("tracing_on", "0");
	trace = fopen(TRACING "trace", "r");
	if (!trace)
		die(TRACING "trace");
	while (fgets(line, sizeof(line), trace)) {
		check_complete(line);
		if (take_event(line, "mmap_lock_acquire_returned: ", &released, mm)) {
			if (!*own)
				strcpy(own, mm);
			if (strcmp(mm, own))
				acquired = released;
		} else if (take_event(line, "mmap_lock_released: ", &released, mm) &&
			   strcmp(mm, own) && released - acquired > longest) {
			longest = released - acquired;
		}
	}
	fclose(trace);
	if (!*own || !strchr("0123456789abcdef", *own))
		errx(1, "expected events of mmap_lock that tell which, seen mm=%s", own);
	return longest * 1000 + 0.5;
}

static void print_figure(const struct reader *r, const char *what, uint64_t figure)
{
	printf("%s %s %s %llu\n", case_name, r->name, what, (unsigned long long)figure);
}

static void read_once(const struct reader *r, const struct target *target)
{
	char path[64];

	if (!strcmp(r->name, "pagemap")) {
		read_pagemap(target);
	} else if (r->format) {
		snprintf(path, sizeof(path), r->format, target->pid);
		read_file(path);
	}
}

/* With the process stopped and nothing else running. */
static void measure_hold(const struct reader *r, const struct target *target)
{
	uint64_t least = UINT64_MAX;

	become_sole();
	for (int i = 0; i < READINGS; i++) {
		uint64_t hold;

		begin_trace();
		read_once(r, target);
		hold = end_trace();
		if (hold < least)
			least = hold;
	}
	print_figure(r, "hold", least);
	become_ordinary();
}

static void print_work(const struct reader *r, const char *what, const struct work *work)
{
	char worst[32];

	if (!work->times)
		errx(1, "%s %s: %s: never done", case_name, r->name, what);
	print_figure(r, what, work->total / work->times);
	snprintf(worst, sizeof(worst), "worst_%s", what);
	print_figure(r, worst, work->longest);
}

/* With its two threads running, for so many nanoseconds. */
static void measure_work(const struct reader *r, const struct target *target, uint64_t window)
{
	uint64_t start;

	go_on(target);
	start = now();
	do
		read_once(r, target);
	while (now() - start < window);
	stand_still(target);
	print_work(r, "map", &shared->map);
	print_work(r, "fault", &shared->fault);
}

int main(int argc, char **argv)
{
	const bool timed = argc > 1 && !strcmp(argv[1], "wait");

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	if (!timed)
		prepare_trace();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct target target;

		case_name = cases[i].name;
		start_target(&target, cases[i].map, cases[i].size, live);
		stand_still(&target);
		for (size_t r = 0; r < sizeof(readers) / sizeof(*readers); r++) {
			if (r && !timed)
				measure_hold(&readers[r], &target);
			measure_work(&readers[r], &target, timed ? LONG_WINDOW : WINDOW);
		}
		stop_target(&target);
	}
	return 0;
}
