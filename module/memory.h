/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_MEMORY_H
#define _VMI_MEMORY_H

#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

/*
 * For what is allocated in the course of a fault, fork or exec of somebody
 * else's: never wait, never reclaim, never complain, never bill the process.
 */
#define VMI_GFP_HOOK (GFP_NOWAIT | __GFP_NOWARN)

/**
 * vmi_memory_alloc() - allocate an object that is 0
 * @cache: of vmi_memory_create_cache()
 * @size: of an object, in bytes, a multiple of 8
 * @gfp: how to allocate
 *
 * Cleared by words: memset() goes by bytes on some kernels, which is slow for something
 * so small.
 *
 * Return: the object, or NULL.
 */
static __always_inline void *vmi_memory_alloc(struct kmem_cache *cache, size_t size,
					      gfp_t gfp)
{
	void *object = kmem_cache_alloc(cache, gfp);

	BUILD_BUG_ON(size % sizeof(u64));
	if (object)
		memset64(object, 0, size / sizeof(u64));
	return object;
}

struct kmem_cache *vmi_memory_create_cache(const char *name, size_t size);
bool vmi_memory_charge(size_t bytes);
void vmi_memory_uncharge(size_t bytes);
void vmi_memory_add(size_t bytes);
void vmi_memory_sub(size_t bytes);
u64 vmi_memory_used(void);
u64 vmi_memory_records(void);
u64 vmi_memory_max(void);
void vmi_memory_init(void);

#endif /* _VMI_MEMORY_H */
