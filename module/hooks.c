// SPDX-License-Identifier: GPL-2.0
/*
 * The probes: functions of the kernel at whose entry the module wants to be.
 *
 * Most use the function tracer, which calls us with the arguments at hand for a third
 * of what a kprobe costs, half of which is a kretprobe's. It is also the same
 * everywhere in that the functions' callers may sleep. What is known at the return only
 * takes a kretprobe: growing stacks, and faults while their trace event is on. Either
 * can be switched off behind our back; whether it was is tried out on a function of our
 * own for each (vmi_hooks_fire()).
 *
 * A function tracer must not sleep, or the code that called it may be freed under
 * it (kernel/trace/ftrace.c:ftrace_shutdown()).
 *
 * Arming and disarming stops nobody, but takes 10 to 50 ms.
 */
#include <linux/atomic.h>
#include <linux/binfmts.h>
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "compat/hooks.h"
#include "compat/kprobes.h"
#include "faults.h"
#include "follow.h"
#include "growing.h"
#include "growth.h"
#include "hooks.h"
#include "track.h"

/* The probes are about to be disarmed. */
static bool disarming;

/*
 * Spinlocks sleep on PREEMPT_RT. Should another tracer sit on the same function,
 * we are called with preemption off: what happens then is not seen there. Nor may a
 * probe sleep any more when its trampoline is about to be freed: for who waits until
 * nobody is in there, a task that sleeps is not (synchronize_rcu_tasks()).
 */
static __always_inline bool hook_may_run(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) ||
	       (preemptible() && !READ_ONCE(disarming));
}

/*
 * Where no lock may sleep with preemption off, which is cheaper otherwise, RCU
 * alone has to do. Either is waited for by synchronize_rcu().
 */
static __always_inline void hook_enter(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		rcu_read_lock();
	else
		preempt_disable_notrace();
}

static __always_inline void hook_leave(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		rcu_read_unlock();
	else
		preempt_enable_notrace();
}

/* handle_mm_fault(vma, address, flags, regs) */
static void notrace on_fault(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	hook_enter();
	if (likely(hook_may_run()))
		vmi_faults_enter(vmi_hook_arg(fregs, 0),
				 ftrace_regs_get_argument(fregs, 1),
				 ftrace_regs_get_argument(fregs, 2));
	hook_leave();
}

/* All that follow are called in an RCU read-side section. */

static void on_unmapped(struct ftrace_regs *fregs)
{
	struct vmi_hook_range range = vmi_hook_unmapped(fregs);
	struct vmi_track *track;

	/* Not for every mapping of a process that exits. */
	if (!range.mm || !atomic_read(&range.mm->mm_users))
		return;
	track = vmi_track_find(range.mm);
	if (track) {
		vmi_faults_unmapped(track, range.start, range.end);
		vmi_growth_unmapped(&track->growth, range.start, range.end);
	}
}

static void on_moved(struct ftrace_regs *fregs)
{
	struct vmi_hook_range range = vmi_hook_moved(fregs);
	struct vmi_track *track;

	if (range.start >= range.end)
		return;
	track = vmi_track_find(range.mm);
	if (track) {
		vmi_faults_moved(track, range.start, range.to,
				 range.end - range.start);
		vmi_growth_moved(&track->growth, range.start, range.to,
				 range.end - range.start);
	}
}

/* wake_up_new_task(p), kernel/fork.c:kernel_clone() */
static void on_fork(struct ftrace_regs *fregs)
{
	vmi_follow_fork(vmi_hook_arg(fregs, 0));
}

/* begin_new_exec(bprm): the old address space is still there. */
static void on_exec(struct ftrace_regs *fregs)
{
	const struct linux_binprm *bprm = vmi_hook_arg(fregs, 0);

	vmi_follow_exec(bprm->mm);
}

/* setup_new_exec(bprm): all other threads are gone. */
static void on_execed(struct ftrace_regs *fregs)
{
	vmi_follow_execed();
}

/* exit_mmap(mm): mm_users is 0. */
static void on_exit_mm(struct ftrace_regs *fregs)
{
	vmi_follow_exit(vmi_hook_arg(fregs, 0));
}

/*
 * exit_files(tsk): comes after exit_mm() in kernel/exit.c:do_exit(). fork() calls
 * it for a child that is not to be.
 */
static void on_exit_task(struct ftrace_regs *fregs)
{
	struct task_struct *task = vmi_hook_arg(fregs, 0);

	if (task != current)
		return;
	vmi_faults_forget(task);
}

/**
 * struct vmi_hook - a probe that is not about speed
 * @name: function of the kernel
 * @call: what to call at its entry
 */
struct vmi_hook {
	const char *name;
	void (*call)(struct ftrace_regs *fregs);
};

static const struct vmi_hook hooks[] = {
	{ VMI_HOOK_UNMAPPED, on_unmapped },
	{ "exit_files", on_exit_task },
	{ "exit_mmap", on_exit_mm },
	{ "wake_up_new_task", on_fork },
	{ "begin_new_exec", on_exec },
	{ "setup_new_exec", on_execed },
	{ VMI_HOOK_MOVED, on_moved },
};

#define VMI_NR_HOOKS ARRAY_SIZE(hooks)

/* Where the functions are, and one of our own behind them. */
static unsigned long addrs[VMI_NR_HOOKS + 1];
static atomic_t fired;
static atomic_t kprobe_fired;

static void notrace on_other(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	unsigned int i;

	rcu_read_lock();
	if (!hook_may_run())
		goto unlock;
	for (i = 0; i < VMI_NR_HOOKS && addrs[i] != ip; i++)
		;
	if (i < VMI_NR_HOOKS)
		hooks[i].call(fregs);
	else
		atomic_inc(&fired);
unlock:
	rcu_read_unlock();
}

static struct ftrace_ops fault_ops = { .func = on_fault };
static struct ftrace_ops other_ops = { .func = on_other };

/*
 * The growth of a stack is known only when it is done, or refused. So there is a
 * probe at the return. As many stacks as that can be growing at once, each of
 * another process; what is missed beyond that, the kernel counts.
 */
#define VMI_GROWING_ACTIVE 512

/* expand_downwards(vma, address) */
static int on_growing(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)regs_get_kernel_argument(regs, 0);
	unsigned long addr = regs_get_kernel_argument(regs, 1);

	return !vmi_growing_enter((void *)instance->data, vma, addr);
}

static int on_grown(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	vmi_growing_leave((void *)instance->data, regs_return_value(regs));
	return 0;
}

/* Functions to see whether the probes fire, of both kinds. */
static noinline void fire(void)
{
	barrier();
}

static noinline void fire_kprobe(void)
{
	barrier();
}

static int on_fire_kprobe(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&kprobe_fired);
	return 0;
}

static struct kretprobe growing;
static struct kprobe fire_probe;
static unsigned long missed;

/**
 * vmi_hooks_fire() - do armed probes fire at this moment?
 *
 * Return: whether they do.
 */
bool vmi_hooks_fire(void)
{
	int before = atomic_read(&fired);
	int kprobe_before = atomic_read(&kprobe_fired);

	fire();
	fire_kprobe();
	return atomic_read(&fired) != before &&
	       atomic_read(&kprobe_fired) != kprobe_before;
}

/**
 * vmi_hooks_missed() - growths of stacks that the kernel could not tell of
 *
 * Return: how many, since the module was loaded.
 */
unsigned long vmi_hooks_missed(void)
{
	return READ_ONCE(missed) + READ_ONCE(growing.nmissed) +
	       READ_ONCE(growing.kp.nmissed);
}

static int arm_kprobes(void)
{
	int err;

	growing = (struct kretprobe){
		.kp.symbol_name = "expand_downwards",
		.entry_handler = on_growing,
		.handler = on_grown,
		.data_size = sizeof(struct vmi_growing),
		.maxactive = VMI_GROWING_ACTIVE,
	};
	fire_probe = (struct kprobe){
		.addr = (kprobe_opcode_t *)fire_kprobe,
		.pre_handler = on_fire_kprobe,
	};
	err = vmi_register_kretprobe(&growing);
	if (err) {
		pr_warn("expand_downwards() can't be probed: %d\n", err);
		return err;
	}
	err = vmi_register_kprobe(&fire_probe);
	if (err)
		unregister_kretprobe(&growing);
	return err;
}

static void disarm_kprobes(void)
{
	unsigned long now;

	unregister_kprobe(&fire_probe);
	unregister_kretprobe(&growing);
	now = growing.nmissed + growing.kp.nmissed;
	growing.nmissed = 0;
	growing.kp.nmissed = 0;
	missed += now;
}

/* A kprobe that is never armed tells where the function tracer sees a function. */
static int find_functions(void)
{
	static struct kprobe probes[VMI_NR_HOOKS];
	struct kprobe *all[VMI_NR_HOOKS];
	unsigned int i;
	int err;

	for (i = 0; i < VMI_NR_HOOKS; i++) {
		probes[i] = (struct kprobe){
			.symbol_name = hooks[i].name,
			.flags = KPROBE_FLAG_DISABLED,
		};
		err = register_kprobe(&probes[i]);
		if (err) {
			pr_warn("this kernel has no %s() to be probed\n",
				hooks[i].name);
			break;
		}
		addrs[i] = (unsigned long)probes[i].addr;
		all[i] = &probes[i];
	}
	if (i)
		unregister_kprobes(all, i);
	addrs[VMI_NR_HOOKS] = (unsigned long)fire;
	/* All of them, or they are looked for again. */
	if (err)
		addrs[0] = 0;
	return err;
}

/*
 * Nobody begins anything that may sleep in a probe, and nobody is in the middle of it:
 * hook_may_run() says why. The probes are to be disarmed after this.
 */
static void begin_disarming(void)
{
	WRITE_ONCE(disarming, true);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		synchronize_rcu();
}

static int set_filters(void)
{
	int err;

	err = ftrace_set_filter_ips(&other_ops, addrs, ARRAY_SIZE(addrs), 0, 1);
	if (err)
		return err;
	return ftrace_set_filter_ip(&fault_ops, (unsigned long)handle_mm_fault,
				    0, 1);
}

/**
 * vmi_hooks_arm() - set the probes
 *
 * Context: may sleep; not while armed.
 *
 * Return: 0, or why they could not be set.
 */
int vmi_hooks_arm(void)
{
	int err = 0;

	if (!addrs[0])
		err = find_functions();
	if (!err)
		err = set_filters();
	if (!err)
		err = register_ftrace_function(&other_ops);
	if (err)
		return err;
	err = register_ftrace_function(&fault_ops);
	if (err)
		goto unregister_other;
	err = arm_kprobes();
	if (err)
		goto unregister_fault;
	return 0;

unregister_fault:
	begin_disarming();
	unregister_ftrace_function(&fault_ops);
unregister_other:
	begin_disarming();
	unregister_ftrace_function(&other_ops);
	WRITE_ONCE(disarming, false);
	return err;
}

/**
 * vmi_hooks_disarm() - undo vmi_hooks_arm()
 *
 * When it returns, nobody is in a probe.
 */
void vmi_hooks_disarm(void)
{
	disarm_kprobes();
	begin_disarming();
	unregister_ftrace_function(&fault_ops);
	unregister_ftrace_function(&other_ops);
	synchronize_rcu();
	WRITE_ONCE(disarming, false);
}

/*
 * The trace event: faults are to be settled at once, so there is a probe at the
 * return of handle_mm_fault() too. One that it misses, because too many tasks
 * sleep in a fault, comes late, with the next fault of its task. On PREEMPT_RT all
 * of them come so: a second probe on the function would be the end of the first
 * (hook_may_run()).
 */
#define VMI_WATCH_ACTIVE 1024

static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	vmi_faults_leave();
	return 0;
}

static DEFINE_MUTEX(watch_lock);
static struct kretprobe watch;
static bool watching;
static bool leaving;

/**
 * vmi_hooks_watch() - the trace event was switched on
 *
 * On some kernels that may be twice in a row: if there was no memory to switch it on
 * after this was called, they forget (kernel/tracepoint.c:tracepoint_add_func()).
 *
 * Return: 0, or why it can't be.
 */
int vmi_hooks_watch(void)
{
	int err = -ENODEV;

	mutex_lock(&watch_lock);
	if (leaving)
		goto unlock;
	err = 0;
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || watching)
		goto unlock;
	watch = (struct kretprobe){
		.kp.symbol_name = "handle_mm_fault",
		.handler = on_return,
		.maxactive = VMI_WATCH_ACTIVE,
	};
	err = vmi_register_kretprobe(&watch);
	watching = !err;
unlock:
	mutex_unlock(&watch_lock);
	return err;
}

/**
 * vmi_hooks_unwatch() - the trace event was switched off
 */
void vmi_hooks_unwatch(void)
{
	mutex_lock(&watch_lock);
	if (watching)
		unregister_kretprobe(&watch);
	watching = false;
	mutex_unlock(&watch_lock);
}

/**
 * vmi_hooks_exit() - the module goes; the probes are not armed
 *
 * The trace event may still be on, or be switched on. The kernel switches it off
 * after this.
 */
void vmi_hooks_exit(void)
{
	mutex_lock(&watch_lock);
	leaving = true;
	mutex_unlock(&watch_lock);
	vmi_hooks_unwatch();
	ftrace_free_filter(&fault_ops);
	ftrace_free_filter(&other_ops);
}
