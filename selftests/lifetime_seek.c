// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the report of a process that stands still is the same text however
 * it is read: in pieces of any size, by pread at any offset, after a seek; but
 * for what tells of the read itself (holds, lock_ns, longest_hold_ns). Seeks
 * and reads beyond the end answer as for maps.
 */
#include "kselftest_harness.h"
#include "lifetime.h"
#include "lib/machine.h"

#include <sys/uio.h>

static unsigned int pairs = LIFE_PAIRS;

FIXTURE(lifetime_seek)
{
	struct target target;
	int fd;
	int maps;
	char *text;		/* read at once, masked */
	size_t len;
	size_t stable;		/* bytes before [total] */
};

/* Put one # for each number that tells of the read itself. */
static void mask(char *text)
{
	static const char *const key[] = { "\nholds ", "\nlock_ns ", "\nlongest_hold_ns " };
	char *at;

	for (size_t i = 0; i < sizeof(key) / sizeof(*key); i++) {
		at = strstr(text, key[i]);
		if (!at)
			continue;
		at += strlen(key[i]);
		*at = '#';
		memmove(at + 1, strchr(at, '\n'), strlen(strchr(at, '\n')) + 1);
	}
}

static char *read_masked(int fd, size_t piece)
{
	char *text = NULL;
	size_t len = 0;

	if (life_read_on(fd, &text, &len, piece))
		return NULL;
	mask(text);
	return text;
}

FIXTURE_SETUP(lifetime_seek)
{
	char path[64];

	/* or accessed bits change between two readings */
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, target_fork(&self->target, life_many_body, &pairs));
	self->fd = report_open(self->target.pid, O_RDONLY);
	ASSERT_GE(self->fd, 0);
	snprintf(path, sizeof(path), "/proc/%d/maps", self->target.pid);
	self->maps = open(path, O_RDONLY);
	ASSERT_GE(self->maps, 0);
	self->text = read_masked(self->fd, 1 << 20);
	ASSERT_NE(NULL, self->text);
	self->len = strlen(self->text);
	ASSERT_NE(NULL, strstr(self->text, "\n[total]\n"));
	self->stable = strstr(self->text, "\n[total]\n") - self->text;
	ASSERT_GT(self->stable, 20000);
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
}

FIXTURE_TEARDOWN(lifetime_seek)
{
	target_end(&self->target);
	close(self->fd);
	close(self->maps);
	free(self->text);
	machine_restore();
}

/* Whether two texts are equal; says where they part if not. */
static bool equal(const char *expected, const char *seen, const char *how, size_t piece)
{
	size_t at = 0;

	while (expected[at] && expected[at] == seen[at])
		at++;
	if (expected[at] == seen[at])
		return true;
	diag("%s, %zu bytes: differs at byte %zu: expected '%.40s', seen '%.40s'", how, piece, at,
	     expected + at, seen + at);
	return false;
}

TEST_F(lifetime_seek, nothing_changed)
{
	EXPECT_TRUE(strstr(self->text, "\nchanged no\n") ||
		    strstr(self->text, "\nchanged -\n")) {
		TH_LOG("pid %d stands still: expected changed no, or - if not known, seen '%s'",
		       self->target.pid, strstr(self->text, "\nchanged "));
	}
}

TEST_F_TIMEOUT(lifetime_seek, pieces_of_any_size, 60)
{
	const size_t piece[] = { 1, 7, 12, 100, 4095, 4096, 4097, 10007, 65536, 65537 };

	for (size_t i = 0; i < sizeof(piece) / sizeof(*piece); i++) {
		char *text = read_masked(self->fd, piece[i]);

		ASSERT_NE(NULL, text);
		EXPECT_TRUE(equal(self->text, text, "in pieces of", piece[i]));
		free(text);
		ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	}
}

TEST_F(lifetime_seek, scattered_read)
{
	char a[3], b[1], c[1000], *text = calloc(1, self->len + 4096);
	struct iovec part[] = { { a, sizeof(a) }, { b, sizeof(b) }, { c, sizeof(c) } };
	size_t used = 0, rest, now;
	ssize_t got;

	ASSERT_NE(NULL, text);
	while ((got = readv(self->fd, part, 3)) > 0) {
		rest = got;
		for (int i = 0; i < 3; i++) {
			now = rest < part[i].iov_len ? rest : part[i].iov_len;
			ASSERT_LT(used + now, self->len + 4096);
			memcpy(text + used, part[i].iov_base, now);
			used += now;
			rest -= now;
		}
	}
	ASSERT_EQ(0, got);
	mask(text);
	EXPECT_TRUE(equal(self->text, text, "readv of", 1004));
	free(text);
}

TEST_F(lifetime_seek, pread_anywhere)
{
	static char buf[20000];
	unsigned int seed = 1;

	for (int i = 0; i < 150; i++) {
		size_t at = rand_r(&seed) % self->stable;
		size_t want = 1 + rand_r(&seed) % (i % 3 ? 300 : sizeof(buf) - 1);
		ssize_t got;

		if (want > self->stable - at)
			want = self->stable - at;
		got = pread(self->fd, buf, want, at);
		ASSERT_GT(got, 0) {
			TH_LOG("pread of %zu bytes at %zu", want, at);
		}
		EXPECT_EQ(0, memcmp(buf, self->text + at, got)) {
			TH_LOG("pread of %zu bytes at %zu: expected '%.40s', seen '%.40s'", want,
			       at, self->text + at, buf);
		}
	}
}

TEST_F(lifetime_seek, seek_and_go_on)
{
	const size_t to[] = { 0, 1, 11, 12, 4096, 10001, 0, self->stable, 65 };

	for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
		char *text;

		ASSERT_EQ((off_t)to[i], lseek(self->fd, to[i], SEEK_SET));
		text = read_masked(self->fd, 4096);
		ASSERT_NE(NULL, text);
		EXPECT_TRUE(equal(self->text + to[i], text, "after a seek to", to[i]));
		free(text);
	}
}

TEST_F(lifetime_seek, seek_in_the_middle_of_a_read)
{
	char *text;

	ASSERT_EQ(self->stable / 2, strlen(life_read_some(self->fd, self->stable / 2, 333)));
	ASSERT_EQ((off_t)self->stable / 2 - 100, lseek(self->fd, -100, SEEK_CUR));
	text = read_masked(self->fd, 555);
	EXPECT_TRUE(equal(self->text + self->stable / 2 - 100, text, "100 back from",
			  self->stable / 2));
	free(text);
}

TEST_F(lifetime_seek, beyond_the_end_as_maps)
{
	const struct {
		off_t offset;
		int whence;
	} seek[] = {
		{ -1, SEEK_SET }, { 0, SEEK_END }, { -1, SEEK_END }, { 1ll << 40, SEEK_SET },
		{ -1, SEEK_CUR }, { 0, SEEK_DATA }, { 0, SEEK_HOLE },
	};
	const off_t at[] = { 1 << 24, 1ll << 40, -1 };
	char a, b;

	for (size_t i = 0; i < sizeof(seek) / sizeof(*seek); i++) {
		off_t theirs, ours;
		int error;

		lseek(self->maps, 0, SEEK_SET);
		lseek(self->fd, 0, SEEK_SET);
		theirs = lseek(self->maps, seek[i].offset, seek[i].whence);
		error = theirs < 0 ? errno : 0;
		ours = lseek(self->fd, seek[i].offset, seek[i].whence);
		EXPECT_EQ(theirs, ours) TH_LOG("lseek %zu", i);
		EXPECT_EQ(error, ours < 0 ? errno : 0) TH_LOG("lseek %zu", i);
	}
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		EXPECT_EQ(pread(self->maps, &a, 1, at[i]), pread(self->fd, &b, 1, at[i])) {
			TH_LOG("pread at %lld", (long long)at[i]);
		}
	}
}

TEST_HARNESS_MAIN
