/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What the module, the tool and the selftests agree on.
 *
 * This is the only place that holds the version of the project and that of
 * the report's format; the build system and the man page read it from here.
 */
#ifndef _UAPI_VMINSPECT_H
#define _UAPI_VMINSPECT_H

/* Version of the project: module, tool and documentation together. */
#define VMINSPECT_VERSION "0.1.0"

/*
 * Version of the text report, the number in its first line. It changes only
 * when an existing column, key or section changes its meaning or goes away;
 * additions do not change it (Documentation/vminspect.rst says where they may
 * appear).
 */
#define VMINSPECT_FORMAT 1

/* Directory in every procfs instance that holds the reports. */
#define VMINSPECT_DIR "vminspect"

/* The columns of [vmas], in their order. */
#define VMINSPECT_VMA_COLUMNS \
	"range perms offset dev inode size rss anon file shmem swap huge " \
	"hugetlb dirty young runs maxrun tables minflt majflt anonflt " \
	"fileflt cowflt swapflt otherflt grows name"

/* The columns of [stacks], in their order. */
#define VMINSPECT_STACK_COLUMNS \
	"tid comm kind range size limit guard touched sp_depth headroom vma"

/* The columns of [growth], in their order. */
#define VMINSPECT_GROWTH_COLUMNS \
	"time tid comm cause ip sp address old_start new_start size limit result"

#endif /* _UAPI_VMINSPECT_H */
