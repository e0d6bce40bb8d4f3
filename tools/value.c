// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "value.h"

/**
 * value_number() - read a number, strictly
 * @text: digits and nothing else
 * @base: 10 or 16 (lower or upper case)
 * @number: set to the number
 *
 * Return: false if it is anything else or does not fit 64 bits.
 */
bool value_number(const char *text, int base, uint64_t *number)
{
	uint64_t n = 0;
	int digit;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			digit = *text - '0';
		else if (base == 16 && *text >= 'a' && *text <= 'f')
			digit = *text - 'a' + 10;
		else if (base == 16 && *text >= 'A' && *text <= 'F')
			digit = *text - 'A' + 10;
		else
			return false;
		if (__builtin_mul_overflow(n, (unsigned int)base, &n) ||
		    __builtin_add_overflow(n, (unsigned int)digit, &n))
			return false;
	}
	*number = n;
	return true;
}

/**
 * value_is_number() - is it a number, to be aligned to the right, added up
 * and sorted largest first
 * @kind: the kind
 *
 * Return: true for counts, sizes and times.
 */
bool value_is_number(enum kind kind)
{
	switch (kind) {
	case KIND_COUNT:
	case KIND_PAGES:
	case KIND_BYTES:
	case KIND_LIMIT:
	case KIND_PERCENT:
	case KIND_NSEC:
	case KIND_SECONDS:
		return true;
	default:
		return false;
	}
}

/**
 * value_known() - does the report say what the value is
 * @kind: its kind
 * @raw: it
 *
 * Return: false if it is "-", where that means not known or none.
 */
bool value_known(enum kind kind, const char *raw)
{
	return kind == KIND_LITERAL || strcmp(raw, "-");
}

static bool parse_range(const char *raw, uint64_t *start)
{
	const char *dash = strchr(raw, '-');
	char first[VALUE_MAX];
	uint64_t end;

	if (!dash || dash - raw >= VALUE_MAX)
		return false;
	memcpy(first, raw, dash - raw);
	first[dash - raw] = '\0';
	return value_number(first, 16, start) && value_number(dash + 1, 16, &end);
}

/* Billionths of "12.345678901" as the number to compare by. */
static bool parse_decimal(const char *raw, uint64_t *billionths)
{
	const char *dot = strchr(raw, '.');
	size_t len = dot ? (size_t)(dot - raw) : strlen(raw);
	char whole[VALUE_MAX];
	uint64_t fraction = 0;

	if (len >= sizeof(whole))
		return false;
	memcpy(whole, raw, len);
	whole[len] = '\0';
	if (!value_number(whole, 10, billionths) ||
	    __builtin_mul_overflow(*billionths, 1000000000u, billionths))
		return false;
	if (dot) {
		len = strlen(dot + 1);
		if (len > 9 || !value_number(dot + 1, 10, &fraction))
			return false;
		for (; len < 9; len++)
			fraction *= 10;
	}
	return !__builtin_add_overflow(*billionths, fraction, billionths);
}

/**
 * value_parse() - read a value
 * @kind: its kind
 * @raw: it, as in the report
 * @page_size: bytes in a page
 * @number: set to the number it stands for: bytes for sizes, nanoseconds for
 *	times, billionths for percentages, the start of a range, 0 for text and
 *	for what is not known
 *
 * Return: false if it is not a value of that kind, or too large to be one.
 */
bool value_parse(enum kind kind, const char *raw, uint64_t page_size, uint64_t *number)
{
	*number = 0;
	if (!value_known(kind, raw))
		return true;
	switch (kind) {
	case KIND_TEXT:
	case KIND_LITERAL:
	case KIND_ESCAPED:
		return true;
	case KIND_HEX:
		return value_number(raw, 16, number);
	case KIND_RANGE:
		return parse_range(raw, number);
	case KIND_COUNT:
	case KIND_BYTES:
	case KIND_NSEC:
		return value_number(raw, 10, number);
	case KIND_LIMIT:
		if (!strcmp(raw, UNLIMITED)) {
			*number = UINT64_MAX;
			return true;
		}
		return value_parse(KIND_PAGES, raw, page_size, number);
	case KIND_PAGES:
		return value_number(raw, 10, number) &&
		       !__builtin_mul_overflow(*number, page_size, number);
	case KIND_PERCENT:
	case KIND_SECONDS:
		return parse_decimal(raw, number);
	case KIND_BOOL:
		*number = !strcmp(raw, "yes") || !strcmp(raw, "on");
		return *number || !strcmp(raw, "no") || !strcmp(raw, "off");
	}
	return false;
}

static uint64_t divide_rounded(uint64_t n, uint64_t unit)
{
	return n / unit + (unit > 1 && n % unit >= unit / 2);
}

/* n / unit, rounded, with a decimal where there is room: 9.7, 23.4, 132. */
static void print_scaled(char *buf, uint64_t n, uint64_t unit, const char *suffix)
{
	uint64_t whole = n / unit;
	uint64_t tenths = divide_rounded((n % unit) * 10, unit);

	if (whole < 100 && tenths && tenths < 10)
		snprintf(buf, VALUE_MAX, "%" PRIu64 ".%" PRIu64 "%s", whole, tenths, suffix);
	else
		snprintf(buf, VALUE_MAX, "%" PRIu64 "%s", divide_rounded(n, unit), suffix);
}

/* In the unit of so many that fits, each @step times the one before. */
static void print_fitting(char *buf, uint64_t n, uint64_t step, const char *const *suffix,
			  size_t units)
{
	uint64_t unit = 1;
	size_t i = 0;

	/* Rounded first: 1023.6K is 1M, not 1024K. */
	while (i + 1 < units && divide_rounded(n, unit) >= step) {
		unit *= step;
		i++;
	}
	print_scaled(buf, n, unit, suffix[i]);
}

static void print_size(char *buf, uint64_t bytes)
{
	static const char *const suffix[] = { "", "K", "M", "G", "T", "P", "E" };

	print_fitting(buf, bytes, 1024, suffix, sizeof(suffix) / sizeof(*suffix));
}

static void print_nsec(char *buf, uint64_t nsec)
{
	static const char *const suffix[] = { "ns", "us", "ms", "s" };

	print_fitting(buf, nsec, 1000, suffix, sizeof(suffix) / sizeof(*suffix));
}

/* Rounded, but only all of it is 100.0. */
static void print_percent(char *buf, uint64_t billionths)
{
	uint64_t tenths = divide_rounded(billionths, 100000000);

	if (tenths == 1000 && billionths < 100000000000)
		tenths = 999;
	snprintf(buf, VALUE_MAX, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

/**
 * value_text() - how a person sees a value
 * @kind: its kind
 * @raw: it, as in the report; has passed value_parse()
 * @units: how to show sizes
 * @buf: VALUE_MAX bytes to write to, if need be
 *
 * Return: @buf or @raw; "-" for what is not known.
 */
const char *value_text(enum kind kind, const char *raw, const struct units *units, char *buf)
{
	uint64_t number;

	if (!value_known(kind, raw))
		return "-";
	if ((kind == KIND_LIMIT && !strcmp(raw, UNLIMITED)) ||
	    (units->plain && (kind == KIND_PERCENT || kind == KIND_SECONDS)))
		return raw;
	switch (kind) {
	case KIND_LIMIT:
	case KIND_PAGES:
	case KIND_BYTES:
		value_parse(kind, raw, units->page_size, &number);
		if (units->bytes)
			snprintf(buf, VALUE_MAX, "%" PRIu64, number);
		else
			print_size(buf, number);
		return buf;
	case KIND_NSEC:
		value_parse(kind, raw, units->page_size, &number);
		print_nsec(buf, number);
		return buf;
	case KIND_PERCENT:
		value_parse(kind, raw, units->page_size, &number);
		print_percent(buf, number);
		return buf;
	case KIND_SECONDS:
		value_parse(kind, raw, units->page_size, &number);
		snprintf(buf, VALUE_MAX, "%" PRIu64 ".%06" PRIu64, number / 1000000000,
			 number % 1000000000 / 1000);
		return buf;
	default:
		return raw;
	}
}

/**
 * value_json() - write a value to JSON, always with the type of its kind
 * @json: where to
 * @key: the member's name
 * @kind: the kind
 * @raw: the value, as in the report; has passed value_parse(); NULL if the
 *	report does not have it
 * @page_size: bytes in a page
 */
void value_json(struct json *json, const char *key, enum kind kind, const char *raw,
		uint64_t page_size)
{
	uint64_t number;

	if (!raw || !value_known(kind, raw)) {
		json_null(json, key);
		return;
	}
	value_parse(kind, raw, page_size, &number);
	switch (kind) {
	case KIND_TEXT:
	case KIND_LITERAL:
	case KIND_ESCAPED:
	case KIND_HEX:
	case KIND_RANGE:
		json_string(json, key, raw);
		break;
	case KIND_BOOL:
		json_bool(json, key, number);
		break;
	case KIND_SECONDS:
		json_decimal(json, key, number, 9);
		break;
	case KIND_PERCENT:
		json_decimal(json, key, number, 3);
		break;
	case KIND_LIMIT:
		if (!strcmp(raw, UNLIMITED))
			json_null(json, key);
		else
			json_number(json, key, number);
		break;
	default:
		json_number(json, key, number);
	}
}
