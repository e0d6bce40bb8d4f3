/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of page faults have in common: a target tracked from its first
 * instruction, perhaps a second one, and checks that follow each step of it.
 */
#ifndef SELFTESTS_FAULTS_TEST_H
#define SELFTESTS_FAULTS_TEST_H

#include "lib/disk.h"
#include "lib/faults.h"
#include "lib/kind.h"

/**
 * faults_quiet() - one fault is one page, and none is taken by the kernel itself
 *
 * Return: 0, or a negative errno.
 */
static inline int faults_quiet(void)
{
	int err = machine_quiet();

	if (!err)
		err = machine_exact_faults();
	if (!err)
		err = machine_thp("enabled", "madvise");
	if (!err)
		err = machine_thp("defrag", "madvise");
	/* what is read back from swap comes without its neighbours */
	if (!err)
		err = machine_set("/proc/sys/vm/page-cluster", "0");
	return err;
}

/** FAULTS_FIXTURE() - a fixture with a target, room for another, and two marks */
#define FAULTS_FIXTURE(name)				\
FIXTURE(name) {						\
	struct target target;				\
	struct target other;				\
	struct faults gone;				\
	struct faults row;				\
};							\
							\
FIXTURE_SETUP(name)					\
{							\
	ASSERT_EQ(0, faults_quiet());			\
}							\
							\
FIXTURE_TEARDOWN(name)					\
{							\
	target_end(&self->other);			\
	target_end(&self->target);			\
	disk_unmount();					\
	machine_restore();				\
}

/** FAULTS_AGREE() - all faults of the target are there, and are those of its stat */
#define FAULTS_AGREE() EXPECT_EQ(0, faults_agree(self->target.pid))

/** FAULTS_START() - fork the target, up to its first step */
#define FAULTS_START(body)							\
do {										\
	KIND_START(body);							\
	FAULTS_AGREE();								\
	EXPECT_EQ(0, faults_gone_mark(self->target.pid, &self->gone));		\
} while (0)

/** FAULTS_NEXT() - let the target do its next step */
#define FAULTS_NEXT()								\
do {										\
	KIND_NEXT();								\
	FAULTS_AGREE();								\
} while (0)

/** FAULTS_ROW() - the row that holds an address has these counts; as faults_row() */
#define FAULTS_ROW(address, ...) \
	EXPECT_EQ(0, faults_row(self->target.pid, (uint64_t)(address), __VA_ARGS__))

/** FAULTS_MARK() - remember what the row that holds an address has now */
#define FAULTS_MARK(address) \
	ASSERT_EQ(0, faults_row_mark(self->target.pid, (uint64_t)(address), &self->row))

/** FAULTS_SINCE() - what the row got since the mark, which moves on; as faults_row() */
#define FAULTS_SINCE(address, ...)						\
	EXPECT_EQ(0, faults_row_since(self->target.pid, (uint64_t)(address),	\
				      &self->row, __VA_ARGS__))

/** FAULTS_GONE() - what [gone] got since FAULTS_START() or this was used last */
#define FAULTS_GONE(...) \
	EXPECT_EQ(0, faults_gone_since(self->target.pid, &self->gone, __VA_ARGS__))

/** FAULTS_KEY() - one figure of the target's [faults] */
#define FAULTS_KEY(key) faults_key(self->target.pid, key)

#endif /* SELFTESTS_FAULTS_TEST_H */
