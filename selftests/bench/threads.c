// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to look at every stack of a process with many threads, in
 * instructions: for a machine whose clock counts them (one nanosecond each), with
 * one processor.
 *
 *   threads TOOL    TOOL: the vminspect command
 *
 * Prints a line for each figure: case, what was done, instructions. Each is the
 * smallest of five, the first of which warms caches up.
 *
 * stat is to open, read and close /proc/<pid>/task/<tid>/stat of each thread, whose
 * tid is known; stacks to run "vminspect stacks PID", start and exit and all;
 * report to read /proc/vminspect/<pid>.
 */
#include "bench.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READINGS 5
#define STACK_SIZE (32 * 1024)

static const unsigned int cases[] = { 1000, 10000 };

#define CASES (sizeof(cases) / sizeof(cases[0]))

static const char *tool;
static char buffer[128 * 1024];

/* The process that is looked at, and the numbers of its threads as text. */
static pid_t pid;
static unsigned int threads;
static char (*tids)[16];

static void *wait_for_good(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* Some pages deep. */
static void *run_thread(void *arg)
{
	volatile char frame[2 * 4096];

	frame[0] = 1;
	wait_for_good(arg);
	return (void *)(uintptr_t)frame[0];
}

static void run_threads(unsigned int count, int ready)
{
	pthread_attr_t attr;
	pthread_t id;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned int i = 1; i < count; i++)
		if (pthread_create(&id, &attr, run_thread, NULL))
			die("pthread_create");
	/* Let all of them come to rest. */
	sleep(1);
	if (write(ready, "", 1) != 1)
		die("write");
	wait_for_good(NULL);
}

static void list_tids(void)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		die(path);
	for (threads = 0; (entry = readdir(tasks));)
		if (*entry->d_name != '.')
			snprintf(tids[threads++], sizeof(*tids), "%.15s", entry->d_name);
	closedir(tasks);
}

static void start_target(unsigned int count)
{
	int ready[2];
	char byte;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		run_threads(count, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "a process with %u threads did not get ready", count);
	close(ready[0]);
	tids = calloc(count, sizeof(*tids));
	if (!tids)
		die("calloc");
	list_tids();
	if (threads != count)
		errx(1, "%u threads instead of %u", threads, count);
}

static void stop_target(void)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(tids);
}

static void read_stats(void)
{
	char path[64];
	int fd;

	for (unsigned int i = 0; i < threads; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, tids[i]);
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, buffer, sizeof(buffer)) <= 0)
			die(path);
		close(fd);
	}
}

static void read_report(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	read_file(path);
}

static void run_tool(void)
{
	char number[16], *argv[] = { (char *)tool, "stacks", number, NULL };
	posix_spawn_file_actions_t actions;
	int status;
	pid_t child;

	snprintf(number, sizeof(number), "%d", pid);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&child, tool, &actions, NULL, argv, environ))
		die(tool);
	posix_spawn_file_actions_destroy(&actions);
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "%s stacks %d did not exit with 0", tool, pid);
}

static void measure(const char *what, void (*run)(void))
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t start = now();

		run();
		start = now() - start;
		if (start < least)
			least = start;
	}
	printf("%u_threads %s %llu\n", threads, what, (unsigned long long)least);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: threads TOOL\n", stderr);
		return 2;
	}
	tool = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	become_sole();
	for (size_t i = 0; i < CASES; i++) {
		start_target(cases[i]);
		measure("stacks", run_tool);
		measure("report", read_report);
		measure("stat", read_stats);
		stop_target();
	}
	return 0;
}
