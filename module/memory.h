/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_MEMORY_H
#define _VMI_MEMORY_H

#include <linux/gfp.h>
#include <linux/types.h>

/*
 * For what is allocated in the course of a fault, fork or exec of somebody
 * else's: never wait, never reclaim, never complain, never bill the process.
 */
#define VMI_GFP_HOOK (GFP_NOWAIT | __GFP_NOWARN)

bool vmi_memory_charge(size_t bytes);
void vmi_memory_uncharge(size_t bytes);
void vmi_memory_add(size_t bytes);
void vmi_memory_sub(size_t bytes);
u64 vmi_memory_used(void);
u64 vmi_memory_records(void);
u64 vmi_memory_max(void);
void vmi_memory_init(void);

#endif /* _VMI_MEMORY_H */
