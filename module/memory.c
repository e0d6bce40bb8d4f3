// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory the counters and growth logs of all tracked processes take, and may
 * take.
 *
 * They are charged against a limit, past which faults and growths are still counted in
 * the totals of their process, but no longer by page, or kept. What takes a fixed amount
 * for each process and thread is counted too, but not limited: without it nothing
 * would be known of their faults at all.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "memory.h"

/* Of the machine's memory, and at least. */
#define VMI_MEMORY_PERCENT 1
#define VMI_MEMORY_MIN_MIB 16

static atomic64_t used;
static atomic64_t records;

static unsigned int max_memory;
module_param(max_memory, uint, 0644);
MODULE_PARM_DESC(max_memory,
		 "MiB for counters and growth logs of all processes (default, and 0: 1 % of memory)");

/**
 * vmi_memory_max() - the limit
 *
 * Return: bytes.
 */
u64 vmi_memory_max(void)
{
	return (u64)READ_ONCE(max_memory) * SZ_1M;
}

static void leave_as_it_is(void *object)
{
}

/**
 * vmi_memory_create_cache() - make a cache of objects that are cleared by us
 * @name: its name
 * @size: of an object, in bytes
 *
 * The allocator clears each object, too, if the kernel was built or booted so
 * (init_on_alloc=1), but none that have a constructor (mm/slab.h:
 * slab_want_init_on_alloc()). They are to be allocated with vmi_memory_alloc().
 *
 * Return: the cache, or NULL.
 */
struct kmem_cache *vmi_memory_create_cache(const char *name, size_t size)
{
	return kmem_cache_create(name, size, sizeof(u64), 0, leave_as_it_is);
}

/**
 * vmi_memory_used() - memory for counters
 *
 * Return: bytes.
 */
u64 vmi_memory_used(void)
{
	return atomic64_read(&used);
}

/**
 * vmi_memory_charge() - ask for memory, before it is allocated
 * @bytes: how much
 *
 * Return: whether the limit allows it; if not, nothing was charged.
 */
bool vmi_memory_charge(size_t bytes)
{
	if (atomic64_add_return(bytes, &used) <= vmi_memory_max())
		return true;
	atomic64_sub(bytes, &used);
	return false;
}

/**
 * vmi_memory_uncharge() - memory was freed
 * @bytes: how much
 */
void vmi_memory_uncharge(size_t bytes)
{
	atomic64_sub(bytes, &used);
}

/**
 * vmi_memory_add() - memory was allocated for a process or thread
 * @bytes: how much
 */
void vmi_memory_add(size_t bytes)
{
	atomic64_add(bytes, &records);
}

/**
 * vmi_memory_sub() - that memory was freed
 * @bytes: how much
 */
void vmi_memory_sub(size_t bytes)
{
	atomic64_sub(bytes, &records);
}

/**
 * vmi_memory_records() - memory for processes and threads
 *
 * Return: bytes.
 */
u64 vmi_memory_records(void)
{
	return atomic64_read(&records);
}

/**
 * vmi_memory_init() - set the limit, unless it was given
 */
void vmi_memory_init(void)
{
	u64 mib = ((u64)totalram_pages() << PAGE_SHIFT) / SZ_1M;

	if (!max_memory)
		max_memory = max_t(u64, mib * VMI_MEMORY_PERCENT / 100,
				   VMI_MEMORY_MIN_MIB);
}
