// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: nothing in /proc/vminspect can be created, removed, moved or given
 * other permissions, and reports are written to only for tracking: what is tried
 * on a report is answered as on /proc/<pid>/maps, opening it for writing as
 * /proc/<pid>/mem, what is tried on its name as in procfs's other directories,
 * for root and for the process's owner; and it changes nothing, neither for
 * this process nor for another.
 */
#include "kselftest_harness.h"
#include "access.h"

FIXTURE(access_modify)
{
	struct target target[2];
	struct stat before[2];
};

static int stat_report(pid_t pid, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	return lstat(path, st);
}

FIXTURE_SETUP(access_modify)
{
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, access_start(&self->target[i], &access_owner, i + 1, false));
		ASSERT_EQ(0, stat_report(self->target[i].pid, &self->before[i]));
	}
}

FIXTURE_TEARDOWN(access_modify)
{
	target_end(&self->target[0]);
	target_end(&self->target[1]);
}

/* Each try returns the errno it got, 0 for success; dir is that of the file called name. */
typedef int try_fn(int dir, const char *name);

static int try_open_write(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_open_read_write(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_create(int dir, const char *name)
{
	int fd = openat(dir, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);

	(void)name;
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_create_excl(int dir, const char *name)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_unlink(int dir, const char *name)
{
	return unlinkat(dir, name, 0) ? errno : 0;
}

static int try_rmdir(int dir, const char *name)
{
	return unlinkat(dir, name, AT_REMOVEDIR) ? errno : 0;
}

static int try_mkdir(int dir, const char *name)
{
	(void)name;
	return mkdirat(dir, "new", 0777) ? errno : 0;
}

static int try_symlink(int dir, const char *name)
{
	return symlinkat(name, dir, "new") ? errno : 0;
}

static int try_link(int dir, const char *name)
{
	return linkat(dir, name, dir, "new", 0) ? errno : 0;
}

static int try_rename(int dir, const char *name)
{
	return renameat(dir, name, dir, "new") ? errno : 0;
}

static int try_chmod(int dir, const char *name)
{
	return fchmodat(dir, name, 0, 0) ? errno : 0;
}

static int try_chmod_open(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno;
	err = fchmod(fd, 0666) ? errno : 0;
	close(fd);
	return err;
}

/* peer: the file that answers as ours should; "shm" of sysvipc where it is the directory. */
static const struct attempt {
	const char *what;
	try_fn *call;
	const char *peer;
} attempt[] = {
	{ "open for writing", try_open_write, "mem" },
	{ "open for reading and writing", try_open_read_write, "mem" },
	{ "create another", try_create, "shm" },
	{ "create it anew", try_create_excl, "shm" },
	{ "unlink", try_unlink, "shm" },
	{ "rmdir", try_rmdir, "shm" },
	{ "mkdir", try_mkdir, "shm" },
	{ "symlink", try_symlink, "shm" },
	{ "link", try_link, "shm" },
	{ "rename", try_rename, "shm" },
	{ "chmod", try_chmod, "maps" },
	{ "fchmod", try_chmod_open, "maps" },
};

/* Whether it is the directory that answers. */
static bool on_name(const struct attempt *a)
{
	return !strcmp(a->peer, "shm");
}

#define ATTEMPTS (sizeof(attempt) / sizeof(*attempt))

struct tried {
	pid_t pid;
	int error;
	int peer[ATTEMPTS];
	int ours[ATTEMPTS];
};

static void try_all(void *arg)
{
	struct tried *tried = arg;
	char path[64], name[16];
	int pid, sysvipc, ours;

	snprintf(path, sizeof(path), "/proc/%d", tried->pid);
	snprintf(name, sizeof(name), "%d", tried->pid);
	pid = open(path, O_PATH | O_DIRECTORY);
	sysvipc = open("/proc/sysvipc", O_PATH | O_DIRECTORY);
	ours = open("/proc/vminspect", O_PATH | O_DIRECTORY);
	if (pid < 0 || sysvipc < 0 || ours < 0) {
		tried->error = errno;
		return;
	}
	for (size_t i = 0; i < ATTEMPTS; i++) {
		tried->peer[i] = attempt[i].call(on_name(&attempt[i]) ? sysvipc : pid,
						 attempt[i].peer);
		tried->ours[i] = attempt[i].call(ours, name);
	}
}

static void change_owner(void *arg)
{
	struct tried *tried = arg;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", tried->pid);
	tried->peer[0] = chown(path, ACCESS_OTHER, ACCESS_OTHER) ? errno : 0;
	snprintf(path, sizeof(path), "/proc/vminspect/%d", tried->pid);
	tried->ours[0] = chown(path, ACCESS_OTHER, ACCESS_OTHER) ? errno : 0;
}

/* Everything is as it was, for both processes and in the directory. */
#define EXPECT_UNCHANGED() do {								\
	struct stat st_;								\
											\
	for (int i_ = 0; i_ < 2; i_++) {						\
		ASSERT_EQ(0, stat_report(self->target[i_].pid, &st_));			\
		EXPECT_EQ(self->before[i_].st_mode, st_.st_mode);			\
		EXPECT_EQ(self->before[i_].st_uid, st_.st_uid);				\
		EXPECT_EQ(self->before[i_].st_gid, st_.st_gid);				\
		EXPECT_ACCESS(&access_root, "/proc", self->target[i_].pid, 0, i_ + 1);	\
		EXPECT_ACCESS(&access_owner, "/proc", self->target[i_].pid, 0, i_ + 1);	\
		EXPECT_ACCESS(&access_other, "/proc", self->target[i_].pid, EACCES, 0);	\
	}										\
	EXPECT_EQ(-1, lstat("/proc/vminspect/new", &st_));				\
	EXPECT_EQ(ENOENT, errno);							\
} while (0)

#define EXPECT_ANSWERED_AS_PEER(id) do {							\
	struct tried *tried_ = access_shared(sizeof(*tried_));				\
											\
	ASSERT_NE(NULL, tried_);							\
	tried_->pid = self->target[0].pid;						\
	ASSERT_EQ(0, access_call_as(id, try_all, tried_));				\
	ASSERT_EQ(0, tried_->error);							\
	for (size_t i_ = 0; i_ < ATTEMPTS; i_++) {					\
		EXPECT_EQ(tried_->peer[i_], tried_->ours[i_]) {				\
			TH_LOG("%s, pid %d: %s: expected as on %s: %s, seen %s",	\
			       (id)->name, tried_->pid, attempt[i_].what,		\
			       attempt[i_].peer,					\
			       strerror(tried_->peer[i_]), strerror(tried_->ours[i_]));	\
		}									\
		EXPECT_TRUE(tried_->ours[i_] || !on_name(&attempt[i_]));		\
	}										\
	EXPECT_UNCHANGED();								\
} while (0)

TEST_F(access_modify, root_changes_nothing)
{
	EXPECT_ANSWERED_AS_PEER(&access_root);
}

TEST_F(access_modify, owner_changes_nothing)
{
	EXPECT_ANSWERED_AS_PEER(&access_owner);
}

/*
 * procfs lets root change the owner of maps for as long as its inode lives;
 * that does not matter as long as only this process's report is concerned.
 */
TEST_F(access_modify, chown_changes_nothing)
{
	struct tried *tried = access_shared(sizeof(*tried));

	ASSERT_NE(NULL, tried);
	tried->pid = self->target[0].pid;
	ASSERT_EQ(0, access_call_as(&access_owner, change_owner, tried));
	EXPECT_EQ(EPERM, tried->peer[0]);
	EXPECT_EQ(EPERM, tried->ours[0]);
	ASSERT_EQ(0, access_call_as(&access_root, change_owner, tried));
	EXPECT_TRUE(tried->ours[0] == EPERM || tried->ours[0] == tried->peer[0]) {
		TH_LOG("root's chown of pid %d: expected EPERM or as on maps: %s, seen %s",
		       tried->pid, strerror(tried->peer[0]), strerror(tried->ours[0]));
	}
	EXPECT_UNCHANGED();
}

TEST_F(access_modify, directory_is_read_only)
{
	struct stat st;

	ASSERT_EQ(0, stat("/proc/vminspect", &st));
	EXPECT_EQ(S_IFDIR | 0555, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
}

/* What is no word of tracking is an error. */
TEST_F(access_modify, write_is_refused)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/vminspect/%d", self->target[0].pid);
	fd = open(path, O_WRONLY);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, "", 0));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
	EXPECT_UNCHANGED();
}

TEST_HARNESS_MAIN
