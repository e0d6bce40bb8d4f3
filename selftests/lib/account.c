// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "pagemap.h"
#include "procfile.h"

static const char *const status_key[ACCOUNT_STATUS_PAGES] = {
	"VmPeak", "VmSize", "VmLck", "VmPin", "VmHWM", "VmRSS", "RssAnon", "RssFile",
	"RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE", "VmSwap"
};

/* Numbers of the fields of stat, see proc(5). */
static const struct {
	enum account_number number;
	int field;
} stat_field[] = {
	{ ACCOUNT_START_CODE, 26 },
	{ ACCOUNT_END_CODE, 27 },
	{ ACCOUNT_START_STACK, 28 },
	{ ACCOUNT_START_DATA, 45 },
	{ ACCOUNT_END_DATA, 46 },
	{ ACCOUNT_START_BRK, 47 },
	{ ACCOUNT_ARG_START, 48 },
	{ ACCOUNT_ARG_END, 49 },
	{ ACCOUNT_ENV_START, 50 },
	{ ACCOUNT_ENV_END, 51 },
};

static int parse_status(struct account *a, const char *status)
{
	const char *uid = strstr(status, "\nUid:\t"), *end = strchr(status, '\n');
	unsigned int effective;
	uint64_t kib;

	if (strncmp(status, "Name:\t", 6) || !end || !uid ||
	    sscanf(uid, "\nUid: %*u %u", &effective) != 1 ||
	    !procfile_key(status, "Threads", &a->number[ACCOUNT_THREADS]))
		return -EBADMSG;
	snprintf(a->comm, sizeof(a->comm), "%.*s", (int)(end - status - 6), status + 6);
	a->number[ACCOUNT_UID] = effective;
	for (int i = 0; i < ACCOUNT_STATUS_PAGES; i++) {
		if (!procfile_key(status, status_key[i], &kib))
			return -ESRCH;	/* it has no memory any more */
		a->number[i] = (kib << 10) / sysconf(_SC_PAGESIZE);
	}
	return 0;
}

static int read_numbers(struct account *a, pid_t pid)
{
	char *status = procfile_read_pid(pid, "status", NULL);
	char *stat = status ? procfile_read_pid(pid, "stat", NULL) : NULL;
	int err = stat ? parse_status(a, status) : -errno;

	for (size_t i = 0; !err && i < sizeof(stat_field) / sizeof(*stat_field); i++)
		a->number[stat_field[i].number] = procfile_stat(stat, stat_field[i].field);
	free(stat);
	free(status);
	return err;
}

/* Give each mapping that is not too large its place among the entries. */
static int place_entries(struct account *a)
{
	a->first = calloc(a->smaps.rows + 1, sizeof(*a->first));
	if (!a->first)
		return -ENOMEM;
	for (size_t i = 0; i < a->smaps.rows; i++) {
		const struct smaps_row *row = &a->smaps.row[i];
		uint64_t pages = (row->end - row->start) / sysconf(_SC_PAGESIZE);

		a->first[i] = SIZE_MAX;
		if (pages > ACCOUNT_PAGES_MAX)
			continue;
		a->first[i] = a->entries;
		a->entries += pages;
	}
	a->entry = calloc(a->entries + 1, sizeof(*a->entry));
	return a->entry ? 0 : -ENOMEM;
}

static int read_entries(struct account *a, pid_t pid)
{
	int fd = pagemap_open(pid), err = fd < 0 ? fd : 0;

	/* Neighbours are read at once: there may be tens of thousands of them. */
	for (size_t i = 0, j; !err && i < a->smaps.rows; i = j) {
		const struct smaps_row *row = a->smaps.row;

		j = i + 1;
		if (a->first[i] == SIZE_MAX)
			continue;
		while (j < a->smaps.rows && row[j].start == row[j - 1].end &&
		       a->first[j] != SIZE_MAX)
			j++;
		err = pagemap_read(fd, row[i].start, a->entry + a->first[i],
				   (row[j - 1].end - row[i].start) / sysconf(_SC_PAGESIZE));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

int account_read(struct account *a, pid_t pid)
{
	int err;

	memset(a, 0, sizeof(*a));
	err = read_numbers(a, pid);
	if (!err)
		err = smaps_read(&a->smaps, pid);
	if (!err)
		err = place_entries(a);
	if (!err)
		err = read_entries(a, pid);
	return err;
}

/* Reading smaps again, but not taking it apart: there may be 70 MB of it. */
static int smaps_holds(const struct account *a, pid_t pid)
{
	size_t len;
	char *text = procfile_read_pid(pid, "smaps", &len);
	int same;

	if (!text)
		return -errno;
	same = len == a->smaps.len && !memcmp(text, a->smaps.text, len);
	free(text);
	return same;
}

int account_holds(const struct account *a, pid_t pid)
{
	struct account now = { .smaps = a->smaps, .entries = a->entries, .first = a->first };
	int result = smaps_holds(a, pid), err;

	if (result <= 0)
		return result;
	now.entry = calloc(a->entries + 1, sizeof(*now.entry));
	err = now.entry ? read_numbers(&now, pid) : -ENOMEM;
	if (!err)
		err = read_entries(&now, pid);
	if (!err)
		result = !memcmp(a->entry, now.entry, a->entries * sizeof(*a->entry)) &&
			 !memcmp(a->number, now.number, sizeof(a->number)) &&
			 !strcmp(a->comm, now.comm);
	free(now.entry);
	return err ? err : result;
}

void account_free(struct account *a)
{
	smaps_free(&a->smaps);
	free(a->entry);
	free(a->first);
	memset(a, 0, sizeof(*a));
}
