/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own account of a process: smaps, pagemap, status, stat, statm.
 */
#ifndef SELFTESTS_ACCOUNT_H
#define SELFTESTS_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "smaps.h"

/** ACCOUNT_PAGES_MAX - mappings of more pages than this are not read page by page */
#define ACCOUNT_PAGES_MAX (1ull << 20)

/**
 * enum account_number - what status, stat and statm say of a process
 * @ACCOUNT_PEAK: VmPeak
 * @ACCOUNT_SIZE: VmSize
 * @ACCOUNT_LOCKED: VmLck
 * @ACCOUNT_PINNED: VmPin
 * @ACCOUNT_HWM: VmHWM
 * @ACCOUNT_RSS: VmRSS
 * @ACCOUNT_ANON: RssAnon
 * @ACCOUNT_FILE: RssFile
 * @ACCOUNT_SHMEM: RssShmem
 * @ACCOUNT_DATA: VmData
 * @ACCOUNT_STACK: VmStk
 * @ACCOUNT_TEXT: VmExe
 * @ACCOUNT_LIB: VmLib
 * @ACCOUNT_TABLES: VmPTE
 * @ACCOUNT_SWAP: VmSwap
 * @ACCOUNT_STATUS_PAGES: how many are "kB" lines of status
 * @ACCOUNT_THREADS: Threads
 * @ACCOUNT_UID: Uid, the effective one
 * @ACCOUNT_START_CODE: startcode of stat
 * @ACCOUNT_END_CODE: endcode
 * @ACCOUNT_START_STACK: startstack
 * @ACCOUNT_START_DATA: start_data
 * @ACCOUNT_END_DATA: end_data
 * @ACCOUNT_START_BRK: start_brk
 * @ACCOUNT_ARG_START: arg_start
 * @ACCOUNT_ARG_END: arg_end
 * @ACCOUNT_ENV_START: env_start
 * @ACCOUNT_ENV_END: env_end
 * @ACCOUNT_NUMBERS: how many there are
 *
 * Sizes are in pages, addresses as they are.
 */
enum account_number {
	ACCOUNT_PEAK,
	ACCOUNT_SIZE,
	ACCOUNT_LOCKED,
	ACCOUNT_PINNED,
	ACCOUNT_HWM,
	ACCOUNT_RSS,
	ACCOUNT_ANON,
	ACCOUNT_FILE,
	ACCOUNT_SHMEM,
	ACCOUNT_DATA,
	ACCOUNT_STACK,
	ACCOUNT_TEXT,
	ACCOUNT_LIB,
	ACCOUNT_TABLES,
	ACCOUNT_SWAP,
	ACCOUNT_STATUS_PAGES,	/* those above are "kB" lines of status */

	ACCOUNT_THREADS = ACCOUNT_STATUS_PAGES,
	ACCOUNT_UID,
	ACCOUNT_START_CODE,
	ACCOUNT_END_CODE,
	ACCOUNT_START_STACK,
	ACCOUNT_START_DATA,
	ACCOUNT_END_DATA,
	ACCOUNT_START_BRK,
	ACCOUNT_ARG_START,
	ACCOUNT_ARG_END,
	ACCOUNT_ENV_START,
	ACCOUNT_ENV_END,
	ACCOUNT_NUMBERS
};

/**
 * struct account - the kernel's account of a process at one moment
 * @smaps: its mappings
 * @entry: pagemap entries of all mappings of up to ACCOUNT_PAGES_MAX pages, one
 *	   mapping after the other
 * @entries: how many
 * @first: for each row of @smaps, index of its first entry; SIZE_MAX if its
 *	   pages were not read
 * @number: from status and stat
 * @comm: name of the command, escaped as in status
 */
struct account {
	struct smaps smaps;
	uint64_t *entry;
	size_t entries;
	size_t *first;
	uint64_t number[ACCOUNT_NUMBERS];
	char comm[128];
};

/**
 * account_read() - take the account of a process
 * @a: filled in; account_free() it in any case
 * @pid: the process
 *
 * Return: 0, or a negative errno.
 */
int account_read(struct account *a, pid_t pid);

/**
 * account_holds() - read everything again and see whether it has changed
 * @a: the account taken before
 * @pid: the same process
 *
 * Return: 1 if all is as before, 0 if not, or a negative errno.
 */
int account_holds(const struct account *a, pid_t pid);

/**
 * account_free() - free what account_read() took
 * @a: what it filled in
 */
void account_free(struct account *a);

#endif /* SELFTESTS_ACCOUNT_H */
