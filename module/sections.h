/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_SECTIONS_H
#define _VMI_SECTIONS_H

#include <linux/seq_file.h>
#include <linux/types.h>

#include "account.h"
#include "growth.h"
#include "maple.h"
#include "mm.h"
#include "process.h"
#include "space.h"

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

/**
 * vmi_text_room() - is there room to write straight into a file's buffer?
 * @m: the file
 * @bytes: how many may be written
 * @buf: where to; what was written is to be told by seq_commit()
 *
 * seq_printf() would be most of the cost of what is written often.
 *
 * Return: whether there is; if not, seq_file makes more, and asks again.
 */
static inline bool vmi_text_room(struct seq_file *m, size_t bytes, char **buf)
{
	if (seq_get_buf(m, buf) >= bytes)
		return true;
	seq_commit(m, -1);
	return false;
}

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
