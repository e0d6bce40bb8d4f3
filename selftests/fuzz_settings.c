// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a parameter takes what is documented, as the kernel reads words and
 * numbers, and says so when it is read; everything else is EINVAL or ERANGE and
 * changes nothing. Only root may write, and everyone read. Whatever the values were
 * in between, a process's report agrees with the kernel.
 */
#include "kselftest_harness.h"
#include "fuzz.h"

#include <ctype.h>

#define PARAMETERS "/sys/module/vminspect/parameters/"
#define WRITES 400
#define EVENTS_MAX 4096

static const char *const parameter[] = {
	"track", "max_memory", "growth_events", "stack_guard_gap",
};

#define NUMBER_OF (sizeof(parameter) / sizeof(*parameter))

FIXTURE(fuzz_settings)
{
	struct target target;
	char *before[NUMBER_OF];
	char now[NUMBER_OF][16];
	struct fuzz f;
};

static void path_of(size_t i, char path[128])
{
	snprintf(path, 128, PARAMETERS "%s", parameter[i]);
}

static char *value_of(size_t i)
{
	char path[128];

	path_of(i, path);
	return procfile_read(path, NULL);
}

static int set_value(size_t i, const char *value, size_t size)
{
	char path[128];
	ssize_t put;
	int fd, error;

	path_of(i, path);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	put = write(fd, value, size);
	error = put < 0 ? errno : put == (ssize_t)size ? 0 : EIO;
	close(fd);
	return error;
}

FIXTURE_SETUP(fuzz_settings)
{
	self->f = (struct fuzz){ .random = fuzz_seed(), .who = &fuzz_root };
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, target_fork(&self->target, fuzz_seen_body, NULL));
	for (size_t i = 0; i < NUMBER_OF; i++) {
		self->before[i] = value_of(i);
		ASSERT_NE(NULL, self->before[i]);
		snprintf(self->now[i], sizeof(self->now[i]), "%s", self->before[i]);
	}
}

FIXTURE_TEARDOWN(fuzz_settings)
{
	for (size_t i = 0; i < NUMBER_OF; i++) {
		EXPECT_EQ(0, set_value(i, self->before[i], strlen(self->before[i])));
		free(self->before[i]);
	}
	target_end(&self->target);
	machine_restore();
}

/* A number in some way or other; or none. */
static void some_value(struct fuzz *f, char *value, size_t room)
{
	static const char *const format[] = {
		"%" PRId64, "%" PRId64 "\n", "%#" PRIx64, "%#" PRIo64, "+%" PRId64, " %" PRId64,
		"%" PRId64 " ", "%" PRId64 "\n\n", "%" PRId64 "k", "0x%" PRId64, "0%" PRId64,
		"--%" PRId64, "%" PRId64 ".0",
	};
	static const char *const text[] = {
		"all", "none", "all\n", "none\n", "\n", "All", "al", "alll", "all none", " all",
		"all ", "0x", "+", "-", "Y", "-0", "4294967295", "4294967296",
		"18446744073709551616", "99999999999999999999999999",
	};
	int64_t number = fuzz_below(f, 2) ? (int64_t)fuzz_below(f, 5000) : fuzz_number(f);

	if (fuzz_below(f, 2))
		/* checked by the eye: each has one number */
		snprintf(value, room, FUZZ_PICK(f, format), number);
	else
		snprintf(value, room, "%s", FUZZ_PICK(f, text));
	if (*value && !fuzz_below(f, 10))
		value[fuzz_below(f, strlen(value))] = 1 + fuzz_below(f, 255);
}

/* As lib/kstrtox.c:kstrtouint() with base 0: the number, or -1 if it is none. */
static int64_t as_number(const char *value, bool *overflows)
{
	const char *digits = value + (*value == '+');
	char *end;
	uint64_t number;
	int base = 10;

	if (*digits == '0')
		base = (digits[1] | 32) == 'x' && isxdigit((unsigned char)digits[2]) ? 16 : 8;
	digits += base == 16 ? 2 : 0;
	if (!isxdigit((unsigned char)*digits))
		return -1;
	errno = 0;
	number = strtoull(digits, &end, base);
	/* before it looks at what comes behind */
	*overflows = errno == ERANGE;
	if (end == digits || (*end && strcmp(end, "\n")))
		return -1;
	*overflows |= number > UINT32_MAX;
	return number;
}

/* What is to be answered, and what it is to read as then. */
static int expected_answer(size_t i, const char *value, char *now)
{
	size_t len = strcspn(value, "\n");
	bool overflows = false;
	int64_t number;

	if (!i) {
		if (value[len] && value[len + 1])
			return EINVAL;
		if (!(len == 3 && !memcmp(value, "all", 3)) &&
		    !(len == 4 && !memcmp(value, "none", 4)))
			return EINVAL;
		sprintf(now, "%.*s\n", (int)len, value);
		return 0;
	}
	number = as_number(value, &overflows);
	if (number < 0 && !overflows)
		return EINVAL;
	if (overflows)
		return ERANGE;
	if (!strcmp(parameter[i], "growth_events") && number > EVENTS_MAX)
		return EINVAL;
	sprintf(now, "%" PRId64 "\n", number);
	return 0;
}

TEST_F_TIMEOUT(fuzz_settings, documented_values_only, 3600)
{
	struct fuzz *f = &self->f;
	unsigned int writes = fuzz_times(WRITES), taken = 0;
	char value[64], *seen;

	diag("VMINSPECT_SEED=%" PRIu64, fuzz_seed());
	for (unsigned int turn = 0; turn < writes; turn++) {
		size_t i = fuzz_below(f, NUMBER_OF);
		int expected, error;

		some_value(f, value, sizeof(value));
		fuzz_args(f, "'%s' to %s", value, parameter[i]);
		expected = expected_answer(i, value, self->now[i]);
		error = set_value(i, value, strlen(value));
		taken += !error;
		if (error != expected)
			fuzz_wrong(f, "expected %s, seen %s", strerror(expected), strerror(error));
		seen = value_of(i);
		if (!seen || strcmp(seen, self->now[i]))
			fuzz_wrong(f, "expected to read %s, seen %s", self->now[i], seen ?: "none");
		free(seen);
	}
	EXPECT_EQ(0, f->wrong);
	EXPECT_LT(writes / 10, taken);
	EXPECT_EQ(0, agree_process(self->target.pid));
}

/* Of up to a page, and of more. */
TEST_F(fuzz_settings, long_values)
{
	static char value[3 * 4096];

	memset(value, '1', sizeof(value));
	for (size_t i = 0; i < NUMBER_OF; i++) {
		for (size_t size = 64; size < sizeof(value); size *= 2) {
			int error = set_value(i, value, size);
			char *seen = value_of(i);

			EXPECT_TRUE(error == EINVAL || error == ERANGE) {
				TH_LOG("%zu bytes to %s: expected EINVAL or ERANGE, seen %s", size,
				       parameter[i], strerror(error));
			}
			EXPECT_STREQ(self->before[i], seen ?: "none");
			free(seen);
		}
	}
}

static void write_settings(void *arg)
{
	int *answer = arg;

	for (size_t i = 0; i < NUMBER_OF; i++) {
		char *seen = value_of(i);

		answer[i] = seen ? set_value(i, seen, strlen(seen)) : ENOENT;
		free(seen);
	}
}

TEST_F(fuzz_settings, of_root_only)
{
	int *answer = access_shared(NUMBER_OF * sizeof(*answer));

	ASSERT_NE(NULL, answer);
	ASSERT_EQ(0, access_call_as(&access_owner, write_settings, answer));
	for (size_t i = 0; i < NUMBER_OF; i++) {
		EXPECT_EQ(EACCES, answer[i]) {
			TH_LOG("a write to %s: expected EACCES, seen %s", parameter[i],
			       strerror(answer[i]));
		}
	}
}

TEST_HARNESS_MAIN
