// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: an anonymous mapping that holds stacks of threads is named after them,
 * [stack:TID], or [stack:TID+N] (see stacks_guards), in [vmas] and in column vma alike; the
 * main stack is [stack]; what maps names otherwise keeps that name; nothing else is
 * named a stack.
 */
#include <sys/prctl.h>

#include "stacks.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

STACKS_FIXTURE(stacks_names)

#define PAGES 64
#define THREADS 3

static struct stacks_thread thread[THREADS];

static struct stacks_thread *prepare(struct target *t, unsigned int slot)
{
	thread[slot] = (struct stacks_thread){
		.t = t, .slot = slot, .run = stacks_wait_deep, .depth = 8 + slot
	};
	return &thread[slot];
}

static void alone_body(struct target *t, void *arg)
{
	(void)arg;
	target_step(t);
}

static unsigned int named_stack(const struct report *r)
{
	unsigned int count = 0;

	for (size_t i = 0; i < r->rows; i++)
		count += r->row[i].name && !strncmp(r->row[i].name, "[stack:", 7);
	return count;
}

TEST_F(stacks_names, without_threads_there_are_none)
{
	struct stacks s;

	KIND_START(alone_body);
	ASSERT_EQ(0, stacks_read(&s, self->target.pid));
	EXPECT_EQ(0, named_stack(&s.report));
	EXPECT_EQ(1, s.rows);
	EXPECT_STREQ("[stack]", s.row[0].vma);
	stacks_free(&s);
	STACKS_AGREE();
}

static void each_body(struct target *t, void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < THREADS; i++)
		stacks_start_sized(prepare(t, i), PAGES * KIND_PAGE, KIND_PAGE);
	target_step(t);
}

/* Adjacent stacks: what is between them are their guards. */
TEST_F(stacks_names, each_its_own)
{
	struct stacks s;

	KIND_START(each_body);
	ASSERT_EQ(0, stacks_read(&s, self->target.pid));
	EXPECT_EQ(THREADS, named_stack(&s.report));
	for (unsigned int i = 0; i < THREADS; i++) {
		const struct report_row *row = report_find(&s.report, STACKS_AT(i, STACKS_SP));
		char name[32];

		ASSERT_NE(NULL, row);
		snprintf(name, sizeof(name), "[stack:%d]", (int)STACKS_AT(i, STACKS_TID));
		EXPECT_STREQ(name, row->name ?: "-");
		STACKS_ROW(i, "vma=%s", name);
	}
	stacks_free(&s);
	STACKS_AGREE();
}

static void changing_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	stacks_map(at, PAGES, 1);
	stacks_start_on(prepare(t, 0), at, PAGES);
	target_step(t);
	/* memory above that the kernel merges with the stack */
	target_map(at + PAGES * KIND_PAGE, PAGES, KIND_RW, KIND_PRIVATE | MAP_STACK, -1);
	target_step(t);
	if (mprotect((void *)(at - KIND_PAGE), KIND_PAGE, PROT_READ))
		target_fail("mprotect");
	target_step(t);
}

TEST_F(stacks_names, follow_the_mapping)
{
	KIND_START(changing_body);
	STACKS_ROW(0, "size=64 vma=[stack:%d]", (int)STACKS_AT(0, STACKS_TID));
	STACKS_AGREE();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=128");
	STACKS_ROW(0, "size=64 vma=[stack:%d]", (int)STACKS_AT(0, STACKS_TID));
	STACKS_AGREE();
	KIND_NEXT();
	STACKS_ROW(0, STACKS_NOTHING);
	STACKS_AGREE();
}

/* Stacks in one mapping, with a guard below the lowest only. */
static void shared_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	stacks_map(at, 3 * PAGES, 1);
	for (unsigned int i = THREADS; i-- > 0;)
		stacks_start_on(prepare(t, i), at + i * PAGES * KIND_PAGE, PAGES);
	target_step(t);
}

/* Where the upper ones begin can't be told. */
TEST_F(stacks_names, only_the_guarded_one_of_several)
{
	KIND_START(shared_body);
	STACKS_ROW(0, "kind=thread start=%llx end=%lx size=64 guard=1", TARGET_ALONE(0),
		   STACKS_AT(0, STACKS_END));
	STACKS_ROW(0, "touched=8 sp_depth=8 vma=[stack:%d]", (int)STACKS_AT(0, STACKS_TID));
	STACKS_ROW(1, STACKS_NOTHING);
	STACKS_ROW(2, STACKS_NOTHING);
	STACKS_AGREE();
}

static void given_body(struct target *t, void *arg)
{
	uint64_t at = TARGET_ALONE(0);

	(void)arg;
	stacks_map(at, PAGES, 1);
	t->word[STACKS_FREE] = !prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, PAGES * KIND_PAGE,
				      "given");
	stacks_start_on(prepare(t, 0), at, PAGES);
	target_step(t);
}

TEST_F(stacks_names, over_given_ones)
{
	KIND_START(given_body);
	if (!self->target.word[STACKS_FREE])
		SKIP(return, "the kernel is built without names of anonymous memory");
	STACKS_ROW(0, "kind=thread size=64 vma=[stack:%d]", (int)STACKS_AT(0, STACKS_TID));
	STACKS_AGREE();
}

TEST_HARNESS_MAIN
