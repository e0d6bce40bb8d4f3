/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listings of /proc and /proc/vminspect: which pids does a reader see in each?
 */
#ifndef SELFTESTS_ACCESS_LIST_H
#define SELFTESTS_ACCESS_LIST_H

#include <dirent.h>

#include "access.h"

#define ACCESS_LIST_MAX 8192

/**
 * struct access_list - what a listing holds
 * @pids: how many names are numbers
 * @pid: these numbers, in the order of the listing
 * @self: how many names are "self"
 * @status: how many are "status"
 * @dots: how many are "." or ".."
 * @others: how many are none of these
 */
struct access_list {
	size_t pids;
	pid_t pid[ACCESS_LIST_MAX];
	int self;
	int status;
	int dots;
	int others;
};

static inline void access_list_add(struct access_list *list, const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	if (name[0] >= '1' && name[0] <= '9' && !*end) {
		if (list->pids < ACCESS_LIST_MAX)
			list->pid[list->pids++] = pid;
	} else if (!strcmp(name, "self")) {
		list->self++;
	} else if (!strcmp(name, "status")) {
		list->status++;
	} else if (!strcmp(name, ".") || !strcmp(name, "..")) {
		list->dots++;
	} else {
		list->others++;
	}
}

/**
 * access_list_fd() - list an open directory from its beginning
 * @list: filled in
 * @fd: the directory
 * @room: size in bytes of the buffer for getdents64(), at most 4096
 *
 * Return: 0, or a negative errno.
 */
static inline int access_list_fd(struct access_list *list, int fd, size_t room)
{
	char buf[4096] __attribute__((aligned(8)));
	long got;

	memset(list, 0, sizeof(*list));
	if (lseek(fd, 0, SEEK_SET))
		return -errno;
	while ((got = syscall(SYS_getdents64, fd, buf, room)) > 0) {
		for (long at = 0; at < got; at += ((struct dirent64 *)(buf + at))->d_reclen)
			access_list_add(list, ((struct dirent64 *)(buf + at))->d_name);
	}
	return got < 0 ? -errno : 0;
}

/**
 * access_list_path() - list a directory
 * @list: filled in
 * @path: the directory
 *
 * Return: 0, or a negative errno.
 */
static inline int access_list_path(struct access_list *list, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = access_list_fd(list, fd, 4096);
	close(fd);
	return err;
}

static inline bool access_list_equal(const struct access_list *a, const struct access_list *b)
{
	return a->pids == b->pids && !memcmp(a->pid, b->pid, a->pids * sizeof(*a->pid));
}

static inline bool access_list_has(const struct access_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->pids; i++)
		if (list->pid[i] == pid)
			return true;
	return false;
}

/**
 * struct access_listing - a comparison of both listings at a quiet moment
 * @proc: where the procfs instance is mounted
 * @error: errno, 0, or EAGAIN if processes came and went all the time
 * @before: listing of @proc before that of vminspect; the same afterwards
 * @ours: listing of @proc/vminspect
 */
struct access_listing {
	const char *proc;
	int error;
	struct access_list before;
	struct access_list after;
	struct access_list ours;
};

static inline void access_list_both(void *arg)
{
	struct access_listing *both = arg;
	char path[64];

	snprintf(path, sizeof(path), "%s/vminspect", both->proc);
	for (int tries = 0; tries < 3000; tries++) {
		both->error = -access_list_path(&both->before, both->proc);
		if (!both->error)
			both->error = -access_list_path(&both->ours, path);
		if (!both->error)
			both->error = -access_list_path(&both->after, both->proc);
		if (both->error || access_list_equal(&both->before, &both->after))
			return;
		both->error = EAGAIN;
		usleep(20000);
	}
}

/* Say which pids one listing has and the other hasn't. */
static inline void access_list_blame(const char *who, const struct access_listing *both)
{
	const struct access_list *theirs = &both->before, *ours = &both->ours;

	for (size_t i = 0; i < theirs->pids; i++)
		if (!access_list_has(ours, theirs->pid[i]))
			diag("%s: %s/vminspect: expected %d as in %s, seen: not listed",
			     who, both->proc, theirs->pid[i], both->proc);
	for (size_t i = 0; i < ours->pids; i++)
		if (!access_list_has(theirs, ours->pid[i]))
			diag("%s: %s/vminspect: lists %d, which %s doesn't", who, both->proc,
			     ours->pid[i], both->proc);
	diag("%s: %s/vminspect: expected %zu pids in order, 1 self, 1 status, 2 dots, 0 others; "
	     "seen %zu, %d, %d, %d, %d", who, both->proc, theirs->pids, ours->pids, ours->self,
	     ours->status, ours->dots, ours->others);
}

/**
 * access_list_same_as() - whether a reader sees the same pids in both listings
 * @id: the reader
 * @proc: where the procfs instance is mounted
 *
 * Says what differs. Also checks that vminspect lists nothing else than self and status.
 */
static inline bool access_list_same_as(const struct access_id *id, const char *proc)
{
	struct access_listing *both = access_shared(sizeof(*both));
	bool same;
	int err;

	if (!both) {
		diag("no memory for listings: %s", strerror(errno));
		return false;
	}
	both->proc = proc;
	err = access_call_as(id, access_list_both, both);
	if (err || both->error) {
		diag("%s: could not list %s and %s/vminspect at a quiet moment: %s", id->name,
		     proc, proc, strerror(err ? -err : both->error));
		munmap(both, sizeof(*both));
		return false;
	}
	same = access_list_equal(&both->before, &both->ours) && both->ours.self == 1 &&
	       both->ours.status == 1 && both->ours.dots == 2 && !both->ours.others;
	if (!same)
		access_list_blame(id->name, both);
	munmap(both, sizeof(*both));
	return same;
}

#endif /* SELFTESTS_ACCESS_LIST_H */
