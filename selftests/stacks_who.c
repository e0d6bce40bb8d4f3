// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: rows are of threads by their number in the pid namespace of the procfs
 * instance and by their escaped name; tasks of the kernel's that belong to a process
 * have no stack; programs of 32 bits have theirs shown, too; a report that was
 * opened before execve() shows nothing of the program after it.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/diag.h"
#include "stacks.h"

STACKS_FIXTURE(stacks_who)

#define PAGES 64
#define DEPTH 10

/* Words of this test. */
enum { INNER_PID = STACKS_FREE, READY, HAS_WORKER };

/* Names. */

static const struct {
	const char *raw;
	const char *shown;
} name[] = {
	{ "plain", "plain" },
	{ "a b", "a\\040b" },
	{ " two  blanks ", "\\040two\\040\\040blanks\\040" },
	{ "a\tb\nc", "a\\011b\\012c" },
	{ "back\\040slash", "back\\134040slash" },
	{ "", "-" },
	{ "[total]", "[total]" },
	{ "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
	  "\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012" },
};

#define NAMES (sizeof(name) / sizeof(name[0]))

static void rename_and_wait(struct stacks_thread *me)
{
	if (prctl(PR_SET_NAME, name[me->slot].raw))
		target_fail("PR_SET_NAME");
	stacks_wait_deep(me);
}

static void names_body(struct target *t, void *arg)
{
	static struct stacks_thread thread[NAMES];

	(void)arg;
	for (unsigned int i = 0; i < NAMES; i++) {
		thread[i] = (struct stacks_thread){
			.t = t, .slot = i, .run = rename_and_wait, .depth = DEPTH
		};
		stacks_start_sized(&thread[i], PAGES * KIND_PAGE, KIND_PAGE);
	}
	target_step(t);
}

TEST_F(stacks_who, names_of_threads)
{
	KIND_START(names_body);
	for (unsigned int i = 0; i < NAMES; i++)
		STACKS_ROW(i, "comm=%s kind=thread size=64 guard=1", name[i].shown);
	STACKS_AGREE();
}

/* Threads of a pid namespace. */

#define INNER_THREADS 3

static void __attribute__((noreturn)) inner_body(struct target *t, const char *dir)
{
	static struct stacks_thread thread[INNER_THREADS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", dir, "proc", 0, NULL))
		target_fail("mount proc in the namespace");
	for (unsigned int i = 0; i < INNER_THREADS; i++) {
		thread[i] = (struct stacks_thread){
			.t = t, .slot = i, .run = stacks_wait_deep, .depth = DEPTH + i
		};
		stacks_start_sized(&thread[i], PAGES * KIND_PAGE, KIND_PAGE);
	}
	t->word[READY] = 1;
	for (;;)
		pause();
}

static void outer_body(struct target *t, void *arg)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		target_fail("unshare");
	pid = fork();
	if (!pid)
		inner_body(t, arg);
	t->word[INNER_PID] = pid;
	while (!t->word[READY] && !waitpid(pid, NULL, WNOHANG))
		usleep(1000);
	if (!t->word[READY])
		target_fail("the namespace's process");
	target_step(t);
}

TEST_F(stacks_who, numbers_in_a_pid_namespace)
{
	char dir[] = "/tmp/stacks_who.XXXXXX", path[64];
	struct stacks inner, outer;
	pid_t pid;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, target_fork(&self->target, outer_body, dir));
	pid = self->target.word[INNER_PID];
	snprintf(path, sizeof(path), "%s/vminspect/1", dir);
	EXPECT_EQ(0, stacks_read_path(&inner, path));
	EXPECT_EQ(0, stacks_read(&outer, pid));
	EXPECT_EQ(INNER_THREADS + 1, inner.rows);
	EXPECT_EQ(INNER_THREADS + 1, outer.rows);
	EXPECT_EQ(0, stacks_expect(1, &inner, 1, "kind=main"));
	EXPECT_EQ(0, stacks_expect(pid, &outer, pid, "kind=main"));
	for (unsigned int i = 0; i < INNER_THREADS && i + 1 < outer.rows; i++) {
		int tid = STACKS_AT(i, STACKS_TID);

		EXPECT_GE(INNER_THREADS + 1, tid);
		EXPECT_EQ(0, stacks_expect(1, &inner, tid,
					   "kind=thread start=%lx sp_depth=%u vma=[stack:%d]",
					   STACKS_AT(i, STACKS_START), DEPTH + i, tid));
		/* in the order that they were started in */
		tid = outer.row[i + 1].tid;
		EXPECT_LT(pid, tid);
		EXPECT_EQ(0, stacks_expect(pid, &outer, tid,
					   "kind=thread start=%lx sp_depth=%u vma=[stack:%d]",
					   STACKS_AT(i, STACKS_START), DEPTH + i, tid));
	}
	stacks_free(&inner);
	stacks_free(&outer);
	EXPECT_EQ(0, stacks_agree(pid));
	EXPECT_EQ(0, umount2(dir, MNT_DETACH));
	EXPECT_EQ(0, rmdir(dir));
}

/* A task of the kernel's, made by a thread, whose TLS pointer it has. */

static void use_io_uring(struct stacks_thread *me)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1000000
	};

	me->t->word[HAS_WORKER] = syscall(SYS_io_uring_setup, 1, &params) >= 0 ? 1 : errno + 1;
	stacks_wait_deep(me);
}

static void worker_body(struct target *t, void *arg)
{
	static struct stacks_thread thread;

	(void)arg;
	thread = (struct stacks_thread){ .t = t, .run = use_io_uring, .depth = DEPTH };
	stacks_start_sized(&thread, PAGES * KIND_PAGE, KIND_PAGE);
	target_step(t);
}

TEST_F(stacks_who, workers_of_io_uring)
{
	unsigned int workers = 0;
	struct stacks s;
	pid_t pid;

	KIND_START(worker_body);
	if (self->target.word[HAS_WORKER] == ENOSYS + 1)
		SKIP(return, "the kernel is built without io_uring");
	ASSERT_EQ(1, self->target.word[HAS_WORKER]);
	pid = self->target.pid;
	STACKS_ROW(0, "kind=thread size=64 sp_depth=10 vma=[stack:%d]",
		   (int)STACKS_AT(0, STACKS_TID));
	ASSERT_EQ(0, stacks_read(&s, pid));
	for (size_t i = 0; i < s.rows; i++) {
		pid_t tid = s.row[i].tid;

		if (tid == pid || tid == (pid_t)STACKS_AT(0, STACKS_TID))
			continue;
		workers++;
		EXPECT_EQ(0, stacks_expect(pid, &s, tid, "comm=iou-sqp-%d " STACKS_NOTHING,
					   (int)STACKS_AT(0, STACKS_TID)));
	}
	EXPECT_EQ(1, workers);
	stacks_free(&s);
	STACKS_AGREE();
}

/*
 * A program of 32 bits, whole: a stack of 15 pages with a guard of one below it, a
 * thread with its stack pointer in the fourth page from the end; both threads push
 * a word and wait for good.
 */
static const unsigned char code_32[] = {
	0xb8, 0xc0, 0x00, 0x00, 0x00,		/* mov $SYS_mmap2, %eax */
	0xbb, 0x00, 0x00, 0x00, 0x20,		/* mov $0x20000000, %ebx */
	0xb9, 0x00, 0x00, 0x01, 0x00,		/* mov $0x10000, %ecx */
	0x31, 0xd2,				/* xor %edx, %edx: PROT_NONE */
	0xbe, 0x32, 0x00, 0x00, 0x00,		/* mov $MAP_PRIVATE|FIXED|ANONYMOUS, %esi */
	0xbf, 0xff, 0xff, 0xff, 0xff,		/* mov $-1, %edi */
	0x31, 0xed,				/* xor %ebp, %ebp */
	0xcd, 0x80,				/* int $0x80 */
	0xb8, 0x7d, 0x00, 0x00, 0x00,		/* mov $SYS_mprotect, %eax */
	0xbb, 0x00, 0x10, 0x00, 0x20,		/* mov $0x20001000, %ebx */
	0xb9, 0x00, 0xf0, 0x00, 0x00,		/* mov $0xf000, %ecx */
	0xba, 0x03, 0x00, 0x00, 0x00,		/* mov $PROT_READ|PROT_WRITE, %edx */
	0xcd, 0x80,				/* int $0x80 */
	0xb8, 0x78, 0x00, 0x00, 0x00,		/* mov $SYS_clone, %eax */
	0xbb, 0x00, 0x0f, 0x05, 0x00,		/* mov $CLONE_VM|...|THREAD|SYSVSEM, %ebx */
	0xb9, 0x00, 0xc8, 0x00, 0x20,		/* mov $0x2000c800, %ecx */
	0x31, 0xd2,				/* xor %edx, %edx */
	0x31, 0xf6,				/* xor %esi, %esi */
	0x31, 0xff,				/* xor %edi, %edi */
	0xcd, 0x80,				/* int $0x80 */
	0x50,					/* push %eax */
	0xb8, 0x1d, 0x00, 0x00, 0x00,		/* 1: mov $SYS_pause, %eax */
	0xcd, 0x80,				/* int $0x80 */
	0xeb, 0xf7,				/* jmp 1b */
};

#define SYS_PAUSE_32 29
#define BASE_32 0x08048000
#define STACK_32 0x20001000

static bool write_32(const char *path)
{
	const size_t head = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr);
	const size_t size = head + sizeof(code_32);
	const Elf32_Ehdr ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT,
		.e_entry = BASE_32 + head, .e_phoff = sizeof(ehdr), .e_ehsize = sizeof(ehdr),
		.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1,
	};
	const Elf32_Phdr phdr = {
		.p_type = PT_LOAD, .p_vaddr = BASE_32, .p_filesz = size, .p_memsz = size,
		.p_flags = PF_R | PF_X, .p_align = 4096,
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	bool all = fd >= 0 && write(fd, &ehdr, sizeof(ehdr)) == sizeof(ehdr) &&
		   write(fd, &phdr, sizeof(phdr)) == sizeof(phdr) &&
		   write(fd, code_32, sizeof(code_32)) == sizeof(code_32);

	if (fd >= 0)
		close(fd);
	return all;
}

TEST_F(stacks_who, programs_of_32_bits)
{
	char path[] = "/tmp/stacks_who_32";
	char *const argv[] = { path, NULL };
	struct stacks s;
	pid_t pid, tid;
	int err;

	ASSERT_TRUE(write_32(path));
	err = target_run(&self->target, argv);
	unlink(path);
	if (err == -ENOEXEC)
		SKIP(return, "the kernel runs no programs of 32 bits");
	ASSERT_EQ(0, err);
	pid = self->target.pid;
	ASSERT_EQ(0, process_await_call(pid, SYS_PAUSE_32));
	ASSERT_EQ(0, stacks_read(&s, pid));
	ASSERT_EQ(2, s.rows);
	tid = s.row[1].tid;
	stacks_free(&s);
	ASSERT_EQ(0, process_await_call(tid, SYS_PAUSE_32));
	ASSERT_EQ(0, target_stop(&self->target));
	ASSERT_EQ(0, stacks_read(&s, pid));
	EXPECT_EQ(0, stacks_expect(pid, &s, pid, "kind=main sp_depth>=1 vma=[stack]"));
	EXPECT_EQ(0, stacks_expect(pid, &s, tid, "kind=thread range=%08x-%08x size=15 guard=1",
				   STACK_32, STACK_32 + 0xf000));
	EXPECT_EQ(0, stacks_expect(pid, &s, tid,
				   "touched=4 sp_depth=4 headroom=11 vma=[stack:%d]", tid));
	stacks_free(&s);
	STACKS_AGREE();
}

/* More rows than one read(2) returns. */
#define EXEC_THREADS 400

static void *wait_for_good(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void exec_body(struct target *t, void *arg)
{
	pthread_attr_t attr;
	pthread_t id;

	(void)arg;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 8 * KIND_PAGE);
	for (unsigned int i = 0; i < EXEC_THREADS; i++)
		if (pthread_create(&id, &attr, wait_for_good, NULL))
			target_fail("pthread_create");
	target_step(t);
	execlp("sleep", "sleep", "1000", NULL);
	target_fail("execlp");
}

/* Read until the last that came has rows of [stacks], and not yet what follows them. */
static bool read_into_stacks(int fd)
{
	static char text[1 << 20];
	size_t used = 0;
	ssize_t got;

	while (used + 1 < sizeof(text)) {
		got = read(fd, text + used, 4096);
		if (got <= 0)
			return false;
		used += got;
		text[used] = '\0';
		if (strstr(text, "\n[grows]"))
			return false;
		if (strstr(text, "\n[stacks]\n"))
			return true;
	}
	return false;
}

TEST_F(stacks_who, before_execve)
{
	char part[64], byte;
	int unread, half;

	KIND_START(exec_body);
	unread = report_open(self->target.pid, O_RDONLY);
	half = report_open(self->target.pid, O_RDONLY);
	ASSERT_LE(0, unread);
	ASSERT_LE(0, half);
	ASSERT_TRUE(read_into_stacks(half));
	/* the handshake ends with the program */
	ASSERT_EQ(-ECHILD, target_next(&self->target));
	EXPECT_EQ(0, stacks_thread(self->target.pid, self->target.pid, "comm=sleep kind=main"));
	EXPECT_EQ(0, read(unread, &byte, 1));
	for (int i = 0; i < 1000 && read(half, part, sizeof(part)) > 0; i++)
		EXPECT_EQ(NULL, memmem(part, sizeof(part), "sleep", 5));
	EXPECT_EQ(0, read(half, &byte, 1));
	close(unread);
	close(half);
}

TEST_HARNESS_MAIN
