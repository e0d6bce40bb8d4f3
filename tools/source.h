/* SPDX-License-Identifier: GPL-2.0 */
/* Where reports come from: the module, or a file; and orders to the module. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"

/**
 * enum source_status - what came of an attempt to read, or to give an order
 * @SOURCE_OK: the input is filled, the order carried out
 * @SOURCE_GONE: there is no such process
 * @SOURCE_ENDED: it exited or called exec after open
 * @SOURCE_NO_MM: it is a kernel thread or a zombie: no memory to look at
 * @SOURCE_DENIED: who runs this may not look at it, or give orders
 * @SOURCE_FAILED: anything else; a message is on stderr
 */
enum source_status {
	SOURCE_OK,
	SOURCE_GONE,
	SOURCE_ENDED,
	SOURCE_NO_MM,
	SOURCE_DENIED,
	SOURCE_FAILED,
};

bool source_ready(const char *sysroot);
bool source_link(int dir, const char *path, uint64_t *pid);
bool source_self(const char *sysroot, uint64_t *pid);
bool source_module(const char *sysroot, const char *key, char *value, size_t size);
enum source_status source_live(struct input *in, const char *sysroot, uint64_t pid);
enum source_status source_order(const char *sysroot, uint64_t pid, const char *word);
void source_explain(enum source_status status, const char *sysroot, uint64_t pid);
int source_file(struct input *in, const char *path);
uint64_t *source_pids(const char *sysroot, size_t *nr);
char **source_list(const char *path);
void source_free(struct input *in);

#endif /* SOURCE_H */
