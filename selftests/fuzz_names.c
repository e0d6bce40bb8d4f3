// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: under whatever name something in /proc/vminspect is looked up, opened,
 * asked for or to be changed: there are self, status, and the numbers of processes
 * and threads, as /proc writes them; everything else is not there, calls fail as
 * documented, and nothing is changed.
 */
#include "kselftest_harness.h"
#include "fuzz.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define CALLS 3000
#define NAME_ROOM 5000

/**
 * struct names - what is asked
 * @dir: /proc/vminspect
 * @proc: /proc
 * @name: the last name
 * @there: it should be there
 * @notify: an inotify instance
 */
struct names {
	int dir;
	int proc;
	char name[NAME_ROOM];
	bool there;
	int notify;
};

/* A number that may be one of a process. */
static long some_pid(struct fuzz *f)
{
	const long pid[] = { f->seen.pid, getpid(), getppid(), 1, 2, 0, 4194304 };

	return fuzz_below(f, 4) ? FUZZ_PICK(f, pid) : fuzz_number(f);
}

/* A number, written in a way nobody should understand. */
static void odd_number(struct fuzz *f, char *name)
{
	static const char *const format[] = {
		"0%ld", "+%ld", "-%ld", " %ld", "%ld ", "%ld\n", "0x%lx", "%ld.", "%lde0", "%ld\\",
		"%ld%%00", "00000000000000000000%ld", "%ld\xff", "\xef\xbb\xbf%ld", "%ld:", ".%ld",
	};
	long pid = some_pid(f);

	/* Written with as many more as an int, or a long, overflows by. */
	if (!fuzz_below(f, 6))
		sprintf(name, "%lu", (1ul << 32) + (unsigned long)pid);
	else if (!fuzz_below(f, 6))
		sprintf(name, "184467440737%ld", 9551616 + pid);
	else
		/* checked by the eye: each has one number */
		sprintf(name, FUZZ_PICK(f, format), pid);
}

static void noise(struct fuzz *f, char *name)
{
	size_t len = 1 + fuzz_below(f, fuzz_below(f, 4) ? 20 : 300);

	for (size_t i = 0; i < len; i++) {
		name[i] = 1 + fuzz_below(f, 255);
		if (name[i] == '/')
			name[i] = '.';
	}
	name[len] = '\0';
}

/* As /proc writes numbers of processes. */
static bool is_number(const char *name)
{
	return *name != '0' && strlen(name) == strspn(name, "0123456789") && strlen(name) < 10;
}

/* The kernel's own directory of processes says which numbers there are. */
static bool is_there(const struct names *n)
{
	if (!strcmp(n->name, "self") || !strcmp(n->name, "status"))
		return true;
	return *n->name && is_number(n->name) && !faccessat(n->proc, n->name, F_OK, 0);
}

static void some_name(struct fuzz *f)
{
	static const char *const known[] = { "self", "status", "new", "task", "-", "+", "..." };
	struct names *n = f->own;

	switch (fuzz_below(f, 6)) {
	case 0:
		strcpy(n->name, FUZZ_PICK(f, known));
		break;
	case 1:
		odd_number(f, n->name);
		break;
	case 2:
		noise(f, n->name);
		break;
	default:
		sprintf(n->name, "%ld", some_pid(f));
	}
	if (!strcmp(n->name, ".") || !strcmp(n->name, ".."))
		strcat(n->name, "_");
	n->there = is_there(n);
}

/* A path: the name, and what is there or not below, beside and above it. */
static void some_path(struct fuzz *f)
{
	static const char *const format[] = {
		"%s/", "%s/.", "%s/..", "%s/maps", "./%s", ".//%s", "../vminspect/%s",
		"self/../%s", "%s/../self", "../self/../vminspect/%s", "../vminspect/../%s",
	};
	struct names *n = f->own;
	char name[NAME_ROOM];

	some_name(f);
	strcpy(name, n->name);
	if (!fuzz_below(f, 20)) {
		memset(n->name, '/', PATH_MAX + 1);
		n->name[PATH_MAX - fuzz_below(f, 3) + 1] = '\0';
		memcpy(n->name, "./", 2);
	} else {
		/* checked by the eye: each has one text */
		sprintf(n->name, FUZZ_PICK(f, format), name);
	}
}

/* Is the answer the one for a name that is there, or is not? Returns it. */
static int check_there(struct fuzz *f, int error)
{
	const struct names *n = f->own;

	if (n->there ? error == ENOENT : error != ENOENT)
		fuzz_wrong(f, "'%.80s': expected it to be %s, seen %s", n->name,
			   n->there ? "there" : "absent", error ? strerror(error) : "success");
	return error;
}

static int result(long done)
{
	return done < 0 ? errno : 0;
}

static int call_stat(struct fuzz *f)
{
	struct names *n = f->own;
	struct stat st;

	some_name(f);
	return check_there(f, result(fstatat(n->dir, n->name, &st, AT_SYMLINK_NOFOLLOW)));
}

static int call_statx(struct fuzz *f)
{
	struct names *n = f->own;
	void *to = fuzz_memory(f, sizeof(struct statx));
	int flags = fuzz_below(f, 2) ? AT_SYMLINK_NOFOLLOW : (int)fuzz_number(f);
	unsigned int mask = fuzz_number(f);

	some_name(f);
	fuzz_args(f, "statx('%.80s', %#x, %#x, %p)", n->name, flags, mask, to);
	return result(syscall(SYS_statx, n->dir, n->name, flags, mask, to));
}

static int call_access(struct fuzz *f)
{
	struct names *n = f->own;
	int mode = fuzz_below(f, 8);

	some_name(f);
	fuzz_args(f, "access('%.80s', %d)", n->name, mode);
	return check_there(f, result(faccessat(n->dir, n->name, mode, AT_SYMLINK_NOFOLLOW)));
}

static int call_readlink(struct fuzz *f)
{
	struct names *n = f->own;
	size_t size = fuzz_below(f, 32);
	char *to = fuzz_memory(f, size);
	char self[16];
	ssize_t got;

	some_name(f);
	fuzz_args(f, "readlink('%.80s', %p, %zu)", n->name, to, size);
	got = readlinkat(n->dir, n->name, to, size);
	if (got < 0)
		return errno;
	snprintf(self, sizeof(self), "%d", getpid());
	if (strcmp(n->name, "self") || got > (ssize_t)strlen(self) || memcmp(to, self, got))
		fuzz_wrong(f, "expected %s, seen '%.*s'", self, (int)got, to);
	return 0;
}

/* Open flags, all but those that wait or make temporary files elsewhere. */
static int some_flags(struct fuzz *f)
{
	static const int flag[] = {
		O_APPEND, O_ASYNC, O_CLOEXEC, O_CREAT, O_DIRECT, O_DIRECTORY, O_DSYNC, O_EXCL,
		O_LARGEFILE, O_NOATIME, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_SYNC,
		O_TMPFILE, O_TRUNC,
	};
	int flags = fuzz_below(f, 4);

	for (int i = fuzz_below(f, 4); i > 0; i--)
		flags |= FUZZ_PICK(f, flag);
	return flags;
}

/* What was opened can be read, if it can be, and closed. */
static int use(int fd)
{
	char byte;

	if (fd < 0)
		return errno;
	if (read(fd, &byte, 1) < 0)
		byte = 0;
	close(fd);
	return 0;
}

static int call_open(struct fuzz *f)
{
	struct names *n = f->own;
	int flags = some_flags(f);

	if (fuzz_below(f, 2))
		some_name(f);
	else
		some_path(f);
	fuzz_args(f, "open('%.80s', %#o)", n->name, flags);
	return use(openat(n->dir, n->name, flags, (int)fuzz_number(f)));
}

static int call_openat2(struct fuzz *f)
{
	static const uint64_t resolve[] = {
		RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH,
		RESOLVE_IN_ROOT, RESOLVE_CACHED,
	};
	struct names *n = f->own;
	struct open_how how = { .flags = some_flags(f), .resolve = FUZZ_PICK(f, resolve) };

	if (!fuzz_below(f, 4))
		how.resolve = fuzz_number(f);
	if (how.flags & O_CREAT)
		how.mode = 0666;
	some_path(f);
	fuzz_args(f, "openat2('%.80s', %#llo, %#llx)", n->name, (long long)how.flags,
		  (long long)how.resolve);
	return use(syscall(SYS_openat2, n->dir, n->name, &how, sizeof(how)));
}

static int call_list(struct fuzz *f)
{
	size_t size = fuzz_below(f, 5000);
	char *to = fuzz_memory(f, size);
	int fd = openat(AT_FDCWD, "/proc/vminspect", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	off_t at = fuzz_below(f, 2) ? 0 : fuzz_number(f);
	long got = 0, next = 0;

	fuzz_args(f, "getdents64(%p, %zu) at %lld", to, size, (long long)at);
	if (fd < 0)
		return errno;
	if (lseek(fd, at, SEEK_SET) == at)
		got = syscall(SYS_getdents64, fd, to, size);
	error = got < 0 ? errno : 0;
	for (; !f->bad && next < got; next += ((struct dirent64 *)(to + next))->d_reclen) {
		const char *name = ((struct dirent64 *)(to + next))->d_name;

		if (strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "self") &&
		    strcmp(name, "status") && !is_number(name))
			fuzz_wrong(f, "lists '%.40s'", name);
	}
	close(fd);
	return error;
}

/* Everything below is to change something, and must not. */

static int call_unlink(struct fuzz *f)
{
	struct names *n = f->own;

	some_name(f);
	return result(unlinkat(n->dir, n->name, fuzz_below(f, 2) ? 0 : AT_REMOVEDIR));
}

static int call_make(struct fuzz *f)
{
	static const mode_t kind[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK };
	struct names *n = f->own;

	some_name(f);
	switch (fuzz_below(f, 3)) {
	case 0:
		return result(mkdirat(n->dir, n->name, 0777));
	case 1:
		return result(symlinkat("self", n->dir, n->name));
	default:
		return result(mknodat(n->dir, n->name, FUZZ_PICK(f, kind) | 0666, makedev(1, 3)));
	}
}

static int call_link(struct fuzz *f)
{
	struct names *n = f->own;
	char from[NAME_ROOM];

	some_name(f);
	strcpy(from, n->name);
	some_name(f);
	/* To itself it can be. */
	if (!strcmp(from, n->name))
		strcat(n->name, "0");
	if (fuzz_below(f, 2))
		return result(linkat(n->dir, from, n->dir, n->name,
				     fuzz_below(f, 2) ? 0 : AT_SYMLINK_FOLLOW));
	return result(syscall(SYS_renameat2, n->dir, from, n->dir, n->name,
			      fuzz_below(f, 2) ? 0 : fuzz_below(f, 8)));
}

static int call_chmod(struct fuzz *f)
{
	struct names *n = f->own;

	some_name(f);
	return result(fchmodat(n->dir, n->name, fuzz_random(f) & 07777, 0));
}

static int call_xattr(struct fuzz *f)
{
	static const char *const attr[] = {
		"user.a", "trusted.a", "security.selinux", "security.capability",
		"system.posix_acl_access", "", "nothing", "user.",
	};
	struct names *n = f->own;
	char path[NAME_ROOM + 32];
	size_t size = fuzz_below(f, 5) ? fuzz_below(f, 300) : (size_t)fuzz_number(f);
	char *memory = fuzz_memory(f, size);
	const char *a = FUZZ_PICK(f, attr);

	some_name(f);
	snprintf(path, sizeof(path), "/proc/vminspect/%s", n->name);
	fuzz_args(f, "xattr %s of '%.80s', %p, %zu", a, path, memory, size);
	switch (fuzz_below(f, 4)) {
	case 0:
		return result(lgetxattr(path, a, memory, size));
	case 1:
		return result(lsetxattr(path, a, memory, size, fuzz_below(f, 4)));
	case 2:
		return result(lremovexattr(path, a));
	default:
		return result(llistxattr(path, memory, size));
	}
}

static int call_times(struct fuzz *f)
{
	struct names *n = f->own;
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };

	some_name(f);
	return result(utimensat(n->dir, n->name, now, AT_SYMLINK_NOFOLLOW));
}

static int call_handle(struct fuzz *f)
{
	struct names *n = f->own;
	struct file_handle *handle = (struct file_handle *)f->room;
	int mount;

	some_name(f);
	handle->handle_bytes = fuzz_below(f, 200);
	return result(name_to_handle_at(n->dir, n->name, handle, &mount, 0));
}

static int call_watch(struct fuzz *f)
{
	struct names *n = f->own;
	char path[NAME_ROOM + 32];
	int watch;

	some_name(f);
	snprintf(path, sizeof(path), "/proc/vminspect/%s", n->name);
	watch = inotify_add_watch(n->notify, path, fuzz_number(f) & ~IN_MASK_CREATE);
	if (watch < 0)
		return errno;
	inotify_rm_watch(n->notify, watch);
	return 0;
}

static int call_statfs(struct fuzz *f)
{
	struct names *n = f->own;
	char path[NAME_ROOM + 32];
	struct statfs fs;

	some_name(f);
	snprintf(path, sizeof(path), "/proc/vminspect/%s", n->name);
	return result(statfs(path, &fs));
}

static const struct fuzz_op op[] = {
	{ "stat", call_stat, false, { ENOENT } },
	{ "statx", call_statx, false, { ENOENT, EFAULT, EINVAL } },
	{ "access", call_access, false, { ENOENT, EACCES } },
	{ "readlink", call_readlink, false, { ENOENT, EINVAL, EFAULT } },
	{ "open", call_open, false,
	  { ENOENT, ENAMETOOLONG, EACCES, EPERM, ESRCH, EINVAL, ENOTDIR, EISDIR, ELOOP, EEXIST,
	    EOPNOTSUPP } },
	{ "openat2", call_openat2, false,
	  { ENOENT, ENAMETOOLONG, EACCES, EPERM, ESRCH, EINVAL, ENOTDIR, EISDIR, ELOOP, EEXIST,
	    EOPNOTSUPP, EXDEV, EAGAIN } },
	{ "getdents64", call_list, false, { EINVAL, EFAULT } },
	{ "unlink, rmdir", call_unlink, true, { ENOENT, EPERM, EACCES, ENOTDIR } },
	{ "mkdir, symlink, mknod", call_make, true, { ENOENT, EPERM, EACCES, EEXIST } },
	{ "link, rename", call_link, true, { ENOENT, EPERM, EACCES, EEXIST, EINVAL } },
	{ "chmod", call_chmod, true, { ENOENT, EPERM } },
	{ "xattr", call_xattr, false,
	  { ENOENT, EOPNOTSUPP, EPERM, EACCES, EFAULT, ERANGE, EINVAL, E2BIG, ENODATA } },
	{ "utimensat", call_times, false, { ENOENT, EPERM, EACCES } },
	{ "name_to_handle_at", call_handle, true, { ENOENT, EOPNOTSUPP, EINVAL, EOVERFLOW } },
	{ "inotify_add_watch", call_watch, false, { ENOENT, EACCES, EINVAL, ENOTDIR } },
	{ "statfs", call_statfs, false, { ENOENT, EACCES } },
};

/* The directory is the one it was. */
static void check_directory(struct fuzz *f)
{
	struct stat st;

	fuzz_args(f, "after all");
	if (stat("/proc/vminspect", &st) || st.st_mode != (S_IFDIR | 0555))
		fuzz_wrong(f, "mode of the directory: expected 40555, seen %o", st.st_mode);
	if (!lstat("/proc/vminspect/new", &st))
		fuzz_wrong(f, "there is a new file");
}

static void run(struct fuzz *f)
{
	struct names n = {
		.dir = open("/proc/vminspect", O_PATH | O_DIRECTORY),
		.proc = open("/proc", O_PATH | O_DIRECTORY),
		.notify = inotify_init(),
	};

	if (n.dir < 0 || n.proc < 0 || n.notify < 0)
		target_fail("/proc/vminspect");
	f->own = &n;
	fuzz_all(f, op, sizeof(op) / sizeof(*op), fuzz_times(CALLS));
	check_directory(f);
}

FUZZ(fuzz_names, run)

TEST_HARNESS_MAIN
