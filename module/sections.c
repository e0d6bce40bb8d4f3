// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the sections of a report that are "key value" lines. The tables are
 * written by text.c.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>
#include <linux/time64.h>
#include <linux/uidgid.h>

#include "sections.h"
#include "text.h"
#include "uapi/vminspect.h"

/* Past seq_file's own formatting, which takes most of the time of a short report. */
static void show_count(struct seq_file *m, const char *key, u64 value)
{
	char *buf;

	if (vmi_text_room(m, VMI_TEXT_KEY, &buf))
		seq_commit(m, vmi_text_count(buf, key, value) - buf);
}

/* What is not known prints as "-". */
static void show_known(struct seq_file *m, bool known, const char *key,
		       u64 value)
{
	if (known)
		show_count(m, key, value);
	else
		seq_printf(m, "%s -\n", key);
}

static void show_address(struct seq_file *m, const char *key,
			 unsigned long value)
{
	char *buf;

	if (vmi_text_room(m, VMI_TEXT_KEY, &buf))
		seq_commit(m, vmi_text_address(buf, key, value) - buf);
}

/**
 * vmi_show_process() - write the first line and [process]
 * @m: where to
 * @process: what is known of the process
 * @account: of its page faults, begun
 */
void vmi_show_process(struct seq_file *m, const struct vmi_process *process,
		      const struct vmi_account *account)
{
	u64 sec = account->since_ns;
	u32 nsec = do_div(sec, NSEC_PER_SEC);

	seq_printf(m, "vminspect %d\n[process]\n", VMINSPECT_FORMAT);
	if (process->known) {
		seq_printf(m, "pid %d\ncomm ", process->pid);
		seq_escape_str(m, process->comm, ESCAPE_SPACE | ESCAPE_SPECIAL,
			       "\n\\");
		seq_printf(m, "\nuid %u\nthreads %d\n",
			   from_kuid_munged(seq_user_ns(m), process->uid),
			   process->threads);
	} else {
		seq_puts(m, "pid -\ncomm -\nuid -\nthreads -\n");
	}
	seq_printf(m, "page_size %lu\n", PAGE_SIZE);
	if (account->track)
		seq_printf(m, "tracked_since %llu.%09u\n", sec, nsec);
	else
		seq_puts(m, "tracked_since -\n");
}

/**
 * vmi_show_mm() - write [mm]
 * @m: where to
 * @mm: what the address space says of itself
 * @maple: what its tree is like
 */
void vmi_show_mm(struct seq_file *m, const struct vmi_mm *mm,
		 const struct vmi_maple *maple)
{
	seq_puts(m, "[mm]\n");
	show_count(m, "total_vm", mm->total_vm);
	show_count(m, "rss", mm->anon + mm->file + mm->shmem);
	show_count(m, "anon", mm->anon);
	show_count(m, "file", mm->file);
	show_count(m, "shmem", mm->shmem);
	show_count(m, "swap", mm->swap);
	show_count(m, "hiwater_rss", mm->hiwater_rss);
	show_count(m, "hiwater_vm", mm->hiwater_vm);
	show_count(m, "locked_vm", mm->locked_vm);
	show_count(m, "pinned_vm", mm->pinned_vm);
	show_count(m, "data_vm", mm->data_vm);
	show_count(m, "exec_vm", mm->exec_vm);
	show_count(m, "stack_vm", mm->stack_vm);
	show_address(m, "start_code", mm->start_code);
	show_address(m, "end_code", mm->end_code);
	show_address(m, "start_data", mm->start_data);
	show_address(m, "end_data", mm->end_data);
	show_address(m, "start_brk", mm->start_brk);
	show_address(m, "brk", mm->brk);
	show_address(m, "start_stack", mm->start_stack);
	show_address(m, "arg_start", mm->arg_start);
	show_address(m, "arg_end", mm->arg_end);
	show_address(m, "env_start", mm->env_start);
	show_address(m, "env_end", mm->env_end);
	show_address(m, "mmap_base", mm->mmap_base);
	show_address(m, "task_size", mm->task_size);
	show_count(m, "pgtable_levels", mm->pgtable_levels);
	show_count(m, "pgtables_bytes", mm->pgtables_bytes);
	show_count(m, "map_count", mm->map_count);
	show_count(m, "maple_height", maple->height);
	show_count(m, "maple_nodes", maple->nodes);
	show_count(m, "maple_leaves", maple->leaves);
}

static void show_pages(struct seq_file *m, const struct vmi_pages *pages)
{
	show_count(m, "rss", pages->rss);
	show_count(m, "anon", pages->anon);
	show_count(m, "file", pages->file);
	show_count(m, "shmem", pages->shmem);
	show_count(m, "swap", pages->swap);
	show_count(m, "huge", pages->huge);
	show_count(m, "hugetlb", pages->hugetlb);
	show_count(m, "dirty", pages->dirty);
	show_count(m, "young", pages->young);
	show_count(m, "runs", pages->runs);
	show_count(m, "maxrun", pages->maxrun);
	show_count(m, "tables", pages->tables);
}

static void show_faults(struct seq_file *m, bool known,
			const struct vmi_faults *faults, u64 grows)
{
	static const char *const kinds[VMI_FAULT_KINDS] = {
		[VMI_FAULT_ANON] = "anonflt",
		[VMI_FAULT_FILE] = "fileflt",
		[VMI_FAULT_COW] = "cowflt",
		[VMI_FAULT_SWAP] = "swapflt",
		[VMI_FAULT_OTHER] = "otherflt",
	};
	u64 major = faults->nr[VMI_FAULT_MAJOR];
	unsigned int i;

	show_known(m, known, "minflt", vmi_faults_sum(faults) - major);
	show_known(m, known, "majflt", major);
	for (i = 0; i < VMI_FAULT_KINDS; i++)
		show_known(m, known, kinds[i], faults->nr[i]);
	show_known(m, known, "grows", grows);
}

/**
 * vmi_show_account() - write [gone] and [faults]
 * @m: where to
 * @account: of the page faults, closed
 */
void vmi_show_account(struct seq_file *m, const struct vmi_account *account)
{
	bool known = account->known;
	bool own_known = known && account->own_known;

	seq_puts(m, "[gone]\n");
	show_faults(m, known, &account->gone, account->grows.gone);
	seq_puts(m, "[faults]\n");
	show_known(m, own_known, "own_minflt", account->own_min);
	show_known(m, own_known, "own_majflt", account->own_maj);
	show_known(m, known, "remote", account->remote);
	show_known(m, known, "elsewhere", account->elsewhere);
	show_known(m, known, "unattributed", account->unattributed);
	show_known(m, known && account->lost_known, "lost", account->lost);
	seq_printf(m, "probes %s\n", !known ? "-" : str_on_off(account->fire));
}

/**
 * vmi_show_grows() - write [grows]
 * @m: where to
 * @account: closed
 */
void vmi_show_grows(struct seq_file *m, const struct vmi_account *account)
{
	const struct vmi_grows *grows = &account->grows;
	bool known = account->known;

	seq_puts(m, "[grows]\n");
	show_known(m, known, "grown", grows->grown);
	show_known(m, known, "refused", grows->refused);
	show_known(m, known, "gone", grows->gone);
	show_known(m, known, "unattributed", grows->unattributed);
	show_known(m, known, "dropped", grows->dropped);
}

/**
 * vmi_show_total() - write [total]
 * @m: where to
 * @total: sums over the rows
 * @account: of the page faults, closed
 * @holds: what the report cost the process
 * @changed: did its mappings change meanwhile
 */
void vmi_show_total(struct seq_file *m, const struct vmi_total *total,
		    const struct vmi_account *account,
		    const struct vmi_holds *holds, enum vmi_changed changed)
{
	static const char *const words[] = {
		[VMI_CHANGED_UNKNOWN] = "-",
		[VMI_CHANGED_NO] = "no",
		[VMI_CHANGED_YES] = "yes",
	};

	seq_puts(m, "[total]\n");
	show_count(m, "vmas", total->vmas);
	show_count(m, "size", total->size);
	show_pages(m, &total->pages);
	show_faults(m, account->known, &total->faults, total->grows);
	show_count(m, "shared_tables", total->pages.shared_tables);
	show_count(m, "holds", holds->nr);
	show_count(m, "lock_ns", holds->total_ns);
	show_count(m, "longest_hold_ns", holds->longest_ns);
	seq_printf(m, "changed %s\n", words[changed]);
}
