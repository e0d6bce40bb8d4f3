/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls with arguments that nobody would choose: as root, as an owner without
 * privileges, and as root of a user namespace, about a process of the caller's that
 * stands still. What a call may answer is in a table of the test; afterwards the
 * report of that process still agrees with the kernel.
 *
 * All that is random comes from VMINSPECT_SEED, which is printed; the default is
 * always the same. VMINSPECT_SOAK does as many times as much as storms last longer.
 */
#ifndef SELFTESTS_FUZZ_H
#define SELFTESTS_FUZZ_H

#include "access.h"
#include "lib/agree.h"
#include "lib/machine.h"
#include "lib/procfile.h"

#include <inttypes.h>
#include <stdarg.h>

/** FUZZ_SEED - what is random by default */
#define FUZZ_SEED 20250101
/** FUZZ_ROOM - bytes of good memory to read into and to write from */
#define FUZZ_ROOM 65536
/** FUZZ_ANSWERS - how many errnos an operation may have at most */
#define FUZZ_ANSWERS 16
/** FUZZ_TOLD - how many wrong answers are printed */
#define FUZZ_TOLD 20

struct fuzz;

/**
 * struct fuzz_op - one operation
 * @name: for messages
 * @call: does it once, with fuzz_args() telling how; returns 0 or an errno
 * @refused: it never succeeds
 * @error: the errnos that are documented
 */
struct fuzz_op {
	const char *name;
	int (*call)(struct fuzz *f);
	bool refused;
	int error[FUZZ_ANSWERS];
};

/** struct fuzz_who - who fuzzes; @userns: as root of a user namespace of their own */
struct fuzz_who {
	const struct access_id *id;
	bool userns;
};

/**
 * struct fuzz - one fuzzer
 * @random: state of fuzz_random()
 * @who: who it is
 * @seen: the process that is looked at; a child, stopped, with many mappings
 * @room: FUZZ_ROOM bytes, with memory behind that must not be touched
 * @fixed: a page that is not to be written
 * @bad: the memory of the last fuzz_memory() cannot be used as a whole
 * @args: what the last call was
 * @wrong: how many answers were wrong
 * @own: of the test
 */
struct fuzz {
	uint64_t random;
	const struct fuzz_who *who;
	struct target seen;
	char *room;
	char *fixed;
	bool bad;
	char args[240];
	int wrong;
	void *own;
};

/** fuzz_seed() - where all that is random starts */
static inline uint64_t fuzz_seed(void)
{
	const char *seed = getenv("VMINSPECT_SEED");

	return seed && *seed ? strtoull(seed, NULL, 0) : FUZZ_SEED;
}

/** FUZZ_SOAK - VMINSPECT_SOAK, in seconds, for which the short form is done once */
#define FUZZ_SOAK 3

/** fuzz_times() - how often to do something that is done @times times in the short form */
static inline unsigned int fuzz_times(unsigned int times)
{
	const char *soak = getenv("VMINSPECT_SOAK");
	unsigned int factor = soak ? atoi(soak) / FUZZ_SOAK : 1;

	return times * (factor ?: 1);
}

/** fuzz_random() - the next number, of 64 random bits */
static inline uint64_t fuzz_random(struct fuzz *f)
{
	uint64_t x;

	/* A counter, well stirred: every seed is good, 0 too. */
	f->random += 0x9e3779b97f4a7c15;
	x = f->random;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/** fuzz_below() - a random number from 0 to @limit - 1 */
static inline uint64_t fuzz_below(struct fuzz *f, uint64_t limit)
{
	return fuzz_random(f) % limit;
}

/** FUZZ_PICK() - a random element of an array */
#define FUZZ_PICK(f, array) ((array)[fuzz_below(f, sizeof(array) / sizeof(*(array)))])

/** fuzz_number() - a random number that may be of interest: small, a power of 2, its neighbour */
static inline int64_t fuzz_number(struct fuzz *f)
{
	uint64_t number = 1ull << fuzz_below(f, 64);

	switch (fuzz_below(f, 6)) {
	case 0:
		return fuzz_below(f, 4);
	case 1:
		return -(int64_t)fuzz_below(f, 4);
	case 2:
		return number;
	case 3:
		return number - 1;
	case 4:
		return -number;
	default:
		return fuzz_random(f) >> fuzz_below(f, 64);
	}
}

/**
 * fuzz_memory() - memory to give to a call
 * @f: the fuzzer; @f->bad says whether it must fail, or be used in part
 * @size: that the call is told
 */
static inline void *fuzz_memory(struct fuzz *f, size_t size)
{
	f->bad = true;
	switch (fuzz_below(f, 12)) {
	case 0:
		return NULL;
	case 1:
		return f->fixed;
	case 2:		/* ends before the size does */
		return f->room + FUZZ_ROOM - fuzz_below(f, size < FUZZ_ROOM ? size + 1 : FUZZ_ROOM);
	case 3:
		return f->room + FUZZ_ROOM;
	case 4:		/* where the kernel maps all memory */
		return (void *)0xffff888000001000;
	case 5:		/* no address at all */
		return (void *)((1ull << 63) - fuzz_below(f, 2));
	case 6:
		return (void *)-fuzz_below(f, 4096);
	default:
		f->bad = size > FUZZ_ROOM;
		return f->room;
	}
}

/** fuzz_args() - what the call is, for messages; printf() format */
static inline void __attribute__((format(printf, 2, 3)))
fuzz_args(struct fuzz *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->args, sizeof(f->args), format, args);
	va_end(args);
}

/* For a terminal, and a line of TAP. */
static inline char *fuzz_shown(char *text)
{
	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return text;
}

/** fuzz_wrong() - count and print what is wrong with the last call; printf() format */
static inline void __attribute__((format(printf, 2, 3)))
fuzz_wrong(struct fuzz *f, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (f->wrong++ < FUZZ_TOLD)
		diag("%s%s, %s: %s", f->who->id->name, f->who->userns ? ", user namespace" : "",
		     fuzz_shown(f->args), fuzz_shown(text));
}

/** fuzz_do() - do an operation once: is the answer documented? Returns it. */
static inline int fuzz_do(struct fuzz *f, const struct fuzz_op *op)
{
	int error;

	fuzz_args(f, "%s", op->name);
	error = op->call(f);
	if (!error && !op->refused)
		return 0;
	for (int i = 0; error && i < FUZZ_ANSWERS; i++)
		if (error == op->error[i])
			return error;
	fuzz_wrong(f, "%s: expected %s, seen %s", op->name,
		   op->refused ? "a documented error" : "success or a documented error",
		   error ? strerrorname_np(error) ?: "no errno" : "success");
	return error;
}

/** FUZZ_ERRNOS - errnos are below */
#define FUZZ_ERRNOS 134

/* What an operation was answered, and how often. */
static inline void fuzz_tell(const char *name, const unsigned int *answers)
{
	char text[400];
	int len = snprintf(text, sizeof(text), "%s: %u times done", name, answers[0]);

	for (int error = 1; error < FUZZ_ERRNOS; error++)
		if (answers[error])
			len += snprintf(text + len, sizeof(text) - len, ", %s %u",
					strerrorname_np(error) ?: "?", answers[error]);
	diag("%s", text);
}

/**
 * fuzz_all() - do operations of a table, in random order
 * @f: the fuzzer
 * @op: the table
 * @ops: its length
 * @times: how many operations in all
 *
 * What may succeed has to, at least once, or nothing was tested.
 */
static inline void fuzz_all(struct fuzz *f, const struct fuzz_op *op, size_t ops,
			    unsigned int times)
{
	unsigned int *answers = calloc(ops * FUZZ_ERRNOS, sizeof(*answers));

	for (unsigned int i = 0; i < times; i++) {
		size_t at = fuzz_below(f, ops);
		int error = fuzz_do(f, &op[at]);

		if (error < FUZZ_ERRNOS)
			answers[at * FUZZ_ERRNOS + error]++;
	}
	for (size_t i = 0; i < ops; i++) {
		fuzz_tell(op[i].name, answers + i * FUZZ_ERRNOS);
		fuzz_args(f, "%u operations", times);
		if (!answers[i * FUZZ_ERRNOS] && !op[i].refused)
			fuzz_wrong(f, "%s never succeeded", op[i].name);
	}
	free(answers);
}

#define FUZZ_MAPPINGS 120

/* The process that is looked at. */
static inline void fuzz_seen_body(struct target *target, void *arg)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	char *at;

	(void)arg;
	/* A change of uid made it a process that only root may look at. */
	if (prctl(PR_SET_DUMPABLE, 1))
		target_fail("PR_SET_DUMPABLE");
	at = target_map(TARGET_ALONE(0), FUZZ_MAPPINGS, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1);
	target_write(at, FUZZ_MAPPINGS, 1);
	for (int i = 0; i < FUZZ_MAPPINGS; i += 2)
		if (mprotect(at + i * page, page, PROT_READ))
			target_fail("mprotect");
	for (;;)
		target_step(target);
}

/* The words that fuzzer and test share. */
enum { FUZZ_WRONG, FUZZ_SEEN };

/**
 * struct fuzz_job - what a fuzzer does
 * @who: who it is
 * @run: what it does
 */
struct fuzz_job {
	const struct fuzz_who *who;
	void (*run)(struct fuzz *f);
};

static inline void fuzz_become(const struct fuzz_who *who)
{
	errno = -access_become(who->id);
	if (errno || (who->userns && unshare(CLONE_NEWUSER)) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    prctl(PR_SET_DUMPABLE, 1))
		target_fail("become another");
}

static inline void fuzz_body(struct target *target, void *arg)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	const struct fuzz_job *job = arg;
	struct fuzz f = { .random = fuzz_seed(), .who = job->who };
	const int rw = PROT_READ | PROT_WRITE, private = MAP_PRIVATE | MAP_ANONYMOUS;

	fuzz_become(f.who);
	errno = -target_fork(&f.seen, fuzz_seen_body, NULL);
	if (errno)
		target_fail("target_fork");
	f.room = target_map(0, FUZZ_ROOM / page + 1, rw, private, -1);
	f.fixed = target_map(0, 1, PROT_READ, private, -1);
	if (mprotect(f.room + FUZZ_ROOM, page, PROT_NONE))
		target_fail("mprotect");
	job->run(&f);
	target->word[FUZZ_WRONG] = f.wrong;
	target->word[FUZZ_SEEN] = f.seen.pid;
	target_step(target);
}

static const struct fuzz_who fuzz_root = { &access_root, false };
static const struct fuzz_who fuzz_owner = { &access_owner, false };
static const struct fuzz_who fuzz_inner = { &access_owner, true };

/**
 * FUZZ() - a test for each of those who fuzz
 * @name: of the test
 * @function: what they do, as @run of struct fuzz_job
 */
#define FUZZ(name, function)							\
FIXTURE(name) {									\
	struct target fuzzer;							\
};										\
										\
FIXTURE_VARIANT(name) {								\
	const struct fuzz_who *who;						\
};										\
										\
FIXTURE_VARIANT_ADD(name, root) { .who = &fuzz_root };				\
FIXTURE_VARIANT_ADD(name, owner) { .who = &fuzz_owner };			\
FIXTURE_VARIANT_ADD(name, user_namespace) { .who = &fuzz_inner };		\
										\
FIXTURE_SETUP(name)								\
{										\
	ASSERT_EQ(0, machine_quiet());						\
}										\
										\
FIXTURE_TEARDOWN(name)								\
{										\
	target_end(&self->fuzzer);						\
	machine_restore();							\
}										\
										\
TEST_F_TIMEOUT(name, only_documented_answers, 3600)				\
{										\
	struct fuzz_job job = { variant->who, function };			\
										\
	diag("VMINSPECT_SEED=%" PRIu64, fuzz_seed());				\
	ASSERT_EQ(0, target_fork(&self->fuzzer, fuzz_body, &job));		\
	EXPECT_EQ(0, self->fuzzer.word[FUZZ_WRONG]);				\
	EXPECT_EQ(0, agree_process(self->fuzzer.word[FUZZ_SEEN]));		\
}

#endif /* SELFTESTS_FUZZ_H */
