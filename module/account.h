/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_ACCOUNT_H
#define _VMI_ACCOUNT_H

#include <linux/types.h>

#include "counts.h"
#include "growth.h"

struct vmi_rows;
struct vmi_track;

/**
 * struct vmi_account - the page faults of a process, and whether they add up
 * @track: its tracking, held; NULL if it is not tracked
 * @since_ns: when tracking began, CLOCK_MONOTONIC
 * @known: it was tracked from start to end; otherwise nothing that follows is set
 * @own_known: the process is still there: @own_min, @own_maj are set
 * @rusage_min: minor faults of the process when the account began
 * @rusage_maj: major ones
 * @own_min: minor faults of the process itself since then
 * @own_maj: major ones
 * @remote: faults that others caused in its address space
 * @elsewhere: faults it caused in other address spaces
 * @unattributed: faults that belong to no row
 * @gone: faults of mappings that no longer exist
 * @grows: growths of its stacks
 * @lost_known: @lost is set: the process is there, and no mapping moved or went meanwhile
 * @lost: faults of the process that nobody saw
 * @fire: the probes fire
 * @moves: moves of the tracking that were done when the account began
 */
struct vmi_account {
	struct vmi_track *track;
	u64 since_ns;
	bool known;
	bool own_known;
	u64 rusage_min;
	u64 rusage_maj;
	u64 own_min;
	u64 own_maj;
	u64 remote;
	u64 elsewhere;
	u64 unattributed;
	struct vmi_faults gone;
	struct vmi_grows grows;
	bool lost_known;
	u64 lost;
	bool fire;
	int moves;
};

void vmi_account_begin(struct vmi_account *account, const struct mm_struct *mm);
void vmi_account_rows(const struct vmi_account *account, struct vmi_rows *rows);
void vmi_account_close(struct vmi_account *account,
		       const struct vmi_faults *rows);
void vmi_account_end(struct vmi_account *account);

#endif /* _VMI_ACCOUNT_H */
