/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries that are not present, and the kinds of huge entries, by kernel.
 *
 * Up to 6.18 a non-present entry is a swp_entry_t (linux/swapops.h); since 6.19
 * it is a softleaf_t (linux/leafops.h), whose names are used here. The walk asks
 * three things of one: is it a page in swap, does it stand for a page of memory
 * (migration, device memory, poison: what smaps counts as resident), and which
 * page is that.
 */
#ifndef _VMI_COMPAT_LEAF_H
#define _VMI_COMPAT_LEAF_H

#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#include <linux/leafops.h>
#else
#define softleaf_t swp_entry_t
#define softleaf_from_pte(pte) pte_to_swp_entry(pte)
#define softleaf_from_pmd(pmd) pmd_to_swp_entry(pmd)
#define softleaf_is_swap(leaf) (!non_swap_entry(leaf))
#define softleaf_has_pfn(leaf) is_pfn_swap_entry(leaf)
/* Stable kernels have taken this name over already. */
#ifndef softleaf_to_pfn
#define softleaf_to_pfn(leaf) swp_offset_pfn(leaf)
#endif
#endif

/* Guard markers (MADV_GUARD_INSTALL) came with 6.13. */
#define VMI_HAS_GUARD_MARKERS (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0))

static inline bool vmi_leaf_is_guard(softleaf_t leaf)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return softleaf_is_guard_marker(leaf);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return is_guard_swp_entry(leaf);
#else
	return false;
#endif
}

/*
 * 6.18 marked the huge zero page so. Persistent memory may lack a mapping since then:
 * pages that several files share (fs/dax.c:dax_folio_make_shared()).
 */
#define VMI_HUGE_ZERO_IS_SPECIAL \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0) && \
	 IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP))

/* 6.12 marked huge entries without a struct page; 6.17 dropped devmap. */
static inline bool vmi_pmd_is_special(pmd_t pmd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return pmd_special(pmd);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return pmd_special(pmd) || pmd_devmap(pmd);
#else
	return pmd_devmap(pmd);
#endif
}

#endif /* _VMI_COMPAT_LEAF_H */
