/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes JSON. libsmartcols writes one table of strings and numbers a run;
 * a report has nested objects, and names that are not always UTF-8.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct json - a document being written
 * @out: where it goes
 * @depth: number of objects and arrays that are open
 * @inlined: depth at which the members of an object started to share a line,
 *	0 if each has its own
 * @filled: the innermost one has a member already
 */
struct json {
	FILE *out;
	unsigned int depth;
	unsigned int inlined;
	bool filled;
};

void json_open(struct json *json, const char *key, char bracket);
void json_open_inline(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_null(struct json *json, const char *key);
void json_bool(struct json *json, const char *key, bool value);
void json_number(struct json *json, const char *key, uint64_t value);
void json_decimal(struct json *json, const char *key, uint64_t billionths, int digits);
void json_string(struct json *json, const char *key, const char *value);

#endif /* JSON_H */
