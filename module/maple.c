// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the maple tree of an address space.
 *
 * The tree's public interface speaks of entries; nodes and levels are read from
 * the layout that linux/maple_tree.h shows, by the rules of lib/maple_tree.c:
 * the low byte of a pointer to a node holds its type in bits 3 to 6
 * (mte_node_type()), the rest its address (mte_to_node()); meta.end of an
 * arange node is its last slot (ma_data_end()); pivots say where a slot's range
 * ends.
 *
 * Locking: mmap_lock is held for reading, which keeps the tree as it is. It is
 * let go after every VMI_MAPLE_LEAVES leaves.
 */
#include <linux/build_bug.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "maple.h"

/* Leaves counted under one hold of mmap_lock. */
#define VMI_MAPLE_LEAVES 512

/* lib/maple_tree.c: MAPLE_NODE_TYPE_SHIFT and MAPLE_NODE_TYPE_MASK. */
#define VMI_NODE_TYPE_SHIFT 3
#define VMI_NODE_TYPE_MASK 0xf

/* A tree of 64-bit addresses cannot be higher; bounds the recursion. */
#define VMI_MAPLE_HEIGHT 31

static_assert(MT_FLAGS_HEIGHT_MASK >> MT_FLAGS_HEIGHT_OFFSET == VMI_MAPLE_HEIGHT);

/**
 * struct maple_count - a count under way
 * @maple: where to count
 * @from: cursor: everything below has been counted
 * @left: leaves until mmap_lock has to be let go
 */
struct maple_count {
	struct vmi_maple *maple;
	unsigned long from;
	unsigned int left;
};

static enum maple_type node_type(const void *enode)
{
	return ((unsigned long)enode >> VMI_NODE_TYPE_SHIFT) & VMI_NODE_TYPE_MASK;
}

static const struct maple_node *to_node(const void *enode)
{
	return (const void *)((unsigned long)enode & ~MAPLE_NODE_MASK);
}

/*
 * Count the node at @enode, which covers [min, max], and all below it that
 * begin at the cursor or above. A node counts where it begins, so that one met
 * again after the lock was let go is not counted twice.
 */
static void count_node(struct maple_count *count, const void *enode,
		       unsigned long min, unsigned long max, unsigned int depth)
{
	const struct maple_arange_64 *node = &to_node(enode)->ma64;
	unsigned long last;
	unsigned int i, end;

	if (min >= count->from)
		count->maple->nodes++;
	if (node_type(enode) != maple_arange_64) {
		if (min >= count->from)
			count->maple->leaves++;
		count->from = max + 1;
		count->left--;
		return;
	}
	end = min_t(unsigned int, node->meta.end, MAPLE_ARANGE64_SLOTS - 1);
	for (i = 0; i <= end && count->left && depth < VMI_MAPLE_HEIGHT; i++) {
		last = i < end ? node->pivot[i] : max;
		if (last >= count->from && node->slot[i])
			count_node(count, rcu_dereference_raw(node->slot[i]),
				   min, last, depth + 1);
		min = last + 1;
	}
}

/* Count up to VMI_MAPLE_LEAVES leaves. False when all have been counted. */
static bool count_held(struct maple_count *count, struct mm_struct *mm)
{
	const void *root = rcu_dereference_raw(mm->mm_mt.ma_root);

	mmap_assert_locked(mm);
	count->left = VMI_MAPLE_LEAVES;
	/* A single entry needs no node. */
	if (!xa_is_node(root))
		return false;
	count->maple->height = (mm->mm_mt.ma_flags & MT_FLAGS_HEIGHT_MASK) >>
			       MT_FLAGS_HEIGHT_OFFSET;
	count_node(count, root, 0, ULONG_MAX, 0);
	return !count->left && count->from;
}

/**
 * vmi_maple_gather() - measure the maple tree of an address space
 * @maple: where to put it
 * @holds: where to account for the locks held
 * @mm: the address space, whose mm_users the caller holds
 *
 * Exact if the tree does not change meanwhile.
 *
 * Return: 0, or -EINTR when the reader is being killed.
 */
int vmi_maple_gather(struct vmi_maple *maple, struct vmi_holds *holds,
		     struct mm_struct *mm)
{
	struct maple_count count = { .maple = maple };
	bool more;
	int err;

	*maple = (struct vmi_maple){};
	do {
		err = vmi_hold(holds, mm);
		if (err)
			return err;
		more = count_held(&count, mm);
		vmi_unhold(holds, mm);
		cond_resched();
	} while (more);
	return 0;
}
