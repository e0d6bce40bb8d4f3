// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: readers don't disturb each other or the process: several at once
 * get the same text; one that sleeps, stands still or is killed in the middle
 * holds nothing that the process needs to change its address space.
 */
#include "kselftest_harness.h"
#include "lifetime.h"
#include "lib/children.h"
#include "lib/machine.h"

#include <sys/prctl.h>

#define READERS 4
#define ROUNDS 5
#define PROMPT 20.0	/* seconds; an emulated machine with other work is slow */

static unsigned int pairs = LIFE_PAIRS;

FIXTURE(lifetime_readers)
{
	struct target target;
	pid_t reader[READERS];
};

/* Changes its address space in each step, which takes its mmap_lock for writing. */
static void changer_body(struct target *target, void *arg)
{
	(void)arg;
	life_map_many(pairs);
	for (;;) {
		char *mem;

		target_step(target);
		mem = mmap(NULL, LIFE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
		if (mem == MAP_FAILED || munmap(mem, LIFE_PAGE))
			target_fail("mmap");
	}
}

FIXTURE_SETUP(lifetime_readers)
{
	/* or accessed bits change between two readings */
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, target_fork(&self->target, changer_body, NULL));
}

FIXTURE_TEARDOWN(lifetime_readers)
{
	children_end(self->reader, READERS);
	target_end(&self->target);
	machine_restore();
}

static uint64_t hash_rows(const struct report *r)
{
	const char *end = strstr(r->text, "\n[total]\n");
	uint64_t hash = 14695981039346656037ull;

	for (const char *at = r->text; at < end; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
	return hash;
}

/* Read several times; exits with 0 if all that was read is what the first reading gave. */
static void reader_body(pid_t pid, uint64_t expected)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct report r;

		if (!life_ok(report_read(&r, pid), &r, "one of several readers") || !r.complete ||
		    hash_rows(&r) != expected)
			_exit(1);
		report_free(&r);
	}
	_exit(0);
}

TEST_F_TIMEOUT(lifetime_readers, several_get_the_same, 60)
{
	uint64_t expected;
	struct report r;
	int status;

	ASSERT_EQ(0, report_read(&r, self->target.pid));
	ASSERT_TRUE(r.complete);
	expected = hash_rows(&r);
	report_free(&r);
	for (int i = 0; i < READERS; i++) {
		self->reader[i] = fork();
		if (!self->reader[i])
			reader_body(self->target.pid, expected);
	}
	for (int i = 0; i < READERS; i++) {
		ASSERT_EQ(self->reader[i], waitpid(self->reader[i], &status, 0));
		self->reader[i] = 0;
		EXPECT_EQ(0, status) TH_LOG("reader %d got another text, or none", i);
	}
}

TEST_F(lifetime_readers, sleeper_holds_nothing)
{
	int fd = report_open(self->target.pid, O_RDONLY);
	struct report r;
	size_t len = 3000;
	char *text;

	ASSERT_GE(fd, 0);
	text = life_read_some(fd, len, 1000);
	ASSERT_NE(NULL, text);
	for (int i = 0; i < 3; i++) {
		double start = life_seconds();

		ASSERT_EQ(0, target_next(&self->target));
		EXPECT_LT(life_seconds() - start, PROMPT);
		usleep(100000);
	}
	ASSERT_EQ(0, life_read_on(fd, &text, &len, 4096));
	EXPECT_TRUE(life_ok(report_parse(&r, text, len), &r, "read on after a sleep"));
	EXPECT_TRUE(r.complete);
	EXPECT_EQ(2 * pairs, life_rows_in_arena(&r));
	report_free(&r);
	close(fd);
}

static pid_t start_endless_reader(pid_t pid)
{
	pid_t reader = fork();
	struct report r;

	if (reader)
		return reader;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		report_read(&r, pid);
		report_free(&r);
	}
}

/* A reader is stopped, or killed, wherever it happens to be; many times. */
static bool interrupt_readers(struct target *target, pid_t *reader, int signal)
{
	unsigned int seed = 1;

	for (int i = 0; i < 20; i++) {
		double start;

		*reader = start_endless_reader(target->pid);
		usleep(5000 + rand_r(&seed) % 30000);
		start = life_seconds();
		if (kill(*reader, signal) || target_next(target))
			return false;
		if (signal == SIGKILL && waitpid(*reader, NULL, 0) != *reader)
			return false;
		if (life_seconds() - start > PROMPT) {
			diag("pid %d: its reader got %s: expected a step in %.0f s, seen %.1f s",
			     target->pid, strsignal(signal), PROMPT, life_seconds() - start);
			return false;
		}
		if (signal != SIGKILL) {
			kill(*reader, SIGKILL);
			waitpid(*reader, NULL, 0);
		}
		*reader = 0;
	}
	return true;
}

TEST_F_TIMEOUT(lifetime_readers, killed_holds_nothing, 60)
{
	struct report r;

	EXPECT_TRUE(interrupt_readers(&self->target, &self->reader[0], SIGKILL));
	EXPECT_TRUE(life_ok(report_read(&r, self->target.pid), &r, "after killed readers"));
	EXPECT_TRUE(r.complete);
	report_free(&r);
}

TEST_F_TIMEOUT(lifetime_readers, stopped_holds_nothing, 60)
{
	EXPECT_TRUE(interrupt_readers(&self->target, &self->reader[0], SIGSTOP));
}

TEST_HARNESS_MAIN
