// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the report of every process in the machine agrees with smaps, pagemap
 * and status.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>

#include "lib/kind.h"

FIXTURE(rows) {
	int unused;
};

FIXTURE_SETUP(rows)
{
	(void)self;
	ASSERT_EQ(0, machine_quiet());
}

FIXTURE_TEARDOWN(rows)
{
	(void)self;
	machine_restore();
}

/* A kernel thread, a zombie and a process that has just ended have no memory. */
static bool has_no_memory(int result)
{
	return result == -ESRCH || result == -ENOENT;
}

TEST_F(rows, all_processes)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int compared = 0;

	ASSERT_NE(NULL, proc);
	while ((entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		int result;

		/* this process is not quiet: it is reading */
		if (!isdigit((unsigned char)entry->d_name[0]) || pid == getpid())
			continue;
		result = agree_process(pid);
		if (has_no_memory(result))
			continue;
		EXPECT_EQ(0, result) {
			TH_LOG("pid %d", pid);
		}
		compared++;
	}
	closedir(proc);
	/* the first process, the shells that run the tests, this test's own parents */
	EXPECT_LE(3, compared);
	TH_LOG("%d processes", compared);
}

TEST_HARNESS_MAIN
