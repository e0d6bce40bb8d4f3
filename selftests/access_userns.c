// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: being root in a user namespace opens the reports of that
 * namespace's processes only, as for maps; the namespace's owner outside may
 * read those of processes inside.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "lib/procfile.h"

enum { OUTER_OWNED, OUTER_ROOTS, INNER, INNER_HIDDEN, TARGETS };

/* A process in a user namespace of its own, uid 0 there, that asks what it is told to. */
struct asker {
	struct target target;
	struct access_question *question;
};

FIXTURE(access_userns)
{
	struct asker asker;
	struct target target[2];	/* OUTER_OWNED, OUTER_ROOTS */
	pid_t pid[TARGETS];
};

/* A child of the asker, thus in its namespace, with its mark; lives until the asker is killed. */
static pid_t inner_child(int mark, bool hidden)
{
	pid_t parent = getpid(), pid;
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		target_fail("pipe2");
	pid = fork();
	if (pid) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			target_fail("a child in the namespace");
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	access_mark(mark);
	prctl(PR_SET_DUMPABLE, hidden ? 0 : 1);
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	while (getppid() == parent)
		pause();
	_exit(0);
}

static void asker_body(struct target *target, void *arg)
{
	struct access_question *question = arg;

	access_mark(9);
	errno = -access_become(&access_owner);
	if (errno || unshare(CLONE_NEWUSER))
		target_fail("unshare(CLONE_NEWUSER)");
	prctl(PR_SET_DUMPABLE, 1);
	target_step(target);	/* the test sets the uid map */

	if (getuid() || getgid()) {
		errno = EPERM;
		target_fail("uid or gid map");
	}
	target->word[INNER] = inner_child(INNER + 1, false);
	target->word[INNER_HIDDEN] = inner_child(INNER_HIDDEN + 1, true);
	for (;;) {
		target_step(target);
		question->pair = access_ask(question->proc, question->pid);
	}
}

static int asker_start(struct asker *asker)
{
	char path[64];
	int err;

	asker->question = access_shared(sizeof(*asker->question));
	if (!asker->question)
		return -ENOMEM;
	asker->question->proc = "/proc";
	err = target_fork(&asker->target, asker_body, asker->question);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/uid_map", asker->target.pid);
	err = procfile_write(path, "0 1000 1\n");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", asker->target.pid);
	return err ?: procfile_write(path, "0 1000 1\n") ?: target_next(&asker->target);
}

FIXTURE_SETUP(access_userns)
{
	ASSERT_EQ(0, access_start(&self->target[OUTER_OWNED], &access_owner, OUTER_OWNED + 1,
				  false));
	ASSERT_EQ(0, access_start(&self->target[OUTER_ROOTS], &access_root, OUTER_ROOTS + 1,
				  false));
	ASSERT_EQ(0, asker_start(&self->asker));
	self->pid[OUTER_OWNED] = self->target[OUTER_OWNED].pid;
	self->pid[OUTER_ROOTS] = self->target[OUTER_ROOTS].pid;
	for (int i = INNER; i < TARGETS; i++) {
		self->pid[i] = self->asker.target.word[i];
		ASSERT_GT(self->pid[i], 0);
	}
}

FIXTURE_TEARDOWN(access_userns)
{
	for (int i = INNER; i < TARGETS; i++)
		if (self->pid[i] > 0)
			kill(self->pid[i], SIGKILL);
	target_end(&self->asker.target);
	target_end(&self->target[OUTER_OWNED]);
	target_end(&self->target[OUTER_ROOTS]);
}

TEST_F(access_userns, inner_root_reads_inner_only)
{
	const int error[TARGETS] = {
		[OUTER_OWNED] = EACCES, [OUTER_ROOTS] = EACCES, [INNER] = 0,
		/* its mm belongs to the outer namespace: it never exec'd in the inner one */
		[INNER_HIDDEN] = EACCES,
	};
	struct access_question *question = self->asker.question;

	for (int i = 0; i < TARGETS; i++) {
		question->pid = self->pid[i];
		ASSERT_EQ(0, target_next(&self->asker.target));
		EXPECT_TRUE(access_same("root of a user namespace", self->pid[i], &question->pair,
					error[i], i + 1));
	}
	question->pid = self->asker.target.pid;
	ASSERT_EQ(0, target_next(&self->asker.target));
	EXPECT_TRUE(access_same("itself in a user namespace", question->pid, &question->pair,
				0, 9));
}

TEST_F(access_userns, outer_owner_reads_inner)
{
	EXPECT_ACCESS(&access_owner, "/proc", self->pid[INNER], 0, INNER + 1);
	EXPECT_ACCESS(&access_owner, "/proc", self->pid[INNER_HIDDEN], EACCES, 0);
	EXPECT_ACCESS(&access_root, "/proc", self->pid[INNER_HIDDEN], 0, INNER_HIDDEN + 1);
}

TEST_F(access_userns, outer_other_reads_none)
{
	EXPECT_ACCESS(&access_other, "/proc", self->pid[INNER], EACCES, 0);
	EXPECT_ACCESS(&access_other, "/proc", self->pid[INNER_HIDDEN], EACCES, 0);
}

TEST_HARNESS_MAIN
