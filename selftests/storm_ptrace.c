// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while processes are traced, attached to and let go, stepped, and their memory
 * written by others in all ways there are, every report is well formed, each fault is counted
 * where it belongs, and memory holds what was written to it by either.
 */
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "storm.h"

#define PAGES 32
#define ROUNDS 8	/* in a turn */

STORM_FIXTURE(storm_ptrace)
{
	ASSERT_EQ(0, storm_open(&self->storm));
}

/*
 * Half of the pages are written by the process itself, the others by somebody else: who
 * traces it may do so even if the process itself may not.
 */
struct tracee {
	pid_t pid;
	char *at;
	volatile bool *stop;
};

static char *own_page(const struct tracee *t, int page)
{
	return t->at + page * LIFE_PAGE;
}

static char *foreign_page(const struct tracee *t, int page)
{
	return own_page(t, PAGES + page);
}

/* What may be in page @i of the others: nothing, or its number with something above that. */
static char stamp(int round, int i)
{
	return i + PAGES * (round % 3);
}

static bool is_stamp(char seen, int i)
{
	return !seen || seen % PAGES == i;
}

/* Writes to its pages and reads the others; ends with 0 if all is as it should be. */
static void __attribute__((noreturn)) tracee_body(const struct tracee *t)
{
	char with = 0;
	bool good = true;

	while (good && !*t->stop) {
		with++;
		for (int i = 0; i < PAGES; i++)
			*(volatile char *)own_page(t, i) = with + i;
		for (int i = 0; i < PAGES; i++) {
			char own = *(volatile char *)own_page(t, i);
			char foreign = *(volatile char *)foreign_page(t, i);

			good = good && own == (char)(with + i) && is_stamp(foreign, i);
		}
		if (madvise(t->at, PAGES / 2 * LIFE_PAGE, MADV_DONTNEED))
			good = false;
	}
	_exit(good ? 0 : 1);
}

static bool tracee_start(struct tracee *t, int prot)
{
	t->stop = mmap(NULL, LIFE_PAGE, KIND_RW, KIND_SHARED, -1, 0);
	t->at = mmap(NULL, 2 * PAGES * LIFE_PAGE, KIND_RW, KIND_PRIVATE, -1, 0);
	if (t->stop == MAP_FAILED || t->at == MAP_FAILED ||
	    mprotect(foreign_page(t, 0), PAGES * LIFE_PAGE, prot))
		return false;
	t->pid = fork();
	if (!t->pid)
		tracee_body(t);
	return t->pid > 0;
}

static bool tracee_end(struct tracee *t)
{
	int status = -1;

	*t->stop = true;
	if (waitpid(t->pid, &status, 0) != t->pid)
		return false;
	munmap((void *)t->stop, LIFE_PAGE);
	munmap(t->at, 2 * PAGES * LIFE_PAGE);
	errno = 0;
	return !status;
}

static bool poke(const struct tracee *t, int i, char with)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, t->pid, foreign_page(t, i), 0);
	return !errno && is_stamp(word & 0xff, i) &&
	       !ptrace(PTRACE_POKEDATA, t->pid, foreign_page(t, i), (long)with);
}

/* By the file of its memory, which like ptrace(2) may write where the process may not. */
static bool write_mem(const struct tracee *t, int i, char with)
{
	char path[32];
	ssize_t put;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", t->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	put = pwrite(fd, &with, 1, (off_t)(uintptr_t)foreign_page(t, i));
	close(fd);
	return put == 1;
}

static bool reads_back(const struct tracee *t, int i, char with)
{
	char seen = 0;
	struct iovec to = { &seen, 1 }, from = { foreign_page(t, i), 1 };

	if (process_vm_readv(t->pid, &to, 1, &from, 1, 0) != 1)
		return false;
	if (seen == with)
		return true;
	diag("pid %d: page %d: expected %d, seen %d", t->pid, i, with, seen);
	errno = 0;
	return false;
}

static bool write_all(const struct tracee *t, int round)
{
	for (int i = 0; i < PAGES; i++) {
		bool put = i % 2 ? poke(t, i, stamp(round, i)) : write_mem(t, i, stamp(round, i));

		if (!put || !reads_back(t, i, stamp(round, i)))
			return false;
	}
	return true;
}

static bool waits(pid_t pid)
{
	int status;

	return waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

static bool step(pid_t pid, int request, int count)
{
	for (int i = 0; i < count; i++)
		if (ptrace(request, pid, 0, 0) || !waits(pid))
			return false;
	return true;
}

/* Attached without being stopped; interrupted, written to, let go. */
static bool seize(void)
{
	struct tracee t;
	bool good = tracee_start(&t, PROT_READ);

	for (int i = 0; good && i < ROUNDS; i++)
		good = !ptrace(PTRACE_SEIZE, t.pid, 0, 0) &&
		       !ptrace(PTRACE_INTERRUPT, t.pid, 0, 0) && waits(t.pid) &&
		       write_all(&t, i) && !ptrace(PTRACE_DETACH, t.pid, 0, 0);
	return tracee_end(&t) && good;
}

/* Attached with a signal; goes on by single steps, and from one system call to the next. */
static bool attach_and_step(void)
{
	struct tracee t;
	bool good = tracee_start(&t, PROT_READ);

	for (int i = 0; good && i < ROUNDS; i++)
		good = !ptrace(PTRACE_ATTACH, t.pid, 0, 0) && waits(t.pid) &&
		       step(t.pid, PTRACE_SINGLESTEP, 20) && write_all(&t, i) &&
		       step(t.pid, PTRACE_SYSCALL, 4) && !ptrace(PTRACE_DETACH, t.pid, 0, 0);
	return tracee_end(&t) && good;
}

static bool write_vm(const struct tracee *t, int i, char with)
{
	struct iovec from = { &with, 1 }, to = { foreign_page(t, i), 1 };

	return process_vm_writev(t->pid, &from, 1, &to, 1, 0) == 1;
}

/*
 * Nobody has to stop for that; but then the process must be allowed to write to the
 * pages itself: some kernels let nobody but a tracer write to others.
 */
static bool write_from_afar(void)
{
	struct tracee t;
	bool good = tracee_start(&t, KIND_RW);

	for (int round = 0; good && round < ROUNDS; round++) {
		for (int i = 0; good && i < PAGES; i++) {
			char with = stamp(round, i);

			good = (i % 2 ? write_vm(&t, i, with) : write_mem(&t, i, with)) &&
			       reads_back(&t, i, with);
		}
	}
	return tracee_end(&t) && good;
}

static const struct storm_kind kind[] = {
	{ "seize", seize },
	{ "attach and step", attach_and_step },
	{ "write from afar", write_from_afar },
};

TEST_F_TIMEOUT(storm_ptrace, attach_write_detach, STORM_TIMEOUT)
{
	STORM(kind, NULL);
}

TEST_HARNESS_MAIN
