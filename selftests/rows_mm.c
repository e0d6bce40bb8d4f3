// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: [mm] follows what a process does, to the page: its size, what is data,
 * stack, code or locked, the number of mappings, page tables and maple nodes.
 */
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/kind.h"

KIND_FIXTURE(mm)

#define PAGES 64

static void body(struct target *t, void *arg)
{
	(void)arg;
	target_step(t);
	target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	target_map(TARGET_ALONE(1), PAGES, PROT_READ, KIND_PRIVATE, -1);
	target_map(TARGET_ALONE(2), PAGES, PROT_READ | PROT_EXEC, KIND_PRIVATE, -1);
	target_step(t);
	target_write((char *)TARGET_ALONE(0), PAGES, 1);
	target_step(t);
	for (int i = 0; i < 3; i++)
		if (munmap((void *)TARGET_ALONE(i), PAGES * KIND_PAGE))
			target_fail("munmap");
	target_step(t);
}

static uint64_t number(pid_t pid, const char *key)
{
	uint64_t value = REPORT_UNKNOWN;
	struct report r;

	if (!report_read(&r, pid))
		report_number(&r, "mm", key, &value);
	report_free(&r);
	return value;
}

static const char *const key[] = {
	"total_vm", "data_vm", "exec_vm", "map_count", "pgtables_bytes", "hiwater_vm"
};

enum { TOTAL_VM, DATA_VM, EXEC_VM, MAP_COUNT, PGTABLES_BYTES, HIWATER_VM, KEYS };

static void numbers(pid_t pid, uint64_t *value)
{
	for (int i = 0; i < KEYS; i++)
		value[i] = number(pid, key[i]);
}

TEST_F(mm, map_touch_unmap)
{
	uint64_t before[KEYS], mapped[KEYS], touched[KEYS], after[KEYS];
	pid_t pid;

	KIND_START(body);
	pid = self->target.pid;
	numbers(pid, before);
	KIND_AGREES();

	KIND_NEXT();
	numbers(pid, mapped);
	EXPECT_EQ(before[TOTAL_VM] + 3 * PAGES, mapped[TOTAL_VM]);
	EXPECT_EQ(before[DATA_VM] + PAGES, mapped[DATA_VM]);
	EXPECT_EQ(before[EXEC_VM] + PAGES, mapped[EXEC_VM]);
	EXPECT_EQ(before[MAP_COUNT] + 3, mapped[MAP_COUNT]);
	EXPECT_EQ(before[PGTABLES_BYTES], mapped[PGTABLES_BYTES]);
	KIND_AGREES();

	KIND_NEXT();
	numbers(pid, touched);
	EXPECT_EQ(mapped[TOTAL_VM], touched[TOTAL_VM]);
	EXPECT_EQ(mapped[PGTABLES_BYTES] + (1 + TARGET_ALONE_UPPER) * KIND_PAGE,
		  touched[PGTABLES_BYTES]);
	KIND_AGREES();

	KIND_NEXT();
	numbers(pid, after);
	EXPECT_EQ(before[TOTAL_VM], after[TOTAL_VM]);
	EXPECT_EQ(before[DATA_VM], after[DATA_VM]);
	EXPECT_EQ(before[EXEC_VM], after[EXEC_VM]);
	EXPECT_EQ(before[MAP_COUNT], after[MAP_COUNT]);
	EXPECT_EQ(before[PGTABLES_BYTES], after[PGTABLES_BYTES]);
	EXPECT_LE(mapped[TOTAL_VM], after[HIWATER_VM]);
	KIND_AGREES();
}

#define UID 4711

static void uid_body(struct target *t, void *arg)
{
	(void)arg;
	if (setresuid(UID - 1, UID, 0))
		target_fail("setresuid");
	target_step(t);
}

TEST_F(mm, effective_uid)
{
	uint64_t uid = REPORT_UNKNOWN;
	struct report r;

	KIND_START(uid_body);
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	EXPECT_TRUE(report_number(&r, "process", "uid", &uid));
	EXPECT_EQ(UID, uid);
	report_free(&r);
	KIND_AGREES();
}

static void pinned_body(struct target *t, void *arg)
{
	struct iovec memory = { .iov_len = PAGES * KIND_PAGE };
	struct io_uring_params params = { .flags = 0 };
	int fd;

	(void)arg;
	/* root's are not accounted on all kernels */
	if (setresuid(UID, UID, UID))
		target_fail("setresuid");
	fd = syscall(SYS_io_uring_setup, 1, &params);
	memory.iov_base = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);
	if (fd < 0 ||
	    syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &memory, 1) < 0)
		target_fail("io_uring");
	target_step(t);
}

TEST_F(mm, pinned)
{
	KIND_START(pinned_body);
	EXPECT_EQ(PAGES, number(self->target.pid, "pinned_vm"));
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=64 anon=64 dirty=64");
	KIND_AGREES();
}

#define STEPS 6
#define VMAS_PER_STEP 40

static void grow_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 2 * STEPS * VMAS_PER_STEP, PROT_NONE,
			      KIND_PRIVATE, -1);

	(void)arg;
	for (int step = 0; step < STEPS; step++) {
		target_step(t);
		for (int i = 0; i < VMAS_PER_STEP; i++, at += 2 * KIND_PAGE)
			if (mprotect(at, KIND_PAGE, PROT_READ))
				target_fail("mprotect");
	}
	target_step(t);
}

/* Each step adds twice as many mappings: nodes and leaves only get more. */
TEST_F(mm, maple_tree_grows)
{
	uint64_t nodes = 0, leaves = 0, height = 0, maps = 0;
	pid_t pid;

	KIND_START(grow_body);
	pid = self->target.pid;
	for (int step = 0; step <= STEPS; step++) {
		if (step)
			KIND_NEXT();
		EXPECT_LE(height, number(pid, "maple_height"));
		if (step) {
			EXPECT_LT(nodes, number(pid, "maple_nodes"));
			EXPECT_LT(leaves, number(pid, "maple_leaves"));
			EXPECT_LT(maps, number(pid, "map_count"));
		}
		nodes = number(pid, "maple_nodes");
		leaves = number(pid, "maple_leaves");
		height = number(pid, "maple_height");
		maps = number(pid, "map_count");
		KIND_AGREES();
	}
	EXPECT_LE(3, height);
}

TEST_HARNESS_MAIN
