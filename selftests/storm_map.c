// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while mappings are made, unmapped, moved and protected all the time, in one
 * thread and in several, every report is well formed, no fault is lost, and each page
 * holds what was written to it, wherever it went.
 */
#include "storm.h"
#include "churn.h"

#define PAGES 96	/* of a field */
#define OPERATIONS 24	/* in a turn */

STORM_FIXTURE(storm_map)
{
	ASSERT_EQ(0, storm_open(&self->storm));
}

/**
 * struct field - pages next to each other, and what is known of them
 * @at: where they are: where the kernel puts nothing by itself, a thread's stack, say,
 *	 while some of them are unmapped
 * @begun: whether they have been mapped
 * @seed: of the random numbers
 * @prot: access that each page has, UNMAPPED if there is none
 * @stamp: what is in it
 */
struct field {
	char *at;
	bool begun;
	unsigned int seed;
	int prot[PAGES];
	char stamp[PAGES];
};

#define UNMAPPED (-1)

#define FIELD(number) { .at = (char *)TARGET_ALONE(number), .seed = 1 + (number) }

static const int access_of[] = { PROT_NONE, PROT_READ, KIND_RW, KIND_RW };

static unsigned int below(struct field *f, unsigned int limit)
{
	return rand_r(&f->seed) % limit;
}

static char *page_at(const struct field *f, int page)
{
	return f->at + page * LIFE_PAGE;
}

static void note(struct field *f, int first, int count, int prot)
{
	for (int i = first; i < first + count; i++) {
		f->prot[i] = prot;
		f->stamp[i] = 0;
	}
}

/* How many of the pages from @first on are mapped, without a hole. */
static int mapped(const struct field *f, int first, int most)
{
	int count = 0;

	while (count < most && f->prot[first + count] != UNMAPPED)
		count++;
	return count;
}

static bool map_range(struct field *f, int first, int count)
{
	int flags = KIND_PRIVATE | MAP_FIXED | (below(f, 4) ? 0 : MAP_POPULATE);

	note(f, first, count, KIND_RW);
	return mmap(page_at(f, first), count * LIFE_PAGE, KIND_RW, flags, -1, 0) != MAP_FAILED;
}

static bool unmap_range(struct field *f, int first, int count)
{
	note(f, first, count, UNMAPPED);
	return !munmap(page_at(f, first), count * LIFE_PAGE);
}

static bool protect_range(struct field *f, int first, int count)
{
	int prot = access_of[below(f, 4)];

	count = mapped(f, first, count);
	for (int i = first; i < first + count; i++)
		f->prot[i] = prot;
	return !count || !mprotect(page_at(f, first), count * LIFE_PAGE, prot);
}

static bool discard_range(struct field *f, int first, int count)
{
	count = mapped(f, first, count);
	for (int i = first; i < first + count; i++)
		f->stamp[i] = 0;
	return !count || !madvise(page_at(f, first), count * LIFE_PAGE, MADV_DONTNEED);
}

static bool write_range(struct field *f, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		if (f->prot[i] != KIND_RW)
			continue;
		f->stamp[i] = 1 + below(f, 100);
		*(volatile char *)page_at(f, i) = f->stamp[i];
	}
	return true;
}

/* A page moves to any other, with what is in it; what was there is gone. */
static bool move_page(struct field *f, int first, int count)
{
	int to = below(f, PAGES);

	(void)count;
	if (f->prot[first] == UNMAPPED || to == first)
		return true;
	f->prot[to] = f->prot[first];
	f->stamp[to] = f->stamp[first];
	f->prot[first] = UNMAPPED;
	return mremap(page_at(f, first), LIFE_PAGE, LIFE_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      page_at(f, to)) != MAP_FAILED;
}

static bool (*const operation[])(struct field *f, int first, int count) = {
	map_range, unmap_range, protect_range, discard_range, write_range, write_range, move_page,
};

static bool holds(const struct field *f)
{
	for (int i = 0; i < PAGES; i++) {
		char seen;

		if (f->prot[i] == UNMAPPED || f->prot[i] == PROT_NONE)
			continue;
		seen = *(volatile char *)page_at(f, i);
		if (seen == f->stamp[i])
			continue;
		diag("pid %d: page %p: expected %d, seen %d", getpid(), page_at(f, i),
		     f->stamp[i], seen);
		errno = 0;
		return false;
	}
	return true;
}

static bool play(struct field *f)
{
	static const size_t operations = sizeof(operation) / sizeof(operation[0]);

	if (!f->begun && !map_range(f, 0, PAGES))
		return false;
	f->begun = true;
	for (int i = 0; i < OPERATIONS; i++) {
		int first = below(f, PAGES), count = 1 + below(f, PAGES - first);

		if (!operation[below(f, operations)](f, first, count))
			return false;
	}
	return holds(f);
}

static bool play_alone(void)
{
	static struct field field = FIELD(0);

	return play(&field);
}

static void *play_thread(void *arg)
{
	bool good = true;

	for (int i = 0; i < 10 && good; i++)
		good = play(arg);
	return good ? NULL : arg;
}

/* Each thread has a field of its own, but they have one address space. */
static bool play_threads(void)
{
	static struct field field[] = { FIELD(1), FIELD(2), FIELD(3) };
	pthread_t thread[3];
	void *wrong;
	bool good = true;
	int started = 0;

	while (started < 3 &&
	       !pthread_create(&thread[started], NULL, play_thread, &field[started]))
		started++;
	for (int i = 0; i < started; i++)
		good = !pthread_join(thread[i], &wrong) && !wrong && good;
	return good && started == 3;
}

static const struct storm_kind kind[] = {
	{ "a field", play_alone },
	{ "threads with a field each", play_threads },
	{ "map and unmap", churn_map },
	{ "threads that map and unmap", churn_threads },
};

TEST_F_TIMEOUT(storm_map, map_move_protect, STORM_TIMEOUT)
{
	STORM(kind, NULL);
}

TEST_HARNESS_MAIN
