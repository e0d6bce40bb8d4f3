/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_TEXT_H
#define _VMI_TEXT_H

#include <linux/types.h>

struct vmi_row;

/* Bytes a row may take, its name left out: 27 columns of 20 digits at most. */
#define VMI_TEXT_ROW 640

char *vmi_text_row(char *to, const struct vmi_row *row);

#endif /* _VMI_TEXT_H */
