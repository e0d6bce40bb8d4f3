// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the module can be unloaded and loaded again at any time, 1000 times
 * in a row, with every process tracked, while processes read, list, look up, wait and
 * keep files and directories open without pause. Each unload succeeds at once; each
 * reader sees the module there or not there, never anything else; nothing is left
 * of them at last.
 *
 * In the short form, without VMINSPECT_SOAK, it is as often as fits in SECONDS, but
 * not less than FEW times.
 */
#include <poll.h>

#include "lib/children.h"
#include "storm.h"
#include "unload.h"

#define CYCLES 1000
#define SHORT_CYCLES 100
#define FEW 10
#define SECONDS 10
#define READERS 6
#define KEPT 8
#define NAP_US 2000

/**
 * struct look - what one reader does again and again
 * @once: does it once; returns 0 if it saw the module's work, otherwise an errno
 */
struct look {
	const char *what;
	int (*once)(pid_t pid);
};

static int read_report(pid_t pid)
{
	char path[64], buf[65536];
	int fd, err = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while ((got = read(fd, buf, 777)) > 0)
		;
	if (got < 0)
		err = errno;
	close(fd);
	return err;
}

static int list_directory(pid_t pid)
{
	DIR *dir = opendir("/proc/vminspect");
	struct dirent *entry;
	int err = ENOENT;

	if (!dir)
		return errno;
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) == pid)
			err = 0;
	closedir(dir);
	return err;
}

static int look_up(pid_t pid)
{
	struct stat st;
	char path[64];
	int err;

	lstat("/proc/vminspect/1/nothing", &st);
	lstat("/proc/vminspect/nothing", &st);
	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	err = lstat(path, &st) ? errno : 0;
	if (!err && !S_ISREG(st.st_mode))
		return EINVAL;
	return err;
}

/* Opens a file more each time, reads an older one, closes the oldest. */
static int keep_open(pid_t pid)
{
	static int fd[KEPT], next;
	char path[64], buf[100];
	int err = 0;

	if (fd[next] > 0)
		close(fd[next]);
	snprintf(path, sizeof(path), "/proc/vminspect/%s", next % 4 == 3 ? "status" : "self");
	if (next % 4 == 2)
		snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	fd[next] = open(path, O_RDONLY | O_CLOEXEC);
	if (fd[next] < 0)
		err = errno;
	next = (next + 1) % KEPT;
	if (fd[next] > 0 && read(fd[next], buf, sizeof(buf)) < 0)
		err = errno;
	return err;
}

/* Keeps the directory as its working directory for a while, and another open. */
static int stay_inside(pid_t pid)
{
	static int dir = -1, turn;
	char name[16];
	struct stat st;

	if (turn++ % 5 == 0) {
		if (dir >= 0)
			close(dir);
		dir = open("/proc/vminspect", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (chdir("/proc/vminspect"))
			return errno;
	}
	snprintf(name, sizeof(name), "%d", pid);
	fstatat(dir, name, &st, 0);
	return lstat(name, &st) ? errno : 0;
}

/* Until something happens to the stacks of the test, or the module goes. */
static int wait_for_it(pid_t pid)
{
	struct pollfd report = { .events = POLLPRI };
	char path[64];
	int ready;

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	report.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (report.fd < 0)
		return errno;
	ready = poll(&report, 1, 50);
	close(report.fd);
	return ready < 0 ? errno : 0;
}

static const struct look look[READERS] = {
	{ "read a report", read_report },
	{ "list the directory", list_directory },
	{ "look names up", look_up },
	{ "keep files open", keep_open },
	{ "stay inside the directory", stay_inside },
	{ "wait", wait_for_it },
};

struct result {
	volatile unsigned long there;
	volatile unsigned long not_there;
	volatile unsigned long wrong;
	volatile int wrong_errno;
};

FIXTURE(unload_cycles)
{
	struct result *result;
	pid_t reader[READERS];
};

static void reader_body(const struct look *look, struct result *result, pid_t test)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int err = look->once(test);

		/* leave the processors to the one who loads and unloads, too */
		usleep(NAP_US);
		if (!err) {
			result->there++;
		} else if (err == ENOENT || err == EIO) {
			result->not_there++;
		} else {
			result->wrong++;
			result->wrong_errno = err;
		}
	}
}

FIXTURE_SETUP(unload_cycles)
{
	pid_t test = getpid();

	ASSERT_EQ(0, unload_ensure());
	self->result = mmap(NULL, READERS * sizeof(*self->result), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->result);
	for (int i = 0; i < READERS; i++) {
		self->reader[i] = fork();
		if (!self->reader[i])
			reader_body(&look[i], &self->result[i], test);
		ASSERT_GT(self->reader[i], 0);
	}
}

FIXTURE_TEARDOWN(unload_cycles)
{
	children_end(self->reader, READERS);
	EXPECT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "all"));
}

/* Whether there is to be another cycle after so many. */
static bool goes_on(unsigned int count, double began)
{
	if (storm_soak())
		return count < CYCLES / slow_times();
	return count < FEW || (count < SHORT_CYCLES && life_seconds() < began + SECONDS);
}

TEST_F_TIMEOUT(unload_cycles, under_readers, STORM_TIMEOUT)
{
	const double began = life_seconds();
	struct track_sums sums;
	unsigned int cycle;

	for (cycle = 0; goes_on(cycle, began); cycle++) {
		/* now and then long enough for the readers to get at it */
		usleep(cycle % 10 ? 200 : 30000);
		ASSERT_EQ(0, unload_remove()) {
			TH_LOG("unloading, cycle %u", cycle + 1);
		}
		usleep(cycle % 10 == 5 ? 10000 : 0);
		ASSERT_EQ(0, unload_insert()) {
			TH_LOG("loading, cycle %u", cycle + 1);
		}
		ASSERT_LT(0, track_since(self->reader[cycle % READERS])) {
			TH_LOG("'%s', cycle %u", look[cycle % READERS].what, cycle + 1);
		}
	}
	diag("%u cycles", cycle);
	usleep(100000);
	for (int i = 0; i < READERS; i++) {
		struct result *r = &self->result[i];

		diag("%s: %lu times there, %lu times not", look[i].what, r->there, r->not_there);
		EXPECT_EQ(0, waitpid(self->reader[i], NULL, WNOHANG)) {
			TH_LOG("'%s' has died", look[i].what);
		}
		EXPECT_EQ(0, r->wrong) {
			TH_LOG("%s: expected success, ENOENT or EIO, seen %s", look[i].what,
			       strerror(r->wrong_errno));
		}
		EXPECT_GT(r->there, 0) TH_LOG("%s", look[i].what);
		EXPECT_GT(r->not_there, 0) TH_LOG("%s", look[i].what);
		ASSERT_EQ(0, process_stop(self->reader[i]));
		EXPECT_TRUE(track_sum(self->reader[i], &sums));
		EXPECT_EQ(0, sums.lost + sums.unattributed) {
			TH_LOG("'%s', pid %d", look[i].what, self->reader[i]);
		}
	}
	EXPECT_TRUE(unload_works("/proc", getpid()));
	/* who has a report open has what belongs to it */
	children_end(self->reader, READERS);
	ASSERT_EQ(0, procfile_write(TRACK_PARAMETER("track"), "none"));
	EXPECT_TRUE(track_falls_to("tracked", 0));
	EXPECT_TRUE(track_falls_to("memory_bytes", 0));
	EXPECT_TRUE(track_falls_to("record_bytes", 0));
}

TEST_HARNESS_MAIN
