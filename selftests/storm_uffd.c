// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while pages come from userfaultfd(2) all the time, missing ones, ones that are
 * there but were not mapped, and write-protected ones, every report is well formed, no
 * fault is lost, each is counted once however often it had to be tried, and memory
 * holds what it was given and what was written to it.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "storm.h"

#define PAGES 64
#define TOUCHERS 2

STORM_FIXTURE(storm_uffd)
{
	ASSERT_EQ(0, storm_open(&self->storm));
}

/**
 * struct field - pages that come through userfaultfd
 * @at: where they are
 * @other: another mapping of them if they are shared, else the same
 * @fd: where faults can be read
 * @mode: what it was registered for
 * @served: how many faults were answered
 * @with: what is to be in them, see stamp()
 */
struct field {
	char *at;
	char *other;
	int fd;
	unsigned int mode;
	volatile unsigned long served;
	volatile char with;
};

static char stamp(const struct field *f, int page)
{
	return f->with + page;
}

/* Another thread was faster, or the mapping is changing: the fault is tried again. */
static bool answer(int fd, unsigned long request, void *argument, struct uffdio_range range)
{
	while (ioctl(fd, request, argument)) {
		if (errno == EEXIST)
			return !ioctl(fd, UFFDIO_WAKE, &range);
		if (errno != EAGAIN)
			return false;
	}
	return true;
}

static bool serve(struct field *f, uint64_t address)
{
	static char page[4096] __attribute__((aligned(4096)));
	const struct uffdio_range range = { address & ~(LIFE_PAGE - 1), LIFE_PAGE };
	struct uffdio_copy copy = {
		.dst = range.start, .src = (uintptr_t)page, .len = LIFE_PAGE,
	};
	struct uffdio_continue map = { .range = range };
	struct uffdio_writeprotect allow = { .range = range };

	f->served++;
	if (f->mode == UFFDIO_REGISTER_MODE_WP)
		return answer(f->fd, UFFDIO_WRITEPROTECT, &allow, range);
	if (f->mode == UFFDIO_REGISTER_MODE_MINOR)
		return answer(f->fd, UFFDIO_CONTINUE, &map, range);
	page[0] = stamp(f, (range.start - (uintptr_t)f->at) / LIFE_PAGE);
	return answer(f->fd, UFFDIO_COPY, &copy, range);
}

static void *handler(void *arg)
{
	struct field *f = arg;
	struct uffd_msg message;

	while (read(f->fd, &message, sizeof(message)) == sizeof(message)) {
		if (message.event == UFFD_EVENT_PAGEFAULT &&
		    serve(f, message.arg.pagefault.address))
			continue;
		break;
	}
	diag("pid %d: userfaultfd: %s", getpid(), strerror(errno));
	_exit(1);
}

static bool field_register(struct field *f)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = f->mode == UFFDIO_REGISTER_MODE_MINOR ? UFFD_FEATURE_MINOR_SHMEM : 0,
	};
	struct uffdio_register area = {
		.range = { (uintptr_t)f->at, PAGES * LIFE_PAGE }, .mode = f->mode,
	};
	pthread_t thread;

	f->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	return f->fd >= 0 && !ioctl(f->fd, UFFDIO_API, &api) &&
	       !ioctl(f->fd, UFFDIO_REGISTER, &area) &&
	       !pthread_create(&thread, NULL, handler, f);
}

static bool field_ready(struct field *f, unsigned int mode, int flags, int fd)
{
	if (f->at)
		return true;
	f->mode = mode;
	f->at = mmap(NULL, PAGES * LIFE_PAGE, KIND_RW, flags, fd, 0);
	f->other = fd < 0 ? f->at : mmap(NULL, PAGES * LIFE_PAGE, KIND_RW, flags, fd, 0);
	return f->at != MAP_FAILED && f->other != MAP_FAILED && field_register(f);
}

static bool holds(const struct field *f)
{
	for (int i = 0; i < PAGES; i++) {
		char seen = *(volatile char *)(f->at + i * LIFE_PAGE);

		if (seen == stamp(f, i))
			continue;
		diag("pid %d: page %d at %p: expected %d, seen %d", getpid(), i, f->at, stamp(f, i),
		     seen);
		errno = 0;
		return false;
	}
	return true;
}

static void write_to(const struct field *f, char *at)
{
	for (int i = 0; i < PAGES; i++)
		*(volatile char *)(at + i * LIFE_PAGE) = stamp(f, i);
}

static void *read_all(void *arg)
{
	return holds(arg) ? NULL : arg;
}

static void *write_all(void *arg)
{
	struct field *f = arg;

	write_to(f, f->at);
	return NULL;
}

/* Several threads at once want the same pages; at least one fault a page is served. */
static bool touch(struct field *f, void *(*body)(void *arg))
{
	const unsigned long served = f->served;
	pthread_t thread[TOUCHERS];
	void *wrong;
	bool good = true;
	int started = 0;

	while (started < TOUCHERS && !pthread_create(&thread[started], NULL, body, f))
		started++;
	for (int i = 0; i < started; i++)
		good = !pthread_join(thread[i], &wrong) && !wrong && good;
	if (f->served < served + PAGES) {
		diag("pid %d: expected %d faults served, seen %lu", getpid(), PAGES,
		     f->served - served);
		good = false;
	}
	errno = 0;
	return good && started == TOUCHERS;
}

/* The handler fills each page. */
static bool missing(void)
{
	static struct field f;

	if (!field_ready(&f, UFFDIO_REGISTER_MODE_MISSING, KIND_PRIVATE, -1) ||
	    madvise(f.at, PAGES * LIFE_PAGE, MADV_DONTNEED))
		return false;
	f.with++;
	return touch(&f, read_all);
}

/* The pages are there, filled through the other mapping; the handler has them mapped. */
static bool minor(void)
{
	static struct field f;
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("storm", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, PAGES * LIFE_PAGE))
			return false;
	}
	if (!field_ready(&f, UFFDIO_REGISTER_MODE_MINOR, MAP_SHARED, fd) ||
	    madvise(f.at, PAGES * LIFE_PAGE, MADV_DONTNEED))
		return false;
	f.with++;
	write_to(&f, f.other);
	return touch(&f, read_all);
}

/* All pages are protected; the handler lets them be written to. */
static bool protected(void)
{
	static struct field f;
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };

	if (!field_ready(&f, UFFDIO_REGISTER_MODE_WP, KIND_PRIVATE, -1))
		return false;
	write_to(&f, f.at);
	protect.range = (struct uffdio_range){ (uintptr_t)f.at, PAGES * LIFE_PAGE };
	if (ioctl(f.fd, UFFDIO_WRITEPROTECT, &protect))
		return false;
	f.with++;
	return touch(&f, write_all) && holds(&f);
}

static const struct storm_kind kind[] = {
	{ "missing", missing },
	{ "minor", minor },
	{ "protected", protected },
};

TEST_F_TIMEOUT(storm_uffd, missing_minor_protected, STORM_TIMEOUT)
{
	STORM(kind, NULL);
}

TEST_HARNESS_MAIN
