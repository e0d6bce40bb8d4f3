// SPDX-License-Identifier: GPL-2.0
/*
 * What page faults, growing stacks, mappings and processes cost, in instructions: for a machine
 * whose clock counts them (one nanosecond each), with one processor.
 *
 *   load [-t | -u] LOAD...
 *
 * Prints a line for each load: its name, and instructions for one of what it
 * does many of; the median of several runs, after others to warm up.
 *
 * -t: fails unless vminspect tracked this process and counted every fault of it;
 * -u: fails if it tracked it.
 *
 * Faults are measured with nothing else running, so their figures are what the
 * process itself pays; those of mappings and programs have in them what others
 * do for them meanwhile.
 */
#include "bench.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define WARM_UP 2
#define RUNS 7
#define PAGES 4096		/* of memory that is touched */
#define AROUND 16		/* pages of a file that one fault maps */
#define MAPPINGS 4096
#define GROWTHS 1024		/* of a stack, one page each */
#define GAP 256			/* pages the kernel keeps free below a stack */
#define PROGRAMS 64
#define VALUE_SIZE 64

struct load {
	const char *name;
	unsigned int times;	/* how often a run does it */
	bool alone;		/* with nothing else running */
	void (*run)(void);
	void (*prepare)(void);	/* before a run, if at all */
	void (*clean)(void);	/* after it */
};

static char *memory;		/* what the run is about */
static size_t memory_size;
static int file;
static pid_t sharer;

static char *map_memory(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void unmap_memory(char *at, size_t size)
{
	if (munmap(at, size))
		die("munmap");
}

/* Fresh pages. */

static void prepare_anon(void)
{
	memory_size = PAGES * PAGE;
	memory = map_memory(memory_size);
	if (madvise(memory, memory_size, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
}

static void write_pages(void)
{
	for (size_t i = 0; i < memory_size; i += PAGE)
		memory[i] = 1;
}

static void clean_memory(void)
{
	unmap_memory(memory, memory_size);
}

/* Pages of a file that is in the page cache. */

static void prepare_file(void)
{
	static char page[PAGE] = { 1 };

	if (!file) {
		file = memfd_create("load", 0);
		for (size_t i = 0; i < PAGES * AROUND; i++)
			if (write(file, page, PAGE) != (ssize_t)PAGE)
				die("write");
	}
	memory_size = PAGES * AROUND * PAGE;
	memory = mmap(NULL, memory_size, PROT_READ, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED)
		die("mmap of a file");
}

static void read_pages(void)
{
	for (size_t i = 0; i < memory_size; i += AROUND * PAGE)
		(void)*(volatile char *)(memory + i);
}

/* Pages that are shared with a child since fork. */

static void prepare_cow(void)
{
	prepare_anon();
	write_pages();
	sharer = fork();
	if (sharer < 0)
		die("fork");
	if (!sharer)
		for (;;)
			pause();
}

static void clean_cow(void)
{
	kill(sharer, SIGKILL);
	waitpid(sharer, NULL, 0);
	clean_memory();
}

/* A stack that grows with each page that is touched; there is room for it. */

static char *stack;		/* where it will start in the end */

static void prepare_stack(void)
{
	size_t room = (GAP + GROWTHS + 1) * PAGE;
	char *at = map_memory(room), *last = at + room - PAGE;

	unmap_memory(at, room);
	if (mmap(last, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0) != last)
		die("mmap of a stack");
	stack = last - GROWTHS * PAGE;
}

static void grow_stack(void)
{
	for (size_t i = GROWTHS; i-- > 0;)
		*(volatile char *)(stack + i * PAGE) = 1;
}

static void clean_stack(void)
{
	unmap_memory(stack, (GROWTHS + 1) * PAGE);
}

/* Mappings. */

static void map_unmap(void)
{
	for (size_t i = 0; i < MAPPINGS; i++)
		unmap_memory(map_memory(PAGE), PAGE);
}

static void map_touch_unmap(void)
{
	for (size_t i = 0; i < MAPPINGS; i++) {
		char *at = map_memory(PAGE);

		*(volatile char *)at = 1;
		unmap_memory(at, PAGE);
	}
}

/* Programs: the one of the loads whose name is a path. */

static const char *program;

static void start_programs(void)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		int status;
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			execl(program, program, NULL);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			errx(1, "%s did not exit with 0", program);
	}
}

static const struct load loads[] = {
	{ "anon", PAGES, true, write_pages, prepare_anon, clean_memory },
	{ "file", PAGES, true, read_pages, prepare_file, clean_memory },
	{ "cow", PAGES, true, write_pages, prepare_cow, clean_cow },
	{ "grow", GROWTHS, true, grow_stack, prepare_stack, clean_stack },
	{ "map", MAPPINGS, false, map_unmap, NULL, NULL },
	{ "map_touch", MAPPINGS, false, map_touch_unmap, NULL, NULL },
};

static const struct load programs = { "", PROGRAMS, false, start_programs, NULL, NULL };

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static long all_faults;		/* in runs */

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* Every run has to do the same, or it is not the load that is measured. */
static void check_faults(const struct load *load, long done)
{
	static const struct load *last;
	static long before;

	if (load == last && labs(done - before) > load->times / 1000 + 1)
		errx(1, "%s: %ld faults in a run, %ld in the next", load->name, before, done);
	last = load;
	before = done;
}

static void measure(const struct load *load)
{
	uint64_t took[WARM_UP + RUNS];

	if (load->alone)
		become_sole();
	else
		become_ordinary();
	for (int i = 0; i < WARM_UP + RUNS; i++) {
		uint64_t start;
		long done;

		if (load->prepare)
			load->prepare();
		/* Whatever waits for the processor may have it now. */
		usleep(100000);
		done = faults();
		start = now();
		load->run();
		took[i] = now() - start;
		done = faults() - done;
		check_faults(load, done);
		all_faults += done;
		if (load->clean)
			load->clean();
	}
	qsort(took + WARM_UP, RUNS, sizeof(*took), compare);
	printf("%s %.1f\n", *load->name ? load->name : strrchr(program, '/') + 1,
	       (double)took[WARM_UP + RUNS / 2] / load->times);
}

static void measure_name(const char *name)
{
	if (strchr(name, '/')) {
		program = name;
		measure(&programs);
		return;
	}
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(loads[i].name, name)) {
			measure(&loads[i]);
			return;
		}
	errx(2, "%s: no such load", name);
}

/* Takes the value of a "key value" line, if it is this key's. */
static void take_value(const char *line, const char *key, char value[VALUE_SIZE])
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) || line[length] != ' ')
		return;
	snprintf(value, VALUE_SIZE, "%s", line + length + 1);
	value[strcspn(value, "\n")] = '\0';
}

/* The figures would be those of another state than the one they are said to be of. */
static void check_tracked(bool expected)
{
	const char *path = "/proc/vminspect/self";
	char line[8192], since[VALUE_SIZE] = "", own[VALUE_SIZE] = "", lost[VALUE_SIZE] = "";
	FILE *report = fopen(path, "r");

	if (!report)
		die(path);
	while (fgets(line, sizeof(line), report)) {
		take_value(line, "tracked_since", since);
		take_value(line, "own_minflt", own);
		take_value(line, "lost", lost);
	}
	fclose(report);
	if (!*since)
		errx(1, "%s has no tracked_since", path);
	if (expected != !!strcmp(since, "-"))
		errx(1, "%s says tracked_since %s, expected this process %s", path, since,
		     expected ? "tracked" : "not tracked");
	if (expected && (atol(own) < all_faults || strcmp(lost, "0")))
		errx(1, "%s says own_minflt %s, lost %s, expected at least %ld and 0", path, own,
		     lost, all_faults);
}

int main(int argc, char **argv)
{
	bool tracked = false, untracked = false;
	int option;

	while ((option = getopt(argc, argv, "tu")) != -1)
		switch (option) {
		case 't':
			tracked = true;
			break;
		case 'u':
			untracked = true;
			break;
		default:
			fputs("usage: load [-t | -u] LOAD...\n", stderr);
			return 2;
		}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (char **name = argv + optind; *name; name++)
		measure_name(*name);
	if (tracked || untracked)
		check_tracked(tracked);
	return 0;
}
