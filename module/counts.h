/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_COUNTS_H
#define _VMI_COUNTS_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * enum vmi_fault - what a page fault did
 * @VMI_FAULT_ANON: first touch of anonymous memory
 * @VMI_FAULT_FILE: a page of a file, or of shared memory, was mapped
 * @VMI_FAULT_COW: a private page was written that was not writable, or the first
 *	touch of a private file mapping was a write
 * @VMI_FAULT_SWAP: a page was in swap
 * @VMI_FAULT_OTHER: anything else
 * @VMI_FAULT_KINDS: how many kinds there are
 * @VMI_FAULT_MAJOR: not a kind: the faults of all kinds that were major
 * @VMI_FAULT_COUNTERS: how many figures that makes
 */
enum vmi_fault {
	VMI_FAULT_ANON,
	VMI_FAULT_FILE,
	VMI_FAULT_COW,
	VMI_FAULT_SWAP,
	VMI_FAULT_OTHER,
	VMI_FAULT_KINDS,
	VMI_FAULT_MAJOR = VMI_FAULT_KINDS,
	VMI_FAULT_COUNTERS,
};

/**
 * struct vmi_faults - completed page faults
 * @nr: how many of each kind, and how many of them all were major
 */
struct vmi_faults {
	u64 nr[VMI_FAULT_COUNTERS];
};

/**
 * vmi_faults_sum() - faults of all kinds
 * @faults: the counts
 *
 * Return: minor and major faults together.
 */
static inline u64 vmi_faults_sum(const struct vmi_faults *faults)
{
	u64 sum = 0;
	int i;

#pragma GCC unroll 5
	for (i = 0; i < VMI_FAULT_KINDS; i++)
		sum += faults->nr[i];
	return sum;
}

/* Pages that share a leaf. A quarter of a MiB: most mappings are no larger. */
#define VMI_LEAF_SHIFT 6
#define VMI_LEAF_PAGES BIT(VMI_LEAF_SHIFT)
#define VMI_LEAF_BYTES (VMI_LEAF_PAGES << PAGE_SHIFT)
#define VMI_LEAF_INDEX(addr) ((addr) >> (PAGE_SHIFT + VMI_LEAF_SHIFT))
#define VMI_LEAF_SLOT(addr) (((addr) >> PAGE_SHIFT) % VMI_LEAF_PAGES)

/**
 * struct vmi_carries - what does not fit into the bytes of a leaf
 * @nr: how often each of them went from 255 to 0
 */
struct vmi_carries {
	atomic64_t nr[VMI_FAULT_COUNTERS][VMI_LEAF_PAGES];
};

/**
 * struct vmi_leaf - the faults of VMI_LEAF_PAGES pages
 * @sum: over all of them
 * @carries: NULL until a page has many faults
 * @next: in the chain of its hash
 * @index: VMI_LEAF_INDEX() of its pages
 * @rcu: to free it
 * @nr: of each page, modulo 256
 */
struct vmi_leaf {
	atomic64_t sum[VMI_FAULT_COUNTERS];
	struct vmi_carries *carries;
	struct vmi_leaf *next;
	unsigned long index;
	struct rcu_head rcu;
	u8 nr[VMI_FAULT_COUNTERS][VMI_LEAF_PAGES] __aligned(sizeof(u64));
};

/**
 * struct vmi_table - a hash table of leaves
 * @bits: it has 2 to the power of that many chains
 * @chain: the chains
 * @rcu: to free it
 */
struct vmi_table {
	unsigned int bits;
	struct vmi_leaf **chain;
	struct rcu_head rcu;
};

/* Chains of the first table: enough for most processes. */
#define VMI_FIRST_BITS 4

/**
 * struct vmi_counts - the page faults of an address space, by page
 * @table: struct vmi_leaf by index
 * @first: the table to begin with
 * @first_chain: its chains
 * @lock: protects the chains and @table
 * @resized: which table it is, to notice that leaves changed their chains
 * @bytes: memory charged for it
 * @nr_leaves: how many
 */
struct vmi_counts {
	struct vmi_table *table;
	struct vmi_table first;
	struct vmi_leaf *first_chain[1 << VMI_FIRST_BITS];
	spinlock_t lock; /* the chains */
	seqcount_spinlock_t resized;
	atomic64_t bytes;
	unsigned long nr_leaves;
};

int vmi_counts_create_caches(void);
void vmi_counts_destroy_caches(void);

void vmi_counts_init(struct vmi_counts *counts);
void vmi_counts_free(struct vmi_counts *counts, bool readers);
struct vmi_leaf *vmi_counts_leaf(struct vmi_counts *counts,
				 unsigned long addr);
struct vmi_leaf *vmi_counts_find(struct vmi_counts *counts,
				 unsigned long addr);
void vmi_counts_sum(struct vmi_counts *counts, unsigned long start,
		    unsigned long end, struct vmi_faults *sum);
void vmi_counts_take(struct vmi_counts *counts, struct mm_struct *mm,
		     unsigned long start, unsigned long end,
		     struct vmi_faults *taken);
void vmi_counts_move(struct vmi_counts *counts, unsigned long from,
		     unsigned long to, unsigned long len,
		     struct vmi_faults *lost);

void vmi_leaf_widen(struct vmi_counts *counts, struct vmi_leaf *leaf);
void vmi_leaf_carry(struct vmi_leaf *leaf, unsigned int slot,
		    unsigned int counter);

/**
 * vmi_leaf_crowded() - will a page soon need more than its byte?
 * @leaf: the leaf
 * @slot: the page in it
 * @kind: which of its counters
 *
 * Return: whether vmi_leaf_widen() should be called.
 */
static __always_inline bool vmi_leaf_crowded(const struct vmi_leaf *leaf,
					     unsigned int slot,
					     enum vmi_fault kind)
{
	return (s8)(READ_ONCE(leaf->nr[kind][slot]) |
		    READ_ONCE(leaf->nr[VMI_FAULT_MAJOR][slot])) < 0 &&
	       !READ_ONCE(leaf->carries);
}

/**
 * vmi_leaf_is_full() - does a counter of a page have no room for another one?
 * @leaf: the leaf
 * @slot: the page in it
 * @counter: which of its counters
 *
 * Return: whether vmi_leaf_add_one() would fail.
 */
static __always_inline bool vmi_leaf_is_full(const struct vmi_leaf *leaf,
					     unsigned int slot,
					     unsigned int counter)
{
	return READ_ONCE(leaf->nr[counter][slot]) == U8_MAX &&
	       !READ_ONCE(leaf->carries);
}

/**
 * vmi_leaf_add_one() - add one to a counter of a page
 * @leaf: the leaf
 * @slot: the page in it
 * @counter: which of its counters
 *
 * Return: false if there was no room and nothing was counted.
 */
static __always_inline bool vmi_leaf_add_one(struct vmi_leaf *leaf,
					     unsigned int slot,
					     unsigned int counter)
{
	u8 *byte = &leaf->nr[counter][slot];
	u8 old = READ_ONCE(*byte);

	do {
		if (unlikely(old == U8_MAX && !READ_ONCE(leaf->carries)))
			return false;
	} while (unlikely(!try_cmpxchg(byte, &old, old + 1)));
	atomic64_inc(&leaf->sum[counter]);
	if (unlikely(old == U8_MAX))
		vmi_leaf_carry(leaf, slot, counter);
	return true;
}

/**
 * vmi_leaf_add() - count a fault
 * @leaf: the leaf of its address
 * @slot: the page in it
 * @kind: what it did
 * @major: was it a major one
 *
 * Return: false if the leaf can't hold it; then nothing was counted.
 */
static __always_inline bool vmi_leaf_add(struct vmi_leaf *leaf,
					 unsigned int slot,
					 enum vmi_fault kind, bool major)
{
	if (unlikely(major && vmi_leaf_is_full(leaf, slot, VMI_FAULT_MAJOR)))
		return false;
	if (!vmi_leaf_add_one(leaf, slot, kind))
		return false;
	if (unlikely(major))
		vmi_leaf_add_one(leaf, slot, VMI_FAULT_MAJOR);
	return true;
}

#endif /* _VMI_COUNTS_H */
