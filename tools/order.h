/* SPDX-License-Identifier: GPL-2.0 */
/* Things in the order of one of their values. */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

/**
 * struct order_entry - something to sort
 * @text: its value, if that is text
 * @number: its value, if that is a number
 * @known: it has a value
 * @seq: its place before it is sorted
 * @item: the thing
 */
struct order_entry {
	char *text;
	uint64_t number;
	bool known;
	size_t seq;
	void *item;
};

/**
 * struct order - things that are, or will be, in order
 * @kind: what their values are
 * @entry: the things
 * @nr: how many
 * @room: how many fit
 */
struct order {
	enum kind kind;
	struct order_entry *entry;
	size_t nr;
	size_t room;
};

void order_add(struct order *order, const char *raw, uint64_t page_size, void *item);
void order_sort(struct order *order);
void order_free(struct order *order);

#endif /* ORDER_H */
