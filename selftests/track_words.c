// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: "track", "untrack" and "reset", each as one write with or without a
 * newline behind it, do what they say; everything else is EINVAL and changes
 * nothing. Who owns the process (fsuid = its euid) or has CAP_SYS_PTRACE may
 * write, whoever opened the file; others get EPERM. Of a process that is gone
 * or has called execve() since: ESRCH.
 */
#include "kselftest_harness.h"
#include "access.h"
#include "track.h"

#include <sys/uio.h>

FIXTURE(track_words)
{
	struct target target;
	int fd;
};

/* The target is stopped, and tracked since it was forked; the file is root's. */
FIXTURE_SETUP(track_words)
{
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
	ASSERT_EQ(0, access_start(&self->target, &access_owner, 1, false));
	self->fd = report_open(self->target.pid, O_WRONLY);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(track_words)
{
	close(self->fd);
	target_end(&self->target);
}

#define SINCE() ({							\
	int64_t since_ = track_since(self->target.pid);			\
	EXPECT_GE(since_, 0);						\
	since_;								\
})

TEST_F(track_words, do_what_they_say)
{
	pid_t pid = self->target.pid;
	int64_t first = SINCE(), second, third;

	ASSERT_GT(first, 0);
	EXPECT_EQ(0, track_write(pid, "track"));
	EXPECT_EQ(first, SINCE());

	EXPECT_EQ(0, track_write(pid, "untrack"));
	EXPECT_EQ(0, SINCE());
	EXPECT_EQ(-EINVAL, track_write(pid, "reset"));
	EXPECT_EQ(0, track_write(pid, "untrack"));
	EXPECT_EQ(0, SINCE());

	EXPECT_EQ(0, track_write(pid, "track"));
	second = SINCE();
	EXPECT_LT(first, second);
	EXPECT_EQ(0, track_write(pid, "track"));
	EXPECT_EQ(second, SINCE());

	EXPECT_EQ(0, track_write(pid, "reset"));
	third = SINCE();
	EXPECT_LT(second, third);
}

TEST_F(track_words, newline_may_follow)
{
	pid_t pid = self->target.pid;
	int64_t since;

	EXPECT_EQ(0, track_write(pid, "untrack\n"));
	EXPECT_EQ(0, SINCE());
	EXPECT_EQ(0, track_write(pid, "track\n"));
	since = SINCE();
	EXPECT_LT(0, since);
	EXPECT_EQ(0, track_write(pid, "reset\n"));
	EXPECT_LT(since, SINCE());
}

TEST_F(track_words, one_file_takes_many)
{
	static const char *const word[] = { "untrack", "track", "bad", "reset\n", "track" };
	static const int error[] = { 0, 0, EINVAL, 0, 0 };

	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++) {
		ssize_t put = write(self->fd, word[i], strlen(word[i]));
		int seen = put < 0 ? errno : 0;

		EXPECT_EQ(error[i], seen) {
			TH_LOG("%s: expected %s, seen %s", word[i], strerror(error[i]),
			       strerror(seen));
		}
	}
	EXPECT_LT(0, SINCE());
}

/* A text for write(), which may have a NUL in it; longer with as many 'a' behind. */
static const struct bad {
	const char *text;
	size_t len;
	size_t more;
} bad[] = {
	{ "", 0, 0 }, { "\n", 1, 0 }, { "", 1, 0 }, { " ", 1, 0 }, { "x", 1, 0 },
	{ "t", 1, 0 }, { "trac", 4, 0 }, { "ack", 3, 0 }, { "tracks", 6, 0 },
	{ "tracked", 7, 0 }, { "Track", 5, 0 }, { "TRACK", 5, 0 }, { "track ", 6, 0 },
	{ " track", 6, 0 }, { "\ntrack", 6, 0 }, { "track\n\n", 7, 0 }, { "track\r\n", 7, 0 },
	{ "track", 6, 0 }, { "track\0\n", 7, 0 }, { "track untrack", 13, 0 },
	{ "untrack\ntrack\n", 14, 0 }, { "untracked", 9, 0 }, { "un", 2, 0 }, { "rese", 4, 0 },
	{ "resets", 6, 0 }, { "reset\n ", 7, 0 }, { "all", 3, 0 }, { "none", 4, 0 }, { "1", 1, 0 },
	{ "track", 5, 4091 }, { "untrack\n", 8, 4089 }, { "", 0, 4096 }, { "reset", 5, 1 << 20 },
};

static int write_bad(int fd, const struct bad *b)
{
	char *text = malloc(b->len + b->more + 1);
	int error;

	if (!text)
		return ENOMEM;
	memcpy(text, b->text, b->len);
	memset(text + b->len, 'a', b->more);
	error = write(fd, text, b->len + b->more) < 0 ? errno : 0;
	free(text);
	return error;
}

TEST_F(track_words, others_are_invalid)
{
	int64_t since = SINCE();

	for (int tracked = 1; tracked >= 0; tracked--) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			int error = write_bad(self->fd, &bad[i]);

			EXPECT_EQ(EINVAL, error) {
				TH_LOG("'%s' and more, %zu bytes: expected EINVAL, seen %s",
				       bad[i].text, bad[i].len + bad[i].more,
				       error ? strerror(error) : "success");
			}
			ASSERT_EQ(tracked ? since : 0, SINCE()) {
				TH_LOG("'%s', %zu bytes, had an effect", bad[i].text,
				       bad[i].len + bad[i].more);
			}
		}
		if (tracked)
			ASSERT_EQ(0, track_write(self->target.pid, "untrack"));
	}
}

/* A word is one write: what two of them say together is nothing. */
TEST_F(track_words, pieces_are_invalid)
{
	const struct iovec piece[] = { { "untra", 5 }, { "ck", 2 } };
	int64_t since = SINCE();

	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-1, write(self->fd, piece[i].iov_base, piece[i].iov_len));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(since, SINCE());
	EXPECT_EQ(-1, writev(self->fd, piece, 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(since, SINCE());
}

TEST_F(track_words, unreadable_memory)
{
	int64_t since = SINCE();
	char *end = target_map(0, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1) +
		    sysconf(_SC_PAGESIZE);

	ASSERT_EQ(0, munmap(end, sysconf(_SC_PAGESIZE)));
	memcpy(end - 2, "re", 2);
	EXPECT_EQ(-1, write(self->fd, end - 2, 5));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(since, SINCE());
}

TEST_F(track_words, needs_a_file_to_write)
{
	int64_t since = SINCE();
	char byte;
	int fd;

	fd = report_open(self->target.pid, O_RDONLY);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-1, write(fd, "reset", 5));
	EXPECT_EQ(EBADF, errno);
	close(fd);
	EXPECT_EQ(since, SINCE());

	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);

	fd = report_open(self->target.pid, O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, read(fd, &byte, 1));
	EXPECT_EQ(5, write(fd, "reset", 5));
	EXPECT_EQ(1, read(fd, &byte, 1));
	close(fd);
	EXPECT_LT(since, SINCE());
}

TEST_F(track_words, shown_as_unknown_when_untracked)
{
	static const char *const gone[] = {
		"minflt", "majflt", "anonflt", "fileflt", "cowflt", "swapflt", "otherflt", "grows"
	};
	static const char *const faults[] = {
		"own_minflt", "own_majflt", "remote", "elsewhere", "unattributed", "lost", "probes"
	};
	struct report r;

	ASSERT_EQ(0, track_write(self->target.pid, "untrack"));
	ASSERT_EQ(0, report_read(&r, self->target.pid));
	for (size_t i = 0; i < r.rows; i++)
		for (int column = REPORT_MINFLT; column <= REPORT_GROWS; column++)
			EXPECT_EQ(REPORT_UNKNOWN, r.row[i].count[column]);
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++) {
		EXPECT_STREQ("-", report_value(&r, "gone", gone[i]) ?: "none");
		EXPECT_STREQ("-", report_value(&r, "total", gone[i]) ?: "none");
	}
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		EXPECT_STREQ("-", report_value(&r, "faults", faults[i]) ?: "none") {
			TH_LOG("[faults] %s", faults[i]);
		}
	}
	report_free(&r);
}

/**
 * struct attempt - one "reset" of a process
 * @pid: the process
 * @fd: an open file to write to, or -1 to open it
 * @before: what to do first; may be NULL; returns an errno
 * @open: errno of open(); 0 if it opened
 * @write: errno of write(); 0 if all was taken
 */
struct attempt {
	pid_t pid;
	int fd;
	int (*before)(void);
	int prepared;
	int open;
	int write;
};

static void try_reset(void *arg)
{
	struct attempt *try = arg;
	int fd = try->fd;

	try->prepared = try->before ? try->before() : 0;
	if (fd < 0) {
		fd = report_open(try->pid, O_WRONLY);
		try->open = fd < 0 ? -fd : 0;
	}
	try->write = 0;
	if (fd >= 0)
		try->write = write(fd, "reset", 5) == 5 ? 0 : errno;
}

/* Try as somebody; what is expected of open() and write() decides if it took effect. */
#define EXPECT_RESET(id, fd_, before_, open_, write_) do {				\
	struct attempt *try_ = access_shared(sizeof(*try_));				\
	int64_t since_ = SINCE();							\
											\
	ASSERT_NE(NULL, try_);								\
	*try_ = (struct attempt){ self->target.pid, fd_, before_, 0, 0, 0 };		\
	ASSERT_EQ(0, access_call_as(id, try_reset, try_));				\
	ASSERT_EQ(0, try_->prepared);							\
	EXPECT_TRUE(try_->open == (open_) && try_->write == (write_)) {			\
		TH_LOG("%s, pid %d: expected open: %s, write: %s; seen open: %s, write: %s",	\
		       (id)->name, self->target.pid, strerror(open_), strerror(write_),	\
		       strerror(try_->open), strerror(try_->write));			\
	}										\
	EXPECT_EQ((open_) || (write_), SINCE() == since_) {				\
		TH_LOG("%s, pid %d: expected reset to have %s effect", (id)->name,	\
		       self->target.pid, (open_) || (write_) ? "no" : "an");		\
	}										\
	munmap(try_, sizeof(*try_));							\
} while (0)

/* Their files: uid and gid are the other's. */
static const struct access_id as_owner = {
	.name = "other uid with the owner's fsuid", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
	.fsid = ACCESS_OWNER,
};

static const struct access_id not_as_owner = {
	.name = "owner with another fsuid", .uid = ACCESS_OWNER, .gid = ACCESS_OWNER,
	.fsid = ACCESS_OTHER,
};

static const struct access_id idle_tracer = {
	.name = "other uid with CAP_SYS_PTRACE that is not effective", .uid = ACCESS_OTHER,
	.gid = ACCESS_OTHER, .caps = 1ull << CAP_SYS_PTRACE, .idle_caps = true,
};

static const struct access_id overrider = {
	.name = "other uid with CAP_DAC_OVERRIDE", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
	.caps = 1ull << CAP_DAC_OVERRIDE,
};

TEST_F(track_words, opened_and_written)
{
	EXPECT_RESET(&access_root, -1, NULL, 0, 0);
	EXPECT_RESET(&access_owner, -1, NULL, 0, 0);
	EXPECT_RESET(&access_tracer, -1, NULL, 0, 0);
	EXPECT_RESET(&as_owner, -1, NULL, 0, 0);
	EXPECT_RESET(&access_other, -1, NULL, EACCES, 0);
	EXPECT_RESET(&access_member, -1, NULL, EACCES, 0);
	EXPECT_RESET(&not_as_owner, -1, NULL, EACCES, 0);
	EXPECT_RESET(&idle_tracer, -1, NULL, EACCES, 0);
	EXPECT_RESET(&overrider, -1, NULL, EACCES, 0);
}

/* Who writes counts, not who opened the file. */
TEST_F(track_words, handed_over)
{
	EXPECT_RESET(&access_root, self->fd, NULL, 0, 0);
	EXPECT_RESET(&access_owner, self->fd, NULL, 0, 0);
	EXPECT_RESET(&access_tracer, self->fd, NULL, 0, 0);
	EXPECT_RESET(&as_owner, self->fd, NULL, 0, 0);
	EXPECT_RESET(&access_other, self->fd, NULL, 0, EPERM);
	EXPECT_RESET(&access_member, self->fd, NULL, 0, EPERM);
	EXPECT_RESET(&not_as_owner, self->fd, NULL, 0, EPERM);
	EXPECT_RESET(&idle_tracer, self->fd, NULL, 0, EPERM);
	EXPECT_RESET(&overrider, self->fd, NULL, 0, EPERM);
}

/* Nor those that let read on some kernels. */
static int drop_ptrace(void)
{
	const uint64_t all = (1ull << (CAP_LAST_CAP + 1)) - 1;
	const uint64_t dropped = 1ull << CAP_SYS_PTRACE | 1ull << CAP_PERFMON |
				 1ull << CAP_SYS_ADMIN;

	return access_set_caps(all & ~dropped, false) ? errno : 0;
}

TEST_F(track_words, root_without_the_capability)
{
	EXPECT_RESET(&access_root, -1, drop_ptrace, EACCES, 0);
	EXPECT_RESET(&access_root, self->fd, drop_ptrace, 0, EPERM);
}

static int enter_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) ? errno : 0;
}

/* All capabilities, but not over a process outside. */
TEST_F(track_words, root_of_a_user_namespace)
{
	EXPECT_RESET(&access_other, self->fd, enter_user_namespace, 0, EPERM);
	EXPECT_RESET(&access_owner, self->fd, enter_user_namespace, 0, 0);
}

/* Kernels that let CAP_PERFMON read maps let it read, not track. */
TEST_F(track_words, observer_does_not_track)
{
	static const struct access_id observer = {
		.name = "other uid with CAP_PERFMON", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
		.caps = 1ull << CAP_PERFMON,
	};
	struct access_pair pair = {};

	ASSERT_EQ(0, access_ask_as(&observer, "/proc", self->target.pid, &pair));
	EXPECT_RESET(&observer, -1, NULL, pair.maps.open, pair.maps.open ? 0 : EPERM);
	EXPECT_RESET(&observer, self->fd, NULL, 0, EPERM);
}

static void setuid_body(struct target *target, void *arg)
{
	(void)arg;
	if (setresuid(ACCESS_OWNER, ACCESS_OTHER, ACCESS_OWNER))
		target_fail("setresuid");
	target_step(target);
}

/* As of a set-user-ID program: its owner is the one it acts as. */
TEST_F(track_words, effective_uid_owns)
{
	close(self->fd);
	target_end(&self->target);
	ASSERT_EQ(0, target_fork(&self->target, setuid_body, NULL));
	self->fd = report_open(self->target.pid, O_WRONLY);
	ASSERT_GE(self->fd, 0);
	EXPECT_RESET(&access_owner, self->fd, NULL, 0, EPERM);
	EXPECT_RESET(&access_other, self->fd, NULL, 0, 0);
}

#define EXPECT_GONE(what) do {								\
	static const char *const word_[] = { "track", "untrack", "reset" };		\
											\
	for (int i_ = 0; i_ < 3; i_++) {						\
		EXPECT_EQ(-1, write(self->fd, word_[i_], strlen(word_[i_])));		\
		EXPECT_EQ(ESRCH, errno) {						\
			TH_LOG("%s, pid %d: %s: expected ESRCH, seen %s", what,		\
			       self->target.pid, word_[i_], strerror(errno));		\
		}									\
	}										\
} while (0)

TEST_F(track_words, process_is_gone)
{
	siginfo_t info;

	ASSERT_EQ(0, kill(self->target.pid, SIGKILL));
	ASSERT_EQ(0, waitid(P_PID, self->target.pid, &info, WEXITED | WNOWAIT));
	EXPECT_GONE("a zombie");
	target_end(&self->target);
	EXPECT_GONE("reaped");
}

static void exec_body(struct target *target, void *arg)
{
	(void)arg;
	target_step(target);
	execlp("sleep", "sleep", "60", NULL);
	target_fail("exec");
}

TEST_F(track_words, process_has_become_another_program)
{
	close(self->fd);
	target_end(&self->target);
	ASSERT_EQ(0, target_fork(&self->target, exec_body, NULL));
	self->fd = report_open(self->target.pid, O_WRONLY);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(-ECHILD, target_next(&self->target));
	EXPECT_GONE("execve() since");
	EXPECT_EQ(0, track_write(self->target.pid, "reset"));
}

static void write_self(void *arg)
{
	int *error = arg;
	int fd;

	/* a change of uid made it a process that only root may look at */
	prctl(PR_SET_DUMPABLE, 1);
	fd = open("/proc/vminspect/self", O_WRONLY | O_CLOEXEC);
	*error = fd < 0 || write(fd, "reset\n", 6) != 6 ? errno : 0;
}

TEST(a_process_of_itself)
{
	int *error = access_shared(sizeof(*error));

	ASSERT_NE(NULL, error);
	*error = -1;
	ASSERT_EQ(0, access_call_as(&access_other, write_self, error));
	EXPECT_EQ(0, *error);
}

TEST_HARNESS_MAIN
