/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of one kind of memory each have in common: a forked target,
 * a machine that does not move its pages, and the two checks of a report: it
 * agrees with the kernel, and with what the test knows it did.
 */
#ifndef SELFTESTS_KIND_H
#define SELFTESTS_KIND_H

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agree.h"
#include "kselftest_harness.h"
#include "machine.h"
#include "target.h"

/** KIND_FIXTURE() - a fixture with one target on a quiet machine */
#define KIND_FIXTURE(kind)				\
FIXTURE(kind) {						\
	struct target target;				\
};							\
							\
FIXTURE_SETUP(kind)					\
{							\
	ASSERT_EQ(0, machine_quiet());			\
}							\
							\
FIXTURE_TEARDOWN(kind)					\
{							\
	target_end(&self->target);			\
	machine_restore();				\
}

/** KIND_NEEDS_THP() - skip on a kernel without transparent huge pages */
#define KIND_NEEDS_THP()								\
do {											\
	if (!machine_has_thp())								\
		SKIP(return, "this kernel has no transparent huge pages");		\
} while (0)

/** KIND_START() - fork the target, up to its first step */
#define KIND_START(body) ASSERT_EQ(0, target_fork(&self->target, body, NULL))

/** KIND_NEXT() - let the target do its next step */
#define KIND_NEXT() ASSERT_EQ(0, target_next(&self->target))

/** KIND_ROW() - the row that holds an address has these counts; as agree_row() */
#define KIND_ROW(address, ...) \
	EXPECT_EQ(0, agree_row(self->target.pid, (uint64_t)(address), __VA_ARGS__))

/** KIND_AGREES() - the report of the target agrees with the kernel */
#define KIND_AGREES() EXPECT_EQ(0, agree_process(self->target.pid))

/** KIND_PAGE - size of a page in bytes */
#define KIND_PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

/** KIND_HUGE - pages of a huge page that one PMD entry maps */
#define KIND_HUGE 512

/** KIND_PRIVATE - flags of private anonymous memory */
#define KIND_PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

/** KIND_SHARED - flags of shared anonymous memory */
#define KIND_SHARED (MAP_SHARED | MAP_ANONYMOUS)

/** KIND_RW - protection of memory to read and write */
#define KIND_RW (PROT_READ | PROT_WRITE)

#endif /* SELFTESTS_KIND_H */
