// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into the tool, makes the errors that only /proc/vminspect can
 * give: opening OPENERR_PATH, or writing to it if OPENERR_CALL is "write",
 * fails with OPENERR_ERRNO, and the tool runs as OPENERR_EUID.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Must the call fail? Sets errno if so. */
static bool fails(const char *call, const char *path)
{
	const char *which = getenv("OPENERR_CALL");
	const char *fail = getenv("OPENERR_PATH");
	const char *with = getenv("OPENERR_ERRNO");

	if (!fail || !with || strcmp(path, fail) || strcmp(call, which ? which : "open"))
		return false;
	errno = strtol(with, NULL, 10);
	return true;
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...);
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (fails("open", path))
		return -1;
	next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	return next(path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
	ssize_t (*next)(int fd, const void *data, size_t size);
	char name[64], path[4096];
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	if (fails("write", path))
		return -1;
	next = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	return next(fd, data, size);
}

uid_t geteuid(void)
{
	const char *uid = getenv("OPENERR_EUID");

	return uid ? (uid_t)strtoul(uid, NULL, 10) : getuid();
}
