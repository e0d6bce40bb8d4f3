// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: when a process execs, an open file of its report comes to its end
 * as if it had died, whichever thread execs, and shows nothing of the new
 * program; opened anew, it shows the new one only.
 */
#include "kselftest_harness.h"
#include "lifetime.h"

#include <pthread.h>

FIXTURE(lifetime_exec)
{
	struct target target;
};

FIXTURE_VARIANT(lifetime_exec)
{
	bool by_thread;
	size_t before;
};

FIXTURE_VARIANT_ADD(lifetime_exec, before_reading) { .before = 0, };
FIXTURE_VARIANT_ADD(lifetime_exec, while_reading) { .before = 5000, };
FIXTURE_VARIANT_ADD(lifetime_exec, thread_before_reading) { .by_thread = true, .before = 0, };
FIXTURE_VARIANT_ADD(lifetime_exec, thread_while_reading) { .by_thread = true, .before = 5000, };

static void *exec_sleep(void *arg)
{
	execlp("sleep", "sleep", "60", NULL);
	return arg;
}

static void execer_body(struct target *target, void *arg)
{
	pthread_t thread;

	life_map_many(LIFE_PAIRS);
	target_step(target);
	if (!*(bool *)arg)
		exec_sleep(NULL);
	else if (!pthread_create(&thread, NULL, exec_sleep, NULL))
		pthread_join(thread, NULL);
	target_fail("exec");
}

FIXTURE_SETUP(lifetime_exec)
{
	bool by_thread = variant->by_thread;

	ASSERT_EQ(0, target_fork(&self->target, execer_body, &by_thread));
}

FIXTURE_TEARDOWN(lifetime_exec)
{
	target_end(&self->target);
}

/* Let the target go on; its end of the handshake closes when it has exec'd. */
static bool let_exec(struct target *target)
{
	char path[64], exe[64] = "";

	if (target_next(target) != -ECHILD)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", target->pid);
	return readlink(path, exe, sizeof(exe) - 1) > 0 && strstr(exe, "sleep");
}

TEST_F(lifetime_exec, old_file_ends)
{
	size_t len = variant->before;
	int fd = report_open(self->target.pid, O_RDONLY);
	struct report r;
	char *text, byte;

	ASSERT_GE(fd, 0);
	text = life_read_some(fd, len, 4096);
	ASSERT_NE(NULL, text);
	ASSERT_TRUE(let_exec(&self->target));
	ASSERT_EQ(0, life_read_on(fd, &text, &len, 4096));
	EXPECT_TRUE(variant->before || !len);
	EXPECT_TRUE(life_ok(report_parse(&r, text, len), &r, "opened before exec"));
	EXPECT_FALSE(r.complete);
	EXPECT_LT(life_rows_in_arena(&r), 2 * LIFE_PAIRS);
	for (size_t i = 0; i < r.rows; i++) {
		EXPECT_TRUE(!r.row[i].name || !strstr(r.row[i].name, "/sleep")) {
			TH_LOG("row %lx of the new program: %s", (unsigned long)r.row[i].start,
			       r.row[i].name);
		}
	}
	EXPECT_EQ(0, read(fd, &byte, 1));
	EXPECT_EQ(0, pread(fd, &byte, 1, 0));
	report_free(&r);
	close(fd);
}

TEST_F(lifetime_exec, new_file_shows_the_new_program)
{
	struct report r;
	size_t rows = 0;
	int fd = report_open(self->target.pid, O_RDONLY);

	ASSERT_GE(fd, 0);	/* an old file open makes no difference */
	ASSERT_TRUE(let_exec(&self->target));
	EXPECT_TRUE(life_ok(report_read(&r, self->target.pid), &r, "opened after exec"));
	EXPECT_TRUE(r.complete);
	EXPECT_EQ(0, life_rows_in_arena(&r));
	for (size_t i = 0; i < r.rows; i++)
		rows += r.row[i].name && strstr(r.row[i].name, "/sleep");
	EXPECT_GT(rows, 0);
	report_free(&r);
	close(fd);
}

TEST_HARNESS_MAIN
