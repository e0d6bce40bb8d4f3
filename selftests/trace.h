/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that look at the kernel's events, and what they say.
 */
#ifndef SELFTESTS_TRACE_H
#define SELFTESTS_TRACE_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/diag.h"
#include "lib/procfile.h"

/**
 * start_tool() - start a program with its output in a file
 * @argv: program (looked up in PATH) and arguments, NULL at the end
 * @output: the file
 *
 * Return: its pid, negative if there could be none. It dies with the test.
 */
static inline pid_t start_tool(char *const argv[], const char *output)
{
	pid_t test = getpid(), pid = fork();
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
	setenv("PERF_PAGER", "cat", 1);
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

/**
 * say() - print what a program said
 * @output: the file it is in
 */
static inline void say(const char *output)
{
	char *text = procfile_read(output, NULL), *line, *next = text;

	while (next && (line = strsep(&next, "\n")))
		diag("%s: %s", output, line);
	free(text);
}

/**
 * ended_well() - wait for a program's end; it may end by our signal
 * @pid: the program
 * @output: where its output is
 *
 * Return: whether it ended well; says what it said if not.
 */
static inline bool ended_well(pid_t pid, const char *output)
{
	int status = -1;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		return true;
	diag("expected the program to end well, seen wait status %x; it said:", status);
	say(output);
	return false;
}

/**
 * run_tool() - run a program to its end
 * @argv: as for start_tool()
 * @output: as for start_tool()
 *
 * Return: as ended_well().
 */
static inline bool run_tool(char *const argv[], const char *output)
{
	pid_t pid = start_tool(argv, output);

	return pid > 0 && ended_well(pid, output);
}

/**
 * struct control - two pipes by which perf is told what to do, and says it is done
 * @to: to perf
 * @from: from perf
 * @option: what to call it with
 */
struct control {
	int to[2];
	int from[2];
	char option[64];
};

/**
 * open_control() - make the pipes
 * @c: filled in
 *
 * Return: whether that was possible.
 */
static inline bool open_control(struct control *c)
{
	if (pipe(c->to) || pipe(c->from))
		return false;
	snprintf(c->option, sizeof(c->option), "--control=fd:%d,%d", c->to[0], c->from[1]);
	return true;
}

/**
 * tell() - tell perf something, and wait until it is done
 * @c: the pipes
 * @command: "enable\n", say
 *
 * The answer is "ack" and a newline, behind which there may be a NUL.
 *
 * Return: whether it did it.
 */
static inline bool tell(const struct control *c, const char *command)
{
	char answer[8] = "", byte = 0;
	size_t have = 0;

	if (write(c->to[1], command, strlen(command)) != (ssize_t)strlen(command))
		return false;
	while (byte != '\n' && have < sizeof(answer) - 1 && read(c->from[0], &byte, 1) == 1)
		if (byte)
			answer[have++] = byte;
	return !strcmp(answer, "ack\n");
}

/**
 * await_text() - wait until a text is in a file
 * @path: the file
 * @wanted: the text
 *
 * Return: whether it came; says what is there if not.
 */
static inline bool await_text(const char *path, const char *wanted)
{
	for (int i = 0; i < 2000; i++) {
		char *text = procfile_read(path, NULL);
		bool found = text && strstr(text, wanted);

		free(text);
		if (found)
			return true;
		usleep(50000);
	}
	diag("expected '%s', seen:", wanted);
	say(path);
	return false;
}

/**
 * number_behind() - the number behind a text in a file
 * @path: the file
 * @mark: the text
 *
 * Return: the number, UINT64_MAX if there is no such text.
 */
static inline uint64_t number_behind(const char *path, const char *mark)
{
	char *text = procfile_read(path, NULL), *at = text ? strstr(text, mark) : NULL;
	uint64_t number = at ? strtoull(at + strlen(mark), NULL, 10) : UINT64_MAX;

	free(text);
	return number;
}

/**
 * format_lacks() - fields that an event does not have
 * @format: path of its format
 * @field: their types and names
 * @count: how many
 *
 * Return: how many it lacks; says which.
 */
static inline int format_lacks(const char *format, const char *const field[], size_t count)
{
	char *text = procfile_read(format, NULL), line[64];
	int lacking = 0;

	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "\tfield:%s;", field[i]);
		if (text && strstr(text, line))
			continue;
		diag("%s: expected a line '%s', seen:\n%s", format, line + 1, text ?: "nothing");
		lacking++;
	}
	free(text);
	return lacking;
}

#endif /* SELFTESTS_TRACE_H */
