// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: in a procfs instance of a pid namespace, reports are named by that
 * namespace's pids; it lists these only, and answers for no other; whoever
 * reads through that instance from outside sees the same. Also for a namespace
 * that an unprivileged user made.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "access_list.h"
#include "lib/procfile.h"
#include "lib/report.h"

enum { ASK_INIT, ASK_CHILD, ASK_OUTSIDER, ASKS };

/**
 * struct inside - what the namespace's processes and the test share
 * @dir: where the namespace's procfs instance is mounted, in its mounts
 * @outsider: a pid that exists outside only
 * @init: the namespace's first process, as the test counts
 * @child: its child, as the namespace counts
 * @rootless: made by an unprivileged user
 * @marked: the child has its mark
 * @done: the questions are answered
 * @pair: the answers to the first process
 * @listing: what it sees listed
 * @self_pid: target of its /proc/vminspect/self
 */
struct inside {
	char dir[32];
	pid_t outsider;
	pid_t init;
	pid_t child;
	bool rootless;
	volatile bool marked;
	volatile bool done;
	struct access_pair pair[ASKS];
	struct access_listing listing;
	char self_pid[16];
};

FIXTURE(access_pidns)
{
	struct target target;
	struct inside *in;
	char proc[64];
};

FIXTURE_VARIANT(access_pidns)
{
	bool rootless;
};

FIXTURE_VARIANT_ADD(access_pidns, by_root) { .rootless = false, };
FIXTURE_VARIANT_ADD(access_pidns, rootless) { .rootless = true, };

static void map_ids(void)
{
	if (procfile_write("/proc/self/uid_map", "0 1000 1\n") ||
	    procfile_write("/proc/self/setgroups", "deny\n") ||
	    procfile_write("/proc/self/gid_map", "0 1000 1\n"))
		target_fail("map ids");
}

static void init_body(struct inside *in)
{
	char path[64];
	pid_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child = fork();
	if (!child) {
		access_mark(2);
		in->marked = true;
		while (getppid() == 1)
			pause();
		_exit(0);
	}
	in->child = child;
	access_mark(1);
	if (mount("proc", in->dir, "proc", 0, NULL))
		target_fail("mount proc in the namespace");
	while (!in->marked)
		usleep(1000);
	in->pair[ASK_INIT] = access_ask(in->dir, 1);
	in->pair[ASK_CHILD] = access_ask(in->dir, in->child);
	in->pair[ASK_OUTSIDER] = access_ask(in->dir, in->outsider);
	in->listing.proc = in->dir;
	access_list_both(&in->listing);
	snprintf(path, sizeof(path), "%s/vminspect/self", in->dir);
	if (readlink(path, in->self_pid, sizeof(in->self_pid) - 1) < 0)
		strcpy(in->self_pid, "none");
	in->done = true;
	for (;;)
		pause();
}

static void outer_body(struct target *target, void *arg)
{
	struct inside *in = arg;
	pid_t init;

	if (in->rootless) {
		errno = -access_become(&access_owner);
		if (errno || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER))
			target_fail("unshare(CLONE_NEWUSER)");
		map_ids();
	}
	errno = -access_private_mounts();
	if (errno)
		target_fail("private mounts");
	if (!mkdtemp(in->dir) || unshare(CLONE_NEWPID))
		target_fail("unshare(CLONE_NEWPID)");
	init = fork();
	if (!init)
		init_body(in);
	in->init = init;
	for (int tries = 0; !in->done && tries < 6000; tries++)
		usleep(10000);
	if (!in->done) {
		errno = ETIMEDOUT;
		target_fail("questions inside the namespace");
	}
	target_step(target);
}

FIXTURE_SETUP(access_pidns)
{
	self->in = access_shared(sizeof(*self->in));
	ASSERT_NE(NULL, self->in);
	strcpy(self->in->dir, "/tmp/pidns-XXXXXX");
	self->in->outsider = getpid();
	self->in->rootless = variant->rootless;
	ASSERT_GT(getpid(), 10);
	ASSERT_EQ(0, target_fork(&self->target, outer_body, self->in));
	snprintf(self->proc, sizeof(self->proc), "/proc/%d/root%s", self->in->init, self->in->dir);
}

FIXTURE_TEARDOWN(access_pidns)
{
	target_end(&self->target);
	rmdir(self->in->dir);
}

TEST_F(access_pidns, inside_reads_its_own_pids)
{
	struct inside *in = self->in;

	EXPECT_TRUE(access_same("first process", 1, &in->pair[ASK_INIT], 0, 1));
	EXPECT_TRUE(access_same("first process", in->child, &in->pair[ASK_CHILD], 0, 2));
	EXPECT_STREQ("1", in->self_pid);
}

TEST_F(access_pidns, inside_sees_no_outer_pid)
{
	EXPECT_TRUE(access_same("first process", self->in->outsider,
				&self->in->pair[ASK_OUTSIDER], ENOENT, 0));
}

TEST_F(access_pidns, listing_is_the_namespaces)
{
	struct access_listing *listing = &self->in->listing;

	ASSERT_EQ(0, listing->error);
	EXPECT_EQ(2, listing->before.pids);
	EXPECT_TRUE(access_list_equal(&listing->before, &listing->ours)) {
		access_list_blame("first process", listing);
	}
}

TEST_F(access_pidns, outside_reads_through_the_instance)
{
	EXPECT_ACCESS(&access_root, self->proc, 1, 0, 1);
	EXPECT_ACCESS(&access_root, self->proc, self->in->child, 0, 2);
	EXPECT_ACCESS(&access_root, self->proc, self->in->outsider, ENOENT, 0);
	EXPECT_TRUE(access_list_same_as(&access_root, self->proc));
}

/* The reader has no pid there, so self leads nowhere, as /proc/self. */
TEST_F(access_pidns, outside_has_no_self_there)
{
	char path[128], pid[16];

	snprintf(path, sizeof(path), "%s/self", self->proc);
	EXPECT_EQ(-1, readlink(path, pid, sizeof(pid)));
	EXPECT_EQ(ENOENT, errno);
	snprintf(path, sizeof(path), "%s/vminspect/self", self->proc);
	EXPECT_EQ(-1, readlink(path, pid, sizeof(pid)));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(access_pidns, report_says_the_instances_pid)
{
	struct report report;
	char path[128], pid[16];

	snprintf(path, sizeof(path), "%s/vminspect/%d", self->proc, self->in->child);
	snprintf(pid, sizeof(pid), "%d", self->in->child);
	ASSERT_EQ(0, report_read_path(&report, path));
	EXPECT_STREQ(pid, report_value(&report, "process", "pid"));
	report_free(&report);

	/* the first process, by its pid outside */
	snprintf(pid, sizeof(pid), "%d", self->in->init);
	ASSERT_EQ(0, report_read(&report, self->in->init));
	EXPECT_STREQ(pid, report_value(&report, "process", "pid"));
	report_free(&report);
	EXPECT_ACCESS(&access_root, "/proc", self->in->init, 0, 1);
}

TEST_HARNESS_MAIN
