// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: 60,000 mappings of one page each have 60,000 rows, in order, each with
 * its own counts, and the maple tree that holds them is measured. (As many as the
 * kernel lets a test have.)
 */
#include "lib/kind.h"

KIND_FIXTURE(many)

#define VMAS 60000

static uint64_t vmas;

/* A leaf of the maple tree holds 8 to 16 mappings when it is not the only one. */
#define LEAVES_LEAST (vmas / 16)
#define LEAVES_MOST (vmas / 7)

/* Inner nodes have ten below them, or not much less. */
#define HEIGHT_LEAST (vmas < VMAS ? 3 : 4)
#define HEIGHT_MOST (HEIGHT_LEAST + 1)

/* Every other page read-only, every third page untouched. */
static bool is_touched(uint64_t page)
{
	return page % 3 != 2;
}

static void body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), vmas, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_small_pages(at, vmas);
	target_step(t);
	for (uint64_t i = 0; i < vmas; i++)
		if (is_touched(i))
			target_write(at + i * KIND_PAGE, 1, 1);
	for (uint64_t i = 1; i < vmas; i += 2)
		if (mprotect(at + i * KIND_PAGE, KIND_PAGE, PROT_READ))
			target_fail("mprotect");
	target_step(t);
}

static uint64_t mm_number(const struct report *r, const char *key)
{
	uint64_t number = REPORT_UNKNOWN;

	report_number(r, "mm", key, &number);
	return number;
}

/* Rows that are not what the target made of its pages. */
static uint64_t wrong_rows(const struct report *r)
{
	uint64_t wrong = 0, found = 0;

	for (size_t i = 0; i < r->rows; i++) {
		const struct report_row *row = &r->row[i];
		uint64_t page = (row->start - TARGET_ALONE(0)) / KIND_PAGE;
		uint64_t resident = is_touched(page);

		if (row->start < TARGET_ALONE(0) || page >= vmas)
			continue;
		wrong += page != found++;
		wrong += strcmp(row->perms, page % 2 ? "r--p" : "rw-p") != 0;
		wrong += row->count[REPORT_SIZE] != 1 || row->count[REPORT_RSS] != resident ||
			 row->count[REPORT_ANON] != resident ||
			 row->count[REPORT_DIRTY] != resident ||
			 row->count[REPORT_RUNS] != resident ||
			 row->count[REPORT_MAXRUN] != resident || row->count[REPORT_TABLES];
	}
	return wrong + (vmas - found);
}

TEST_F_TIMEOUT(many, a_row_each, 400)
{
	struct report before, after;

	vmas = machine_mappings(VMAS);
	KIND_START(body);
	ASSERT_EQ(0, report_read(&before, self->target.pid));
	KIND_NEXT();
	ASSERT_EQ(0, report_read(&after, self->target.pid));
	EXPECT_EQ(before.rows + vmas - 1, after.rows);
	EXPECT_EQ(0, wrong_rows(&after));
	EXPECT_EQ(after.rows, mm_number(&after, "map_count"));
	EXPECT_LE(LEAVES_LEAST, mm_number(&after, "maple_leaves"));
	EXPECT_GE(LEAVES_MOST, mm_number(&after, "maple_leaves"));
	EXPECT_LT(mm_number(&before, "maple_nodes"), mm_number(&after, "maple_nodes"));
	EXPECT_GE(mm_number(&after, "maple_leaves") * 5 / 4, mm_number(&after, "maple_nodes"));
	EXPECT_LE(HEIGHT_LEAST, mm_number(&after, "maple_height"));
	EXPECT_GE(HEIGHT_MOST, mm_number(&after, "maple_height"));
	report_free(&before);
	report_free(&after);
	KIND_AGREES();
}

TEST_HARNESS_MAIN
