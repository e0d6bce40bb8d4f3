/* SPDX-License-Identifier: GPL-2.0 */
/* What a command is to the dispatcher: one file, one line in its table. */
#ifndef COMMAND_H
#define COMMAND_H

/* Exit status when all went well but not all processes were found. */
#define EXIT_NOT_FOUND 42

int cmd_show(int argc, char **argv);
int cmd_stacks(int argc, char **argv);
int cmd_track(int argc, char **argv);
int cmd_untrack(int argc, char **argv);
int cmd_reset(int argc, char **argv);

#endif /* COMMAND_H */
