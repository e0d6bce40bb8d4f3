/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_HOOKS_H
#define _VMI_HOOKS_H

#include <linux/types.h>

int vmi_hooks_arm(void);
void vmi_hooks_disarm(void);
bool vmi_hooks_fire(void);
unsigned long vmi_hooks_missed(void);
void vmi_hooks_exit(void);

int vmi_hooks_watch(void);
void vmi_hooks_unwatch(void);

#endif /* _VMI_HOOKS_H */
