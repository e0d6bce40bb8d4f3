// SPDX-License-Identifier: GPL-2.0
/*
 * The file /proc/vminspect/<pid>: puts the sections in order and writes them.
 *
 * What is read here was gathered by others into plain structs; this file never
 * looks into an address space. It holds mm_users only while it produces text,
 * so an open file keeps no memory of the process, and reads as empty once the
 * process has exited or called execve(), as maps does.
 *
 * A position among the mappings is an address: the end of the last row shown. So a
 * read goes on where the one before stopped, whatever happened in between, and
 * no row is shown twice. Behind the mappings it is an index.
 */
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#include "access.h"
#include "account.h"
#include "follow.h"
#include "growth.h"
#include "maple.h"
#include "mm.h"
#include "process.h"
#include "report.h"
#include "sections.h"
#include "space.h"
#include "stacks.h"
#include "status.h"
#include "text.h"
#include "track.h"
#include "uapi/vminspect.h"
#include "waiters.h"

/* Bytes of text produced at once, at most what one read(2) returns. */
#define VMI_TEXT_BYTES (16 * 1024)

/* Bytes of a typical row, to gather no more rows than there is room for. */
#define VMI_TEXT_TYPICAL 128

/* Positions that are no end of a mapping. The stacks and events are counted from. */
#define VMI_POS_HEAD 0LL
#define VMI_POS_FIRST 1LL
#define VMI_POS_ACCOUNT 0x1000000000000000LL
#define VMI_POS_STACKS 0x2000000000000000LL
#define VMI_POS_GROWS (VMI_POS_GROWTH - 1)
#define VMI_POS_GROWTH 0x4000000000000000LL
#define VMI_POS_TOTAL (LLONG_MAX - 1)
#define VMI_POS_END LLONG_MAX

/**
 * struct vmi_report - an open file
 * @mm: the address space, held by mmgrab()
 * @pid: the process
 * @ns: pid namespace of the procfs instance, which outlives the file
 * @users: mm_users of @mm is held
 * @waiter: who waits for news
 * @seen: growth events up to this one, of all processes, are no news
 * @head_holds: what the sections before [vmas] cost
 * @stacks: of its threads
 * @space: the walk
 * @total: sums so far
 * @account: of the page faults
 * @event: the growth event that is to be shown
 * @event_next: where the next one is
 * @row: next row of @rows to be shown
 * @rows: rows gathered
 */
struct vmi_report {
	struct mm_struct *mm;
	struct pid *pid;
	struct pid_namespace *ns;
	bool users;
	struct vmi_waiter waiter;
	u64 seen;
	struct vmi_holds head_holds;
	struct vmi_stacks stacks;
	struct vmi_space space;
	struct vmi_total total;
	struct vmi_account account;
	struct vmi_growth_event event;
	u64 event_next;
	unsigned int row;
	struct vmi_rows rows;
};

/* What the iterator hands out for what is not a row. */
static const char head_token, account_token, grows_token, total_token;

#define VMI_HEAD ((void *)&head_token)
#define VMI_ACCOUNT ((void *)&account_token)
#define VMI_GROWS ((void *)&grows_token)
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
	total->grows += row->grows;
#pragma GCC unroll 6
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		total->faults.nr[i] += row->faults.nr[i];
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
	vmi_stacks_free(&report->stacks);
	err = vmi_stacks_gather(&report->stacks, &report->head_holds,
				report->pid, report->ns, report->mm);
	/* Of a process that is gone, the rows will say so. */
	if (err && err != -ESRCH)
		return err;
	vmi_account_end(&report->account);
	vmi_account_begin(&report->account, report->mm);
	vmi_show_process(m, &process, &report->account);
	vmi_show_mm(m, &mm, &maple);
	seq_puts(m, "[vmas]\n" VMINSPECT_VMA_COLUMNS "\n");
	return 0;
}

static void show_row(struct seq_file *m, const struct vmi_row *row)
{
	char *buf;

	if (vmi_text_room(m, VMI_TEXT_ROW + row->name_len, &buf))
		seq_commit(m, vmi_text_row(buf, row) - buf);
}

/* Everything behind the last row, up to the first stack. */
static void show_account(struct seq_file *m, struct vmi_report *report)
{
	vmi_account_close(&report->account, &report->total.faults);
	vmi_show_account(m, &report->account);
	seq_puts(m, "[stacks]\n" VMINSPECT_STACK_COLUMNS "\n");
}

static void show_stack(struct seq_file *m, const struct vmi_report *report,
		       const struct vmi_stack *stack)
{
	char *buf;

	if (vmi_text_room(m, VMI_TEXT_STACK, &buf))
		seq_commit(m, vmi_text_stack(buf, stack, &report->stacks) - buf);
}

/* Everything behind the last stack, up to the first growth. */
static void show_grows(struct seq_file *m, struct vmi_report *report)
{
	vmi_show_grows(m, &report->account);
	seq_puts(m, "[growth]\n" VMINSPECT_GROWTH_COLUMNS "\n");
	if (report->account.known)
		WRITE_ONCE(report->seen, report->account.grows.newest);
}

static void show_event(struct seq_file *m, const struct vmi_report *report)
{
	const struct vmi_growth_event *event = &report->event;
	char *buf;
	pid_t tid;

	tid = vmi_growth_tid(event, report->account.track->tgid, report->ns);
	if (vmi_text_room(m, VMI_TEXT_EVENT, &buf))
		seq_commit(m, vmi_text_event(buf, event, tid) - buf);
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
	*pos = VMI_POS_ACCOUNT;
	return VMI_ACCOUNT;
}

static void *next_stack(struct vmi_report *report, loff_t *pos)
{
	u64 i = *pos - VMI_POS_STACKS;

	if (i < report->stacks.nr)
		return &report->stacks.stack[i];
	*pos = VMI_POS_GROWS;
	return VMI_GROWS;
}

static void *next_event(struct vmi_report *report, loff_t *pos)
{
	struct vmi_account *account = &report->account;

	report->event_next = *pos - VMI_POS_GROWTH;
	if (account->known &&
	    vmi_growth_next(&account->track->growth, &report->event_next,
			    account->grows.nr, &report->event))
		return &report->event;
	*pos = VMI_POS_TOTAL;
	return VMI_TOTAL;
}

static __always_inline bool is_row(const struct vmi_report *report, const void *v)
{
	const struct vmi_row *row = v;

	return row >= report->rows.row && row < report->rows.row + VMI_ROWS;
}

static bool is_stack(const struct vmi_report *report, const void *v)
{
	const struct vmi_stack *stack = v;

	return stack >= report->stacks.stack &&
	       stack < report->stacks.stack + report->stacks.nr;
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
	if (*pos >= VMI_POS_GROWTH)
		return next_event(report, pos);
	if (*pos == VMI_POS_GROWS)
		return VMI_GROWS;
	if (*pos >= VMI_POS_STACKS)
		return next_stack(report, pos);
	if (*pos == VMI_POS_ACCOUNT)
		return VMI_ACCOUNT;
	vmi_space_seek(&report->space, *pos == VMI_POS_FIRST ? 0 : *pos);
	return next_rows(m, report, pos);
}

/* The report was read to its end. */
static void *end_report(struct vmi_report *report, loff_t *pos)
{
	struct vmi_holds holds = sum_holds(report);

	vmi_status_reported(report->total.vmas, &holds);
	vmi_stacks_free(&report->stacks);
	*pos = VMI_POS_END;
	return NULL;
}

static void *begin_rows(struct seq_file *m, struct vmi_report *report,
			loff_t *pos)
{
	report->total = (struct vmi_total){};
	vmi_space_begin(&report->space, report->mm, &report->stacks);
	*pos = VMI_POS_FIRST;
	return next_rows(m, report, pos);
}

static void *next_row(struct seq_file *m, struct vmi_report *report,
		      const struct vmi_row *row, loff_t *pos)
{
	add_total(&report->total, row);
	*pos = row->end;
	if (++report->row < report->rows.nr)
		return &report->rows.row[report->row];
	return next_rows(m, report, pos);
}

/* Of all that comes by here and in report_show(), most are rows. */
static void *report_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct vmi_report *report = m->private;

	if (likely(is_row(report, v)))
		return next_row(m, report, v, pos);
	if (v == VMI_HEAD)
		return begin_rows(m, report, pos);
	if (v == VMI_ACCOUNT) {
		*pos = VMI_POS_STACKS;
		return next_stack(report, pos);
	}
	if (is_stack(report, v)) {
		++*pos;
		return next_stack(report, pos);
	}
	if (v == VMI_GROWS || v == &report->event) {
		*pos = VMI_POS_GROWTH + (v == VMI_GROWS ? 0 : report->event_next);
		return next_event(report, pos);
	}
	return end_report(report, pos);
}

static void report_stop(struct seq_file *m, void *v)
{
	struct vmi_report *report = m->private;

	if (!report->users)
		return;
	report->users = false;
	mmput(report->mm);
}

static void show_total(struct seq_file *m, const struct vmi_report *report)
{
	struct vmi_holds holds = sum_holds(report);

	vmi_show_total(m, &report->total, &report->account, &holds,
		       vmi_space_changed(&report->space));
}

static int report_show(struct seq_file *m, void *v)
{
	struct vmi_report *report = m->private;

	if (likely(is_row(report, v)))
		show_row(m, v);
	else if (v == VMI_HEAD)
		return show_head(m, report);
	else if (v == VMI_ACCOUNT)
		show_account(m, report);
	else if (is_stack(report, v))
		show_stack(m, report, v);
	else if (v == VMI_GROWS)
		show_grows(m, report);
	else if (v == &report->event)
		show_event(m, report);
	else
		show_total(m, report);
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
	vmi_stacks_free(&report->stacks);
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
	vmi_waiter_init(&report->waiter, report->mm);
	report->seen = vmi_growth_now();
	vmi_status_opened(VMI_OPEN_BYTES);
	/*
	 * Who looks the name up next is to be asked anew, not to find it; but
	 * for what is mounted there, which only this dentry leads to.
	 */
	if (!d_mountpoint(file->f_path.dentry))
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

	vmi_waiter_exit(&report->waiter);
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

static bool has_news(const struct vmi_report *report)
{
	struct vmi_track *track;
	bool news;

	rcu_read_lock();
	track = vmi_track_find(report->mm);
	news = track &&
	       vmi_growth_newest(&track->growth) > READ_ONCE(report->seen);
	rcu_read_unlock();
	return news;
}

/*
 * A report can always be read, and written to. What is worth waiting for is that
 * a stack grew, or was not allowed to, since the report was last read.
 */
static __poll_t report_poll(struct file *file, struct poll_table_struct *table)
{
	struct seq_file *m = file->private_data;
	struct vmi_report *report = m->private;
	__poll_t mask = EPOLLIN | EPOLLRDNORM;

	/* io_uring waits for this before it writes. */
	if (file->f_mode & FMODE_WRITE)
		mask |= EPOLLOUT | EPOLLWRNORM;
	/* Something for each set of select() (fs/select.c:POLLOUT_SET). */
	if (!vmi_waiter_poll(&report->waiter, file, table))
		mask |= EPOLLHUP | EPOLLERR | EPOLLPRI;
	if (!atomic_read(&report->mm->mm_users))
		mask |= EPOLLHUP;
	if (has_news(report))
		mask |= EPOLLPRI;
	return mask;
}

const struct proc_ops vmi_report_ops = {
	.proc_open = report_open,
	.proc_read_iter = seq_read_iter,
	.proc_write = report_write,
	.proc_lseek = seq_lseek,
	.proc_poll = report_poll,
	.proc_release = report_release,
};
