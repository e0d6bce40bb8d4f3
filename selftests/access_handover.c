// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: who may read is decided when the report is opened, as for maps: an
 * open file given away stays readable for whoever has it; a descriptor that
 * only names it (O_PATH) gives nothing to who may not open it.
 */
#include "kselftest_harness.h"
#include "access.h"

FIXTURE(access_handover)
{
	struct target target;
	int maps;
	int ours;
};

FIXTURE_VARIANT(access_handover)
{
	int flags;
};

FIXTURE_VARIANT_ADD(access_handover, open_file) { .flags = O_RDONLY, };
FIXTURE_VARIANT_ADD(access_handover, name_only) { .flags = O_PATH, };

FIXTURE_SETUP(access_handover)
{
	char path[64];

	ASSERT_EQ(0, access_start(&self->target, &access_owner, 1, false));
	snprintf(path, sizeof(path), "/proc/%d/maps", self->target.pid);
	self->maps = open(path, variant->flags);
	ASSERT_GE(self->maps, 0);
	snprintf(path, sizeof(path), "/proc/vminspect/%d", self->target.pid);
	self->ours = open(path, variant->flags);
	ASSERT_GE(self->ours, 0);
}

FIXTURE_TEARDOWN(access_handover)
{
	target_end(&self->target);
	close(self->maps);
	close(self->ours);
}

struct handed {
	int maps;
	int ours;
	struct access_pair read;
	struct access_pair reopened;
};

static struct access_answer reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return access_open(AT_FDCWD, path);
}

static void use_handed(void *arg)
{
	struct handed *handed = arg;

	handed->read.maps = access_read(handed->maps);
	handed->read.ours = access_read(handed->ours);
	/* to look into one's own /proc/self/fd one has to be dumpable */
	prctl(PR_SET_DUMPABLE, 1);
	handed->reopened.maps = reopen(handed->maps);
	handed->reopened.ours = reopen(handed->ours);
}

TEST_F(access_handover, to_each)
{
	const struct {
		const struct access_id *id;
		int reopen;
	} to[] = {
		{ &access_root, 0 }, { &access_owner, 0 }, { &access_tracer, 0 },
		{ &access_other, EACCES },
	};
	bool open_file = variant->flags != O_PATH;
	struct handed *handed = access_shared(sizeof(*handed));

	ASSERT_NE(NULL, handed);
	handed->maps = self->maps;
	handed->ours = self->ours;
	for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
		ASSERT_EQ(0, access_call_as(to[i].id, use_handed, handed));
		EXPECT_TRUE(access_same(to[i].id->name, self->target.pid, &handed->read,
					open_file ? 0 : ACCESS_AS_MAPS, 1));
		EXPECT_EQ(open_file ? 0 : EBADF, handed->read.ours.read);
		EXPECT_TRUE(access_same(to[i].id->name, self->target.pid, &handed->reopened,
					to[i].reopen, 1));
	}
}

TEST_HARNESS_MAIN
