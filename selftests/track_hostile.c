// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whatever processes do while they are tracked, or are no longer, and
 * at whatever moment: the kernel survives it, reports stay well formed, nothing
 * is lost or missed, and no memory stays behind.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "track.h"

/* The memory that faults are counted in comes for so much of the addresses at once. */
#define STRETCH_SHIFT 18
#define STRETCH (1ull << STRETCH_SHIFT)

#define CROWD 60
#define EXECERS 4

FIXTURE(track_hostile)
{
	struct target target;
	struct target execer[EXECERS];
	pid_t crowd[CROWD];
	int hold;
	pid_t other;
	int fd;
};

FIXTURE_SETUP(track_hostile)
{
	self->hold = -1;
	self->fd = -1;
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
	ASSERT_TRUE(track_status_becomes("probes", "on"));
}

static void disperse(pid_t *crowd, int *hold)
{
	if (*hold >= 0)
		close(*hold);
	*hold = -1;
	for (int i = 0; i < CROWD; i++) {
		if (crowd[i] > 0)
			waitpid(crowd[i], NULL, 0);
		crowd[i] = 0;
	}
}

FIXTURE_TEARDOWN(track_hostile)
{
	target_end(&self->target);
	for (int i = 0; i < EXECERS; i++)
		target_end(&self->execer[i]);
	disperse(self->crowd, &self->hold);
	if (self->other > 0) {
		kill(self->other, SIGKILL);
		waitpid(self->other, NULL, 0);
	}
	if (self->fd >= 0)
		close(self->fd);
	machine_restore();
	EXPECT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
}

/* Nor does a test that was killed leave tracing off. */
static void __attribute__((destructor)) leave_tracing_on(void)
{
	procfile_write(FTRACE, "1");
}

#define PID (self->target.pid)

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Mappings of one page each, each in a stretch of its own, and not merged. */
static char *piece(int number)
{
	return (char *)TARGET_ALONE(0) + 2 * number * STRETCH;
}

static void map_pieces(int count)
{
	for (int i = 0; i < count; i++)
		target_write(target_map((uintptr_t)piece(i), 1, KIND_RW, KIND_PRIVATE, -1), 1, 1);
}

/* -------- a report that is read while its process is untracked -------- */

#define PIECES 400
#define UNMAPPED 50

static void pieces_body(struct target *t, void *arg)
{
	(void)arg;
	map_pieces(PIECES);
	target_step(t);
	for (int i = 1; i <= UNMAPPED; i++)
		if (munmap(piece(PIECES - i), KIND_PAGE))
			target_fail("munmap");
	target_step(t);
}

/* Up to so many bytes; how many there were, or a negative errno. */
static ssize_t read_on(int fd, char *text, size_t room)
{
	size_t len = 0;
	ssize_t got = 1;

	while (len < room && got > 0) {
		got = read(fd, text + len, room - len);
		if (got < 0)
			return -errno;
		len += got;
	}
	return len;
}

/* Whether a row has all numbers of faults, which add up, or none. */
static bool row_is_sound(const struct report_row *row)
{
	const uint64_t *nr = row->count;
	uint64_t kinds = 0;
	int unknown = 0;

	for (int i = REPORT_MINFLT; i <= REPORT_OTHERFLT; i++)
		unknown += nr[i] == REPORT_UNKNOWN;
	for (int i = REPORT_ANONFLT; i <= REPORT_OTHERFLT; i++)
		kinds += nr[i];
	if (unknown == REPORT_FAULTS ||
	    (!unknown && nr[REPORT_MINFLT] + nr[REPORT_MAJFLT] == kinds))
		return true;
	diag("row %" PRIx64 ": expected all faults to be - or to add up, seen %d times -, %" PRIu64
	     " minor, %" PRIu64 " major, %" PRIu64 " of all kinds", row->start, unknown,
	     nr[REPORT_MINFLT], nr[REPORT_MAJFLT], kinds);
	return false;
}

/* Whether all sums of a report are "-". */
static bool sums_are_unknown(const struct report *r)
{
	int wrong = 0, keys = 0;

	for (size_t i = 0; i < r->keys; i++) {
		const struct report_key *k = &r->key[i];

		if (strcmp(k->section, "gone") && strcmp(k->section, "faults"))
			continue;
		keys++;
		if (!strcmp(k->value, "-"))
			continue;
		diag("[%s] %s: expected -, seen %s", k->section, k->key, k->value);
		wrong++;
	}
	if (!keys)
		diag("expected [gone] and [faults], seen neither");
	return keys && !wrong;
}

#define ROOM (1 << 20)
#define BEGINNING 4096

static void expect_sound_report(struct __test_metadata *_metadata, struct target *target, int *fd,
				const char *word)
{
	char *text = malloc(ROOM + 1), path[64];
	struct report r;
	ssize_t len;

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, target_fork(target, pieces_body, NULL));
	snprintf(path, sizeof(path), "/proc/vminspect/%d", target->pid);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(*fd, 0);
	ASSERT_EQ(BEGINNING, read_on(*fd, text, BEGINNING));

	ASSERT_EQ(0, track_write(target->pid, word));
	ASSERT_EQ(0, target_next(target));
	/* what was freed is given to others */
	usleep(200000);

	len = read_on(*fd, text + BEGINNING, ROOM - BEGINNING);
	ASSERT_LT(0, len);
	text[BEGINNING + len] = '\0';
	ASSERT_EQ(0, report_parse(&r, text, BEGINNING + len)) {
		TH_LOG("pid %d: %s", target->pid, r.error);
	}
	EXPECT_TRUE(r.complete);
	EXPECT_LT(PIECES - UNMAPPED, r.rows);
	for (size_t i = 0; i < r.rows; i++)
		EXPECT_TRUE(row_is_sound(&r.row[i]));
	EXPECT_TRUE(sums_are_unknown(&r));
	report_free(&r);
}

TEST_F(track_hostile, read_on_after_untrack)
{
	expect_sound_report(_metadata, &self->target, &self->fd, "untrack");
	EXPECT_EQ(0, track_since(PID));
}

TEST_F(track_hostile, read_on_after_reset)
{
	expect_sound_report(_metadata, &self->target, &self->fd, "reset");
	EXPECT_EQ(0, faults_add_up(PID));
}

/* -------- a process that is reset while it faults elsewhere -------- */

#define WRITERS 2
#define STORM_SECONDS 2.5

#define FRESH TARGET_ALONE(0)
#define FRESH_PAGES (1ull << 18)
#define QUIET TARGET_ALONE(1)
#define QUIET_PAGES 50
#define HERE_PAGES 20

enum { WORD_RESETS, WORD_WRITES, WORD_WRONG = WORD_WRITES + WRITERS };

static struct target *writer;
static pid_t victim;
static volatile bool storm_over;

/* Has new memory all the time. */
static pid_t start_victim(void)
{
	pid_t test = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		_exit(1);
	target_map(QUIET, QUIET_PAGES, KIND_RW, KIND_PRIVATE, -1);
	for (;;) {
		char *at = target_map(FRESH, FRESH_PAGES, KIND_RW,
				      KIND_PRIVATE | MAP_NORESERVE, -1);

		usleep(2000);
		munmap(at, FRESH_PAGES * KIND_PAGE);
	}
}

/* Write a byte to another process; an errno. */
static int write_elsewhere(pid_t pid, uint64_t address)
{
	static char byte = 1;
	const struct iovec from = { &byte, 1 }, to = { (void *)address, 1 };

	return process_vm_writev(pid, &from, 1, &to, 1, 0) == 1 ? 0 : errno;
}

static void *write_on(void *arg)
{
	const uint64_t number = (uintptr_t)arg;
	uint64_t page = 5 * number;
	int error;

	while (!storm_over) {
		page = (page + 7 * STRETCH / KIND_PAGE) % FRESH_PAGES;
		error = write_elsewhere(victim, FRESH + page * KIND_PAGE);
		if (!error)
			writer->word[WORD_WRITES + number]++;
		else if (error != EFAULT)
			writer->word[WORD_WRONG] = error;
	}
	return NULL;
}

/* Reset itself over and over. */
static void reset_on(struct target *t)
{
	int fd = open("/proc/vminspect/self", O_WRONLY | O_CLOEXEC);
	double end = seconds(CLOCK_MONOTONIC) + STORM_SECONDS;

	if (fd < 0)
		target_fail("/proc/vminspect/self");
	while (seconds(CLOCK_MONOTONIC) < end) {
		if (write(fd, "reset", 5) != 5)
			target_fail("reset");
		t->word[WORD_RESETS]++;
	}
	close(fd);
}

static void writer_body(struct target *t, void *arg)
{
	pthread_t thread[WRITERS];

	(void)arg;
	writer = t;
	target_step(t);
	for (uintptr_t i = 0; i < WRITERS; i++)
		if (pthread_create(&thread[i], NULL, write_on, (void *)i))
			target_fail("pthread_create");
	reset_on(t);
	storm_over = true;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
	for (int i = 0; i < QUIET_PAGES; i++)
		if (write_elsewhere(victim, QUIET + i * KIND_PAGE))
			target_fail("process_vm_writev");
	target_write(target_map(QUIET, HERE_PAGES, KIND_RW, KIND_PRIVATE, -1), HERE_PAGES, 1);
	target_step(t);
}

/* Reset while it stands still, a process has nothing, and all adds up. */
static void expect_new(struct __test_metadata *_metadata, pid_t pid)
{
	struct track_sums sums;

	ASSERT_EQ(0, track_write(pid, "reset"));
	EXPECT_EQ(0, faults_add_up(pid));
	ASSERT_TRUE(track_sum(pid, &sums));
	EXPECT_EQ(0, sums.rows + sums.gone) {
		TH_LOG("pid %d, just reset: expected no faults in its rows", pid);
	}
	EXPECT_EQ(0, sums.own + sums.remote + sums.elsewhere) {
		TH_LOG("pid %d, just reset: expected no faults", pid);
	}
}

TEST_F(track_hostile, reset_while_others_write)
{
	victim = start_victim();
	ASSERT_LT(0, victim);
	self->other = victim;
	KIND_START(writer_body);
	KIND_NEXT();
	EXPECT_LT(0, self->target.word[WORD_RESETS]);
	for (int i = 0; i < WRITERS; i++)
		EXPECT_LT(0, self->target.word[WORD_WRITES + i]);
	EXPECT_EQ(0, self->target.word[WORD_WRONG]) {
		TH_LOG("writing to pid %d: %s", victim, strerror(self->target.word[WORD_WRONG]));
	}
	ASSERT_EQ(0, process_stop(victim));
	EXPECT_EQ(0, faults_add_up(victim));
	EXPECT_EQ(0, faults_add_up(PID));
	expect_new(_metadata, PID);
	expect_new(_metadata, victim);

	KIND_NEXT();
	EXPECT_EQ(0, faults_add_up(PID));
	EXPECT_EQ(0, faults_add_up(victim));
	EXPECT_EQ(QUIET_PAGES, faults_key(PID, "elsewhere"));
	EXPECT_EQ(QUIET_PAGES, faults_key(victim, "remote"));
	EXPECT_EQ(0, faults_row(PID, QUIET, "anonflt=%d", HERE_PAGES));
	EXPECT_EQ(0, faults_row(victim, QUIET, "anonflt=%d", QUIET_PAGES));
}

#define LARGE_PAGES 4096
#define LARGE_READS 1000
#define LARGE_NAP_US 5000
#define LARGE_SECONDS 5

/* Faults, which it takes longer to get rid of than to read a report. */
static void __attribute__((noreturn)) unmap_for_ever(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char *at = target_map(TARGET_ALONE(0), LARGE_PAGES, KIND_RW, KIND_PRIVATE, -1);

		target_small_pages(at, LARGE_PAGES);
		target_write(at, LARGE_PAGES, 1);
		if (munmap(at, LARGE_PAGES * KIND_PAGE))
			target_fail("munmap");
	}
}

/* What is just being unmapped has no row any more, and is not lost. */
TEST_F(track_hostile, read_while_unmapping)
{
	double end = seconds(CLOCK_MONOTONIC) + LARGE_SECONDS;
	uint64_t unknown = 0, lost;
	struct report r;
	int reads;

	self->other = fork();
	if (!self->other)
		unmap_for_ever();
	ASSERT_LT(0, self->other);
	for (reads = 0; reads < LARGE_READS && seconds(CLOCK_MONOTONIC) < end; reads++) {
		ASSERT_EQ(0, report_read(&r, self->other));
		ASSERT_TRUE(report_number(&r, "faults", "lost", &lost));
		unknown += lost == REPORT_UNKNOWN;
		usleep(reads * 1237 % LARGE_NAP_US);
		ASSERT_TRUE(!lost || lost == REPORT_UNKNOWN) {
			TH_LOG("pid %d, read %d: expected nothing lost, seen %lu", self->other,
			       reads, (unsigned long)lost);
		}
		report_free(&r);
	}
	diag("%d reads, of which %lu do not know", reads, (unsigned long)unknown);
}

/* -------- counters that are freed -------- */

enum { WORD_STAGE, WORD_GO, WORD_FAILED, WORD_AGAIN };

/* Neighbours, of which counters are kept together. */
#define NEIGHBOUR ((char *)TARGET_ALONE(0))
#define PAGE_AWAITED (NEIGHBOUR + KIND_PAGE)
#define NOTHING ((volatile char *)TARGET_ALONE(1))

static sigjmp_buf failed;

static void on_segv(int sig)
{
	(void)sig;
	siglongjmp(failed, 1);
}

static void await(volatile uint64_t *word, uint64_t value)
{
	while (*word < value)
		;
}

/* Without any other fault: its first one fails, in what is there then the next succeeds. */
static void *fail_and_touch(void *arg)
{
	struct target *t = arg;

	/* all that is needed for it is there when it has failed once */
	if (!sigsetjmp(failed, 1))
		*NOTHING = 1;
	if (!sigsetjmp(failed, 1))
		*(volatile char *)PAGE_AWAITED = 1;
	t->word[WORD_FAILED] = 1;
	await(&t->word[WORD_AGAIN], 1);
	*PAGE_AWAITED = 1;
	t->word[WORD_AGAIN] = 2;
	for (;;)
		pause();
	return NULL;
}

static int await_page(char *at)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { (uintptr_t)at, KIND_PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &area))
		target_fail("userfaultfd");
	return uffd;
}

static void freed_body(struct target *t, void *arg)
{
	char *neighbour = target_map((uintptr_t)NEIGHBOUR, 1, KIND_RW, KIND_PRIVATE, -1);
	char *awaited = target_map((uintptr_t)PAGE_AWAITED, 1, KIND_RW, KIND_PRIVATE, -1);
	int uffd = await_page(awaited);
	struct uffd_msg message;
	pthread_t thread;

	(void)arg;
	target_step(t);
	signal(SIGSEGV, on_segv);
	if (pthread_create(&thread, NULL, fail_and_touch, t) ||
	    read(uffd, &message, sizeof(message)) != sizeof(message))
		target_fail("a thread that faults");
	t->word[WORD_STAGE] = 1;
	await(&t->word[WORD_GO], 1);
	if (munmap(awaited, KIND_PAGE) || close(uffd))
		target_fail("munmap");
	await(&t->word[WORD_FAILED], 1);
	t->word[WORD_STAGE] = 2;
	await(&t->word[WORD_GO], 2);
	if (munmap(neighbour, KIND_PAGE))
		target_fail("munmap");
	target_map((uintptr_t)awaited, 1, KIND_RW, KIND_PRIVATE, -1);
	t->word[WORD_AGAIN] = 1;
	await(&t->word[WORD_AGAIN], 2);
	target_step(t);
}

static bool comes_to(volatile uint64_t *word, uint64_t value)
{
	for (int i = 0; *word < value && i < 6000; i++)
		usleep(10000);
	return *word >= value;
}

/* With the mapping of a fault that nobody saw go, nothing kept its counters. */
TEST_F(track_hostile, fault_outlives_its_counters)
{
	struct target *t = &self->target;

	ASSERT_EQ(0, target_fork(t, freed_body, NULL));
	/* not by way of steps: who sleeps in a fault cannot be stopped */
	ASSERT_EQ(1, send(t->test_end, "", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, kill(t->pid, SIGCONT));
	ASSERT_TRUE(comes_to(&t->word[WORD_STAGE], 1));
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	t->word[WORD_GO] = 1;
	ASSERT_TRUE(comes_to(&t->word[WORD_STAGE], 2));
	ASSERT_EQ(0, machine_set(FTRACE, "1"));
	t->word[WORD_GO] = 2;
	ASSERT_TRUE(comes_to(&t->word[WORD_AGAIN], 2));
	EXPECT_EQ(0, faults_row(PID, (uintptr_t)PAGE_AWAITED, "anonflt=1"));
}

/* -------- memory that nobody needs any more -------- */

/* What processes that were there before may come to need for themselves. */
#define OTHERS_BYTES 4096

/* Processes that have faulted, and wait until they may end. */
static bool gather(pid_t *crowd, int *hold)
{
	int ready[2], wait[2];
	int there = 0;
	char byte;

	if (pipe2(ready, O_CLOEXEC) || pipe2(wait, O_CLOEXEC))
		return false;
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = fork();
		if (crowd[i])
			continue;
		close(wait[1]);
		map_pieces(20);
		_exit(write(ready[1], "", 1) != 1 || read(wait[0], &byte, 1));
	}
	close(ready[1]);
	close(wait[0]);
	*hold = wait[1];
	while (there < CROWD && read(ready[0], &byte, 1) == 1)
		there++;
	close(ready[0]);
	if (there < CROWD)
		diag("expected %d processes, seen %d of them ready", CROWD, there);
	return there == CROWD;
}

#define ZOMBIES 100
#define ZOMBIE_TRIES 10000

static int zombie_fd;

/* While the leader exits, and once more when it has. */
static void *reset_without_leader(void *arg)
{
	bool is = false;

	(void)arg;
	for (int i = 0; i < ZOMBIE_TRIES && !is; i++) {
		is = process_is_zombie(getpid());
		if (write(zombie_fd, "reset", 5) != 5)
			_exit(1);
	}
	_exit(is ? 0 : 2);
}

static void __attribute__((noreturn)) exit_as_leader(void)
{
	pthread_t thread;

	zombie_fd = open("/proc/vminspect/self", O_WRONLY | O_CLOEXEC);
	if (zombie_fd < 0 || pthread_create(&thread, NULL, reset_without_leader, NULL))
		_exit(3);
	syscall(SYS_exit, 0);
	__builtin_unreachable();
}

#define SLEEPERS 200

static void *touch_once(void *arg)
{
	volatile char *at = arg;

	(void)*at;
	return NULL;
}

/* So many threads that sleep in a fault: nobody provides what they want. */
static void __attribute__((noreturn)) sleep_in_faults(int ready)
{
	char *at = target_map(TARGET_ALONE(0), SLEEPERS, KIND_RW, KIND_PRIVATE, -1);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { (uintptr_t)at, SLEEPERS * KIND_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg message;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &area))
		_exit(1);
	for (int i = 0; i < SLEEPERS; i++)
		if (pthread_create(&thread, NULL, touch_once, at + i * KIND_PAGE) ||
		    read(uffd, &message, sizeof(message)) != sizeof(message))
			_exit(2);
	if (write(ready, "", 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

/* A process that does so, once it says that it has; -1 if it does not. */
static pid_t start_ready(void (*body)(int ready))
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		body(ready[1]);
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

TEST_F(track_hostile, killed_while_all_fault)
{
	const uint64_t bytes = track_status("record_bytes"), tracked = track_status("tracked");
	int status;

	self->other = start_ready(sleep_in_faults);
	ASSERT_LT(0, self->other);
	EXPECT_LT(bytes + SLEEPERS * 100, track_status("record_bytes"));
	ASSERT_EQ(0, kill(self->other, SIGKILL));
	ASSERT_EQ(self->other, waitpid(self->other, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	self->other = 0;
	EXPECT_TRUE(track_falls_to("tracked", tracked));
	EXPECT_TRUE(track_falls_to("record_bytes", bytes + OTHERS_BYTES));
}

#define SHORT_LIVES 1000
/* What is kept of a hundred threads, at most. */
#define SHORT_LIVES_BYTES 40000

/* Threads come, with a fault each, and go, and nothing else happens. */
static void __attribute__((noreturn)) live_shortly(int ready)
{
	char *at = target_map(TARGET_ALONE(0), SHORT_LIVES, KIND_RW, KIND_PRIVATE, -1);
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < SHORT_LIVES; i++)
		if (pthread_create(&thread, NULL, touch_once, at + i * KIND_PAGE) ||
		    pthread_join(thread, NULL))
			_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(2);
	for (;;)
		pause();
}

TEST_F(track_hostile, threads_come_and_go)
{
	const uint64_t bytes = track_status("record_bytes");

	self->other = start_ready(live_shortly);
	ASSERT_LT(0, self->other);
	EXPECT_GT(bytes + SHORT_LIVES_BYTES, track_status("record_bytes"));
	EXPECT_EQ(0, faults_add_up(self->other));
}

#define UNTRACKED_STATUS 4
#define UNKNOWN_STATUS 5

/* With everybody's faults being counted anew, so are those of this process. */
static void *read_without_leader(void *arg)
{
	char text[4096];
	ssize_t got;

	(void)arg;
	for (int i = 0; i < ZOMBIE_TRIES && !process_is_zombie(getpid()); i++)
		usleep(1000);
	if (procfile_write(TRACK_PARAMETER("track"), "none") ||
	    procfile_write(TRACK_PARAMETER("track"), "all"))
		_exit(1);
	got = pread(zombie_fd, text, sizeof(text) - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	if (!strstr(text, "\npid ") || strstr(text, "\npid -\n"))
		_exit(UNKNOWN_STATUS);
	_exit(strstr(text, "\ntracked_since ") && !strstr(text, "\ntracked_since -\n") ?
	      0 : UNTRACKED_STATUS);
}

TEST_F(track_hostile, everyone_but_a_leader)
{
	int status;

	self->other = fork();
	if (!self->other) {
		pthread_t thread;

		zombie_fd = open("/proc/vminspect/self", O_RDONLY | O_CLOEXEC);
		if (zombie_fd < 0 || pthread_create(&thread, NULL, read_without_leader, NULL))
			_exit(3);
		syscall(SYS_exit, 0);
	}
	ASSERT_LT(0, self->other);
	ASSERT_EQ(self->other, waitpid(self->other, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("pid %d: expected to be known, and tracked, seen status %x", self->other,
		       status);
	}
	self->other = 0;
}

TEST_F(track_hostile, zombie_leader)
{
	const uint64_t bytes = track_status("record_bytes"), tracked = track_status("tracked");

	for (int i = 0; i < ZOMBIES; i++) {
		int status;

		self->other = fork();
		if (!self->other)
			exit_as_leader();
		ASSERT_LT(0, self->other);
		ASSERT_EQ(self->other, waitpid(self->other, &status, 0));
		ASSERT_EQ(0, status) {
			TH_LOG("pid %d: expected reset without a leader to succeed, seen status %x",
			       self->other, status);
		}
		self->other = 0;
	}
	EXPECT_TRUE(track_falls_to("tracked", tracked));
	EXPECT_TRUE(track_falls_to("record_bytes", bytes + OTHERS_BYTES));
}

TEST_F(track_hostile, exit_after_disarm)
{
	ASSERT_TRUE(gather(self->crowd, &self->hold));
	ASSERT_EQ(0, track_write(self->crowd[0], "track"));
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "none"));
	EXPECT_LT(0, track_since(self->crowd[0]));
	ASSERT_EQ(0, track_write(self->crowd[0], "untrack"));
	ASSERT_TRUE(track_status_becomes("probes", "off"));
	disperse(self->crowd, &self->hold);
	EXPECT_TRUE(track_falls_to("record_bytes", 0));
	EXPECT_TRUE(track_falls_to("memory_bytes", 0));
	EXPECT_EQ(0, track_status("tracked"));

	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
	ASSERT_TRUE(gather(self->crowd, &self->hold));
	for (int i = 0; i < CROWD; i++)
		EXPECT_EQ(0, faults_agree(self->crowd[i]));
}

TEST_F(track_hostile, exit_while_silenced)
{
	const uint64_t tracked = track_status("tracked"), records = track_status("record_bytes");
	const uint64_t bytes = track_status("memory_bytes");

	ASSERT_TRUE(gather(self->crowd, &self->hold));
	EXPECT_LE(tracked + CROWD, track_status("tracked"));
	EXPECT_LT(bytes + OTHERS_BYTES, track_status("memory_bytes"));
	EXPECT_LT(records + OTHERS_BYTES, track_status("record_bytes"));
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	EXPECT_TRUE(track_status_is("probes", "silenced"));
	disperse(self->crowd, &self->hold);
	ASSERT_EQ(0, procfile_write(FTRACE, "1"));
	EXPECT_TRUE(track_status_is("probes", "on"));
	EXPECT_TRUE(track_falls_to("tracked", tracked));
	EXPECT_TRUE(track_falls_to("record_bytes", records + OTHERS_BYTES));
	EXPECT_TRUE(track_falls_to("memory_bytes", bytes + OTHERS_BYTES));
}

TEST_F(track_hostile, last_one_exits_while_silenced)
{
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "none"));
	ASSERT_TRUE(track_status_becomes("probes", "off"));
	KIND_START(pieces_body);
	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	target_end(&self->target);
	ASSERT_EQ(0, procfile_write(FTRACE, "1"));
	EXPECT_TRUE(track_status_is("tracked", "0"));
	EXPECT_TRUE(track_status_becomes("probes", "off"));
}

/* -------- addresses that share a chain of a hash table everyone knows -------- */

/* The kernel's GOLDEN_RATIO_64, by which it hashes. */
#define GOLDEN_RATIO 0x61c8864680b583ebull
#define CHOSEN_BITS 13
#define CHOSEN 8000
#define CHOSEN_BASE (1ull << 42)
#define CHOSEN_TRIES 2
#define CHOSEN_TRIES_BUSY 10	/* if others take the processor meanwhile */
#define CHOSEN_TIMES 4

enum { WORD_NS };

/* As far apart either way: they differ in their hashes only. */
static void choose(uint64_t *address, bool chosen)
{
	uint64_t index = CHOSEN_BASE >> STRETCH_SHIFT;

	for (int i = 0; i < CHOSEN; index++) {
		if (index * GOLDEN_RATIO >> (64 - CHOSEN_BITS))
			continue;
		address[i] = (chosen ? index : index + i % (1 << (CHOSEN_BITS - 1)))
			     << STRETCH_SHIFT;
		i++;
	}
}

static void touch(const uint64_t *address)
{
	for (int i = 0; i < CHOSEN; i++)
		*(volatile char *)address[i] = 1;
}

/* How long faults take once each page had one, and has its page tables. */
static void touch_body(struct target *t, void *arg)
{
	static uint64_t address[CHOSEN];
	const uint64_t pages = ((CHOSEN + 100ull) << (STRETCH_SHIFT + CHOSEN_BITS)) / KIND_PAGE;
	double begin;
	char *at;

	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		target_fail("PR_SET_THP_DISABLE");
	choose(address, arg);
	at = target_map(CHOSEN_BASE, pages, KIND_RW, KIND_PRIVATE | MAP_NORESERVE, -1);
	touch(address);
	if (madvise(at, pages * KIND_PAGE, MADV_DONTNEED))
		target_fail("MADV_DONTNEED");
	begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
	touch(address);
	t->word[WORD_NS] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - begin) * 1e9;
	target_step(t);
}

TEST_F(track_hostile, chosen_addresses)
{
	uint64_t apart = UINT64_MAX, chosen = UINT64_MAX;

	for (int i = 0; i < 2 * CHOSEN_TRIES_BUSY; i++) {
		uint64_t *least = i % 2 ? &chosen : &apart;

		ASSERT_EQ(0, target_fork(&self->target, touch_body, i % 2 ? "chosen" : NULL));
		if (self->target.word[WORD_NS] < *least)
			*least = self->target.word[WORD_NS];
		target_end(&self->target);
		if (i >= 2 * CHOSEN_TRIES - 1 && chosen < CHOSEN_TIMES * apart)
			break;
	}
	diag("%d pages: %" PRIu64 " ns, at chosen addresses %" PRIu64 " ns", CHOSEN, apart, chosen);
	EXPECT_GT(CHOSEN_TIMES * apart, chosen) {
		TH_LOG("%d pages: expected less than %d times %lu ns, seen %lu ns", CHOSEN,
		       CHOSEN_TIMES, (unsigned long)apart, (unsigned long)chosen);
	}
}

/* -------- programs that become others -------- */

#define EXEC_SECONDS 3

TEST_F(track_hostile, exec_during_track_all)
{
	static const char again[] = "exec sh -c \"$AGAIN\"";
	char *const argv[] = { "sh", "-c", (char *)again, NULL };
	double end = seconds(CLOCK_MONOTONIC) + EXEC_SECONDS;
	struct track_sums sums;

	ASSERT_EQ(0, setenv("AGAIN", again, 1));
	for (int i = 0; i < EXECERS; i++)
		ASSERT_EQ(0, target_run(&self->execer[i], argv));
	for (int round = 0; seconds(CLOCK_MONOTONIC) < end; round++) {
		ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "none"));
		usleep(round * 1237 % 10000);
		ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
		for (int i = 0; i < EXECERS; i++) {
			ASSERT_EQ(0, target_stop(&self->execer[i]));
			ASSERT_LT(0, track_since(self->execer[i].pid)) {
				TH_LOG("pid %d, round %d: expected a time after track=all, seen -",
				       self->execer[i].pid, round);
			}
			ASSERT_TRUE(track_sum(self->execer[i].pid, &sums));
			EXPECT_EQ(0, sums.lost);
		}
		for (int i = 0; i < EXECERS; i++)
			ASSERT_EQ(0, target_continue(&self->execer[i]));
	}
}

enum { WORD_CHILD };

/* In the same memory, but a process of its own. */
static int stay(void *arg)
{
	struct target *t = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(t->own_end);
	for (;;)
		pause();
	return 0;
}

static void leave_body(struct target *t, void *arg)
{
	static char stack[16384] __attribute__((aligned(16)));
	int pid = clone(stay, stack + sizeof(stack), CLONE_VM | SIGCHLD, t);

	(void)arg;
	if (pid < 0)
		target_fail("clone");
	t->word[WORD_CHILD] = pid;
	target_step(t);
	execlp("sleep", "sleep", "1000", NULL);
	target_fail("exec");
}

TEST_F(track_hostile, left_address_space)
{
	static const char *const words[] = { "untrack", "track", "reset", "untrack" };
	int64_t program, child;
	pid_t stayed;

	KIND_START(leave_body);
	stayed = self->target.word[WORD_CHILD];
	self->fd = report_open(PID, O_WRONLY);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(5, write(self->fd, "reset", 5));
	ASSERT_EQ(-ECHILD, target_next(&self->target));
	program = track_since(PID);
	child = track_since(stayed);
	ASSERT_LT(0, program);
	ASSERT_LT(0, child);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		EXPECT_EQ(-1, write(self->fd, words[i], strlen(words[i])));
		EXPECT_EQ(ESRCH, errno) {
			TH_LOG("%s, pid %d, which pid %d has left: expected ESRCH, seen %s",
			       words[i], stayed, PID, strerror(errno));
		}
		EXPECT_EQ(program, track_since(PID));
		EXPECT_EQ(child, track_since(stayed));
	}
	EXPECT_EQ(0, track_write(stayed, "reset"));
	EXPECT_LT(child, track_since(stayed));
	EXPECT_EQ(program, track_since(PID));
}

TEST_HARNESS_MAIN
