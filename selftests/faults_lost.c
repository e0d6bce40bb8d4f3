// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: when the kernel's tracing is switched off behind the module's back,
 * reports say that the probes are off and how many faults nobody saw, exactly,
 * and status says that they are silenced. Once it is on again all is counted
 * again, and what was lost stays said. Never are there just zeros.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "track.h"

KIND_FIXTURE(faults_lost)

#define PID (self->target.pid)

#define KPROBES "/sys/kernel/debug/kprobes/enabled"

#define SEEN 30
#define UNSEEN 70
#define AGAIN 20

enum { WORD_CHILD };

/* As many new pages a step as it is told. */
static void work_body(struct target *t, void *arg)
{
	static const int piece[] = { SEEN, UNSEEN, AGAIN };
	char *at = target_map(TARGET_ALONE(0), SEEN + UNSEEN + AGAIN, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_step(t);
	for (size_t i = 0; i < sizeof(piece) / sizeof(*piece); i++) {
		target_write(at, piece[i], 1);
		at += piece[i] * KIND_PAGE;
		target_step(t);
	}
}

TEST_F(faults_lost, says_how_many)
{
	uint64_t off, on;
	struct track_sums sums;

	ASSERT_TRUE(track_status_is("probes", "on"));
	KIND_START(work_body);
	KIND_NEXT();
	EXPECT_EQ(0, faults_agree(PID));

	off = track_stat(PID);
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	EXPECT_TRUE(track_status_is("probes", "silenced"));
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_FALSE(sums.probes);
	EXPECT_EQ(0, sums.lost);
	KIND_NEXT();
	on = track_stat(PID);
	ASSERT_LE(UNSEEN, on - off);
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_FALSE(sums.probes);
	EXPECT_EQ(on - off, sums.lost);
	EXPECT_EQ(on, sums.own);
	EXPECT_EQ(off, sums.rows + sums.gone);
	EXPECT_EQ(0, sums.unattributed);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=%d", SEEN));

	ASSERT_EQ(0, procfile_write(FTRACE, "1"));
	EXPECT_TRUE(track_status_is("probes", "on"));
	KIND_NEXT();
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_TRUE(sums.probes);
	EXPECT_EQ(on - off, sums.lost);
	EXPECT_EQ(track_stat(PID), sums.own);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=%d", SEEN + AGAIN));
}

TEST_F(faults_lost, reset_forgets)
{
	struct track_sums sums;
	uint64_t stat;

	KIND_START(work_body);
	KIND_NEXT();
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	KIND_NEXT();
	ASSERT_EQ(0, procfile_write(FTRACE, "1"));
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_LE(UNSEEN, sums.lost);
	EXPECT_EQ(0, track_write(PID, "reset"));
	stat = track_stat(PID);
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_EQ(0, sums.own);
	EXPECT_EQ(0, sums.rows + sums.gone);
	EXPECT_EQ(0, sums.lost);
	KIND_NEXT();
	EXPECT_EQ(0, faults_add_up(PID));
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_EQ(track_stat(PID) - stat, sums.own);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=%d", AGAIN));
}

static void unmap_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), SEEN, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(at, SEEN, 1);
	target_step(t);
	if (munmap(at, SEEN * KIND_PAGE))
		target_fail("munmap");
	target_step(t);
	at = target_map(TARGET_ALONE(0), SEEN, KIND_RW, KIND_PRIVATE, -1);
	target_write(at, AGAIN, 1);
	target_step(t);
}

/*
 * Nobody saw the mapping go. Its faults may be missing or counted for what is
 * there now, but all of them are somewhere: the sums still balance.
 */
static void expect_balance_around(struct __test_metadata *_metadata, struct target *target,
				  const char *which)
{
	struct track_sums sums;
	uint64_t mapped;

	ASSERT_EQ(0, target_fork(target, unmap_body, NULL));
	ASSERT_TRUE(track_sum(target->pid, &sums));
	mapped = sums.rows + sums.gone;
	ASSERT_EQ(0, machine_set(which, "0"));
	ASSERT_EQ(0, target_next(target));
	ASSERT_TRUE(track_sum(target->pid, &sums));
	EXPECT_EQ(track_stat(target->pid), sums.own);
	EXPECT_LE(mapped, sums.rows + sums.gone + sums.lost);
	EXPECT_TRUE(!sums.lost || !sums.probes);
	ASSERT_EQ(0, procfile_write(which, "1"));
	ASSERT_EQ(0, target_next(target));
	ASSERT_TRUE(track_sum(target->pid, &sums));
	EXPECT_EQ(track_stat(target->pid), sums.own);
	EXPECT_TRUE(sums.probes);
}

TEST_F(faults_lost, unmapped_unseen)
{
	expect_balance_around(_metadata, &self->target, FTRACE);
}

TEST_F(faults_lost, unmapped_unseen_by_kprobes)
{
	expect_balance_around(_metadata, &self->target, KPROBES);
}

/* What is moved to where others went, unseen: it is what it was. */
static void move_body(struct target *t, void *arg)
{
	const size_t bytes = SEEN * KIND_PAGE;
	char *from = target_map(TARGET_ALONE(0), SEEN, KIND_RW, KIND_PRIVATE, -1);
	char *to = target_map(TARGET_ALONE(1), SEEN, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_write(from, SEEN, 1);
	target_read(to, SEEN, 1);
	target_write(to, SEEN, 1);
	target_step(t);
	if (munmap(to, bytes))
		target_fail("munmap");
	target_step(t);
	if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		target_fail("mremap");
	target_step(t);
	if (munmap(to, bytes))
		target_fail("munmap");
	target_step(t);
}

TEST_F(faults_lost, moved_to_where_others_were)
{
	struct track_sums before, sums;

	KIND_START(move_body);
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(1), "anonflt=%d cowflt=%d", SEEN, SEEN));
	ASSERT_TRUE(track_sum(PID, &before));
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	KIND_NEXT();
	ASSERT_EQ(0, procfile_write(FTRACE, "1"));
	KIND_NEXT();
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(1), "anonflt=%d cowflt=0", SEEN));
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_EQ(before.unattributed + 2 * SEEN, sums.unattributed);
	EXPECT_EQ(sums.own, sums.rows + sums.gone + sums.unattributed + sums.lost);
	KIND_NEXT();
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_EQ(before.gone + SEEN, sums.gone);
}

/* Without kprobes: everything is as it was, or it is said what is missing. */
TEST_F(faults_lost, kprobes_switched_off)
{
	uint64_t off, on;
	struct track_sums sums;

	KIND_START(work_body);
	KIND_NEXT();
	off = track_stat(PID);
	ASSERT_EQ(0, machine_set(KPROBES, "0"));
	KIND_NEXT();
	on = track_stat(PID);
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_EQ(on, sums.own);
	EXPECT_EQ(on, sums.rows + sums.gone + sums.lost);
	EXPECT_TRUE(!sums.lost || (sums.lost == on - off && !sums.probes)) {
		TH_LOG("pid %d: lost %lu of %lu, probes %s", PID, (unsigned long)sums.lost,
		       (unsigned long)(on - off), sums.probes ? "on" : "off");
	}
	EXPECT_TRUE(track_status_is("probes", sums.probes ? "on" : "silenced"));
	ASSERT_EQ(0, procfile_write(KPROBES, "1"));
	EXPECT_TRUE(track_status_is("probes", "on"));
	off = sums.lost;
	KIND_NEXT();
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_TRUE(sums.probes);
	EXPECT_EQ(off, sums.lost);
}

static void fork_body(struct target *t, void *arg)
{
	pid_t child;

	target_step(t);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_write(target_map(TARGET_ALONE(0), SEEN, KIND_RW, KIND_PRIVATE, -1), SEEN, 1);
		if (arg)
			execlp("sleep", "sleep", "1000", NULL);
		for (;;)
			pause();
	}
	t->word[WORD_CHILD] = child;
	target_step(t);
}

/* Born, or become another program, unseen: either untracked, or all is lost that is. */
static void expect_honest_child(struct __test_metadata *_metadata, struct target *target, void *how)
{
	struct track_sums sums;
	int64_t since;
	pid_t child;

	ASSERT_EQ(0, target_fork(target, fork_body, how));
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	ASSERT_EQ(0, target_next(target));
	child = target->word[WORD_CHILD];
	ASSERT_EQ(0, process_await_call(child, how ? SYS_clock_nanosleep : SYS_pause));
	ASSERT_EQ(0, process_stop(child));
	for (int i = 0; i < 2; i++) {
		since = track_since(child);
		ASSERT_LE(0, since);
		if (since) {
			ASSERT_TRUE(track_sum(child, &sums));
			EXPECT_LT(0, sums.own);
			EXPECT_LT(0, sums.lost);
		}
		ASSERT_EQ(0, procfile_write(FTRACE, "1"));
	}
	kill(child, SIGKILL);
}

TEST_F(faults_lost, born_unseen)
{
	expect_honest_child(_metadata, &self->target, NULL);
}

TEST_F(faults_lost, execed_unseen)
{
	expect_honest_child(_metadata, &self->target, "exec");
}

TEST_HARNESS_MAIN
