/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_SECTIONS_H
#define _VMI_SECTIONS_H

#include <linux/types.h>

#include "account.h"
#include "growth.h"
#include "maple.h"
#include "mm.h"
#include "process.h"
#include "space.h"

struct seq_file;

/**
 * struct vmi_total - sums over the rows shown
 * @vmas: rows
 * @size: pages of address space
 * @pages: what is mapped; maxrun is the longest, not the sum
 * @faults: page faults, if the process is tracked
 * @grows: growths of stacks, likewise
 */
struct vmi_total {
	u64 vmas;
	u64 size;
	struct vmi_pages pages;
	struct vmi_faults faults;
	u64 grows;
};

void vmi_show_process(struct seq_file *m, const struct vmi_process *process,
		      const struct vmi_account *account);
void vmi_show_mm(struct seq_file *m, const struct vmi_mm *mm,
		 const struct vmi_maple *maple);
void vmi_show_account(struct seq_file *m, const struct vmi_account *account);
void vmi_show_grows(struct seq_file *m, const struct vmi_account *account);
void vmi_show_total(struct seq_file *m, const struct vmi_total *total,
		    const struct vmi_account *account,
		    const struct vmi_holds *holds, enum vmi_changed changed);

#endif /* _VMI_SECTIONS_H */
