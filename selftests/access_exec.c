// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: a report opened before its process execs gives no more afterwards,
 * as maps: whoever opened it learns nothing of the new program; whether it may
 * be opened anew is decided for the new program. One opened before its process
 * changes its uid stays readable, as maps.
 */
#include "kselftest_harness.h"
#include "access.h"

FIXTURE(access_exec)
{
	char dir[32];
	struct target target;
};

FIXTURE_SETUP(access_exec)
{
	strcpy(self->dir, "/tmp/exec-XXXXXX");
	ASSERT_EQ(0, access_private_mounts());
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, mount("tmpfs", self->dir, "tmpfs", 0, "mode=755"));
}

FIXTURE_TEARDOWN(access_exec)
{
	target_end(&self->target);
	access_umount(self->dir);
}

/* Put a real program there that sleeps, with the given permissions. */
static int install_sleep(const char *dir, mode_t mode)
{
	char path[64], buf[4096];
	int in = open("/bin/sleep", O_RDONLY | O_CLOEXEC), out, err = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "%s/sleep", dir);
	out = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		return -errno;
	while (!err && (got = read(in, buf, sizeof(buf))) != 0)
		if (got < 0 || write(out, buf, got) != got)
			err = -EIO;
	if (fchmod(out, mode))
		err = -errno;
	close(in);
	close(out);
	return err;
}

static void sleeper_body(struct target *target, void *arg)
{
	access_mark(1);
	errno = -access_become(&access_owner);
	if (errno || prctl(PR_SET_DUMPABLE, 1))
		target_fail("become the owner");
	target_step(target);
	execl(arg, "sleep", "60", NULL);
	target_fail("exec");
}

static void changer_body(struct target *target, void *arg)
{
	const struct access_id *to = arg;

	access_mark(1);
	if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(ACCESS_OWNER, ACCESS_OWNER, 0) ||
	    setresuid(ACCESS_OWNER, ACCESS_OWNER, 0) || prctl(PR_SET_DUMPABLE, 1))
		target_fail("become the owner for a while");
	target_step(target);
	/* back to root, by the saved uid, then to the new identity */
	if (setresuid(0, 0, 0) || setresgid(0, 0, 0))
		target_fail("become root again");
	errno = -access_become(to);
	if (errno)
		target_fail("change identity");
	target_step(target);
}

/**
 * struct around - both files, opened before the target goes on, and anew after
 * @target: the process
 * @next: what target_next() gave: -ECHILD when the target has exec'd
 * @opened: errno if one did not open before
 * @old: answers of the files opened before
 * @again: the same, read once more from the beginning
 * @anew: answers of opening them now
 */
struct around {
	struct target *target;
	int next;
	int opened;
	struct access_pair old;
	struct access_pair again;
	struct access_pair anew;
};

static void read_around(void *arg)
{
	struct around *around = arg;
	pid_t pid = around->target->pid;
	char path[64];
	int maps, ours;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/vminspect/%d", pid);
	ours = open(path, O_RDONLY);
	if (maps < 0 || ours < 0) {
		around->opened = errno;
		return;
	}
	around->next = target_next(around->target);
	around->old.maps = access_read(maps);
	around->old.ours = access_read(ours);
	around->again.maps = access_read(maps);
	around->again.ours = access_read(ours);
	around->anew = access_ask("/proc", pid);
}

static struct around *look_around(struct target *target, const struct access_id *reader)
{
	struct around *around = access_shared(sizeof(*around));

	if (!around)
		return NULL;
	around->target = target;
	around->opened = -access_call_as(reader, read_around, around);
	return around;
}

/* The end of the file at once: no text, and no error. */
static bool is_end(const struct access_answer *answer)
{
	return !answer->open && !answer->read && !answer->data;
}

#define EXPECT_END_AFTER_EXEC(mode, error) do {						\
	struct around *around_;								\
	char path_[64];									\
											\
	ASSERT_EQ(0, install_sleep(self->dir, mode));					\
	snprintf(path_, sizeof(path_), "%s/sleep", self->dir);				\
	ASSERT_EQ(0, target_fork(&self->target, sleeper_body, path_));			\
	around_ = look_around(&self->target, &access_owner);				\
	ASSERT_NE(NULL, around_);							\
	ASSERT_EQ(0, around_->opened);							\
	ASSERT_EQ(-ECHILD, around_->next);						\
	EXPECT_TRUE(is_end(&around_->old.maps));					\
	EXPECT_TRUE(is_end(&around_->old.ours));					\
	EXPECT_TRUE(is_end(&around_->again.ours));					\
	EXPECT_TRUE(access_same("owner", self->target.pid, &around_->anew, error, 0));	\
	EXPECT_ACCESS(&access_root, "/proc", self->target.pid, 0, 0);			\
} while (0)

TEST_F(access_exec, own_program)
{
	EXPECT_END_AFTER_EXEC(0755, 0);
}

TEST_F(access_exec, setuid_program)
{
	EXPECT_END_AFTER_EXEC(04755, EACCES);
}

TEST_F(access_exec, setgid_program)
{
	EXPECT_END_AFTER_EXEC(02755, EACCES);
}

TEST_F(access_exec, unreadable_program)
{
	EXPECT_END_AFTER_EXEC(0711, EACCES);
}

TEST_F(access_exec, change_of_uid)
{
	struct around *around;

	ASSERT_EQ(0, target_fork(&self->target, changer_body, (void *)&access_other));
	around = look_around(&self->target, &access_tracer);
	ASSERT_NE(NULL, around);
	ASSERT_EQ(0, around->opened);
	ASSERT_EQ(0, around->next);
	EXPECT_TRUE(access_same("tracer, opened before", self->target.pid, &around->old, 0, 1));
	EXPECT_TRUE(access_same("tracer, opened anew", self->target.pid, &around->anew, 0, 1));
	EXPECT_ACCESS(&access_owner, "/proc", self->target.pid, EACCES, 0);
	EXPECT_ACCESS(&access_other, "/proc", self->target.pid, EACCES, 0);
}

TEST_HARNESS_MAIN
