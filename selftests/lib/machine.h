/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test changes of the machine and puts back afterwards: settings in
 * /proc and /sys, huge pages, swap; and what the running kernel has.
 */
#ifndef SELFTESTS_MACHINE_H
#define SELFTESTS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * machine_kernel() - version of the running kernel
 *
 * Return: major * 1000 + minor: 6012 for 6.12.
 */
unsigned int machine_kernel(void);

/**
 * machine_levels() - levels of page tables in use: 5 with la57, else 4
 *
 * Return: the number.
 */
int machine_levels(void);

/**
 * machine_set() - write a setting; machine_restore() puts the old one back
 * @path: file of one line in /proc/sys or /sys; of "a [b] c" the word in
 *	  brackets is the old value
 * @value: what to write
 *
 * Return: 0, or a negative errno.
 */
int machine_set(const char *path, const char *value);

/**
 * machine_quiet() - keep the kernel from moving, merging or collapsing pages by itself
 *
 * Nor from ageing them: switches khugepaged, ksmd, NUMA balancing, proactive
 * compaction and DAMON's statistics off, as far as the kernel has them.
 *
 * Return: 0, or a negative errno.
 */
int machine_quiet(void);

/**
 * machine_is_rt() - is the kernel built with PREEMPT_RT?
 *
 * Return: whether it is.
 */
bool machine_is_rt(void);

/**
 * machine_has_thp() - does the kernel have transparent huge pages?
 *
 * Return: whether it does.
 */
bool machine_has_thp(void);

/**
 * machine_thp() - change a setting of transparent huge pages until machine_restore()
 * @setting: its file
 * @value: what to write
 *
 * Return: 0, also if the kernel has no such pages; or a negative errno.
 */
int machine_thp(const char *setting, const char *value);

/**
 * machine_symbol() - find a function of the kernel's
 * @symbol: its name
 * @start: where to put its address
 * @end: where to put that of the next one
 *
 * Return: whether there is one.
 */
bool machine_symbol(const char *symbol, uint64_t *start, uint64_t *end);

/**
 * machine_stay_on() - keep the caller, and whoever descends from it, on a processor
 * @cpu: its number, sched_getcpu() for where the caller is
 *
 * Return: 0, or a negative errno.
 */
int machine_stay_on(int cpu);

/**
 * machine_mappings() - how many mappings a test may give a process
 * @wanted: how many it would
 *
 * Return: @wanted; at most 500 where all is slow, or the kernel looks through all of
 * them whenever one changes (mm/vma.c:validate_mm(), CONFIG_DEBUG_VM_MAPLE_TREE), which
 * many more make take hours.
 */
uint64_t machine_mappings(uint64_t wanted);

/**
 * machine_hugepages() - reserve huge pages of one size
 * @bytes: size of a page
 * @count: how many are wanted
 *
 * Return: how many there are now, or a negative errno; -ENOENT if the
 * processor has none of that size.
 */
int machine_hugepages(uint64_t bytes, uint64_t count);

/**
 * machine_swap_on() - add a swap device of the given size
 * @mebibytes: its size
 *
 * A zram device: it needs no disk. It is made and removed with the swap, so that
 * tests do not meet each other's.
 *
 * Return: 0, or a negative errno.
 */
int machine_swap_on(unsigned int mebibytes);

/**
 * machine_exact_faults() - one fault on a file maps one page, not those around it
 *
 * Return: 0, or a negative errno.
 */
int machine_exact_faults(void);

/**
 * machine_ramfs() - mount a file system whose files are neither swapped nor shmem
 *
 * Return: its directory, or NULL with errno.
 */
const char *machine_ramfs(void);

/**
 * machine_restore() - undo everything that the functions above did, last first
 */
void machine_restore(void);

#endif /* SELFTESTS_MACHINE_H */
