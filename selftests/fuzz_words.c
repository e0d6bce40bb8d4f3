// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whatever is written to a report, by whatever call, from whatever memory
 * and in whatever pieces: a piece that is one of the words, with or without one
 * newline behind it, does what it says, and every other is EINVAL, or EFAULT if the
 * memory cannot be read, and changes nothing.
 */
#include "kselftest_harness.h"
#include "fuzz.h"
#include "track.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

#define CALLS 1500

/**
 * struct words - who is written to
 * @fd: its report
 * @tracked: is it to be tracked?
 * @since: since when it was, as printed
 * @pipe: to splice from
 */
struct words {
	int fd;
	bool tracked;
	char since[32];
	int pipe[2];
};

/* What a piece is to be answered; says what it does to the process. */
static int answer(struct words *w, const char *piece, size_t size, bool *news)
{
	size_t len = size && piece[size - 1] == '\n' ? size - 1 : size;
	bool track = len == 5 && !memcmp(piece, "track", len);
	bool untrack = len == 7 && !memcmp(piece, "untrack", len);
	bool reset = len == 5 && !memcmp(piece, "reset", len);

	if (!track && !untrack && !(reset && w->tracked))
		return EINVAL;
	*news |= reset || w->tracked != track;
	w->tracked = !untrack;
	return 0;
}

/* tracked_since, as printed. */
static void read_since(struct fuzz *f, char since[32])
{
	const struct words *w = f->own;
	char head[512], *at;
	ssize_t got = pread(w->fd, head, sizeof(head) - 1, 0);

	head[got > 0 ? got : 0] = '\0';
	at = strstr(head, "\ntracked_since ");
	if (!at || sscanf(at, " tracked_since %31s", since) != 1)
		fuzz_wrong(f, "expected tracked_since in the report, seen '%.100s'", head);
}

/* Whether it is tracked as it should be, and anew only if that is so. */
static void check_tracked(struct fuzz *f, bool news)
{
	struct words *w = f->own;
	char since[32] = "";

	read_since(f, since);
	if (w->tracked != !!strcmp(since, "-"))
		fuzz_wrong(f, "expected it %s, seen tracked_since %s",
			   w->tracked ? "tracked" : "not tracked", since);
	/* Tracked, and then not: "-" as before. */
	if (!w->tracked && !strcmp(w->since, "-"))
		news = false;
	if (news != !!strcmp(since, w->since))
		fuzz_wrong(f, "expected tracked_since to %s %s, seen %s",
			   news ? "be later than" : "remain", w->since, since);
	strcpy(w->since, since);
}

static const char *const word[] = { "track", "untrack", "reset" };

/* Puts a text there; returns its length: a word, nearly one, or nothing like it. */
static size_t some_text(struct fuzz *f, char *to, size_t room)
{
	size_t len = snprintf(to, room, "%s%s", FUZZ_PICK(f, word),
			      fuzz_below(f, 2) ? "\n" : "");
	size_t at = fuzz_below(f, len);

	switch (fuzz_below(f, 8)) {
	case 0:		/* another byte */
		to[at] = fuzz_random(f);
		return len;
	case 1:		/* ended early, or empty */
		return at;
	case 2:		/* one more byte, a NUL even */
		to[len] = FUZZ_PICK(f, "\n a");
		return len + 1;
	case 3:		/* two words */
		return len + snprintf(to + len, room - len, "%s", FUZZ_PICK(f, word));
	case 4:		/* noise */
		len = fuzz_below(f, room < 64 ? room : 64);
		for (at = 0; at < len; at++)
			to[at] = fuzz_random(f);
		return len;
	case 5:		/* a word, and much more */
		memset(to + len, 'x', room - len);
		return room - fuzz_below(f, room - len);
	default:
		return len;
	}
}

static bool can_read(const struct fuzz *f, const char *from, size_t size)
{
	return (from >= f->room && from <= f->room + FUZZ_ROOM &&
		size <= (size_t)(f->room + FUZZ_ROOM - from)) ||
	       (from == f->fixed && size <= (size_t)sysconf(_SC_PAGESIZE));
}

static int call_write(struct fuzz *f)
{
	size_t size = some_text(f, f->room, fuzz_below(f, 8) ? 32 : FUZZ_ROOM);
	const char *from = fuzz_memory(f, size);
	struct words *w = f->own;
	bool readable = can_read(f, from, size), news = false;
	int expected, error;
	ssize_t put;

	fuzz_args(f, "write(%p '%.*s', %zu)", from, readable ? (int)size : 0, from, size);
	put = write(w->fd, from, size);
	error = put < 0 ? errno : 0;
	if (readable) {
		expected = answer(w, from, size, &news);
		if (error != expected)
			fuzz_wrong(f, "expected %s, seen %s", strerror(expected), strerror(error));
	} else if (!error) {
		fuzz_wrong(f, "expected EFAULT or EINVAL, seen success");
	}
	if (!error && put != (ssize_t)size)
		fuzz_wrong(f, "expected %zu bytes to be taken, seen %zd", size, put);
	check_tracked(f, news);
	return error;
}

/* A word has no place: files of procfs that tell a state have no offset to write at. */
static int call_pwrite(struct fuzz *f)
{
	const struct iovec part = { "untrack", 7 };
	struct words *w = f->own;
	off_t at = fuzz_number(f);
	int error;

	fuzz_args(f, "pwrite(untrack, %lld)", (long long)at);
	if (fuzz_below(f, 2) && at != -1)
		error = pwritev2(w->fd, &part, 1, at, 0) < 0 ? errno : 0;
	else
		error = pwrite(w->fd, part.iov_base, part.iov_len, at) < 0 ? errno : 0;
	check_tracked(f, false);
	return error;
}

/* Negative, or more than there is of it. */
static int call_huge(struct fuzz *f)
{
	struct words *w = f->own;
	size_t size = SIZE_MAX - fuzz_below(f, fuzz_below(f, 2) ? 4096 : SIZE_MAX - FUZZ_ROOM);
	int error;

	strcpy(f->room, "untrack");
	fuzz_args(f, "write(untrack, %zu)", size);
	error = write(w->fd, f->room, size) < 0 ? errno : 0;
	check_tracked(f, false);
	return error;
}

#define PARTS 4

/* The same of a part, whose memory may be bad: a long one is not even looked at. */
static int answer_part(struct words *w, const struct iovec *part, bool bad, bool *news)
{
	if (!bad)
		return answer(w, part->iov_base, part->iov_len, news);
	return part->iov_len < 16 ? EFAULT : EINVAL;
}

/* Each part is a piece; the first that is wrong ends it. */
static int write_parts(struct fuzz *f, int flags)
{
	struct words *w = f->own;
	struct iovec part[PARTS];
	int parts = 1 + fuzz_below(f, PARTS), expected = 0, error;
	bool news = false;
	ssize_t put, taken = 0;

	for (int i = 0; i < parts; i++) {
		bool bad = !fuzz_below(f, 8);

		part[i].iov_base = bad ? f->room + FUZZ_ROOM : f->room + i * 64;
		part[i].iov_len = some_text(f, f->room + i * 64, 64) ?: 1;
		if (!expected)
			expected = answer_part(w, &part[i], bad, &news);
		if (!expected)
			taken += part[i].iov_len;
	}
	fuzz_args(f, "writev of %d parts, '%.14s' first", parts, f->room);
	put = flags < 0 ? writev(w->fd, part, parts) : pwritev2(w->fd, part, parts, -1, flags);
	error = put < 0 ? errno : 0;
	if (taken ? put != taken : error != expected)
		fuzz_wrong(f, "expected %zd bytes taken, or %s, seen %zd, %s", taken,
			   strerror(expected), put, strerror(error));
	check_tracked(f, news);
	return error;
}

static int call_writev(struct fuzz *f)
{
	return write_parts(f, -1);
}

static int call_pwritev2(struct fuzz *f)
{
	return write_parts(f, 0);
}

/* Flags other than RWF_HIPRI, none of which is for files of procfs. */
static int call_flags(struct fuzz *f)
{
	struct words *w = f->own;
	const struct iovec part = { "untrack", 7 };
	int flags = 2 << fuzz_below(f, 30), error;

	fuzz_args(f, "pwritev2(untrack, flags %#x)", flags);
	error = pwritev2(w->fd, &part, 1, -1, flags) < 0 ? errno : 0;
	check_tracked(f, false);
	return error;
}

/* Bad lists of parts. */
static int call_lists(struct fuzz *f)
{
	struct words *w = f->own;
	struct iovec *part = (struct iovec *)f->room;
	int parts = 1 + fuzz_below(f, 4), error;
	void *list;

	for (int i = 0; i < 4; i++)
		part[i] = (struct iovec){ fuzz_memory(f, 5), -(ssize_t)fuzz_below(f, 4096) - 1 };
	list = fuzz_memory(f, sizeof(*part) * 4);
	if (fuzz_below(f, 2))
		parts = fuzz_random(f) | 1 << 30;
	/* Elsewhere, all is 0: parts that are empty. */
	if (list != f->room && can_read(f, list, sizeof(*part)))
		list = NULL;
	fuzz_args(f, "writev(%p, %d)", list, parts);
	error = writev(w->fd, list, parts) < 0 ? errno : 0;
	check_tracked(f, false);
	return error;
}

/* Nothing can be spliced or sent into a report. */
static int call_splice(struct fuzz *f)
{
	struct words *w = f->own;
	char text[8];
	int error;

	fuzz_args(f, "splice of untrack into it");
	if (write(w->pipe[1], "untrack", 7) != 7)
		fuzz_wrong(f, "the pipe does not take it");
	error = splice(w->pipe[0], NULL, w->fd, NULL, 7, 0) < 0 ? errno : 0;
	if (read(w->pipe[0], text, sizeof(text)) != 7)
		fuzz_wrong(f, "the pipe has lost it");
	check_tracked(f, false);
	return error;
}

static int call_sendfile(struct fuzz *f)
{
	struct words *w = f->own;
	off_t at = 0;
	int file = memfd_create("untrack", MFD_CLOEXEC), error;

	fuzz_args(f, "sendfile of untrack into it");
	if (file < 0 || write(file, "untrack", 7) != 7)
		fuzz_wrong(f, "no file");
	error = sendfile(w->fd, file, &at, 7) < 0 ? errno : 0;
	if (!error && fuzz_below(f, 2))
		error = copy_file_range(file, NULL, w->fd, NULL, 7, 0) < 0 ? errno : 0;
	close(file);
	check_tracked(f, false);
	return error;
}

static const struct fuzz_op op[] = {
	{ "write", call_write, false, { EINVAL, EFAULT } },
	{ "pwrite", call_pwrite, true, { ESPIPE, EINVAL } },
	{ "writev", call_writev, false, { EINVAL, EFAULT } },
	{ "pwritev2", call_pwritev2, false, { EINVAL, EFAULT } },
	{ "write of no size", call_huge, true, { EINVAL, EFAULT } },
	{ "pwritev2 with flags", call_flags, true, { EOPNOTSUPP } },
	{ "writev of a bad list", call_lists, true, { EINVAL, EFAULT } },
	{ "splice into", call_splice, true, { EINVAL } },
	{ "sendfile into", call_sendfile, true, { EINVAL } },
};

static void run(struct fuzz *f)
{
	struct words w = { .tracked = true };
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", f->seen.pid);
	w.fd = open(path, O_RDWR);
	if (w.fd < 0 || pipe(w.pipe) || write(w.fd, "reset", 5) != 5)
		target_fail(path);
	f->own = &w;
	read_since(f, w.since);
	fuzz_all(f, op, sizeof(op) / sizeof(*op), fuzz_times(CALLS));
}

FUZZ(fuzz_words, run)

TEST_HARNESS_MAIN
