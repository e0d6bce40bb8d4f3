// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a process that is killed while its report is being read dies at
 * once and its memory is freed, though files are open; nothing of it is kept
 * when they are closed.
 */
#include "kselftest_harness.h"
#include "lifetime.h"
#include "lib/children.h"

#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#define READERS 3
#define PROMPT 20.0	/* seconds; an emulated machine with other work is slow */

static unsigned int pairs = LIFE_PAIRS;

FIXTURE(lifetime_kill)
{
	struct target target;
	pid_t reader[READERS];
	int shm;
};

static void attached_body(struct target *target, void *arg)
{
	life_map_many(pairs);
	if (shmat(*(int *)arg, NULL, 0) == (void *)-1)
		target_fail("shmat");
	target_step(target);
}

FIXTURE_SETUP(lifetime_kill)
{
	self->shm = shmget(IPC_PRIVATE, LIFE_PAGE, 0600);
	ASSERT_GE(self->shm, 0);
	ASSERT_EQ(0, target_fork(&self->target, attached_body, &self->shm));
}

FIXTURE_TEARDOWN(lifetime_kill)
{
	children_end(self->reader, READERS);
	target_end(&self->target);
	shmctl(self->shm, IPC_RMID, NULL);
}

/* How many address spaces have the segment attached: a dead process's counts until it is freed. */
static unsigned long attached(int shm)
{
	struct shmid_ds ds;

	return shmctl(shm, IPC_STAT, &ds) ? ~0ul : ds.shm_nattch;
}

/* Seconds from the kill until the process is dead and its memory freed. */
static double time_to_die(pid_t pid, int shm)
{
	double start = life_seconds();

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (attached(shm) && life_seconds() - start < 2 * PROMPT)
		usleep(1000);
	return life_seconds() - start;
}

static pid_t start_reader(pid_t pid, size_t piece)
{
	pid_t reader = fork();
	char buf[65536];
	int fd;

	if (reader)
		return reader;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = report_open(pid, O_RDONLY);
	while (fd >= 0 && read(fd, buf, piece) > 0)
		if (lseek(fd, 0, SEEK_CUR) > 60000)
			lseek(fd, 0, SEEK_SET);
	_exit(0);
}

TEST_F_TIMEOUT(lifetime_kill, dies_at_once_while_read, 60)
{
	const size_t piece[READERS] = { 65536, 4096, 100 };
	double seconds;

	for (int i = 0; i < READERS; i++) {
		self->reader[i] = start_reader(self->target.pid, piece[i]);
		ASSERT_GT(self->reader[i], 0);
	}
	usleep(300000);
	ASSERT_EQ(1, attached(self->shm));
	seconds = time_to_die(self->target.pid, self->shm);
	EXPECT_LT(seconds, PROMPT);
	EXPECT_EQ(0, attached(self->shm));
}

TEST_F(lifetime_kill, open_files_keep_no_memory)
{
	int unread = report_open(self->target.pid, O_RDONLY);
	int begun = report_open(self->target.pid, O_RDONLY);
	char byte;

	ASSERT_GE(unread, 0);
	ASSERT_GE(begun, 0);
	ASSERT_EQ(1, read(begun, &byte, 1));
	ASSERT_EQ(1, attached(self->shm));
	EXPECT_LT(time_to_die(self->target.pid, self->shm), PROMPT);
	EXPECT_EQ(0, attached(self->shm));
	EXPECT_EQ(0, read(unread, &byte, 1));
	close(unread);
	close(begun);
}

#define CYCLES 600

/*
 * An open file holds the struct mm_struct, not the memory; closing it has to
 * let go of it, and looking a pid up must not keep its name when it is dead.
 */
TEST_F_TIMEOUT(lifetime_kill, closed_files_keep_nothing, 90)
{
	static const char *const cache[] = { "mm_struct", "proc_inode_cache" };
	long before[2];
	pid_t pid;
	char byte;
	int fd;

	for (int i = 0; i < CYCLES + 50; i++) {
		if (i == 50) {
			for (int c = 0; c < 2; c++) {
				before[c] = life_objects(cache[c]);
				ASSERT_GT(before[c], 0);
			}
		}
		pid = fork();
		if (!pid)
			for (;;)
				pause();
		ASSERT_GT(pid, 0);
		fd = report_open(pid, O_RDONLY);
		ASSERT_GE(fd, 0);
		if (i % 3)
			ASSERT_EQ(1, read(fd, &byte, 1));
		if (i % 2)
			close(fd);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		if (i % 2 == 0) {
			ASSERT_GE(read(fd, &byte, 1), 0);
			close(fd);
		}
	}
	for (int c = 0; c < 2; c++) {
		long more = life_objects(cache[c]) - before[c];

		/* what has ended is freed a little later */
		for (int i = 0; i < 600 && more >= CYCLES / 4; i++) {
			usleep(100000);
			more = life_objects(cache[c]) - before[c];
		}
		diag("%s: %+ld objects after %d processes", cache[c], more, CYCLES);
		EXPECT_LT(more, CYCLES / 4) TH_LOG("%s are kept", cache[c]);
	}
}

TEST_HARNESS_MAIN
