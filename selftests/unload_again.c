// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the module can't be loaded twice (EEXIST), which does no harm;
 * after unloading nothing of it is left: no directory, no module, no symbol, no
 * slab cache, no trace event, no mount.
 */
#include "kselftest_harness.h"
#include "unload.h"

FIXTURE(unload_again) {};

FIXTURE_SETUP(unload_again)
{
	ASSERT_EQ(0, unload_ensure());
}

FIXTURE_TEARDOWN(unload_again)
{
	EXPECT_EQ(0, unload_ensure());
}

TEST_F(unload_again, second_load_is_refused)
{
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EEXIST, unload_insert());
		EXPECT_TRUE(unload_works("/proc", getpid()));
	}
	EXPECT_EQ(0, unload_remove());
	EXPECT_EQ(-ENOENT, unload_remove());
}

/* How often a file has the module's name; -1 if it can't be read. */
static int mentions(const char *path, const char *word)
{
	char *text = procfile_read(path, NULL), *at = text;
	int count = text ? 0 : -1;

	while (at && (at = strstr(at, word))) {
		count++;
		at += strlen(word);
	}
	free(text);
	return count;
}

/* Each is there, or may be, while the module is loaded. */
static const struct {
	const char *path;
	const char *word;
	bool when_loaded;
} trace_of[] = {
	{ "/proc/modules", "vminspect ", true },
	{ "/proc/kallsyms", "[vminspect]", true },
	{ "/proc/slabinfo", "vmi", false },
	{ "/proc/slabinfo", "vminspect", false },
	{ "/proc/vmallocinfo", "[vminspect]", false },
	{ "/proc/mounts", "vminspect", false },
	{ "/sys/kernel/tracing/available_events", "vminspect:", false },
	{ "/sys/kernel/debug/kprobes/list", "vminspect", false },
};

TEST_F(unload_again, nothing_is_left)
{
	const size_t traces = sizeof(trace_of) / sizeof(*trace_of);

	for (size_t i = 0; i < traces; i++) {
		if (trace_of[i].when_loaded) {
			EXPECT_GT(mentions(trace_of[i].path, trace_of[i].word), 0) {
				TH_LOG("%s while loaded", trace_of[i].path);
			}
		}
	}
	ASSERT_EQ(0, unload_remove());
	EXPECT_TRUE(unload_gone("/proc", getpid()));
	EXPECT_FALSE(unload_is_loaded());
	for (size_t i = 0; i < traces; i++) {
		EXPECT_EQ(0, mentions(trace_of[i].path, trace_of[i].word)) {
			TH_LOG("%s: '%s' after unloading", trace_of[i].path, trace_of[i].word);
		}
	}
}

TEST_HARNESS_MAIN
