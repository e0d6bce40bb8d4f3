// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: processes that share one address space (vfork, clone with CLONE_VM)
 * have the same rows; the report of one goes on when the other dies or execs;
 * a file opened by the pid of one that exec'd reads as its maps does, and one
 * opened by the pid of one that died never shows another process.
 */
#include "kselftest_harness.h"
#include "lifetime.h"

#include <sched.h>
#include <sys/prctl.h>

enum { WORD_CHILD, WORD_GO };
enum { GO_EXIT = 1, GO_EXEC };

static unsigned int pairs = 20;
static struct target *shared_target;	/* for the child, which has no other memory */
static char child_stack[65536] __attribute__((aligned(16)));

static int child_body(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, 0);	/* it may outlive its parent */
	while (!shared_target->word[WORD_GO])
		usleep(1000);
	if (shared_target->word[WORD_GO] == GO_EXEC)
		execlp("sleep", "sleep", "60", NULL);
	_exit(0);
}

static void sharer_body(struct target *target, void *arg)
{
	long child;

	(void)arg;
	life_map_many(pairs);
	shared_target = target;
	child = clone(child_body, child_stack + sizeof(child_stack), CLONE_VM | SIGCHLD, NULL);
	if (child < 0)
		target_fail("clone(CLONE_VM)");
	target->word[WORD_CHILD] = child;
	target_step(target);
	/* the test has said what the child does; reap it if it exits */
	if (target->word[WORD_GO] == GO_EXIT)
		waitpid(child, NULL, 0);
	for (;;)
		target_step(target);
}

FIXTURE(lifetime_share)
{
	struct target target;
	pid_t child;
};

FIXTURE_SETUP(lifetime_share)
{
	/* the child is handed over to the test when its parent dies */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_EQ(0, target_fork(&self->target, sharer_body, NULL));
	self->child = self->target.word[WORD_CHILD];
}

FIXTURE_TEARDOWN(lifetime_share)
{
	kill(self->child, SIGKILL);
	target_end(&self->target);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static bool whole(pid_t pid)
{
	struct report r;
	bool ok = life_ok(report_read(&r, pid), &r, "shared address space");

	if (ok && (!r.complete || life_rows_in_arena(&r) != 2 * pairs)) {
		diag("pid %d: expected %u rows of the arena and [total], seen %zu%s", pid,
		     2 * pairs, life_rows_in_arena(&r), r.complete ? "" : ", no [total]");
		ok = false;
	}
	report_free(&r);
	return ok;
}

/* Is all the same in two reports, from one section up to another? */
static bool same_part(const struct report *a, const struct report *b, const char *from,
		      const char *to)
{
	const char *in_a = strstr(a->text, from), *in_b = strstr(b->text, from);
	const char *end_a = strstr(a->text, to), *end_b = strstr(b->text, to);

	if (!in_a || !in_b || !end_a || !end_b)
		return false;
	return end_a - in_a == end_b - in_b && !memcmp(in_a, in_b, end_a - in_a);
}

/* Only the threads are each one's own. */
TEST_F(lifetime_share, same_rows)
{
	struct report parent, child;

	ASSERT_EQ(0, process_stop(self->child));
	ASSERT_TRUE(whole(self->target.pid));
	ASSERT_TRUE(whole(self->child));
	ASSERT_EQ(0, report_read(&parent, self->target.pid));
	ASSERT_EQ(0, report_read(&child, self->child));
	EXPECT_TRUE(same_part(&parent, &child, "\n[vmas]\n", "\n[stacks]\n"));
	EXPECT_FALSE(same_part(&parent, &child, "\n[stacks]\n", "\n[grows]\n"));
	EXPECT_TRUE(same_part(&parent, &child, "\n[grows]\n", "\n[total]\n"));
	EXPECT_EQ(self->child, atoi(report_value(&child, "process", "pid")));
	report_free(&parent);
	report_free(&child);
}

/*
 * What was opened by the pid of the dead one may end, or show the address space
 * that lives on; never a process that isn't there.
 */
static bool ends_or_shows_no_process(int fd)
{
	const char *pid;
	struct report r;
	char *text = NULL;
	size_t len = 0;
	bool ok;

	ok = !life_read_on(fd, &text, &len, 4096) &&
	     life_ok(report_parse(&r, text, len), &r, "opened by the dead one's pid");
	if (ok && len) {
		pid = report_value(&r, "process", "pid");
		ok = pid && !strcmp(pid, "-") && life_rows_in_arena(&r) == 2 * pairs;
		if (!ok)
			diag("expected pid - and %u rows of the arena, seen pid %s and %zu",
			     2 * pairs, pid, life_rows_in_arena(&r));
	}
	report_free(&r);
	return ok;
}

TEST_F(lifetime_share, other_exits)
{
	int fd = report_open(self->child, O_RDONLY);

	ASSERT_GE(fd, 0);
	self->target.word[WORD_GO] = GO_EXIT;
	ASSERT_EQ(0, target_next(&self->target));
	EXPECT_EQ(-ENOENT, report_open(self->child, O_RDONLY));
	EXPECT_TRUE(whole(self->target.pid));
	EXPECT_TRUE(ends_or_shows_no_process(fd));
	close(fd);
}

TEST_F(lifetime_share, other_execs)
{
	char path[64], exe[64] = "", byte;
	int ours = report_open(self->child, O_RDONLY), maps;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/maps", self->child);
	maps = open(path, O_RDONLY);
	ASSERT_GE(ours, 0);
	ASSERT_GE(maps, 0);
	self->target.word[WORD_GO] = GO_EXEC;
	ASSERT_EQ(0, target_next(&self->target));
	snprintf(path, sizeof(path), "/proc/%d/exe", self->child);
	for (int i = 0; i < 12000 && !strstr(exe, "sleep"); i++) {
		usleep(5000);
		ASSERT_GT(readlink(path, exe, sizeof(exe) - 1), 0);
	}
	EXPECT_TRUE(whole(self->target.pid));
	got = read(maps, &byte, 1);
	EXPECT_EQ(got, read(ours, &byte, 1)) {
		TH_LOG("pid %d exec'd: expected to read as its maps", self->child);
	}
	close(ours);
	close(maps);
}

/* A figure of [faults] that cannot be told. */
static bool is_unknown(pid_t pid, const char *key)
{
	uint64_t number = 0;
	struct report r;
	bool unknown = !report_read(&r, pid) && report_number(&r, "faults", key, &number) &&
		       number == REPORT_UNKNOWN;

	if (!unknown)
		diag("pid %d: %s: expected -, seen %" PRIu64, pid, key, number);
	report_free(&r);
	return unknown;
}

/* The faults that the kernel charged to the one who is gone are known no more. */
TEST_F(lifetime_share, creator_dies)
{
	int fd = report_open(self->child, O_RDONLY);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, kill(self->target.pid, SIGKILL));
	ASSERT_EQ(self->target.pid, waitpid(self->target.pid, NULL, 0));
	EXPECT_EQ(-ENOENT, report_open(self->target.pid, O_RDONLY));
	EXPECT_TRUE(whole(self->child));
	EXPECT_TRUE(is_unknown(self->child, "own_minflt"));
	EXPECT_TRUE(is_unknown(self->child, "own_majflt"));
	EXPECT_TRUE(is_unknown(self->child, "lost"));
	close(fd);
}

TEST_HARNESS_MAIN
