// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: when a process dies, an open file of its report comes to its end:
 * at once if nothing was read yet; in the middle of a read with what was
 * already made, whole lines, without [total]. Never an error.
 */
#include "kselftest_harness.h"
#include "lifetime.h"

static unsigned int pairs = LIFE_PAIRS;

FIXTURE(lifetime_exit)
{
	struct target target;
	int fd;
};

FIXTURE_VARIANT(lifetime_exit)
{
	size_t before;
	size_t piece;
};

/* How many bytes are read while it lives, and in pieces of what size. */
FIXTURE_VARIANT_ADD(lifetime_exit, none_read) { .before = 0, .piece = 4096, };
FIXTURE_VARIANT_ADD(lifetime_exit, one_byte) { .before = 1, .piece = 1, };
FIXTURE_VARIANT_ADD(lifetime_exit, first_line) { .before = 12, .piece = 5, };
FIXTURE_VARIANT_ADD(lifetime_exit, one_page) { .before = 4096, .piece = 4096, };
FIXTURE_VARIANT_ADD(lifetime_exit, odd) { .before = 20011, .piece = 509, };
FIXTURE_VARIANT_ADD(lifetime_exit, large) { .before = 40000, .piece = 40000, };

FIXTURE_SETUP(lifetime_exit)
{
	ASSERT_EQ(0, target_fork(&self->target, life_many_body, &pairs));
	self->fd = report_open(self->target.pid, O_RDONLY);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(lifetime_exit)
{
	target_end(&self->target);
	close(self->fd);
}

/* Read on after the end of the process and look at what both parts make up. */
static bool ends_early(int fd, char *text, size_t len, size_t piece)
{
	char byte, who[80];
	struct report r;
	bool ok;
	int err;

	snprintf(who, sizeof(who), "%zu bytes read before the end of the process", len);
	err = life_read_on(fd, &text, &len, piece);
	if (err) {
		diag("%s: then read fails: %s", who, strerror(-err));
		return false;
	}
	ok = life_ok(report_parse(&r, text, len), &r, who);
	if (r.complete || life_rows_in_arena(&r) >= 2 * pairs) {
		diag("%s: expected a report without [total] and with less than %u rows, seen %zu%s",
		     who, 2 * pairs, r.rows, r.complete ? " and [total]" : "");
		ok = false;
	}
	if (read(fd, &byte, 1) || pread(fd, &byte, 1, 0)) {
		diag("%s: read again: expected the end of the file", who);
		ok = false;
	}
	report_free(&r);
	return ok;
}

TEST_F(lifetime_exit, reaped)
{
	char *text = life_read_some(self->fd, variant->before, variant->piece);

	ASSERT_NE(NULL, text);
	target_end(&self->target);
	EXPECT_TRUE(ends_early(self->fd, text, variant->before, variant->piece));
}

TEST_F(lifetime_exit, zombie)
{
	char *text = life_read_some(self->fd, variant->before, variant->piece);
	siginfo_t info;

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, kill(self->target.pid, SIGKILL));
	ASSERT_EQ(0, waitid(P_PID, self->target.pid, &info, WEXITED | WNOWAIT));
	EXPECT_TRUE(ends_early(self->fd, text, variant->before, variant->piece));
}

TEST_F(lifetime_exit, nothing_without_reading)
{
	char byte;

	target_end(&self->target);
	EXPECT_EQ(0, read(self->fd, &byte, 1));
	EXPECT_EQ(0, read(self->fd, &byte, 1));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(0, read(self->fd, &byte, 1));
}

TEST_HARNESS_MAIN
