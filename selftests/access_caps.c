// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a capability opens the report of another uid's process exactly if
 * it opens its maps: CAP_SYS_PTRACE does when effective; CAP_PERFMON, and with it
 * CAP_SYS_ADMIN, where the kernel lets them; capabilities over files don't.
 */
#include "kselftest_harness.h"
#include "access.h"

enum { ROOTS, OWNED, HIDDEN, TARGETS };

FIXTURE(access_caps)
{
	struct target target[TARGETS];
};

FIXTURE_VARIANT(access_caps)
{
	int cap;
	bool idle;
	int error;
};

FIXTURE_VARIANT_ADD(access_caps, sys_ptrace)
{
	.cap = CAP_SYS_PTRACE,
};

FIXTURE_VARIANT_ADD(access_caps, sys_ptrace_not_effective)
{
	.cap = CAP_SYS_PTRACE, .idle = true, .error = EACCES,
};

FIXTURE_VARIANT_ADD(access_caps, perfmon)
{
	.cap = CAP_PERFMON, .error = ACCESS_AS_MAPS,
};

FIXTURE_VARIANT_ADD(access_caps, dac_read_search)
{
	.cap = CAP_DAC_READ_SEARCH, .error = EACCES,
};

FIXTURE_VARIANT_ADD(access_caps, dac_override)
{
	.cap = CAP_DAC_OVERRIDE, .error = EACCES,
};

FIXTURE_VARIANT_ADD(access_caps, sys_admin)
{
	.cap = CAP_SYS_ADMIN, .error = ACCESS_AS_MAPS,
};

FIXTURE_SETUP(access_caps)
{
	ASSERT_EQ(0, access_start(&self->target[ROOTS], &access_root, 1, false));
	ASSERT_EQ(0, access_start(&self->target[OWNED], &access_owner, 2, false));
	ASSERT_EQ(0, access_start(&self->target[HIDDEN], &access_owner, 3, true));
}

FIXTURE_TEARDOWN(access_caps)
{
	for (int i = 0; i < TARGETS; i++)
		target_end(&self->target[i]);
}

TEST_F(access_caps, as_maps)
{
	const struct access_id reader = {
		.name = "other uid with one capability", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
		.caps = 1ull << variant->cap, .idle_caps = variant->idle,
	};

	for (int i = 0; i < TARGETS; i++)
		EXPECT_ACCESS(&reader, "/proc", self->target[i].pid, variant->error, i + 1);
}

TEST_HARNESS_MAIN
