// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"
#include "smaps.h"

/* A line of smaps that is added to a field of the row. */
static const struct {
	const char *key;
	size_t field;
} sum[] = {
	{ "Rss", offsetof(struct smaps_row, rss) },
	{ "Pss", offsetof(struct smaps_row, pss) },
	{ "Anonymous", offsetof(struct smaps_row, anon) },
	{ "Swap", offsetof(struct smaps_row, swap) },
	{ "AnonHugePages", offsetof(struct smaps_row, huge) },
	{ "ShmemPmdMapped", offsetof(struct smaps_row, huge) },
	{ "FilePmdMapped", offsetof(struct smaps_row, huge) },
	{ "Shared_Hugetlb", offsetof(struct smaps_row, hugetlb) },
	{ "Private_Hugetlb", offsetof(struct smaps_row, hugetlb) },
	{ "Shared_Dirty", offsetof(struct smaps_row, dirty) },
	{ "Private_Dirty", offsetof(struct smaps_row, dirty) },
	{ "Referenced", offsetof(struct smaps_row, referenced) },
	{ "Locked", offsetof(struct smaps_row, locked) },
};

static bool parse_header(char *line, struct smaps_row *row)
{
	unsigned long start, end, offset, inode;
	int name = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu%n", &start, &end, row->perms, &offset,
		   &row->major, &row->minor, &inode, &name) != 7)
		return false;
	row->start = start;
	row->end = end;
	row->offset = offset;
	row->inode = inode;
	/* Without a name the inode is followed by one blank. */
	row->name = line + name + strspn(line + name, " ");
	if (!*row->name)
		row->name = NULL;
	return true;
}

static bool parse_value(char *line, struct smaps_row *row)
{
	char *colon = strchr(line, ':');
	uint64_t kib;

	if (!colon)
		return false;
	*colon = '\0';
	if (!strcmp(line, "VmFlags")) {
		/* "rd wr " follows the blank behind the colon */
		return snprintf(row->flags, sizeof(row->flags), "%s", colon + 1) <
		       (int)sizeof(row->flags);
	}
	kib = strtoull(colon + 1, NULL, 10);
	if (!strcmp(line, "KernelPageSize"))
		row->page_size = kib << 10;
	for (size_t i = 0; i < sizeof(sum) / sizeof(sum[0]); i++)
		if (!strcmp(line, sum[i].key))
			*(uint64_t *)((char *)row + sum[i].field) +=
				(kib << 10) / sysconf(_SC_PAGESIZE);
	return true;
}

static bool is_header(const char *line)
{
	return isxdigit((unsigned char)*line) && strspn(line, "0123456789abcdef") >= 8;
}

static int parse(struct smaps *s)
{
	struct smaps_row *row = NULL, scratch;
	size_t room = 0;
	char *line = s->work, *next;

	for (; *line; line = next) {
		next = strchr(line, '\n');
		if (!next)
			return -EBADMSG;
		*next++ = '\0';
		if (!is_header(line)) {
			if (!row || !parse_value(line, row))
				return -EBADMSG;
			continue;
		}
		memset(&scratch, 0, sizeof(scratch));
		if (!parse_header(line, &scratch))
			return -EBADMSG;
		if (scratch.start == SMAPS_GATE) {
			row = &scratch;
			continue;
		}
		if (s->rows == room) {
			room = room ? room * 2 : 64;
			row = reallocarray(s->row, room, sizeof(*row));
			if (!row)
				return -ENOMEM;
			s->row = row;
		}
		row = &s->row[s->rows++];
		*row = scratch;
	}
	return 0;
}

int smaps_read(struct smaps *s, pid_t pid)
{
	memset(s, 0, sizeof(*s));
	s->text = procfile_read_pid(pid, "smaps", &s->len);
	if (!s->text)
		return -errno;
	s->work = strdup(s->text);
	if (!s->work)
		return -ENOMEM;
	return parse(s);
}

void smaps_free(struct smaps *s)
{
	free(s->text);
	free(s->work);
	free(s->row);
	memset(s, 0, sizeof(*s));
}

const struct smaps_row *smaps_find(const struct smaps *s, uint64_t address)
{
	for (size_t i = 0; i < s->rows; i++)
		if (s->row[i].start <= address && address < s->row[i].end)
			return &s->row[i];
	return NULL;
}

bool smaps_flag(const struct smaps_row *row, const char *flag)
{
	char word[8];

	snprintf(word, sizeof(word), " %.2s ", flag);
	return strstr(row->flags, word);
}
