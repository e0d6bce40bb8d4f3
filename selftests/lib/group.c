// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "group.h"
#include "procfile.h"

#define CGROUP "/sys/fs/cgroup/"
/* A minute: on a busy machine each process waits for its turn to stop. */
#define TRIES 6000
#define NAP_NS 10000000

static void file_of(const struct group *g, const char *name, char *path, size_t room)
{
	snprintf(path, room, "%s/%s", g->path, name);
}

static int write_file(const struct group *g, const char *name, const char *text)
{
	char path[128];

	file_of(g, name, path, sizeof(path));
	return procfile_write(path, text);
}

int group_enter(const struct group *g)
{
	return write_file(g, "cgroup.procs", "0");
}

int group_limit(const struct group *g, uint64_t bytes)
{
	char text[32];
	int err = procfile_write(CGROUP "cgroup.subtree_control", "+memory");

	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	return err ? err : write_file(g, "memory.high", text);
}

/* In the child: enter the group, become the program. */
static void __attribute__((noreturn)) run(const struct group *g, char *const argv[])
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0 && !group_enter(g)) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], argv);
	}
	_exit(127);
}

int group_make(struct group *g)
{
	memset(g, 0, sizeof(*g));
	snprintf(g->path, sizeof(g->path), CGROUP "selftest.%d", getpid());
	if (!mkdir(g->path, 0700))
		return 0;
	g->path[0] = '\0';
	return -errno;
}

int group_run(struct group *g, char *const argv[])
{
	return group_make(g) ?: group_start(g, argv);
}

int group_start(struct group *g, char *const argv[])
{
	g->leader = fork();
	if (g->leader < 0) {
		g->leader = 0;
		return -errno;
	}
	if (!g->leader)
		run(g, argv);
	return 0;
}

/* Wait until a line of cgroup.events is as given. */
static int await_event(const struct group *g, const char *event)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	char path[128], *text;
	bool found;

	file_of(g, "cgroup.events", path, sizeof(path));
	for (int i = 0; i < TRIES; i++) {
		text = procfile_read(path, NULL);
		if (!text)
			return -errno;
		found = strstr(text, event);
		free(text);
		if (found)
			return 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

int group_freeze(const struct group *g, bool frozen)
{
	int err = write_file(g, "cgroup.freeze", frozen ? "1" : "0");

	return err || !frozen ? err : await_event(g, "frozen 1");
}

int group_pids(const struct group *g, pid_t *pid, size_t room)
{
	char path[128], *text, *line, *next;
	size_t count = 0;

	file_of(g, "cgroup.procs", path, sizeof(path));
	text = procfile_read(path, NULL);
	if (!text)
		return -errno;
	for (line = text; *line && count < room; line = next + 1) {
		next = strchr(line, '\n');
		if (!next)
			break;
		pid[count++] = atoi(line);
	}
	free(text);
	return count;
}

void group_end(struct group *g)
{
	if (g->path[0]) {
		write_file(g, "cgroup.kill", "1");
		write_file(g, "cgroup.freeze", "0");
	}
	if (g->leader > 0)
		while (waitpid(g->leader, NULL, 0) < 0 && errno == EINTR)
			;
	if (g->path[0] && !await_event(g, "populated 0"))
		rmdir(g->path);
	memset(g, 0, sizeof(*g));
}
