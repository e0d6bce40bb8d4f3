// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a huge reservation of which little was touched is counted exactly,
 * its page tables too.
 */
#include "lib/kind.h"
#include "lib/pagemap.h"

KIND_FIXTURE(sparse)

#define GIB_PAGES (1ull << 18)
#define TOUCHED 1000

/* 1 TiB, and one page of each of its first 1000 GiB, each in another place. */
static uint64_t touched_page(uint64_t i)
{
	return i * GIB_PAGES + i * 257 % GIB_PAGES;
}

static void body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), 1024 * GIB_PAGES, KIND_RW,
			      KIND_PRIVATE | MAP_NORESERVE, -1);

	(void)arg;
	target_small_pages(at, 1024 * GIB_PAGES);
	target_step(t);
	for (uint64_t i = 0; i < TOUCHED; i++)
		target_write(at + touched_page(i) * KIND_PAGE, 1, 1);
	target_step(t);
}

TEST_F(sparse, a_tebibyte)
{
	uint64_t at = TARGET_ALONE(0), entry;
	int fd;

	KIND_START(body);
	KIND_ROW(at, "size=268435456 rss=0 tables=0");
	KIND_AGREES();
	KIND_NEXT();
	/* for each page a PTE and a PMD table, and two PUD tables of 512 GiB */
	KIND_ROW(at, "size=268435456 rss=1000 anon=1000 dirty=1000 young=1000 runs=1000 maxrun=1");
	KIND_ROW(at, "tables=%d", 2 * TOUCHED + 2);
	KIND_AGREES();
	fd = pagemap_open(self->target.pid);
	ASSERT_LE(0, fd);
	for (uint64_t i = 0; i < TOUCHED; i++) {
		ASSERT_EQ(0, pagemap_read(fd, at + touched_page(i) * KIND_PAGE, &entry, 1));
		ASSERT_NE(0, entry & PAGEMAP_PRESENT);
	}
	close(fd);
}

TEST_HARNESS_MAIN
