// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while a processor is taken away and comes back all the time, under processes
 * that fault, map, fork and exec, every report is well formed and no fault is lost.
 */
#include "storm.h"
#include "churn.h"

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

STORM_FIXTURE(storm_cpu)
{
	if (access(ONLINE, F_OK))
		SKIP(return, "no second processor that can be taken away");
	/* puts it back, too */
	ASSERT_EQ(0, machine_set(ONLINE, "1"));
	ASSERT_EQ(0, storm_open(&self->storm));
}

static bool unplug(void)
{
	int away = procfile_write(ONLINE, "0"), back;

	storm_sleep(100);
	back = procfile_write(ONLINE, "1");
	errno = -(away ?: back);
	return !errno && storm_sleep(200);
}

static const struct storm_kind kind[] = {
	{ "map and unmap", churn_map },
	{ "fork", churn_fork },
	{ "exec", churn_exec },
	{ "threads", churn_threads },
	{ "unplug a processor", unplug },
};

TEST_F_TIMEOUT(storm_cpu, away_and_back, STORM_TIMEOUT)
{
	STORM(kind, NULL);
}

TEST_HARNESS_MAIN
