// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: what else a program can call with a descriptor of a report, of status,
 * or of their directory, is answered as documented, whatever else it passes: all
 * of ioctl's numbers, fcntl, mmap, poll, what allocates, syncs, locks or sends, and
 * io_uring.
 */
#include "kselftest_harness.h"
#include "fuzz.h"

#include <linux/fiemap.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#define CALLS 4000
#define WAIT_SECONDS 10

enum { REPORT, CONTROL, STATUS, DIRECTORY, NAME, FILES };

static const char *const kind[FILES] = {
	"a report", "a report to write", "status", "the directory", "an O_PATH",
};

/**
 * struct calls - what is called with
 * @fd: the files
 * @which: the one of the last call
 * @epoll: an epoll instance
 * @pipe: empty
 * @ring: an io_uring, -1 if there may be none
 * @params: its layout
 * @queue: what it shares: both queues, then entries
 * @entries: those to submit
 */
struct calls {
	int fd[FILES];
	int which;
	int epoll;
	int pipe[2];
	int ring;
	struct io_uring_params params;
	char *queue;
	struct io_uring_sqe *entries;
};

static int some_fd(struct fuzz *f)
{
	struct calls *c = f->own;

	c->which = fuzz_below(f, FILES);
	fuzz_args(f, "%s", kind[c->which]);
	return c->fd[c->which];
}

static int result(long done)
{
	return done < 0 ? errno : 0;
}

/* Those with numbers that the kernel itself has for every file. */
static int call_ioctl(struct fuzz *f)
{
	static const unsigned int request[] = {
		FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC, FIONREAD, FIOQSIZE, FIGETBSZ, FIBMAP,
		FIFREEZE, FITHAW, FICLONE, FICLONERANGE, FIDEDUPERANGE, FS_IOC_FIEMAP,
		FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR,
	};
	struct calls *c = f->own;
	int fd = some_fd(f);
	unsigned int number = FUZZ_PICK(f, request);
	void *memory = fuzz_memory(f, 64);

	fuzz_args(f, "ioctl(%s, %#x, %p)", kind[c->which], number, memory);
	return result(ioctl(fd, number, memory));
}

static int call_fcntl(struct fuzz *f)
{
	struct calls *c = f->own;
	int fd = some_fd(f), command = fuzz_below(f, 45), done;
	unsigned long arg = fuzz_number(f);

	if (!fuzz_below(f, 3))
		command = F_SETLEASE + fuzz_below(f, 20);
	/* Those would wait, or have signals sent. */
	if (command == F_SETLKW || command == F_OFD_SETLKW || command == F_SETSIG ||
	    command == F_SETOWN || command == F_SETOWN_EX)
		command = F_GETFL;
	if (fuzz_below(f, 2))
		arg = (unsigned long)fuzz_memory(f, 64);
	fuzz_args(f, "fcntl(%s, %d, %#lx)", kind[c->which], command, arg);
	done = fcntl(fd, command, arg);
	if (done >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC))
		close(done);
	if (done >= 0 && command == F_SETLEASE)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	return result(done);
}

static int call_lock(struct fuzz *f)
{
	static const int command[] = { F_GETLK, F_SETLK, F_OFD_GETLK, F_OFD_SETLK };
	struct flock lock = {
		.l_type = fuzz_below(f, 4), .l_whence = fuzz_below(f, 4),
		.l_start = fuzz_number(f), .l_len = fuzz_number(f),
	};
	int fd = some_fd(f);

	if (fuzz_below(f, 2))
		return result(fcntl(fd, FUZZ_PICK(f, command), &lock));
	return result(flock(fd, fuzz_below(f, 16) | LOCK_NB));
}

static int call_mmap(struct fuzz *f)
{
	static const int how[] = { MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE };
	static const int flag[] = { 0, MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE, MAP_SYNC,
				    MAP_GROWSDOWN, MAP_HUGETLB, MAP_32BIT };
	int fd = some_fd(f), flags = FUZZ_PICK(f, how) | FUZZ_PICK(f, flag);
	size_t size = fuzz_below(f, 1 << 20);
	void *at = mmap(NULL, size, fuzz_below(f, 8), flags, fd,
			fuzz_below(f, 2) ? 0 : fuzz_number(f));

	if (at == MAP_FAILED)
		return errno;
	munmap(at, size);
	return 0;
}

/* A report can always be read, and written to if it was opened so. */
static int call_poll(struct fuzz *f)
{
	struct calls *c = f->own;
	struct pollfd p = { some_fd(f), fuzz_random(f), 0 };
	int done = poll(&p, 1, 0);
	short ready = c->which == CONTROL ? POLLIN | POLLOUT : POLLIN;
	short wanted = c->which == NAME ? POLLNVAL : p.events & ready;

	fuzz_args(f, "poll(%s, %#x)", kind[c->which], p.events);
	if (done >= 0 && (p.revents & (ready | POLLNVAL)) != wanted)
		fuzz_wrong(f, "expected %#x, seen %#x", wanted, p.revents);
	return result(done);
}

static int call_poll_memory(struct fuzz *f)
{
	nfds_t count = fuzz_below(f, 2) ? fuzz_below(f, 4) : (nfds_t)fuzz_number(f);
	struct pollfd *list = fuzz_memory(f, sizeof(*list) * 4);

	for (int i = 0; list == (void *)f->room && i < 4; i++)
		list[i] = (struct pollfd){ some_fd(f), fuzz_random(f), 0 };
	fuzz_args(f, "poll(%p, %lu)", list, (unsigned long)count);
	return result(poll(list, count, 0));
}

static int call_select(struct fuzz *f)
{
	struct timeval now = { 0, 0 };
	int fd = some_fd(f);
	fd_set set[3];

	for (int i = 0; i < 3; i++) {
		FD_ZERO(&set[i]);
		if (fuzz_below(f, 2))
			FD_SET(fd, &set[i]);
	}
	return result(select(fd + 1, &set[0], &set[1], &set[2], &now));
}

static int call_epoll(struct fuzz *f)
{
	struct calls *c = f->own;
	struct epoll_event event = { .events = fuzz_random(f) & ~EPOLLWAKEUP };
	int command = fuzz_below(f, 5), fd = some_fd(f), error;

	fuzz_args(f, "epoll_ctl(%d, %s, %#x)", command, kind[c->which], event.events);
	error = result(epoll_ctl(c->epoll, command, fd, &event));
	if (epoll_wait(c->epoll, &event, 1, 0) < 0)
		fuzz_wrong(f, "epoll_wait: %s", strerror(errno));
	return error;
}

static int call_allocate(struct fuzz *f)
{
	return result(fallocate(some_fd(f), fuzz_below(f, 128), fuzz_number(f), fuzz_number(f)));
}

static int call_truncate(struct fuzz *f)
{
	return result(ftruncate(some_fd(f), fuzz_number(f)));
}

static int call_advise(struct fuzz *f)
{
	int fd = some_fd(f);
	off_t at = fuzz_number(f), size = fuzz_number(f);

	if (fuzz_below(f, 2))
		return result(readahead(fd, at, size));
	return posix_fadvise(fd, at, size, fuzz_below(f, 8));
}

static int call_sync(struct fuzz *f)
{
	int fd = some_fd(f);

	return result(fuzz_below(f, 2) ? fsync(fd) : fdatasync(fd));
}

static int call_sync_range(struct fuzz *f)
{
	return result(sync_file_range(some_fd(f), fuzz_number(f), fuzz_number(f),
				      fuzz_below(f, 9)));
}

static int call_chmod(struct fuzz *f)
{
	return result(fchmod(some_fd(f), fuzz_random(f) & 07777));
}

static int call_xattr(struct fuzz *f)
{
	int fd = some_fd(f);

	if (fuzz_below(f, 2))
		return result(fsetxattr(fd, "user.a", f->room, 8, 0));
	return result(fremovexattr(fd, "security.capability"));
}

static int call_copy(struct fuzz *f)
{
	loff_t at = fuzz_below(f, 2) ? 0 : fuzz_number(f);
	int from = some_fd(f), to = some_fd(f), error;
	int file = memfd_create("copy", MFD_CLOEXEC);
	struct calls *c = f->own;

	fuzz_args(f, "copy_file_range(%s, %lld)", kind[c->which], (long long)at);
	error = result(copy_file_range(from, &at, fuzz_below(f, 2) ? file : to, NULL,
				       fuzz_below(f, 4096), 0));
	close(file);
	return error;
}

/* Pipes only, unless it is about nothing at all. */
static int call_tee(struct fuzz *f)
{
	const struct iovec part = { f->room, 1 + fuzz_below(f, 4096) };
	int from = some_fd(f), to = some_fd(f);

	if (fuzz_below(f, 2))
		return result(tee(from, to, 1 + fuzz_below(f, 4096), SPLICE_F_NONBLOCK));
	return result(vmsplice(from, &part, 1, SPLICE_F_NONBLOCK));
}

static int call_read_memory(struct fuzz *f)
{
	const struct iovec to = { f->room, 4096 };
	const struct iovec from = {
		fuzz_below(f, 2) ? (void *)TARGET_ALONE(0) : fuzz_memory(f, 4096), 4096,
	};

	return result(process_vm_readv(f->seen.pid, &to, 1, &from, 1, fuzz_below(f, 16) / 15));
}

static int call_directory(struct fuzz *f)
{
	int fd = some_fd(f);
	long got = syscall(SYS_getdents64, fd, fuzz_memory(f, 4096), 4096);

	if (got >= 0)
		lseek(fd, 0, SEEK_SET);
	return result(got);
}

static bool open_ring(struct calls *c)
{
	size_t size;

	c->ring = syscall(SYS_io_uring_setup, 4, &c->params);
	if (c->ring < 0)
		return false;
	size = c->params.cq_off.cqes + c->params.cq_entries * sizeof(struct io_uring_cqe);
	c->queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, c->ring,
			IORING_OFF_SQ_RING);
	c->entries = mmap(NULL, c->params.sq_entries * sizeof(*c->entries), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, c->ring, IORING_OFF_SQES);
	return c->queue != MAP_FAILED && c->entries != MAP_FAILED;
}

/* The answer that the ring has for the only request; it is taken out. */
static int take_answer(struct fuzz *f)
{
	struct calls *c = f->own;
	unsigned int *head = (unsigned int *)(c->queue + c->params.cq_off.head);
	unsigned int *tail = (unsigned int *)(c->queue + c->params.cq_off.tail);
	const struct io_uring_cqe *answer = (void *)(c->queue + c->params.cq_off.cqes);

	if (__atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head) {
		fuzz_wrong(f, "no answer in %d s", WAIT_SECONDS);
		return 0;
	}
	answer += *head & (c->params.cq_entries - 1);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return answer->res < 0 ? -answer->res : 0;
}

static int call_ring(struct fuzz *f)
{
	static const uint8_t code[] = {
		IORING_OP_NOP, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
		IORING_OP_POLL_ADD, IORING_OP_SYNC_FILE_RANGE, IORING_OP_FALLOCATE,
		IORING_OP_FADVISE, IORING_OP_READV, IORING_OP_SPLICE,
	};
	struct __kernel_timespec limit = { .tv_sec = WAIT_SECONDS };
	struct io_uring_getevents_arg arg = { .ts = (unsigned long)&limit };
	struct calls *c = f->own;
	unsigned int *tail = (unsigned int *)(c->queue + c->params.sq_off.tail);
	unsigned int *array = (unsigned int *)(c->queue + c->params.sq_off.array);
	unsigned int at = *tail & (c->params.sq_entries - 1);
	struct io_uring_sqe *e = &c->entries[at];

	*e = (struct io_uring_sqe){
		.opcode = FUZZ_PICK(f, code), .fd = some_fd(f), .off = fuzz_number(f),
		.len = fuzz_below(f, FUZZ_ROOM),
	};
	e->addr = (unsigned long)fuzz_memory(f, e->len);
	if (e->opcode == IORING_OP_READV)
		e->len = fuzz_below(f, 3);
	if (e->opcode == IORING_OP_POLL_ADD)
		*e = (struct io_uring_sqe){ .opcode = e->opcode, .fd = e->fd,
					    .poll32_events = POLLIN };
	fuzz_args(f, "io_uring(%d, %s, %lld, %#llx, %u)", e->opcode, kind[c->which],
		  (long long)e->off, (long long)e->addr, e->len);
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, c->ring, 1, 1,
		    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)) < 0)
		return errno;
	return take_answer(f);
}

static const struct fuzz_op op[] = {
	{ "ioctl", call_ioctl, false,
	  { ENOTTY, EBADF, EINVAL, EFAULT, EOPNOTSUPP, EPERM, EACCES, EISDIR, EXDEV, ENOMEM } },
	{ "fcntl", call_fcntl, false,
	  { EINVAL, EBADF, EFAULT, EAGAIN, EACCES, EPERM, ENOTDIR, EMFILE, EOVERFLOW } },
	{ "lock", call_lock, false, { EINVAL, EBADF, EAGAIN, EOVERFLOW } },
	{ "mmap", call_mmap, true,
	  { EINVAL, EBADF, EACCES, ENODEV, EIO, EOVERFLOW, EPERM, EOPNOTSUPP, EAGAIN } },
	{ "poll", call_poll, false, { 0 } },
	{ "poll, bad memory", call_poll_memory, false, { EFAULT, EINVAL } },
	{ "select", call_select, false, { EBADF } },
	{ "epoll", call_epoll, false, { EINVAL, EBADF, EPERM, EEXIST, ENOENT } },
	{ "fallocate", call_allocate, true, { EINVAL, EBADF, EOPNOTSUPP, EFBIG } },
	{ "ftruncate", call_truncate, false, { EINVAL, EBADF, EFBIG } },
	{ "fadvise, readahead", call_advise, false, { EINVAL, EBADF } },
	{ "fsync", call_sync, true, { EINVAL, EBADF } },
	{ "sync_file_range", call_sync_range, false, { EINVAL, EBADF } },
	{ "fchmod", call_chmod, true, { EPERM, EBADF } },
	{ "xattr", call_xattr, true, { EBADF, EOPNOTSUPP, EACCES, EPERM } },
	{ "copy_file_range", call_copy, false, { EINVAL, EBADF, EXDEV, EISDIR, EOVERFLOW } },
	{ "tee, vmsplice", call_tee, true, { EINVAL, EBADF } },
	{ "process_vm_readv", call_read_memory, false, { EFAULT, EINVAL } },
	{ "getdents64", call_directory, false, { ENOTDIR, EBADF, EFAULT, EINVAL } },
	{ "io_uring", call_ring, false,
	  { EINVAL, EBADF, EFAULT, EISDIR, EOPNOTSUPP } },
};

/* The module has none; these are for any file (fs/ioctl.c:do_vfs_ioctl()). */
static bool may_succeed(unsigned int request)
{
	static const unsigned int any_file[] = {
		FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC, FIONREAD, FIOQSIZE, FIGETBSZ,
	};

	for (size_t i = 0; i < sizeof(any_file) / sizeof(*any_file); i++)
		if (request == any_file[i])
			return true;
	return false;
}

static void try_ioctl(struct fuzz *f, unsigned int request)
{
	struct calls *c = f->own;
	void *memory = fuzz_memory(f, request >> 16 & 0x3fff);
	int error = result(ioctl(c->fd[CONTROL], request, memory));

	fuzz_args(f, "ioctl(%s, %#x, %p)", kind[CONTROL], request, memory);
	if (!error && !may_succeed(request))
		fuzz_wrong(f, "seen success");
	if (error && error != ENOTTY && error != EINVAL && error != EFAULT &&
	    error != EBADF && error != EOPNOTSUPP && error != EPERM && error != ENOMEM)
		fuzz_wrong(f, "seen %s", strerror(error));
}

/* Every type and number, without size and direction, and with some at random. */
static void try_ioctls(struct fuzz *f)
{
	for (unsigned int number = 0; number < 1 << 16; number++) {
		try_ioctl(f, number);
		try_ioctl(f, number | (unsigned int)fuzz_random(f) << 16);
	}
}

static void run(struct fuzz *f)
{
	struct calls c = { .epoll = epoll_create1(0) };
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", f->seen.pid);
	c.fd[REPORT] = open(path, O_RDONLY);
	c.fd[CONTROL] = open(path, O_RDWR);
	c.fd[STATUS] = open("/proc/vminspect/status", O_RDONLY);
	c.fd[DIRECTORY] = open("/proc/vminspect", O_RDONLY | O_DIRECTORY);
	c.fd[NAME] = open(path, O_PATH);
	for (int i = 0; i < FILES; i++)
		if (c.fd[i] < 0)
			target_fail(kind[i]);
	if (c.epoll < 0 || pipe(c.pipe) || !open_ring(&c))
		target_fail("epoll, pipe or io_uring");
	signal(SIGIO, SIG_IGN);
	f->own = &c;
	fuzz_all(f, op, sizeof(op) / sizeof(*op), fuzz_times(CALLS));
	try_ioctls(f);
}

FUZZ(fuzz_calls, run)

TEST_HARNESS_MAIN
