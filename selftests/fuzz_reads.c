// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: wherever a report is read, with whatever size and memory, and by
 * whatever call, it gives its text from there, and touches no byte behind what it
 * says it gave; what cannot be done fails as documented, and the position is where
 * it was.
 */
#include "kselftest_harness.h"
#include "fuzz.h"

#include <limits.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define FILES 3
#define PATTERN 0xa5
#define CALLS 1500

/**
 * struct reads - what is read
 * @text: the report
 * @stable: so much of it is the same at each reading
 * @fd: open files of it
 * @at: the position in each
 * @pipe: to splice into
 */
struct reads {
	char *text;
	size_t stable;
	int fd[FILES];
	off_t at[FILES];
	int pipe[2];
};

/* Whether bytes are those of the text from a position on. */
static void check_text(struct fuzz *f, const char *bytes, size_t size, off_t at)
{
	const struct reads *r = f->own;

	if (at >= (off_t)r->stable)
		return;
	if (size > r->stable - at)
		size = r->stable - at;
	if (memcmp(bytes, r->text + at, size))
		fuzz_wrong(f, "at %lld: expected '%.30s', seen '%.*s'", (long long)at, r->text + at,
			   (int)(size < 30 ? size : 30), bytes);
}

static bool is_filled(const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)from[i] != PATTERN)
			return false;
	return true;
}

/* What is right after a call that gave so many bytes of so much good memory. */
static int check_read(struct fuzz *f, ssize_t got, char *to, size_t room, off_t at)
{
	const struct reads *r = f->own;

	if (got < 0) {
		if (errno == EFAULT && !f->bad)
			fuzz_wrong(f, "EFAULT with good memory");
		return errno;
	}
	if ((size_t)got > room) {
		fuzz_wrong(f, "expected up to %zu bytes, seen %zd", room, got);
		return 0;
	}
	if (!got && room && !f->bad && at < (off_t)r->stable)
		fuzz_wrong(f, "end of the file at %lld of %zu", (long long)at, r->stable);
	check_text(f, to, got, at);
	if (!f->bad && !is_filled(to + got, room - got))
		fuzz_wrong(f, "writes behind the %zd bytes it gave", got);
	return 0;
}

/* The position is what all calls that use it have left. */
static void check_position(struct fuzz *f, int i)
{
	const struct reads *r = f->own;
	off_t at = lseek(r->fd[i], 0, SEEK_CUR);

	if (at != r->at[i])
		fuzz_wrong(f, "expected position %lld, seen %lld", (long long)r->at[i],
			   (long long)at);
}

/* Good memory from an address on, of so much as a call is told. */
static size_t room_at(const struct fuzz *f, const char *to, size_t size)
{
	size_t room;

	if (to < f->room || to >= f->room + FUZZ_ROOM)
		return 0;
	room = f->room + FUZZ_ROOM - to;
	return size < room ? size : room;
}

static size_t some_size(struct fuzz *f)
{
	return fuzz_below(f, 4) ? fuzz_below(f, 1 << fuzz_below(f, 17)) : (size_t)fuzz_number(f);
}

static off_t some_offset(struct fuzz *f)
{
	const struct reads *r = f->own;

	return fuzz_below(f, 3) ? (off_t)fuzz_below(f, r->stable + 2000) : fuzz_number(f);
}

static char *some_room(struct fuzz *f, size_t size, size_t *room)
{
	char *to = fuzz_memory(f, size);

	*room = room_at(f, to, size);
	if (*room)
		memset(to, PATTERN, *room);
	return to;
}

static int call_read(struct fuzz *f)
{
	struct reads *r = f->own;
	int i = fuzz_below(f, FILES), error;
	size_t size = some_size(f), room;
	char *to = some_room(f, size, &room);
	ssize_t got;

	fuzz_args(f, "read(%p, %zu) at %lld", to, size, (long long)r->at[i]);
	got = read(r->fd[i], to, size);
	error = check_read(f, got, to, room, r->at[i]);
	if (got > 0)
		r->at[i] += got;
	check_position(f, i);
	return error;
}

static int call_pread(struct fuzz *f)
{
	struct reads *r = f->own;
	int i = fuzz_below(f, FILES), error;
	size_t size = some_size(f), room;
	char *to = some_room(f, size, &room);
	off_t at = some_offset(f);

	fuzz_args(f, "pread(%p, %zu, %lld)", to, size, (long long)at);
	error = check_read(f, pread(r->fd[i], to, size, at), to, room, at);
	check_position(f, i);
	return error;
}

#define PARTS 4

/* Parts that follow each other in good memory; the last may be bad. Returns how many. */
static int some_parts(struct fuzz *f, struct iovec *part, size_t *room)
{
	int parts = fuzz_below(f, PARTS + 1);

	*room = 0;
	f->bad = false;
	for (int i = 0; i < parts; i++) {
		part[i].iov_base = f->room + *room;
		part[i].iov_len = fuzz_below(f, FUZZ_ROOM / PARTS);
		*room += part[i].iov_len;
	}
	memset(f->room, PATTERN, *room);
	if (parts && !fuzz_below(f, 3)) {
		struct iovec *last = &part[parts - 1];

		*room -= last->iov_len;
		last->iov_len = some_size(f);
		last->iov_base = fuzz_memory(f, last->iov_len);
		if (last->iov_base >= (void *)f->room &&
		    last->iov_base < (void *)(f->room + *room))
			last->iov_base = f->fixed;
		f->bad = true;
	}
	if (fuzz_below(f, 20))
		return parts;
	return fuzz_below(f, 2) ? PARTS + 1 + (int)fuzz_below(f, 2000) : INT_MIN + parts;
}

static int check_parts(struct fuzz *f, ssize_t got, int parts, size_t room, off_t at)
{
	/* What the last, bad part was given is not looked at. */
	if (got > (ssize_t)room && f->bad)
		got = room;
	/* Nor if it is not known how many parts the kernel saw. */
	if (parts < 0 || parts > PARTS)
		return got < 0 ? errno : 0;
	return check_read(f, got, f->room, room, at);
}

static int call_readv(struct fuzz *f)
{
	struct reads *r = f->own;
	struct iovec part[1024] = { { 0 } };
	int i = fuzz_below(f, FILES), parts, error;
	size_t room;
	ssize_t got;

	parts = some_parts(f, part, &room);
	fuzz_args(f, "readv(%d parts, %zu good bytes) at %lld", parts, room, (long long)r->at[i]);
	got = readv(r->fd[i], part, parts);
	error = check_parts(f, got, parts, room, r->at[i]);
	if (got > 0)
		r->at[i] += got;
	check_position(f, i);
	return error;
}

static int call_preadv2(struct fuzz *f)
{
	struct reads *r = f->own;
	struct iovec part[1024] = { { 0 } };
	int i = fuzz_below(f, FILES), parts, error;
	int flags = fuzz_below(f, 2) ? 0 : (int)fuzz_number(f);
	off_t at = some_offset(f);
	size_t room;
	ssize_t got;

	/* Of -1, the file's position is used. */
	if (at == -1)
		at = 0;
	parts = some_parts(f, part, &room);
	fuzz_args(f, "preadv2(%d parts, %zu good bytes, %lld, %#x)", parts, room, (long long)at,
		  flags);
	got = preadv2(r->fd[i], part, parts, at, flags);
	error = check_parts(f, got, parts, room, at);
	check_position(f, i);
	return error;
}

static int call_lseek(struct fuzz *f)
{
	struct reads *r = f->own;
	int i = fuzz_below(f, FILES);
	int whence = fuzz_below(f, 4) ? (int)fuzz_below(f, 2) : (int)fuzz_number(f);
	off_t offset = some_offset(f), at;

	fuzz_args(f, "lseek(%lld, %d)", (long long)offset, whence);
	at = lseek(r->fd[i], offset, whence);
	if (at < 0)
		return errno;
	if (whence == SEEK_CUR)
		offset += r->at[i];
	if (at != offset)
		fuzz_wrong(f, "expected %lld, seen %lld", (long long)offset, (long long)at);
	r->at[i] = at;
	check_position(f, i);
	return 0;
}

/* Through a pipe, which is empty before and after. */
static int call_splice(struct fuzz *f)
{
	struct reads *r = f->own;
	int i = fuzz_below(f, FILES);
	size_t size = some_size(f);
	loff_t at = some_offset(f), from = at;
	ssize_t got, there = 0;
	int error;

	fuzz_args(f, "splice(%lld, %zu)", (long long)at, size);
	got = splice(r->fd[i], &at, r->pipe[1], NULL, size,
		     SPLICE_F_NONBLOCK | (fuzz_below(f, 2) ? 0 : fuzz_number(f)));
	error = errno;
	if (got > 0) {
		there = read(r->pipe[0], f->room, FUZZ_ROOM);
		if (there != got || at != from + got)
			fuzz_wrong(f, "expected %zd bytes, seen %zd, and position %lld", got,
				   there, (long long)at);
		check_text(f, f->room, there < 0 ? 0 : there, from);
	}
	check_position(f, i);
	return got < 0 ? error : 0;
}

static int call_sendfile(struct fuzz *f)
{
	struct reads *r = f->own;
	int i = fuzz_below(f, FILES);
	size_t size = fuzz_below(f, 4) ? fuzz_below(f, FUZZ_ROOM) : 0;
	off_t at = some_offset(f), from = at;
	ssize_t got;
	int error;

	fuzz_args(f, "sendfile(%lld, %zu)", (long long)at, size);
	got = sendfile(r->pipe[1], r->fd[i], &at, size);
	error = errno;
	if (got > 0)
		check_text(f, f->room, read(r->pipe[0], f->room, FUZZ_ROOM), from);
	check_position(f, i);
	return got < 0 ? error : 0;
}

static const struct fuzz_op op[] = {
	{ "read", call_read, false, { EFAULT, EINVAL } },
	{ "pread", call_pread, false, { EFAULT, EINVAL } },
	{ "readv", call_readv, false, { EFAULT, EINVAL } },
	{ "preadv2", call_preadv2, false, { EFAULT, EINVAL, EOPNOTSUPP } },
	{ "lseek", call_lseek, false, { EINVAL } },
	{ "splice", call_splice, false, { EINVAL } },
	{ "sendfile", call_sendfile, false, { EINVAL, EOVERFLOW } },
};

static void run(struct fuzz *f)
{
	struct reads r;
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", f->seen.pid);
	r.text = procfile_read(path, NULL);
	if (!r.text || !strstr(r.text, "\n[total]\n") || pipe2(r.pipe, O_NONBLOCK))
		target_fail(path);
	fcntl(r.pipe[1], F_SETPIPE_SZ, FUZZ_ROOM);
	r.stable = strstr(r.text, "\n[total]\n") - r.text;
	for (int i = 0; i < FILES; i++) {
		r.fd[i] = open(path, O_RDONLY);
		r.at[i] = 0;
		if (r.fd[i] < 0)
			target_fail(path);
	}
	f->own = &r;
	fuzz_all(f, op, sizeof(op) / sizeof(*op), fuzz_times(CALLS));
}

FUZZ(fuzz_reads, run)

TEST_HARNESS_MAIN
