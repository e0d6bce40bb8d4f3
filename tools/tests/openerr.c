// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into the tool, makes the errors that only /proc/vminspect can
 * give: opening OPENERR_PATH fails with OPENERR_ERRNO, and the tool runs as
 * OPENERR_EUID.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

int open(const char *path, int flags, ...)
{
	const char *fail = getenv("OPENERR_PATH");
	int (*next)(const char *path, int flags, ...);
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (fail && !strcmp(path, fail)) {
		errno = atoi(getenv("OPENERR_ERRNO"));
		return -1;
	}
	next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	return next(path, flags, mode);
}

uid_t geteuid(void)
{
	const char *uid = getenv("OPENERR_EUID");

	return uid ? (uid_t)atoi(uid) : getuid();
}
