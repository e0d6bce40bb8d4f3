// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../module/uapi/vminspect.h"
#include "source.h"
#include "value.h"

#define REPORTS "/proc/" VMINSPECT_DIR

/* First size of the buffer, and the least that is free for each read. */
#define ROOM ((size_t)128 * 1024)

__attribute__((format(printf, 1, 2)))
static char *format_path(const char *fmt, ...)
{
	va_list ap;
	char *path;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) < 0)
		err(EXIT_FAILURE, "path");
	va_end(ap);
	return path;
}

/* Reads all there is; 0, or -1 with errno set. */
static int read_all(int fd, struct input *in)
{
	size_t used = 0, size = 0;
	ssize_t got;
	char *grown;

	do {
		if (size - used < ROOM) {
			size = size ? 2 * size : 2 * ROOM;
			grown = realloc(in->text, size);
			if (!grown)
				return -1;
			in->text = grown;
		}
		got = read(fd, in->text + used, size - used);
		if (got > 0)
			used += got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	in->pos = in->text;
	in->end = in->text + used;
	in->line = 1;
	return got;
}

/**
 * source_ready() - is the module there to be asked
 * @sysroot: directory that stands for /
 *
 * Return: false if not, with a message on stderr.
 */
bool source_ready(const char *sysroot)
{
	char *path = format_path("%s%s", sysroot, REPORTS);
	bool ready = !access(path, F_OK);

	if (!ready)
		warnx("%s: %s: load the module first (modprobe vminspect, or insmod vminspect.ko)",
		      path, strerror(errno));
	free(path);
	return ready;
}

/**
 * source_link() - the pid that a link leads to
 * @dir: directory that its path starts from
 * @path: the link
 * @pid: set to it
 *
 * Return: false if there is no such link, or it leads elsewhere.
 */
bool source_link(int dir, const char *path, uint64_t *pid)
{
	char text[32];
	ssize_t len = readlinkat(dir, path, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	return value_number(text, 10, pid);
}

/**
 * source_self() - the pid that "self" stands for: this process
 * @sysroot: directory that stands for /
 * @pid: set to it, as that /proc numbers it
 *
 * Return: false if the module does not say.
 */
bool source_self(const char *sysroot, uint64_t *pid)
{
	char *path = format_path("%s%s/self", sysroot, REPORTS);
	bool said = source_link(AT_FDCWD, path, pid);

	free(path);
	return said;
}

/**
 * source_module() - ask the module about itself
 * @sysroot: directory that stands for /
 * @key: a key of its status
 * @value: set to the value
 * @size: bytes at @value
 *
 * Return: false if the module does not say.
 */
bool source_module(const char *sysroot, const char *key, char *value, size_t size)
{
	char *path = format_path("%s%s/status", sysroot, REPORTS);
	FILE *status = fopen(path, "re");
	size_t len = strlen(key), room = 0;
	bool found = false;
	char *line = NULL;

	free(path);
	if (!status)
		return false;
	while (!found && getline(&line, &room, status) > 0) {
		found = !strncmp(line, key, len) && line[len] == ' ';
		if (found)
			snprintf(value, size, "%.*s", (int)strcspn(line + len + 1, "\n"),
				 line + len + 1);
	}
	free(line);
	fclose(status);
	return found;
}

static enum source_status explain_errno(int error, const char *sysroot, uint64_t pid)
{
	switch (error) {
	case ENOENT:
		return SOURCE_GONE;
	case ESRCH:
		return SOURCE_NO_MM;
	case EACCES:
	case EPERM:
		return SOURCE_DENIED;
	case EXDEV:
		warnx("%" PRIu64 ": something is mounted over %s/proc/%" PRIu64 ": unmount it",
		      pid, sysroot, pid);
		break;
	case EBUSY:
		warnx("%" PRIu64 ": busy becoming another program (execve): try again", pid);
		break;
	default:
		errno = error;
		warn("%s%s/%" PRIu64, sysroot, REPORTS, pid);
	}
	return SOURCE_FAILED;
}

/**
 * source_live() - read the report of a process from the module
 * @in: filled in; free with source_free() in any case
 * @sysroot: directory that stands for /
 * @pid: the process
 *
 * Return: what came of it; only for SOURCE_FAILED is there a message.
 */
enum source_status source_live(struct input *in, const char *sysroot, uint64_t pid)
{
	char *path = format_path("%s%s/%" PRIu64, sysroot, REPORTS, pid);
	enum source_status status;
	int fd;

	*in = (struct input){ .origin = path };
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return explain_errno(errno, sysroot, pid);
	if (read_all(fd, in))
		status = explain_errno(errno, sysroot, pid);
	else if (in->pos == in->end)
		status = SOURCE_ENDED;
	else
		status = SOURCE_OK;
	close(fd);
	return status;
}

/* Says why the module refused an order; EINVAL has two reasons. */
static void explain_refused(const char *sysroot, uint64_t pid, const char *word)
{
	char track[64], version[64];

	if (source_module(sysroot, "track", track, sizeof(track)) && !strcmp(word, "reset"))
		warnx("%" PRIu64 ": not tracked, so there is nothing to reset: track it first",
		      pid);
	else if (source_module(sysroot, "version", version, sizeof(version)))
		warnx("%" PRIu64 ": the loaded module, version %s, cannot %s: load a newer one",
		      pid, version, word);
	else
		warnx("%" PRIu64 ": the loaded module cannot %s: load a newer one", pid, word);
}

static enum source_status write_order(const char *path, const char *sysroot, uint64_t pid,
				      const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	enum source_status status = SOURCE_OK;

	if (fd < 0)
		return explain_errno(errno, sysroot, pid);
	if (write(fd, word, strlen(word)) < 0) {
		if (errno == EINVAL) {
			explain_refused(sysroot, pid, word);
			status = SOURCE_FAILED;
		} else if (errno == ESRCH) {
			status = SOURCE_ENDED;
		} else {
			status = explain_errno(errno, sysroot, pid);
		}
	}
	close(fd);
	return status;
}

/**
 * source_order() - tell the module to do something with a process
 * @sysroot: directory that stands for /
 * @pid: the process
 * @word: what: track, untrack or reset
 *
 * Return: what came of it; only for SOURCE_FAILED is there a message.
 */
enum source_status source_order(const char *sysroot, uint64_t pid, const char *word)
{
	char *path = format_path("%s%s/%" PRIu64, sysroot, REPORTS, pid);
	enum source_status status = write_order(path, sysroot, pid, word);

	free(path);
	return status;
}

/* State letter of a process, as in its stat; 0 if it cannot be had. */
static int process_state(const char *sysroot, uint64_t pid)
{
	char *path = format_path("%s/proc/%" PRIu64 "/stat", sysroot, pid);
	FILE *stat = fopen(path, "re");
	char text[256] = "";
	const char *after_comm;
	size_t got;

	free(path);
	if (!stat)
		return 0;
	got = fread(text, 1, sizeof(text) - 1, stat);
	text[got] = '\0';
	fclose(stat);
	after_comm = strrchr(text, ')');
	return after_comm && after_comm[1] == ' ' ? after_comm[2] : 0;
}

/* Says who may: the kernel tells us only that we may not. */
static void explain_denied(const char *sysroot, uint64_t pid)
{
	char *path = format_path("%s/proc/%" PRIu64, sysroot, pid);
	struct passwd *owner;
	struct stat st;

	if (stat(path, &st)) {
		warnx("%" PRIu64 ": not permitted: run as root (CAP_SYS_PTRACE)", pid);
	} else if (st.st_uid == geteuid()) {
		warnx("%" PRIu64 ": not permitted, though yours: run as root (CAP_SYS_PTRACE)",
		      pid);
	} else {
		owner = getpwuid(st.st_uid);
		warnx("%" PRIu64 ": not permitted: run as its owner, %s (uid %u), or as root",
		      pid, owner ? owner->pw_name : "another user", (unsigned int)st.st_uid);
	}
	free(path);
}

/**
 * source_explain() - say on stderr why there is no report
 * @status: what source_live() returned
 * @sysroot: directory that stands for /
 * @pid: the process
 */
void source_explain(enum source_status status, const char *sysroot, uint64_t pid)
{
	switch (status) {
	case SOURCE_GONE:
		warnx("%" PRIu64 ": no such process", pid);
		break;
	case SOURCE_ENDED:
		warnx("%" PRIu64 ": it exited or called exec just now: try again", pid);
		break;
	case SOURCE_NO_MM:
		if (process_state(sysroot, pid) == 'Z')
			warnx("%" PRIu64 ": a zombie: it has exited and has no memory left", pid);
		else
			warnx("%" PRIu64 ": a kernel thread: it has no memory of its own", pid);
		break;
	case SOURCE_DENIED:
		explain_denied(sysroot, pid);
		break;
	default:
		break;
	}
}

/**
 * source_file() - read saved reports
 * @in: filled in; free with source_free() in any case
 * @path: the file, "-" for standard input
 *
 * Return: 0, or -1 with a message on stderr.
 */
int source_file(struct input *in, const char *path)
{
	bool standard = !strcmp(path, "-");
	int fd, ret;

	*in = (struct input){ .origin = strdup(standard ? "standard input" : path) };
	if (!in->origin)
		err(EXIT_FAILURE, "%s", path);
	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		warn("%s", in->origin);
		return -1;
	}
	ret = read_all(fd, in);
	if (ret) {
		warn("%s", in->origin);
	} else if (in->pos == in->end) {
		warnx("%s: empty: not a vminspect report", in->origin);
		ret = -1;
	}
	if (!standard)
		close(fd);
	return ret;
}

static int is_number(const struct dirent *entry)
{
	uint64_t number;

	return value_number(entry->d_name, 10, &number);
}

static int compare_numbers(const struct dirent **a, const struct dirent **b)
{
	uint64_t x, y;

	value_number((*a)->d_name, 10, &x);
	value_number((*b)->d_name, 10, &y);
	return (x > y) - (x < y);
}

/**
 * source_pids() - find out which processes the module knows of
 * @sysroot: directory that stands for /
 * @nr: set to their number
 *
 * Return: their pids in rising order, malloc'ed; NULL with a message on stderr
 * if there is no telling.
 */
uint64_t *source_pids(const char *sysroot, size_t *nr)
{
	char *path = format_path("%s%s", sysroot, REPORTS);
	struct dirent **entry = NULL;
	uint64_t *pids;
	int found;

	found = scandir(path, &entry, is_number, compare_numbers);
	if (found < 0) {
		warn("%s", path);
		free(path);
		return NULL;
	}
	pids = calloc(found + 1, sizeof(*pids));
	if (!pids)
		err(EXIT_FAILURE, "%s", path);
	for (*nr = 0; *nr < (size_t)found; (*nr)++) {
		value_number(entry[*nr]->d_name, 10, &pids[*nr]);
		free(entry[*nr]);
	}
	free(entry);
	free(path);
	return pids;
}

/**
 * source_list() - find out which files to read
 * @path: a file, "-", or a directory of reports, each named by its pid
 *
 * Return: the files, by rising pid, NULL at the end, all malloc'ed; NULL with
 * a message on stderr if the directory cannot be read or holds none.
 */
char **source_list(const char *path)
{
	struct dirent **entry = NULL;
	char **files;
	struct stat st;
	int nr;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		files = calloc(2, sizeof(*files));
		if (!files)
			err(EXIT_FAILURE, "%s", path);
		files[0] = format_path("%s", path);
		return files;
	}
	nr = scandir(path, &entry, is_number, compare_numbers);
	if (nr < 0) {
		warn("%s", path);
		return NULL;
	}
	if (!nr)
		warnx("%s: no reports in this directory (files named by a pid)", path);
	files = nr ? calloc(nr + 1, sizeof(*files)) : NULL;
	if (nr && !files)
		err(EXIT_FAILURE, "%s", path);
	for (int i = 0; i < nr; i++) {
		files[i] = format_path("%s/%s", path, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return files;
}

/**
 * source_free() - free what source_live() or source_file() allocated
 * @in: the input
 */
void source_free(struct input *in)
{
	free(in->text);
	free((char *)in->origin);
}
