/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whole files of /proc and /sys, and the fields of status, stat and statm.
 */
#ifndef SELFTESTS_PROCFILE_H
#define SELFTESTS_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * procfile_read() - read a file to its end
 * @path: the file
 * @len: where to put the number of bytes read; may be NULL
 *
 * Return: the contents with a NUL behind them, for free(), or NULL with errno.
 */
char *procfile_read(const char *path, size_t *len);

/**
 * procfile_read_pid() - read /proc/<pid>/<name> to its end
 * @pid: the process
 * @name: the file, "smaps" say
 * @len: where to put the number of bytes read; may be NULL
 *
 * Return: as procfile_read().
 */
char *procfile_read_pid(pid_t pid, const char *name, size_t *len);

/**
 * procfile_write() - write a text to an existing file in one write()
 * @path: the file
 * @text: what to write
 *
 * Return: 0, or a negative errno.
 */
int procfile_write(const char *path, const char *text);

/**
 * procfile_key() - number behind "key:" at the start of a line
 * @text: contents of /proc/<pid>/status, /proc/meminfo or the like
 * @key: the key, without the colon
 * @value: where to put the number, in the unit of the file
 *
 * Return: whether there is such a line with a decimal number.
 */
bool procfile_key(const char *text, const char *key, uint64_t *value);

/**
 * procfile_stat() - one field of /proc/<pid>/stat
 * @stat: contents of the file
 * @field: number of the field as in proc(5), from 3 on
 *
 * Return: the number, 0 if there is no such field.
 */
uint64_t procfile_stat(const char *stat, int field);

#endif /* SELFTESTS_PROCFILE_H */
