/* SPDX-License-Identifier: GPL-2.0 */
/* The sections of "key value" lines: [process], [mm], [faults], [grows], and what [total] adds. */
#ifndef FIELDS_H
#define FIELDS_H

#include "json.h"
#include "options.h"
#include "report.h"
#include "value.h"

/**
 * struct field - a key the tool knows
 * @key: in the report, and in JSON
 * @kind: what its value is
 * @help: its meaning, a few words
 */
struct field {
	const char *key;
	enum kind kind;
	const char *help;
};

/* Each ends with a field whose key is NULL. */
extern const struct field process_fields[];
extern const struct field mm_fields[];
extern const struct field fault_fields[];
extern const struct field grow_fields[];
extern const struct field cost_fields[];

int fields_check(const struct report *report, const char *section, const struct field *fields,
		 uint64_t page_size);
const char *fields_get(const struct report *report, const char *section, const char *key);
void fields_json(struct json *json, const struct report *report, const char *section,
		 const struct field *fields, uint64_t page_size);
void fields_print(const struct report *report, const char *section, const struct field *fields,
		  const struct options *opts, uint64_t page_size);

#endif /* FIELDS_H */
