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
 * Dense memory costs 472 bytes per 256 KiB that way.
 *
 * The leaves are in a hash table, which grows eightfold when its chains get long:
 * a small process, of which there are many that do not live long, has a table of
 * 16 chains that comes with it. An xarray would do the same for five times the
 * cost of fork, exec and exit: most of its nodes would hold one leaf.
 *
 * Locking: counters are atomic, anyone may add to them and sum them up. A page's
 * counters are taken or moved only while no fault can be going on there, nor one
 * be waiting to be counted: in munmap() and mremap(), which hold mmap_lock and
 * have kept the faults of the mapping out. Chains are changed under the lock, and
 * walked under RCU. While they are rebuilt a walk may miss leaves: it is repeated,
 * or whoever misses one looks again under the lock.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/lockdep.h>
#include <linux/maple_tree.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "counts.h"
#include "memory.h"

static struct kmem_cache *leaf_cache;
static struct kmem_cache *carries_cache;

/* Nobody can choose addresses so that their leaves share a chain. */
static u64 hash_key;

/* Leaves per chain before the table grows, by how much, and how far. */
#define VMI_CHAIN_LEAVES 4
#define VMI_GROW_BITS 3
#define VMI_MAX_BITS 16

/**
 * vmi_counts_create_caches() - prepare to count
 *
 * Return: 0 or -ENOMEM.
 */
int vmi_counts_create_caches(void)
{
	hash_key = get_random_u64() | 1;
	leaf_cache = vmi_memory_create_cache("vmi_leaf", sizeof(struct vmi_leaf));
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
 * @counts: the counters, all zero
 */
void vmi_counts_init(struct vmi_counts *counts)
{
	counts->first.bits = VMI_FIRST_BITS;
	counts->first.chain = counts->first_chain;
	counts->table = &counts->first;
	spin_lock_init(&counts->lock);
	seqcount_spinlock_init(&counts->resized, &counts->lock);
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

static void free_carries(struct vmi_leaf *leaf)
{
	if (leaf->carries)
		kmem_cache_free(carries_cache, leaf->carries);
}

static void free_leaf_rcu(struct rcu_head *rcu)
{
	struct vmi_leaf *leaf = container_of(rcu, struct vmi_leaf, rcu);

	free_carries(leaf);
	kmem_cache_free(leaf_cache, leaf);
}

/* Leaves that are freed together, which is cheaper. */
struct vmi_leaves {
	size_t nr;
	void *leaf[16];
};

static void free_leaves(struct vmi_leaves *leaves)
{
	if (leaves->nr)
		kmem_cache_free_bulk(leaf_cache, leaves->nr, leaves->leaf);
	leaves->nr = 0;
}

static void discard_leaf(struct vmi_leaves *leaves, struct vmi_leaf *leaf)
{
	free_carries(leaf);
	leaves->leaf[leaves->nr++] = leaf;
	if (leaves->nr == ARRAY_SIZE(leaves->leaf))
		free_leaves(leaves);
}

static size_t table_bytes(unsigned int bits)
{
	return sizeof(struct vmi_table) + (sizeof(struct vmi_leaf *) << bits);
}

static void free_table_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct vmi_table, rcu));
}

static void free_table(struct vmi_counts *counts, struct vmi_table *table)
{
	if (table == &counts->first)
		return;
	uncharge(counts, table_bytes(table->bits));
	call_rcu(&table->rcu, free_table_rcu);
}

static __always_inline struct vmi_leaf **
chain_of(const struct vmi_table *table, unsigned long index)
{
	return &table->chain[index * hash_key >> (64 - table->bits)];
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
	struct vmi_table *table = counts->table;
	struct vmi_leaf *leaf, *next;
	struct vmi_leaves leaves;
	unsigned long i;

	leaves.nr = 0;
	/* Left as it was when the table grew. */
	if (table != &counts->first)
		memset(counts->first_chain, 0, sizeof(counts->first_chain));
	for (i = 0; i < BIT(table->bits); i++) {
		leaf = table->chain[i];
		/* No one may find a leaf from when it waits to be freed. */
		WRITE_ONCE(table->chain[i], NULL);
		for (; leaf; leaf = next) {
			next = leaf->next;
			if (readers)
				call_rcu(&leaf->rcu, free_leaf_rcu);
			else
				discard_leaf(&leaves, leaf);
		}
		if (readers)
			cond_resched();
	}
	free_leaves(&leaves);
	WRITE_ONCE(counts->nr_leaves, 0);
	/* Empty for whoever still reads. */
	smp_store_release(&counts->table, &counts->first);
	free_table(counts, table);
	vmi_memory_uncharge(atomic64_read(&counts->bytes));
	atomic64_set(&counts->bytes, 0);
}

static struct vmi_table *new_table(struct vmi_counts *counts, unsigned int bits)
{
	struct vmi_table *table;

	if (!charge(counts, table_bytes(bits)))
		return NULL;
	table = kzalloc(table_bytes(bits), VMI_GFP_HOOK);
	if (!table) {
		uncharge(counts, table_bytes(bits));
		return NULL;
	}
	table->bits = bits;
	table->chain = (struct vmi_leaf **)(table + 1);
	return table;
}

/* A larger table, if there is memory: it only makes things faster. */
static noinline void grow_table(struct vmi_counts *counts)
{
	struct vmi_table *old = counts->table;
	struct vmi_leaf *leaf, *next, **chain;
	struct vmi_table *table;
	unsigned long i;

	lockdep_assert_held(&counts->lock);
	table = new_table(counts, old->bits + VMI_GROW_BITS);
	if (!table)
		return;
	write_seqcount_begin(&counts->resized);
	for (i = 0; i < BIT(old->bits); i++) {
		for (leaf = old->chain[i]; leaf; leaf = next) {
			next = leaf->next;
			chain = chain_of(table, leaf->index);
			WRITE_ONCE(leaf->next, *chain);
			*chain = leaf;
		}
	}
	/* With all its chains. */
	smp_store_release(&counts->table, table);
	write_seqcount_end(&counts->resized);
	free_table(counts, old);
}

/* Under RCU. May miss a leaf while the table grows, unless under the lock. */
static __always_inline struct vmi_leaf *find_leaf(struct vmi_counts *counts,
						  unsigned long index)
{
	const struct vmi_table *table;
	struct vmi_leaf *leaf;

	/* Pairs with those who replace the table. */
	table = smp_load_acquire(&counts->table);
	leaf = READ_ONCE(*chain_of(table, index));
	while (leaf && leaf->index != index)
		leaf = READ_ONCE(leaf->next);
	return leaf;
}

/* Are the chains too long? Not asked at each leaf, should there be no memory. */
static bool is_crowded(const struct vmi_counts *counts)
{
	unsigned long nr = VMI_CHAIN_LEAVES << counts->table->bits;

	return counts->nr_leaves >= nr && !(counts->nr_leaves % nr) &&
	       counts->table->bits < VMI_MAX_BITS;
}

/* The leaf that is there now; NULL if the limit does not allow it. */
static struct vmi_leaf *insert_leaf(struct vmi_counts *counts,
				    struct vmi_leaf *leaf)
{
	struct vmi_leaf *found = find_leaf(counts, leaf->index);
	struct vmi_leaf **chain;

	lockdep_assert_held(&counts->lock);
	if (found)
		return found;
	if (!charge(counts, sizeof(*leaf)))
		return NULL;
	chain = chain_of(counts->table, leaf->index);
	leaf->next = *chain;
	/* With its index. */
	smp_store_release(chain, leaf);
	counts->nr_leaves++;
	if (unlikely(is_crowded(counts)))
		grow_table(counts);
	return leaf;
}

static noinline struct vmi_leaf *new_leaf(struct vmi_counts *counts,
					  unsigned long index)
{
	struct vmi_leaf *leaf, *found;

	leaf = vmi_memory_alloc(leaf_cache, sizeof(*leaf), VMI_GFP_HOOK);
	if (!leaf)
		return NULL;
	leaf->index = index;
	spin_lock(&counts->lock);
	found = insert_leaf(counts, leaf);
	spin_unlock(&counts->lock);
	if (unlikely(found != leaf))
		kmem_cache_free(leaf_cache, leaf);
	return found;
}

/**
 * vmi_counts_leaf() - find the leaf of an address, or make it
 * @counts: the counters
 * @addr: the address, in a mapping that stays while the leaf is used
 *
 * Called in an RCU read-side section.
 *
 * Return: the leaf; NULL if there is no memory for it.
 */
struct vmi_leaf *vmi_counts_leaf(struct vmi_counts *counts, unsigned long addr)
{
	unsigned long index = VMI_LEAF_INDEX(addr);

	return find_leaf(counts, index) ?: new_leaf(counts, index);
}

/**
 * vmi_counts_find() - find the leaf of an address
 * @counts: the counters
 * @addr: the address, in a mapping that stays while the leaf is used
 *
 * Called in an RCU read-side section.
 *
 * Return: the leaf; NULL if there is none, or it was missed while the table grew.
 */
struct vmi_leaf *vmi_counts_find(struct vmi_counts *counts, unsigned long addr)
{
	return find_leaf(counts, VMI_LEAF_INDEX(addr));
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

/**
 * vmi_leaf_carry() - a counter of a page went from 255 to 0
 * @leaf: the leaf
 * @slot: the page in it
 * @counter: the counter
 */
noinline void vmi_leaf_carry(struct vmi_leaf *leaf, unsigned int slot,
			     unsigned int counter)
{
	struct vmi_carries *carries = READ_ONCE(leaf->carries);

	if (carries)
		atomic64_inc(&carries->nr[counter][slot]);
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

/* Add to @sum all pages of a leaf. */
static __always_inline void sum_all(const struct vmi_leaf *leaf,
				    struct vmi_faults *sum)
{
	unsigned int i;

#pragma GCC unroll 6
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		sum->nr[i] += atomic64_read(&leaf->sum[i]);
}

/* Add to @sum the pages @first up to @end of a leaf. */
static void sum_leaf(const struct vmi_leaf *leaf, unsigned int first,
		     unsigned int end, struct vmi_faults *sum)
{
	unsigned int i;

	if (end - first == VMI_LEAF_PAGES) {
		sum_all(leaf, sum);
		return;
	}
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		if (atomic64_read(&leaf->sum[i]))
			sum->nr[i] += sum_counter(leaf, i, first, end);
}

/* Add to @sum one page of a leaf. */
static __always_inline void sum_page(const struct vmi_leaf *leaf,
				     unsigned int slot, struct vmi_faults *sum)
{
	unsigned int i;

	if (unlikely(READ_ONCE(leaf->carries))) {
		sum_leaf(leaf, slot, slot + 1, sum);
		return;
	}
#pragma GCC unroll 6
	for (i = 0; i < VMI_FAULT_COUNTERS; i++)
		sum->nr[i] += READ_ONCE(leaf->nr[i][slot]);
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
 * struct vmi_visit - a walk over the leaves of a range of addresses
 * @counts: the counters
 * @start: first address
 * @end: first address behind
 * @visit: called for each leaf that reaches into the range, and may remove it
 * @faults: what @visit sums up
 * @mm: for take_leaf(), the address space
 * @to: for move_leaf(), where @start goes
 * @sleep: may sleep
 */
struct vmi_visit {
	struct vmi_counts *counts;
	unsigned long start;
	unsigned long end;
	void (*visit)(struct vmi_visit *v, struct vmi_leaf *leaf);
	struct vmi_faults *faults;
	struct mm_struct *mm;
	unsigned long to;
	bool sleep;
};

/* Between two looks at the chains, under RCU. Was it left in between? */
static __always_inline bool visit_pause(const struct vmi_visit *v)
{
	if (likely(!v->sleep || !need_resched()))
		return false;
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	return true;
}

/* Few addresses: look each of their leaves up, from below. */
static void visit_addresses(struct vmi_visit *v)
{
	unsigned long last = VMI_LEAF_INDEX(v->end - 1);
	unsigned long index = VMI_LEAF_INDEX(v->start);
	struct vmi_leaf *leaf;

	for (; index <= last; index++) {
		leaf = find_leaf(v->counts, index);
		if (leaf)
			v->visit(v, leaf);
		visit_pause(v);
	}
}

/* Chains between two pauses. */
#define VMI_VISIT_CHAINS 64

/* Few leaves: look which of them are in the range. */
static void visit_chains(struct vmi_visit *v)
{
	unsigned long last = VMI_LEAF_INDEX(v->end - 1);
	unsigned long first = VMI_LEAF_INDEX(v->start);
	const struct vmi_table *table;
	struct vmi_leaf *leaf, *next;
	unsigned long i, nr;

	/* Pairs with those who replace the table. */
	table = smp_load_acquire(&v->counts->table);
	nr = BIT(table->bits);
	for (i = 0; i < nr; i++) {
		leaf = READ_ONCE(table->chain[i]);
		for (; leaf; leaf = next) {
			next = READ_ONCE(leaf->next);
			if (leaf->index >= first && leaf->index <= last)
				v->visit(v, leaf);
		}
		if (!(i % VMI_VISIT_CHAINS) && visit_pause(v)) {
			/* As above. */
			table = smp_load_acquire(&v->counts->table);
			nr = min(nr, BIT(table->bits));
		}
	}
}

/* Leaves may have been missed, or met twice, if that returns true. */
static bool visit_leaves(struct vmi_visit *v)
{
	unsigned long nr = VMI_LEAF_INDEX(v->end - 1) - VMI_LEAF_INDEX(v->start);
	unsigned int seq;

	rcu_read_lock();
	seq = raw_read_seqcount(&v->counts->resized);
	if (nr <= READ_ONCE(v->counts->nr_leaves))
		visit_addresses(v);
	else
		visit_chains(v);
	rcu_read_unlock();
	return (seq & 1) || read_seqcount_retry(&v->counts->resized, seq);
}

static void add_leaf(struct vmi_visit *v, struct vmi_leaf *leaf)
{
	unsigned long start = leaf->index << (PAGE_SHIFT + VMI_LEAF_SHIFT);

	if (start >= v->start && start + VMI_LEAF_BYTES <= v->end)
		sum_all(leaf, v->faults);
	else
		sum_leaf(leaf, first_slot(leaf->index, v->start),
			 end_slot(leaf->index, v->end), v->faults);
}

/* Many leaves. */
static void sum_any(struct vmi_counts *counts, unsigned long start,
		    unsigned long end, struct vmi_faults *sum)
{
	struct vmi_visit v = {
		.counts = counts,
		.start = start,
		.end = end,
		.visit = add_leaf,
		.faults = sum,
		.sleep = true,
	};

	do {
		*sum = (struct vmi_faults){};
	} while (visit_leaves(&v));
}

/*
 * Few leaves, or part of a single one, as with most mappings. False if one was
 * not found, and may have been missed.
 */
static bool sum_few(struct vmi_counts *counts, unsigned long start,
		    unsigned long end, struct vmi_faults *sum)
{
	unsigned int seq = raw_read_seqcount(&counts->resized);
	unsigned long last = VMI_LEAF_INDEX(end - 1);
	unsigned long index = VMI_LEAF_INDEX(start);
	const struct vmi_leaf *leaf;

	for (; index <= last; index++) {
		leaf = find_leaf(counts, index);
		if (!leaf)
			continue;
		if (index << (PAGE_SHIFT + VMI_LEAF_SHIFT) >= start && index < last)
			sum_all(leaf, sum);
		else
			sum_leaf(leaf, first_slot(index, start),
				 end_slot(index, end), sum);
	}
	return !(seq & 1) && !read_seqcount_retry(&counts->resized, seq);
}

/* Leaves that are summed up without a look whether others want the CPU. */
#define VMI_SUM_FEW 4096

/**
 * vmi_counts_sum() - the faults of a range of addresses
 * @counts: the counters
 * @start: first address
 * @end: first address behind
 * @sum: where to put them
 *
 * Context: in an RCU read-side section, which may be left and entered again; may
 * sleep then.
 */
void vmi_counts_sum(struct vmi_counts *counts, unsigned long start,
		    unsigned long end, struct vmi_faults *sum)
{
	unsigned long nr = VMI_LEAF_INDEX(end - 1) - VMI_LEAF_INDEX(start);
	const struct vmi_leaf *leaf;

	*sum = (struct vmi_faults){};
	if (end - start == PAGE_SIZE) {
		leaf = find_leaf(counts, VMI_LEAF_INDEX(start));
		if (likely(leaf)) {
			sum_page(leaf, VMI_LEAF_SLOT(start), sum);
			return;
		}
	}
	if (nr <= READ_ONCE(counts->nr_leaves) && nr < VMI_SUM_FEW &&
	    sum_few(counts, start, end, sum))
		return;
	rcu_read_unlock();
	sum_any(counts, start, end, sum);
	rcu_read_lock();
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

/* Those who unmap hold mmap_lock for writing, or did until just now: one at a time. */
static void remove_leaf(struct vmi_counts *counts, struct vmi_leaf *leaf)
{
	size_t bytes = sizeof(*leaf);
	struct vmi_leaf **link;

	spin_lock(&counts->lock);
	link = chain_of(counts->table, leaf->index);
	while (*link != leaf)
		link = &(*link)->next;
	WRITE_ONCE(*link, leaf->next);
	counts->nr_leaves--;
	spin_unlock(&counts->lock);

	if (leaf->carries)
		bytes += sizeof(*leaf->carries);
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

/* Take the faults of some pages of a leaf. */
static void take_slots(struct vmi_visit *v, struct vmi_leaf *leaf,
		       unsigned int first, unsigned int end)
{
	struct vmi_faults nr = {};

	sum_leaf(leaf, first, end, &nr);
	if (!vmi_faults_sum(&nr))
		return;
	add_faults(v->faults, &nr);
	clear_slots(leaf, first, end, &nr);
}

/*
 * Take the faults of the pages of one leaf. When it holds nothing any more it is
 * freed, if nothing is mapped that it serves: else a fault may just be noting it.
 */
static void take_leaf(struct vmi_visit *v, struct vmi_leaf *leaf)
{
	unsigned long start = leaf->index << (PAGE_SHIFT + VMI_LEAF_SHIFT);
	unsigned int first = first_slot(leaf->index, v->start);
	unsigned int behind = end_slot(leaf->index, v->end);

	take_slots(v, leaf, first, behind);
	if (is_empty(leaf) && !is_mapped(v->mm, start, v->start) &&
	    !is_mapped(v->mm, v->end, start + VMI_LEAF_BYTES))
		remove_leaf(v->counts, leaf);
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
	struct vmi_visit v = {
		.counts = counts,
		.start = start,
		.end = end,
		.visit = take_leaf,
		.faults = taken,
		.mm = mm,
	};

	while (visit_leaves(&v))
		;
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
static void move_slots(struct vmi_visit *v, struct vmi_leaf *from,
		       unsigned int slot, unsigned int nr, unsigned long to)
{
	struct vmi_faults faults = {};
	struct vmi_leaf *leaf;

	sum_leaf(from, slot, slot + nr, &faults);
	if (!vmi_faults_sum(&faults))
		return;
	leaf = vmi_counts_leaf(v->counts, to);
	/* Of what was unmapped there while the probes did not fire. */
	if (leaf)
		take_slots(v, leaf, VMI_LEAF_SLOT(to), VMI_LEAF_SLOT(to) + nr);
	if (leaf && from->carries && !leaf->carries)
		vmi_leaf_widen(v->counts, leaf);
	if (leaf && (!from->carries || leaf->carries))
		copy_slots(leaf, VMI_LEAF_SLOT(to), from, slot, nr, &faults);
	else
		add_faults(v->faults, &faults);
	clear_slots(from, slot, slot + nr, &faults);
}

static void move_leaf(struct vmi_visit *v, struct vmi_leaf *leaf)
{
	unsigned long apart = max(v->start, v->to) - min(v->start, v->to);
	unsigned int slot = first_slot(leaf->index, v->start);
	unsigned int behind = end_slot(leaf->index, v->end);
	unsigned long to;
	unsigned int nr;

	for (; slot < behind; slot += nr) {
		to = ((leaf->index << VMI_LEAF_SHIFT) + slot) << PAGE_SHIFT;
		to = to - v->start + v->to;
		nr = min3((unsigned long)(behind - slot), apart >> PAGE_SHIFT,
			  VMI_LEAF_PAGES - VMI_LEAF_SLOT(to));
		move_slots(v, leaf, slot, nr, to);
	}
}

/**
 * vmi_counts_move() - move the faults of a range along with its pages
 * @counts: the counters
 * @from: first address
 * @to: where it goes
 * @len: bytes
 * @lost: where to add faults for which there was no memory at the new place, and
 *	those that were there
 *
 * The new range may overlap the old one from below, as the stack's does when
 * execve() puts it in place. That is small: its leaves are visited from below.
 *
 * Locking: mmap_lock is held for writing.
 */
void vmi_counts_move(struct vmi_counts *counts, unsigned long from,
		     unsigned long to, unsigned long len,
		     struct vmi_faults *lost)
{
	struct vmi_visit v = {
		.counts = counts,
		.start = from,
		.end = from + len,
		.visit = move_leaf,
		.faults = lost,
		.to = to,
	};

	while (visit_leaves(&v))
		;
}
