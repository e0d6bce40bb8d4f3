// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: guard markers (MADV_GUARD_INSTALL, Linux 6.13) guard a stack as an
 * inaccessible mapping does: each stack starts at the markers below it, also where
 * one mapping holds many; those of a C library that uses them are found.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/diag.h"
#include "lib/procfile.h"
#include "stacks.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* The first kernel with them. */
#define MARKERS_SINCE 6013

STACKS_FIXTURE(stacks_guards)

#define PAGES 64
#define GUARD 4
#define THREADS 5
#define DEPTH 10

static struct stacks_thread thread[THREADS];

static void start_on(struct target *t, unsigned int slot, uint64_t at)
{
	thread[slot] = (struct stacks_thread){
		.t = t, .slot = slot, .run = stacks_wait_deep, .depth = DEPTH + slot
	};
	stacks_start_on(&thread[slot], at, PAGES);
}

static void mark(uint64_t at, uint64_t pages, int advice)
{
	if (madvise((void *)at, pages * KIND_PAGE, advice))
		target_fail("MADV_GUARD_INSTALL");
}

static void one_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	stacks_map(at, PAGES, 0);
	start_on(t, 0, at);
	target_step(t);
	mark(at, GUARD, MADV_GUARD_INSTALL);
	target_step(t);
	/* a hole in the guard: what is below is no stack's */
	mark(at + KIND_PAGE, 1, MADV_GUARD_REMOVE);
	*(volatile char *)(at + KIND_PAGE) = 1;
	target_step(t);
	mark(at, GUARD, MADV_GUARD_REMOVE);
	target_step(t);
}

TEST_F(stacks_guards, at_the_start_of_the_mapping)
{
	uint64_t at = TARGET_ALONE(0);

	if (machine_kernel() < MARKERS_SINCE)
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	KIND_START(one_body);
	STACKS_ROW(0, STACKS_NOTHING);
	KIND_NEXT();
	STACKS_ROW(0, "kind=thread start=%lx end=%lx size=60 limit=60 guard=4",
		   at + GUARD * KIND_PAGE, at + PAGES * KIND_PAGE);
	STACKS_ROW(0, "touched=10 sp_depth=10 headroom=50 vma=[stack:%d]",
		   (int)STACKS_AT(0, STACKS_TID));
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, "kind=thread start=%lx size=60 guard=2 touched=10",
		   at + GUARD * KIND_PAGE);
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, STACKS_NOTHING);
	STACKS_AGREE();
}

/* One mapping, in which each stack has its markers at its start. */
static void several_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	/* an inaccessible mapping below is the guard of none of them */
	stacks_map(at, THREADS * PAGES, 1);
	for (unsigned int i = 0; i < THREADS; i++) {
		mark(at + i * PAGES * KIND_PAGE, i + 1, MADV_GUARD_INSTALL);
		start_on(t, i, at + i * PAGES * KIND_PAGE);
	}
	target_step(t);
}

TEST_F(stacks_guards, between_stacks_in_one_mapping)
{
	if (machine_kernel() < MARKERS_SINCE)
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	KIND_START(several_body);
	KIND_ROW(TARGET_ALONE(0), "size=320");
	for (unsigned int i = 0; i < THREADS; i++) {
		unsigned int size = PAGES - 1 - i, depth = DEPTH + i;

		STACKS_ROW(i, "kind=thread end=%lx size=%u limit=%u guard=%u vma=[stack:%d+4]",
			   STACKS_AT(i, STACKS_END), size, size, i + 1,
			   (int)STACKS_AT(0, STACKS_TID));
		STACKS_ROW(i, "touched=%u sp_depth=%u headroom=%u", depth, depth, size - depth);
	}
	STACKS_AGREE();
}

/* Where there is no TLS to say where a stack ends, it ends at the next one's markers. */
static void raw_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	stacks_map(at, THREADS * PAGES, 0);
	target_write((char *)at, THREADS * PAGES / 3, 3);
	for (unsigned int i = 0; i < THREADS; i++) {
		uint64_t end = at + (i + 1) * PAGES * KIND_PAGE;

		mark(end - PAGES * KIND_PAGE, GUARD, MADV_GUARD_INSTALL);
		stacks_start_raw(t, i, stacks_sp(end, DEPTH + i));
	}
	target_step(t);
}

TEST_F(stacks_guards, without_tls)
{
	if (machine_kernel() < MARKERS_SINCE)
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	KIND_START(raw_body);
	for (unsigned int i = 0; i < THREADS; i++) {
		STACKS_ROW(i, "kind=thread end=%llx size=60 guard=4 touched>=58",
			   TARGET_ALONE(0) + (i + 1) * PAGES * KIND_PAGE);
		STACKS_ROW(i, "sp_depth=%u vma=[stack:%d+4]", DEPTH + i,
			   (int)STACKS_AT(0, STACKS_TID));
	}
	STACKS_AGREE();
}

/* A stack of several page tables, of which the markers are in the lowest. */
#define LARGE_PAGES (20 * KIND_HUGE)

static void large_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	thread[0] = (struct stacks_thread){ .t = t, .run = stacks_wait_deep, .depth = 3000 };
	target_map(at, LARGE_PAGES, KIND_RW, KIND_PRIVATE, -1);
	mark(at, 2 * KIND_HUGE, MADV_GUARD_INSTALL);
	stacks_start_on(&thread[0], at, LARGE_PAGES);
	target_step(t);
}

TEST_F(stacks_guards, far_below)
{
	if (machine_kernel() < MARKERS_SINCE)
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	KIND_START(large_body);
	STACKS_ROW(0, "kind=thread size=9216 guard=1024 touched=3000 sp_depth=3000");
	STACKS_AGREE();
}

/*
 * A program of the newest C library: this one, run by that library's loader. What
 * it does then is to start threads, and to wait.
 */
#define LIBRARY_ENV "STACKS_GUARDS_THREADS"
#define LIBRARY_THREADS 6
#define LIBRARY_SIZE (100 * 4096ul)
#define LIBRARY_GUARD (3 * 4096ul)

static void *wait_for_good(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void __attribute__((constructor)) run_with_the_library(void)
{
	pthread_attr_t attr;
	pthread_t id;

	if (!getenv(LIBRARY_ENV))
		return;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LIBRARY_SIZE);
	pthread_attr_setguardsize(&attr, LIBRARY_GUARD);
	for (int i = 0; i < LIBRARY_THREADS; i++)
		if (pthread_create(&id, &attr, wait_for_good, NULL))
			_exit(1);
	wait_for_good(NULL);
}

/* Where the chroot of the newest Debian is: beside the kernel that was booted. */
static bool find_library(char *directory, size_t room)
{
	char *line = procfile_read("/proc/cmdline", NULL);
	char *kernel = line ? strstr(line, "vmi.kernel=") : NULL, *end;

	if (kernel) {
		kernel += strlen("vmi.kernel=");
		kernel[strcspn(kernel, "\n ")] = '\0';
		end = strstr(kernel, "/kernels/");
		if (end)
			*end = '\0';
		snprintf(directory, room, "%s/chroot/sid/usr/lib/x86_64-linux-gnu", kernel);
	}
	free(line);
	return kernel;
}

static bool start_library(struct target *t)
{
	char directory[200], loader[240], self[PATH_MAX] = "";
	char *const argv[] = { loader, "--library-path", directory, self, NULL };
	struct stacks s;
	size_t rows = 0;

	if (!find_library(directory, sizeof(directory)) ||
	    readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return false;
	snprintf(loader, sizeof(loader), "%s/ld-linux-x86-64.so.2", directory);
	setenv(LIBRARY_ENV, "1", 1);
	if (target_run(t, argv)) {
		diag("cannot run %s", loader);
		return false;
	}
	unsetenv(LIBRARY_ENV);
	for (int i = 0; i < 600 && rows != LIBRARY_THREADS + 1; i++) {
		usleep(100000);
		if (!stacks_read(&s, t->pid))
			rows = s.rows;
		/* until all of them wait for good */
		for (size_t row = 0; row < rows && rows == LIBRARY_THREADS + 1; row++)
			if (process_await_call(s.row[row].tid, SYS_pause))
				rows = 0;
		stacks_free(&s);
	}
	return rows == LIBRARY_THREADS + 1 && !target_stop(t);
}

TEST_F(stacks_guards, of_the_newest_library)
{
	unsigned int marked = 0;
	struct stacks s;

	if (machine_kernel() < MARKERS_SINCE)
		SKIP(return, "MADV_GUARD_INSTALL exists since Linux 6.13");
	ASSERT_TRUE(start_library(&self->target));
	STACKS_AGREE();
	ASSERT_EQ(0, stacks_read(&s, self->target.pid));
	for (size_t i = 0; i < s.rows; i++) {
		const struct stacks_row *row = &s.row[i];
		const struct report_row *vma;

		if (row->tid == self->target.pid)
			continue;
		EXPECT_EQ(0, stacks_expect(self->target.pid, &s, row->tid,
					   "kind=thread size=100 limit=100 guard=3"));
		EXPECT_EQ(0, stacks_expect(self->target.pid, &s, row->tid,
					   "touched>=1 touched<=10 sp_depth>=1 sp_depth<=3"));
		vma = report_find(&s.report, row->start);
		marked += vma && vma->start < row->start;
	}
	/* or else it is not what is tested here */
	EXPECT_EQ(LIBRARY_THREADS, marked);
	stacks_free(&s);
}

TEST_HARNESS_MAIN
