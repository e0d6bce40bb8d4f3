// SPDX-License-Identifier: GPL-2.0
/*
 * Time on a kernel that is slow because it checks everything. The harness
 * says how many times slower in VMINSPECT_SLOWER; kselftest_harness.h knows one
 * time limit for all kernels, which it gives to alarm(): this one takes the place
 * of the C library's.
 */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "slow.h"

unsigned int slow_times(void)
{
	const char *times = getenv("VMINSPECT_SLOWER");
	int value = times ? atoi(times) : 1;

	return value > 1 ? value : 1;
}

/* As alarm(2), of @seconds times slow_times(). */
unsigned int alarm(unsigned int seconds)
{
	struct itimerval timer = {
		.it_value.tv_sec = (long)seconds * slow_times(),
	};
	struct itimerval old;

	if (setitimer(ITIMER_REAL, &timer, &old))
		return 0;
	return old.it_value.tv_sec + !!old.it_value.tv_usec;
}
