// SPDX-License-Identifier: GPL-2.0
/*
 * A process may call itself, and its files, what it likes, escape sequences
 * included. What goes to a terminal outside of a table cell passes here first.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "text.h"

/**
 * text_safe() - make text harmless for a terminal
 * @out: gets the text, bytes that are not printable in this locale as \xNN;
 *	cut where it does not fit
 * @size: bytes at @out, at least 1
 * @in: the text
 */
void text_safe(char *out, size_t size, const char *in)
{
	size_t left = strlen(in), len, used;
	mbstate_t state = { 0 };
	char hex[5];
	wchar_t wide;

	while (left) {
		len = mbrtowc(&wide, in, left, &state);
		if (len == (size_t)-1 || len == (size_t)-2 || !iswprint(wide)) {
			state = (mbstate_t){ 0 };
			len = 1;
			used = snprintf(hex, sizeof(hex), "\\x%02x", (unsigned char)*in);
			if (used >= size)
				break;
			memcpy(out, hex, used);
		} else {
			used = len;
			if (used >= size)
				break;
			memcpy(out, in, used);
		}
		out += used;
		size -= used;
		in += len;
		left -= len;
	}
	*out = '\0';
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/**
 * text_unescape() - make characters of octal escapes such as \\040, in place
 * @text: the text; what is no escape, or one of a NUL, stays as it is
 */
void text_unescape(char *text)
{
	char *out = strchrnul(text, '\\');
	unsigned int code;

	for (text = out; *text; text++) {
		code = 0;
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) && is_octal(text[3]))
			code = (text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0';
		if (code && code < 256) {
			*out++ = code;
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/**
 * text_utf8() - length of the UTF-8 character at the start of a string
 * @s: the string, not empty
 *
 * Return: 1 to 4 bytes; 0 if what is there is not UTF-8 (overlong forms,
 * surrogates and what lies above U+10FFFF are not).
 */
size_t text_utf8(const char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	uint32_t code;
	size_t len;

	if (u[0] < 0x80)
		return 1;
	if (u[0] >= 0xf8 || u[0] < 0xc0)
		return 0;
	len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	code = u[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

/**
 * text_lower() - a letter in lower case, in any locale: there are some in which i is not
 * that of I
 * @c: the letter
 *
 * Return: that of A to Z, anything else as it is.
 */
char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}
