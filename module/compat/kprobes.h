/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Setting a probe, and being told if that failed.
 *
 * Newer kernels, 7.2 among them, forget it: if a probe at the entry of a function
 * can't be armed, mostly for want of memory, __register_kprobe() (kernel/kprobes.c)
 * takes it out of its table again and returns 0. enable_kprobe() changes nothing of a
 * probe that is in the table, and knows none that is not.
 */
#ifndef _VMI_COMPAT_KPROBES_H
#define _VMI_COMPAT_KPROBES_H

#include <linux/errno.h>
#include <linux/kprobes.h>

/**
 * vmi_register_kprobe() - register_kprobe(), which succeeds only if it did
 * @probe: to be armed
 *
 * Return: 0, or a negative errno.
 */
static inline int vmi_register_kprobe(struct kprobe *probe)
{
	int err = register_kprobe(probe);

	if (err || !enable_kprobe(probe))
		return err;
	unregister_kprobe(probe);
	return -ENOMEM;
}

/**
 * vmi_register_kretprobe() - register_kretprobe(), which succeeds only if it did
 * @probe: to be armed
 *
 * Return: 0, or a negative errno.
 */
static inline int vmi_register_kretprobe(struct kretprobe *probe)
{
	int err = register_kretprobe(probe);

	if (err || !enable_kretprobe(probe))
		return err;
	/* What it has for those that are at it is freed. */
	unregister_kretprobe(probe);
	return -ENOMEM;
}

#endif /* _VMI_COMPAT_KPROBES_H */
