// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whoever takes a page fault, on whatever memory, in user space or in
 * the kernel on its behalf: the report of a process has each one that the kernel
 * accounted to it (getrusage(), min_flt and maj_flt in stat), in the row of the
 * mapping it was in, and none that the kernel did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "faults.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Before this kernel, huge pages of hugetlbfs were populated without a fault. */
#define HUGETLB_POPULATED_BY_FAULTS_SINCE 6006

FAULTS_FIXTURE(exact)

#define PAGES 64
#define SWAP_MIB 64
#define MIB (1ull << 20)

/* OTHER() - fork the second target, which is given the first */
#define OTHER(body) ASSERT_EQ(0, target_fork(&self->other, body, &self->target))

/* BOTH_AGREE() - with the kernel, both targets do */
#define BOTH_AGREE()						\
do {								\
	FAULTS_AGREE();						\
	EXPECT_EQ(0, faults_agree(self->other.pid));		\
} while (0)

#define OTHER_KEY(key) faults_key(self->other.pid, key)

static char *map_private(int slot, int prot)
{
	return target_map(TARGET_ALONE(slot), PAGES, prot, KIND_PRIVATE, -1);
}

static int new_memfd(uint64_t pages)
{
	int fd = memfd_create("faults", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, pages * KIND_PAGE))
		target_fail("memfd_create");
	return fd;
}

static void advise(char *at, uint64_t pages, int advice)
{
	if (madvise(at, pages * KIND_PAGE, advice))
		target_fail("madvise");
}

/* -------- faults that the kernel takes in a system call -------- */

static void populate_body(struct target *t, void *arg)
{
	char *at;

	(void)arg;
	target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE | MAP_POPULATE, -1);
	target_map(TARGET_ALONE(1), PAGES, PROT_READ, KIND_PRIVATE | MAP_POPULATE, -1);
	target_map(TARGET_ALONE(2), PAGES, KIND_RW, MAP_SHARED | MAP_POPULATE, new_memfd(PAGES));
	target_step(t);
	at = map_private(3, KIND_RW);
	advise(at, 20, MADV_POPULATE_READ);
	advise(at + 10 * KIND_PAGE, 20, MADV_POPULATE_WRITE);
	target_step(t);
}

TEST_F(exact, populate)
{
	FAULTS_START(populate_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64");
	FAULTS_ROW(TARGET_ALONE(1), "anonflt=64");
	FAULTS_ROW(TARGET_ALONE(2), "fileflt=64");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(3), "anonflt=30 cowflt=10");
	FAULTS_GONE("faults=0");
}

static void mlock_body(struct target *t, void *arg)
{
	char *at = map_private(0, KIND_RW);

	(void)arg;
	target_read(at, 10, 1);
	/* ten zero pages are copied, six are new */
	if (mlock(at, 16 * KIND_PAGE))
		target_fail("mlock");
	target_step(t);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		target_fail("mlockall");
	map_private(1, KIND_RW);
	target_step(t);
}

TEST_F(exact, mlock)
{
	FAULTS_START(mlock_body);
	FAULTS_ROW(TARGET_ALONE(0), "size=16 anonflt=16 cowflt=10");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "size=64 anonflt=64 cowflt=10");
	FAULTS_ROW(TARGET_ALONE(1), "anonflt=64");
}

static void read_body(struct target *t, void *arg)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), fd = new_memfd(PAGES);
	size_t bytes = PAGES * KIND_PAGE;
	char *at = map_private(0, KIND_RW), *to = map_private(1, KIND_RW);

	(void)arg;
	if (read(zero, at, bytes) != (ssize_t)bytes)
		target_fail("read /dev/zero");
	target_step(t);
	if (read(fd, to, bytes) != (ssize_t)bytes)
		target_fail("read from a memfd");
	target_step(t);
	/* the other way round: the kernel reads what is not there yet */
	if (write(fd, map_private(2, PROT_READ), bytes) != (ssize_t)bytes)
		target_fail("write to a memfd");
	target_step(t);
}

TEST_F(exact, read_into_fresh_memory)
{
	FAULTS_START(read_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(1), "anonflt=64");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(2), "anonflt=64");
}

static int futex(void *word, int op, uint32_t value)
{
	static const struct timespec soon = { .tv_nsec = 1000 };

	return syscall(SYS_futex, word, op, value, &soon, NULL, 0);
}

/* What is asked of a futex is of no interest, that it takes a fault is. */
static void futex_body(struct target *t, void *arg)
{
	char *at = map_private(0, KIND_RW);
	char *shared = target_map(TARGET_ALONE(1), PAGES, KIND_RW, KIND_SHARED, -1);

	(void)arg;
	for (int i = 0; i < 10; i++) {
		if (futex(at + i * KIND_PAGE, FUTEX_WAIT_PRIVATE, 1) == 0 || errno != EAGAIN)
			target_fail("FUTEX_WAIT_PRIVATE");
		if (futex(at + (20 + i) * KIND_PAGE, FUTEX_LOCK_PI_PRIVATE, 0))
			target_fail("FUTEX_LOCK_PI_PRIVATE");
		if (futex(shared + i * KIND_PAGE, FUTEX_WAKE, 1))
			target_fail("FUTEX_WAKE");
	}
	target_step(t);
}

TEST_F(exact, futex_on_fresh_memory)
{
	FAULTS_START(futex_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=20");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=10");
}

/* -------- faults in the memory of another process -------- */

static void victim_body(struct target *t, void *arg)
{
	(void)arg;
	map_private(0, KIND_RW);
	map_private(1, KIND_RW);
	map_private(2, PROT_READ);
	target_step(t);
	/* its own among those of the others */
	target_write((char *)TARGET_ALONE(0), PAGES, 1);
	target_step(t);
}

static void writer_body(struct target *t, void *arg)
{
	pid_t victim = ((struct target *)arg)->pid;
	struct iovec mine = { map_private(4, KIND_RW), 40 * KIND_PAGE };
	struct iovec theirs = { (void *)TARGET_ALONE(0), 40 * KIND_PAGE };
	ssize_t bytes = 40 * KIND_PAGE;

	target_step(t);
	if (process_vm_writev(victim, &mine, 1, &theirs, 1, 0) != bytes)
		target_fail("process_vm_writev");
	target_step(t);
	theirs.iov_base = (void *)TARGET_ALONE(1);
	if (process_vm_readv(victim, &mine, 1, &theirs, 1, 0) != bytes)
		target_fail("process_vm_readv");
	target_step(t);
}

TEST_F(exact, process_vm_writev)
{
	FAULTS_START(victim_body);
	OTHER(writer_body);
	BOTH_AGREE();
	EXPECT_EQ(0, FAULTS_KEY("remote"));
	EXPECT_EQ(0, OTHER_KEY("elsewhere"));
	ASSERT_EQ(0, target_next(&self->other));
	BOTH_AGREE();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=40");
	EXPECT_EQ(40, FAULTS_KEY("remote"));
	EXPECT_EQ(0, FAULTS_KEY("elsewhere"));
	EXPECT_EQ(40, OTHER_KEY("elsewhere"));
	EXPECT_EQ(0, OTHER_KEY("remote"));
	ASSERT_EQ(0, target_next(&self->other));
	BOTH_AGREE();
	FAULTS_ROW(TARGET_ALONE(1), "anonflt=40");
	EXPECT_EQ(80, FAULTS_KEY("remote"));
	EXPECT_EQ(80, OTHER_KEY("elsewhere"));
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64");
	EXPECT_EQ(80, FAULTS_KEY("remote"));
	/* what it did does not end with its victim */
	target_end(&self->target);
	EXPECT_EQ(0, faults_agree(self->other.pid));
	EXPECT_EQ(80, OTHER_KEY("elsewhere"));
}

static void tracer_body(struct target *t, void *arg)
{
	pid_t victim = ((struct target *)arg)->pid;

	target_step(t);
	if (ptrace(PTRACE_SEIZE, victim, 0, 0) || waitpid(victim, NULL, __WALL) != victim)
		target_fail("PTRACE_SEIZE");
	for (int slot = 0; slot < 3; slot++)
		for (uint64_t i = 0; i < 10; i++)
			if (ptrace(PTRACE_POKEDATA, victim, TARGET_ALONE(slot) + i * KIND_PAGE, 1))
				target_fail("PTRACE_POKEDATA");
	if (ptrace(PTRACE_DETACH, victim, 0, SIGSTOP))
		target_fail("PTRACE_DETACH");
	target_step(t);
}

TEST_F(exact, ptrace_pokedata)
{
	uint64_t remote;

	FAULTS_START(victim_body);
	OTHER(tracer_body);
	ASSERT_EQ(0, target_next(&self->other));
	ASSERT_EQ(0, target_stop(&self->target));
	BOTH_AGREE();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=10");
	FAULTS_ROW(TARGET_ALONE(1), "anonflt=10");
	/* read-only: may be tried twice */
	remote = FAULTS_KEY("remote");
	EXPECT_LE(30, remote);
	EXPECT_GE(40, remote);
	EXPECT_EQ(remote, OTHER_KEY("elsewhere"));
	/* nor with whoever did it */
	target_end(&self->other);
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64");
	EXPECT_EQ(remote, FAULTS_KEY("remote"));
}

static void vfork_body(struct target *t, void *arg)
{
	char *at = map_private(0, KIND_RW);
	pid_t child;

	(void)arg;
	target_write(at, 8, 1);
	child = vfork();
	if (!child) {
		target_write(at + 8 * KIND_PAGE, 24, 1);
		_exit(0);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		target_fail("vfork");
	target_step(t);
}

/* The child is another process, which borrows the memory. */
TEST_F(exact, vfork_child)
{
	FAULTS_START(vfork_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=32");
	EXPECT_LE(24, FAULTS_KEY("remote"));
	EXPECT_EQ(0, FAULTS_KEY("elsewhere"));
}

/* -------- kinds of memory -------- */

static void memfd_body(struct target *t, void *arg)
{
	int fd = new_memfd(PAGES);
	char *shared = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	char *private = target_map(TARGET_ALONE(1), PAGES, KIND_RW, MAP_PRIVATE, fd);

	(void)arg;
	target_write(shared, 30, 1);
	target_step(t);
	target_read(private, 40, 1);
	target_write(private, 50, 1);
	target_step(t);
	/* gone from below the mappings, and come again */
	if (ftruncate(fd, 0) || ftruncate(fd, PAGES * KIND_PAGE))
		target_fail("ftruncate");
	target_read(shared, 5, 1);
	target_read(private, 5, 1);
	target_step(t);
}

TEST_F(exact, memfd_shared_and_private)
{
	FAULTS_START(memfd_body);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=30");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=40 cowflt=50");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=35");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=45 cowflt=50");
}

enum { CHILD_PID, CHILD_STEP };

static void cow_child(struct target *t, char *at)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	target_write(at, 20, 1);
	t->word[CHILD_STEP] = 1;
	for (;;)
		pause();
}

static void cow_body(struct target *t, void *arg)
{
	char *at = map_private(0, KIND_RW);
	pid_t child;

	(void)arg;
	target_write(at, PAGES, 1);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child)
		cow_child(t, at);
	t->word[CHILD_PID] = child;
	while (!t->word[CHILD_STEP])
		usleep(1000);
	target_write(at, 10, 1);
	target_step(t);
	kill(child, SIGKILL);
	if (waitpid(child, NULL, 0) != child)
		target_fail("waitpid");
	target_write(at, PAGES, 1);
	target_step(t);
}

TEST_F(exact, copy_on_write_after_fork)
{
	pid_t child;

	FAULTS_START(cow_body);
	child = self->target.word[CHILD_PID];
	ASSERT_EQ(0, process_stop(child));
	EXPECT_EQ(0, faults_agree(child));
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "cowflt=20"));
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64 cowflt=10");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64 cowflt=64");
}

static void thp_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 4 * KIND_HUGE, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	advise(at, 4 * KIND_HUGE, MADV_HUGEPAGE);
	target_write(at, 2 * KIND_HUGE, 1);
	target_read(at + 2 * KIND_HUGE * KIND_PAGE, 2 * KIND_HUGE, 1);
	target_step(t);
	/* split, and small pages where there was a part of a huge one */
	advise(at + 10 * KIND_PAGE, 20, MADV_DONTNEED);
	target_write(at, 2 * KIND_HUGE, 1);
	target_write(at + 3 * KIND_HUGE * KIND_PAGE, KIND_HUGE, 1);
	target_step(t);
	advise(at, KIND_HUGE, MADV_COLLAPSE);
	target_write(at, KIND_HUGE, 1);
	target_step(t);
}

TEST_F(exact, transparent_huge_pages)
{
	KIND_NEEDS_THP();
	FAULTS_START(thp_body);
	KIND_ROW(TARGET_ALONE(0), "huge=1024");
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=4");
	FAULTS_NEXT();
	KIND_ROW(TARGET_ALONE(0), "anonflt=24 cowflt>=1");
	FAULTS_NEXT();
}

static void hugetlb_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 3 * KIND_HUGE, KIND_RW,
			      KIND_PRIVATE | MAP_HUGETLB, -1);
	char *shared = target_map(TARGET_ALONE(1), 2 * KIND_HUGE, KIND_RW,
				  KIND_SHARED | MAP_HUGETLB | MAP_POPULATE, -1);

	(void)arg;
	target_write(at, 3 * KIND_HUGE, 1);
	target_write(shared, 2 * KIND_HUGE, 1);
	target_step(t);
	if (munmap(at + KIND_HUGE * KIND_PAGE, KIND_HUGE * KIND_PAGE))
		target_fail("munmap");
	advise(at, KIND_HUGE, MADV_DONTNEED);
	target_write(at, KIND_HUGE, 1);
	target_step(t);
}

TEST_F(exact, hugetlb)
{
	ASSERT_LE(8, machine_hugepages(2 * MIB, 8));
	FAULTS_START(hugetlb_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=%d",
		   machine_kernel() >= HUGETLB_POPULATED_BY_FAULTS_SINCE ? 2 : 0);
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "size=512 anonflt=2");
	FAULTS_ROW(TARGET_ALONE(0) + 4 * MIB, "size=512 anonflt=1");
	FAULTS_GONE("anonflt=1");
}

static void pin_to_cpu(void)
{
	if (machine_stay_on(sched_getcpu()))
		target_fail("sched_setaffinity");
}

static void swap_body(struct target *t, void *arg)
{
	char *at = map_private(0, KIND_RW);
	char *shared = target_map(TARGET_ALONE(1), PAGES, KIND_RW, KIND_SHARED, -1);

	(void)arg;
	/* pages in another processor's batch can't go to swap */
	pin_to_cpu();
	target_write(at, PAGES, 1);
	target_write(shared, PAGES, 1);
	target_step(t);
	faults_page_out(at, PAGES);
	faults_page_out(shared, PAGES);
	target_step(t);
	target_read(at, 20, 1);
	target_write(at, 40, 1);
	target_read(shared, 20, 1);
	target_write(shared, 40, 1);
	target_step(t);
}

TEST_F(exact, swapped_out_and_in)
{
	struct faults shared = {};

	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	FAULTS_START(swap_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=64");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=64");
	FAULTS_NEXT();
	FAULTS_MARK(TARGET_ALONE(0));
	ASSERT_EQ(0, faults_row_mark(self->target.pid, TARGET_ALONE(1), &shared));
	FAULTS_NEXT();
	EXPECT_EQ(0, faults_row_since(self->target.pid, TARGET_ALONE(1), &shared,
				      "swapflt=40 majflt=40"));
	/* whether a page that was read back may be written at once depends on the kernel */
	KIND_ROW(TARGET_ALONE(0), "majflt=%" PRIu64, self->row.count[1] + 40);
}

static void file_body(struct target *t, void *arg)
{
	int fd = disk_file("file", PAGES);
	char *at;

	(void)arg;
	if (fd < 0)
		target_fail("a file on disk");
	at = target_map(TARGET_ALONE(0), PAGES, PROT_READ, MAP_SHARED, fd);
	target_map(TARGET_ALONE(1), PAGES, PROT_READ, MAP_PRIVATE, fd);
	advise(at, PAGES, MADV_RANDOM);
	target_read(at, PAGES, 1);
	target_step(t);
	target_read((char *)TARGET_ALONE(1), PAGES, 1);
	target_step(t);
	/* cold again; this time it is read ahead, perhaps in larger pieces */
	if (munmap((char *)TARGET_ALONE(1), PAGES * KIND_PAGE))
		target_fail("munmap");
	advise(at, PAGES, MADV_DONTNEED);
	advise(at, PAGES, MADV_NORMAL);
	if (disk_forget(fd))
		target_fail("drop from memory");
	target_read(at, PAGES, 1);
	target_step(t);
}

TEST_F(exact, file_cold_and_warm)
{
	ASSERT_NE(NULL, disk_mount());
	FAULTS_START(file_body);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=64 majflt=64");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=64");
	FAULTS_NEXT();
	KIND_ROW(TARGET_ALONE(0), "majflt>=65 majflt<=127 fileflt>=66 fileflt<=128");
	FAULTS_GONE("fileflt=64");
}

static void around_body(struct target *t, void *arg)
{
	int fd = disk_file("around", PAGES);

	(void)arg;
	if (fd < 0)
		target_fail("a file on disk");
	target_map(TARGET_ALONE(0), PAGES, PROT_READ, MAP_PRIVATE, fd);
	target_read((char *)TARGET_ALONE(0), PAGES, 1);
	target_step(t);
}

/* One fault may map the pages around its own: they had none. */
TEST_F(exact, file_mapped_around)
{
	ASSERT_EQ(0, machine_set("/sys/kernel/debug/fault_around_bytes", "65536"));
	ASSERT_NE(NULL, disk_mount());
	FAULTS_START(around_body);
	KIND_ROW(TARGET_ALONE(0), "rss=64 fileflt>=1 fileflt<=63");
}

/* -------- faults that fail -------- */

static sigjmp_buf escape;
static char *protected;

static void jump_out(int signal)
{
	(void)signal;
	siglongjmp(escape, 1);
}

static void allow_and_retry(int signal)
{
	(void)signal;
	if (mprotect(protected, KIND_PAGE, KIND_RW))
		_exit(1);
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_NODEFER };

	if (sigaction(number, &action, NULL))
		target_fail("sigaction");
}

/* Read a page; whether that was possible. */
static bool can_read(const char *page)
{
	if (sigsetjmp(escape, 1))
		return false;
	target_read(page, 1, 1);
	return true;
}

static void sigbus_body(struct target *t, void *arg)
{
	int fd = new_memfd(PAGES / 2), got = 0;
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	int sink[2];

	(void)arg;
	handle(SIGBUS, jump_out);
	for (int i = 0; i < PAGES; i++)
		got += can_read(at + i * KIND_PAGE);
	t->word[0] = got;
	target_step(t);
	/* and by the kernel: what can't be read is EFAULT */
	if (pipe(sink) || write(sink[1], at + (PAGES - 1) * KIND_PAGE, 1) != -1 || errno != EFAULT)
		target_fail("write from beyond the end");
	if (madvise(at, PAGES * KIND_PAGE, MADV_POPULATE_READ) != -1 || errno != EFAULT)
		target_fail("MADV_POPULATE_READ beyond the end");
	target_step(t);
}

TEST_F(exact, sigbus_beyond_the_end)
{
	FAULTS_START(sigbus_body);
	EXPECT_EQ(PAGES / 2, self->target.word[0]);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=32");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=32");
}

static void sigsegv_body(struct target *t, void *arg)
{
	char *none = map_private(0, PROT_NONE), *some = map_private(1, PROT_NONE);
	int got = 0;

	(void)arg;
	handle(SIGSEGV, jump_out);
	for (int i = 0; i < PAGES; i++) {
		got += can_read(none + i * KIND_PAGE);
		got += can_read((char *)TARGET_ALONE(2) + i * KIND_PAGE);
	}
	t->word[0] = got;
	target_step(t);
	handle(SIGSEGV, allow_and_retry);
	for (int i = 0; i < 10; i++) {
		protected = some + i * KIND_PAGE;
		target_write(protected, 1, 1);
	}
	target_step(t);
}

TEST_F(exact, sigsegv_handled)
{
	FAULTS_START(sigsegv_body);
	EXPECT_EQ(0, self->target.word[0]);
	FAULTS_ROW(TARGET_ALONE(0), "faults=0");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(1), "size=10 anonflt=10");
	FAULTS_ROW(TARGET_ALONE(1) + 10 * KIND_PAGE, "size=54");
}

/* -------- faults that wait -------- */

static int uffd;

static int open_uffd(char *at, uint64_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { (uintptr_t)at, pages * KIND_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &area))
		target_fail("userfaultfd");
	return fd;
}

static void await_event(void)
{
	struct pollfd ready = { .fd = uffd, .events = POLLIN };

	while (poll(&ready, 1, -1) != 1)
		;
}

/* Answer so many events with a page each. */
static void *resolve(void *source)
{
	struct uffd_msg event;

	for (int left = PAGES; left;) {
		struct uffdio_copy copy = { .src = (uintptr_t)source, .len = KIND_PAGE };

		await_event();
		if (read(uffd, &event, sizeof(event)) != sizeof(event))
			continue;
		copy.dst = event.arg.pagefault.address & ~(KIND_PAGE - 1);
		if (!ioctl(uffd, UFFDIO_COPY, &copy))
			left--;
		else if (errno != EEXIST)
			target_fail("UFFDIO_COPY");
	}
	return NULL;
}

static void *write_two(void *at)
{
	target_write(at, 2, 1);
	return NULL;
}

static void uffd_body(struct target *t, void *arg)
{
	static char source[4096];
	char *at = map_private(0, KIND_RW), *shut = map_private(1, KIND_RW);
	pthread_t thread;

	(void)arg;
	uffd = open_uffd(at, PAGES);
	if (pthread_create(&thread, NULL, resolve, source))
		target_fail("pthread_create");
	target_write(at, PAGES, 1);
	pthread_join(thread, NULL);
	target_step(t);
	close(uffd);
	uffd = open_uffd(shut, PAGES);
	if (pthread_create(&thread, NULL, write_two, shut))
		target_fail("pthread_create");
	await_event();
	target_step(t);
	close(uffd);
	pthread_join(thread, NULL);
	target_step(t);
}

/*
 * Tried, given up, tried again: only what succeeds counts, as major if the kernel
 * knows that it was tried before.
 */
TEST_F(exact, userfaultfd)
{
	struct faults shut;

	FAULTS_START(uffd_body);
	FAULTS_ROW(TARGET_ALONE(0), "faults=64");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(1), "faults=0");
	FAULTS_NEXT();
	/* and as often as it was tried in vain while the file was being closed */
	ASSERT_EQ(0, faults_row_mark(self->target.pid, TARGET_ALONE(1), &shut));
	EXPECT_LE(2, shut.count[0] + shut.count[REPORT_MAJFLT - REPORT_MINFLT]);
}

/* A fault that waits, where nothing is mapped any more when it goes on. */
static void *wait_in_vain(void *at)
{
	if (can_read(at)) {
		errno = EEXIST;
		target_fail("read of what was unmapped");
	}
	return NULL;
}

static void uffd_unmapped_body(struct target *t, void *arg)
{
	char *at = map_private(0, KIND_RW);
	pthread_t thread;

	(void)arg;
	handle(SIGSEGV, jump_out);
	uffd = open_uffd(at, PAGES);
	if (pthread_create(&thread, NULL, wait_in_vain, at + 5 * KIND_PAGE))
		target_fail("pthread_create");
	await_event();
	if (munmap(at, PAGES * KIND_PAGE))
		target_fail("munmap");
	close(uffd);
	pthread_join(thread, NULL);
	map_private(0, KIND_RW);
	target_step(t);
	target_write(at, 10, 1);
	target_step(t);
}

TEST_F(exact, userfaultfd_unmapped)
{
	struct faults none = {};

	FAULTS_START(uffd_unmapped_body);
	FAULTS_ROW(TARGET_ALONE(0), "faults=0");
	EXPECT_EQ(0, faults_gone_since(self->target.pid, &none, "faults=0"));
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=10");
}

/* -------- many threads -------- */

#define FAULTERS 4
#define CHANGERS 2
#define ROUNDS 150
#define ROUND_PAGES 16

static pthread_barrier_t start;

/* With a stack that the library keeps when the thread has ended. */
static pthread_t start_thread(void *(*body)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	if (pthread_create(&thread, &attributes, body, arg))
		target_fail("pthread_create");
	return thread;
}

/* Its own memory, again and again; the last round's stays. */
static void *fault_in_rounds(void *slot)
{
	char *at = (char *)TARGET_ALONE((uintptr_t)slot);

	pthread_barrier_wait(&start);
	for (int i = 0; i < ROUNDS; i++) {
		if (i && munmap(at, ROUND_PAGES * KIND_PAGE))
			target_fail("munmap");
		target_map((uintptr_t)at, ROUND_PAGES, KIND_RW, KIND_PRIVATE, -1);
		target_write(at, ROUND_PAGES, 1);
	}
	return NULL;
}

/* Mappings next to those, so that the tree and its locks change under the faults. */
static void *change_in_rounds(void *slot)
{
	char *at = (char *)TARGET_ALONE((uintptr_t)slot) + 64 * KIND_PAGE;

	pthread_barrier_wait(&start);
	for (int i = 0; i < ROUNDS; i++) {
		target_map((uintptr_t)at, PAGES, KIND_RW, KIND_PRIVATE, -1);
		target_write(at, 4, 1);
		if (mprotect(at + 8 * KIND_PAGE, 8 * KIND_PAGE, PROT_READ) ||
		    munmap(at, PAGES * KIND_PAGE))
			target_fail("mprotect, munmap");
	}
	return NULL;
}

static void threads_body(struct target *t, void *arg)
{
	pthread_t thread[FAULTERS + CHANGERS];

	(void)arg;
	pthread_barrier_init(&start, NULL, FAULTERS + CHANGERS);
	for (uintptr_t i = 0; i < FAULTERS; i++)
		thread[i] = start_thread(fault_in_rounds, (void *)i);
	for (uintptr_t i = 0; i < CHANGERS; i++)
		thread[FAULTERS + i] = start_thread(change_in_rounds, (void *)i);
	for (int i = 0; i < FAULTERS + CHANGERS; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
}

TEST_F(exact, threads_against_mmap_and_munmap)
{
	struct faults gone = {};

	FAULTS_START(threads_body);
	for (int i = 0; i < FAULTERS; i++)
		FAULTS_ROW(TARGET_ALONE(i), "size=16 anonflt=16");
	EXPECT_EQ(0, faults_gone_since(self->target.pid, &gone, "anonflt=%d",
				       FAULTERS * (ROUNDS - 1) * ROUND_PAGES +
					       CHANGERS * ROUNDS * 4));
}

#define SHARED_ROUNDS 200

static char *common;
static volatile bool done;

/* Threads on the same pages, of which one takes them away again and again. */
static void *fault_on_common(void *arg)
{
	pthread_barrier_wait(&start);
	while (!done)
		target_write(common, PAGES, 1);
	return arg;
}

static void common_body(struct target *t, void *arg)
{
	pthread_t thread[FAULTERS];

	(void)arg;
	common = map_private(0, KIND_RW);
	pthread_barrier_init(&start, NULL, FAULTERS + 1);
	for (int i = 0; i < FAULTERS; i++)
		thread[i] = start_thread(fault_on_common, NULL);
	pthread_barrier_wait(&start);
	for (int i = 0; i < SHARED_ROUNDS; i++) {
		advise(common, PAGES, MADV_DONTNEED);
		if (mmap(common + 16 * KIND_PAGE, 16 * KIND_PAGE, KIND_RW,
			 KIND_PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED)
			target_fail("mmap");
		sched_yield();
	}
	target_step(t);
	done = true;
	for (int i = 0; i < FAULTERS; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
}

static void moving_body(struct target *t, void *arg)
{
	char *to = (char *)TARGET_ALONE(1);
	pthread_t thread[FAULTERS];

	(void)arg;
	common = map_private(0, KIND_RW);
	pthread_barrier_init(&start, NULL, FAULTERS + 1);
	for (int i = 0; i < FAULTERS; i++)
		thread[i] = start_thread(fault_on_common, NULL);
	pthread_barrier_wait(&start);
	for (int i = 0; i < SHARED_ROUNDS; i++) {
		if (mremap(common, PAGES * KIND_PAGE, PAGES * KIND_PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) != to)
			target_fail("mremap");
		if (i % 2 && munmap(to, PAGES / 2 * KIND_PAGE))
			target_fail("munmap");
		sched_yield();
	}
	target_step(t);
	done = true;
	for (int i = 0; i < FAULTERS; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
}

/* The pages are taken away from below them, the mapping stays. */
TEST_F(exact, threads_against_mremap)
{
	FAULTS_START(moving_body);
	KIND_ROW(TARGET_ALONE(0), "fileflt=0 cowflt=0");
	FAULTS_NEXT();
}

TEST_F(exact, threads_on_the_same_pages)
{
	FAULTS_START(common_body);
	KIND_ROW(TARGET_ALONE(0), "anonflt>=64");
	FAULTS_NEXT();
}

TEST_HARNESS_MAIN
