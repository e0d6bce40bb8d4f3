/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_REPORT_H
#define _VMI_REPORT_H

#include <linux/proc_fs.h>

extern const struct proc_ops vmi_report_ops;

#endif /* _VMI_REPORT_H */
