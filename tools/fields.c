// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "columns.h"
#include "fields.h"
#include "vmas.h"

const struct field process_fields[] = {
	{ "pid", KIND_COUNT, "process ID" },
	{ "comm", KIND_LITERAL, "name of the process" },
	{ "uid", KIND_COUNT, "effective user ID" },
	{ "threads", KIND_COUNT, "number of threads" },
	{ "page_size", KIND_COUNT, "bytes in a page" },
	{ "tracked_since", KIND_SECONDS, "when the counting of faults began" },
	{ NULL }
};

const struct field mm_fields[] = {
	{ "total_vm", KIND_PAGES, "address space mapped (VIRT)" },
	{ "rss", KIND_PAGES, "resident memory (RES)" },
	{ "anon", KIND_PAGES, "resident, anonymous" },
	{ "file", KIND_PAGES, "resident, of files" },
	{ "shmem", KIND_PAGES, "resident, of shared memory and tmpfs" },
	{ "swap", KIND_PAGES, "swapped out" },
	{ "hiwater_rss", KIND_PAGES, "most that was ever resident" },
	{ "hiwater_vm", KIND_PAGES, "most that was ever mapped" },
	{ "locked_vm", KIND_PAGES, "locked by mlock" },
	{ "pinned_vm", KIND_PAGES, "pinned for devices" },
	{ "data_vm", KIND_PAGES, "private and writable, stack excepted" },
	{ "exec_vm", KIND_PAGES, "executable and not writable" },
	{ "stack_vm", KIND_PAGES, "mappings that grow down" },
	{ "start_code", KIND_HEX, "program text begins" },
	{ "end_code", KIND_HEX, "program text ends" },
	{ "start_data", KIND_HEX, "initialised data begins" },
	{ "end_data", KIND_HEX, "initialised data ends" },
	{ "start_brk", KIND_HEX, "heap begins" },
	{ "brk", KIND_HEX, "heap ends" },
	{ "start_stack", KIND_HEX, "stack pointer at the start" },
	{ "arg_start", KIND_HEX, "arguments begin" },
	{ "arg_end", KIND_HEX, "arguments end" },
	{ "env_start", KIND_HEX, "environment begins" },
	{ "env_end", KIND_HEX, "environment ends" },
	{ "mmap_base", KIND_HEX, "where mmap begins to look for room" },
	{ "task_size", KIND_HEX, "first address that is not the process's" },
	{ "pgtable_levels", KIND_COUNT, "levels of page tables" },
	{ "pgtables_bytes", KIND_BYTES, "size of the page tables" },
	{ "map_count", KIND_COUNT, "number of VMAs" },
	{ "maple_height", KIND_COUNT, "levels of the tree of VMAs" },
	{ "maple_nodes", KIND_COUNT, "nodes of the tree of VMAs" },
	{ "maple_leaves", KIND_COUNT, "nodes of its lowest level" },
	{ NULL }
};

const struct field fault_fields[] = {
	{ "own_minflt", KIND_COUNT, "minor faults of the process itself" },
	{ "own_majflt", KIND_COUNT, "major faults of the process itself" },
	{ "remote", KIND_COUNT, "faults of others in its mappings" },
	{ "elsewhere", KIND_COUNT, "its faults in mappings of others" },
	{ "unattributed", KIND_COUNT, "no memory to count them by mapping" },
	{ "lost", KIND_COUNT, "not seen by the probes" },
	{ "probes", KIND_BOOL, "faults are seen at present" },
	{ NULL }
};

const struct field grow_fields[] = {
	{ "grown", KIND_COUNT, "times a stack grew" },
	{ "refused", KIND_COUNT, "times it was not allowed to" },
	{ "gone", KIND_COUNT, "growths of mappings that no longer exist" },
	{ "unattributed", KIND_COUNT, "no memory to count them by mapping" },
	{ "dropped", KIND_COUNT, "events older than those in the log" },
	{ NULL }
};

/* The sums of [total] are columns of [vmas]; these are not. */
const struct field cost_fields[] = {
	{ "shared_tables", KIND_PAGES, "page tables that serve more than one VMA" },
	{ "holds", KIND_COUNT, "times this reading took mmap_lock" },
	{ "lock_ns", KIND_NSEC, "time it held it, in all" },
	{ "longest_hold_ns", KIND_NSEC, "time it held it, at most" },
	{ "changed", KIND_BOOL, "the set of VMAs changed meanwhile" },
	{ NULL }
};

/**
 * fields_check() - check all known values of a section
 * @report: the report
 * @section: name of the section; it may be missing
 * @fields: what it may hold
 * @page_size: bytes in a page
 *
 * Return: 0, or -1 with a message on stderr.
 */
int fields_check(const struct report *report, const char *section, const struct field *fields,
		 uint64_t page_size)
{
	const struct section *where = report_section(report, section);
	unsigned long line;
	const char *raw;
	uint64_t number;

	if (!where)
		return 0;
	for (; fields->key; fields++) {
		raw = section_value(where, fields->key, &line);
		if (raw && !value_parse(fields->kind, raw, page_size, &number)) {
			report_bad(report, line, "[%s] %s: no such value can be: '%s'", section,
				   fields->key, raw);
			return -1;
		}
	}
	return 0;
}

/**
 * fields_get() - a value of a section
 * @report: the report
 * @section: name of the section
 * @key: the key
 *
 * Return: the value as in the report, or "-" if it is not there.
 */
const char *fields_get(const struct report *report, const char *section, const char *key)
{
	const struct section *where = report_section(report, section);
	const char *raw = where ? section_value(where, key, NULL) : NULL;

	return raw ? raw : "-";
}

/**
 * fields_json() - write known values as members of the open object
 * @json: the document
 * @report: the report, checked
 * @section: name of the section
 * @fields: what to write; null for those that are not there
 * @page_size: bytes in a page
 */
void fields_json(struct json *json, const struct report *report, const char *section,
		 const struct field *fields, uint64_t page_size)
{
	const struct section *where = report_section(report, section);
	const char *raw;

	for (; fields->key; fields++) {
		raw = where ? section_value(where, fields->key, NULL) : NULL;
		value_json(json, fields->key, fields->kind, raw, page_size);
	}
}

static void add_line(struct libscols_table *table, const char *pid, const char *key,
		     const char *value, const char *help)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t i = 0;

	if (!line)
		err(EXIT_FAILURE, "table");
	if ((pid && scols_line_set_data(line, i++, pid)) || scols_line_set_data(line, i, key) ||
	    scols_line_set_data(line, i + 1, value) || scols_line_set_data(line, i + 2, help))
		err(EXIT_FAILURE, "table");
}

static bool is_field(const struct field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (!strcmp(fields->key, key))
			return true;
	return false;
}

/* Keys of a newer module, shown as they are. */
static void add_unknown(struct libscols_table *table, const char *pid,
			const struct section *section, const struct field *fields)
{
	const char *line = NULL, *value;
	char *key;

	while ((line = section_line(section, line))) {
		value = strchr(line, ' ');
		key = value ? strndup(line, value - line) : strdup(line);
		if (!key)
			err(EXIT_FAILURE, "table");
		if (!is_field(fields, key) && !column_of_key(&vma_columns, key) &&
		    strcmp(key, "vmas"))
			add_line(table, pid, key, value ? value + 1 : "", "-");
		free(key);
	}
}

/**
 * fields_print() - print a section as a table
 * @report: the report, checked
 * @section: name of the section; nothing is printed if it is missing
 * @fields: what to print, in this order
 * @opts: how to print it
 * @page_size: bytes in a page
 */
void fields_print(const struct report *report, const char *section, const struct field *fields,
		  const struct options *opts, uint64_t page_size)
{
	const struct section *where = report_section(report, section);
	const struct units units = { .page_size = page_size, .bytes = opts->bytes };
	struct libscols_table *table;
	const char *pid = NULL;
	char buf[VALUE_MAX];
	const char *raw;

	if (!where)
		return;
	table = options_table(opts);
	if (opts->output != OUTPUT_TABLE) {
		pid = fields_get(report, "process", "pid");
		scols_table_new_column(table, "PID", 0, SCOLS_FL_RIGHT);
	}
	scols_table_new_column(table, "FIELD", 0, 0);
	scols_table_new_column(table, "VALUE", 0, SCOLS_FL_RIGHT);
	scols_table_new_column(table, "DESCRIPTION", 0, 0);

	for (const struct field *field = fields; field->key; field++) {
		raw = section_value(where, field->key, NULL);
		if (raw)
			add_line(table, pid, field->key, value_text(field->kind, raw, &units, buf),
				 field->help);
	}
	add_unknown(table, pid, where, fields);
	scols_print_table(table);
	scols_unref_table(table);
}
