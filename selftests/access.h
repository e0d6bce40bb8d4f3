/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The question of all access tests: does one reader, asking twice, get the same
 * answer from <proc>/vminspect/<pid> as from <proc>/<pid>/maps?
 */
#ifndef SELFTESTS_ACCESS_H
#define SELFTESTS_ACCESS_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/diag.h"
#include "lib/target.h"

/** ACCESS_OWNER - the uid and gid of most targets */
#define ACCESS_OWNER 1000
/** ACCESS_OTHER - the uid and gid of a reader who owns nothing */
#define ACCESS_OTHER 1001
/** ACCESS_GROUP - a group that only the reader access_member is in */
#define ACCESS_GROUP 4321
/** ACCESS_AS_MAPS - expect whatever maps answers */
#define ACCESS_AS_MAPS (-1)

#define ACCESS_MARK_BASE 0x10000000000ull
#define ACCESS_MARK_STEP 0x200000ull
#define ACCESS_MARKS 64

/**
 * struct access_id - who a reader or a target is
 * @name: for messages
 * @uid: real, effective and saved uid
 * @gid: real, effective and saved gid
 * @group: the only supplementary group; 0 for none
 * @fsid: filesystem uid and gid, if not 0
 * @caps: capabilities (bit mask) kept by a uid that is not 0
 * @idle_caps: keep @caps permitted only, not effective
 */
struct access_id {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t group;
	uid_t fsid;
	uint64_t caps;
	bool idle_caps;
};

static const struct access_id access_root __attribute__((unused)) = {
	.name = "root",
};

static const struct access_id access_owner __attribute__((unused)) = {
	.name = "owner", .uid = ACCESS_OWNER, .gid = ACCESS_OWNER,
};

static const struct access_id access_other __attribute__((unused)) = {
	.name = "other uid", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
};

static const struct access_id access_member __attribute__((unused)) = {
	.name = "other uid, in the group", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
	.group = ACCESS_GROUP,
};

static const struct access_id access_tracer __attribute__((unused)) = {
	.name = "other uid with CAP_SYS_PTRACE", .uid = ACCESS_OTHER, .gid = ACCESS_OTHER,
	.caps = 1ull << CAP_SYS_PTRACE,
};

/**
 * struct access_answer - what a reader got from one file
 * @open: errno of open(); 0 if it opened
 * @read: errno of the first read(); 0 if it succeeded
 * @data: whether the first read() gave bytes, not the end of the file
 * @mark: number of the target whose mapping is in the text (see access_mark()),
 *	  0 if none is
 */
struct access_answer {
	int open;
	int read;
	bool data;
	int mark;
};

/**
 * struct access_pair - the two answers of one reader about one process
 * @maps: from <proc>/<pid>/maps
 * @ours: from <proc>/vminspect/<pid>
 */
struct access_pair {
	struct access_answer maps;
	struct access_answer ours;
};

/**
 * access_mark() - give the calling process a mapping that tells it from all others
 * @mark: from 1 to ACCESS_MARKS - 1
 */
static inline void access_mark(int mark)
{
	target_map(ACCESS_MARK_BASE + mark * ACCESS_MARK_STEP, 1, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* The number of the mark whose mapping has a line in a text; 0 if there is none. */
static inline int access_find_mark(const char *text)
{
	uint64_t start;
	const char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		start = strtoull(line, NULL, 16);
		if (start > ACCESS_MARK_BASE &&
		    start < ACCESS_MARK_BASE + ACCESS_MARKS * ACCESS_MARK_STEP)
			return (start - ACCESS_MARK_BASE) / ACCESS_MARK_STEP;
	}
	return 0;
}

/**
 * access_read() - what reading an open file from its beginning gives
 * @fd: the file
 */
static inline struct access_answer access_read(int fd)
{
	static char text[1 << 18];
	struct access_answer answer = {};
	size_t used = 0;
	ssize_t got;

	do {
		got = pread(fd, text + used, sizeof(text) - 1 - used, used);
		if (got < 0 && !used)
			answer.read = errno;
		if (got > 0)
			used += got;
	} while (got > 0);
	text[used] = '\0';
	answer.data = used;
	answer.mark = access_find_mark(text);
	return answer;
}

/**
 * access_open() - what opening and reading a file gives
 * @dir: directory that @path is relative to
 * @path: the file
 */
static inline struct access_answer access_open(int dir, const char *path)
{
	struct access_answer answer = {};
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		answer.open = errno;
		return answer;
	}
	answer = access_read(fd);
	close(fd);
	return answer;
}

/**
 * access_ask() - both answers about a process, as the caller
 * @proc: where a procfs instance is mounted
 * @pid: the process, as that instance counts
 */
static inline struct access_pair access_ask(const char *proc, pid_t pid)
{
	struct access_pair pair;
	char path[256];

	snprintf(path, sizeof(path), "%s/%d/maps", proc, pid);
	pair.maps = access_open(AT_FDCWD, path);
	snprintf(path, sizeof(path), "%s/vminspect/%d", proc, pid);
	pair.ours = access_open(AT_FDCWD, path);
	return pair;
}

static inline int access_set_caps(uint64_t caps, bool idle)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	for (int i = 0; i < 2; i++) {
		data[i].permitted = caps >> (32 * i);
		data[i].effective = idle ? 0 : data[i].permitted;
	}
	return syscall(SYS_capset, &head, data);
}

/**
 * access_become() - take on an identity for good
 * @id: the identity; the caller has to be root
 *
 * The process stays or becomes non-dumpable, as the kernel has it after a change of uid,
 * and still dies with its parent.
 *
 * Return: 0, or a negative errno.
 */
static inline int access_become(const struct access_id *id)
{
	uid_t saved = id->fsid ?: id->uid;

	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(!!id->group, &id->group) ||
	    setresgid(id->gid, id->gid, id->fsid ?: id->gid) || setresuid(id->uid, id->uid, saved))
		return -errno;
	if (id->uid && access_set_caps(id->caps, id->idle_caps))
		return -errno;
	if (id->fsid) {
		setfsgid(id->fsid);
		setfsuid(id->fsid);
		if (setfsuid(-1) != (int)id->fsid || setfsgid(-1) != (int)id->fsid)
			return -EPERM;
	}
	return prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0;
}

/**
 * access_shared() - zeroed memory that forked children share
 * @size: in bytes
 */
static inline void *access_shared(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/**
 * access_call_as() - call a function in a child with another identity
 * @id: the identity; NULL for the caller's own
 * @call: the function
 * @arg: passed to @call; what it stores has to be in access_shared() memory
 *
 * Return: 0 if the function has returned, or a negative errno.
 */
static inline int access_call_as(const struct access_id *id, void (*call)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid) {
		int err = id ? access_become(id) : 0;

		if (err)
			_exit(-err);
		call(arg);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

struct access_question {
	const char *proc;
	pid_t pid;
	struct access_pair pair;
};

static inline void access_answer_question(void *arg)
{
	struct access_question *question = arg;

	question->pair = access_ask(question->proc, question->pid);
}

/**
 * access_ask_as() - both answers about a process, with an identity
 * @id: who asks
 * @proc: where a procfs instance is mounted
 * @pid: the process, as that instance counts
 * @pair: where to put the answers
 *
 * Return: 0, or a negative errno if it could not be asked.
 */
static inline int access_ask_as(const struct access_id *id, const char *proc, pid_t pid,
				struct access_pair *pair)
{
	struct access_question *question = access_shared(sizeof(*question));
	int err;

	if (!question)
		return -errno;
	question->proc = proc;
	question->pid = pid;
	err = access_call_as(id, access_answer_question, question);
	*pair = question->pair;
	munmap(question, sizeof(*question));
	return err;
}

static inline const char *access_describe(const struct access_answer *answer, char *text,
					  size_t size)
{
	if (answer->open)
		snprintf(text, size, "open fails with %s", strerrorname_np(answer->open) ?: "?");
	else if (answer->read)
		snprintf(text, size, "read fails with %s", strerrorname_np(answer->read) ?: "?");
	else if (!answer->data)
		snprintf(text, size, "end of file at once");
	else
		snprintf(text, size, "text with mark %d", answer->mark);
	return text;
}

/**
 * access_same() - whether both answers are the same, and the expected one
 * @who: who asked, for the message
 * @pid: about which process, for the message
 * @pair: the answers
 * @error: expected errno of open(), 0 for success, ACCESS_AS_MAPS
 * @mark: on success, the mark the text must have (0: none)
 *
 * Says what was expected and what was seen if not.
 */
static inline bool access_same(const char *who, pid_t pid, const struct access_pair *pair,
			       int error, int mark)
{
	const struct access_answer *maps = &pair->maps, *ours = &pair->ours;
	char a[80], b[80];
	bool same = ours->open == maps->open && ours->read == maps->read &&
		    ours->data == maps->data && ours->mark == maps->mark;
	bool wanted = error == ACCESS_AS_MAPS ||
		      (ours->open == error && (error || (ours->data && ours->mark == mark)));

	if (same && wanted)
		return true;
	access_describe(maps, a, sizeof(a));
	access_describe(ours, b, sizeof(b));
	if (error == ACCESS_AS_MAPS)
		diag("%s, pid %d: expected vminspect to answer as maps: %s; seen: %s",
		     who, pid, a, b);
	else
		diag("%s, pid %d: expected %s%s, mark %d, from both; seen: maps: %s; vminspect: %s",
		     who, pid, error ? "open to fail with " : "text",
		     error ? strerrorname_np(error) : "", mark, a, b);
	return false;
}

/* Ask as an identity, and hold the answer against an expectation; see access_same(). */
#define EXPECT_ACCESS(id, proc, pid, error, mark) do {					\
	struct access_pair pair_ = {};							\
	ASSERT_EQ(0, access_ask_as(id, proc, pid, &pair_));				\
	EXPECT_TRUE(access_same((id)->name, pid, &pair_, error, mark));			\
} while (0)

/**
 * struct access_target - what a target of access_start() is like
 * @id: who it is
 * @mark: its mark
 * @hidden: make it non-dumpable
 */
struct access_target {
	const struct access_id *id;
	int mark;
	bool hidden;
};

static inline void access_target_body(struct target *target, void *arg)
{
	const struct access_target *want = arg;

	access_mark(want->mark);
	errno = -access_become(want->id);
	if (errno)
		target_fail("access_become");
	if (prctl(PR_SET_DUMPABLE, want->hidden ? 0 : 1))
		target_fail("prctl(PR_SET_DUMPABLE)");
	target_step(target);
}

/**
 * access_start() - start a process to be asked about; it is stopped
 * @target: filled in; target_end() it
 * @id: who it is
 * @mark: its mark
 * @hidden: make it non-dumpable
 *
 * Return: as target_fork().
 */
static inline int access_start(struct target *target, const struct access_id *id, int mark,
			       bool hidden)
{
	struct access_target want = { .id = id, .mark = mark, .hidden = hidden };

	return target_fork(target, access_target_body, &want);
}

/**
 * access_private_mounts() - mounts made from now on are the caller's and its children's only
 *
 * Return: 0, or a negative errno.
 */
static inline int access_private_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return 0;
}

/**
 * access_mount_proc() - mount a procfs instance of its own
 * @dir: the template of mkdtemp(); becomes the directory it is mounted on
 * @options: hidepid=2, say; may be NULL
 *
 * Return: 0, or a negative errno.
 */
static inline int access_mount_proc(char *dir, const char *options)
{
	if (!mkdtemp(dir) || chmod(dir, 0755) || mount("proc", dir, "proc", 0, options))
		return -errno;
	return 0;
}

/**
 * access_umount() - undo access_mount_proc() and the like
 * @dir: the directory
 */
static inline void access_umount(const char *dir)
{
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

#endif /* SELFTESTS_ACCESS_H */
