/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_STATUS_H
#define _VMI_STATUS_H

#include <linux/types.h>

struct seq_file;
struct vmi_holds;

void vmi_status_opened(size_t bytes);
void vmi_status_closed(size_t bytes);
void vmi_status_reported(u64 nr_vmas, const struct vmi_holds *cost);
int vmi_status_show(struct seq_file *m, void *v);

#endif /* _VMI_STATUS_H */
