// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: switched on, the event vminspect:stack_grow comes once for each growth
 * of a tracked process, and for each refused one, and says what [growth] says, by
 * every way there is to look at the kernel's events: tracefs, perf, trace-cmd,
 * bpftrace. Switched off, and for others, nothing comes.
 */
#include <sys/stat.h>

#include "growth.h"
#include "trace.h"
#include "track.h"

#define INSTANCE_NAME "growth_trace"
#define INSTANCE "/sys/kernel/tracing/instances/" INSTANCE_NAME
#define EVENT INSTANCE "/events/vminspect/stack_grow/"
#define WORK "/tmp/growth_trace"

FIXTURE(growth_trace)
{
	struct target target;
	struct growth growth;
	uint64_t mark;
	pid_t tool[2];
};

FIXTURE_SETUP(growth_trace)
{
	(void)self;
	ASSERT_EQ(0, machine_quiet());
	ASSERT_EQ(0, growth_limit(GROWTH_LIMIT));
	ASSERT_TRUE(!mkdir(WORK, 0700) || errno == EEXIST);
	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST);
}

FIXTURE_TEARDOWN(growth_trace)
{
	for (int i = 0; i < 2; i++) {
		if (self->tool[i] <= 0)
			continue;
		kill(self->tool[i], SIGKILL);
		waitpid(self->tool[i], NULL, 0);
	}
	growth_free(&self->growth);
	target_end(&self->target);
	procfile_write(EVENT "enable", "0");
	/* unless trace-cmd did */
	EXPECT_TRUE(!rmdir(INSTANCE) || errno == ENOENT) {
		TH_LOG("rmdir %s: %s", INSTANCE, strerror(errno));
	}
	machine_restore();
}

#define PID (self->target.pid)
#define PAGE KIND_PAGE
#define TOP GROWTH_TOP(0)
#define BELOW(pages) (TOP - (uint64_t)(pages) * PAGE)

/* What START() and KNOWN() cause: page by page, refused, beyond all limits, by us. */
#define STEPS 20
#define EVENTS (STEPS + 3)

#define START() do {				\
	GROWTH_START();				\
	GROWTH_DO(growth_do_map, TOP, 4);	\
} while (0)

#define KNOWN() do {								\
	GROWTH_DO(growth_do_touch, BELOW(4 + STEPS), STEPS);			\
	EXPECT_EQ(SEGV_MAPERR, GROWTH_CALL(growth_do_touch, TOP - GROWTH_LIMIT - 1));	\
	GROWTH_DO(growth_do_limit, RLIMIT_STACK, RLIM_INFINITY);		\
	GROWTH_DO(growth_do_touch, TOP - GROWTH_LIMIT / 2 - 7);			\
	EXPECT_TRUE(growth_write(PID, TOP - GROWTH_LIMIT / 2 - PAGE - 5));	\
	GROWTH_CAME(EVENTS);							\
} while (0)

/** struct event - one of vminspect:stack_grow */
struct event {
	int tgid;
	uint64_t address;
	uint64_t old_start;
	uint64_t new_start;
	uint64_t end;
	uint64_t size;
	int64_t limit;
	char result[32];
	char cause[8];
	uint64_t ip;
	uint64_t sp;
};

#define MOST 64

/**
 * struct events - those of one process
 * @count: how many
 * @bad: lines that are none
 */
struct events {
	struct event event[MOST];
	size_t count;
	size_t bad;
};

static struct events events;

static bool parse_event(const char *line, struct event *e)
{
	return sscanf(line, "tgid=%d addr=%" SCNx64 " %" SCNx64 "->%" SCNx64 " end=%" SCNx64
		      " size=%" SCNu64 " limit=%" SCNd64 " %31s %7s ip=%" SCNx64 " sp=%" SCNx64,
		      &e->tgid, &e->address, &e->old_start, &e->new_start, &e->end, &e->size,
		      &e->limit, e->result, e->cause, &e->ip, &e->sp) == 11;
}

/* Take a text apart, of which each line with a mark has an event behind it. */
static int parse_events(const char *path, const char *mark, pid_t tgid)
{
	char *text = procfile_read(path, NULL), *line;

	memset(&events, 0, sizeof(events));
	if (!text)
		return -errno;
	for (line = strstr(text, mark); line && events.count < MOST; line = strstr(line, mark)) {
		struct event *e = &events.event[events.count];

		line += strlen(mark);
		line += strspn(line, " ");
		if (!parse_event(line, e)) {
			diag("%s: '%.*s' is no event", path, (int)strcspn(line, "\n"), line);
			events.bad++;
		} else if (e->tgid == tgid) {
			events.count++;
		}
	}
	free(text);
	return 0;
}

/* Differences of an event and a row of [growth]. */
static int compare_event(pid_t pid, const struct event *e, const struct growth_event *row)
{
	char limit[24];
	int differences;

	if (e->limit == -1)
		strcpy(limit, "unlimited");
	else
		snprintf(limit, sizeof(limit), "%" PRId64, e->limit);
	differences = growth_event_is(pid, row, "address=%" PRIx64 " old_start=%" PRIx64
				      " new_start=%" PRIx64 " size=%" PRIu64
				      " limit=%s result=%s cause=%s", e->address, e->old_start,
				      e->new_start, e->size, limit, e->result, e->cause);
	if (strcmp(e->cause, "fault"))
		differences += e->ip || e->sp;
	else
		differences += growth_event_is(pid, row, "ip=%" PRIx64 " sp=%" PRIx64, e->ip,
					       e->sp);
	differences += e->end != row->new_start + row->size * PAGE;
	return differences;
}

/* The last events of [growth], and no others. */
#define SAME_EVENTS(number) do {							\
	EXPECT_EQ(0, events.bad);							\
	ASSERT_EQ((size_t)(number), events.count);					\
	ASSERT_LE((size_t)(number), self->growth.events);				\
	for (size_t i_ = 0; i_ < events.count; i_++) {					\
		EXPECT_EQ(0, compare_event(PID, &events.event[i_],			\
					   growth_back(&self->growth, (number) - i_))) {	\
			TH_LOG("pid %d: event %zu of %zu: %s %s at %" PRIx64		\
			       ", end %" PRIx64 ", ip %" PRIx64 ", sp %" PRIx64, PID,	\
			       i_ + 1, events.count, events.event[i_].cause,		\
			       events.event[i_].result, events.event[i_].address,	\
			       events.event[i_].end, events.event[i_].ip,		\
			       events.event[i_].sp);					\
		}									\
	}										\
} while (0)

TEST_F(growth_trace, fields)
{
	START();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	KNOWN();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": stack_grow:", PID));
	SAME_EVENTS(EVENTS);
}

/* As it is printed, to the letter. */
TEST_F(growth_trace, text)
{
	const struct growth_event *row;
	char expected[256], *text;

	START();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	KNOWN();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	text = procfile_read(INSTANCE "/trace", NULL);
	ASSERT_NE(NULL, text);
	for (int back = 1; back <= EVENTS; back++) {
		row = growth_back(&self->growth, back);
		ASSERT_NE(NULL, row);
		snprintf(expected, sizeof(expected), ": stack_grow: tgid=%d addr=0x%" PRIx64
			 " 0x%" PRIx64 "->0x%" PRIx64 " end=0x%" PRIx64 " size=%" PRIu64
			 " limit=%" PRId64 " %s %s ip=0x%" PRIx64 " sp=0x%" PRIx64 "\n", PID,
			 row->address, row->old_start, row->new_start,
			 row->new_start + row->size * PAGE, row->size,
			 row->limit == GROWTH_UNLIMITED ? -1 : (int64_t)row->limit, row->result,
			 row->cause, row->ip == REPORT_UNKNOWN ? 0 : row->ip,
			 row->sp == REPORT_UNKNOWN ? 0 : row->sp);
		EXPECT_NE(NULL, strstr(text, expected)) {
			TH_LOG("expected '%s', seen:", expected);
			say(INSTANCE "/trace");
		}
	}
	free(text);
}

TEST_F(growth_trace, of_exec)
{
	char *const argv[] = { "sleep", "1000", NULL };

	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	ASSERT_EQ(0, target_run(&self->target, argv));
	ASSERT_EQ(0, process_await_call(PID, SYS_clock_nanosleep));
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	GROWTH_CAME(1);
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": stack_grow:", PID));
	SAME_EVENTS(1);
	EXPECT_STREQ("exec", events.event[0].cause);
}

TEST_F(growth_trace, format)
{
	static const char *const field[] = {
		"unsigned long addr", "unsigned long old_start", "unsigned long new_start",
		"unsigned long vm_end", "unsigned long size", "unsigned long limit",
		"unsigned long ip", "unsigned long sp", "int tgid", "int result", "int cause"
	};

	EXPECT_EQ(0, format_lacks(EVENT "format", field, sizeof(field) / sizeof(*field)));
}

TEST_F(growth_trace, nothing_when_off_or_untracked)
{
	START();
	KNOWN();
	ASSERT_EQ(0, track_write(PID, "untrack"));
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	GROWTH_DO(growth_do_touch, TOP - GROWTH_LIMIT);
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	ASSERT_EQ(0, track_write(PID, "track"));
	GROWTH_DO(growth_do_touch, TOP - GROWTH_LIMIT - PAGE);
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": stack_grow:", PID));
	EXPECT_EQ(0, events.count);
	EXPECT_EQ(0, events.bad);
}

TEST_F(growth_trace, filtered)
{
	char filter[64];

	START();
	snprintf(filter, sizeof(filter), "tgid == %d && result != 0", PID);
	ASSERT_EQ(0, procfile_write(EVENT "filter", filter));
	ASSERT_EQ(0, procfile_write(EVENT "enable", "1"));
	KNOWN();
	ASSERT_EQ(0, procfile_write(EVENT "enable", "0"));
	ASSERT_EQ(0, procfile_write(EVENT "filter", "0"));
	ASSERT_EQ(0, parse_events(INSTANCE "/trace", ": stack_grow:", PID));
	EXPECT_EQ(1, events.count);
	EXPECT_STREQ("refused:rlimit_stack", events.event[0].result);
}

/* The three of them at once: what they take is the time to begin and to end. */
enum { PERF, BPFTRACE };

static char filter[32], control_option[64], program[1024];

static char *const perf_record[] = {
	"perf", "record", "-q", "-a", "-B", "-N", "-D", "-1", control_option, "-e",
	"vminspect:stack_grow", "--filter", filter, "-o", WORK "/perf.data", NULL
};

static char *const perf_script[] = {
	"perf", "script", "-i", WORK "/perf.data", "-F", "pid,event,trace", NULL
};

static char *const bpftrace[] = { "bpftrace", "-e", program, NULL };

static char *const trace_cmd_start[] = {
	"trace-cmd", "start", "-B", INSTANCE_NAME, "-e", "vminspect:stack_grow", "-f", filter, NULL
};

static char *const trace_cmd_stop[] = { "trace-cmd", "stop", "-B", INSTANCE_NAME, NULL };

static char *const trace_cmd_extract[] = {
	"trace-cmd", "extract", "-B", INSTANCE_NAME, "-o", WORK "/trace.dat", NULL
};

static char *const trace_cmd_report[] = { "trace-cmd", "report", "-i", WORK "/trace.dat", NULL };

static void write_program(pid_t tgid)
{
	snprintf(program, sizeof(program),
		 "tracepoint:vminspect:stack_grow /args->tgid == %d/ {\n"
		 "  @all = count();\n"
		 "  @sizes = sum(args->size);\n"
		 "  if (args->result) { @refused = count(); }\n"
		 "  if (args->vm_end == %" PRIu64 ") { @ours = count(); }\n"
		 "  if (args->cause == 0) { @own = count(); }\n"
		 "}\n"
		 "interval:ms:200 { printf(\"ready\\n\"); }\n", tgid, TOP);
}

/* Which of them works is said by SAME_EVENTS() and the sums of bpftrace. */
#define EXPECT_ENDED(which, output) do {				\
	ASSERT_EQ(0, kill(self->tool[which], SIGINT));			\
	EXPECT_TRUE(ended_well(self->tool[which], output));		\
	self->tool[which] = 0;						\
} while (0)

TEST_F(growth_trace, perf_and_trace_cmd_and_bpftrace)
{
	uint64_t sizes = 0, own = 0;
	struct control c;

	START();
	snprintf(filter, sizeof(filter), "tgid == %d", PID);
	write_program(PID);
	ASSERT_TRUE(open_control(&c));
	strcpy(control_option, c.option);
	self->tool[PERF] = start_tool(perf_record, WORK "/perf.out");
	self->tool[BPFTRACE] = start_tool(bpftrace, WORK "/bpftrace.out");
	ASSERT_TRUE(self->tool[PERF] > 0 && self->tool[BPFTRACE] > 0);
	ASSERT_TRUE(run_tool(trace_cmd_start, WORK "/trace-cmd.out"));
	ASSERT_TRUE(await_text(WORK "/bpftrace.out", "ready\n"));
	ASSERT_TRUE(tell(&c, "enable\n")) {
		say(WORK "/perf.out");
	}

	KNOWN();

	ASSERT_TRUE(tell(&c, "disable\n"));
	ASSERT_TRUE(run_tool(trace_cmd_stop, WORK "/trace-cmd.out"));
	EXPECT_ENDED(PERF, WORK "/perf.out");
	EXPECT_ENDED(BPFTRACE, WORK "/bpftrace.out");
	self->tool[PERF] = start_tool(perf_script, WORK "/script.out");
	ASSERT_TRUE(run_tool(trace_cmd_extract, WORK "/trace-cmd.out"));
	ASSERT_TRUE(run_tool(trace_cmd_report, WORK "/report.out"));
	EXPECT_TRUE(ended_well(self->tool[PERF], WORK "/script.out"));
	self->tool[PERF] = 0;

	ASSERT_EQ(0, parse_events(WORK "/script.out", "vminspect:stack_grow:", PID));
	SAME_EVENTS(EVENTS);
	ASSERT_EQ(0, parse_events(WORK "/report.out", " stack_grow: ", PID));
	SAME_EVENTS(EVENTS);
	for (int back = 1; back <= EVENTS; back++) {
		const struct growth_event *row = growth_back(&self->growth, back);

		ASSERT_NE(NULL, row);
		sizes += row->size;
		own += !strcmp(row->cause, "fault");
	}
	EXPECT_EQ(EVENTS, number_behind(WORK "/bpftrace.out", "@all: "));
	EXPECT_EQ(EVENTS, number_behind(WORK "/bpftrace.out", "@ours: "));
	EXPECT_EQ(1, number_behind(WORK "/bpftrace.out", "@refused: "));
	EXPECT_EQ(sizes, number_behind(WORK "/bpftrace.out", "@sizes: "));
	EXPECT_EQ(own, number_behind(WORK "/bpftrace.out", "@own: "));
}

TEST_HARNESS_MAIN
