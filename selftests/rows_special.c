// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: what the kernel puts into every process has its row under the name
 * that maps gives it: [vdso], [vvar], [heap], [stack]; the program itself, too;
 * the gate page, which belongs to no process, has none.
 */
#include <sys/auxv.h>
#include <time.h>

#include "lib/kind.h"

KIND_FIXTURE(special)

#define HEAP_PAGES 100

enum { VDSO, STACK, HEAP, BREAK };

static void body(struct target *t, void *arg)
{
	struct timespec now;
	char local = 0;
	char *heap = sbrk(0);

	(void)arg;
	/* The vdso reads the clock from the vvar page. */
	if (clock_gettime(CLOCK_MONOTONIC, &now))
		target_fail("clock_gettime");
	heap = (char *)(((uintptr_t)heap + KIND_PAGE - 1) & -KIND_PAGE);
	if (brk(heap + HEAP_PAGES * KIND_PAGE - 1))
		target_fail("brk");
	target_write(heap, HEAP_PAGES / 2, 2);
	t->word[VDSO] = getauxval(AT_SYSINFO_EHDR);
	t->word[STACK] = (uintptr_t)&local;
	t->word[HEAP] = (uintptr_t)heap;
	t->word[BREAK] = (uintptr_t)sbrk(0);
	target_step(t);
}

static const char *name_at(const struct report *r, uint64_t address)
{
	const struct report_row *row = report_find(r, address);

	return row && row->name ? row->name : "-";
}

TEST_F(special, names_and_heap)
{
	char program[256] = "";
	volatile uint64_t *word;
	uint64_t brk_seen = 0;
	struct report r;

	KIND_START(body);
	word = self->target.word;
	ASSERT_LT(0, readlink("/proc/self/exe", program, sizeof(program) - 1));
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	EXPECT_STREQ("[vdso]", name_at(&r, word[VDSO]));
	EXPECT_STREQ("[stack]", name_at(&r, word[STACK]));
	EXPECT_STREQ("[heap]", name_at(&r, word[HEAP]));
	EXPECT_STREQ(program, name_at(&r, (uintptr_t)body));
	EXPECT_TRUE(report_address(&r, "mm", "brk", &brk_seen));
	EXPECT_EQ(word[BREAK], brk_seen);
	EXPECT_EQ(NULL, report_find(&r, 0xffffffffff600000ull));
	report_free(&r);
	KIND_ROW(word[VDSO], "rss>=1 file>=1 anon=0 swap=0");
	KIND_ROW(word[HEAP], "rss>=50 anon>=50 file=0 dirty>=50 runs>=50");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
