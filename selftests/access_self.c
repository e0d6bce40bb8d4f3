// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: self is a symbolic link to the reader's pid, as /proc/self is, also
 * for a thread; reading it gives the reader's own report, whatever its uid.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "lib/report.h"

#include <pthread.h>

struct self_links {
	char proc[16];
	char ours[16];
	bool own;
};

static void read_links(void *arg)
{
	struct self_links *links = arg;
	struct report report;
	const char *pid = NULL;

	if (readlink("/proc/self", links->proc, sizeof(links->proc) - 1) < 0 ||
	    readlink("/proc/vminspect/self", links->ours, sizeof(links->ours) - 1) < 0)
		return;
	if (!report_read_path(&report, "/proc/vminspect/self"))
		pid = report_value(&report, "process", "pid");
	links->own = pid && atoi(pid) == getpid();
	report_free(&report);
}

static void *thread_body(void *arg)
{
	read_links(arg);
	return NULL;
}

TEST(own_report)
{
	struct self_links links = {};

	read_links(&links);
	EXPECT_EQ(getpid(), atoi(links.ours));
	EXPECT_STREQ(links.proc, links.ours);
	EXPECT_TRUE(links.own);
}

TEST(thread_reads_its_process)
{
	struct self_links links = {};
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_body, &links));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(getpid(), atoi(links.ours));
	EXPECT_STREQ(links.proc, links.ours);
	EXPECT_TRUE(links.own);
}

TEST(other_uid_reads_itself)
{
	struct self_links *links = access_shared(sizeof(*links));

	ASSERT_NE(NULL, links);
	ASSERT_EQ(0, access_call_as(&access_other, read_links, links));
	EXPECT_STREQ(links->proc, links->ours);
	EXPECT_NE(getpid(), atoi(links->ours));
	EXPECT_TRUE(links->own);
}

TEST_HARNESS_MAIN
