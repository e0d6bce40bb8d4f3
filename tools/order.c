// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

static bool is_text(enum kind kind)
{
	return kind == KIND_TEXT || kind == KIND_LITERAL || kind == KIND_ESCAPED;
}

/**
 * order_add() - add a thing
 * @order: where to
 * @raw: its value, as in the report; checked, and copied if need be
 * @page_size: bytes in a page
 * @item: the thing
 */
void order_add(struct order *order, const char *raw, uint64_t page_size, void *item)
{
	struct order_entry *entry;

	if (order->nr == order->room) {
		order->room = order->room ? 2 * order->room : 64;
		order->entry = reallocarray(order->entry, order->room, sizeof(*entry));
		if (!order->entry)
			err(EXIT_FAILURE, "sort");
	}
	entry = &order->entry[order->nr];
	*entry = (struct order_entry){
		.known = value_known(order->kind, raw),
		.seq = order->nr++,
		.item = item,
	};
	value_parse(order->kind, raw, page_size, &entry->number);
	if (is_text(order->kind)) {
		entry->text = strdup(raw);
		if (!entry->text)
			err(EXIT_FAILURE, "sort");
	}
}

/* The last resort of every comparison: the order in which they came. */
static int compare_entries(const struct order_entry *a, const struct order_entry *b)
{
	if (a->known != b->known)
		return a->known ? -1 : 1;
	return a->seq < b->seq ? -1 : 1;
}

static int compare_text(const void *pa, const void *pb)
{
	const struct order_entry *a = pa, *b = pb;
	int order = a->known && b->known ? strcmp(a->text, b->text) : 0;

	return order ? order : compare_entries(a, b);
}

static int compare_ascending(const void *pa, const void *pb)
{
	const struct order_entry *a = pa, *b = pb;

	if (a->known && b->known && a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return compare_entries(a, b);
}

static int compare_descending(const void *pa, const void *pb)
{
	const struct order_entry *a = pa, *b = pb;

	if (a->known && b->known && a->number != b->number)
		return a->number > b->number ? -1 : 1;
	return compare_entries(a, b);
}

/**
 * order_sort() - sort: numbers largest first, addresses and text in rising
 * order, what is not known last
 * @order: what to sort
 */
void order_sort(struct order *order)
{
	int (*compare)(const void *a, const void *b) = compare_ascending;

	if (value_is_number(order->kind))
		compare = compare_descending;
	else if (is_text(order->kind))
		compare = compare_text;
	if (order->nr)
		qsort(order->entry, order->nr, sizeof(*order->entry), compare);
}

/**
 * order_free() - free what order_add() allocated
 * @order: the order; the things in it stay
 */
void order_free(struct order *order)
{
	for (size_t i = 0; i < order->nr; i++)
		free(order->entry[i].text);
	free(order->entry);
	*order = (struct order){ .kind = order->kind };
}
