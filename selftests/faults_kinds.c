// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: each fault is of the kind that the page-table entry says when it
 * begins: nothing there yet (of anonymous memory, or of a file), not writable and
 * private, in swap, or something else.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "faults.h"

FAULTS_FIXTURE(kinds)

#define PAGES 16
#define SWAP_MIB 64
#define MIB (1ull << 20)

static void anonymous_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at, 10, 1);
	target_step(t);
	/* these are there */
	target_read(at, 10, 1);
	target_write(at, 10, 1);
	target_step(t);
}

TEST_F(kinds, anonymous_write)
{
	FAULTS_START(anonymous_body);
	FAULTS_ROW(TARGET_ALONE(0), "size=16 anonflt=10");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=10");
}

static void zero_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_read(at, PAGES, 1);
	target_step(t);
	target_write(at + 4 * KIND_PAGE, 8, 1);
	target_step(t);
	target_write(at, PAGES, 1);
	target_step(t);
}

/* The first read maps the zero page, which is copied when it is written. */
TEST_F(kinds, anonymous_read_then_write)
{
	FAULTS_START(zero_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16 cowflt=8");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16 cowflt=16");
}

static void private_file_body(struct target *t, void *arg)
{
	int fd = disk_file("private", PAGES);
	char *at;

	(void)arg;
	if (fd < 0)
		target_fail("a file on disk");
	at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_PRIVATE, fd);
	if (madvise(at, PAGES * KIND_PAGE, MADV_RANDOM))
		target_fail("MADV_RANDOM");
	target_read(at, 6, 1);
	target_step(t);
	/* the same pages, now in memory */
	if (madvise(at, PAGES * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	target_read(at, 6, 1);
	target_step(t);
	/* three that are mapped, and three that are not */
	target_write(at + 3 * KIND_PAGE, 3, 1);
	target_write(at + 10 * KIND_PAGE, 3, 1);
	target_step(t);
}

TEST_F(kinds, private_file)
{
	ASSERT_NE(NULL, disk_mount());
	FAULTS_START(private_file_body);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=6 majflt=6");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=12 majflt=6");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=12 cowflt=6 majflt=9");
}

static void shared_file_body(struct target *t, void *arg)
{
	int fd = disk_file("shared", PAGES);
	char *at;

	(void)arg;
	if (fd < 0)
		target_fail("a file on disk");
	at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	if (madvise(at, PAGES * KIND_PAGE, MADV_RANDOM))
		target_fail("MADV_RANDOM");
	target_read(at, 6, 1);
	target_step(t);
	/* two that are mapped to read: the file system is told; four that are not */
	target_write(at + 4 * KIND_PAGE, 6, 1);
	target_step(t);
	if (msync(at, PAGES * KIND_PAGE, MS_SYNC))
		target_fail("msync");
	/* written back, so read-only again */
	target_write(at + 4 * KIND_PAGE, 1, 1);
	target_step(t);
}

TEST_F(kinds, shared_file)
{
	ASSERT_NE(NULL, disk_mount());
	FAULTS_START(shared_file_body);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=6 majflt=6");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=10 otherflt=2 majflt=10");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=10 otherflt=3 majflt=10");
}

static void code_body(struct target *t, void *arg)
{
	int fd = disk_file("code", PAGES);
	volatile unsigned char *at;

	(void)arg;
	/* a page with nothing but "return" in it */
	for (int i = 0; fd >= 0 && i < 4; i++)
		if (pwrite(fd, "\xc3", 1, i * KIND_PAGE) != 1)
			target_fail("pwrite");
	if (fd < 0)
		target_fail("a file on disk");
	at = (void *)target_map(TARGET_ALONE(0), PAGES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	for (int i = 0; i < 4; i++)
		((void (*)(void))(uintptr_t)(at + i * KIND_PAGE))();
	target_step(t);
}

TEST_F(kinds, executed_file)
{
	ASSERT_NE(NULL, disk_mount());
	FAULTS_START(code_body);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=4");
}

static int new_memfd(uint64_t pages, unsigned int flags)
{
	int fd = memfd_create("faults", MFD_CLOEXEC | flags);

	if (fd < 0 || ftruncate(fd, pages * KIND_PAGE))
		target_fail("memfd_create");
	return fd;
}

static void shmem_body(struct target *t, void *arg)
{
	int fd = new_memfd(PAGES, 0);
	char *shared = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	char *private = target_map(TARGET_ALONE(1), PAGES, KIND_RW, MAP_PRIVATE, fd);

	(void)arg;
	target_write(shared, 8, 1);
	target_read(shared, 10, 1);
	target_step(t);
	target_read(private, 8, 1);
	target_write(private, 4, 1);
	target_write(private + 12 * KIND_PAGE, 2, 1);
	target_step(t);
}

/* Written at once or read first, a shared page is mapped by one fault. */
TEST_F(kinds, shmem)
{
	FAULTS_START(shmem_body);
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=10");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "fileflt=10");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=8 cowflt=6");
}

enum { CHILD_PID, CHILD_STEP };

/* The child's step, which it tells the test through the parent's words. */
static void child_reaches(struct target *t, uint64_t step)
{
	t->word[CHILD_STEP] = step;
	for (;;)
		pause();
}

static void await_child(struct target *t, uint64_t step)
{
	while (t->word[CHILD_STEP] != step)
		usleep(1000);
}

static void end_child(struct target *t)
{
	kill(t->word[CHILD_PID], SIGKILL);
	t->word[CHILD_PID] = 0;
	while (wait(NULL) < 0 && errno == EINTR)
		;
}

static void fork_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	char *shared = target_map(TARGET_ALONE(1), PAGES, KIND_RW, KIND_SHARED, -1);
	pid_t child;

	(void)arg;
	target_write(at, PAGES, 1);
	target_write(shared, PAGES, 1);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_read(at, PAGES, 1);
		target_write(at + 4 * KIND_PAGE, 6, 1);
		target_write(shared, 5, 1);
		child_reaches(t, 1);
	}
	t->word[CHILD_PID] = child;
	await_child(t, 1);
	target_step(t);
	/* copied: two; its own alone since the child has copies: two */
	target_write(at + 2 * KIND_PAGE, 4, 1);
	target_step(t);
	end_child(t);
	/* all the others are its own alone now */
	target_write(at, PAGES, 1);
	target_step(t);
}

/* The kernel's own writes to its child's memory are faults of the child, too. */
TEST_F(kinds, copy_on_write)
{
	pid_t child;

	FAULTS_START(fork_body);
	child = self->target.word[CHILD_PID];
	ASSERT_EQ(0, process_stop(child));
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=16");
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "cowflt=6"));
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(1), "fileflt=5"));
	EXPECT_EQ(0, faults_agree(child));
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16 cowflt=4");
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "cowflt=6"));
	EXPECT_EQ(0, faults_agree(child));
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16 cowflt=16");
}

static void pin_to_cpu(void)
{
	if (machine_stay_on(sched_getcpu()))
		target_fail("sched_setaffinity");
}

static void swap_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	/* pages in another processor's batch can't go to swap */
	pin_to_cpu();
	target_write(at, PAGES, 1);
	faults_page_out(at, PAGES);
	target_step(t);
	target_write(at, 5, 1);
	target_read(at + 8 * KIND_PAGE, 4, 1);
	target_step(t);
}

TEST_F(kinds, swap_in)
{
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	FAULTS_START(swap_body);
	FAULTS_MARK(TARGET_ALONE(0));
	FAULTS_NEXT();
	FAULTS_SINCE(TARGET_ALONE(0), "swapflt=9 majflt=9");
}

static void swap_shmem_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_SHARED, -1);

	(void)arg;
	pin_to_cpu();
	target_write(at, PAGES - 4, 1);
	faults_page_out(at, PAGES);
	target_step(t);
	/* five from swap, and four that never were */
	target_write(at, 5, 1);
	target_write(at + (PAGES - 4) * KIND_PAGE, 4, 1);
	target_step(t);
}

/* Its entries are not in the page table: that it was in swap shows in the wait. */
TEST_F(kinds, swap_in_shmem)
{
	ASSERT_EQ(0, machine_swap_on(SWAP_MIB));
	FAULTS_START(swap_shmem_body);
	FAULTS_MARK(TARGET_ALONE(0));
	FAULTS_NEXT();
	FAULTS_SINCE(TARGET_ALONE(0), "swapflt=5 fileflt=4 majflt=5");
}

static void hugetlb_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 4 * KIND_HUGE, KIND_RW,
			      KIND_PRIVATE | MAP_HUGETLB, -1);
	char *shared = target_map(TARGET_ALONE(1), 2 * KIND_HUGE, KIND_RW,
				  KIND_SHARED | MAP_HUGETLB, -1);
	pid_t child;

	(void)arg;
	target_write(at, 2, KIND_HUGE);
	target_read(at + 2 * KIND_HUGE * KIND_PAGE, 1, 1);
	target_read(shared, 1, 1);
	target_write(shared + KIND_HUGE * KIND_PAGE, 1, 1);
	target_step(t);
	/* mapped read-only */
	target_write(at + 2 * KIND_HUGE * KIND_PAGE, 1, 1);
	target_step(t);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_read(at, 2, KIND_HUGE);
		target_write(at, 1, 1);
		child_reaches(t, 1);
	}
	t->word[CHILD_PID] = child;
	await_child(t, 1);
	target_step(t);
	end_child(t);
	target_write(at, 3, KIND_HUGE);
	target_step(t);
}

/* One fault for each huge page, whichever of its pages it was on. */
TEST_F(kinds, hugetlb)
{
	pid_t child;

	ASSERT_LE(8, machine_hugepages(2 * MIB, 8));
	FAULTS_START(hugetlb_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3");
	FAULTS_ROW(TARGET_ALONE(1), "fileflt=2");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3 cowflt=1");
	FAULTS_NEXT();
	child = self->target.word[CHILD_PID];
	ASSERT_EQ(0, process_stop(child));
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3 cowflt=1");
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "cowflt=1"));
	EXPECT_EQ(0, faults_agree(child));
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3 cowflt=4");
}

static void thp_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 4 * KIND_HUGE, KIND_RW, KIND_PRIVATE, -1);
	pid_t child;

	(void)arg;
	if (madvise(at, 4 * KIND_HUGE * KIND_PAGE, MADV_HUGEPAGE))
		target_fail("MADV_HUGEPAGE");
	target_write(at, 2 * KIND_HUGE, 1);
	target_read(at + 2 * KIND_HUGE * KIND_PAGE, KIND_HUGE, 1);
	target_step(t);
	/* the huge zero page */
	target_write(at + 2 * KIND_HUGE * KIND_PAGE, 1, 1);
	target_step(t);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_read(at, KIND_HUGE, 1);
		target_write(at, 10, 1);
		child_reaches(t, 1);
	}
	t->word[CHILD_PID] = child;
	await_child(t, 1);
	target_step(t);
}

/* One fault for 512 pages; shared with a child, it is taken apart and copied singly. */
TEST_F(kinds, transparent_huge_page)
{
	pid_t child;

	KIND_NEEDS_THP();
	FAULTS_START(thp_body);
	KIND_ROW(TARGET_ALONE(0), "huge=1024");
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3 cowflt=1");
	FAULTS_NEXT();
	child = self->target.word[CHILD_PID];
	ASSERT_EQ(0, process_stop(child));
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=3 cowflt=1");
	EXPECT_EQ(0, faults_row(child, TARGET_ALONE(0), "cowflt=10"));
	EXPECT_EQ(0, faults_agree(child));
	kill(child, SIGKILL);
}

static void protect(char *at, int prot)
{
	if (mprotect(at, PAGES * KIND_PAGE, prot))
		target_fail("mprotect");
}

static void protection_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	pid_t child;

	(void)arg;
	target_read(at, PAGES, 1);
	target_write(at, 8, 1);
	child = fork();
	if (child < 0)
		target_fail("fork");
	if (!child)
		child_reaches(t, 1);
	t->word[CHILD_PID] = child;
	await_child(t, 1);
	protect(at, PROT_NONE);
	protect(at, PROT_READ);
	target_read(at, PAGES, 1);
	protect(at, KIND_RW);
	target_step(t);
	/* of both, the ones that are shared and the zero pages, copies are made */
	target_write(at, PAGES, 1);
	end_child(t);
	target_step(t);
}

/* To change what is allowed costs no fault, to use it does: pages are copied. */
TEST_F(kinds, protection)
{
	FAULTS_START(protection_body);
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16 cowflt=8");
	FAULTS_NEXT();
	FAULTS_ROW(TARGET_ALONE(0), "anonflt=16 cowflt=24");
}

#define HINTED_PAGES 4096
#define HINTING_TRIES 600

/* Two threads, so that the scanner does not take the pages' node for granted. */
static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void hinting_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), HINTED_PAGES, KIND_RW, KIND_PRIVATE, -1);
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, sleep_on, NULL))
		target_fail("pthread_create");
	target_write(at, HINTED_PAGES, 1);
	target_step(t);
	/* scanned as it goes */
	for (;;)
		target_write(at, HINTED_PAGES, 1);
}

/*
 * NUMA balancing takes the access to pages away now and then, to see from the
 * faults who uses them. Though they are not writable then, nothing is copied.
 */
TEST_F(kinds, numa_hinting)
{
	uint64_t at = TARGET_ALONE(0), hints = 0;
	struct faults now = {};

	if (access("/proc/sys/kernel/numa_balancing", F_OK))
		SKIP(return, "this kernel has no NUMA balancing");
	ASSERT_EQ(0, machine_set("/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "10"));
	ASSERT_EQ(0, machine_set("/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms",
				 "10"));
	FAULTS_START(hinting_body);
	FAULTS_ROW(at, "anonflt=%d", HINTED_PAGES);
	ASSERT_EQ(0, machine_set("/proc/sys/kernel/numa_balancing", "1"));
	ASSERT_EQ(0, kill(self->target.pid, SIGCONT));
	/* its writes go on until it is killed */
	ASSERT_EQ(1, write(self->target.test_end, "", 1));
	for (int i = 0; i < HINTING_TRIES && !hints; i++) {
		usleep(100000);
		ASSERT_EQ(0, faults_row_mark(self->target.pid, at, &now));
		hints = now.count[REPORT_OTHERFLT - REPORT_MINFLT];
	}
	ASSERT_EQ(0, target_stop(&self->target));
	FAULTS_AGREE();
	EXPECT_LT(0, hints);
	ASSERT_EQ(0, faults_row_mark(self->target.pid, at, &now));
	hints = now.count[REPORT_OTHERFLT - REPORT_MINFLT];
	FAULTS_ROW(at, "anonflt=%d otherflt=%" PRIu64, HINTED_PAGES, hints);
}

TEST_HARNESS_MAIN
