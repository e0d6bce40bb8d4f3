// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: merged pages (KSM) stay resident and anonymous; as they share one
 * frame, none continues the run of another.
 */
#include "lib/kind.h"
#include "lib/procfile.h"
#include "lib/smaps.h"

#define KSM "/sys/kernel/mm/ksm/"

KIND_FIXTURE(ksm)

#define PAGES 64
#define TRIES 600

static void merge_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	memset(at, 0x5a, PAGES * KIND_PAGE);
	if (madvise(at, PAGES * KIND_PAGE, MADV_MERGEABLE))
		target_fail("MADV_MERGEABLE");
	target_step(t);
	target_write(at + 8 * KIND_PAGE, 4, 1);
	target_step(t);
}

static uint64_t ksm_number(const char *path)
{
	char *text = procfile_read(path, NULL);
	uint64_t number = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	return number;
}

static bool merged(uint64_t pages)
{
	for (int i = 0; i < TRIES; i++) {
		if (ksm_number(KSM "pages_sharing") >= pages)
			return true;
		usleep(100000);
	}
	return false;
}

TEST_F(ksm, merged_and_written)
{
	ASSERT_EQ(0, machine_set(KSM "sleep_millisecs", "10"));
	ASSERT_EQ(0, machine_set(KSM "pages_to_scan", "1000"));
	KIND_START(merge_body);
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=64 anon=64 dirty=64");
	KIND_AGREES();
	ASSERT_EQ(0, machine_set(KSM "run", "1"));
	ASSERT_TRUE(merged(PAGES - 1));
	ASSERT_EQ(0, machine_set(KSM "run", "0"));
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=64 anon=64 runs=64 maxrun=1");
	KIND_AGREES();
	KIND_NEXT();
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=64 anon=64 dirty>=4 runs>=60");
	KIND_AGREES();
}

static void zero_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	memset(at, 0, PAGES * KIND_PAGE);
	if (madvise(at, PAGES * KIND_PAGE, MADV_MERGEABLE))
		target_fail("MADV_MERGEABLE");
	target_step(t);
}

static uint64_t smaps_rss(pid_t pid)
{
	const struct smaps_row *row;
	uint64_t rss = PAGES;
	struct smaps s;

	if (!smaps_read(&s, pid)) {
		row = smaps_find(&s, TARGET_ALONE(0));
		if (row)
			rss = row->rss;
	}
	smaps_free(&s);
	return rss;
}

/* Pages full of zeros can be merged with the zero page: then they are gone. */
TEST_F(ksm, merged_with_zero_page)
{
	ASSERT_EQ(0, machine_set(KSM "sleep_millisecs", "10"));
	ASSERT_EQ(0, machine_set(KSM "pages_to_scan", "1000"));
	ASSERT_EQ(0, machine_set(KSM "use_zero_pages", "1"));
	KIND_START(zero_body);
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=64 anon=64 dirty=64");
	ASSERT_EQ(0, machine_set(KSM "run", "1"));
	for (int i = 0; i < TRIES && smaps_rss(self->target.pid); i++)
		usleep(100000);
	ASSERT_EQ(0, machine_set(KSM "run", "0"));
	KIND_ROW(TARGET_ALONE(0), "size=64 rss=0 anon=0 dirty=0 young=0 runs=0 tables=3");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
