/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes to look at: a forked one that runs a function of the test step by
 * step, or a real program.
 *
 * A forked target and its test take turns: the target calls target_step() when
 * it has done something; the test then finds it stopped (SIGSTOP, so that
 * nothing in it moves), looks, and lets it go on with target_next(). Targets
 * die with the test that started them.
 */
#ifndef SELFTESTS_TARGET_H
#define SELFTESTS_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

/** TARGET_WORDS - how many words target and test share */
#define TARGET_WORDS 512

/**
 * TARGET_ALONE - an address with nothing near it, for mappings of a target
 * @slot: 0 to 15, each in a span of 512 GiB of its own
 *
 * A mapping there shares no page table with another but those of the highest
 * two levels of five.
 */
#define TARGET_ALONE(slot) ((1ull << 45) + ((uint64_t)(slot) << 39))

/** TARGET_ALONE_UPPER - tables above the PTE tables of such a mapping: PMD and PUD */
#define TARGET_ALONE_UPPER 2

/**
 * struct target - a process under test
 * @pid: its pid, as the test sees it
 * @word: TARGET_WORDS zeroed words that both see, to hand over addresses and
 *	  counts; only for forked targets
 * @test_end: the test's end of the handshake, or -1
 * @own_end: the target's end, or -1
 */
struct target {
	pid_t pid;
	volatile uint64_t *word;
	int test_end;
	int own_end;
};

/**
 * target_fork() - start a process that runs a function, wait for its first step
 * @t: filled in
 * @body: runs in the new process, which exits with 0 when it returns
 * @arg: passed to @body
 *
 * Return: 0 with the target stopped in its first target_step(), or a negative
 * errno; -ECHILD if it ended before. target_end() it after success.
 */
int target_fork(struct target *t, void (*body)(struct target *t, void *arg), void *arg);

/**
 * target_step() - in the target: one step is done; go on when the test says so
 * @t: the target
 */
void target_step(struct target *t);

/**
 * target_fail() - in the target: end it, saying which call failed and how (errno)
 * @what: the call
 *
 * The test sees target_fork() or target_next() return -ECHILD.
 */
void target_fail(const char *what) __attribute__((noreturn));

/**
 * target_next() - let a stopped target go on, wait for its next step
 * @t: the target
 *
 * Return: 0 with the target stopped in its next target_step(), or a negative
 * errno; -ECHILD if it ended first.
 */
int target_next(struct target *t);

/**
 * target_run() - start a real program; its input is empty, its output discarded
 * @t: filled in
 * @argv: program (looked up in PATH) and arguments, NULL at the end
 *
 * It gets a process group of its own; target_end() kills all of the group.
 *
 * Return: 0 with the program running (execve() has succeeded), or a negative errno.
 */
int target_run(struct target *t, char *const argv[]);

/**
 * target_stop() - stop a running target and wait until all its threads stand
 * @t: the target
 *
 * Return: 0, or a negative errno; -ECHILD if it has ended.
 */
int target_stop(struct target *t);

/**
 * target_continue() - let a target that target_stop() stopped run on
 * @t: the target
 *
 * Return: 0, or a negative errno.
 */
int target_continue(struct target *t);

/**
 * target_end() - kill the target and wait for its end
 * @t: the target; one that never started (zeroed) is fine
 */
void target_end(struct target *t);

/**
 * target_map() - in the target: mmap() that ends the target when it fails
 * @address: wanted address; used exactly (MAP_FIXED_NOREPLACE) unless 0
 * @pages: size in pages
 * @prot: as for mmap()
 * @flags: as for mmap()
 * @fd: as for mmap(), offset 0
 *
 * Return: the address.
 */
char *target_map(uint64_t address, uint64_t pages, int prot, int flags, int fd);

/**
 * target_small_pages() - in the target: have no huge pages in a mapping
 * @at: the mapping
 * @pages: its size
 */
void target_small_pages(char *at, uint64_t pages);

/**
 * target_write() - write one byte to each of some pages
 * @start: first page
 * @pages: how many pages
 * @stride: distance in pages from one to the next (1 for each page)
 */
void target_write(char *start, uint64_t pages, uint64_t stride);

/**
 * target_read() - read one byte of each of some pages
 * @start: first page
 * @pages: how many pages
 * @stride: distance in pages from one to the next (1 for each page)
 */
void target_read(const char *start, uint64_t pages, uint64_t stride);

/**
 * target_map_long_name() - map a page of a file with a very long name
 * @address: where
 * @depth: directories of 250 bytes each that it is in, below /dev/shm, where the
 *	   target is from then on
 */
void target_map_long_name(uint64_t address, unsigned int depth);

/**
 * process_stop() - send SIGSTOP to any process and wait until it stands
 * @pid: the process, which need not be a child
 *
 * Return: 0, or a negative errno; -ETIMEDOUT if it does not stop in 30 seconds.
 */
int process_stop(pid_t pid);

/**
 * process_is_zombie() - has a process exited, and nobody waited for it?
 * @pid: the process; its leader is what counts, even if there are other threads
 *
 * Return: whether that is so.
 */
bool process_is_zombie(pid_t pid);

/**
 * process_await_call() - wait until a process sleeps in a system call
 * @pid: the process, or one of its threads
 * @call: the call's number, for a process of 32 bits theirs
 *
 * Return: 0, or a negative errno; -ETIMEDOUT if it does not come to it in a minute.
 */
int process_await_call(pid_t pid, long call);

#endif /* SELFTESTS_TARGET_H */
