// SPDX-License-Identifier: GPL-2.0
/*
 * Time on a kernel that is slow because it checks everything. The harness
 * says how many times slower in VMINSPECT_SLOWER; kselftest_harness.h knows one
 * time limit for all kernels, which it gives to alarm(): this one takes the place
 * of the C library's. The usual limit, 30 seconds, is too low for an emulated
 * processor on a busy machine: it can need more for what takes a second alone.
 */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "slow.h"

#define LEAST_SECONDS 240

unsigned int slow_times(void)
{
	const char *times = getenv("VMINSPECT_SLOWER");
	int value = times ? atoi(times) : 1;

	return value > 1 ? value : 1;
}

/* As alarm(2), of @seconds or LEAST_SECONDS, times slow_times(). */
unsigned int alarm(unsigned int seconds)
{
	struct itimerval timer = {}, old;

	if (seconds)
		timer.it_value.tv_sec =
			(long)(seconds < LEAST_SECONDS ? LEAST_SECONDS : seconds) * slow_times();
	if (setitimer(ITIMER_REAL, &timer, &old))
		return 0;
	return old.it_value.tv_sec + !!old.it_value.tv_usec;
}
