// SPDX-License-Identifier: GPL-2.0
/*
 * One bug of each kind that a debug kernel has to find, so that a kernel which
 * finds nothing in the module is known to be able to:
 *
 *	insmod planted.ko bug=use_after_free
 *
 * It never stays loaded. Not part of vminspect; for virtual machines only.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *bug = "none";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "name of the bug to run into");

/* What is read here is used, as far as the compiler knows. */
static unsigned long sink;

static void use_after_free(void)
{
	unsigned long *freed = kzalloc(sizeof(*freed), GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(freed);
	kfree(freed);
	OPTIMIZER_HIDE_VAR(freed);
	sink = READ_ONCE(*freed);
}

static void out_of_bounds(void)
{
	unsigned long *few = kcalloc(4, sizeof(*few), GFP_KERNEL);
	unsigned int index = 4;

	OPTIMIZER_HIDE_VAR(index);
	if (few)
		sink = READ_ONCE(few[index]);
	kfree(few);
}

static void vmalloc_out_of_bounds(void)
{
	char *few = vmalloc(PAGE_SIZE - 64);
	unsigned int index = PAGE_SIZE - 32;

	OPTIMIZER_HIDE_VAR(index);
	if (few)
		sink = READ_ONCE(few[index]);
	vfree(few);
}

static void stack_out_of_bounds(void)
{
	unsigned long few[4] = {};
	unsigned int index = 4;

	OPTIMIZER_HIDE_VAR(index);
	sink = READ_ONCE(few[index]);
}

static void never_runs(struct timer_list *timer)
{
}

/* It is stopped then. */
static void timer_freed_in_use(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, never_runs, 0);
	mod_timer(timer, jiffies + 60 * HZ);
	kfree(timer);
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void lock_inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	preempt_disable();
	msleep(20);
	preempt_enable();
}

static void might_sleep_in_atomic(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

/* Sleeps on PREEMPT_RT only, which lockdep knows everywhere. */
static void sleep_in_atomic_on_rt(void)
{
	static DEFINE_RAW_SPINLOCK(raw);
	static DEFINE_SPINLOCK(spin);

	raw_spin_lock(&raw);
	spin_lock(&spin);
	spin_unlock(&spin);
	raw_spin_unlock(&raw);
}

static void rcu_outside(void)
{
	static unsigned long __rcu *shared;

	sink = (unsigned long)rcu_dereference(shared);
}

static void mmap_lock_not_held(void)
{
	sink = (unsigned long)find_vma(current->mm, 0);
}

/* Some are found; a single one can be still on the stack. */
static void leak(void)
{
	void *lost;
	int i;

	for (i = 0; i < 200; i++) {
		lost = kmalloc(1000, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(lost);
	}
}

static unsigned long raced;

static int race(void *unused)
{
	int i;

	for (i = 0; i < 20000000 && !kthread_should_stop(); i++) {
		raced++;
		barrier();
		if (i % 1000 == 0)
			cond_resched();
	}
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

/* data_race() of compiler.h is meant for those that are no bugs. */
static void unmarked_race(void)
{
	struct task_struct *racer[2];
	int i;

	for (i = 0; i < 2; i++)
		racer[i] = kthread_run(race, NULL, "race/%d", i);
	msleep(5000);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(racer[i]))
			kthread_stop(racer[i]);
}

static void list_corruption(void)
{
	LIST_HEAD(list);
	struct list_head entry;

	list_add(&entry, &list);
	entry.next = &entry;
	list_del(&entry);
}

static void shift_too_far(void)
{
	int bits = 64;

	OPTIMIZER_HIDE_VAR(bits);
	sink = 1UL << bits;
}

static void reference_from_zero(void)
{
	static refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

static void warning(void)
{
	WARN(1, "planted\n");
}

static const struct {
	const char *name;
	void (*run)(void);
} bugs[] = {
	{ "use_after_free", use_after_free },
	{ "out_of_bounds", out_of_bounds },
	{ "vmalloc_out_of_bounds", vmalloc_out_of_bounds },
	{ "stack_out_of_bounds", stack_out_of_bounds },
	{ "timer_freed_in_use", timer_freed_in_use },
	{ "lock_inversion", lock_inversion },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "might_sleep_in_atomic", might_sleep_in_atomic },
	{ "sleep_in_atomic_on_rt", sleep_in_atomic_on_rt },
	{ "rcu_outside", rcu_outside },
	{ "mmap_lock_not_held", mmap_lock_not_held },
	{ "leak", leak },
	{ "data_race", unmarked_race },
	{ "list_corruption", list_corruption },
	{ "shift_too_far", shift_too_far },
	{ "reference_from_zero", reference_from_zero },
	{ "warning", warning },
};

static int __init planted_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bugs[i].name, bug))
			continue;
		pr_info("planted: %s is run\n", bug);
		bugs[i].run();
		pr_info("planted: %s was run\n", bug);
		return -ECANCELED;
	}
	pr_err("planted: no bug is called %s\n", bug);
	return -EINVAL;
}

module_init(planted_init);

MODULE_DESCRIPTION("Bugs that a debug kernel has to find");
MODULE_LICENSE("GPL");
