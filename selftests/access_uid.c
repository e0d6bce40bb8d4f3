// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: whether a uid may read the report of a process is decided as for
 * its maps: root and the owner may; another uid or gid may not; nobody but root
 * may read that of a non-dumpable process, except the process itself; what
 * counts is the reader's filesystem uid.
 */
#include "kselftest_harness.h"
#include "access.h"

static const struct access_id owner_in_other_group = {
	.name = "owner's uid, other gid", .uid = ACCESS_OWNER, .gid = ACCESS_OTHER,
};

static const struct access_id fsuid_of_owner = {
	.name = "other uid, owner's fsuid", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
	.fsid = ACCESS_OWNER,
};

enum { ROOTS, OWNED, HIDDEN, TARGETS };

FIXTURE(access_uid)
{
	struct target target[TARGETS];
};

FIXTURE_SETUP(access_uid)
{
	ASSERT_EQ(0, access_start(&self->target[ROOTS], &access_root, 1, false));
	ASSERT_EQ(0, access_start(&self->target[OWNED], &access_owner, 2, false));
	ASSERT_EQ(0, access_start(&self->target[HIDDEN], &access_owner, 3, true));
}

FIXTURE_TEARDOWN(access_uid)
{
	for (int i = 0; i < TARGETS; i++)
		target_end(&self->target[i]);
}

TEST_F(access_uid, root_reads_all)
{
	EXPECT_ACCESS(&access_root, "/proc", self->target[ROOTS].pid, 0, 1);
	EXPECT_ACCESS(&access_root, "/proc", self->target[OWNED].pid, 0, 2);
	EXPECT_ACCESS(&access_root, "/proc", self->target[HIDDEN].pid, 0, 3);
}

TEST_F(access_uid, owner_reads_own_if_dumpable)
{
	EXPECT_ACCESS(&access_owner, "/proc", self->target[ROOTS].pid, EACCES, 0);
	EXPECT_ACCESS(&access_owner, "/proc", self->target[OWNED].pid, 0, 2);
	EXPECT_ACCESS(&access_owner, "/proc", self->target[HIDDEN].pid, EACCES, 0);
}

TEST_F(access_uid, other_uid_reads_none)
{
	for (int i = 0; i < TARGETS; i++)
		EXPECT_ACCESS(&access_other, "/proc", self->target[i].pid, EACCES, 0);
}

TEST_F(access_uid, other_gid_reads_none)
{
	for (int i = 0; i < TARGETS; i++)
		EXPECT_ACCESS(&owner_in_other_group, "/proc", self->target[i].pid, EACCES, 0);
}

TEST_F(access_uid, fsuid_counts)
{
	EXPECT_ACCESS(&fsuid_of_owner, "/proc", self->target[ROOTS].pid, EACCES, 0);
	EXPECT_ACCESS(&fsuid_of_owner, "/proc", self->target[OWNED].pid, 0, 2);
	EXPECT_ACCESS(&fsuid_of_owner, "/proc", self->target[HIDDEN].pid, EACCES, 0);
}

static void ask_about_self(void *arg)
{
	access_mark(4);
	if (!prctl(PR_SET_DUMPABLE, 0))
		*(struct access_pair *)arg = access_ask("/proc", getpid());
}

TEST_F(access_uid, non_dumpable_reads_itself)
{
	struct access_pair *pair = access_shared(sizeof(*pair));

	ASSERT_NE(NULL, pair);
	ASSERT_EQ(0, access_call_as(&access_owner, ask_about_self, pair));
	EXPECT_TRUE(access_same("itself", getpid(), pair, 0, 4));
}

TEST_HARNESS_MAIN
