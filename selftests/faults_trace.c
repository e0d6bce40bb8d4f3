// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: switched on, the event vminspect:fault comes once for each completed
 * fault of a tracked process, with the right fields, by every way there is to
 * look at the kernel's events: tracefs, perf, trace-cmd, bpftrace. Switched off,
 * and for others, nothing comes.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/faults.h"
#include "lib/kind.h"
#include "trace.h"
#include "track.h"

#define INSTANCE_NAME "faults_trace"
#define INSTANCE "/sys/kernel/tracing/instances/" INSTANCE_NAME
#define EVENT INSTANCE "/events/vminspect/fault/"
#define WORK "/tmp/faults_trace"

FIXTURE(faults_trace)
{
	struct target target;
	pid_t tool;
};

FIXTURE_SETUP(faults_trace)
{
	(void)self;
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, machine_exact_faults());
	ASSERT_EQ(0, machine_set("/proc/sys/vm/page-cluster", "0"));
	ASSERT_TRUE(!mkdir(WORK, 0700) || errno == EEXIST);
	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
}

FIXTURE_TEARDOWN(faults_trace)
{
	if (self->tool > 0) {
		kill(self->tool, SIGKILL);
		waitpid(self->tool, NULL, 0);
	}
	target_end(&self->target);
	procfile_write(EVENT "enable", "0");
	/* unless trace-cmd did */
	EXPECT_TRUE(!rmdir(INSTANCE) || errno == ENOENT) {
		TH_LOG("rmdir %s: %s", INSTANCE, strerror(errno));
	}
	machine_restore();
}

#define PID (self->target.pid)

/* Slots of TARGET_ALONE(), and how many pages are touched there. */
enum { ANON, ZERO, SHARED, CODE, SWAPPED, LAST = 16 };

#define ANON_PAGES 50
#define ZERO_PAGES 5
#define SHARED_PAGES 8
#define SWAPPED_PAGES 6

/* On PREEMPT_RT an event comes with the task's next fault, so one is still to come. */
#define EXPECT_ALL(faults, events) EXPECT_EQ((faults) - machine_is_rt(), events)

static int memfd(uint64_t pages, const char *first)
{
	int fd = memfd_create("faults_trace", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, pages * KIND_PAGE) ||
	    pwrite(fd, first, strlen(first), 0) != (ssize_t)strlen(first))
		target_fail("memfd");
	return fd;
}

/* One step with faults of all kinds, then for ever the same few. */
static void known_body(struct target *t, void *arg)
{
	char *anon = target_map(TARGET_ALONE(ANON), 1 << 16, KIND_RW, KIND_PRIVATE, -1);
	char *zero = target_map(TARGET_ALONE(ZERO), ZERO_PAGES, KIND_RW, KIND_PRIVATE, -1);
	char *swapped = target_map(TARGET_ALONE(SWAPPED), SWAPPED_PAGES, KIND_RW, KIND_PRIVATE,
				   -1);
	char *last = target_map(TARGET_ALONE(LAST), 1, KIND_RW, KIND_PRIVATE, -1);
	char *shared = target_map(TARGET_ALONE(SHARED), SHARED_PAGES, KIND_RW, MAP_SHARED,
				  memfd(SHARED_PAGES, ""));
	/* "ret" */
	char *code = target_map(TARGET_ALONE(CODE), 1, PROT_READ | PROT_EXEC, MAP_PRIVATE,
				memfd(1, "\xc3"));

	(void)arg;
	target_small_pages(anon, 1 << 16);
	target_write(swapped, SWAPPED_PAGES, 1);
	faults_page_out(swapped, SWAPPED_PAGES);
	target_step(t);

	target_write(anon, ANON_PAGES, 1);
	target_read(zero, ZERO_PAGES, 1);
	target_write(zero, ZERO_PAGES, 1);
	target_write(shared, SHARED_PAGES, 1);
	((void (*)(void))code)();
	target_read(swapped, SWAPPED_PAGES, 1);
	/* not looked at, see EXPECT_ALL() */
	target_write(last, 1, 1);
	target_step(t);

	for (;;) {
		anon += ANON_PAGES * KIND_PAGE;
		target_write(anon, ANON_PAGES, 1);
		target_step(t);
	}
}

/** struct event - one of vminspect:fault */
struct event {
	int tgid;
	uint64_t addr;
	uint64_t start;
	uint64_t end;
	char kind[8];
	char major[8];
	char access[8];
	uint64_t ip;
};

#define EVENTS 4096

/**
 * struct events - those of one process
 * @count: how many
 * @bad: lines that are none
 */
struct events {
	struct event event[EVENTS];
	size_t count;
	size_t bad;
};

static bool parse_event(const char *line, struct event *e)
{
	char again[256];

	if (sscanf(line, "tgid=%d addr=%" SCNx64 " vma=%" SCNx64 "-%" SCNx64 " %7s %7s %7s ip=%"
		   SCNx64, &e->tgid, &e->addr, &e->start, &e->end, e->kind, e->major, e->access,
		   &e->ip) != 8)
		return false;
	snprintf(again, sizeof(again), "tgid=%d addr=%#" PRIx64 " vma=%#" PRIx64 "-%#" PRIx64
		 " %s %s %s ip=%#" PRIx64, e->tgid, e->addr, e->start, e->end, e->kind, e->major,
		 e->access, e->ip);
	return !strncmp(line, again, strlen(again)) && strchr("\n ", line[strlen(again)]);
}

/* Take a text apart, of which each line with a mark has an event behind it. */
static int parse_events(const char *path, const char *mark, pid_t tgid, struct events *events)
{
	char *text = procfile_read(path, NULL), *line;

	memset(events, 0, sizeof(*events));
	if (!text)
		return -errno;
	for (line = strstr(text, mark); line; line = strstr(line, mark)) {
		struct event *e = &events->event[events->count];

		line += strlen(mark);
		line += strspn(line, " ");
		if (!parse_event(line, e)) {
			diag("%s: '%.*s' is no event", path, (int)strcspn(line, "\n"), line);
			events->bad++;
		} else if (e->tgid == tgid && ++events->count == EVENTS) {
			diag("%s: more than %d events", path, EVENTS);
			break;
		}
	}
	free(text);
	return 0;
}

/* Events at addresses of one mapping, all of which must be so: how many. */
static size_t count_at(const struct events *events, int slot, const char *kind,
		       const char *major, const char *access)
{
	size_t count = 0;

	for (size_t i = 0; i < events->count; i++) {
		const struct event *e = &events->event[i];

		if (e->addr >= TARGET_ALONE(slot) && e->addr < TARGET_ALONE(slot + 1) &&
		    !strcmp(e->kind, kind) && !strcmp(e->major, major) &&
		    !strcmp(e->access, access))
			count++;
	}
	return count;
}

/* Those that known_body() causes, and no others there. */
#define EXPECT_KNOWN(events) do {							\
	size_t known_ = 0;								\
											\
	EXPECT_EQ(ANON_PAGES, count_at(events, ANON, "anon", "minor", "write"));	\
	EXPECT_EQ(ZERO_PAGES, count_at(events, ZERO, "anon", "minor", "read"));		\
	EXPECT_EQ(ZERO_PAGES, count_at(events, ZERO, "cow", "minor", "write"));		\
	EXPECT_EQ(SHARED_PAGES, count_at(events, SHARED, "file", "minor", "write"));	\
	EXPECT_EQ(1, count_at(events, CODE, "file", "minor", "exec"));			\
	EXPECT_EQ(SWAPPED_PAGES, count_at(events, SWAPPED, "swap", "major", "read"));	\
	for (size_t i_ = 0; i_ < (events)->count; i_++)					\
		known_ += (events)->event[i_].addr >= TARGET_ALONE(0) &&		\
			  (events)->event[i_].addr < TARGET_ALONE(16);			\
	EXPECT_EQ(ANON_PAGES + 2 * ZERO_PAGES + SHARED_PAGES + 1 + SWAPPED_PAGES, known_);	\
	EXPECT_EQ(0, (events)->bad);							\
} while (0)

/* Every event lies in a mapping that there is, and was caused by code. */
#define EXPECT_IN_MAPPINGS(events) do {							\
	struct report r_;								\
											\
	ASSERT_EQ(0, report_read(&r_, PID));						\
	for (size_t i_ = 0; i_ < (events)->count; i_++) {				\
		const struct event *e_ = &(events)->event[i_];				\
		const struct report_row *row_ = report_find(&r_, e_->addr);		\
		const struct report_row *code_ = report_find(&r_, e_->ip);		\
											\
		EXPECT_TRUE(row_ && row_->start == e_->start && row_->end == e_->end) {	\
			TH_LOG("pid %d: event at %lx: in %lx-%lx, which is no row", PID,	\
			       (unsigned long)e_->addr, (unsigned long)e_->start,	\
			       (unsigned long)e_->end);					\
		}									\
		EXPECT_TRUE(code_ && code_->perms[2] == 'x') {				\
			TH_LOG("pid %d: event at %lx: ip %lx is no code", PID,		\
			       (unsigned long)e_->addr, (unsigned long)e_->ip);		\
		}									\
	}										\
	report_free(&r_);								\
} while (0)

static struct events events;

TEST_F(faults_trace, fields)
{
	uint64_t stat;
	size_t anon = 0;

	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	stat = track_stat(PID);
	KIND_NEXT();
	stat = track_stat(PID) - stat;
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));

	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": fault:", PID, &events));
	EXPECT_ALL(stat, events.count);
	EXPECT_KNOWN(&events);
	EXPECT_IN_MAPPINGS(&events);
	/* in their order, page by page */
	for (size_t i = 0; i < events.count && anon < ANON_PAGES; i++) {
		const struct event *e = &events.event[i];

		if (e->start != TARGET_ALONE(ANON))
			continue;
		EXPECT_EQ(TARGET_ALONE(ANON) + anon * KIND_PAGE, e->addr);
		anon++;
	}
	EXPECT_EQ(0, faults_agree(PID));
}

TEST_F(faults_trace, format)
{
	static const char *const field[] = {
		"unsigned long addr", "unsigned long vm_start", "unsigned long vm_end",
		"unsigned long ip", "int tgid", "int kind", "int major", "int access"
	};

	EXPECT_EQ(0, format_lacks(EVENT "format", field, sizeof(field) / sizeof(*field)));
}

TEST_F(faults_trace, nothing_when_off)
{
	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	KIND_NEXT();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	KIND_NEXT();
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": fault:", PID, &events));
	EXPECT_EQ(0, events.count);
	EXPECT_EQ(0, events.bad);
	EXPECT_EQ(0, faults_agree(PID));
}

TEST_F(faults_trace, nothing_of_while_it_was_off)
{
	uint64_t stat, on = 0;

	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	for (int turn = 0; turn < 2; turn++) {
		KIND_NEXT();
		ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
		stat = track_stat(PID);
		KIND_NEXT();
		on += track_stat(PID) - stat - machine_is_rt();
		ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	}
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": fault:", PID, &events));
	EXPECT_EQ(on, events.count);
	EXPECT_EQ(0, faults_agree(PID));
}

TEST_F(faults_trace, nothing_of_others)
{
	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	KIND_NEXT();
	ASSERT_EQ(0, track_write(PID, "untrack"));
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	KIND_NEXT();
	ASSERT_EQ(0, track_write(PID, "track"));
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": fault:", PID, &events));
	EXPECT_EQ(0, events.count);
	KIND_NEXT();
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": fault:", PID, &events));
	EXPECT_LE(ANON_PAGES - machine_is_rt(), events.count);
	EXPECT_EQ(0, faults_add_up(PID));
}

TEST_F(faults_trace, filtered)
{
	char filter[64];

	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	snprintf(filter, sizeof(filter), "tgid == %d && major == 1", PID);
	ASSERT_EQ(0, procfile_write(EVENT "filter", filter));
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	KIND_NEXT();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": fault:", PID, &events));
	EXPECT_EQ(SWAPPED_PAGES, count_at(&events, SWAPPED, "swap", "major", "read"));
	EXPECT_EQ(0, count_at(&events, ANON, "anon", "minor", "write"));
}

#define TOGGLES 30

static void busy_body(struct target *t, void *arg)
{
	char *at = target_map(TARGET_ALONE(0), ANON_PAGES, KIND_RW, KIND_PRIVATE, -1);

	(void)arg;
	target_step(t);
	while (!t->word[0]) {
		target_write(at, ANON_PAGES, 1);
		if (madvise(at, ANON_PAGES * KIND_PAGE, MADV_DONTNEED))
			target_fail("MADV_DONTNEED");
	}
	target_step(t);
}

/* Switched on and off while it comes: no fault is counted twice, or not at all. */
TEST_F(faults_trace, switched_under_load)
{
	KIND_START(busy_body);
	ASSERT_EQ(0, kill(PID, SIGCONT));
	ASSERT_EQ(1, send(self->target.test_end, "", 1, 0));
	for (int i = 0; i < TOGGLES; i++) {
		usleep(20000);
		ASSERT_EQ(0, procfile_write(EVENT "enable", i % 2 ? "0" : "1"));
	}
	self->target.word[0] = 1;
	ASSERT_EQ(0, process_stop(PID));
	EXPECT_EQ(0, faults_agree(PID));
}

/* Let perf look at one step of the target; return its faults in that step. */
static uint64_t step_under_perf(struct __test_metadata *_metadata, struct target *target,
				pid_t *tool, char *const argv[], const struct control *c)
{
	uint64_t stat;

	*tool = start_tool(argv, WORK "/perf.out");
	ASSERT_LT(0, *tool);
	ASSERT_TRUE(tell(c, "enable\n")) {
		say(WORK "/perf.out");
	}
	stat = track_stat(target->pid);
	ASSERT_EQ(0, target_next(target));
	stat = track_stat(target->pid) - stat;
	ASSERT_TRUE(tell(c, "disable\n"));
	ASSERT_EQ(0, kill(*tool, SIGINT));
	EXPECT_TRUE(ended_well(*tool, WORK "/perf.out"));
	*tool = 0;
	return stat;
}

TEST_F(faults_trace, perf_record)
{
	struct control c;
	char pid[16];
	char *const record[] = {
		"perf", "record", "-q", "-B", "-N", "-D", "-1", c.option, "-e", "vminspect:fault",
		"-p", pid, "-o", WORK "/perf.data", NULL
	};
	char *const script[] = {
		"perf", "script", "-i", WORK "/perf.data", "-F", "pid,event,trace", NULL
	};
	uint64_t stat;

	ASSERT_EQ(0, machine_swap_on(64));
	ASSERT_TRUE(open_control(&c));
	KIND_START(known_body);
	snprintf(pid, sizeof(pid), "%d", PID);
	stat = step_under_perf(_metadata, &self->target, &self->tool, record, &c);
	ASSERT_TRUE(run_tool(script, WORK "/script.out"));
	ASSERT_EQ(0, parse_events(WORK "/script.out", "vminspect:fault:", PID, &events));
	EXPECT_ALL(stat, events.count);
	EXPECT_KNOWN(&events);
	EXPECT_IN_MAPPINGS(&events);
	EXPECT_EQ(0, faults_agree(PID));
}

TEST_F(faults_trace, perf_stat)
{
	struct control c;
	char pid[16], *text, *line;
	char *const argv[] = {
		"perf", "stat", "-x", ",", "-D", "-1", c.option, "-e", "vminspect:fault", "-p", pid,
		"-o", WORK "/stat.out", NULL
	};
	uint64_t stat;

	ASSERT_EQ(0, machine_swap_on(64));
	ASSERT_TRUE(open_control(&c));
	KIND_START(known_body);
	snprintf(pid, sizeof(pid), "%d", PID);
	stat = step_under_perf(_metadata, &self->target, &self->tool, argv, &c);
	text = procfile_read(WORK "/stat.out", NULL);
	ASSERT_NE(NULL, text);
	line = strstr(text, ",,vminspect:fault,");
	ASSERT_NE(NULL, line) {
		say(WORK "/stat.out");
	}
	while (line > text && line[-1] != '\n')
		line--;
	EXPECT_ALL(stat, strtoull(line, NULL, 10));
	free(text);
}

TEST_F(faults_trace, trace_cmd)
{
	char filter[32];
	char *const start[] = {
		"trace-cmd", "start", "-B", INSTANCE_NAME, "-e", "vminspect:fault", "-f", filter,
		NULL
	};
	char *const stop[] = { "trace-cmd", "stop", "-B", INSTANCE_NAME, NULL };
	char *const extract[] = {
		"trace-cmd", "extract", "-B", INSTANCE_NAME, "-o", WORK "/trace.dat", NULL
	};
	char *const report[] = { "trace-cmd", "report", "-i", WORK "/trace.dat", NULL };
	uint64_t stat;

	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	snprintf(filter, sizeof(filter), "tgid == %d", PID);
	ASSERT_TRUE(run_tool(start, WORK "/trace-cmd.out"));
	stat = track_stat(PID);
	KIND_NEXT();
	stat = track_stat(PID) - stat;
	ASSERT_TRUE(run_tool(stop, WORK "/trace-cmd.out"));
	ASSERT_TRUE(run_tool(extract, WORK "/trace-cmd.out"));
	ASSERT_TRUE(run_tool(report, WORK "/report.out"));
	ASSERT_EQ(0, parse_events(WORK "/report.out", " fault: ", PID, &events));
	EXPECT_ALL(stat, events.count);
	EXPECT_KNOWN(&events);
	EXPECT_IN_MAPPINGS(&events);
}

TEST_F(faults_trace, bpftrace)
{
	char program[512];
	char *const argv[] = { "bpftrace", "-e", program, NULL };
	uint64_t stat;

	ASSERT_EQ(0, machine_swap_on(64));
	KIND_START(known_body);
	snprintf(program, sizeof(program),
		 "tracepoint:vminspect:fault /args->tgid == %d/ {\n"
		 "  @all = count();\n"
		 "  if (args->major) { @major = count(); }\n"
		 "  if (args->vm_start == %llu) { @anon = count(); }\n"
		 "}\n"
		 "interval:ms:200 { printf(\"ready\\n\"); }\n", PID, TARGET_ALONE(ANON));
	self->tool = start_tool(argv, WORK "/bpftrace.out");
	ASSERT_LT(0, self->tool);
	ASSERT_TRUE(await_text(WORK "/bpftrace.out", "ready\n"));
	stat = track_stat(PID);
	KIND_NEXT();
	stat = track_stat(PID) - stat;
	ASSERT_EQ(0, kill(self->tool, SIGINT));
	EXPECT_TRUE(ended_well(self->tool, WORK "/bpftrace.out"));
	self->tool = 0;
	EXPECT_ALL(stat, number_behind(WORK "/bpftrace.out", "@all: "));
	EXPECT_EQ(SWAPPED_PAGES, number_behind(WORK "/bpftrace.out", "@major: "));
	EXPECT_EQ(ANON_PAGES, number_behind(WORK "/bpftrace.out", "@anon: "));
}

TEST_HARNESS_MAIN
