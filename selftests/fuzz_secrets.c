// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: nothing in /proc/vminspect tells a reader without privileges where the
 * kernel keeps things, or in which frames of memory a process lies: in none of its
 * files is a number that is an address of the kernel's, or that follows the frames
 * when all pages of a process move to others; and all that is given is text.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "lib/pagemap.h"
#include "lib/procfile.h"
#include "lib/report.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>

#define TEXT_ROOM (4u << 20)
#define MOVED TARGET_ALONE(0)
#define MOVED_PAGES 300
#define MOVES 3

/* The first address that is the kernel's, with page tables of five levels too. */
#define KERNEL 0xff00000000000000ull
/* A page that processes may know the address of: [vsyscall]. */
#define VSYSCALL 0xffffffffff600000ull
#define VSYSCALL_END 0xffffffffff601000ull

/**
 * struct sight - what somebody was given
 * @pid: the process whose report comes first
 * @files: how many files that is of
 * @len: of @text
 * @text: all of it
 */
struct sight {
	pid_t pid;
	unsigned int files;
	size_t len;
	char text[TEXT_ROOM];
};

/* The frames of a process. */
struct frames {
	uint64_t *frame;
	size_t count;
};

static void append(struct sight *sight, const char *path)
{
	size_t len;
	char *text = procfile_read(path, &len);

	if (!text)
		return;
	if (len > TEXT_ROOM - 1 - sight->len)
		len = TEXT_ROOM - 1 - sight->len;
	memcpy(sight->text + sight->len, text, len);
	sight->len += len;
	sight->files++;
	free(text);
}

/* What the kernel says of a descriptor of a report. */
static void append_descriptor(struct sight *sight, const char *report)
{
	int fd = open(report, O_RDONLY);
	char path[64];

	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	append(sight, path);
	close(fd);
}

/* All that there is to be read: the report, status, every other report, names. */
static void look(void *arg)
{
	DIR *dir = opendir("/proc/vminspect");
	struct sight *sight = arg;
	struct dirent *entry;
	char path[300];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", sight->pid);
	append(sight, path);
	append_descriptor(sight, path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/vminspect/%s", entry->d_name);
		append(sight, path);
		sight->len += snprintf(sight->text + sight->len, TEXT_ROOM - sight->len,
				       "%s %lu\n", entry->d_name, (unsigned long)entry->d_ino);
	}
	if (dir)
		closedir(dir);
}

static bool is_kernels(uint64_t number)
{
	return number >= KERNEL && (number < VSYSCALL || number > VSYSCALL_END);
}

static bool is_frame(const struct frames *frames, uint64_t number)
{
	for (size_t i = 0; i < frames->count; i++)
		if (number == frames->frame[i] || number == frames->frame[i] << 12)
			return true;
	return false;
}

/* The next run of letters and digits in a text; its length, 0 at the end. */
static size_t next_token(const char **at)
{
	size_t len = 0;

	while (**at && !isalnum(**at))
		++*at;
	while (isalnum((*at)[len]))
		len++;
	return len;
}

/* A run read as number; false if it is none. */
static bool as_number(const char *at, size_t len, int base, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(at, &end, base);
	return end == at + len && !errno;
}

/* How many numbers of a text are addresses of the kernel's; says which. */
static unsigned int kernel_addresses(const char *text)
{
	unsigned int found = 0;
	const char *at = text;
	uint64_t number;
	size_t len;

	for (; (len = next_token(&at)); at += len)
		for (int base = 10; base <= 16; base += 6)
			if (as_number(at, len, base, &number) && is_kernels(number)) {
				diag("an address of the kernel's: %.*s, behind '%.60s'", (int)len,
				     at, at - text > 60 ? at - 60 : text);
				found++;
			}
	return found;
}

/* How many bytes are no text; says what is around the first. */
static unsigned int no_text(const char *text, size_t len)
{
	unsigned int found = 0;

	for (size_t i = 0; i < len; i++) {
		if (isprint((unsigned char)text[i]) || text[i] == '\n' || text[i] == '\t')
			continue;
		if (!found++)
			diag("no text: byte %#x, behind '%.40s'", (unsigned char)text[i],
			     text + (i > 40 ? i - 40 : 0));
	}
	return found;
}

/*
 * How many numbers of two texts, at the same place of each, are frames that the
 * process had at that time; says which. -1 if they are not laid out alike.
 */
static int followed(const char *one, const struct frames *then, const char *two,
		    const struct frames *now)
{
	uint64_t a, b;
	size_t i, j;
	int found = 0;

	for (;; one += i, two += j) {
		i = next_token(&one);
		j = next_token(&two);
		if (!i || !j)
			return i == j ? found : -1;
		for (int base = 10; base <= 16; base += 6) {
			if (!as_number(one, i, base, &a) || !as_number(two, j, base, &b) ||
			    a == b || !is_frame(then, a) || !is_frame(now, b))
				continue;
			diag("frames: first %.*s, then %.*s", (int)i, one, (int)j, two);
			found++;
		}
	}
}

/* As root sees them, of all that is mapped. */
static int read_frames(pid_t pid, struct frames *frames)
{
	struct report r;
	int fd = pagemap_open(pid), err = report_read(&r, pid);

	*frames = (struct frames){ .frame = NULL };
	for (size_t i = 0; !err && fd >= 0 && i < r.rows; i++) {
		size_t pages = r.row[i].count[REPORT_SIZE];
		uint64_t *entry = calloc(pages, sizeof(*entry));

		frames->frame = realloc(frames->frame,
					(frames->count + pages) * sizeof(*frames->frame));
		err = pagemap_read(fd, r.row[i].start, entry, pages);
		for (size_t page = 0; !err && page < pages; page++)
			if (entry[page] & PAGEMAP_PRESENT && entry[page] & PAGEMAP_FRAME)
				frames->frame[frames->count++] = entry[page] & PAGEMAP_FRAME;
		free(entry);
	}
	report_free(&r);
	if (fd < 0)
		return fd;
	close(fd);
	return err;
}

static char *fresh_pages(uint64_t address)
{
	char *at = target_map(address, MOVED_PAGES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1);

	target_write(at, MOVED_PAGES, 1);
	return at;
}

/* Its pages move to frames that are others for sure: it has both for a moment. */
static void moving_body(struct target *target, void *arg)
{
	const size_t size = MOVED_PAGES * sysconf(_SC_PAGESIZE);

	(void)arg;
	errno = -access_become(&access_owner);
	if (errno || prctl(PR_SET_DUMPABLE, 1) || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		target_fail("become the owner");
	fresh_pages(MOVED);
	for (;;) {
		char *other;

		target_step(target);
		other = fresh_pages(0);
		if (mremap(other, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, MOVED) ==
		    MAP_FAILED)
			target_fail("mremap");
	}
}

FIXTURE(fuzz_secrets)
{
	struct target target;
	struct sight *sight[MOVES];
	struct frames frames[MOVES];
};

FIXTURE_SETUP(fuzz_secrets)
{
	ASSERT_EQ(0, target_fork(&self->target, moving_body, NULL));
	for (int i = 0; i < MOVES; i++) {
		self->sight[i] = access_shared(sizeof(*self->sight[i]));
		ASSERT_NE(NULL, self->sight[i]);
		self->sight[i]->pid = self->target.pid;
	}
}

FIXTURE_TEARDOWN(fuzz_secrets)
{
	target_end(&self->target);
	for (int i = 0; i < MOVES; i++)
		free(self->frames[i].frame);
}

static void look_inside(void *arg)
{
	if (unshare(CLONE_NEWUSER))
		_exit(1);
	look(arg);
}

/* The owner sees his report and status, at least; nobody sees what is the kernel's. */
#define EXPECT_NO_SECRET(id, call, least) do {						\
	struct sight *sight_ = self->sight[0];						\
											\
	ASSERT_EQ(0, access_call_as(id, call, sight_));					\
	EXPECT_LE((unsigned int)(least), sight_->files);				\
	EXPECT_EQ(0, kernel_addresses(sight_->text));					\
	EXPECT_EQ(0, no_text(sight_->text, sight_->len));				\
} while (0)

TEST_F(fuzz_secrets, no_address_of_the_kernels)
{
	EXPECT_NO_SECRET(&access_owner, look, 3);
}

TEST_F(fuzz_secrets, nor_for_others)
{
	EXPECT_NO_SECRET(&access_other, look, 1);
}

TEST_F(fuzz_secrets, nor_in_a_user_namespace)
{
	EXPECT_NO_SECRET(&access_owner, look_inside, 1);
}

TEST_F(fuzz_secrets, no_number_follows_the_frames)
{
	char *end;

	for (int i = 0; i < MOVES; i++) {
		if (i)
			ASSERT_EQ(0, target_next(&self->target));
		ASSERT_EQ(0, read_frames(self->target.pid, &self->frames[i]));
		ASSERT_LE(MOVED_PAGES, self->frames[i].count);
		ASSERT_EQ(0, access_call_as(&access_owner, look, self->sight[i]));
		end = strstr(self->sight[i]->text, "\n[total]\n");
		ASSERT_NE(NULL, end);
		*end = '\0';
	}
	for (int i = 1; i < MOVES; i++)
		EXPECT_EQ(0, followed(self->sight[i - 1]->text, &self->frames[i - 1],
				      self->sight[i]->text, &self->frames[i]));
}

/* What the tests above look for is found where it is. */
TEST(secrets_are_found)
{
	uint64_t first[] = { 0x1234, 77777 }, second[] = { 0x4321, 88888 };
	const struct frames then = { first, 2 }, now = { second, 2 };

	EXPECT_EQ(0, kernel_addresses("a 7fff00000000-7fffffffffff ffffffffff600000 12 -"));
	EXPECT_EQ(1, kernel_addresses("a ffff888012345678 b"));
	EXPECT_EQ(1, kernel_addresses("a\nmm=0xffffffffc0de0000;"));
	EXPECT_EQ(1, kernel_addresses("at 18446612682370596864\n"));
	EXPECT_EQ(0, no_text("a b\n", 4));
	EXPECT_EQ(2, no_text("a\0b\377", 4));
	EXPECT_EQ(0, followed("a 1234 b", &then, "a 1234 b", &now));
	EXPECT_EQ(0, followed("a 5 b 88888", &then, "a 6 b 77777", &now));
	EXPECT_EQ(1, followed("a 1234 b", &then, "a 4321 b", &now));
	EXPECT_EQ(1, followed("a 77777 b", &then, "a 88888 b", &now));
	EXPECT_EQ(1, followed("a 1234000 b", &then, "a 4321000 b", &now));
	EXPECT_EQ(-1, followed("a 1 b", &then, "a 1", &now));
}

TEST_HARNESS_MAIN
