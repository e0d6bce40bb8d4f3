// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: there is no place in the module that allocates memory, and is not seen
 * here to get none, as often as it asks: while the module is loaded, or while
 * processes are tracked, reports are read and all else is done that allocates. It
 * goes on, and all is right when there is memory again. (What is there while it is loaded
 * only, .init.text, is for alloc_insmod.)
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "alloc.h"
#include "growth.h"
#include "lib/sites.h"
#include "track.h"
#include "unload.h"

#define MOST_SITES 256
#define INSTANCE "/sys/kernel/tracing/instances/alloc_sites"
#define KPROBES "/sys/kernel/tracing/kprobe_events"

FIXTURE(alloc_sites)
{
	struct target target;
	struct site site[MOST_SITES];
	int nr;
	char hidden[32];
};

FIXTURE_SETUP(alloc_sites)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));
	self->nr = sites_read(getenv("VMINSPECT_KO"), self->site, MOST_SITES);
	ASSERT_LT(20, self->nr);
	ASSERT_GT(MOST_SITES, self->nr);
	ASSERT_EQ(0, unload_private_mounts());
	strcpy(self->hidden, "/tmp/alloc_sites.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->hidden));
	ASSERT_EQ(0, mount("proc", self->hidden, "proc", 0, "hidepid=ptraceable"));
	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	ASSERT_EQ(0, failnth_begin());
}

FIXTURE_TEARDOWN(alloc_sites)
{
	failnth_end();
	target_end(&self->target);
	EXPECT_EQ(0, rmdir(INSTANCE));
	procfile_write(KPROBES, "-:alloc_sites");
	machine_restore();
	EXPECT_EQ(0, unload_ensure());
}

#define AT(slot) ((uint64_t)TARGET_ALONE(slot))
#define LEAF 64
#define DEPTH 30

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* What needs counters: many, wide, and a log of growths, long and of many mappings. */
static void need_counters(void)
{
	char *at = target_map(AT(1), 300 * LEAF, KIND_RW, KIND_PRIVATE | MAP_NORESERVE, -1);

	target_write(at, 300, LEAF);
	for (int i = 0; i < 130; i++) {
		*(volatile char *)at = 1;
		if (madvise(at, KIND_PAGE, MADV_DONTNEED))
			target_fail("MADV_DONTNEED");
	}
	for (int slot = 2; slot < 6; slot++) {
		target_map(GROWTH_TOP(slot) - KIND_PAGE, 1, KIND_RW, GROWTH_FLAGS, -1);
		for (uint64_t page = 2; page < 12; page++)
			*(volatile char *)(GROWTH_TOP(slot) - page * KIND_PAGE) = 1;
	}
}

static void needy_body(struct target *t, void *arg)
{
	pthread_t thread;

	(void)arg;
	errno = pthread_create(&thread, NULL, wait_for_ever, NULL);
	if (errno)
		target_fail("pthread_create");
	target_map_long_name(AT(0), DEPTH);
	need_counters();
	target_step(t);
	need_counters();
}

static int may_fail(const char *what, int err)
{
	if (!err || err == -ENOMEM)
		return 0;
	diag("%s: expected success or ENOMEM, seen %s", what, strerror(-err));
	return 1;
}

static int read_report(const char *path)
{
	struct report r;
	int err = report_read_path(&r, path);

	report_free(&r);
	return err;
}

/* Everything that may allocate, but loading. What has no memory says so. */
static int do_all(struct target *target, const char *hidden)
{
	char path[64];
	int differences = 0, err;

	err = target_fork(target, needy_body, NULL);
	if (err) {
		diag("target: %s", strerror(-err));
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/vminspect/%d", target->pid);
	differences += may_fail("report", read_report(path));
	differences += may_fail("untrack", track_write(target->pid, "untrack"));
	differences += may_fail("track", track_write(target->pid, "track"));
	snprintf(path, sizeof(path), "%s/vminspect/%d", hidden, target->pid);
	err = read_report(path);
	if (err != -ENOENT)
		differences += may_fail(path, err);
	differences += may_fail("event",
				procfile_write(INSTANCE "/events/vminspect/fault/enable", "1"));
	procfile_write(INSTANCE "/events/vminspect/fault/enable", "0");
	return differences;
}

/* Everybody is tracked, and all adds up. */
static int all_is_right(void)
{
	struct target target = {};
	struct track_sums sums = {};
	int differences = 0;

	if (target_fork(&target, needy_body, NULL) || !track_sum(target.pid, &sums) ||
	    sums.lost || sums.unattributed) {
		diag("pid %d: %" PRIu64 " lost, %" PRIu64 " without a row, with memory again",
		     target.pid, sums.lost, sums.unattributed);
		differences++;
	}
	target_end(&target);
	return differences;
}

static uint64_t text_address(void)
{
	char *text = procfile_read("/sys/module/vminspect/sections/.text", NULL);
	uint64_t address = text ? strtoull(text, NULL, 16) : 0;

	free(text);
	return address;
}

static int no_memory_at(const struct site *site, uint64_t text)
{
	int err = failnth_below(text + site->back, text + site->back + 1);

	return err ?: failnth_always();
}

static uint64_t while_loaded(struct __test_metadata *_metadata, struct target *target,
			     const char *hidden, const struct site *site)
{
	uint64_t failed;

	ASSERT_EQ(0, no_memory_at(site, text_address()));
	EXPECT_EQ(0, do_all(target, hidden));
	failed = failnth_never();
	target_end(target);
	if (failed)
		EXPECT_EQ(0, all_is_right());
	return failed;
}

/* Most likely the module comes to where it was, as nothing else came in between. */
static uint64_t while_loading(struct __test_metadata *_metadata, const struct site *site)
{
	uint64_t text = text_address(), failed;
	int err;

	ASSERT_EQ(0, unload_remove());
	/* who is the second to probe a function needs memory for that; once */
	procfile_write(KPROBES, "-:alloc_sites");
	ASSERT_EQ(0, procfile_write(KPROBES, "p:alloc_sites begin_new_exec"));
	ASSERT_EQ(0, no_memory_at(site, text));
	err = unload_insert();
	failed = failnth_never();
	EXPECT_EQ(0, may_fail("insmod", failed ? err : err ? -EIO : 0));
	/* without memory for the probes, nobody is tracked */
	if (!err && failed)
		ASSERT_EQ(0, unload_remove());
	if (err || failed)
		ASSERT_EQ(0, unload_insert());
	return failed;
}

TEST_F(alloc_sites, each)
{
	struct site *site = self->site;

	for (int i = 0; i < self->nr; i++) {
		uint64_t failed, loading = 0;

		failed = while_loaded(_metadata, &self->target, self->hidden, &site[i]);

		for (int tries = 0; tries < 3 && !failed && !loading; tries++)
			loading = while_loading(_metadata, &site[i]);
		diag("%s of %s: %" PRIu64 " failed, %" PRIu64 " while loading", site[i].callee,
		     site[i].function, failed, loading);
		EXPECT_LT(0, failed + loading) {
			TH_LOG("%s of %s never failed", site[i].callee, site[i].function);
		}
	}
	EXPECT_EQ(0, all_is_right());
}

TEST_HARNESS_MAIN
