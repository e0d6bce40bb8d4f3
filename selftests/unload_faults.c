// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: the module can be unloaded at any time of its processes' faults:
 * while tasks sleep within one, and while processes fault, map, unmap, fork and
 * exec as fast as they can. They notice nothing; loaded again, it counts again.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "churn.h"
#include "track.h"
#include "unload.h"

#define SLEEPERS 8

FIXTURE(unload_faults)
{
	struct target target;
	struct churn_result *result;
	pid_t worker[CHURN_KINDS];
};

FIXTURE_SETUP(unload_faults)
{
	ASSERT_EQ(0, unload_ensure());
	ASSERT_EQ(0, machine_quiet());
	self->result = mmap(NULL, CHURN_KINDS * sizeof(*self->result), KIND_RW, KIND_SHARED, -1,
			    0);
	ASSERT_NE(MAP_FAILED, self->result);
}

FIXTURE_TEARDOWN(unload_faults)
{
	target_end(&self->target);
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		if (self->worker[i] <= 0)
			continue;
		kill(self->worker[i], SIGKILL);
		waitpid(self->worker[i], NULL, 0);
	}
	machine_restore();
	EXPECT_EQ(0, unload_ensure());
}

#define PID (self->target.pid)

enum { WORD_SLEEPING, WORD_SEEN, WORD_RELEASE = WORD_SEEN + SLEEPERS };

static struct target *sleepers;

/* Touch a page that somebody has yet to provide, say what was in it. */
static void *sleep_in_fault(void *arg)
{
	uintptr_t number = (uintptr_t)arg;
	volatile char *at = (char *)TARGET_ALONE(0) + number * KIND_PAGE;

	sleepers->word[WORD_SEEN + number] = *at;
	return NULL;
}

/* Wait until so many faults wait for us. */
static void await_faults(int uffd, volatile uint64_t *count)
{
	struct uffd_msg message;

	while (*count < SLEEPERS) {
		if (read(uffd, &message, sizeof(message)) != sizeof(message))
			target_fail("read userfaultfd");
		*count += message.event == UFFD_EVENT_PAGEFAULT;
	}
}

static void provide(int uffd, char *at, char with)
{
	static char page[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)at, .src = (uintptr_t)page, .len = sizeof(page)
	};

	memset(page, with, sizeof(page));
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		target_fail("UFFDIO_COPY");
}

static int register_memory(char *at)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { (uintptr_t)at, SLEEPERS * KIND_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &area))
		target_fail("userfaultfd");
	return uffd;
}

/* Not by way of steps: who sleeps in a fault cannot be stopped. */
static void sleepers_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), SLEEPERS, KIND_RW, KIND_PRIVATE, -1);
	int uffd = register_memory(at);
	pthread_t thread[SLEEPERS];

	(void)arg;
	sleepers = t;
	target_step(t);
	for (uintptr_t i = 0; i < SLEEPERS; i++)
		if (pthread_create(&thread[i], NULL, sleep_in_fault, (void *)i))
			target_fail("pthread_create");
	await_faults(uffd, &t->word[WORD_SLEEPING]);
	while (!t->word[WORD_RELEASE])
		usleep(10000);
	for (int i = 0; i < SLEEPERS; i++)
		provide(uffd, at + i * KIND_PAGE, i + 100);
	for (int i = 0; i < SLEEPERS; i++)
		pthread_join(thread[i], NULL);
	target_step(t);
	target_write(target_map(TARGET_ALONE(1), 20, KIND_RW, KIND_PRIVATE, -1), 20, 1);
	target_step(t);
}

static bool comes_to(volatile uint64_t *word, uint64_t value)
{
	for (int i = 0; *word < value && i < 6000; i++)
		usleep(10000);
	return *word >= value;
}

/* Let the target go on without waiting for its next step. */
static bool release(struct target *t)
{
	return send(t->test_end, "", 1, MSG_NOSIGNAL) == 1 && !kill(t->pid, SIGCONT);
}

/* Wait for the step that release() did not wait for. */
static bool arrives(struct target *t)
{
	char byte;

	return recv(t->test_end, &byte, 1, 0) == 1 && !process_stop(t->pid);
}

/* Up to here: eight threads sleep in a fault. */
#define START_SLEEPERS()							\
do {										\
	KIND_START(sleepers_body);						\
	ASSERT_TRUE(release(&self->target));					\
	ASSERT_TRUE(comes_to(&self->target.word[WORD_SLEEPING], SLEEPERS));	\
	usleep(100000);								\
} while (0)

/* They wake up and see what they were given; from there on all is as usual. */
#define EXPECT_WOKEN()								\
do {										\
	self->target.word[WORD_RELEASE] = 1;					\
	ASSERT_TRUE(arrives(&self->target));					\
	for (int i = 0; i < SLEEPERS; i++) {					\
		EXPECT_EQ(100 + i, self->target.word[WORD_SEEN + i]) {		\
			TH_LOG("pid %d: page %d", PID, i);			\
		}								\
	}									\
} while (0)

TEST_F(unload_faults, while_eight_sleep)
{
	START_SLEEPERS();
	ASSERT_EQ(0, unload_remove());
	EXPECT_WOKEN();
	KIND_NEXT();
	ASSERT_EQ(0, unload_insert());
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "anonflt=0"));
	EXPECT_EQ(0, faults_add_up(PID));
}

TEST_F(unload_faults, again_while_eight_sleep)
{
	struct track_sums sums;

	START_SLEEPERS();
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, unload_remove());
		ASSERT_EQ(0, unload_insert());
	}
	EXPECT_WOKEN();
	/* their faults had begun before; nobody can know of which kind they were */
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_GE(SLEEPERS, sums.lost);
	KIND_NEXT();
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(1), "anonflt=20"));
	ASSERT_TRUE(track_sum(PID, &sums));
	EXPECT_GE(SLEEPERS, sums.lost);
}

/* As they, but counted from beginning to end. */
TEST_F(unload_faults, not_while_eight_sleep)
{
	START_SLEEPERS();
	EXPECT_WOKEN();
	EXPECT_EQ(0, faults_agree(PID));
	EXPECT_EQ(0, faults_row(PID, TARGET_ALONE(0), "faults=%d", SLEEPERS));
	KIND_NEXT();
	EXPECT_EQ(0, faults_agree(PID));
	ASSERT_EQ(0, unload_remove());
	ASSERT_EQ(0, unload_insert());
}

#define CYCLES 10

TEST_F_TIMEOUT(unload_faults, while_all_fault, 600)
{
	unsigned long turns[CHURN_KINDS];

	for (size_t i = 0; i < CHURN_KINDS; i++) {
		self->worker[i] = churn_start(i, &self->result[i]);
		ASSERT_LT(0, self->worker[i]);
	}
	for (int c = 0; c < CYCLES; c++) {
		usleep(c % 3 * 100000);
		ASSERT_EQ(0, unload_remove()) {
			TH_LOG("unloading, cycle %d of %d", c + 1, CYCLES);
		}
		usleep(c % 2 * 50000);
		ASSERT_EQ(0, unload_insert_with(c % 4 == 3 ? "track=none" : "")) {
			TH_LOG("loading, cycle %d of %d", c + 1, CYCLES);
		}
	}
	ASSERT_EQ(0, unload_remove() ?: unload_insert());
	for (size_t i = 0; i < CHURN_KINDS; i++)
		turns[i] = self->result[i].turns;
	for (size_t i = 0; i < CHURN_KINDS; i++)
		EXPECT_TRUE(churn_is_well(i, self->worker[i], &self->result[i], turns[i]));
	for (size_t i = 0; i < CHURN_KINDS; i++) {
		struct track_sums sums;

		ASSERT_EQ(0, process_stop(self->worker[i]));
		EXPECT_TRUE(track_sum(self->worker[i], &sums));
		EXPECT_LT(0, sums.own + sums.remote);
		/* what was under way when it was loaded: a fault for each thread */
		EXPECT_GE(3, sums.lost) {
			TH_LOG("'%s', pid %d", churn[i].what, self->worker[i]);
		}
	}
}

#define INSTANCE "/sys/kernel/tracing/instances/unload_faults"

/* With its event switched on: refused or not, nothing breaks. */
TEST_F(unload_faults, with_the_event_on)
{
	int err;

	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	self->worker[0] = churn_start(0, &self->result[0]);
	ASSERT_LT(0, self->worker[0]);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, procfile_write(INSTANCE "/events/vminspect/fault/enable", "1"));
		usleep(50000);
		err = unload_remove();
		EXPECT_TRUE(!err || err == -EBUSY || err == -EWOULDBLOCK) {
			TH_LOG("unloading: %s", strerror(-err));
		}
		EXPECT_EQ(0, unload_ensure());
		ASSERT_EQ(0, procfile_write(INSTANCE "/events/vminspect/fault/enable", "0"));
		ASSERT_EQ(0, unload_remove() ?: unload_insert());
	}
	EXPECT_TRUE(churn_is_well(0, self->worker[0], &self->result[0], self->result[0].turns));
	EXPECT_EQ(0, rmdir(INSTANCE));
}

TEST_HARNESS_MAIN
