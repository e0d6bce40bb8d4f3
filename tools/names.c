// SPDX-License-Identifier: GPL-2.0
/*
 * A process goes by three names: what it calls itself (comm), the first word
 * it was called with, and the file it runs. A script is found as "backup.py"
 * and as "python3", a program of any length by its whole name.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "source.h"
#include "value.h"

/* What the kernel puts behind the name of a file that is no longer there. */
#define DELETED " (deleted)"

/* The first bytes of a file, as a string; empty if it cannot be read. */
static void read_string(int dir, const char *file, char *text, size_t size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd >= 0) {
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
}

static bool is_basename(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, name);
}

static bool goes_by(int process, const char *name)
{
	char text[PATH_MAX];
	const size_t end = strlen(DELETED);
	ssize_t len;

	read_string(process, "comm", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	if (!strcmp(text, name))
		return true;

	read_string(process, "cmdline", text, sizeof(text));
	if (is_basename(text, name))
		return true;

	len = readlinkat(process, "exe", text, sizeof(text) - 1);
	if (len < 0)
		return false;
	text[len] = '\0';
	if ((size_t)len > end && !strcmp(text + len - end, DELETED))
		text[len - end] = '\0';
	return is_basename(text, name);
}

static int compare_pids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool process_goes_by(int proc, const char *pid, const char *name)
{
	int process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool yes = process >= 0 && goes_by(process, name);

	if (process >= 0)
		close(process);
	return yes;
}

/**
 * names_find() - find processes by name
 * @sysroot: directory that stands for /
 * @name: the whole name, without directories
 * @nr: set to the number of processes
 *
 * Return: their pids in rising order, malloc'ed; this process is not among
 * them.
 */
uint64_t *names_find(const char *sysroot, const char *name, size_t *nr)
{
	uint64_t *pids = NULL, *grown, pid, self;
	struct dirent *entry;
	char *path;
	DIR *proc;
	int dir;

	*nr = 0;
	if (!*name)
		return NULL;
	if (asprintf(&path, "%s/proc", sysroot) < 0)
		err(EXIT_FAILURE, "%s", name);
	proc = opendir(path);
	dir = proc ? dirfd(proc) : -1;
	if (dir < 0)
		err(EXIT_FAILURE, "%s", path);
	/* as that /proc numbers it */
	if (!source_link(dir, "self", &self))
		self = 0;
	while ((entry = readdir(proc))) {
		if (!value_number(entry->d_name, 10, &pid) || pid == self ||
		    !process_goes_by(dir, entry->d_name, name))
			continue;
		grown = reallocarray(pids, *nr + 1, sizeof(*pids));
		if (!grown)
			err(EXIT_FAILURE, "%s", name);
		pids = grown;
		pids[(*nr)++] = pid;
	}
	closedir(proc);
	free(path);
	if (pids)
		qsort(pids, *nr, sizeof(*pids), compare_pids);
	return pids;
}
