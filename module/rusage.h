/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_RUSAGE_H
#define _VMI_RUSAGE_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct pid;
struct task_struct;
struct vmi_track;

bool vmi_rusage_faults(struct pid *tgid, const struct mm_struct *mm, u64 *min,
		       u64 *maj);
void vmi_rusage_adopt(struct vmi_track *track, struct task_struct *leader);
void vmi_rusage_execed(struct vmi_track *track);

#endif /* _VMI_RUSAGE_H */
