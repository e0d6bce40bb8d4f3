/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes with all their descendants, a program's say, in a control group of their
 * own: they can be frozen and killed together, and none gets away.
 */
#ifndef SELFTESTS_GROUP_H
#define SELFTESTS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct group - a control group, perhaps with a program in it
 * @path: its directory, empty if there is none
 * @leader: the program's pid, 0 if none was started
 */
struct group {
	char path[64];
	pid_t leader;
};

/**
 * group_make() - make a control group with nobody in it
 * @g: filled in; group_end() it in any case
 *
 * Return: 0, or a negative errno.
 */
int group_make(struct group *g);

/**
 * group_enter() - put the caller into a group; what it forks from then on is there, too
 * @g: the group
 *
 * Return: 0, or a negative errno.
 */
int group_enter(const struct group *g);

/**
 * group_limit() - let the group have not much more memory; the rest must go to swap
 * @g: the group
 * @bytes: how much it may have
 *
 * Nobody is killed for it, as under memory.max: where a swap device is taken away and
 * its pages come back, a group can't always get below that at once.
 *
 * Return: 0, or a negative errno.
 */
int group_limit(const struct group *g, uint64_t bytes);

/**
 * group_run() - start a program in a new control group
 * @g: filled in; group_end() it in any case
 * @argv: program (looked up in PATH) and arguments, NULL at the end
 *
 * Its input is empty, its output discarded.
 *
 * Return: 0, or a negative errno.
 */
int group_run(struct group *g, char *const argv[]);

/**
 * group_start() - start a program in a group that is there
 * @g: the group
 * @argv: as for group_run()
 *
 * Return: 0, or a negative errno.
 */
int group_start(struct group *g, char *const argv[]);

/**
 * group_freeze() - stop all processes of the group, or let them go on
 * @g: the group
 * @frozen: which of both
 *
 * Return: 0 when all of them stand (or are told to go on), or a negative errno.
 */
int group_freeze(const struct group *g, bool frozen);

/**
 * group_pids() - the processes of the group
 * @g: the group
 * @pid: where to put their pids
 * @room: how many fit in
 *
 * Return: how many there are, at most @room, or a negative errno.
 */
int group_pids(const struct group *g, pid_t *pid, size_t room);

/**
 * group_end() - kill all processes of the group and remove it
 * @g: the group
 */
void group_end(struct group *g);

#endif /* SELFTESTS_GROUP_H */
