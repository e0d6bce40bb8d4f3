/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking the module out and putting it in again. Whatever happens to a test,
 * its program leaves the module loaded for the ones that follow.
 */
#ifndef SELFTESTS_UNLOAD_H
#define SELFTESTS_UNLOAD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/diag.h"
#include "lib/procfile.h"
#include "lib/report.h"

/**
 * unload_insert_with() - load the module, from the file that VMINSPECT_KO names
 * @parameters: "track=none max_memory=20", say
 *
 * Return: 0, or a negative errno.
 */
static inline int unload_insert_with(const char *parameters)
{
	const char *path = getenv("VMINSPECT_KO");
	int fd = open(path ? path : "", O_RDONLY | O_CLOEXEC), err;

	if (fd < 0) {
		diag("VMINSPECT_KO=%s: %s", path ? path : "", strerror(errno));
		return -errno;
	}
	err = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return err;
}

/**
 * unload_insert() - load the module as it is without parameters
 *
 * Return: 0, or a negative errno.
 */
static inline int unload_insert(void)
{
	return unload_insert_with("");
}

/**
 * unload_remove() - unload the module; refused at once if it is in use
 *
 * Return: 0, or a negative errno.
 */
static inline int unload_remove(void)
{
	return syscall(SYS_delete_module, "vminspect", O_NONBLOCK) ? -errno : 0;
}

/**
 * unload_is_loaded() - whether the module is there
 */
static inline bool unload_is_loaded(void)
{
	return !access("/sys/module/vminspect", F_OK);
}

/**
 * unload_ensure() - have the module loaded
 *
 * Return: 0, or a negative errno.
 */
static inline int unload_ensure(void)
{
	return unload_is_loaded() ? 0 : unload_insert();
}

static void __attribute__((destructor)) unload_leave_loaded(void)
{
	unload_ensure();
}

/**
 * unload_works() - whether a procfs instance has the module's directory and it works
 * @proc: where the instance is mounted
 * @pid: a living process, as the instance counts
 *
 * Says what is wrong if not.
 */
static inline bool unload_works(const char *proc, pid_t pid)
{
	struct report r;
	char path[128];
	bool complete;
	int err;

	snprintf(path, sizeof(path), "%s/vminspect/%d", proc, pid);
	err = report_read_path(&r, path);
	complete = r.complete;
	if (err || !complete)
		diag("%s: expected a complete report, seen %s", path,
		     err ? strerror(-err) : "one without [total]");
	report_free(&r);
	return !err && complete;
}

/**
 * unload_gone() - whether a procfs instance has nothing of the module
 * @proc: where the instance is mounted
 * @pid: a living process, as the instance counts
 *
 * Says what is wrong if not.
 */
static inline bool unload_gone(const char *proc, pid_t pid)
{
	const char *const name[] = { "", "/", "/self", "/status" };
	char path[128];
	struct stat st;
	struct dirent *entry;
	bool gone = true;
	DIR *dir;

	for (size_t i = 0; i < 5; i++) {
		if (i < 4)
			snprintf(path, sizeof(path), "%s/vminspect%s", proc, name[i]);
		else
			snprintf(path, sizeof(path), "%s/vminspect/%d", proc, pid);
		if (!lstat(path, &st) || errno != ENOENT) {
			diag("%s: expected ENOENT after unloading", path);
			gone = false;
		}
	}
	dir = opendir(proc);
	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, "vminspect")) {
			diag("%s still lists vminspect after unloading", proc);
			gone = false;
		}
	}
	if (!dir)
		return false;
	closedir(dir);
	return gone;
}

/**
 * unload_mount_proc() - mount a procfs instance of its own
 * @dir: the template of mkdtemp(); becomes the directory it is mounted on
 *
 * Return: 0, or a negative errno.
 */
static inline int unload_mount_proc(char *dir)
{
	return mkdtemp(dir) && !mount("proc", dir, "proc", 0, NULL) ? 0 : -errno;
}

/**
 * unload_private_mounts() - mounts made from now on are the caller's and its children's only
 *
 * Return: 0, or a negative errno.
 */
static inline int unload_private_mounts(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ?
	       0 : -errno;
}

#endif /* SELFTESTS_UNLOAD_H */
