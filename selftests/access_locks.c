// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: where pids are hidden, listing the directory and looking names up
 * in it asks /proc itself; that never comes to a deadlock with those who have
 * both directories locked, the way a rename from one into the other does (it
 * fails, but only then), whoever they are.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "access_list.h"

#include <time.h>

#define SECONDS 4

/**
 * struct race - what the processes of the race share
 * @proc: where the procfs instance is mounted
 * @stop: set when it is over
 * @turns: turns of each process
 */
struct race {
	char proc[32];
	volatile bool stop;
	volatile unsigned long turns[5];
};

static void rename_into(struct race *race)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "%s/nothing", race->proc);
	snprintf(to, sizeof(to), "%s/vminspect/nothing", race->proc);
	rename(from, to);
}

static void rename_out(struct race *race)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "%s/vminspect/1", race->proc);
	snprintf(to, sizeof(to), "%s/nothing", race->proc);
	rename(from, to);
}

static void list(struct race *race)
{
	static struct access_list listing;
	char path[64];

	snprintf(path, sizeof(path), "%s/vminspect", race->proc);
	access_list_path(&listing, path);
}

static void look_up(struct race *race)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/vminspect/%d", race->proc, getpid());
	stat(path, &st);
}

static void (*const turn[])(struct race *race) = {
	rename_into, rename_out, list, list, look_up,
};

#define RACERS (sizeof(turn) / sizeof(*turn))

FIXTURE(access_locks)
{
	struct race *race;
	pid_t racer[RACERS];
};

FIXTURE_SETUP(access_locks)
{
	self->race = access_shared(sizeof(*self->race));
	ASSERT_NE(NULL, self->race);
	ASSERT_EQ(0, access_private_mounts());
	strcpy(self->race->proc, "/tmp/locks-XXXXXX");
	ASSERT_EQ(0, access_mount_proc(self->race->proc, "hidepid=2"));
}

FIXTURE_TEARDOWN(access_locks)
{
	for (size_t i = 0; i < RACERS; i++)
		if (self->racer[i] > 0)
			kill(self->racer[i], SIGKILL);
	access_umount(self->race->proc);
}

static void racer_body(struct race *race, int number)
{
	if (access_become(number % 2 ? &access_other : &access_root))
		_exit(1);
	while (!race->stop) {
		turn[number](race);
		race->turns[number]++;
	}
	_exit(0);
}

/* Wait for a process to end, but not for ever: it may hang beyond any signal's reach. */
static bool ends_in(pid_t pid, int seconds)
{
	for (int i = 0; i < seconds * 100; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		usleep(10000);
	}
	return false;
}

TEST_F_TIMEOUT(access_locks, no_deadlock, 60)
{
	for (size_t i = 0; i < RACERS; i++) {
		self->racer[i] = fork();
		if (!self->racer[i])
			racer_body(self->race, i);
		ASSERT_GT(self->racer[i], 0);
	}
	sleep(SECONDS);
	self->race->stop = true;
	for (size_t i = 0; i < RACERS; i++) {
		bool ended = ends_in(self->racer[i], 60);

		EXPECT_TRUE(ended) {
			TH_LOG("process %zu of the race hangs after %lu turns", i,
			       self->race->turns[i]);
		}
		EXPECT_GT(self->race->turns[i], 0);
		if (ended)
			self->racer[i] = 0;
	}
}

TEST_HARNESS_MAIN
