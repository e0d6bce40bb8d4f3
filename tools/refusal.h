/* SPDX-License-Identifier: GPL-2.0 */
/* Why a stack could not grow, in words, and what to do about it. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "rows.h"

const char *refusal_text(const char *result, const char *limit, const struct units *units,
			 char *buf);
void refusal_advice(const struct rows *growth, const struct rows *vmas,
		    const struct rows *stacks, const struct units *units);

#endif /* REFUSAL_H */
