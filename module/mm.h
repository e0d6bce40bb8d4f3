/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_MM_H
#define _VMI_MM_H

#include "space.h"

/**
 * struct vmi_mm - what an mm_struct says of its address space
 * @total_vm: pages mapped
 * @anon: pages resident, anonymous
 * @file: pages resident, of files
 * @shmem: pages resident, of shared memory
 * @swap: pages in swap
 * @hiwater_rss: the most pages that were ever resident
 * @hiwater_vm: the most pages that were ever mapped
 * @locked_vm: pages of mlocked mappings
 * @pinned_vm: pages pinned for good
 * @data_vm: pages of private writable mappings other than stacks
 * @exec_vm: pages of executable mappings
 * @stack_vm: pages of stacks
 * @start_code: first address of the program's code
 * @end_code: end of it
 * @start_data: first address of its data
 * @end_data: end of it
 * @start_brk: first address of the heap
 * @brk: end of it
 * @start_stack: address of the arguments when the program started
 * @arg_start: first address of the argument strings
 * @arg_end: end of them
 * @env_start: first address of the environment strings
 * @env_end: end of them
 * @mmap_base: where mmap() starts to look for room, downwards
 * @task_size: end of the address space
 * @pgtable_levels: levels of page tables in use
 * @pgtables_bytes: bytes of page tables below the top level
 * @map_count: mappings
 */
struct vmi_mm {
	unsigned long total_vm;
	unsigned long anon;
	unsigned long file;
	unsigned long shmem;
	unsigned long swap;
	unsigned long hiwater_rss;
	unsigned long hiwater_vm;
	unsigned long locked_vm;
	unsigned long pinned_vm;
	unsigned long data_vm;
	unsigned long exec_vm;
	unsigned long stack_vm;
	unsigned long start_code;
	unsigned long end_code;
	unsigned long start_data;
	unsigned long end_data;
	unsigned long start_brk;
	unsigned long brk;
	unsigned long start_stack;
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	unsigned long mmap_base;
	unsigned long task_size;
	unsigned int pgtable_levels;
	unsigned long pgtables_bytes;
	unsigned int map_count;
};

int vmi_mm_gather(struct vmi_mm *to, struct vmi_holds *holds,
		  struct mm_struct *mm);

#endif /* _VMI_MM_H */
