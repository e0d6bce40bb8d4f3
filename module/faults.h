/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_FAULTS_H
#define _VMI_FAULTS_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include "counts.h"

struct task_struct;
struct vmi_track;

void vmi_faults_enter(struct vm_area_struct *vma, unsigned long addr,
		      unsigned int flags);
void vmi_faults_leave(void);
void vmi_faults_settle(struct vmi_track *track, unsigned long start,
		       unsigned long end);
void vmi_faults_unmapped(struct vmi_track *track, unsigned long start,
			 unsigned long end);
void vmi_faults_moved(struct vmi_track *track, unsigned long from,
		      unsigned long to, unsigned long len);
void vmi_faults_adopt(struct vmi_track *track, struct task_struct *thread,
		      u64 *min, u64 *maj);
void vmi_faults_settle_others(const struct task_struct *thread);
void vmi_faults_forget(struct task_struct *task);
void vmi_faults_sweep(void);
void vmi_faults_forget_all(void);

#endif /* _VMI_FAULTS_H */
