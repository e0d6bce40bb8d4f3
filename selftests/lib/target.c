// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "machine.h"
#include "procfile.h"
#include "target.h"

/* Half a minute, and a minute: the machine may be busy. */
#define STOP_TRIES 30000
#define STOP_NAP_NS 1000000
#define CALL_TRIES 12000
#define CALL_NAP_NS 5000000

/* Whether all threads of a process stand; a negative errno if it is gone. */
static int is_stopped(pid_t pid)
{
	char path[320];
	struct dirent *task;
	DIR *tasks;
	int all = 1;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return -errno;
	while (all > 0 && (task = readdir(tasks))) {
		char *stat, *state;

		if (!isdigit((unsigned char)task->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, task->d_name);
		stat = procfile_read(path, NULL);
		if (!stat)
			continue;	/* this thread has just ended */
		state = strrchr(stat, ')');
		/* a thread that has just been joined does not stop any more */
		if (!state || state[2] == 'Z' || state[2] == 'X')
			all = atoi(task->d_name) == pid ? -ECHILD : all;
		else if (state[2] != 'T' && state[2] != 't')
			all = 0;
		free(stat);
	}
	closedir(tasks);
	return all;
}

int process_stop(pid_t pid)
{
	const struct timespec nap = { .tv_nsec = STOP_NAP_NS };

	if (kill(pid, SIGSTOP))
		return -errno;
	for (int i = 0; i < STOP_TRIES; i++) {
		int stopped = is_stopped(pid);

		if (stopped)
			return stopped < 0 ? stopped : 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

bool process_is_zombie(pid_t pid)
{
	char *stat = procfile_read_pid(pid, "stat", NULL);
	char *name_end = stat ? strrchr(stat, ')') : NULL;
	bool is = name_end && name_end[2] == 'Z';

	free(stat);
	return is;
}

int process_await_call(pid_t pid, long call)
{
	const struct timespec nap = { .tv_nsec = CALL_NAP_NS };
	char *text, *end;
	bool sleeps;

	for (int i = 0; i < CALL_TRIES; i++) {
		text = procfile_read_pid(pid, "syscall", NULL);
		if (!text)
			return -errno;
		/* "running", or a number and more; -1 is none */
		sleeps = strtol(text, &end, 10) == call && end != text;
		free(text);
		if (sleeps)
			return 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

static int receive(int fd)
{
	ssize_t got;
	char byte;

	do {
		got = read(fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno != ECONNRESET)
		return -errno;
	return got == 1 ? 0 : -ECHILD;
}

static int send_byte(int fd)
{
	return send(fd, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* Wait until the target says that a step is done, then stop it. */
static int await_step(struct target *t)
{
	int err = receive(t->test_end);

	return err ? err : process_stop(t->pid);
}

static void __attribute__((noreturn))
run_body(struct target *t, void (*body)(struct target *t, void *arg), void *arg, pid_t test)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(1);
	close(t->test_end);
	t->test_end = -1;
	t->pid = getpid();
	body(t, arg);
	_exit(0);
}

int target_fork(struct target *t, void (*body)(struct target *t, void *arg), void *arg)
{
	pid_t test = getpid();
	int ends[2], err;

	memset(t, 0, sizeof(*t));
	t->test_end = -1;
	t->own_end = -1;
	t->word = mmap(NULL, TARGET_WORDS * sizeof(*t->word), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->word == MAP_FAILED) {
		t->word = NULL;
		return -errno;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		err = -errno;
		target_end(t);
		return err;
	}
	t->test_end = ends[0];
	t->own_end = ends[1];
	t->pid = fork();
	if (!t->pid)
		run_body(t, body, arg, test);
	if (t->pid < 0) {
		err = -errno;
		t->pid = 0;
		target_end(t);
		return err;
	}
	close(t->own_end);
	t->own_end = -1;
	err = await_step(t);
	if (err)
		target_end(t);
	return err;
}

void target_step(struct target *t)
{
	if (send_byte(t->own_end) || receive(t->own_end))
		_exit(1);
}

void target_fail(const char *what)
{
	diag("target %d: %s: %s", getpid(), what, strerror(errno));
	_exit(1);
}

int target_next(struct target *t)
{
	int err = send_byte(t->test_end);

	if (!err && kill(t->pid, SIGCONT))
		err = -errno;
	return err ? err : await_step(t);
}

/* In the child: become the program, or tell the test why not. */
static void __attribute__((noreturn)) run_program(char *const argv[], int report_to, pid_t test)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null >= 0 && getppid() == test) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], argv);
	}
	if (write(report_to, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

int target_run(struct target *t, char *const argv[])
{
	pid_t test = getpid();
	int pipes[2], err = 0;
	ssize_t got;

	memset(t, 0, sizeof(*t));
	t->test_end = -1;
	t->own_end = -1;
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	t->pid = fork();
	if (!t->pid)
		run_program(argv, pipes[1], test);
	if (t->pid < 0)
		err = -errno;
	close(pipes[1]);
	/* The pipe ends without a word when execve() closes it. */
	got = err ? 0 : read(pipes[0], &err, sizeof(err));
	if (got)
		err = err ? -err : -EIO;
	close(pipes[0]);
	if (!err)
		return 0;
	if (t->pid > 0)
		target_end(t);
	memset(t, 0, sizeof(*t));
	return err;
}

int target_stop(struct target *t)
{
	return process_stop(t->pid);
}

int target_continue(struct target *t)
{
	return kill(t->pid, SIGCONT) ? -errno : 0;
}

void target_end(struct target *t)
{
	if (t->pid > 0) {
		if (getpgid(t->pid) == t->pid)
			kill(-t->pid, SIGKILL);
		kill(t->pid, SIGKILL);
		while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (t->test_end > 0)
		close(t->test_end);
	if (t->own_end > 0)
		close(t->own_end);
	if (t->word)
		munmap((void *)t->word, TARGET_WORDS * sizeof(*t->word));
	memset(t, 0, sizeof(*t));
}

char *target_map(uint64_t address, uint64_t pages, int prot, int flags, int fd)
{
	char *at;

	if (address)
		flags |= MAP_FIXED_NOREPLACE;
	at = mmap((void *)address, pages * sysconf(_SC_PAGESIZE), prot, flags, fd, 0);
	if (at == MAP_FAILED)
		target_fail("mmap");
	if (address && at != (char *)address) {
		errno = EEXIST;
		target_fail("mmap at a fixed address");
	}
	return at;
}

#define NAME_PART 250

void target_map_long_name(uint64_t address, unsigned int depth)
{
	char part[NAME_PART + 1];
	int fd;

	memset(part, 'n', NAME_PART);
	part[NAME_PART] = '\0';
	if (chdir("/dev/shm"))
		target_fail("/dev/shm");
	while (depth--)
		if ((mkdir(part, 0700) && errno != EEXIST) || chdir(part))
			target_fail("mkdir");
	fd = open("file", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, sysconf(_SC_PAGESIZE)))
		target_fail("open");
	target_map(address, 1, PROT_READ, MAP_SHARED, fd);
	close(fd);
}

void target_small_pages(char *at, uint64_t pages)
{
	if (machine_has_thp() && madvise(at, pages * sysconf(_SC_PAGESIZE), MADV_NOHUGEPAGE))
		target_fail("MADV_NOHUGEPAGE");
}

void target_write(char *start, uint64_t pages, uint64_t stride)
{
	size_t step = stride * sysconf(_SC_PAGESIZE);

	for (uint64_t i = 0; i < pages; i++)
		*(volatile char *)(start + i * step) = (char)(i + 1);
}

void target_read(const char *start, uint64_t pages, uint64_t stride)
{
	size_t step = stride * sysconf(_SC_PAGESIZE);

	for (uint64_t i = 0; i < pages; i++)
		(void)*(const volatile char *)(start + i * step);
}
