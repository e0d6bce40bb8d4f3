// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while processes come and go all the time, whoever reads every
 * report that is listed gets well-formed ones, complete, ended early or empty,
 * or ENOENT or ESRCH, nothing else; a process that lives on is always complete.
 */
#include "kselftest_harness.h"
#include "lifetime.h"

#include <ctype.h>
#include <dirent.h>
#include <sys/prctl.h>

#define PARENTS 4
#define FORKS 500	/* of each parent */
#define READERS 3

/* What the readers saw; one counter each, so no locks. */
struct seen {
	volatile int stop;
	struct {
		unsigned long passes;
		unsigned long complete;
		unsigned long early;
		unsigned long gone;
		unsigned long wrong;
	} of[READERS];
};

FIXTURE(lifetime_storm)
{
	struct seen *seen;
	pid_t parent[PARENTS];
	pid_t reader[READERS];
};

/* A child lives for a moment, changes its address space, or runs a program. */
static void short_life(int kind)
{
	char *mem;

	if (kind % 4 == 1)
		usleep(2000);
	if (kind % 4 == 2) {
		mem = mmap(NULL, 64 * LIFE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int i = 0; mem != MAP_FAILED && i < 64; i += 2)
			mprotect(mem + i * LIFE_PAGE, LIFE_PAGE, PROT_NONE);
	}
	if (kind % 32 == 3)
		execlp("true", "true", NULL);
	_exit(0);
}

static void parent_body(void)
{
	int alive = 0;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < FORKS; i++) {
		pid = fork();
		if (!pid)
			short_life(i);
		if (pid < 0)
			_exit(1);
		for (alive++; alive > 6; alive--)
			wait(NULL);
	}
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static void read_one(struct seen *seen, int reader, pid_t pid)
{
	struct report r;
	char who[32];
	int err = report_read(&r, pid);

	snprintf(who, sizeof(who), "pid %d", pid);
	if (err == -ENOENT || err == -ESRCH)
		seen->of[reader].gone++;
	else if (!life_ok(err, &r, who))
		seen->of[reader].wrong++;
	else if (r.complete)
		seen->of[reader].complete++;
	else
		seen->of[reader].early++;
	if (!err && !r.complete && pid == getppid()) {
		diag("pid %d lives on, but its report has no [total]", pid);
		seen->of[reader].wrong++;
	}
	report_free(&r);
}

static void reader_body(struct seen *seen, int reader)
{
	struct dirent *entry;
	DIR *dir;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	do {
		dir = opendir("/proc/vminspect");
		if (!dir) {
			seen->of[reader].wrong++;
			break;
		}
		while ((entry = readdir(dir)))
			if (isdigit((unsigned char)entry->d_name[0]))
				read_one(seen, reader, atoi(entry->d_name));
		closedir(dir);
		seen->of[reader].passes++;
	} while (!seen->stop);
	_exit(0);
}

FIXTURE_SETUP(lifetime_storm)
{
	self->seen = mmap(NULL, sizeof(*self->seen), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->seen);
}

FIXTURE_TEARDOWN(lifetime_storm)
{
	for (int i = 0; i < PARENTS; i++)
		if (self->parent[i] > 0)
			kill(self->parent[i], SIGKILL);
	for (int i = 0; i < READERS; i++)
		if (self->reader[i] > 0)
			kill(self->reader[i], SIGKILL);
	while (wait(NULL) > 0)
		;
}

TEST_F_TIMEOUT(lifetime_storm, all_reports_are_well_formed, 120)
{
	int status;

	for (int i = 0; i < READERS; i++) {
		self->reader[i] = fork();
		if (!self->reader[i])
			reader_body(self->seen, i);
		ASSERT_GT(self->reader[i], 0);
	}
	for (int i = 0; i < PARENTS; i++) {
		self->parent[i] = fork();
		if (!self->parent[i])
			parent_body();
		ASSERT_GT(self->parent[i], 0);
	}
	for (int i = 0; i < PARENTS; i++) {
		ASSERT_EQ(self->parent[i], waitpid(self->parent[i], &status, 0));
		EXPECT_EQ(0, status);
		self->parent[i] = 0;
	}
	self->seen->stop = 1;
	for (int i = 0; i < READERS; i++) {
		ASSERT_EQ(self->reader[i], waitpid(self->reader[i], &status, 0));
		EXPECT_EQ(0, status);
		self->reader[i] = 0;
		diag("reader %d: %lu passes, %lu complete, %lu ended early, %lu gone", i,
		     self->seen->of[i].passes, self->seen->of[i].complete,
		     self->seen->of[i].early, self->seen->of[i].gone);
		EXPECT_EQ(0, self->seen->of[i].wrong);
		EXPECT_GT(self->seen->of[i].passes, 0);
		EXPECT_GT(self->seen->of[i].complete, 0);
	}
}

TEST_HARNESS_MAIN
