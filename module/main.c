// SPDX-License-Identifier: GPL-2.0
/*
 * vminspect shows, for any process, what is really behind each of its mappings:
 * /proc/vminspect/<pid>. See Documentation/.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "procdir.h"
#include "uapi/vminspect.h"

static int __init vminspect_init(void)
{
	return vmi_procdir_create();
}

static void __exit vminspect_exit(void)
{
	vmi_procdir_remove();
}

module_init(vminspect_init);
module_exit(vminspect_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vminspect authors");
MODULE_DESCRIPTION("Shows what is really resident in each mapping of a process");
MODULE_VERSION(VMINSPECT_VERSION);
