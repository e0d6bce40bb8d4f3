// SPDX-License-Identifier: GPL-2.0
#include "target.h"
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

char *reserve(size_t size)
{
	char *at = mmap(NULL, size + GIB, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *aligned;

	if (at == MAP_FAILED)
		die("mmap");
	aligned = (char *)(((uintptr_t)at + GIB - 1) & -GIB);
	if (aligned > at)
		munmap(at, aligned - at);
	munmap(aligned + size, at + GIB - aligned);
	return aligned;
}

char *reserve_small(size_t size)
{
	char *at = reserve(size);

	if (madvise(at, size, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
	return at;
}

void *map_in_order(size_t size)
{
	char *at = reserve_small(size);

	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
	return at;
}

void *map_many(size_t size)
{
	char *at = map_in_order(size);

	for (size_t i = 0; i < size; i += 2 * PAGE)
		if (mprotect(at + i, PAGE, PROT_READ))
			die("mprotect");
	return at;
}

void start_target(struct target *target, void *(*map)(size_t size), size_t size,
		  void (*live)(void))
{
	int ready[2];

	if (pipe(ready))
		die("pipe");
	target->pid = fork();
	if (target->pid < 0)
		die("fork");
	if (!target->pid) {
		void *at;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		at = map(size);
		if (live)
			live();
		if (write(ready[1], &at, sizeof(at)) != sizeof(at))
			die("write");
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &target->at, sizeof(target->at)) != sizeof(target->at))
		die("a target did not get ready");
	close(ready[0]);
	target->size = size;
}

void stop_target(struct target *target)
{
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
}

void read_pagemap(const struct target *target)
{
	static char buffer[128 * 1024];
	off_t at = (uintptr_t)target->at / PAGE * 8;
	off_t end = at + target->size / PAGE * 8;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", target->pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die(path);
	while (at < end) {
		size_t left = end - at;
		ssize_t n = pread(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer), at);

		if (n <= 0)
			die(path);
		at += n;
	}
	close(fd);
}
