// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps and shows what the module does itself: /proc/vminspect/status.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

#include "follow.h"
#include "hooks.h"
#include "memory.h"
#include "space.h"
#include "status.h"
#include "track.h"
#include "uapi/vminspect.h"

static atomic64_t opened, opened_bytes;
static atomic64_t reports, vmas;
static atomic64_t holds, lock_ns, longest_hold_ns;

/**
 * vmi_status_opened() - a report was opened
 * @bytes: memory it takes until it is closed
 */
void vmi_status_opened(size_t bytes)
{
	atomic64_inc(&opened);
	atomic64_add(bytes, &opened_bytes);
}

/**
 * vmi_status_closed() - a report was closed
 * @bytes: memory it took
 */
void vmi_status_closed(size_t bytes)
{
	atomic64_dec(&opened);
	atomic64_sub(bytes, &opened_bytes);
}

static void raise_to(atomic64_t *most, u64 value)
{
	s64 old = atomic64_read(most);

	while (value > old && !atomic64_try_cmpxchg(most, &old, value))
		;
}

/**
 * vmi_status_reported() - a report was read to its end
 * @nr_vmas: mappings in it
 * @cost: what it cost the process
 */
void vmi_status_reported(u64 nr_vmas, const struct vmi_holds *cost)
{
	atomic64_inc(&reports);
	atomic64_add(nr_vmas, &vmas);
	atomic64_add(cost->nr, &holds);
	atomic64_add(cost->total_ns, &lock_ns);
	raise_to(&longest_hold_ns, cost->longest_ns);
}

/*
 * Sums over all processes tell of each of them. Who may look at any process may
 * have them.
 */
static void show_sum(struct seq_file *m, const char *key, u64 sum)
{
	if (file_ns_capable(m->file, &init_user_ns, CAP_SYS_PTRACE))
		seq_printf(m, "%s %llu\n", key, sum);
	else
		seq_printf(m, "%s -\n", key);
}

static void show_follow(struct seq_file *m)
{
	struct vmi_follow_state state;

	vmi_follow_gather(&state);
	seq_printf(m, "track %s\n", state.all ? "all" : "none");
	seq_printf(m, "probes %s\n", !state.armed ? "off" :
				     state.fire ? "on" : "silenced");
	show_sum(m, "tracked", state.tracked);
	show_sum(m, "untracked", state.untracked);
	show_sum(m, "unattributed", vmi_track_unattributed());
	show_sum(m, "growth_missed", vmi_hooks_missed());
	show_sum(m, "memory_bytes", vmi_memory_used());
	show_sum(m, "record_bytes", vmi_memory_records());
	seq_printf(m, "max_memory_bytes %llu\n", vmi_memory_max());
}

/**
 * vmi_status_show() - print the module's state
 * @m: where to
 * @v: not used
 *
 * Return: 0.
 */
int vmi_status_show(struct seq_file *m, void *v)
{
	seq_printf(m, "version %s\n", VMINSPECT_VERSION);
	seq_printf(m, "format %d\n", VMINSPECT_FORMAT);
	seq_printf(m, "kernel %s\n", init_utsname()->release);
	seq_puts(m, "lock mmap_lock\n");
	seq_printf(m, "knows_changes %s\n",
		   str_yes_no(IS_ENABLED(CONFIG_PER_VMA_LOCK)));
	show_follow(m);
	show_sum(m, "open", atomic64_read(&opened));
	show_sum(m, "open_bytes", atomic64_read(&opened_bytes));
	show_sum(m, "reports", atomic64_read(&reports));
	show_sum(m, "vmas", atomic64_read(&vmas));
	show_sum(m, "holds", atomic64_read(&holds));
	show_sum(m, "lock_ns", atomic64_read(&lock_ns));
	show_sum(m, "longest_hold_ns", atomic64_read(&longest_hold_ns));
	return 0;
}
