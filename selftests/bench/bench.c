// SPDX-License-Identifier: GPL-2.0
#include "bench.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void die(const char *what)
{
	err(1, "%s", what);
}

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void become_sole(void)
{
	const struct sched_param param = { .sched_priority = 50 };
	FILE *runtime = fopen("/proc/sys/kernel/sched_rt_runtime_us", "w");

	if (!runtime || fputs("-1", runtime) < 0 || fclose(runtime))
		die("sched_rt_runtime_us");
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		die("sched_setscheduler");
}

void become_ordinary(void)
{
	const struct sched_param param = { 0 };

	if (sched_setscheduler(0, SCHED_OTHER, &param))
		die("sched_setscheduler");
}

void read_file(const char *path)
{
	static char buffer[128 * 1024];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		die(path);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		;
	if (n < 0)
		die(path);
	close(fd);
}
