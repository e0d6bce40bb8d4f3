/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file system on a block device: its pages come from a disk, go back there, and
 * it wants to know of each write to a shared mapping. (The tests' own files are in
 * memory, for which none of this is so.)
 */
#ifndef SELFTESTS_DISK_H
#define SELFTESTS_DISK_H

#include <stdint.h>

/**
 * disk_mount() - make an ext4 file system, on a loop device, and mount it
 *
 * Return: its directory, or NULL.
 */
const char *disk_mount(void);

/**
 * disk_unmount() - remove it with all its files; fine if there is none
 */
void disk_unmount(void);

/**
 * disk_file() - make a file there, written to disk, with no page of it in memory
 * @name: its name in the directory
 * @pages: its size
 *
 * Return: it, open to read and write, or a negative errno.
 */
int disk_file(const char *name, uint64_t pages);

/**
 * disk_forget() - write a file's pages to disk and drop them from memory
 * @fd: the file, of which no page is mapped
 *
 * Return: 0, or a negative errno.
 */
int disk_forget(int fd);

#endif /* SELFTESTS_DISK_H */
