// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"

static char *read_all(int fd, size_t *len)
{
	size_t room = 1 << 16, used = 0;
	char *text = malloc(room + 1), *more;
	ssize_t got;

	while (text && (got = read(fd, text + used, room - used)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = errno;

			free(text);
			errno = err;
			return NULL;
		}
		used += got;
		if (used < room)
			continue;
		room *= 2;
		more = realloc(text, room + 1);
		if (!more)
			free(text);
		text = more;
	}
	if (!text)
		return NULL;
	text[used] = '\0';
	if (len)
		*len = used;
	return text;
}

char *procfile_read(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	int err;

	if (fd < 0)
		return NULL;
	text = read_all(fd, len);
	err = errno;
	close(fd);
	errno = err;
	return text;
}

char *procfile_read_pid(pid_t pid, const char *name, size_t *len)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return procfile_read(path, len);
}

int procfile_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	ssize_t put;

	if (fd < 0)
		return -errno;
	put = write(fd, text, strlen(text));
	if (put < 0)
		err = -errno;
	else if ((size_t)put != strlen(text))
		err = -EIO;
	close(fd);
	return err;
}

bool procfile_key(const char *text, const char *key, uint64_t *value)
{
	size_t len = strlen(key);
	const char *line = text;
	char *end;

	while (line) {
		if (!strncmp(line, key, len) && line[len] == ':') {
			errno = 0;
			*value = strtoull(line + len + 1, &end, 10);
			return !errno && end > line + len + 1;
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

uint64_t procfile_stat(const char *stat, int field)
{
	/* the second field, the command's name, may hold blanks and brackets */
	const char *at = strrchr(stat, ')');

	for (int i = 2; at && i < field; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}
