// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: memory above 128 TiB, which processors with five levels of page tables
 * have, is counted as any other, with its own tables of four levels.
 */
#include "lib/kind.h"

KIND_FIXTURE(high)

#define HIGH (1ull << 55)
#define LOW_END (1ull << 47)
#define PAGES 1000

static void body(struct target *t, void *arg)
{
	/* no MAP_FIXED: with four levels the kernel takes another place */
	char *at = mmap((void *)HIGH, PAGES * KIND_PAGE, KIND_RW, KIND_PRIVATE, -1, 0);

	(void)arg;
	if (at == MAP_FAILED)
		target_fail("mmap");
	target_small_pages(at, PAGES);
	target_write(at + 3 * KIND_PAGE, 20, 2);
	t->word[0] = (uintptr_t)at;
	target_step(t);
}

TEST_F(high, hint_above_47_bits)
{
	uint64_t at;

	KIND_START(body);
	at = self->target.word[0];
	KIND_ROW(at, "size>=1000 rss>=20 anon>=20 dirty>=20");
	KIND_AGREES();
	if (machine_levels() == 5) {
		ASSERT_EQ(HIGH, at);
		KIND_ROW(at, "size=1000 rss=20 anon=20 dirty=20 young=20 runs=20 tables=4");
	} else {
		EXPECT_GT(LOW_END, at);
	}
}

TEST_HARNESS_MAIN
