// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "json.h"
#include "text.h"

static void put_newline(struct json *json)
{
	putc('\n', json->out);
	for (unsigned int i = 0; i < json->depth; i++)
		fputs("   ", json->out);
}

/* Number of bytes at @s that JSON takes as they are. */
static size_t plain(const char *s)
{
	size_t len = 0;

	while (s[len] >= ' ' && s[len] <= '~' && s[len] != '"' && s[len] != '\\')
		len++;
	return len;
}

/*
 * Writes one character that is not plain and returns its length. Bytes that
 * are no character become octal escapes, as the kernel writes the newline of a
 * file name; so the document stays valid and nothing is lost. C1 control
 * characters (U+0080 to U+009F) can steer terminals too.
 */
static size_t put_special(FILE *out, const char *s)
{
	unsigned char first = s[0], second = s[1];
	size_t len = text_utf8(s);

	if (!len) {
		fprintf(out, "\\\\%03o", first);
		return 1;
	}
	if (first < 0x20 || first == 0x7f)
		fprintf(out, "\\u%04x", first);
	else if (first == 0xc2 && second < 0xa0)
		fprintf(out, "\\u%04x", second);
	else if (len == 1)
		fprintf(out, "\\%c", first);
	else
		fwrite(s, 1, len, out);
	return len;
}

static void put_string(FILE *out, const char *s)
{
	size_t len;

	putc('"', out);
	while (*s) {
		len = plain(s);
		fwrite(s, 1, len, out);
		s += len;
		if (*s)
			s += put_special(out, s);
	}
	putc('"', out);
}

static void put_key(struct json *json, const char *key)
{
	if (json->filled)
		putc(',', json->out);
	if (!json->inlined && json->depth)
		put_newline(json);
	else if (json->filled)
		putc(' ', json->out);
	json->filled = true;
	if (key) {
		put_string(json->out, key);
		fputs(": ", json->out);
	}
}

/**
 * json_open() - begin an object or an array, one member to a line
 * @json: the document
 * @key: its name, NULL in an array or for the document itself
 * @bracket: '{' or '['
 */
void json_open(struct json *json, const char *key, char bracket)
{
	put_key(json, key);
	putc(bracket, json->out);
	json->depth++;
	json->filled = false;
}

/**
 * json_open_inline() - begin an object or an array on a single line
 * @json: the document
 * @key: its name, NULL in an array
 * @bracket: '{' or '['
 */
void json_open_inline(struct json *json, const char *key, char bracket)
{
	json_open(json, key, bracket);
	if (!json->inlined)
		json->inlined = json->depth;
}

/**
 * json_close() - end the innermost object or array
 * @json: the document
 * @bracket: '}' or ']'
 */
void json_close(struct json *json, char bracket)
{
	bool inlined = json->inlined;

	if (json->inlined == json->depth)
		json->inlined = 0;
	json->depth--;
	if (!inlined && json->filled)
		put_newline(json);
	putc(bracket, json->out);
	json->filled = true;
	if (!json->depth)
		putc('\n', json->out);
}

/**
 * json_null() - write null
 * @json: the document
 * @key: the member's name
 */
void json_null(struct json *json, const char *key)
{
	put_key(json, key);
	fputs("null", json->out);
}

/**
 * json_bool() - write true or false
 * @json: the document
 * @key: the member's name
 * @value: which
 */
void json_bool(struct json *json, const char *key, bool value)
{
	put_key(json, key);
	fputs(value ? "true" : "false", json->out);
}

/**
 * json_number() - write an integer
 * @json: the document
 * @key: the member's name
 * @value: the integer
 */
void json_number(struct json *json, const char *key, uint64_t value)
{
	put_key(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

/**
 * json_decimal() - write a number with a decimal fraction
 * @json: the document
 * @key: the member's name
 * @billionths: the number, times 10^9
 * @digits: how many of the fraction to write, 1 to 9; the others are cut off
 */
void json_decimal(struct json *json, const char *key, uint64_t billionths, int digits)
{
	uint64_t fraction = billionths % 1000000000;

	for (int i = digits; i < 9; i++)
		fraction /= 10;
	put_key(json, key);
	fprintf(json->out, "%" PRIu64 ".%0*" PRIu64, billionths / 1000000000, digits, fraction);
}

/**
 * json_string() - write a string
 * @json: the document
 * @key: the member's name
 * @value: any bytes; those that are not UTF-8 become \ooo
 */
void json_string(struct json *json, const char *key, const char *value)
{
	put_key(json, key);
	put_string(json->out, value);
}
