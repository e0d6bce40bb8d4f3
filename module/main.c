// SPDX-License-Identifier: GPL-2.0
/*
 * vminspect shows, for any process, what is really behind each of its mappings:
 * /proc/vminspect/<pid>. See Documentation/.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "access.h"
#include "compat/entry.h"
#include "follow.h"
#include "procdir.h"
#include "uapi/vminspect.h"
#include "waiters.h"

static int __init vminspect_init(void)
{
	int err;

	if (!vmi_entry_readable()) {
		pr_err("not loaded: cannot read the page tables of a Xen PV guest\n");
		return -ENODEV;
	}
	vmi_waiters_init();
	err = vmi_access_init();
	if (err)
		goto say_why;
	err = vmi_follow_init();
	if (err)
		goto access_exit;
	err = vmi_procdir_create();
	if (err)
		goto follow_exit;
	return 0;

follow_exit:
	vmi_follow_exit_all();
access_exit:
	vmi_access_exit();
say_why:
	if (err == -ENODEV)
		pr_err("not loaded: this kernel's procfs is not built as expected\n");
	return err;
}

static void __exit vminspect_exit(void)
{
	vmi_waiters_release();
	vmi_procdir_remove();
	vmi_follow_exit_all();
	vmi_access_exit();
}

module_init(vminspect_init);
module_exit(vminspect_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vminspect authors");
MODULE_DESCRIPTION("Shows what is resident in each mapping of a process, its page faults and its stacks");
MODULE_VERSION(VMINSPECT_VERSION);
