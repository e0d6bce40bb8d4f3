// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a refused growth is one event with its reason and figures, whoever
 * caused it; just within each limit it grows. What is no growth is no event:
 * inaccessible neighbours, stacks of threads, wild addresses, memory that others
 * pin. Who caused it is named, also if it is not the process itself.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "growth.h"

GROWTH_FIXTURE(growth_refusals)

#define PID (self->target.pid)
#define PAGE KIND_PAGE
#define MIB_PAGES (UINT64_C(256))
#define TOP GROWTH_TOP(0)
#define END_LESS(pages) (TOP - (uint64_t)(pages) * PAGE)

/* A target with a mapping of four pages that ends at TOP. */
#define START() do {				\
	GROWTH_START();				\
	GROWTH_DO(growth_do_map, TOP, 4);	\
} while (0)

/* Touched there, it grows to so many pages. */
#define GROWS_TO(pages, ...) do {						\
	GROWTH_DO(growth_do_touch, END_LESS(pages) + 9);			\
	GROWTH_CAME(1);								\
	GROWTH_LAST("tid=%d cause=fault result=grown size=%" PRIu64		\
		    " address=%" PRIx64 __VA_ARGS__, PID, (uint64_t)(pages),	\
		    END_LESS(pages) + 9);					\
	EXPECT_EQ(END_LESS(pages), growth_maps(PID, TOP - 1));			\
} while (0)

/* Touched there, it does not, for this reason; the process gets SIGSEGV. */
#define REFUSED(reason, pages, ...) do {					\
	const uint64_t start_ = growth_maps(PID, TOP - 1);			\
	const uint64_t refused_ = self->growth.refused;				\
										\
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, END_LESS(pages) + 9));	\
	GROWTH_CAME(1);								\
	GROWTH_LAST("tid=%d cause=fault result=refused:" reason " size=%" PRIu64	\
		    " address=%" PRIx64 " old_start=%" PRIx64 " new_start=%" PRIx64	\
		    __VA_ARGS__, PID, (uint64_t)(pages), END_LESS(pages) + 9,	\
		    start_, END_LESS(pages));					\
	EXPECT_EQ(start_, growth_maps(PID, TOP - 1));				\
	EXPECT_EQ(refused_ + 1, self->growth.refused);				\
} while (0)

TEST_F(growth_refusals, rlimit_stack)
{
	START();
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, MIB_PAGES * PAGE);
	REFUSED("rlimit_stack", MIB_PAGES + 1, " limit=256");
	GROWS_TO(MIB_PAGES, " limit=256");
	REFUSED("rlimit_stack", MIB_PAGES + 1, " limit=256");
	GROWTH_ROW(TOP - 1, 1);
}

static uint64_t do_map_below(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	target_map(argument[0], 1, argument[1], KIND_PRIVATE, -1);
	return 0;
}

/* A page that can be read is 500 pages below the end of the mapping. */
TEST_F(growth_refusals, guard_gap)
{
	START();
	GROWTH_DO(do_map_below, END_LESS(501), PROT_READ);
	REFUSED("guard_gap", 500 - GROWTH_GAP + 1, " limit=2048");
	GROWS_TO(500 - GROWTH_GAP, " limit=2048");
	REFUSED("guard_gap", 500 - GROWTH_GAP + 1, " limit=2048");
	/* the last one above it */
	REFUSED("guard_gap", 500, " limit=2048");
	GROWTH_ROW(TOP - 1, 1);
}

/* The nearest reason counts, in the kernel's order. */
TEST_F(growth_refusals, guard_gap_before_rlimit_stack)
{
	START();
	GROWTH_DO(do_map_below, END_LESS(501), PROT_READ);
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 100 * PAGE);
	REFUSED("guard_gap", 500 - GROWTH_GAP + 1, " limit=100");
	/* just wide enough */
	REFUSED("rlimit_stack", 500 - GROWTH_GAP, " limit=100");
}

TEST_F(growth_refusals, no_gap_above_what_cannot_be_accessed)
{
	START();
	GROWTH_DO(do_map_below, END_LESS(501), PROT_NONE);
	GROWS_TO(500 - GROWTH_GAP + 1);
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 400 * PAGE);
	REFUSED("rlimit_stack", 401, " limit=400");
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 500 * PAGE);
	GROWS_TO(500);
	/* that is in the mapping, and not below one that grows */
	EXPECT_EQ(SEGV_ACCERR, GROWTH_CALL(growth_do_touch, END_LESS(501)));
	GROWTH_CAME(0);
	GROWTH_ROW(TOP - 1, 2);
}

/* A stack above a stack needs no gap. */
TEST_F(growth_refusals, no_gap_above_a_stack)
{
	START();
	GROWTH_DO(growth_do_map, END_LESS(500), 1);
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 400 * PAGE);
	REFUSED("rlimit_stack", 401, " limit=400");
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 500 * PAGE);
	GROWS_TO(500);
	EXPECT_EQ(0, GROWTH_CALL(growth_do_touch, END_LESS(501)));
	GROWTH_CAME(0);
}

static uint64_t do_limit_memory(struct target *t, volatile uint64_t *argument)
{
	static char statm[64];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	uint64_t limit[4] = { RLIMIT_AS };

	if (fd < 0 || read(fd, statm, sizeof(statm) - 1) <= 0)
		return errno;
	close(fd);
	limit[1] = (strtoull(statm, NULL, 10) + argument[0]) * PAGE;
	return growth_do_limit(t, limit);
}

TEST_F(growth_refusals, rlimit_as)
{
	START();
	GROWTH_DO(do_limit_memory, 20);
	REFUSED("rlimit_as", 4 + 21, " limit=2048");
	GROWS_TO(4 + 20);
	REFUSED("rlimit_as", 4 + 21);
	/* it comes before the one of stacks */
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 24 * PAGE);
	REFUSED("rlimit_as", 25, " limit=24");
	GROWTH_DO(growth_do_limit, RLIMIT_AS, RLIM_INFINITY);
	REFUSED("rlimit_stack", 25, " limit=24");
}

#define NOBODY 65534

/* Lock the mapping, as somebody who may lock argument[0] pages. */
static uint64_t do_lock(struct target *t, volatile uint64_t *argument)
{
	const struct rlimit limit = { argument[0] * PAGE, argument[0] * PAGE };

	(void)t;
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return errno;
	if (argument[1] && (setgid(NOBODY) || setuid(NOBODY)))
		return errno;
	return mlock((void *)END_LESS(4), 4 * PAGE) ? errno : 0;
}

TEST_F(growth_refusals, rlimit_memlock)
{
	START();
	GROWTH_DO(do_lock, 10, true);
	REFUSED("rlimit_memlock", 11, " limit=2048");
	GROWS_TO(10);
	REFUSED("rlimit_memlock", 11);
	/* that of stacks comes first */
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 10 * PAGE);
	REFUSED("rlimit_stack", 11, " limit=10");
	KIND_AGREES();
}

/* It does not hold for CAP_IPC_LOCK. */
TEST_F(growth_refusals, rlimit_memlock_of_root)
{
	START();
	GROWTH_DO(do_lock, 10, false);
	GROWS_TO(11);
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 12 * PAGE);
	REFUSED("rlimit_stack", 13, " limit=12");
}

/* More than there is, by a guess. */
TEST_F(growth_refusals, overcommit_of_all_memory)
{
	struct sysinfo info;
	uint64_t all;

	ASSERT_EQ(0, machine_set("/proc/sys/vm/overcommit_memory", "0"));
	ASSERT_EQ(0, sysinfo(&info));
	all = (info.totalram + info.totalswap) * info.mem_unit / PAGE;
	START();
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, RLIM_INFINITY);
	REFUSED("overcommit", 4 + all + 1, " limit=unlimited");
	GROWS_TO(4 + all / 2, " limit=unlimited");
}

/* More than may be promised, strictly. */
TEST_F(growth_refusals, overcommit_of_the_commit_limit)
{
	char *text = procfile_read("/proc/meminfo", NULL);
	uint64_t limit = 0;

	ASSERT_TRUE(text && procfile_key(text, "CommitLimit", &limit));
	free(text);
	START();
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, RLIM_INFINITY);
	ASSERT_EQ(0, machine_set("/proc/sys/vm/overcommit_memory", "2"));
	REFUSED("overcommit", 4 + limit * 1024 / PAGE, " limit=unlimited");
	ASSERT_EQ(0, machine_set("/proc/sys/vm/overcommit_memory", "1"));
	GROWS_TO(4 + limit * 1024 / PAGE, " limit=unlimited");
}

TEST_F(growth_refusals, mmap_min_addr)
{
	char *text = procfile_read("/proc/sys/vm/mmap_min_addr", NULL);
	uint64_t lowest = text ? strtoull(text, NULL, 10) : 0, top;

	free(text);
	ASSERT_LE(PAGE, lowest);
	top = lowest + 8 * PAGE;
	GROWTH_START();
	GROWTH_DO(growth_do_map, top, 2);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, lowest - 1));
	GROWTH_CAME(1);
	GROWTH_LAST("tid=%d cause=fault address=%" PRIx64 " old_start=%" PRIx64
		    " new_start=%" PRIx64 " size=9 limit=2048 result=refused:mmap_min_addr", PID,
		    lowest - 1, top - 2 * PAGE, lowest - PAGE);
	GROWTH_DO(growth_do_touch, lowest);
	GROWTH_CAME(1);
	GROWTH_LAST("result=grown size=8 new_start=%" PRIx64, lowest);
	/* the null pointer */
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, 0));
	GROWTH_CAME(1);
	GROWTH_LAST("result=refused:mmap_min_addr address=0 new_start=0 size=%" PRIu64,
		    top / PAGE);
}

/* Where there is no mapping above, or one that does not grow. */
TEST_F(growth_refusals, not_wild_addresses)
{
	GROWTH_START();
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, 0));
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, PAGE));
	GROWTH_DO(do_map_below, TARGET_ALONE(1), KIND_RW);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TARGET_ALONE(1) - PAGE));
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TARGET_ALONE(1) + PAGE));
	/* not canonical, the kernel's own, the last ones */
	EXPECT_NE(0, GROWTH_CALL(growth_do_touch, UINT64_C(1) << 63));
	EXPECT_NE(0, GROWTH_CALL(growth_do_touch, 0xffff888000000000));
	EXPECT_NE(0, GROWTH_CALL(growth_do_touch, -PAGE));
	GROWTH_CAME(0);
}

static sigjmp_buf overflown;

static void on_overflow(int signal)
{
	(void)signal;
	siglongjmp(overflown, 1);
}

static uint64_t __attribute__((noinline)) recurse(volatile uint64_t *depth)
{
	volatile char frame[1000];

	frame[0] = 1;
	if (++*depth)	/* always */
		recurse(depth);
	return frame[0];
}

static void *overflow(void *arg)
{
	static char stack[65536];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_overflow, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&alternate, NULL) || sigaction(SIGSEGV, &action, NULL))
		target_fail("signal on an alternate stack");
	if (!sigsetjmp(overflown, 1))
		recurse(arg);
	return NULL;
}

/* A thread whose stack overflows into its guard. */
static uint64_t do_thread(struct target *t, volatile uint64_t *argument)
{
	pthread_t thread;

	(void)t;
	argument[0] = 0;
	errno = pthread_create(&thread, NULL, overflow, (void *)argument);
	return errno ?: pthread_join(thread, NULL);
}

TEST_F(growth_refusals, not_the_stacks_of_threads)
{
	START();
	GROWTH_DO(do_thread);
	/* 8 MiB in frames of 1000 bytes and a bit */
	EXPECT_LT(5000, self->target.word[GROWTH_ARGUMENT]);
	GROWTH_CAME(0);
}

/* Pinned by somebody, memory does not grow. */
TEST_F(growth_refusals, not_process_vm_writev)
{
	const struct iovec here = { (char[]){ 1, 2 }, 2 };
	/* the kernel prints a warning of what is nearer than 64 KiB */
	const struct iovec below = { (void *)END_LESS(100), 2 };

	START();
	EXPECT_EQ(-1, process_vm_writev(PID, &here, 1, &below, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	GROWTH_CAME(0);
	EXPECT_EQ(END_LESS(4), growth_maps(PID, TOP - 1));
}

/* The kernel writes for the process: read(2) into a buffer below. */
static uint64_t do_read(struct target *t, volatile uint64_t *argument)
{
	int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	(void)t;
	got = read(fd, (void *)(uintptr_t)argument[0], argument[1]);
	if (got < 0)
		return errno;
	close(fd);
	return got == (ssize_t)argument[1] ? 0 : EIO;
}

TEST_F(growth_refusals, not_when_read_grows_it)
{
	const struct growth_event *e;
	const struct report_row *row;
	struct report r;

	START();
	GROWTH_DO(do_read, END_LESS(9) - 20, 10);
	GROWTH_CAME(1);
	GROWTH_LAST("tid=%d cause=fault result=grown size=10 address=%" PRIx64, PID,
		    END_LESS(9) - 20);
	/* where the system call was made */
	e = growth_back(&self->growth, 1);
	ASSERT_NE(NULL, e);
	ASSERT_EQ(0, report_read(&r, PID));
	row = report_find(&r, e->ip);
	EXPECT_TRUE(row && row->perms[2] == 'x') {
		TH_LOG("pid %d: ip %" PRIx64 " is no code", PID, e->ip);
	}
	row = report_find(&r, e->sp);
	EXPECT_TRUE(row && row->name && !strcmp(row->name, "[stack]")) {
		TH_LOG("pid %d: sp %" PRIx64 " is not in the stack", PID, e->sp);
	}
	report_free(&r);
}

static const char *own_comm(void)
{
	static char comm[16];
	FILE *f = fopen("/proc/thread-self/comm", "r");

	if (!f || fscanf(f, "%15s", comm) != 1)
		comm[0] = '\0';
	if (f)
		fclose(f);
	return comm;
}

/* Who writes from outside is named; the limit is that of who writes. */
#define WRITTEN_BY_US(result, pages, limit)						\
do {											\
	GROWTH_CAME(1);									\
	GROWTH_LAST("tid=%d comm=%s cause=remote ip=- sp=- result=" result		\
		    " address=%" PRIx64 " size=%d limit=%d", getpid(), own_comm(),	\
		    END_LESS(pages), pages, limit);					\
} while (0)

static long poke(pid_t pid, uint64_t address)
{
	return ptrace(PTRACE_POKEDATA, pid, (void *)address, (void *)7) ? errno : 0;
}

TEST_F(growth_refusals, of_a_tracer_are_the_tracers)
{
	START();
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, 50 * PAGE);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, PID, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, PID, NULL, NULL));
	ASSERT_EQ(PID, waitpid(PID, NULL, __WALL));
	EXPECT_EQ(0, poke(PID, END_LESS(80)));
	WRITTEN_BY_US("grown", 80, 2048);
	EXPECT_EQ(0, growth_limit(100 * PAGE));
	EXPECT_EQ(EIO, poke(PID, END_LESS(101)));
	WRITTEN_BY_US("refused:rlimit_stack", 101, 100);
	EXPECT_EQ(0, poke(PID, END_LESS(100)));
	WRITTEN_BY_US("grown", 100, 100);
	GROWTH_ROW(TOP - 1, 2);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, PID, NULL, NULL));
	/* its own are its own again */
	REFUSED("rlimit_stack", 101, " limit=50");
}

TEST_F(growth_refusals, of_a_writer_of_mem)
{
	START();
	EXPECT_TRUE(growth_write(PID, END_LESS(60)));
	WRITTEN_BY_US("grown", 60, 2048);
	EXPECT_EQ(0, growth_limit(70 * PAGE));
	EXPECT_FALSE(growth_write(PID, END_LESS(71)));
	WRITTEN_BY_US("refused:rlimit_stack", 71, 70);
	GROWTH_ROW(TOP - 1, 1);
}

static int touch_as_child(void *address)
{
	*(volatile char *)address = 1;
	return 0;
}

/* A process of its own, in the same address space, that is waited for. */
static uint64_t do_clone(struct target *t, volatile uint64_t *argument)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status;
	pid_t pid;

	(void)t;
	pid = clone(touch_as_child, stack + sizeof(stack), argument[1] | SIGCHLD,
		    (void *)(uintptr_t)argument[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 0;
	return pid;
}

TEST_F(growth_refusals, of_who_shares_the_memory)
{
	uint64_t child;

	START();
	child = GROWTH_CALL(do_clone, END_LESS(30), CLONE_VM);
	EXPECT_NE(0, child);
	GROWTH_CAME(1);
	GROWTH_LAST("tid=%" PRIu64 " comm=%s cause=fault result=grown size=30", child, own_comm());
	child = GROWTH_CALL(do_clone, END_LESS(40), CLONE_VM | CLONE_VFORK);
	EXPECT_NE(0, child);
	GROWTH_CAME(1);
	GROWTH_LAST("tid=%" PRIu64 " comm=%s cause=fault result=grown size=40", child, own_comm());
	GROWTH_ROW(TOP - 1, 2);
}

/* The child is number 1 of a pid namespace, of which procfs is at /mnt, only there. */
static uint64_t do_namespace(struct target *t, volatile uint64_t *argument)
{
	pid_t pid;

	(void)argument;
	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	pid = fork();
	if (pid)
		return pid > 0 ? pid : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/mnt", "proc", 0, NULL) || growth_touch(END_LESS(10)))
		_exit(1);
	t->word[GROWTH_WORD] = true;
	for (;;)
		pause();
}

/* Where a tid is read decides what number it is, and whether it is one at all. */
TEST_F(growth_refusals, of_another_pid_namespace)
{
	struct growth inside, outside;
	struct report r;
	char path[64];
	pid_t child;

	START();
	child = GROWTH_CALL(do_namespace);
	ASSERT_NE(0, child);
	for (int i = 0; i < 6000 && !self->target.word[GROWTH_WORD]; i++)
		usleep(10000);
	ASSERT_EQ(true, self->target.word[GROWTH_WORD]);
	EXPECT_TRUE(growth_write(child, END_LESS(20)));

	EXPECT_EQ(0, growth_read(&outside, child));
	EXPECT_EQ(0, growth_event_is(child, growth_back(&outside, 2), "tid=%d cause=fault", child));
	EXPECT_EQ(0, growth_event_is(child, growth_back(&outside, 1), "tid=%d cause=remote",
				     getpid()));
	growth_free(&outside);

	snprintf(path, sizeof(path), "/proc/%d/root/mnt/vminspect/1", child);
	ASSERT_EQ(0, report_read_path(&r, path));
	EXPECT_EQ(0, growth_of(&inside, &r, child));
	EXPECT_EQ(0, growth_event_is(child, growth_back(&inside, 2), "tid=1 cause=fault"));
	EXPECT_EQ(0, growth_event_is(child, growth_back(&inside, 1), "tid=- cause=remote comm=%s",
				     own_comm()));
	growth_free(&inside);
	report_free(&r);
	kill(child, SIGKILL);
}

TEST_HARNESS_MAIN
