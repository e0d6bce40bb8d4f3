/* SPDX-License-Identifier: GPL-2.0 */
/* The kinds of values a report holds, and how each is read and shown. */
#ifndef VALUE_H
#define VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

/**
 * enum kind - what a value of a report is
 * @KIND_TEXT: text; "-" stands for none
 * @KIND_LITERAL: text in which "-" is nothing special
 * @KIND_ESCAPED: text with octal escapes such as \\040 in the report
 * @KIND_HEX: hexadecimal number without 0x; a string in JSON, whose numbers
 *	lose the low bits of large addresses in many readers
 * @KIND_RANGE: two of them with a "-" between; a string in JSON
 * @KIND_COUNT: decimal number
 * @KIND_PAGES: number of pages of the process's page size; shown as a size
 * @KIND_BYTES: number of bytes; shown as a size
 * @KIND_LIMIT: number of pages, or "unlimited": more than any number; null in
 *	JSON
 * @KIND_PERCENT: number with a decimal fraction; shown with one digit of it
 * @KIND_NSEC: nanoseconds
 * @KIND_SECONDS: seconds with a decimal fraction
 * @KIND_BOOL: yes or no, on or off
 *
 * All but KIND_LITERAL may be "-": not known, null in JSON.
 */
enum kind {
	KIND_TEXT,
	KIND_LITERAL,
	KIND_ESCAPED,
	KIND_HEX,
	KIND_RANGE,
	KIND_COUNT,
	KIND_PAGES,
	KIND_BYTES,
	KIND_LIMIT,
	KIND_PERCENT,
	KIND_NSEC,
	KIND_SECONDS,
	KIND_BOOL,
};

/**
 * struct units - how to show values
 * @page_size: bytes in a page of the process
 * @bytes: sizes as exact numbers of bytes rather than 1.5M
 * @plain: for a program to read: words and times as the report has them
 */
struct units {
	uint64_t page_size;
	bool bytes;
	bool plain;
};

#define UNLIMITED "unlimited"

/* Bytes that value_text() may need at @buf. */
#define VALUE_MAX 32

bool value_number(const char *text, int base, uint64_t *number);
bool value_is_number(enum kind kind);
bool value_known(enum kind kind, const char *raw);
bool value_parse(enum kind kind, const char *raw, uint64_t page_size, uint64_t *number);
const char *value_text(enum kind kind, const char *raw, const struct units *units, char *buf);
void value_json(struct json *json, const char *key, enum kind kind, const char *raw,
		uint64_t page_size);

#endif /* VALUE_H */
