// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: while threads map, unmap, protect and move memory without end, each
 * read of the report ends, is well formed and complete, its rows never go
 * backwards or come twice, its sums are right; mappings that nobody touches are
 * there each time, once, with their exact counts.
 */
#include "kselftest_harness.h"
#include "lifetime.h"

#include <pthread.h>

#define THREADS 3
#define ANCHORS LIFE_PAIRS
#define STRIDE 64		/* pages from one anchor to the next */
#define READS 60
#define SECONDS 3.0		/* unless there were fewer reads than FEW */
#define FEW 5

/*
 * Anchors stand STRIDE pages apart and stay as they are. The pages between
 * them, but those next to an anchor, are what the threads play with.
 */
#define ANCHOR(i) (LIFE_ARENA + (uint64_t)(i) * STRIDE * LIFE_PAGE)
#define GROUND(i) (ANCHOR(i) + 2 * LIFE_PAGE)
#define GROUND_PAGES (STRIDE - 3)

enum { WORD_ROUNDS };

struct player {
	struct target *target;
	unsigned int kind;
	unsigned int seed;
	unsigned int number;
};

enum { MAP_UNMAP, PROTECT, MOVE, DISCARD, ALL };

static const int protection[] = {
	PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
};

static unsigned int below(struct player *p, unsigned int limit)
{
	return rand_r(&p->seed) % limit;
}

/* Each player has its own grounds, so that none maps over what another has just mapped. */
static char *any_ground(struct player *p)
{
	return (char *)GROUND(below(p, (ANCHORS - 1) / THREADS) * THREADS + p->number);
}

static void map_or_unmap(struct player *p)
{
	unsigned int first = below(p, GROUND_PAGES), pages = 1 + below(p, GROUND_PAGES - first);
	char *at = any_ground(p) + first * LIFE_PAGE;

	if (below(p, 3))
		mmap(at, pages * LIFE_PAGE, protection[below(p, 4)],
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (below(p, 2) ? MAP_POPULATE : 0),
		     -1, 0);
	else
		munmap(at, pages * LIFE_PAGE);
}

static void protect(struct player *p)
{
	unsigned int first = below(p, GROUND_PAGES), pages = 1 + below(p, GROUND_PAGES - first);

	mprotect(any_ground(p) + first * LIFE_PAGE, pages * LIFE_PAGE, protection[below(p, 4)]);
}

static void move(struct player *p)
{
	unsigned int pages = 1 + below(p, GROUND_PAGES / 2);
	char *from = any_ground(p), *to = any_ground(p);

	if (from != to)
		mremap(from, pages * LIFE_PAGE, (1 + below(p, GROUND_PAGES)) * LIFE_PAGE,
		       MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void discard(struct player *p)
{
	char *at = any_ground(p);

	madvise(at, GROUND_PAGES * LIFE_PAGE, MADV_DONTNEED);
	madvise(at, GROUND_PAGES * LIFE_PAGE, MADV_POPULATE_READ);
	madvise(at, GROUND_PAGES / 2 * LIFE_PAGE, MADV_POPULATE_WRITE);
}

static void (*const turn[])(struct player *p) = {
	map_or_unmap, protect, move, discard,
};

static void *play(void *arg)
{
	struct player *p = arg;

	for (;;) {
		turn[p->kind == ALL ? below(p, ALL) : p->kind](p);
		/* protecting and moving needs something to work on */
		if (p->kind != MAP_UNMAP && !below(p, 8))
			map_or_unmap(p);
		p->target->word[WORD_ROUNDS + p->number]++;
	}
	return NULL;
}

static void churn_body(struct target *target, void *arg)
{
	static struct player player[THREADS];
	pthread_t thread;

	for (int i = 0; i < ANCHORS; i++) {
		target_write(target_map(ANCHOR(i), 1, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1), 1, 1);
		if (i < ANCHORS - 1)
			target_map(GROUND(i), GROUND_PAGES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	}
	for (int i = 0; i < THREADS; i++) {
		player[i] = (struct player){
			.target = target, .kind = *(int *)arg, .seed = 1 + i, .number = i,
		};
		errno = pthread_create(&thread, NULL, play, &player[i]);
		if (errno)
			target_fail("pthread_create");
	}
	target_step(target);
	for (;;)
		pause();
}

FIXTURE(lifetime_churn)
{
	struct target target;
};

FIXTURE_VARIANT(lifetime_churn)
{
	int kind;
};

FIXTURE_VARIANT_ADD(lifetime_churn, map_unmap) { .kind = MAP_UNMAP, };
FIXTURE_VARIANT_ADD(lifetime_churn, protect) { .kind = PROTECT, };
FIXTURE_VARIANT_ADD(lifetime_churn, move) { .kind = MOVE, };
FIXTURE_VARIANT_ADD(lifetime_churn, discard) { .kind = DISCARD, };
FIXTURE_VARIANT_ADD(lifetime_churn, all) { .kind = ALL, };

FIXTURE_SETUP(lifetime_churn)
{
	int kind = variant->kind;

	ASSERT_EQ(0, target_fork(&self->target, churn_body, &kind));
	/* let it run on; it takes no further step */
	ASSERT_EQ(0, target_continue(&self->target));
}

FIXTURE_TEARDOWN(lifetime_churn)
{
	target_end(&self->target);
}

/* Each anchor once, with one page. */
static bool anchors_ok(const struct report *r)
{
	const struct report_row *row = r->row, *end = r->row + r->rows;

	for (int i = 0; i < ANCHORS; i++) {
		while (row < end && row->start < ANCHOR(i))
			row++;
		if (row == end || row->start != ANCHOR(i) || row->end != ANCHOR(i) + LIFE_PAGE ||
		    row->count[REPORT_SIZE] != 1 || row->count[REPORT_RSS] != 1 ||
		    row->count[REPORT_ANON] != 1) {
			diag("anchor %d: expected a row %" PRIx64 " of 1 resident page, seen %"
			     PRIx64 "-%" PRIx64 " rss %" PRIu64, i, (uint64_t)ANCHOR(i),
			     row < end ? row->start : 0, row < end ? row->end : 0,
			     row < end ? row->count[REPORT_RSS] : 0);
			return false;
		}
	}
	return true;
}

static uint64_t rounds(const struct target *target)
{
	uint64_t sum = 0;

	for (int i = 0; i < THREADS; i++)
		sum += target->word[WORD_ROUNDS + i];
	return sum;
}

TEST_F_TIMEOUT(lifetime_churn, reports_are_well_formed, 90)
{
	double end = life_seconds() + SECONDS;
	uint64_t first = rounds(&self->target);
	int reads, changed = 0, unknown = 0;

	for (reads = 0; reads < FEW || (reads < READS && life_seconds() < end); reads++) {
		struct report r;
		bool ok = life_ok(report_read(&r, self->target.pid), &r, "churned");

		ok = ok && anchors_ok(&r);
		ASSERT_TRUE(ok);
		ASSERT_TRUE(r.complete);
		changed += !strcmp(report_value(&r, "total", "changed"), "yes");
		unknown += !strcmp(report_value(&r, "total", "changed"), "-");
		report_free(&r);
	}
	diag("%d reads, %d of them changed, %" PRIu64 " changes meanwhile", reads, changed,
	     rounds(&self->target) - first);
	EXPECT_TRUE(changed || unknown == reads) {
		TH_LOG("no report says that it changed meanwhile");
	}
	EXPECT_GT(rounds(&self->target), first);
}

TEST_HARNESS_MAIN
