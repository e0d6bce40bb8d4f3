// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of page faults, one set for every page that had one.
 *
 * Counters belong to pages, not to mappings: so a mapping may be split, merged
 * or grown without a hook, and its faults are the sum over its addresses.
 *
 * A leaf has a byte per page and counter, which is enough for nearly all pages,
 * and the sum over its pages, which is all that a large mapping's sum needs.
 * When a byte overflows, the carry goes to a wider array that the leaf gets then.
 * Dense memory costs 456 bytes per 256 KiB that way, and a node of the tree for
 * every 64 leaves.
 *
 * Locking: counters are atomic, anyone may add to them and sum them up. A page's
 * counters are taken or moved only while no fault can be going on there, nor one
 * be waiting to be counted: in munmap() and mremap(), which hold mmap_lock and
 * have kept the faults of the mapping out. The tree is changed under its own
 * lock, and walked under RCU.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/maple_tree.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "counts.h"
#include "memory.h"

static struct kmem_cache *leaf_cache;
static struct kmem_cache *carries_cache;

/* Addresses of user space, whose leaves the tree's highest node covers. */
#define VMI_LEAF_LAST VMI_LEAF_INDEX(TASK_SIZE_MAX - 1)

/**
 * vmi_counts_create_caches() - prepare to count
 *
 * Return: 0 or -ENOMEM.
 */
int vmi_counts_create_caches(void)
{
	leaf_cache = KMEM_CACHE(vmi_leaf, 0);
	if (!leaf_cache)
		return -ENOMEM;
	carries_cache = KMEM_CACHE(vmi_carries, 0);
	if (!carries_cache) {
		kmem_cache_destroy(leaf_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vmi_counts_destroy_caches() - undo vmi_counts_create_caches()
 *
 * Leaves that are being freed are waited for.
 */
void vmi_counts_destroy_caches(void)
{
	rcu_barrier();
	kmem_cache_destroy(carries_cache);
	kmem_cache_destroy(leaf_cache);
}

/**
 * vmi_counts_init() - no fault yet
 * @counts: the counters
 */
void vmi_counts_init(struct vmi_counts *counts)
{
	xa_init(&counts->leaves);
	atomic64_set(&counts->bytes, 0);
	atomic_long_set(&counts->nr_leaves, 0);
}

static bool charge(struct vmi_counts *counts, size_t bytes)
{
	if (!vmi_memory_charge(bytes))
		return false;
	atomic64_add(bytes, &counts->bytes);
	return true;
}

static void uncharge(struct vmi_counts *counts, size_t bytes)
{
	vmi_memory_uncharge(bytes);
	atomic64_sub(bytes, &counts->bytes);
}

static void free_leaf(struct vmi_leaf *leaf)
{
	if (leaf->carries)
		kmem_cache_free(carries_cache, leaf->carries);
	kmem_cache_free(leaf_cache, leaf);
}

static void free_leaf_rcu(struct rcu_head *rcu)
{
	free_leaf(container_of(rcu, struct vmi_leaf, rcu));
}

/* With readers about: no one may find a leaf from when it waits to be freed. */
static void discard_leaves(struct xarray *leaves)
{
	struct vmi_leaf *leaf;
	unsigned long index;

	xa_for_each(leaves, index, leaf) {
		xa_erase(leaves, index);
		call_rcu(&leaf->rcu, free_leaf_rcu);
		cond_resched();
	}
}

/**
 * vmi_counts_free() - free all counters
 * @counts: the counters, to which nobody adds any more
 * @readers: somebody may be summing them up
 *
 * Context: with @readers, may sleep. Without, does not, but takes its time if
 * there are many.
 */
void vmi_counts_free(struct vmi_counts *counts, bool readers)
{
	struct vmi_leaf *leaf;
	unsigned long index;

	if (readers)
		discard_leaves(&counts->leaves);
	xa_for_each(&counts->leaves, index, leaf)
		free_leaf(leaf);
	xa_destroy(&counts->leaves);
	vmi_memory_uncharge(atomic64_read(&counts->bytes));
	atomic64_set(&counts->bytes, 0);
	atomic_long_set(&counts->nr_leaves, 0);
}

/*
 * Memory of the tree's nodes that exist for one leaf alone, while that is not in
 * the tree: those of its ancestors that have no other leaf below them.
 */
static size_t node_bytes(struct xarray *leaves, unsigned long index)
{
	unsigned long first, last;
	unsigned int shift = 0;
	size_t bytes = 0;

	do {
		shift += XA_CHUNK_SHIFT;
		first = index >> shift << shift;
		last = first | (BIT(shift) - 1);
		if (xa_find(leaves, &first, last, XA_PRESENT))
			break;
		bytes += sizeof(struct xa_node);
	} while (last < VMI_LEAF_LAST);
	return bytes;
}

/* Under the lock of the tree. The leaf that is there now, NULL if none. */
static struct vmi_leaf *insert_leaf(struct vmi_counts *counts,
				    unsigned long index, struct vmi_leaf *leaf)
{
	size_t bytes = sizeof(*leaf) + node_bytes(&counts->leaves, index);
	struct vmi_leaf *old;

	if (!charge(counts, bytes))
		return NULL;
	old = __xa_cmpxchg(&counts->leaves, index, NULL, leaf, VMI_GFP_HOOK);
	if (!old) {
		atomic_long_inc(&counts->nr_leaves);
		return leaf;
	}
	uncharge(counts, bytes);
	return xa_is_err(old) ? NULL : old;
}

static noinline struct vmi_leaf *new_leaf(struct vmi_counts *counts,
					  unsigned long index)
{
	struct vmi_leaf *leaf, *found;

	leaf = kmem_cache_zalloc(leaf_cache, VMI_GFP_HOOK);
	if (!leaf)
		return NULL;
	xa_lock(&counts->leaves);
	found = insert_leaf(counts, index, leaf);
	xa_unlock(&counts->leaves);
	if (found != leaf)
		kmem_cache_free(leaf_cache, leaf);
	return found;
}

/**
 * vmi_counts_leaf() - find the leaf of an address, or make it
 * @counts: the counters
 * @addr: the address, in a mapping that stays while the leaf is used
 *
 * Return: the leaf; NULL if there is no memory for it.
 */
struct vmi_leaf *vmi_counts_leaf(struct vmi_counts *counts, unsigned long addr)
{
	unsigned long index = VMI_LEAF_INDEX(addr);

	return xa_load(&counts->leaves, index) ?: new_leaf(counts, index);
}

/**
 * vmi_leaf_widen() - prepare a leaf for more faults than its bytes can hold
 * @counts: the counters
 * @leaf: a leaf of theirs
 *
 * If there is no memory, vmi_leaf_add() will say so when it is needed.
 */
noinline void vmi_leaf_widen(struct vmi_counts *counts, struct vmi_leaf *leaf)
{
	struct vmi_carries *carries;

	if (!charge(counts, sizeof(*carries)))
		return;
	carries = kmem_cache_zalloc(carries_cache, VMI_GFP_HOOK);
	if (carries && !cmpxchg(&leaf->carries, NULL, carries))
		return;
	uncharge(counts, sizeof(*carries));
	if (carries)
		kmem_cache_free(carries_cache, carries);
}

static __always_inline bool is_full(const struct vmi_leaf *leaf,
				    unsigned int slot, unsigned int counter)
{
	return READ_ONCE(leaf->nr[counter][slot]) == U8_MAX &&
	       !READ_ONCE(leaf->carries);
}

static __always_inline void add_one(struct vmi_leaf *leaf, unsigned int slot,
				    unsigned int counter)
{
	u8 *byte = &leaf->nr[counter][slot];
	u8 old = READ_ONCE(*byte);
	struct vmi_carries *carries;

	while (!try_cmpxchg(byte, &old, old + 1))
		;
	atomic64_inc(&leaf->sum[counter]);
	if (likely(old != U8_MAX))
		return;
	carries = READ_ONCE(leaf->carries);
	if (carries)
		atomic64_inc(&carries->nr[counter][slot]);
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
bool vmi_leaf_add(struct vmi_leaf *leaf, unsigned int slot, enum vmi_fault kind,
		  bool major)
{
	if (unlikely(is_full(leaf, slot, kind) ||
		     (major && is_full(leaf, slot, VMI_FAULT_MAJOR))))
		return false;
	add_one(leaf, slot, kind);
	if (major)
		add_one(leaf, slot, VMI_FAULT_MAJOR);
	return true;
}

/* The pages @first up to @end of a leaf, as the bytes of a word they are. */
static u64 word_mask(unsigned int word, unsigned int first, unsigned int end)
{
	unsigned int from = max(first, 8 * word) - 8 * word;
	unsigned int to = min(end, 8 * word + 8) - 8 * word;

	return GENMASK_ULL(8 * to - 1, 8 * from);
}

/* Eight pages at a time: bytes are added in four pairs of 16 bits. */
static u64 sum_bytes(const u8 *bytes, unsigned int first, unsigned int end)
{
	const u64 even = 0x00ff00ff00ff00ffULL;
	const u64 *words = (const u64 *)bytes;
	unsigned int i;
	u64 sums = 0;

	BUILD_BUG_ON(VMI_LEAF_PAGES * U8_MAX > U16_MAX);
	for (i = first / 8; i <= (end - 1) / 8; i++) {
		u64 word = READ_ONCE(words[i]) & word_mask(i, first, end);

		sums += (word & even) + (word >> 8 & even);
	}
	return sums * 0x0001000100010001ULL >> 48;
}

static u64 sum_counter(const struct vmi_leaf *leaf, unsigned int counter,
		       unsigned int first, unsigned int end)
{
	const struct vmi_carries *carries = READ_ONCE(leaf->carries);
	u64 sum = sum_bytes(leaf->nr[counter], first, end);
	unsigned int i;

	if (carries)
		for (i = first; i < end; i++)
			sum += atomic64_read(&carries->nr[counter][i]) << 8;
	return sum;
}

/* Add to @sum the pages @first up to @end of a leaf. */
static void sum_leaf(const struct vmi_leaf *leaf, unsigned int first,
		     unsigned int end, struct vmi_faults *sum)
{
	bool all = end - first == VMI_LEAF_PAGES;
	unsigned int i;
	u64 nr;

	for (i = 0; i < VMI_FAULT_COUNTERS; i++) {
		nr = atomic64_read(&leaf->sum[i]);
		if (nr && !all)
			nr = sum_counter(leaf, i, first, end);
		sum->nr[i] += nr;
	}
}

/* Which of a leaf's pages lie in a range that reaches into it. */
static unsigned int first_slot(unsigned long index, unsigned long start)
{
	return VMI_LEAF_INDEX(start) == index ? VMI_LEAF_SLOT(start) : 0;
}

static unsigned int end_slot(unsigned long index, unsigned long end)
{
	return VMI_LEAF_INDEX(end - 1) == index ? VMI_LEAF_SLOT(end - 1) + 1 :
						  VMI_LEAF_PAGES;
}

/**
 * vmi_counts_sum() - the faults of a range of addresses
 * @counts: the counters
 * @start: first address
 * @end: first address behind
 * @sum: where to add them
 */
void vmi_counts_sum(struct vmi_counts *counts, unsigned long start,
		    unsigned long end, struct vmi_faults *sum)
{
	unsigned long last = VMI_LEAF_INDEX(end - 1);
	XA_STATE(xas, &counts->leaves, VMI_LEAF_INDEX(start));
	struct vmi_leaf *leaf;

	rcu_read_lock();
	xas_for_each(&xas, leaf, last) {
		if (xas_retry(&xas, leaf))
			continue;
		sum_leaf(leaf, first_slot(xas.xa_index, start),
			 end_slot(xas.xa_index, end), sum);
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

/* Make pages of a leaf count 0, after @nr faults of theirs were summed up. */
static void clear_slots(struct vmi_leaf *leaf, unsigned int first,
			unsigned int end, const struct vmi_faults *nr)
{
	struct vmi_carries *carries = leaf->carries;
	unsigned int i;

	for (i = 0; i < VMI_FAULT_COUNTERS; i++) {
		if (!nr->nr[i])
			continue;
		memset(&leaf->nr[i][first], 0, end - first);
		if (carries)
			memset(&carries->nr[i][first], 0,
			       (end - first) * sizeof(carries->nr[i][first]));
		atomic64_sub(nr->nr[i], &leaf->sum[i]);
	}
}

static void add_faults(struct vmi_faults *sum, const struct vmi_faults *faults)
{
	unsigned int i;

	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		sum->nr[i] += faults->nr[i];
}

static void erase_leaf(struct vmi_counts *counts, unsigned long index,
		       struct vmi_leaf *leaf)
{
	size_t bytes = sizeof(*leaf);

	if (leaf->carries)
		bytes += sizeof(*leaf->carries);
	xa_lock(&counts->leaves);
	__xa_erase(&counts->leaves, index);
	bytes += node_bytes(&counts->leaves, index);
	xa_unlock(&counts->leaves);
	atomic_long_dec(&counts->nr_leaves);
	uncharge(counts, bytes);
	call_rcu(&leaf->rcu, free_leaf_rcu);
}

/* Is there a mapping from @start up to @end? */
static bool is_mapped(struct mm_struct *mm, unsigned long start,
		      unsigned long end)
{
	return start < end && mt_find(&mm->mm_mt, &start, end - 1);
}

static bool is_empty(const struct vmi_leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < VMI_FAULT_KINDS; i++)
		if (atomic64_read(&leaf->sum[i]))
			return false;
	return true;
}

/*
 * Take the faults of the pages of one leaf. When it holds nothing any more it is
 * freed, if nothing is mapped that it serves: else a fault may just be noting it.
 */
static void take_leaf(struct vmi_counts *counts, unsigned long index,
		      struct vmi_leaf *leaf, struct mm_struct *mm,
		      unsigned long start, unsigned long end,
		      struct vmi_faults *taken)
{
	unsigned long leaf_start = index << (PAGE_SHIFT + VMI_LEAF_SHIFT);
	unsigned int first = first_slot(index, start);
	unsigned int behind = end_slot(index, end);
	struct vmi_faults nr = {};

	sum_leaf(leaf, first, behind, &nr);
	if (vmi_faults_sum(&nr)) {
		add_faults(taken, &nr);
		clear_slots(leaf, first, behind, &nr);
	}
	if (is_empty(leaf) && !is_mapped(mm, leaf_start, start) &&
	    !is_mapped(mm, end, leaf_start + VMI_LEAF_BYTES))
		erase_leaf(counts, index, leaf);
}

/**
 * vmi_counts_take() - take the faults of addresses that are no longer mapped
 * @counts: the counters
 * @mm: the address space
 * @start: first address
 * @end: first address behind
 * @taken: where to add the faults
 *
 * Locking: mmap_lock of @mm is held.
 */
void vmi_counts_take(struct vmi_counts *counts, struct mm_struct *mm,
		     unsigned long start, unsigned long end,
		     struct vmi_faults *taken)
{
	unsigned long index = VMI_LEAF_INDEX(start);
	unsigned long last = VMI_LEAF_INDEX(end - 1);
	struct vmi_leaf *leaf;

	/* Most mappings that come and go are small. */
	if (index == last) {
		leaf = xa_load(&counts->leaves, index);
		if (leaf)
			take_leaf(counts, index, leaf, mm, start, end, taken);
		return;
	}
	xa_for_each_range(&counts->leaves, index, leaf, index, last)
		take_leaf(counts, index, leaf, mm, start, end, taken);
}

/* Copy the counters of @nr pages to pages that have none. */
static void copy_slots(struct vmi_leaf *to, unsigned int to_slot,
		       const struct vmi_leaf *from, unsigned int from_slot,
		       unsigned int nr, const struct vmi_faults *faults)
{
	unsigned int i;

	for (i = 0; i < VMI_FAULT_COUNTERS; i++) {
		if (!faults->nr[i])
			continue;
		memcpy(&to->nr[i][to_slot], &from->nr[i][from_slot], nr);
		if (from->carries)
			memcpy(&to->carries->nr[i][to_slot],
			       &from->carries->nr[i][from_slot],
			       nr * sizeof(to->carries->nr[i][0]));
		atomic64_add(faults->nr[i], &to->sum[i]);
	}
}

/* Move the counters of @nr pages that lie in one leaf, into one leaf. */
static void move_slots(struct vmi_counts *counts, struct vmi_leaf *from,
		       unsigned int slot, unsigned int nr, unsigned long to,
		       struct vmi_faults *lost)
{
	struct vmi_faults faults = {};
	struct vmi_leaf *leaf;

	sum_leaf(from, slot, slot + nr, &faults);
	if (!vmi_faults_sum(&faults))
		return;
	leaf = vmi_counts_leaf(counts, to);
	if (leaf && from->carries && !leaf->carries)
		vmi_leaf_widen(counts, leaf);
	if (leaf && (!from->carries || leaf->carries))
		copy_slots(leaf, VMI_LEAF_SLOT(to), from, slot, nr, &faults);
	else
		add_faults(lost, &faults);
	clear_slots(from, slot, slot + nr, &faults);
}

/**
 * vmi_counts_move() - move the faults of a range along with its pages
 * @counts: the counters
 * @from: first address
 * @to: where it goes; the new range has no faults, and may overlap the old one
 *	only from below, as the stack does when execve() puts it in place
 * @len: bytes
 * @lost: where to add faults for which there was no memory at the new place
 */
void vmi_counts_move(struct vmi_counts *counts, unsigned long from,
		     unsigned long to, unsigned long len,
		     struct vmi_faults *lost)
{
	unsigned long apart = (from > to ? from - to : to - from) >> PAGE_SHIFT;
	unsigned long index, addr, end = from + len;
	struct vmi_leaf *leaf;
	unsigned int nr;

	xa_for_each_range(&counts->leaves, index, leaf, VMI_LEAF_INDEX(from),
			  VMI_LEAF_INDEX(end - 1)) {
		unsigned int slot = first_slot(index, from);
		unsigned int behind = end_slot(index, end);

		for (; slot < behind; slot += nr) {
			addr = ((index << VMI_LEAF_SHIFT) + slot) << PAGE_SHIFT;
			addr = addr - from + to;
			nr = min3((unsigned long)(behind - slot), apart,
				  VMI_LEAF_PAGES - VMI_LEAF_SLOT(addr));
			move_slots(counts, leaf, slot, nr, addr, lost);
		}
	}
}
