/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's trace events, usable like any of the kernel's.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vminspect

#if !defined(_VMI_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VMI_TRACE_H

#include <linux/tracepoint.h>

#include "counts.h"
#include "growth.h"
#include "hooks.h"

#ifndef VMI_TRACE_STRUCTS
#define VMI_TRACE_STRUCTS
/**
 * struct vmi_trace_fault - a page fault for its trace event
 * @addr: the address
 * @vm_start: first address of its mapping
 * @vm_end: first address behind
 * @ip: where in user space the task was
 * @tgid: the task's process
 * @kind: enum vmi_fault
 * @major: was it a major one
 * @access: FAULT_FLAG_WRITE, FAULT_FLAG_INSTRUCTION or, for a read, 0
 */
struct vmi_trace_fault {
	unsigned long addr;
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long ip;
	int tgid;
	int kind;
	int major;
	int access;
};
#endif

TRACE_DEFINE_ENUM(FAULT_FLAG_WRITE);
TRACE_DEFINE_ENUM(FAULT_FLAG_INSTRUCTION);
TRACE_DEFINE_ENUM(VMI_FAULT_ANON);
TRACE_DEFINE_ENUM(VMI_FAULT_FILE);
TRACE_DEFINE_ENUM(VMI_FAULT_COW);
TRACE_DEFINE_ENUM(VMI_FAULT_SWAP);
TRACE_DEFINE_ENUM(VMI_FAULT_OTHER);
TRACE_DEFINE_ENUM(VMI_GROWTH_GROWN);
TRACE_DEFINE_ENUM(VMI_GROWTH_RLIMIT_STACK);
TRACE_DEFINE_ENUM(VMI_GROWTH_GUARD_GAP);
TRACE_DEFINE_ENUM(VMI_GROWTH_RLIMIT_AS);
TRACE_DEFINE_ENUM(VMI_GROWTH_RLIMIT_MEMLOCK);
TRACE_DEFINE_ENUM(VMI_GROWTH_OVERCOMMIT);
TRACE_DEFINE_ENUM(VMI_GROWTH_MMAP_MIN_ADDR);
TRACE_DEFINE_ENUM(VMI_GROWTH_OTHER);
TRACE_DEFINE_ENUM(VMI_GROWTH_FAULT);
TRACE_DEFINE_ENUM(VMI_GROWTH_EXEC);
TRACE_DEFINE_ENUM(VMI_GROWTH_REMOTE);

/* clang-format off */
TRACE_EVENT_FN(fault,
	TP_PROTO(const struct vmi_trace_fault *fault),
	TP_ARGS(fault),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, vm_start)
		__field(unsigned long, vm_end)
		__field(unsigned long, ip)
		__field(int, tgid)
		__field(int, kind)
		__field(int, major)
		__field(int, access)
	),
	TP_fast_assign(
		__entry->addr = fault->addr;
		__entry->vm_start = fault->vm_start;
		__entry->vm_end = fault->vm_end;
		__entry->ip = fault->ip;
		__entry->tgid = fault->tgid;
		__entry->kind = fault->kind;
		__entry->major = fault->major;
		__entry->access = fault->access;
	),
	TP_printk("tgid=%d addr=%#lx vma=%#lx-%#lx %s %s %s ip=%#lx",
		  __entry->tgid, __entry->addr, __entry->vm_start,
		  __entry->vm_end,
		  __print_symbolic(__entry->kind,
				   { VMI_FAULT_ANON, "anon" },
				   { VMI_FAULT_FILE, "file" },
				   { VMI_FAULT_COW, "cow" },
				   { VMI_FAULT_SWAP, "swap" },
				   { VMI_FAULT_OTHER, "other" }),
		  __entry->major ? "major" : "minor",
		  __print_symbolic(__entry->access,
				   { 0, "read" },
				   { FAULT_FLAG_WRITE, "write" },
				   { FAULT_FLAG_INSTRUCTION, "exec" }),
		  __entry->ip),
	vmi_hooks_watch, vmi_hooks_unwatch
);

TRACE_EVENT(stack_grow,
	TP_PROTO(const struct vmi_growth_event *event, int tgid),
	TP_ARGS(event, tgid),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, old_start)
		__field(unsigned long, new_start)
		__field(unsigned long, vm_end)
		__field(unsigned long, size)
		__field(unsigned long, limit)
		__field(unsigned long, ip)
		__field(unsigned long, sp)
		__field(int, tgid)
		__field(int, result)
		__field(int, cause)
	),
	TP_fast_assign(
		__entry->addr = event->addr;
		__entry->old_start = event->old_start;
		__entry->new_start = event->new_start;
		__entry->vm_end = event->end;
		__entry->size = (event->end - event->new_start) >> PAGE_SHIFT;
		__entry->limit = event->limit;
		__entry->ip = event->ip;
		__entry->sp = event->sp;
		__entry->tgid = tgid;
		__entry->result = event->result;
		__entry->cause = event->cause;
	),
	TP_printk("tgid=%d addr=%#lx %#lx->%#lx end=%#lx size=%lu limit=%ld %s %s ip=%#lx sp=%#lx",
		  __entry->tgid, __entry->addr, __entry->old_start,
		  __entry->new_start, __entry->vm_end, __entry->size,
		  __entry->limit,
		  __print_symbolic(__entry->result,
				   { VMI_GROWTH_GROWN, "grown" },
				   { VMI_GROWTH_RLIMIT_STACK, "refused:rlimit_stack" },
				   { VMI_GROWTH_GUARD_GAP, "refused:guard_gap" },
				   { VMI_GROWTH_RLIMIT_AS, "refused:rlimit_as" },
				   { VMI_GROWTH_RLIMIT_MEMLOCK, "refused:rlimit_memlock" },
				   { VMI_GROWTH_OVERCOMMIT, "refused:overcommit" },
				   { VMI_GROWTH_MMAP_MIN_ADDR, "refused:mmap_min_addr" },
				   { VMI_GROWTH_OTHER, "refused:other" }),
		  __print_symbolic(__entry->cause,
				   { VMI_GROWTH_FAULT, "fault" },
				   { VMI_GROWTH_EXEC, "exec" },
				   { VMI_GROWTH_REMOTE, "remote" }),
		  __entry->ip, __entry->sp)
);
/* clang-format on */

#endif /* _VMI_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
