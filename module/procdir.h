/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_PROCDIR_H
#define _VMI_PROCDIR_H

int vmi_procdir_create(void);
void vmi_procdir_remove(void);

#endif /* _VMI_PROCDIR_H */
