/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs that measure have in common. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/* Says what failed, and why (errno), and exits. */
_Noreturn void die(const char *what);

/* Instructions since boot: the clock counts them, one nanosecond each. */
uint64_t now(void);

/* From now on nothing else runs while this process does. Children are ordinary. */
void become_sole(void);

/* The opposite. */
void become_ordinary(void);

/* Reads all of a file, throws it away. */
void read_file(const char *path);

#endif
