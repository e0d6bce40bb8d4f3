/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that a test has forked.
 */
#ifndef SELFTESTS_CHILDREN_H
#define SELFTESTS_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

/**
 * children_end() - kill children, and wait until they are gone
 * @pid: their pids, each set to 0; where there is none, 0 or what fork() failed with
 * @count: how many
 */
void children_end(pid_t *pid, size_t count);

#endif /* SELFTESTS_CHILDREN_H */
