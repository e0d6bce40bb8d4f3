// SPDX-License-Identifier: GPL-2.0
/*
 * Walks the mappings of an address space, in the order of their addresses.
 *
 * Locking: mmap_lock is taken for reading and let go again after a constant
 * amount of work, VMI_BUDGET, however large the process is; and who waits for
 * it gets it next, so nobody waits for a reader longer than that. Between two
 * such holds the mappings may change. The cursor is an address, never a
 * pointer, and only moves up: what is gathered never overlaps, and each address
 * is looked at once. A mapping that changed under the walk of its pages is
 * closed where the walk had come to; the rest of it is another row.
 *
 * The caller holds a reference on mm_users, which keeps the mappings from being
 * torn down.
 */
#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "space.h"
#include "stacks.h"
#include "text.h"

/* How long to let others go first, in microseconds: what it takes to wake up. */
#define VMI_GIVE_WAY_US 50

/**
 * vmi_hold() - take mmap_lock for reading
 * @holds: where to account for it
 * @mm: the address space, whose mm_users the caller holds
 *
 * Who waits for the lock gets it first. The kernel lets a reader overtake a
 * writer that sleeps, for some milliseconds (kernel/locking/rwsem.c:
 * rwsem_down_read_slowpath(), RWSEM_WAIT_TIMEOUT): through all the holds of a
 * report, however short they are.
 *
 * Return: 0, or -EINTR when the reader is being killed.
 */
int vmi_hold(struct vmi_holds *holds, struct mm_struct *mm)
{
	int err;

	if (mmap_lock_is_contended(mm))
		usleep_range(VMI_GIVE_WAY_US, 2 * VMI_GIVE_WAY_US);
	err = mmap_read_lock_killable(mm);
	if (err)
		return err;
	holds->nr++;
	holds->since_ns = ktime_get_ns();
	return 0;
}

/**
 * vmi_unhold() - let mmap_lock go
 * @holds: where to account for it
 * @mm: the address space
 */
void vmi_unhold(struct vmi_holds *holds, struct mm_struct *mm)
{
	u64 ns = ktime_get_ns() - holds->since_ns;

	mmap_read_unlock(mm);
	holds->total_ns += ns;
	holds->longest_ns = max(holds->longest_ns, ns);
}

/**
 * vmi_rows_init() - make room for rows
 * @rows: where
 *
 * Return: 0 or -ENOMEM.
 */
int vmi_rows_init(struct vmi_rows *rows)
{
	rows->nr = 0;
	rows->names_used = 0;
	rows->names_size = VMI_NAMES;
	rows->names = kmalloc(VMI_NAMES, GFP_KERNEL_ACCOUNT);
	return rows->names ? 0 : -ENOMEM;
}

/**
 * vmi_rows_free() - undo vmi_rows_init()
 * @rows: the rows
 */
void vmi_rows_free(struct vmi_rows *rows)
{
	kvfree(rows->names);
}

/* More room, for a single name that needs it. No row may be in use. */
static int grow_names(struct vmi_rows *rows)
{
	char *names = kvmalloc(2 * rows->names_size, GFP_KERNEL_ACCOUNT);

	if (!names)
		return -ENOMEM;
	kvfree(rows->names);
	rows->names = names;
	rows->names_size *= 2;
	return 0;
}

/* Copy a name that needs no escaping. False if there is no room. */
static bool put_name(struct vmi_rows *rows, struct vmi_row *row,
		     const char *before, const char *name, const char *behind)
{
	char *to = rows->names + rows->names_used;
	size_t room = rows->names_size - rows->names_used;
	int len = scnprintf(to, room, "%s%s%s", before, name, behind);

	if (len + 1 >= room)
		return false;
	row->name = to;
	row->name_len = len;
	rows->names_used += len;
	return true;
}

/*
 * As fs/seq_file.c:seq_path(): d_path() builds the path at the end of the room,
 * and mangle_path() moves it to the front, escaping newlines.
 */
static bool put_path(struct vmi_rows *rows, struct vmi_row *row,
		     const struct path *path)
{
	char *to = rows->names + rows->names_used;
	char *from, *end;

	from = d_path(path, to, rows->names_size - rows->names_used);
	if (IS_ERR(from))
		return false;
	end = mangle_path(to, from, "\n");
	if (!end)
		return false;
	row->name = to;
	row->name_len = end - to;
	rows->names_used += row->name_len;
	return true;
}

static bool put_given(struct vmi_rows *rows, struct vmi_row *row,
		      const char *given)
{
	return !given || put_name(rows, row, "[anon:", given, "]");
}

/* Its array on the stack is to cost only processes with threads. */
static noinline bool put_stack(struct vmi_rows *rows, struct vmi_row *row,
			       const struct vm_area_struct *vma,
			       const struct vmi_stacks *stacks,
			       const char *given)
{
	char name[VMI_TEXT_STACK_NAME];

	if (!vmi_text_stack_name(name, stacks, vma->vm_start, vma->vm_end))
		return put_given(rows, row, given);
	return put_name(rows, row, "", name, "");
}

/*
 * As fs/proc/task_mmu.c:get_vma_name(), which no longer knows the stacks of
 * threads (it did until 4.5).
 */
static bool gather_name(struct vmi_rows *rows, struct vmi_row *row,
			struct vm_area_struct *vma,
			const struct vmi_stacks *stacks)
{
	const char *given = vmi_anon_name(vma);
	const char *name = NULL;

	if (vma->vm_file)
		return given ? put_name(rows, row, "[anon_shmem:", given, "]") :
			       put_path(rows, row, vmi_file_path(vma->vm_file));
	if (vma->vm_ops && vma->vm_ops->name)
		name = vma->vm_ops->name(vma);
	if (!name && vma_is_initial_heap(vma))
		name = "[heap]";
	if (!name && vma_is_initial_stack(vma))
		name = "[stack]";
	if (name)
		return put_name(rows, row, "", name, "");
	if (stacks->nr_names)
		return put_stack(rows, row, vma, stacks, given);
	return put_given(rows, row, given);
}

static void gather_file(struct vmi_row *row, const struct vm_area_struct *vma)
{
	const struct inode *inode = vmi_file_inode(vma->vm_file);

	row->dev = inode->i_sb->s_dev;
	row->ino = inode->i_ino;
	row->offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) +
		      (row->start - vma->vm_start);
}

/*
 * Begin the row of @vma. False if its name does not fit behind those of the
 * rows before. A name longer than VMI_NAMES_MAX stays unknown.
 */
static bool begin_row(struct vmi_space *space, struct vmi_rows *rows,
		      struct vm_area_struct *vma,
		      const struct vm_area_struct *next)
{
	struct vmi_row *row = &rows->row[rows->nr];

	memset(row, 0, sizeof(*row));
	row->start = max(vma->vm_start, space->addr);
	row->end = vma->vm_end;
	row->flags = vma->vm_flags;
	if (vma->vm_file)
		gather_file(row, vma);
	if (!gather_name(rows, row, vma, space->stacks) &&
	    (rows->nr || rows->names_size < VMI_NAMES_MAX)) {
		space->crowded = !rows->nr;
		return false;
	}

	if (row->start != vma->vm_start)
		space->changed = true;
	vmi_walk_begin(&space->walk, &row->pages, row->start, space->addr,
		       next ? next->vm_start : ULONG_MAX);
	space->addr = row->start;
	return true;
}

static void end_row(struct vmi_space *space, struct vmi_rows *rows)
{
	vmi_walk_end(&space->walk);
	space->partial = false;
	rows->nr++;
}

/*
 * Is @vma what the unfinished row was begun for? VM_MAYBE_GUARD is set with
 * mmap_lock held for reading only (mm/madvise.c:madvise_guard_install()).
 */
static bool row_continues(const struct vmi_row *row,
			  const struct vm_area_struct *vma)
{
	struct vmi_row now = { .start = row->start };

	if (!vma || vma->vm_start > row->start || vma->vm_end != row->end ||
	    (vma->vm_flags ^ row->flags) & ~VM_MAYBE_GUARD)
		return false;
	if (vma->vm_file)
		gather_file(&now, vma);
	return now.offset == row->offset && now.dev == row->dev &&
	       now.ino == row->ino;
}

/* The mapping went away under the walk: keep what was seen of it, if anything. */
static void cut_row(struct vmi_space *space, struct vmi_rows *rows)
{
	struct vmi_row *row = &rows->row[rows->nr];

	space->changed = true;
	if (space->addr == row->start) {
		space->partial = false;
		rows->names_used -= row->name_len;
		return;
	}
	row->end = space->addr;
	end_row(space, rows);
}

static void note_change(struct vmi_space *space)
{
	unsigned int seq;

	if (!vmi_mm_seq(space->mm, &seq))
		return;
	if (space->seq_known && space->seq != seq)
		space->changed = true;
	space->seq = seq;
	space->seq_known = true;
}

/* One hold's worth of work. */
static void gather_held(struct vmi_space *space, struct vmi_rows *rows,
			unsigned int want)
{
	struct vmi_walk *walk = &space->walk;
	struct vm_area_struct *vma, *next;
	struct vma_iterator vmi;
	struct vmi_row *row;

	note_change(space);
	vmi_walk_locked(walk, space->mm, VMI_BUDGET);
	vma_iter_init(&vmi, space->mm, space->addr);
	vma = vma_next(&vmi);
	if (space->partial && !row_continues(&rows->row[rows->nr], vma))
		cut_row(space, rows);

	while (vma && rows->nr < want && walk->budget > 0) {
		next = vma_next(&vmi);
		row = &rows->row[rows->nr];
		if (!space->partial && !begin_row(space, rows, vma, next))
			break;
		vmi_walk_vma(walk, vma);
		space->addr = vmi_walk_pages(walk, space->addr, row->end);
		if (space->addr < row->end) {
			space->partial = true;
			return;
		}
		end_row(space, rows);
		walk->budget -= VMI_COST_VMA;
		vma = next;
	}
	space->done = !vma;
}

/**
 * vmi_space_begin() - start to walk an address space
 * @space: the walk
 * @mm: the address space
 * @stacks: stacks of its threads, to name mappings after
 */
void vmi_space_begin(struct vmi_space *space, struct mm_struct *mm,
		     const struct vmi_stacks *stacks)
{
	memset(space, 0, sizeof(*space));
	space->mm = mm;
	space->stacks = stacks;
}

/**
 * vmi_space_seek() - go on from an address
 * @space: the walk
 * @addr: end of the last row that was used, 0 to start with the first
 */
void vmi_space_seek(struct vmi_space *space, unsigned long addr)
{
	space->addr = addr;
	space->crowded = false;
	space->partial = false;
	space->done = false;
}

/**
 * vmi_space_gather() - gather the next mappings
 * @space: the walk; the caller holds mm_users
 * @rows: where to put them; complete rows only
 * @want: how many at most, 1 to VMI_ROWS
 *
 * A row takes as many holds of mmap_lock as its page tables need. When meanwhile
 * the mm_users of the caller has become the last one, nothing more is gathered,
 * so that the memory of a process that was killed is freed at once.
 *
 * Return: 0, with no rows when there are no more; -EINTR when the reader is
 * being killed; -ESRCH when the process is gone; -ENOMEM.
 */
int vmi_space_gather(struct vmi_space *space, struct vmi_rows *rows,
		     unsigned int want)
{
	int err;

	rows->nr = 0;
	rows->names_used = 0;
	do {
		if (space->crowded && grow_names(rows))
			return -ENOMEM;
		space->crowded = false;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (atomic_read(&space->mm->mm_users) == 1)
			return -ESRCH;
		err = vmi_hold(&space->holds, space->mm);
		if (err)
			return err;
		gather_held(space, rows, want);
		vmi_unhold(&space->holds, space->mm);
		if (space->walk.contended)
			usleep_range(VMI_GIVE_WAY_US, 2 * VMI_GIVE_WAY_US);
		cond_resched();
	} while (space->partial || (!rows->nr && !space->done));
	return 0;
}

/**
 * vmi_space_changed() - did the mappings change during the walk?
 * @space: the walk
 *
 * Return: what is known.
 */
enum vmi_changed vmi_space_changed(const struct vmi_space *space)
{
	if (space->changed)
		return VMI_CHANGED_YES;
	if (space->seq_known || space->holds.nr <= 1)
		return VMI_CHANGED_NO;
	return VMI_CHANGED_UNKNOWN;
}
