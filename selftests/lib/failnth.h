/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail because a test wants it, on kernels built for that
 * (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC): the nth one of a task, once, or all
 * of them below a piece of code. Those that must not sleep fail, too.
 *
 * Either way only those are meant whose call chain comes by the code that
 * failnth_below() names.
 */
#ifndef SELFTESTS_FAILNTH_H
#define SELFTESTS_FAILNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** FAILNTH_NONE - what test programs say when they skip */
#define FAILNTH_NONE "this kernel cannot make allocations fail: it is built without " \
	"CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC or CONFIG_FAULT_INJECTION_STACKTRACE_FILTER"

/** FAILNTH_ANY - the end of the code for failnth_below() that means all of it */
#define FAILNTH_ANY UINT64_MAX

/**
 * failnth_can() - can this kernel make allocations fail?
 *
 * Return: whether it can; or should, having been built for it, which is what
 * VMINSPECT_FAILNTH=yes says: what is done next fails then.
 */
bool failnth_can(void);

/**
 * failnth_begin() - prepare; machine_restore() and failnth_end() undo it
 *
 * The kernel's log says so from now on: what it has to say of a failed allocation
 * is then expected.
 *
 * Return: 0, or a negative errno.
 */
int failnth_begin(void);

/**
 * failnth_end() - no allocation fails any more because of us
 */
void failnth_end(void);

/**
 * failnth_below() - which code's allocations are meant
 * @start: first address of it
 * @end: first address behind it; %FAILNTH_ANY with a @start of 0: any code
 *
 * Return: 0, or a negative errno.
 */
int failnth_below(uint64_t start, uint64_t end);

/**
 * failnth_below_modules() - those of modules are meant, also of one that is loaded later
 *
 * Our module is loaded now.
 *
 * Return: 0, or a negative errno.
 */
int failnth_below_modules(void);

/**
 * failnth_below_function() - those of one function of the module are meant
 * @function: its name; one that is not inlined
 *
 * Return: 0, or a negative errno; says so if there is no such function.
 */
int failnth_below_function(const char *function);

/**
 * failnth_but_kmemleak() - what kmemleak allocates for each object is not meant
 *
 * It makes do without, and nothing is to be seen of it. Takes its time.
 *
 * Return: 0, or a negative errno.
 */
int failnth_but_kmemleak(void);

/**
 * failnth_open() - get hold of a task
 * @tid: the task, 0 for the calling thread
 *
 * Return: a file for the two functions below, or a negative errno.
 */
int failnth_open(pid_t tid);

/**
 * failnth_arm() - let one allocation of a task fail
 * @fd: the task
 * @nth: which one: the next is the first
 */
void failnth_arm(int fd, unsigned int nth);

/**
 * failnth_disarm() - let none fail any more
 * @fd: the task
 *
 * Return: whether one did fail: whether there were so many.
 */
bool failnth_disarm(int fd);

/**
 * failnth_always() - let all allocations fail that failnth_below() says, of any task
 *
 * Return: 0, or a negative errno.
 */
int failnth_always(void);

/**
 * failnth_never() - undo failnth_always()
 *
 * Return: how many have failed since then.
 */
uint64_t failnth_never(void);

#endif /* SELFTESTS_FAILNTH_H */
