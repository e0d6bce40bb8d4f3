// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a procfs instance mounted with hidepid= and gid= hides reports as it
 * hides /proc/<pid>: open answers as for maps, stat as for /proc/<pid>, and the
 * listing holds the pids that the instance's own listing holds for that reader.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "access_list.h"

FIXTURE(access_hidepid)
{
	char proc[32];
	struct target target;
};

/* what open gives another uid, and one in the group of gid= */
FIXTURE_VARIANT(access_hidepid)
{
	const char *options;
	int other;
	int member;
};

FIXTURE_VARIANT_ADD(access_hidepid, off)
{
	.options = "hidepid=0", .other = EACCES, .member = EACCES,
};

FIXTURE_VARIANT_ADD(access_hidepid, noaccess)
{
	.options = "hidepid=1", .other = EPERM, .member = EPERM,
};

FIXTURE_VARIANT_ADD(access_hidepid, noaccess_gid)
{
	.options = "hidepid=1,gid=4321", .other = EPERM, .member = EACCES,
};

FIXTURE_VARIANT_ADD(access_hidepid, invisible)
{
	.options = "hidepid=2", .other = ENOENT, .member = ENOENT,
};

FIXTURE_VARIANT_ADD(access_hidepid, invisible_gid)
{
	.options = "hidepid=2,gid=4321", .other = ENOENT, .member = EACCES,
};

FIXTURE_VARIANT_ADD(access_hidepid, ptraceable)
{
	.options = "hidepid=4", .other = ENOENT, .member = ENOENT,
};

FIXTURE_VARIANT_ADD(access_hidepid, ptraceable_gid)
{
	.options = "hidepid=4,gid=4321", .other = ENOENT, .member = ENOENT,
};

FIXTURE_SETUP(access_hidepid)
{
	strcpy(self->proc, "/tmp/hidepid-XXXXXX");
	ASSERT_EQ(0, access_private_mounts());
	ASSERT_EQ(0, access_mount_proc(self->proc, variant->options));
	ASSERT_EQ(0, access_start(&self->target, &access_owner, 1, false));
}

FIXTURE_TEARDOWN(access_hidepid)
{
	target_end(&self->target);
	access_umount(self->proc);
}

/*
 * Those who are refused ask first: under hidepid=4, maps turns from ENOENT to
 * EPERM once somebody else has had its directory's name looked up.
 */
TEST_F(access_hidepid, open_answers_as_maps)
{
	pid_t pid = self->target.pid;

	EXPECT_ACCESS(&access_other, self->proc, pid, variant->other, 0);
	EXPECT_ACCESS(&access_member, self->proc, pid, variant->member, 0);
	EXPECT_ACCESS(&access_tracer, self->proc, pid, 0, 1);
	EXPECT_ACCESS(&access_owner, self->proc, pid, 0, 1);
	EXPECT_ACCESS(&access_root, self->proc, pid, 0, 1);
}

/* Whether somebody else has asked before makes no difference. */
TEST_F(access_hidepid, open_answers_again)
{
	struct access_pair pair = {};
	pid_t pid = self->target.pid;

	EXPECT_ACCESS(&access_root, self->proc, pid, 0, 1);
	ASSERT_EQ(0, access_ask_as(&access_other, self->proc, pid, &pair));
	EXPECT_EQ(variant->other, pair.ours.open);
	EXPECT_NE(0, pair.maps.open);
	ASSERT_EQ(0, access_ask_as(&access_member, self->proc, pid, &pair));
	EXPECT_EQ(variant->member, pair.ours.open);
	EXPECT_NE(0, pair.maps.open);
}

/* stat of the report and of the process's directory: errno, 0 for success */
struct two_stats {
	const char *proc;
	pid_t pid;
	int dir;
	int report;
};

static int stat_error(const char *proc, const char *sub, pid_t pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s%d", proc, sub, pid);
	return stat(path, &st) ? errno : 0;
}

static void stat_both(void *arg)
{
	struct two_stats *stats = arg;

	stats->dir = stat_error(stats->proc, "", stats->pid);
	stats->report = stat_error(stats->proc, "vminspect/", stats->pid);
}

TEST_F(access_hidepid, stat_answers_as_directory)
{
	const struct access_id *reader[] = {
		&access_root, &access_owner, &access_tracer, &access_other, &access_member,
	};
	struct two_stats *stats = access_shared(sizeof(*stats));

	ASSERT_NE(NULL, stats);
	stats->proc = self->proc;
	stats->pid = self->target.pid;
	for (size_t i = 0; i < sizeof(reader) / sizeof(*reader); i++) {
		ASSERT_EQ(0, access_call_as(reader[i], stat_both, stats));
		EXPECT_EQ(stats->dir, stats->report) {
			TH_LOG("%s, pid %d: stat of the report must answer as of %s/%d",
			       reader[i]->name, stats->pid, stats->proc, stats->pid);
		}
	}
	if (variant->other == ENOENT) {
		ASSERT_EQ(0, access_call_as(&access_other, stat_both, stats));
		EXPECT_EQ(ENOENT, stats->report);
	}
}

/* An instance that hid nothing begins to, while somebody has the report open. */
TEST_F(access_hidepid, remount_takes_effect_at_once)
{
	struct two_stats *stats = access_shared(sizeof(*stats));
	struct access_pair pair = {};
	char path[64];
	int pin;

	ASSERT_NE(NULL, stats);
	stats->proc = self->proc;
	stats->pid = self->target.pid;
	ASSERT_EQ(0, mount("proc", self->proc, NULL, MS_REMOUNT, "hidepid=0"));
	snprintf(path, sizeof(path), "%s/vminspect/%d", self->proc, self->target.pid);
	pin = open(path, O_RDONLY);
	ASSERT_GE(pin, 0);
	EXPECT_ACCESS(&access_other, self->proc, self->target.pid, EACCES, 0);
	ASSERT_EQ(0, mount("proc", self->proc, NULL, MS_REMOUNT, variant->options));

	ASSERT_EQ(0, access_call_as(&access_other, stat_both, stats));
	EXPECT_EQ(stats->dir, stats->report) {
		TH_LOG("%s, pid %d kept open: stat of the report must answer as of %s/%d",
		       variant->options, stats->pid, stats->proc, stats->pid);
	}
	ASSERT_EQ(0, access_ask_as(&access_other, self->proc, self->target.pid, &pair));
	EXPECT_NE(0, pair.maps.open);
	EXPECT_NE(0, pair.ours.open);
	EXPECT_TRUE(access_list_same_as(&access_other, self->proc));
	close(pin);
}

TEST_F(access_hidepid, listing_is_the_instances)
{
	const struct access_id *reader[] = {
		&access_root, &access_owner, &access_tracer, &access_other, &access_member,
	};

	for (size_t i = 0; i < sizeof(reader) / sizeof(*reader); i++)
		EXPECT_TRUE(access_list_same_as(reader[i], self->proc));
}

TEST_HARNESS_MAIN
