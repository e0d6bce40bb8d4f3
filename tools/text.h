/* SPDX-License-Identifier: GPL-2.0 */
/* Text that others wrote: process names, file names, saved reports. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

void text_safe(char *out, size_t size, const char *in);
void text_unescape(char *text);
size_t text_utf8(const char *s);
char text_lower(char c);

#endif /* TEXT_H */
