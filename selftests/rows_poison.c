// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a page that was found broken is counted as smaps counts it, whatever
 * the kernel version makes of it; those around it as before.
 */
#include <signal.h>

#include "lib/kind.h"

KIND_FIXTURE(poison)

#define PAGES 16

static void on_sigbus(int number)
{
	(void)number;
}

static void body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	/* newer kernels tell the process at once */
	signal(SIGBUS, on_sigbus);
	target_write(at, PAGES, 1);
	if (madvise(at + 5 * KIND_PAGE, 2 * KIND_PAGE, MADV_HWPOISON))
		target_fail("MADV_HWPOISON");
	target_step(t);
}

TEST_F(poison, anonymous)
{
	KIND_START(body);
	KIND_ROW(TARGET_ALONE(0), "size=16 rss>=14 rss<=16 anon>=14 anon<=16 swap=0 tables=3");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
