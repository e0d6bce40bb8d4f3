// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while pages move from one place in memory to another, to make room (compaction)
 * and between nodes, because a process asks for it, because another one does, or because
 * the kernel thinks better of it (NUMA balancing), every report is well formed, no fault
 * is lost, and memory holds what was written to it.
 */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "storm.h"

#define PAGES 1024
#define NODES 2
#define ENDING_TRIES 1000
#define BALANCING "/sys/kernel/debug/sched/numa_balancing/"

STORM_FIXTURE(storm_migrate)
{
	ASSERT_EQ(0, storm_open(&self->storm));
}

static char *arena;

static volatile char *page_at(int page)
{
	return arena + page * LIFE_PAGE;
}

static bool arena_ready(void)
{
	if (arena)
		return true;
	arena = mmap(NULL, PAGES * LIFE_PAGE, KIND_RW, KIND_PRIVATE, -1, 0);
	if (arena == MAP_FAILED) {
		arena = NULL;
		return false;
	}
	/* a huge page would move as one */
	madvise(arena, PAGES * LIFE_PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		*page_at(i) = i;
	return true;
}

static bool arena_holds(int stride)
{
	for (int i = 0; i < PAGES; i += stride) {
		char seen = *page_at(i);

		if (seen == (char)i)
			continue;
		diag("pid %d: page %d at %p: expected %d, seen %d", getpid(), i, arena, (char)i,
		     seen);
		errno = 0;
		return false;
	}
	return true;
}

/* Just look at it and write to it. */
static bool stay(void)
{
	if (!arena_ready() || !arena_holds(1))
		return false;
	for (int i = 0; i < PAGES; i++)
		*page_at(i) = i;
	return true;
}

/* Gives every second page back, so that there are holes to fill, and wants it again. */
static bool make_holes(void)
{
	bool good = arena_ready();

	for (int i = 1; i < PAGES; i += 2)
		good = !madvise(arena + i * LIFE_PAGE, LIFE_PAGE, MADV_DONTNEED) && good;
	storm_sleep(20);
	for (int i = 1; i < PAGES; i += 2)
		*page_at(i) = i;
	return good && arena_holds(1);
}

static bool compact(void)
{
	errno = -procfile_write("/proc/sys/vm/compact_memory", "1");
	return !errno && storm_sleep(50);
}

static const struct storm_kind compaction[] = {
	{ "make holes", make_holes },
	{ "make holes, too", make_holes },
	{ "stay", stay },
	{ "compact", compact },
};

TEST_F_TIMEOUT(storm_migrate, compaction, STORM_TIMEOUT)
{
	STORM(compaction, "compact_migrate_scanned", "pgmigrate_success", NULL);
}

/* To one node and back, all that are there. */
static bool move_own(void)
{
	static void *page[PAGES];
	static int node[PAGES], status[PAGES], turn;

	if (!arena_ready())
		return false;
	turn++;
	for (int i = 0; i < PAGES; i++) {
		page[i] = arena + i * LIFE_PAGE;
		node[i] = (turn + i / 64) % NODES;
	}
	if (syscall(SYS_move_pages, 0, PAGES, page, node, status, MPOL_MF_MOVE) < 0)
		return false;
	return arena_holds(1);
}

/* Is it on its way out, without memory, or past it? It has a moment to show that. */
static bool is_ending(pid_t pid)
{
	for (int i = 0; i < ENDING_TRIES; i++) {
		if (process_is_zombie(pid) || (kill(pid, 0) && errno == ESRCH))
			return true;
		usleep(1000);
	}
	errno = EINVAL;
	return false;
}

/* All pages of all the other workers. */
static bool move_others(void)
{
	static int turn;
	unsigned long from = 1ul << turn % NODES, to = 1ul << (turn + 1) % NODES;

	turn++;
	for (int i = 0; i < STORM_WORKERS; i++) {
		pid_t pid = storm_shared->worker[i].pid;

		if (pid <= 0 || pid == getpid() ||
		    syscall(SYS_migrate_pages, pid, 8 * sizeof(from), &from, &to) >= 0)
			continue;
		/* at the end of the storm: no such process, or none with memory */
		if (errno != ESRCH && (errno != EINVAL || !is_ending(pid)))
			return false;
	}
	return storm_sleep(50);
}

static void *touch_thread(void *arg)
{
	machine_stay_on((uintptr_t)arg);
	for (int i = 0; i < 20; i++)
		if (!arena_holds(1))
			return arena;
	return NULL;
}

/* Threads on different nodes want the same pages; the one with more touches gets them. */
static bool touch_from_both(void)
{
	pthread_t thread[NODES];
	void *wrong;
	bool good = arena_ready();
	uintptr_t started = 0;

	while (good && started < NODES &&
	       !pthread_create(&thread[started], NULL, touch_thread, (void *)started))
		started++;
	for (uintptr_t i = 0; i < started; i++)
		good = !pthread_join(thread[i], &wrong) && !wrong && good;
	return good && started == NODES;
}

/* On one processor for a while, then on the other: the pages come after it. */
static bool wander(void)
{
	static uintptr_t turn;

	return arena_ready() && !touch_thread((void *)(turn++ / 4 % NODES));
}

static const struct storm_kind nodes[] = {
	{ "move pages", move_own },
	{ "move others' pages", move_others },
	{ "touch from both nodes", touch_from_both },
	{ "wander", wander },
	{ "stay", stay },
};

TEST_F_TIMEOUT(storm_migrate, nodes, STORM_TIMEOUT)
{
	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "this machine has one node");
	ASSERT_EQ(0, machine_set("/proc/sys/kernel/numa_balancing", "1"));
	ASSERT_EQ(0, machine_set(BALANCING "scan_delay_ms", "10"));
	ASSERT_EQ(0, machine_set(BALANCING "scan_period_min_ms", "20"));
	ASSERT_EQ(0, machine_set(BALANCING "scan_period_max_ms", "100"));
	STORM(nodes, "pgmigrate_success", "numa_pte_updates", "numa_hint_faults", NULL);
}

TEST_HARNESS_MAIN
