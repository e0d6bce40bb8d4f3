// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whichever allocation fails while the module is loaded, insmod either
 * fails with ENOMEM, and nothing of the module remains, or succeeds, and it works:
 * with all it has, or without probes, which status says. Loaded again, it works.
 *
 * Most allocations are of what the kernel can do without, names in sysfs above all, and
 * loading takes seconds on a slow kernel: there it goes by those in strides, and in short
 * ones by the others, of which alloc_sites lets each fail that the module itself asks for.
 */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "growth.h"
#include "lib/kind.h"
#include "lib/slow.h"
#include "track.h"
#include "unload.h"

#define SHORT_STRIDE (slow_times() > 1 ? 3 : 1)

FIXTURE(alloc_insmod)
{
	int own;
};

FIXTURE_SETUP(alloc_insmod)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	ASSERT_EQ(0, unload_ensure());
	ASSERT_EQ(0, failnth_begin());
	ASSERT_EQ(0, failnth_below_modules());
	ASSERT_EQ(0, failnth_but_kmemleak());
	ASSERT_EQ(0, unload_remove());
	self->own = failnth_open(0);
	ASSERT_LE(0, self->own);
}

FIXTURE_TEARDOWN(alloc_insmod)
{
	(void)self;
	if (!failnth_can())
		return;
	failnth_end();
	machine_restore();
	EXPECT_EQ(0, unload_ensure());
}

static int insert(void *parameters)
{
	return unload_insert_with(parameters);
}

/* Growths are seen by a probe of their own. A process there was no memory for has none. */
static int growths_are_counted(void)
{
	char *stack = target_map(GROWTH_TOP(0) - KIND_PAGE, 1, KIND_RW, GROWTH_FLAGS, -1);
	uint64_t grown = 0;
	struct report r;
	bool counted;

	*(volatile char *)(stack - KIND_PAGE) = 1;
	counted = !report_read(&r, getpid()) && report_number(&r, "grows", "grown", &grown) &&
		  grown && (grown != REPORT_UNKNOWN || track_status("untracked"));
	if (!counted)
		diag("a stack grew: expected [grows] to count it, seen %" PRIu64, grown);
	report_free(&r);
	munmap(stack - KIND_PAGE, 2 * KIND_PAGE);
	return !counted;
}

/* Without probes nobody is tracked, and that is said; with them all are there. */
static int probes_are_told(const char *wanted)
{
	char *track = track_status_text("track"), *probes = track_status_text("probes");
	bool all = track && !strcmp(track, "all"), on = probes && !strcmp(probes, "on");
	int differences = 0;

	if (all != on) {
		diag("status: track %s, but probes %s", track ?: "none", probes ?: "none");
		differences++;
	}
	if (all && strcmp(wanted, "track=all")) {
		diag("status: track all, expected none");
		differences++;
	}
	if (all && on)
		differences += growths_are_counted();
	free(track);
	free(probes);
	return differences;
}

static int is_whole_or_gone(void *parameters, int err)
{
	int differences = 0;

	if (err) {
		if (unload_is_loaded() || !access("/proc/vminspect", F_OK)) {
			diag("%s: insmod failed (%s), expected nothing of it to remain",
			     (const char *)parameters, strerror(-err));
			differences++;
		}
		return differences;
	}
	differences += !unload_works("/proc", getpid());
	differences += probes_are_told(parameters);
	err = unload_remove();
	if (err) {
		diag("rmmod: %s", strerror(-err));
		differences++;
	}
	return differences;
}

static int through_insmod(int fd, char *parameters)
{
	struct alloc_steps steps = {
		.what = parameters,
		.run = insert,
		.arg = parameters,
		.check = is_whole_or_gone,
		.stride = slow_times(),
		.refused_stride = SHORT_STRIDE,
	};

	return alloc_step_through(fd, &steps);
}

TEST_F(alloc_insmod, track_all)
{
	EXPECT_EQ(0, through_insmod(self->own, "track=all"));
}

#define MOST_WORKERS 256

/**
 * struct workers - the kernel's workers, one of which will mount a procfs instance
 * @fd: of each, of failnth_open()
 * @nr: how many there are
 */
struct workers {
	int fd[MOST_WORKERS];
	int nr;
};

static bool is_worker(const char *pid)
{
	char path[300], *comm;
	bool is;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	comm = isdigit(pid[0]) ? procfile_read(path, NULL) : NULL;
	is = comm && !strncmp(comm, "kworker/", strlen("kworker/"));
	free(comm);
	return is;
}

static void find_workers(struct workers *workers)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int fd;

	while (dir && (entry = readdir(dir)) && workers->nr < MOST_WORKERS) {
		if (!is_worker(entry->d_name))
			continue;
		fd = failnth_open(atoi(entry->d_name));
		if (fd >= 0)
			workers->fd[workers->nr++] = fd;
	}
	if (dir)
		closedir(dir);
}

/* One of them does it; the others have no code of a module to run. */
static bool insert_with_workers(unsigned int nth, int *err)
{
	struct workers workers = {};
	bool failed = false;

	find_workers(&workers);
	for (int i = 0; i < workers.nr; i++)
		failnth_arm(workers.fd[i], nth);
	*err = unload_insert_with("track=none");
	for (int i = 0; i < workers.nr; i++) {
		failed |= failnth_disarm(workers.fd[i]);
		close(workers.fd[i]);
	}
	return failed;
}

TEST_F(alloc_insmod, private_mount)
{
	unsigned int nth = 1, refused = 0;
	bool failed = true;
	int err;

	(void)self;
	while (failed) {
		ASSERT_LT(nth, ALLOC_MOST);
		failed = insert_with_workers(nth, &err);
		EXPECT_TRUE(!err || (failed && err == -ENOMEM)) {
			TH_LOG("allocation %u of the worker: insmod: %s", nth, strerror(-err));
		}
		refused += !!err;
		ASSERT_EQ(0, is_whole_or_gone("track=none", err));
		nth += err ? 1 : slow_times();
	}
	diag("the worker: %u allocations at most, %u of them refused it", nth, refused);
	EXPECT_LT(0, refused);
}

#define KPROBES "/sys/kernel/tracing/kprobe_events"

/*
 * A kprobe of somebody else's on one of the functions that are looked for. To probe that
 * too takes memory; but only the first time.
 */
static int insert_beside_kprobe(void *parameters)
{
	procfile_write(KPROBES, "-:alloc_insmod");
	if (procfile_write(KPROBES, "p:alloc_insmod setup_new_exec"))
		return -EBUSY;
	return unload_insert_with(parameters);
}

/* If insmod goes on without probes, they can be set later. */
static int can_track_later(void *parameters, int err)
{
	int differences = 0;

	if (err)
		return is_whole_or_gone(parameters, err);
	err = track_write(getpid(), "track");
	if (err || !track_status_is("probes", "on")) {
		diag("%s: the probes can't be set later: %s", (const char *)parameters,
		     strerror(-err));
		differences++;
	}
	return differences + !!unload_remove();
}

TEST_F(alloc_insmod, probes_of_others)
{
	struct alloc_steps steps = {
		.what = "insmod beside a kprobe",
		.run = insert_beside_kprobe,
		.arg = "track=all",
		.check = can_track_later,
		.stride = SHORT_STRIDE,
	};

	if (access(KPROBES, W_OK))
		SKIP(return, "the kernel is built without kprobe events");
	/* most likely it comes to where it was, as nothing else came in between */
	ASSERT_EQ(0, unload_insert());
	ASSERT_EQ(0, failnth_below_function("vmi_hooks_arm"));
	ASSERT_EQ(0, unload_remove());
	EXPECT_EQ(0, alloc_step_through(self->own, &steps));
	EXPECT_EQ(0, procfile_write(KPROBES, "-:alloc_insmod"));
}

TEST_HARNESS_MAIN
