// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a row's name is the one that maps prints, whatever it is made of:
 * blanks, newlines (escaped), other odd bytes, very long paths, deleted files,
 * names of memfds and of anonymous memory; so is the name of the command.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/kind.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* The first kernel that names shared anonymous memory. */
#define SHARED_NAMES_SINCE 6002

FIXTURE(names) {
	struct target target;
	const char *directory;
};

/* For targets, which are forked from here. */
static const char *directory;

FIXTURE_SETUP(names)
{
	ASSERT_EQ(0, machine_quiet());
	directory = machine_ramfs();
	ASSERT_NE(NULL, directory);
	self->directory = directory;
}

FIXTURE_TEARDOWN(names)
{
	target_end(&self->target);
	machine_restore();
}

/* File names, and how maps prints them behind the directory. */
static const struct {
	const char *file;
	const char *shown;
	bool deleted;
} file_name[] = {
	{ "two words", "/two words", false },
	{ " blanks around ", "/ blanks around ", false },
	{ "two\nlines\n", "/two\\012lines\\012", false },
	{ "back\\slash\\012", "/back\\slash\\012", false },
	{ "t\ta\rb\x01\x7f\xff", "/t\ta\rb\x01\x7f\xff", false },
	{ "[stack]", "/[stack]", false },
	{ "-", "/-", false },
	{ "not (deleted)", "/not (deleted)", false },
	{ "gone", "/gone (deleted)", true },
	{ "gone\n(deleted)", "/gone\\012(deleted) (deleted)", true },
};

#define FILES (sizeof(file_name) / sizeof(*file_name))

static void files_body(struct target *t, void *arg)
{
	(void)arg;
	if (chdir(directory))
		target_fail(directory);
	for (size_t i = 0; i < FILES; i++) {
		int fd = open(file_name[i].file, O_RDWR | O_CREAT, 0600);

		if (fd < 0 || ftruncate(fd, KIND_PAGE))
			target_fail(file_name[i].file);
		target_read(target_map(TARGET_ALONE(i), 1, PROT_READ, MAP_SHARED, fd), 1, 1);
		if (file_name[i].deleted && unlink(file_name[i].file))
			target_fail("unlink");
		close(fd);
	}
	target_step(t);
}

TEST_F(names, files)
{
	char expected[256];
	struct report r;

	KIND_START(files_body);
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	for (size_t i = 0; i < FILES; i++) {
		const struct report_row *row = report_find(&r, TARGET_ALONE(i));

		ASSERT_NE(NULL, row);
		snprintf(expected, sizeof(expected), "%s%s", self->directory, file_name[i].shown);
		EXPECT_STREQ(expected, row->name);
	}
	report_free(&r);
	KIND_AGREES();
}

/* Names are those of the reader's root directory, as in maps. */
TEST_F(names, files_seen_from_chroot)
{
	char path[64];
	int status;
	pid_t pid;

	KIND_START(files_body);
	snprintf(path, sizeof(path), "%s/proc", self->directory);
	ASSERT_EQ(0, mkdir(path, 0700));
	ASSERT_EQ(0, mount("proc", path, "proc", 0, NULL));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct report r;

		if (chroot(self->directory) || chdir("/") ||
		    report_read(&r, self->target.pid) || !report_find(&r, TARGET_ALONE(0)) ||
		    strcmp(report_find(&r, TARGET_ALONE(0))->name, file_name[0].shown))
			_exit(1);
		_exit(agree_process(self->target.pid) ? 2 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, umount2(path, MNT_DETACH));
}

#define DEPTH 14
#define COMPONENT 250

static void long_body(struct target *t, void *arg)
{
	char name[COMPONENT + 1];
	int fd;

	(void)arg;
	memset(name, 'n', COMPONENT);
	name[COMPONENT] = '\0';
	if (chdir(directory))
		target_fail(directory);
	for (int i = 0; i < DEPTH; i++)
		if (mkdir(name, 0700) || chdir(name))
			target_fail("mkdir");
	fd = open("\n\n\n", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, KIND_PAGE))
		target_fail("open");
	target_map(TARGET_ALONE(0), 1, PROT_READ, MAP_SHARED, fd);
	target_step(t);
}

TEST_F(names, long_path)
{
	const struct report_row *row;
	struct report r;
	size_t expected;

	KIND_START(long_body);
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	row = report_find(&r, TARGET_ALONE(0));
	ASSERT_NE(NULL, row);
	ASSERT_NE(NULL, row->name);
	expected = strlen(self->directory) + DEPTH * (COMPONENT + 1) + strlen("/\\012\\012\\012");
	EXPECT_EQ(expected, strlen(row->name));
	report_free(&r);
	KIND_AGREES();
}

static void memfd_body(struct target *t, void *arg)
{
	static const char *const name[] = { "plain", "two words", "a\nb", "" };

	(void)arg;
	for (int i = 0; i < 4; i++) {
		int fd = memfd_create(name[i], MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, KIND_PAGE))
			target_fail("memfd_create");
		target_map(TARGET_ALONE(i), 1, PROT_READ, MAP_SHARED, fd);
	}
	target_map(TARGET_ALONE(4), 1, PROT_READ, KIND_SHARED, -1);
	target_map(TARGET_ALONE(5), 1, PROT_READ, KIND_PRIVATE, -1);
	target_step(t);
}

TEST_F(names, memfds)
{
	static const char *const expected[] = {
		"/memfd:plain (deleted)", "/memfd:two words (deleted)",
		"/memfd:a\\012b (deleted)", "/memfd: (deleted)", "/dev/zero (deleted)", "-"
	};
	struct report r;

	KIND_START(memfd_body);
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	for (int i = 0; i < 6; i++) {
		const struct report_row *row = report_find(&r, TARGET_ALONE(i));

		ASSERT_NE(NULL, row);
		EXPECT_STREQ(expected[i], row->name ? row->name : "-");
	}
	report_free(&r);
	KIND_AGREES();
}

#define LONGEST 79	/* bytes that a name of anonymous memory may have */

static void set_name(char *at, const char *name)
{
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, KIND_PAGE, name))
		target_fail("PR_SET_VMA_ANON_NAME");
}

static void anonymous_body(struct target *t, void *arg)
{
	char name[LONGEST + 1];

	(void)arg;
	memset(name, 'x', LONGEST);
	name[LONGEST] = '\0';
	set_name(target_map(TARGET_ALONE(0), 1, KIND_RW, KIND_PRIVATE, -1), "glibc: malloc");
	set_name(target_map(TARGET_ALONE(1), 1, KIND_RW, KIND_PRIVATE, -1), name);
	set_name(target_map(TARGET_ALONE(2), 1, KIND_RW, KIND_PRIVATE, -1), "");
	if (machine_kernel() >= SHARED_NAMES_SINCE)
		set_name(target_map(TARGET_ALONE(3), 1, KIND_RW, KIND_SHARED, -1), "shared one");
	target_step(t);
}

TEST_F(names, anonymous_memory)
{
	/* any mapping will do, this program's own data say */
	void *page = (void *)((uintptr_t)&directory & -KIND_PAGE);

	const struct report_row *row;
	char expected[128];
	struct report r;

	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, KIND_PAGE, NULL) && errno == EINVAL)
		SKIP(return, "this kernel was built without CONFIG_ANON_VMA_NAME");
	KIND_START(anonymous_body);
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	row = report_find(&r, TARGET_ALONE(0));
	ASSERT_NE(NULL, row);
	EXPECT_STREQ("[anon:glibc: malloc]", row->name ? row->name : "-");
	row = report_find(&r, TARGET_ALONE(1));
	ASSERT_NE(NULL, row);
	snprintf(expected, sizeof(expected), "[anon:%.*s]", LONGEST,
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	EXPECT_STREQ(expected, row->name ? row->name : "-");
	if (machine_kernel() >= SHARED_NAMES_SINCE) {
		row = report_find(&r, TARGET_ALONE(3));
		ASSERT_NE(NULL, row);
		EXPECT_STREQ("[anon_shmem:shared one]", row->name ? row->name : "-");
	}
	report_free(&r);
	KIND_AGREES();
}

static const char *const command[] = {
	"two words", "a\nb\\c", "x) R 1 1 1 (", "\t\x01\xff", "[vmas]", "-",
};

static void command_body(struct target *t, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < sizeof(command) / sizeof(*command); i++) {
		prctl(PR_SET_NAME, command[i]);
		target_step(t);
	}
}

TEST_F(names, commands)
{
	KIND_START(command_body);
	KIND_AGREES();
	for (size_t i = 1; i < sizeof(command) / sizeof(*command); i++) {
		KIND_NEXT();
		KIND_AGREES();
	}
}

TEST_HARNESS_MAIN
