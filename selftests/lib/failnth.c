// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's side: Documentation/fault-injection/ and lib/fault-inject.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "failnth.h"
#include "machine.h"
#include "procfile.h"
#include "sites.h"

#define DEBUG "/sys/kernel/debug/"

/* On x86-64 modules are behind the kernel, from a multiple of this on, and end here. */
#define MODULES_ALIGN (UINT64_C(512) << 20)
#define MODULES_END 0xffffffffff000000

/* As good as without end, and a number that can be told from it. */
#define TIMES 1000000000
#define ENDLESS (-1)

static const char *const kind[] = { "failslab", "fail_page_alloc" };

#define KINDS (sizeof(kind) / sizeof(*kind))

static void path_of(char *path, size_t room, size_t i, const char *attribute)
{
	snprintf(path, room, DEBUG "%s/%s", kind[i], attribute);
}

/* Both kinds have it. */
static int write_text(const char *attribute, const char *text)
{
	char path[128];
	int err = 0;

	for (size_t i = 0; i < KINDS && !err; i++) {
		path_of(path, sizeof(path), i, attribute);
		err = procfile_write(path, text);
	}
	return err;
}

static int write_number(const char *attribute, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	return write_text(attribute, text);
}

static int write_address(const char *attribute, uint64_t address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return write_text(attribute, text);
}

static bool has_files(void)
{
	char path[128];

	for (size_t i = 0; i < KINDS; i++) {
		path_of(path, sizeof(path), i, "require-start");
		if (access(path, W_OK))
			return false;
	}
	return !access("/proc/self/fail-nth", W_OK);
}

bool failnth_can(void)
{
	const char *built = getenv("VMINSPECT_FAILNTH");

	return (built && *built) || has_files();
}

static int settle(void)
{
	static const struct {
		const char *path;
		const char *value;
	} setting[] = {
		{ DEBUG "failslab/verbose", "0" },
		{ DEBUG "failslab/interval", "1" },
		{ DEBUG "failslab/task-filter", "N" },
		{ DEBUG "failslab/ignore-gfp-wait", "N" },
		{ DEBUG "failslab/cache-filter", "N" },
		{ DEBUG "failslab/stacktrace-depth", "32" },
		{ DEBUG "fail_page_alloc/verbose", "0" },
		{ DEBUG "fail_page_alloc/interval", "1" },
		{ DEBUG "fail_page_alloc/task-filter", "N" },
		{ DEBUG "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUG "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUG "fail_page_alloc/min-order", "0" },
		{ DEBUG "fail_page_alloc/stacktrace-depth", "32" },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(setting) / sizeof(*setting) && !err; i++)
		err = machine_set(setting[i].path, setting[i].value);
	return err;
}

/* Read by vm/judge. */
static int log_line(const char *text)
{
	return procfile_write("/dev/kmsg", text);
}

/* Where the module's text is, while it is loaded. */
static uint64_t text_address(void)
{
	char *text = procfile_read("/sys/module/vminspect/sections/.text", NULL);
	uint64_t address = text ? strtoull(text, NULL, 16) : 0;

	free(text);
	return address;
}

int failnth_below_modules(void)
{
	uint64_t text = text_address();

	return text ? failnth_below(text & -MODULES_ALIGN, MODULES_END) : -ENODATA;
}

int failnth_below_function(const char *function)
{
	uint64_t text = text_address(), start, end;

	if (!text || sites_function(getenv("VMINSPECT_KO"), function, &start, &end))
		return -ENODATA;
	return failnth_below(text + start, text + end);
}

int failnth_but_kmemleak(void)
{
	uint64_t start, end;
	int err;

	if (!machine_symbol("__alloc_object", &start, &end) &&
	    !machine_symbol("mem_pool_alloc", &start, &end))
		return 0;
	err = write_address("reject-start", start);
	return err ?: write_address("reject-end", end);
}

int failnth_begin(void)
{
	int err = settle();

	if (!err)
		err = log_line("selftests: allocations are made to fail");
	if (!err)
		err = write_number("times", ENDLESS);
	return err;
}

void failnth_end(void)
{
	failnth_never();
	write_number("times", 1);
	failnth_below(0, FAILNTH_ANY);
	write_address("reject-start", 0);
	write_address("reject-end", 0);
	log_line("selftests: allocations succeed again");
}

int failnth_below(uint64_t start, uint64_t end)
{
	int err = write_address("require-start", start);

	return err ?: write_address("require-end", end);
}

int failnth_open(pid_t tid)
{
	char path[64] = "/proc/thread-self/fail-nth";
	int fd;

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/fail-nth", tid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void failnth_arm(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fd, text, len, 0) != len)
		diag("fail-nth: %s: expected to write %s", strerror(errno), text);
}

bool failnth_disarm(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		diag("fail-nth: %s: expected a number", strerror(errno));
	failnth_arm(fd, 0);
	return atoi(text) == 0;
}

int failnth_always(void)
{
	int err = write_number("times", TIMES);

	return err ?: write_number("probability", 100);
}

uint64_t failnth_never(void)
{
	uint64_t failed = 0;
	char path[128], *text;

	write_number("probability", 0);
	for (size_t i = 0; i < KINDS; i++) {
		path_of(path, sizeof(path), i, "times");
		text = procfile_read(path, NULL);
		if (text && atol(text) > 0)
			failed += TIMES - atol(text);
		free(text);
	}
	write_number("times", ENDLESS);
	return failed;
}
