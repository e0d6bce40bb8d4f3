// SPDX-License-Identifier: GPL-2.0
/*
 * Draws up the account of a process's page faults: those of its mappings, those
 * of mappings gone, and those that are neither, against what the process itself
 * was charged.
 *
 * What the process was charged, and what others did here, is read first, the
 * counters after it. They only grow, so nothing is called lost that was merely
 * under way. But a mapping
 * that moves meanwhile can be missed by the walk, counters and all: then it is
 * not known whether anything was lost.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>

#include "account.h"
#include "faults.h"
#include "hooks.h"
#include "rusage.h"
#include "space.h"
#include "track.h"

/**
 * vmi_account_begin() - begin before the first row is gathered
 * @account: the account
 * @mm: the address space
 */
void vmi_account_begin(struct vmi_account *account, const struct mm_struct *mm)
{
	*account = (struct vmi_account){ .track = vmi_track_get(mm) };
	if (!account->track)
		return;
	account->since_ns = account->track->since_ns;
	account->moves = atomic_read_acquire(&account->track->moved);
	account->own_known = vmi_rusage_faults(account->track->tgid, mm,
					       &account->rusage_min,
					       &account->rusage_maj);
	vmi_faults_settle(account->track, 0, 0);
	account->remote = atomic64_read(&account->track->remote);
}

/* Most mappings never grow. */
static void add_grows(struct vmi_growth *growth, struct vmi_rows *rows)
{
	struct vmi_row *row = rows->row, *end = row + rows->nr;

	if (!rows->nr || !vmi_growth_in(growth, row->start, end[-1].end))
		return;
	for (; row < end; row++)
		row->grows = vmi_growth_in(growth, row->start, row->end);
}

/**
 * vmi_account_rows() - add the faults to rows that were gathered
 * @account: the account
 * @rows: the rows
 */
void vmi_account_rows(const struct vmi_account *account, struct vmi_rows *rows)
{
	struct vmi_row *row;

	if (!account->track)
		return;
	rcu_read_lock();
	for (row = rows->row; row < rows->row + rows->nr; row++) {
		row->tracked = true;
		vmi_counts_sum(&account->track->counts, row->start, row->end,
			       &row->faults);
	}
	rcu_read_unlock();
	add_grows(&account->track->growth, rows);
}

static u64 since(u64 now, const atomic64_t *before)
{
	return now - min_t(u64, now, atomic64_read(before));
}

static u64 lost(const struct vmi_account *account, const struct vmi_faults *rows)
{
	u64 due = account->own_min + account->own_maj + account->remote;
	u64 seen = vmi_faults_sum(rows) + vmi_faults_sum(&account->gone) +
		   account->unattributed + account->elsewhere;

	return due - min(due, seen);
}

/*
 * Of mappings that have no row any more: somebody is about to unmap them, and has only
 * taken them out of the address space yet; or he was not seen.
 */
static void add_unmapped(struct vmi_account *account,
			 const struct vmi_faults *rows)
{
	struct vmi_faults all = {};
	unsigned int i;

	rcu_read_lock();
	vmi_counts_sum(&account->track->counts, 0, TASK_SIZE_MAX, &all);
	rcu_read_unlock();
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		if (all.nr[i] > rows->nr[i])
			account->gone.nr[i] += all.nr[i] - rows->nr[i];
}

/**
 * vmi_account_close() - balance the account after the last row was gathered
 * @account: the account
 * @rows: sum over all rows
 *
 * May be done again.
 */
void vmi_account_close(struct vmi_account *account,
		       const struct vmi_faults *rows)
{
	struct vmi_track *track = account->track;
	unsigned int i;

	account->known = track && !READ_ONCE(track->dead);
	if (!account->known)
		return;
	account->own_min = since(account->rusage_min, &track->before_min);
	account->own_maj = since(account->rusage_maj, &track->before_maj);
	account->elsewhere = atomic64_read(&track->elsewhere);
	account->unattributed = atomic64_read(&track->unattributed);
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		account->gone.nr[i] = atomic64_read(&track->gone[i]);
	account->lost = lost(account, rows);
	if (account->lost) {
		add_unmapped(account, rows);
		account->lost = lost(account, rows);
	}
	/* Pairs with that of faults.c:begin_move(). */
	smp_rmb();
	account->lost_known = account->own_known &&
			      account->moves == atomic_read(&track->moves);
	vmi_growth_sums(&track->growth, &account->grows);
	account->fire = vmi_hooks_fire();
}

/**
 * vmi_account_end() - the account was read, or is not needed any more
 * @account: the account
 */
void vmi_account_end(struct vmi_account *account)
{
	if (account->track)
		vmi_track_put(account->track);
	account->track = NULL;
}
