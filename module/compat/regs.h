/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User registers of a thread that goes on running.
 *
 * The registers lie at the top of the thread's kernel stack, where it left them when
 * it last entered the kernel. While it runs in user mode they are those of the last
 * time. put_task_stack() is not exported, so the stack can't be held: it is read
 * with the tolerant copy, and the caller has to see to it that the thread was alive
 * still.
 *
 * An architecture port supplies this file's names:
 *
 * vmi_regs_sp()	stack pointer at the last entry into the kernel
 * vmi_regs_sp_here()	stack pointer of the current task
 * vmi_regs_tls()	TLS pointer of a task that is not running
 * vmi_regs_tls_here()	TLS pointer of the current task
 */
#ifndef _VMI_COMPAT_REGS_H
#define _VMI_COMPAT_REGS_H

#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>

#ifdef CONFIG_X86_64
#include <asm/fsgsbase.h>

/* As arch/x86/include/asm/processor.h:task_pt_regs(). */
static inline bool vmi_regs_sp(const struct task_struct *task, unsigned long *sp)
{
	const void *stack = READ_ONCE(task->stack);
	const struct pt_regs *regs = stack + THREAD_SIZE -
				     TOP_OF_KERNEL_STACK_PADDING;

	regs--;
	return stack && !copy_from_kernel_nofault(sp, &regs->sp, sizeof(*sp));
}

static inline unsigned long vmi_regs_sp_here(void)
{
	return user_stack_pointer(task_pt_regs(current));
}

/* Saved when it was switched out (arch/x86/kernel/process_64.c:save_fsgs()). */
static inline unsigned long vmi_regs_tls(const struct task_struct *task)
{
	return READ_ONCE(task->thread.fsbase);
}

static inline unsigned long vmi_regs_tls_here(void)
{
	return x86_fsbase_read_cpu();
}

#else
#error "vminspect does not know the registers of this architecture yet"
#endif

#endif /* _VMI_COMPAT_REGS_H */
