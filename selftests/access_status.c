// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: everyone may read the module's own state, but what sums up over the
 * processes of others only who may trace any of them (CAP_SYS_PTRACE).
 */
#include "kselftest_harness.h"
#include "access.h"
#include "lib/procfile.h"
#include "lib/report.h"
#include "vminspect.h"

#include <inttypes.h>

enum {
	OPEN,
	OPEN_BYTES,
	REPORTS,
	VMAS,
	HOLDS,
	LOCK_NS,
	LONGEST,
	TRACKED,
	MEMORY,
	UNATTRIBUTED,
	UNTRACKED,
	SUMS,
};

static const char *const sums[SUMS] = {
	"open", "open_bytes", "reports", "vmas", "holds", "lock_ns", "longest_hold_ns",
	"tracked", "memory_bytes", "unattributed", "untracked",
};

/**
 * struct status - what a reader saw
 * @read: the file could be read
 * @version: it says which version the module is
 * @known: which of the sums are numbers
 * @hidden: which of them are "-"
 * @value: what they are
 */
struct status {
	bool read;
	bool version;
	bool known[SUMS];
	bool hidden[SUMS];
	uint64_t value[SUMS];
};

static void read_status(void *arg)
{
	struct status *status = arg;
	char *text = procfile_read("/proc/vminspect/status", NULL), line[64];

	if (!text)
		return;
	status->read = true;
	status->version = strstr(text, "version " VMINSPECT_VERSION "\n");
	for (int i = 0; i < SUMS; i++) {
		snprintf(line, sizeof(line), "\n%s -\n", sums[i]);
		status->hidden[i] = strstr(text, line);
		snprintf(line, sizeof(line), "\n%s ", sums[i]);
		if (!status->hidden[i] && strstr(text, line))
			status->known[i] = sscanf(strstr(text, line) + strlen(line), "%" SCNu64,
						  &status->value[i]) == 1;
	}
	free(text);
}

TEST(root_sees_all)
{
	struct status before = {}, after = {};
	struct report report;

	read_status(&before);
	ASSERT_EQ(0, report_read(&report, getpid()));
	read_status(&after);
	EXPECT_TRUE(after.read && after.version);
	for (int i = 0; i < SUMS; i++) {
		EXPECT_TRUE(before.known[i] && after.known[i]) {
			TH_LOG("status says nothing of %s", sums[i]);
		}
	}
	EXPECT_EQ(before.value[REPORTS] + 1, after.value[REPORTS]);
	EXPECT_EQ(before.value[VMAS] + report.rows, after.value[VMAS]);
	EXPECT_LT(before.value[HOLDS], after.value[HOLDS]);
	report_free(&report);
}

TEST(others_see_no_sums)
{
	struct status *status = access_shared(sizeof(*status));

	ASSERT_NE(NULL, status);
	ASSERT_EQ(0, access_call_as(&access_other, read_status, status));
	EXPECT_TRUE(status->read && status->version);
	for (int i = 0; i < SUMS; i++) {
		EXPECT_TRUE(status->hidden[i]) {
			TH_LOG("%s: expected -, seen %" PRIu64, sums[i], status->value[i]);
		}
	}
}

TEST_HARNESS_MAIN
