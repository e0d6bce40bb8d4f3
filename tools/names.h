/* SPDX-License-Identifier: GPL-2.0 */
/* Finds processes by name. */
#ifndef NAMES_H
#define NAMES_H

#include <stddef.h>
#include <stdint.h>

uint64_t *names_find(const char *sysroot, const char *name, size_t *nr);

#endif /* NAMES_H */
