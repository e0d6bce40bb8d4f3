// SPDX-License-Identifier: GPL-2.0
/*
 * The file /proc/vminspect/<pid>: puts the sections in order and writes them.
 *
 * What is read here was gathered by others into plain structs; this file never
 * looks into an address space. It holds mm_users only while it produces text,
 * so an open file keeps no memory of the process, and reads as empty once the
 * process has exited or called execve(), as maps does.
 *
 * A position in the file is an address: the end of the last row shown. So a
 * read goes on where the one before stopped, whatever happened in between, and
 * no row is shown twice.
 */
#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/time64.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#include "access.h"
#include "account.h"
#include "follow.h"
#include "maple.h"
#include "mm.h"
#include "process.h"
#include "report.h"
#include "space.h"
#include "status.h"
#include "text.h"
#include "uapi/vminspect.h"

/* Bytes of text produced at once, at most what one read(2) returns. */
#define VMI_TEXT_BYTES (16 * 1024)

/* Bytes of a typical row, to gather no more rows than there is room for. */
#define VMI_TEXT_TYPICAL 128

/* Positions that are no end of a mapping. */
#define VMI_POS_HEAD 0LL
#define VMI_POS_FIRST 1LL
#define VMI_POS_TOTAL (LLONG_MAX - 1)
#define VMI_POS_END LLONG_MAX

/**
 * struct vmi_total - sums over the rows shown
 * @vmas: rows
 * @size: pages of address space
 * @pages: what is mapped; maxrun is the longest, not the sum
 * @faults: page faults, if the process is tracked
 */
struct vmi_total {
	u64 vmas;
	u64 size;
	struct vmi_pages pages;
	struct vmi_faults faults;
};

/**
 * struct vmi_report - an open file
 * @mm: the address space, held by mmgrab()
 * @pid: the process
 * @ns: pid namespace of the procfs instance, which outlives the file
 * @users: mm_users of @mm is held
 * @head_holds: what the sections before [vmas] cost
 * @space: the walk
 * @total: sums so far
 * @account: of the page faults
 * @row: next row of @rows to be shown
 * @rows: rows gathered
 */
struct vmi_report {
	struct mm_struct *mm;
	struct pid *pid;
	struct pid_namespace *ns;
	bool users;
	struct vmi_holds head_holds;
	struct vmi_space space;
	struct vmi_total total;
	struct vmi_account account;
	unsigned int row;
	struct vmi_rows rows;
};

/* What the iterator hands out for the sections that are not rows. */
static const char head_token, total_token;

#define VMI_HEAD ((void *)&head_token)
#define VMI_TOTAL ((void *)&total_token)

static void add_total(struct vmi_total *total, const struct vmi_row *row)
{
	struct vmi_pages *sum = &total->pages;
	const struct vmi_pages *pages = &row->pages;
	unsigned int i;

	total->vmas++;
	total->size += (row->end - row->start) >> PAGE_SHIFT;
	sum->rss += pages->rss;
	sum->anon += pages->anon;
	sum->file += pages->file;
	sum->shmem += pages->shmem;
	sum->swap += pages->swap;
	sum->huge += pages->huge;
	sum->hugetlb += pages->hugetlb;
	sum->dirty += pages->dirty;
	sum->young += pages->young;
	sum->runs += pages->runs;
	sum->maxrun = max(sum->maxrun, pages->maxrun);
	sum->tables += pages->tables;
	sum->shared_tables += pages->shared_tables;
	if (!row->tracked)
		return;
#pragma GCC unroll 6
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		total->faults.nr[i] += row->faults.nr[i];
}

static void show_process(struct seq_file *m, const struct vmi_process *process,
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

static void show_count(struct seq_file *m, const char *key, u64 value)
{
	seq_puts(m, key);
	seq_put_decimal_ull(m, " ", value);
	seq_putc(m, '\n');
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
	seq_printf(m, "%s %lx\n", key, value);
}

static void show_mm(struct seq_file *m, const struct vmi_mm *mm,
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

/* Everything before the first row. */
static int show_head(struct seq_file *m, struct vmi_report *report)
{
	struct vmi_process process;
	struct vmi_maple maple;
	struct vmi_mm mm;
	int err;

	report->head_holds = (struct vmi_holds){};
	vmi_process_gather(&process, report->pid, report->ns, report->mm);
	err = vmi_mm_gather(&mm, &report->head_holds, report->mm);
	if (!err)
		err = vmi_maple_gather(&maple, &report->head_holds, report->mm);
	if (err)
		return err;
	vmi_account_end(&report->account);
	vmi_account_begin(&report->account, report->mm);
	show_process(m, &process, &report->account);
	show_mm(m, &mm, &maple);
	seq_puts(m, "[vmas]\n" VMINSPECT_VMA_COLUMNS "\n");
	return 0;
}

/* Straight into the buffer: seq_printf() would be most of the cost. */
static void show_row(struct seq_file *m, const struct vmi_row *row)
{
	char *buf;
	size_t room = seq_get_buf(m, &buf);

	if (room < VMI_TEXT_ROW + row->name_len)
		seq_commit(m, -1);
	else
		seq_commit(m, vmi_text_row(buf, row) - buf);
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
			const struct vmi_faults *faults)
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
	show_known(m, false, "grows", 0);
}

static void show_account(struct seq_file *m, const struct vmi_account *account)
{
	bool known = account->known;
	bool own_known = known && account->own_known;

	seq_puts(m, "[gone]\n");
	show_faults(m, known, &account->gone);
	seq_puts(m, "[faults]\n");
	show_known(m, own_known, "own_minflt", account->own_min);
	show_known(m, own_known, "own_majflt", account->own_maj);
	show_known(m, known, "remote", account->remote);
	show_known(m, known, "elsewhere", account->elsewhere);
	show_known(m, known, "unattributed", account->unattributed);
	show_known(m, known && account->lost_known, "lost", account->lost);
	seq_printf(m, "probes %s\n", !known ? "-" : account->fire ? "on" : "off");
}

static struct vmi_holds sum_holds(const struct vmi_report *report)
{
	const struct vmi_holds *head = &report->head_holds;
	const struct vmi_holds *rows = &report->space.holds;

	return (struct vmi_holds){
		.nr = head->nr + rows->nr,
		.total_ns = head->total_ns + rows->total_ns,
		.longest_ns = max(head->longest_ns, rows->longest_ns),
	};
}

static void show_total(struct seq_file *m, struct vmi_report *report)
{
	static const char *const changed[] = {
		[VMI_CHANGED_UNKNOWN] = "-",
		[VMI_CHANGED_NO] = "no",
		[VMI_CHANGED_YES] = "yes",
	};
	const struct vmi_total *total = &report->total;
	struct vmi_holds holds = sum_holds(report);

	vmi_account_close(&report->account, &total->faults);
	show_account(m, &report->account);
	seq_puts(m, "[total]\n");
	show_count(m, "vmas", total->vmas);
	show_count(m, "size", total->size);
	show_pages(m, &total->pages);
	show_faults(m, report->account.known, &total->faults);
	show_count(m, "shared_tables", total->pages.shared_tables);
	show_count(m, "holds", holds.nr);
	show_count(m, "lock_ns", holds.total_ns);
	show_count(m, "longest_hold_ns", holds.longest_ns);
	seq_printf(m, "changed %s\n", changed[vmi_space_changed(&report->space)]);
}

/* Gather the next rows. NULL ends the file: the process is gone. */
static void *next_rows(struct seq_file *m, struct vmi_report *report,
		       loff_t *pos)
{
	size_t room = m->size > m->count ? m->size - m->count : 0;
	unsigned int want = clamp_t(size_t, room / VMI_TEXT_TYPICAL, 1, VMI_ROWS);
	int err;

	report->row = 0;
	err = vmi_space_gather(&report->space, &report->rows, want);
	if (err)
		return err == -ESRCH ? NULL : ERR_PTR(err);
	vmi_account_rows(&report->account, &report->rows);
	if (report->rows.nr)
		return report->rows.row;
	*pos = VMI_POS_TOTAL;
	return VMI_TOTAL;
}

static void *report_start(struct seq_file *m, loff_t *pos)
{
	struct vmi_report *report = m->private;

	if (*pos == VMI_POS_END)
		return NULL;
	report->users = mmget_not_zero(report->mm);
	if (!report->users)
		return NULL;
	if (*pos == VMI_POS_HEAD)
		return VMI_HEAD;
	if (*pos == VMI_POS_TOTAL)
		return VMI_TOTAL;
	vmi_space_seek(&report->space, *pos == VMI_POS_FIRST ? 0 : *pos);
	return next_rows(m, report, pos);
}

static void *report_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct vmi_report *report = m->private;

	if (v == VMI_TOTAL) {
		struct vmi_holds holds = sum_holds(report);

		vmi_status_reported(report->total.vmas, &holds);
		*pos = VMI_POS_END;
		return NULL;
	}
	if (v == VMI_HEAD) {
		report->total = (struct vmi_total){};
		vmi_space_begin(&report->space, report->mm);
		*pos = VMI_POS_FIRST;
		return next_rows(m, report, pos);
	}
	add_total(&report->total, v);
	*pos = ((struct vmi_row *)v)->end;
	if (++report->row < report->rows.nr)
		return &report->rows.row[report->row];
	return next_rows(m, report, pos);
}

static void report_stop(struct seq_file *m, void *v)
{
	struct vmi_report *report = m->private;

	if (!report->users)
		return;
	report->users = false;
	mmput(report->mm);
}

static int report_show(struct seq_file *m, void *v)
{
	struct vmi_report *report = m->private;

	if (v == VMI_HEAD)
		return show_head(m, report);
	if (v == VMI_TOTAL)
		show_total(m, report);
	else
		show_row(m, v);
	return 0;
}

static const struct seq_operations report_seq_ops = {
	.start = report_start,
	.next = report_next,
	.stop = report_stop,
	.show = report_show,
};

/*
 * Sets the process and the address space it lets the reader see. The number is
 * looked up twice, here and on the way to auxv; it cannot have come to mean
 * another process in between if the first one is still there behind.
 */
static int get_process(struct vmi_report *report, struct inode *inode,
		       struct file *file)
{
	pid_t nr = (long)inode->i_private;
	int err;

	report->ns = proc_pid_ns(inode->i_sb);
	rcu_read_lock();
	report->pid = get_pid(find_pid_ns(nr, report->ns));
	rcu_read_unlock();
	if (!report->pid)
		return -ENOENT;

	report->mm = vmi_access_mm(inode->i_sb, file->f_path.mnt, nr);
	err = PTR_ERR_OR_ZERO(report->mm);
	if (err)
		goto put_pid;
	err = -ESRCH;
	if (!pid_has_task(report->pid, PIDTYPE_PID))
		goto drop_mm;
	return 0;

drop_mm:
	mmdrop(report->mm);
put_pid:
	put_pid(report->pid);
	return err;
}

static void put_process(struct vmi_report *report)
{
	vmi_account_end(&report->account);
	mmdrop(report->mm);
	put_pid(report->pid);
}

/* A larger buffer than seq_file's own, as fs/seq_file.c:single_open_size(). */
static int open_text(struct file *file, struct vmi_report *report)
{
	char *buf = kvmalloc(VMI_TEXT_BYTES, GFP_KERNEL_ACCOUNT);
	struct seq_file *m;
	int err;

	if (!buf)
		return -ENOMEM;
	err = seq_open(file, &report_seq_ops);
	if (err) {
		kvfree(buf);
		return err;
	}
	m = file->private_data;
	m->private = report;
	m->buf = buf;
	m->size = VMI_TEXT_BYTES;
	return 0;
}

/* Memory of an open report, but for unusually long names. */
#define VMI_OPEN_BYTES (sizeof(struct vmi_report) + VMI_TEXT_BYTES + VMI_NAMES)

static int report_open(struct inode *inode, struct file *file)
{
	struct vmi_report *report;
	int err;

	BUILD_BUG_ON(PAGE_SIZE <= VMI_POS_FIRST);
	report = kvmalloc(sizeof(*report), GFP_KERNEL_ACCOUNT);
	if (!report)
		return -ENOMEM;
	/* The rows are set before they are read. */
	memset(report, 0, offsetof(struct vmi_report, rows));
	err = vmi_rows_init(&report->rows);
	if (err)
		goto free_report;
	err = get_process(report, inode, file);
	if (err)
		goto free_rows;
	err = open_text(file, report);
	if (err)
		goto put_process;
	vmi_status_opened(VMI_OPEN_BYTES);
	/* Who looks the name up next is to be asked anew, not to find it. */
	d_drop(file->f_path.dentry);
	return 0;

put_process:
	put_process(report);
free_rows:
	vmi_rows_free(&report->rows);
free_report:
	kvfree(report);
	return err;
}

static int report_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct vmi_report *report = m->private;

	put_process(report);
	vmi_rows_free(&report->rows);
	kvfree(report);
	vmi_status_closed(VMI_OPEN_BYTES);
	return seq_release(inode, file);
}

/* Does the writer own the process, or may he trace any? */
static bool may_control(const struct vmi_report *report)
{
	struct task_struct *task;
	bool may = false;

	rcu_read_lock();
	task = pid_task(report->pid, PIDTYPE_PID);
	if (task)
		may = uid_eq(current_fsuid(), task_euid(task)) ||
		      ns_capable(vmi_task_user_ns(task, report->mm),
				 CAP_SYS_PTRACE);
	rcu_read_unlock();
	return may;
}

/* Room for the longest word, a newline and the end. */
#define VMI_WORD_BYTES 16

static ssize_t report_write(struct file *file, const char __user *from,
			    size_t size, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct vmi_report *report = m->private;
	char word[VMI_WORD_BYTES];
	size_t len;
	int err;

	if (size >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, from, size))
		return -EFAULT;
	len = size && word[size - 1] == '\n' ? size - 1 : size;
	word[len] = '\0';
	if (strlen(word) != len)
		return -EINVAL;
	if (!pid_has_task(report->pid, PIDTYPE_PID))
		return -ESRCH;
	if (!may_control(report))
		return -EPERM;
	err = vmi_follow_word(word, report->mm, report->pid);
	return err ?: size;
}

const struct proc_ops vmi_report_ops = {
	.proc_open = report_open,
	.proc_read_iter = seq_read_iter,
	.proc_write = report_write,
	.proc_lseek = seq_lseek,
	.proc_release = report_release,
};
