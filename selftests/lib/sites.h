/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the module calls functions of the kernel that allocate memory: all of these
 * places, found in the module's own file, so that none is forgotten.
 */
#ifndef SELFTESTS_SITES_H
#define SELFTESTS_SITES_H

#include <stdint.h>

/**
 * struct site - a call
 * @callee: the function of the kernel
 * @function: the one of the module that calls it
 * @back: where the call returns to, counted from the start of the module's text
 */
struct site {
	char callee[64];
	char function[64];
	uint64_t back;
};

/**
 * sites_read() - find all calls of functions that allocate
 * @path: the module's file, for x86-64
 * @site: where to put them
 * @room: how many fit in
 *
 * Those in a part of a function that is split off for hardly ever being run are
 * left out.
 *
 * Return: how many there are, or a negative errno; -ENOEXEC, which is said, if there
 * is one that can't be told from its caller's, being a jump.
 */
int sites_read(const char *path, struct site *site, int room);

/**
 * sites_function() - where a function of the module is
 * @path: the module's file
 * @function: its name; the compiler may have put something behind it
 * @start: where to put where it begins, counted from the start of the module's text
 * @end: where to put where it ends
 *
 * Return: 0, or a negative errno; says so if there is none.
 */
int sites_function(const char *path, const char *function, uint64_t *start, uint64_t *end);

#endif /* SELFTESTS_SITES_H */
