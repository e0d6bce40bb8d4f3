// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whichever allocation fails while a process is begun to be tracked, or
 * tracked anew, a parameter of the module is changed, or a trace event switched on:
 * the writer gets ENOMEM and nothing has changed, or it is done. Probes that nobody
 * needs go.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "alloc.h"
#include "lib/kind.h"
#include "track.h"

FIXTURE(alloc_words)
{
	struct target target;
	int report;
	int own;
};

static void quiet_body(struct target *t, void *arg)
{
	(void)arg;
	for (uint64_t slot = 0;; slot++) {
		target_step(t);
		target_write(target_map(TARGET_ALONE(slot), 8, KIND_RW, KIND_PRIVATE, -1), 8, 1);
	}
}

FIXTURE_SETUP(alloc_words)
{
	if (!failnth_can())
		SKIP(return, FAILNTH_NONE);
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, machine_set(TRACK_PARAMETER("track"), "none"));
	ASSERT_EQ(0, failnth_begin());
	self->own = failnth_open(0);
	ASSERT_LE(0, self->own);
	ASSERT_EQ(0, target_fork(&self->target, quiet_body, NULL));
	self->report = report_open(self->target.pid, O_RDWR);
	ASSERT_LE(0, self->report);
	ASSERT_TRUE(track_status_becomes("probes", "off"));
}

FIXTURE_TEARDOWN(alloc_words)
{
	close(self->report);
	target_end(&self->target);
	failnth_end();
	EXPECT_TRUE(track_falls_to("tracked", 0));
	EXPECT_TRUE(track_falls_to("memory_bytes", 0));
	EXPECT_TRUE(track_falls_to("record_bytes", 0));
	machine_restore();
}

#define PID (self->target.pid)

static int write_text(int fd, const char *text)
{
	return pwrite(fd, text, strlen(text), 0) < 0 ? -errno : 0;
}

/** struct word - a word for a process, and since when it has been tracked */
struct word {
	const char *word;
	struct target *target;
	int report;
	int64_t since;
};

static int write_word(void *arg)
{
	const struct word *word = arg;

	return track_put(word->report, word->word);
}

/* Is it tracked, or not? Its figures have to be right then. */
static int tracked_differs(const struct word *word, bool wanted)
{
	bool tracked = track_since(word->target->pid) > 0;
	struct track_sums sums;

	if (tracked != wanted) {
		diag("pid %d: expected it %stracked", word->target->pid, wanted ? "" : "not ");
		return 1;
	}
	if (!tracked)
		return 0;
	if (!track_sum(word->target->pid, &sums))
		return 1;
	if (sums.lost || sums.unattributed)
		diag("pid %d: expected none lost, seen %" PRIu64 " and %" PRIu64 " without a row",
		     word->target->pid, sums.lost, sums.unattributed);
	return sums.lost || sums.unattributed;
}

static int is_tracked_then(void *arg, int err)
{
	const struct word *word = arg;
	int differences = tracked_differs(word, !err);

	if (!err)
		differences += !!track_put(word->report, "untrack");
	return differences + !track_status_becomes("probes", "off");
}

/* The first one, for whom the probes are set. */
TEST_F(alloc_words, track)
{
	struct word word = { .word = "track", .target = &self->target, .report = self->report };
	struct alloc_steps steps = {
		.what = "track",
		.run = write_word,
		.arg = &word,
		.check = is_tracked_then,
	};

	EXPECT_EQ(0, failnth_below_modules());
	EXPECT_EQ(0, failnth_but_kmemleak());
	EXPECT_EQ(0, alloc_until_refused(self->own, &steps));
}

/* Since now, or still since then. */
static int is_reset_then(void *arg, int err)
{
	struct word *word = arg;
	int64_t before = word->since;

	word->since = track_since(word->target->pid);
	if (err ? word->since != before : word->since <= before) {
		diag("pid %d: reset: %s: expected it tracked %s %" PRId64 ", seen %" PRId64,
		     word->target->pid, strerror(-err), err ? "since" : "after", before,
		     word->since);
		return 1;
	}
	return tracked_differs(word, true);
}

TEST_F(alloc_words, reset)
{
	struct word word = { .word = "reset", .target = &self->target, .report = self->report };
	struct alloc_steps steps = {
		.what = "reset",
		.run = write_word,
		.arg = &word,
		.again = true,
		.check = is_reset_then,
	};

	ASSERT_EQ(0, track_put(self->report, "track"));
	word.since = track_since(PID);
	EXPECT_EQ(0, failnth_below(0, FAILNTH_ANY));
	EXPECT_EQ(0, alloc_until_refused(self->own, &steps));

	/* and it goes on */
	ASSERT_EQ(0, target_next(&self->target));
	EXPECT_EQ(0, tracked_differs(&word, true));
}

/** struct parameter - a parameter of the module, or another file that takes a value */
struct parameter {
	int fd;
	const char *before;
	const char *value;
};

static int write_parameter(void *arg)
{
	const struct parameter *parameter = arg;

	return write_text(parameter->fd, parameter->value);
}

static int reads_as(int fd, const char *value)
{
	char text[32] = "";
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	text[strcspn(text, "\n")] = '\0';
	if (len > 0 && !strcmp(text, value))
		return 0;
	diag("expected %s, seen %s", value, text);
	return 1;
}

static int is_set_then(void *arg, int err)
{
	const struct parameter *parameter = arg;
	int differences = reads_as(parameter->fd, err ? parameter->before : parameter->value);

	if (!err)
		differences += !!write_text(parameter->fd, parameter->before);
	return differences;
}

static void set_each(struct __test_metadata *_metadata, int own, const char *path,
		     const char *before, const char *value)
{
	struct parameter parameter = { .before = before, .value = value };
	struct alloc_steps steps = {
		.what = path,
		.run = write_parameter,
		.arg = &parameter,
		.again = true,
		.check = is_set_then,
	};

	parameter.fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, parameter.fd);
	ASSERT_EQ(0, write_text(parameter.fd, before));
	EXPECT_EQ(0, alloc_until_refused(own, &steps));
	close(parameter.fd);
}

TEST_F(alloc_words, growth_events)
{
	EXPECT_EQ(0, failnth_below(0, FAILNTH_ANY));
	set_each(_metadata, self->own, TRACK_PARAMETER("growth_events"), "256", "300");
}

TEST_F(alloc_words, max_memory)
{
	EXPECT_EQ(0, failnth_below(0, FAILNTH_ANY));
	set_each(_metadata, self->own, TRACK_PARAMETER("max_memory"), "30", "40");
}

/* Everybody but whom there was no memory for, and they are said to be so. */
static int are_tracked_then(void *arg, int err)
{
	static uint64_t untracked;
	const struct parameter *parameter = arg;
	uint64_t now = track_status("untracked");
	bool less = track_since(getpid()) <= 0;
	int differences = reads_as(parameter->fd, err ? "none" : "all");

	if (!err && less && now == untracked) {
		diag("pid %d: not tracked, and nothing said of it", getpid());
		differences++;
	}
	untracked = now;
	if (!err)
		differences += !!write_text(parameter->fd, "none");
	return differences + !track_status_becomes("probes", "off");
}

TEST_F(alloc_words, track_all)
{
	struct parameter parameter = { .value = "all" };
	struct alloc_steps steps = {
		.what = "track=all",
		.run = write_parameter,
		.arg = &parameter,
		.check = are_tracked_then,
	};

	parameter.fd = open(TRACK_PARAMETER("track"), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, parameter.fd);
	EXPECT_EQ(0, failnth_below_function("vmi_track_add"));
	EXPECT_EQ(0, alloc_step_through(self->own, &steps));
	close(parameter.fd);
}

#define INSTANCE "/sys/kernel/tracing/instances/alloc_words"

/* The kernel's own part warns when it has no memory. */
TEST_F(alloc_words, event)
{
	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	EXPECT_EQ(0, failnth_below_modules());
	set_each(_metadata, self->own, INSTANCE "/events/vminspect/fault/enable", "0", "1");
	EXPECT_EQ(0, rmdir(INSTANCE));
}

TEST_HARNESS_MAIN
