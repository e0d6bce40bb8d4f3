/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_SLOW_H
#define SELFTESTS_SLOW_H

/**
 * slow_times() - how many times as long as usual things may take here
 *
 * Return: VMINSPECT_SLOWER, at least 1. For limits of time; sizes and counts
 * stay as they are, so that the same is tested everywhere; exceptions are
 * machine_mappings(), alloc_insmod, rows_hugetlb and unload_cycles.
 */
unsigned int slow_times(void);

#endif /* SELFTESTS_SLOW_H */
