/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMI_TEXT_H
#define _VMI_TEXT_H

#include <linux/types.h>

struct vmi_growth_event;
struct vmi_row;
struct vmi_stack;
struct vmi_stacks;

/* Bytes a row may take, its name left out: 27 columns of 20 digits at most. */
#define VMI_TEXT_ROW 640

/* Bytes of a "key value" line: a key of up to 40 bytes. */
#define VMI_TEXT_KEY 64

/* Bytes of "[stack:TID+OTHERS]". */
#define VMI_TEXT_STACK_NAME 32

/* Bytes of a row of [stacks], and of [growth]. */
#define VMI_TEXT_STACK 384
#define VMI_TEXT_EVENT 384

char *vmi_text_count(char *to, const char *key, u64 value);
char *vmi_text_address(char *to, const char *key, unsigned long addr);
char *vmi_text_stack(char *to, const struct vmi_stack *stack,
		     const struct vmi_stacks *stacks);
char *vmi_text_event(char *to, const struct vmi_growth_event *event, pid_t tid);
bool vmi_text_stack_name(char *to, const struct vmi_stacks *stacks,
			 unsigned long start, unsigned long end);
char *vmi_text_row(char *to, const struct vmi_row *row);

#endif /* _VMI_TEXT_H */
