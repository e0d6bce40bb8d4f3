// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the growths of a mapping are those of whoever holds its last page,
 * however it is split, merged, moved or cut; once that page is unmapped they are
 * gone. The sum of all stays what the process grew. A child begins with none, as
 * does a new program, and who is tracked anew; events are kept as many as
 * growth_events says, and those that are not are counted. So are growths that there
 * is no room to count by mapping.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "growth.h"
#include "track.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

FIXTURE(growth_vma)
{
	struct target target;
	struct target other;
	struct growth growth;
	uint64_t mark;
};

FIXTURE_SETUP(growth_vma)
{
	(void)self;
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));
}

FIXTURE_TEARDOWN(growth_vma)
{
	growth_free(&self->growth);
	target_end(&self->other);
	target_end(&self->target);
	EXPECT_EQ(0, procfile_write(GROWTH_PARAMETER, "256"));
	machine_restore();
}

/* A test that was killed leaves it as it was at the beginning. */
static void __attribute__((destructor)) keep_as_usual(void)
{
	procfile_write(GROWTH_PARAMETER, "256");
}

#define PID (self->target.pid)
#define PAGE KIND_PAGE
#define TOP GROWTH_TOP(0)
#define OTHER_TOP GROWTH_TOP(1)
#define BELOW(top, pages) ((top) - (uint64_t)(pages) * PAGE)
/* So many mappings become one with another. */
#define PIECES 9

/* A target with a mapping that grew page by page to so many pages, from four. */
#define START(pages)								\
do {										\
	GROWTH_START();								\
	GROWTH_DO(growth_do_map, TOP, 4);					\
	GROWTH_DO(growth_do_touch, BELOW(TOP, pages), (pages) - 4);		\
	GROWTH_CAME((pages) - 4);						\
	GROWTH_ROW(TOP - 1, (pages) - 4);					\
} while (0)

/* What is gone, without an event having come. */
#define GONE(grows)						\
do {								\
	GROWTH_CAME(0);						\
	EXPECT_EQ((uint64_t)(grows), self->growth.gone);	\
	EXPECT_EQ(0, self->growth.unattributed);		\
} while (0)

TEST_F(growth_vma, unmapped)
{
	START(20);
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 20), 20);
	GONE(16);
	/* another one in the same place */
	GROWTH_DO(growth_do_map, TOP, 4);
	GROWTH_ROW(TOP - 1, 0);
	GROWTH_DO(growth_do_touch, BELOW(TOP, 6), 2);
	GROWTH_CAME(2);
	GROWTH_ROW(TOP - 1, 2);
	GONE(16);
}

TEST_F(growth_vma, unmapped_in_parts)
{
	START(20);
	/* the lower part, out of the middle, the last page */
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 20), 8);
	GROWTH_ROW(TOP - 1, 16);
	GONE(0);
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 8), 2);
	GROWTH_ROW(TOP - 1, 16);
	GROWTH_ROW(BELOW(TOP, 9), 0);
	GONE(0);
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 1), 1);
	GROWTH_ROW(BELOW(TOP, 2), 0);
	GROWTH_ROW(BELOW(TOP, 9), 0);
	GONE(16);
	/* what remains, in two pieces, grows on its own */
	GROWTH_DO(growth_do_touch, BELOW(TOP, 13), 1);
	GROWTH_CAME(1);
	GROWTH_ROW(BELOW(TOP, 9), 1);
	GROWTH_ROW(BELOW(TOP, 2), 0);
	GROWTH_DO(growth_do_touch, BELOW(TOP, 7), 1);
	GROWTH_CAME(1);
	GROWTH_ROW(BELOW(TOP, 9), 1);
	GROWTH_ROW(BELOW(TOP, 2), 1);
	GONE(16);
}

/* Cut from below, it grows again: as often as it does. */
TEST_F(growth_vma, grown_again)
{
	START(20);
	for (int i = 1; i <= 5; i++) {
		GROWTH_DO(growth_do_unmap, BELOW(TOP, 20), 10);
		GROWTH_DO(growth_do_touch, BELOW(TOP, 20), 10);
		GROWTH_CAME(10);
		GROWTH_ROW(TOP - 1, 16 + i * 10);
	}
	GONE(0);
}

/* Something else mapped over it. */
static uint64_t do_map_over(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	return mmap((void *)(uintptr_t)argument[0], argument[1] * PAGE, KIND_RW,
		    KIND_PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED ? errno : 0;
}

TEST_F(growth_vma, mapped_over)
{
	START(20);
	GROWTH_DO(do_map_over, BELOW(TOP, 18), 2);
	GROWTH_ROW(TOP - 1, 16);
	GONE(0);
	GROWTH_DO(do_map_over, BELOW(TOP, 4), 8);
	GROWTH_ROW(TOP - 1, 0);
	GONE(16);
}

static uint64_t do_protect(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	if (mprotect((void *)(uintptr_t)argument[0], argument[1] * PAGE, argument[2]))
		return errno;
	return 0;
}

TEST_F(growth_vma, split_and_merged)
{
	START(20);
	GROWTH_DO(do_protect, BELOW(TOP, 20), 10, PROT_READ);
	GROWTH_ROW(TOP - 1, 16);
	GROWTH_ROW(BELOW(TOP, 11), 0);
	/* both can grow: the upper one is in its place, the lower one gets larger */
	EXPECT_NE(0, GROWTH_CALL(growth_do_touch, BELOW(TOP, 23), 1));
	GROWTH_CAME(1);
	GROWTH_ROW(BELOW(TOP, 11), 1);
	GROWTH_DO(do_protect, BELOW(TOP, 20), 10, KIND_RW);
	GROWTH_DO(do_protect, BELOW(TOP, 23), 3, KIND_RW);
	GROWTH_ROW(TOP - 1, 17);
	GROWTH_ROW(BELOW(TOP, 23), 17);
	/* in three, of which the one in the middle is taken away */
	GROWTH_DO(do_protect, BELOW(TOP, 15), 5, PROT_READ);
	GROWTH_ROW(TOP - 1, 16);
	GROWTH_ROW(BELOW(TOP, 11), 1);
	GROWTH_ROW(BELOW(TOP, 16), 0);
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 15), 5);
	GROWTH_ROW(TOP - 1, 16);
	GONE(1);
}

/* mremap() of argument[1] pages at argument[0] to argument[3] pages at argument[2]. */
static uint64_t do_move(struct target *t, volatile uint64_t *argument)
{
	const int flags = argument[2] ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;

	(void)t;
	return mremap((void *)(uintptr_t)argument[0], argument[1] * PAGE, argument[3] * PAGE, flags,
		      (void *)(uintptr_t)argument[2]) == MAP_FAILED ? errno : 0;
}

TEST_F(growth_vma, moved)
{
	START(20);
	GROWTH_DO(do_move, BELOW(TOP, 20), 20, BELOW(OTHER_TOP, 20), 20);
	GROWTH_ROW(OTHER_TOP - 1, 16);
	GONE(0);
	GROWTH_DO(growth_do_touch, BELOW(OTHER_TOP, 22), 2);
	GROWTH_CAME(2);
	GROWTH_ROW(OTHER_TOP - 1, 18);
	/* in part, and back: whoever has the last page */
	GROWTH_DO(do_move, BELOW(OTHER_TOP, 22), 12, BELOW(TOP, 12), 12);
	GROWTH_ROW(OTHER_TOP - 1, 18);
	GROWTH_ROW(TOP - 1, 0);
	GROWTH_DO(do_move, BELOW(OTHER_TOP, 10), 10, BELOW(TOP, 32), 10);
	GROWTH_ROW(BELOW(TOP, 23), 18);
	GROWTH_ROW(TOP - 1, 0);
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 32), 10);
	GONE(18);
}

/* mremap() of argument[1] pages at argument[0] to argument[2], which leaves an empty mapping. */
static uint64_t do_move_and_stay(struct target *t, volatile uint64_t *argument)
{
	const size_t len = argument[1] * PAGE;
	void *to = (void *)(uintptr_t)argument[2];

	(void)t;
	return mremap((void *)(uintptr_t)argument[0], len, len,
		      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to ? 0 : errno;
}

/* The pages take the growths along; the mapping that stays is as new, and grows. */
TEST_F(growth_vma, moved_but_not_unmapped)
{
	START(20);
	GROWTH_DO(do_move_and_stay, BELOW(TOP, 20), 20, BELOW(OTHER_TOP, 20));
	GROWTH_ROW(OTHER_TOP - 1, 16);
	GROWTH_ROW(TOP - 1, 0);
	GONE(0);
	GROWTH_DO(growth_do_touch, BELOW(TOP, 22), 2);
	GROWTH_CAME(2);
	GROWTH_ROW(TOP - 1, 2);
	GROWTH_DO(growth_do_touch, BELOW(OTHER_TOP, 23), 3);
	GROWTH_CAME(3);
	GROWTH_ROW(OTHER_TOP - 1, 19);
	/* again, but not the last page; then onto the one that moved first */
	GROWTH_DO(do_move_and_stay, BELOW(TOP, 22), 10, BELOW(GROWTH_TOP(2), 10));
	GROWTH_ROW(TOP - 1, 2);
	GROWTH_ROW(GROWTH_TOP(2) - 1, 0);
	GROWTH_DO(do_move_and_stay, BELOW(TOP, 22), 22, BELOW(OTHER_TOP, 22));
	GROWTH_ROW(TOP - 1, 0);
	GROWTH_ROW(OTHER_TOP - 1, 2);
	GONE(19);
	GROWTH_DO(growth_do_unmap, BELOW(TOP, 22), 22);
	GONE(19);
}

/* Onto a mapping that grew itself: that one is gone. */
TEST_F(growth_vma, moved_over_another)
{
	START(20);
	GROWTH_DO(growth_do_map, OTHER_TOP, 10);
	GROWTH_DO(growth_do_touch, BELOW(OTHER_TOP, 13), 3);
	GROWTH_CAME(3);
	GROWTH_DO(do_move, BELOW(TOP, 20), 20, BELOW(OTHER_TOP, 20), 20);
	GROWTH_ROW(OTHER_TOP - 1, 16);
	GONE(3);
}

/* A mapping that became as many, one above the other, among others: moved up and down. */
TEST_F(growth_vma, moved_as_many)
{
	static const int slot[] = { 2, 6, 4, 0, 6, 0 };

	START(5);
	for (int i = 1; i <= PIECES; i++) {
		GROWTH_DO(growth_do_map, TOP + i * PAGE, 1);
		GROWTH_DO(growth_do_touch, BELOW(TOP, 5 + i), 1);
		GROWTH_CAME(1);
	}
	GROWTH_ROW(TOP - 1, 1 + PIECES);
	for (int i = 1; i < 6; i += 2) {
		GROWTH_DO(growth_do_map, GROWTH_TOP(i), 1);
		GROWTH_DO(growth_do_touch, BELOW(GROWTH_TOP(i), 1 + i), i);
		GROWTH_CAME(i);
	}
	for (size_t i = 0, at = 0; i < sizeof(slot) / sizeof(slot[0]); at = slot[i++]) {
		GROWTH_DO(do_move, BELOW(GROWTH_TOP(at), 5 + PIECES), 5 + 2 * PIECES,
			  BELOW(GROWTH_TOP(slot[i]), 5 + PIECES), 5 + 2 * PIECES);
		GROWTH_ROW(GROWTH_TOP(slot[i]) - 1, 1 + PIECES);
		GROWTH_ROW(GROWTH_TOP(1) - 1, 1);
		GROWTH_ROW(GROWTH_TOP(3) - 1, 3);
		GROWTH_ROW(GROWTH_TOP(5) - 1, 5);
	}
	GONE(0);
	/* what is cut off above takes the growths with it that came while it was the end */
	GROWTH_DO(growth_do_unmap, BELOW(TOP, -1), PIECES - 1);
	GROWTH_ROW(TOP - 1, 2);
	GONE(PIECES - 1);
}

/* To where others went, which nobody saw: those are gone then. */
TEST_F(growth_vma, moved_to_where_others_were)
{
	START(20);
	for (int pages = 1; pages <= 2; pages++) {
		GROWTH_DO(growth_do_map, BELOW(OTHER_TOP, 8 - 2 * pages), 1);
		GROWTH_DO(growth_do_touch, BELOW(OTHER_TOP, 10 - 2 * pages), 1);
		GROWTH_CAME(1);
	}
	ASSERT_EQ(0, machine_set(FTRACE, "0"));
	GROWTH_DO(growth_do_unmap, BELOW(OTHER_TOP, 20), 20);
	ASSERT_EQ(0, machine_set(FTRACE, "1"));
	GROWTH_DO(do_move, BELOW(TOP, 20), 20, BELOW(OTHER_TOP, 20), 20);
	GROWTH_ROW(OTHER_TOP - 1, 16);
	GONE(2);
	GROWTH_DO(growth_do_unmap, BELOW(OTHER_TOP, 20), 20);
	GONE(18);
}

TEST_F(growth_vma, resized)
{
	START(20);
	/* longer at its end, in place */
	GROWTH_DO(do_move, BELOW(TOP, 20), 20, 0, 30);
	GROWTH_ROW(TOP - 1, 16);
	GROWTH_ROW(BELOW(TOP, -9), 16);
	GROWTH_DO(growth_do_touch, BELOW(TOP, 21), 1);
	GROWTH_CAME(1);
	GROWTH_ROW(TOP - 1, 17);
	/* the new end goes, with the growth since, then the old one */
	GROWTH_DO(do_move, BELOW(TOP, 21), 31, 0, 21);
	GROWTH_ROW(TOP - 1, 16);
	GONE(1);
	GROWTH_DO(do_move, BELOW(TOP, 21), 21, 0, 5);
	GROWTH_ROW(BELOW(TOP, 20), 0);
	GONE(17);
}

#define MAPPINGS 12

TEST_F(growth_vma, several_at_once)
{
	uint64_t all = 0;

	GROWTH_START();
	for (int i = 0; i < MAPPINGS; i++)
		GROWTH_DO(growth_do_map, GROWTH_TOP(i), 1 + i);
	/* by turns, each as often as its number says */
	for (int turn = 1; turn < MAPPINGS; turn++) {
		for (int i = turn; i < MAPPINGS; i++) {
			GROWTH_DO(growth_do_touch, BELOW(GROWTH_TOP(i), 1 + i + turn));
			all++;
		}
	}
	GROWTH_CAME(all);
	for (int i = 0; i < MAPPINGS; i++) {
		EXPECT_EQ(i, growth_row(PID, GROWTH_TOP(i) - 1)) {
			TH_LOG("pid %d: mapping %d", PID, i);
		}
	}
	EXPECT_EQ(all, self->growth.rows);
	GROWTH_DO(growth_do_unmap, BELOW(GROWTH_TOP(5), 11), 11);
	GONE(5);
}

#define APART 16

/* Grow each of argument[0] mappings once, from one page to two, each argument[1]th by turns. */
static uint64_t do_grow_many(struct target *t, volatile uint64_t *argument)
{
	const uint64_t many = argument[0], step = argument[1];

	(void)t;
	for (uint64_t i = 0; i < many; i++)
		target_map(BELOW(TOP, i * APART + 1), 1, KIND_RW, GROWTH_FLAGS, -1);
	for (uint64_t i = 0; i < many; i++)
		target_write((char *)BELOW(TOP, i * step % many * APART + 2), 1, 1);
	return 0;
}

/* Grow each of them once more. */
static uint64_t do_grow_many_again(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	for (uint64_t i = 0; i < argument[0]; i++)
		target_write((char *)BELOW(TOP, i * APART + 3), 1, 1);
	return 0;
}

/* Unmap each second of argument[0] mappings, with all they can have grown. */
static uint64_t do_unmap_every_second(struct target *t, volatile uint64_t *argument)
{
	(void)t;
	for (uint64_t i = 0; i < argument[0]; i += 2)
		if (munmap((void *)BELOW(TOP, i * APART + 3), 3 * PAGE))
			return errno;
	return 0;
}

/* How many of these mappings have how many growths. */
static uint64_t count_many(pid_t pid, uint64_t many, uint64_t grows)
{
	uint64_t count = 0;
	struct report r;

	if (!report_read(&r, pid))
		for (size_t i = 0; i < r.rows; i++)
			count += r.row[i].start >= BELOW(TOP, many * APART) &&
				 r.row[i].end <= TOP && r.row[i].count[REPORT_GROWS] == grows;
	report_free(&r);
	return count;
}

#define MANY 1200

TEST_F(growth_vma, many_mappings)
{
	const uint64_t many = machine_mappings(MANY);

	GROWTH_START();
	/* in an order that is none */
	GROWTH_DO(do_grow_many, many, 7 * 7);
	GROWTH_CAME(many);
	EXPECT_EQ(many, self->growth.rows);
	EXPECT_EQ(0, self->growth.unattributed);
	EXPECT_EQ(many, count_many(PID, many, 1));
	EXPECT_EQ(256, self->growth.events);
	GROWTH_DO(do_unmap_every_second, many);
	GONE(many / 2);
	EXPECT_EQ(many / 2, count_many(PID, many, 1));
	EXPECT_EQ(0, count_many(PID, many, 0));
}

/* As many mappings as are told apart, and more. */
#define MOST 4096
#define TOO_MANY 4150

TEST_F(growth_vma, more_mappings_than_are_told_apart)
{
	const uint64_t late = TOO_MANY - MOST;

	if (machine_mappings(TOO_MANY) < TOO_MANY)
		SKIP(return, "too many mappings for this kernel");
	GROWTH_START();
	GROWTH_DO(do_grow_many, TOO_MANY, 7 * 7);
	GROWTH_CAME(TOO_MANY);
	EXPECT_EQ(late, self->growth.unattributed);
	EXPECT_EQ(MOST, self->growth.rows);
	EXPECT_EQ(MOST, count_many(PID, TOO_MANY, 1));
	EXPECT_EQ(late, count_many(PID, TOO_MANY, 0));
	for (uint64_t i = MOST; i < TOO_MANY; i += late / 2)
		GROWTH_ROW(BELOW(TOP, i * 7 * 7 % TOO_MANY * APART) - 1, 0);

	/* those that are known go on to be */
	GROWTH_DO(do_grow_many_again, TOO_MANY);
	GROWTH_CAME(TOO_MANY);
	EXPECT_EQ(2 * late, self->growth.unattributed);
	EXPECT_EQ(MOST, count_many(PID, TOO_MANY, 2));

	/* there is room for others when some have gone */
	GROWTH_DO(do_unmap_every_second, TOO_MANY);
	GROWTH_CAME(0);
	EXPECT_EQ(2 * late, self->growth.unattributed);
	EXPECT_EQ(2 * (MOST - count_many(PID, TOO_MANY, 2)), self->growth.gone);
	GROWTH_DO(growth_do_map, OTHER_TOP, 1);
	GROWTH_DO(growth_do_touch, BELOW(OTHER_TOP, 2));
	GROWTH_CAME(1);
	GROWTH_ROW(OTHER_TOP - 1, 1);
	EXPECT_EQ(2 * late, self->growth.unattributed);
}

/* Mappings that there is room for without asking for memory. */
#define FEW 2

/* max_memory does not allow any more. */
TEST_F(growth_vma, no_memory_to_tell_mappings_apart)
{
	/* On PREEMPT_RT memory comes with a growth's fault, and serves the next growth. */
	bool late = machine_is_rt();

	ASSERT_EQ(0, machine_set(TRACK_PARAMETER("max_memory"), "0"));
	GROWTH_START();
	for (int i = 0; i < MAPPINGS; i++) {
		GROWTH_DO(growth_do_map, GROWTH_TOP(i), 1);
		GROWTH_DO(growth_do_touch, BELOW(GROWTH_TOP(i), 1 + i), i);
	}
	GROWTH_CAME(MAPPINGS * (MAPPINGS - 1) / 2);
	for (int i = 0; i < MAPPINGS; i++)
		GROWTH_ROW(GROWTH_TOP(i) - 1, i <= FEW ? i : 0);
	EXPECT_EQ(1 + 2, self->growth.rows);
	EXPECT_EQ(self->growth.grown - 3, self->growth.unattributed);

	/* what has none to show for it does not leave any behind */
	GROWTH_DO(growth_do_unmap, BELOW(GROWTH_TOP(5), 6), 6);
	GROWTH_CAME(0);
	EXPECT_EQ(0, self->growth.gone);
	/* nor does its place come by more than it needs */
	GROWTH_DO(growth_do_unmap, BELOW(GROWTH_TOP(1), 2), 2);
	GROWTH_CAME(0);
	EXPECT_EQ(1, self->growth.gone);
	GROWTH_DO(growth_do_touch, BELOW(GROWTH_TOP(7), 9));
	GROWTH_CAME(1);
	GROWTH_ROW(GROWTH_TOP(7) - 1, 1);

	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("max_memory"), "100"));
	for (int i = 8; i < MAPPINGS; i++) {
		GROWTH_DO(growth_do_touch, BELOW(GROWTH_TOP(i), 2 + i));
		GROWTH_CAME(1);
		GROWTH_ROW(GROWTH_TOP(i) - 1, i > 8 || !late);
	}
	EXPECT_EQ(MAPPINGS * (MAPPINGS - 1) / 2 - 3 + late, self->growth.unattributed);
}

/* The child touches once more than the parent did; its pid is the result. */
static uint64_t do_fork(struct target *t, volatile uint64_t *argument)
{
	pid_t pid = fork();

	(void)t;
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argument[0] && growth_touch(argument[0]))
		_exit(1);
	for (;;)
		pause();
}

/* Ask for a child's growths until they are so many. */
static void await_grown(pid_t pid, uint64_t grown)
{
	struct growth g;
	bool is = false;

	for (int i = 0; i < 6000 && !is; i++) {
		growth_read(&g, pid);
		is = g.grown >= grown;
		growth_free(&g);
		if (!is)
			usleep(10000);
	}
}

TEST_F(growth_vma, not_those_of_children)
{
	struct growth g;
	pid_t child;

	START(20);
	child = GROWTH_CALL(do_fork, 0);
	ASSERT_LT(0, child);
	EXPECT_EQ(0, growth_read(&g, child));
	EXPECT_EQ(0, g.grown + g.refused + g.gone + g.events);
	growth_free(&g);
	kill(child, SIGKILL);

	child = GROWTH_CALL(do_fork, BELOW(TOP, 25));
	ASSERT_LT(0, child);
	await_grown(child, 1);
	EXPECT_EQ(0, growth_read(&g, child));
	EXPECT_EQ(1, g.grown);
	EXPECT_EQ(1, growth_row(child, TOP - 1));
	EXPECT_EQ(0, growth_event_is(child, growth_back(&g, 1),
				     "tid=%d cause=fault size=25 result=grown", child));
	growth_free(&g);
	kill(child, SIGKILL);
	/* nothing of that is the parent's */
	GROWTH_ROW(TOP - 1, 16);
	GONE(0);
}

/* Does not come back, but as another program. */
static uint64_t do_exec(struct target *t, volatile uint64_t *argument)
{
	(void)argument;
	t->word[GROWTH_WORD] = 1;
	execlp("sleep", "sleep", "1000", NULL);
	return errno;
}

TEST_F(growth_vma, not_those_before_exec)
{
	const uint64_t none[4] = { 0 };

	START(20);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP - GROWTH_LIMIT - 1));
	GROWTH_CAME(1);
	EXPECT_EQ(-ECHILD, growth_call(&self->target, do_exec, none));
	ASSERT_EQ(0, process_await_call(PID, SYS_clock_nanosleep));
	self->mark = 0;
	GROWTH_CAME(1);
	GROWTH_LAST("tid=%d comm=sleep cause=exec result=grown", PID);
	EXPECT_EQ(0, self->growth.refused);
}

/* Nothing is known of who is not tracked. */
#define UNTRACKED() do {							\
	static const char *const key_[] = {					\
		"grown", "refused", "gone", "unattributed", "dropped"		\
	};									\
	const struct report_table *t_;						\
	struct report r_;							\
										\
	ASSERT_EQ(0, report_read(&r_, PID));					\
	for (size_t i_ = 0; i_ < sizeof(key_) / sizeof(*key_); i_++) {		\
		EXPECT_STREQ("-", report_value(&r_, "grows", key_[i_]) ?: "none") {	\
			TH_LOG("pid %d: [grows] %s", PID, key_[i_]);		\
		}								\
	}									\
	t_ = report_table(&r_, "growth");					\
	ASSERT_NE(NULL, t_);							\
	EXPECT_EQ(0, t_->rows);							\
	EXPECT_LE(12, t_->columns);						\
	EXPECT_EQ(REPORT_UNKNOWN, report_find(&r_, TOP - 1)->count[REPORT_GROWS]);	\
	report_free(&r_);							\
} while (0)

TEST_F(growth_vma, tracked_untracked_reset)
{
	START(20);
	ASSERT_EQ(0, track_write(PID, "reset"));
	self->mark = 0;
	GONE(0);
	GROWTH_ROW(TOP - 1, 0);
	EXPECT_EQ(0, self->growth.dropped);
	GROWTH_DO(growth_do_touch, BELOW(TOP, 23), 3);
	GROWTH_CAME(3);
	GROWTH_ROW(TOP - 1, 3);

	ASSERT_EQ(0, track_write(PID, "untrack"));
	UNTRACKED();
	GROWTH_DO(growth_do_touch, BELOW(TOP, 26), 3);
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP - GROWTH_LIMIT - 1));
	UNTRACKED();
	ASSERT_EQ(0, track_write(PID, "track"));
	self->mark = 0;
	GONE(0);
	GROWTH_DO(growth_do_touch, BELOW(TOP, 30), 4);
	GROWTH_CAME(4);
	GROWTH_ROW(TOP - 1, 4);
	EXPECT_EQ(0, self->growth.refused);
}

/* The last @count events are those of growths by a page, down to so many pages. */
#define LATEST(count, pages) do {						\
	for (int i_ = 1; i_ <= (count); i_++)					\
		EXPECT_EQ(0, growth_event_is(PID, growth_back(&self->growth, i_),	\
					     "result=grown size=%d new_start=%" PRIx64,	\
					     (pages) - i_ + 1,			\
					     BELOW(TOP, (pages) - i_ + 1)));	\
} while (0)

static const struct {
	const char *parameter;
	size_t kept;
} keep[] = {
	{ "0", 0 }, { "1", 1 }, { "4", 4 }, { "256", 256 }, { "4", 4 }, { "5", 5 }, { "0", 0 },
	{ "300", 300 }
};

TEST_F(growth_vma, kept_as_growth_events_says)
{
	size_t pages = 20;

	ASSERT_EQ(0, growth_limit(2 * GROWTH_LIMIT));
	START(pages);
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++) {
		ASSERT_EQ(0, procfile_write(GROWTH_PARAMETER, keep[i].parameter));
		pages += 310;
		GROWTH_DO(growth_do_touch, BELOW(TOP, pages), 310);
		GROWTH_CAME(310);
		EXPECT_EQ(keep[i].kept, self->growth.events) {
			TH_LOG("pid %d: growth_events=%s", PID, keep[i].parameter);
		}
		LATEST((int)self->growth.events, (int)pages);
	}
	GROWTH_ROW(TOP - 1, pages - 4);
}

TEST_F(growth_vma, kept_up_to_4096)
{
	const int pages = 4500;

	ASSERT_EQ(0, procfile_write(GROWTH_PARAMETER, "4096"));
	ASSERT_EQ(0, growth_limit(2 * pages * PAGE));
	START(pages);
	EXPECT_EQ(4096, self->growth.events);
	EXPECT_EQ(pages - 4 - 4096, self->growth.dropped);
	LATEST(4096, pages);
	/* fewer from the next one on */
	ASSERT_EQ(0, procfile_write(GROWTH_PARAMETER, "2"));
	GROWTH_DO(growth_do_touch, BELOW(TOP, pages + 1));
	GROWTH_CAME(1);
	EXPECT_EQ(2, self->growth.events);
	LATEST(2, pages + 1);
	/* and more again */
	ASSERT_EQ(0, procfile_write(GROWTH_PARAMETER, "10"));
	GROWTH_DO(growth_do_touch, BELOW(TOP, pages + 20), 19);
	GROWTH_CAME(19);
	EXPECT_EQ(10, self->growth.events);
	LATEST(10, pages + 20);
}

#define REFUSE() do {								\
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP - GROWTH_LIMIT - 1));	\
	GROWTH_CAME(1);								\
	EXPECT_LE(1, growth_count(&self->growth, "refused:"));			\
	GROWTH_LAST("result=refused:rlimit_stack size=2049");			\
} while (0)

/* It is always there, once, whatever is kept. */
TEST_F(growth_vma, the_last_refusal_is_kept)
{
	size_t pages = 20;

	START(pages);
	REFUSE();
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++) {
		ASSERT_EQ(0, procfile_write(GROWTH_PARAMETER, keep[i].parameter));
		for (int refusal = 0; refusal < 3; refusal++) {
			REFUSE();
			for (int growths = 1; growths <= 5; growths += 4) {
				pages += growths;
				GROWTH_DO(growth_do_touch, BELOW(TOP, pages), growths);
				GROWTH_CAME(growths);
				EXPECT_GE(keep[i].kept + 1, self->growth.events);
				EXPECT_LE(1, growth_count(&self->growth, "refused:"));
				LATEST(growths < (int)keep[i].kept ? growths : (int)keep[i].kept,
				       (int)pages);
			}
		}
		if (keep[i].kept < 6) {
			EXPECT_EQ(1, growth_count(&self->growth, "refused:"));
			EXPECT_EQ(keep[i].kept + 1, self->growth.events);
			EXPECT_EQ(0, growth_event_is(PID, self->growth.event,
						     "result=refused:rlimit_stack"));
		}
	}
}

TEST_F(growth_vma, growth_events_has_bounds)
{
	static const char *const refused[] = { "4097", "-1", "1000000", "many" };

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		EXPECT_EQ(-EINVAL, procfile_write(GROWTH_PARAMETER, refused[i])) {
			TH_LOG("growth_events=%s", refused[i]);
		}
	}
	EXPECT_EQ(0, procfile_write(GROWTH_PARAMETER, "4096"));
	EXPECT_EQ(0, procfile_write(GROWTH_PARAMETER, "0"));
}

TEST_HARNESS_MAIN
