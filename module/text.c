// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a row as text.
 *
 * With 60,000 mappings most of a report's cost is here: seq_printf() takes six
 * times as long for a row.
 */
#include <linux/bitops.h>
#include <linux/kdev_t.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "space.h"
#include "text.h"

static char *put_hex(char *to, u64 value)
{
	int shift = value ? round_down(fls64(value) - 1, 4) : 0;

	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[(value >> shift) & 0xf];
	return to;
}

/* A device number, as "%02x". */
static char *put_hex2(char *to, u64 value)
{
	if (value < 0x10)
		*to++ = '0';
	return put_hex(to, value);
}

static char *put_dec(char *to, u64 value)
{
	char digits[20];
	int i = sizeof(digits);

	if (value < 10) {
		*to++ = '0' + value;
		return to;
	}
	do {
		digits[--i] = '0' + value % 10;
		value /= 10;
	} while (value);
	memcpy(to, digits + i, sizeof(digits) - i);
	return to + sizeof(digits) - i;
}

static char *put_count(char *to, u64 value)
{
	*to++ = ' ';
	return put_dec(to, value);
}

static char *put_perms(char *to, unsigned long flags)
{
	*to++ = flags & VM_READ ? 'r' : '-';
	*to++ = flags & VM_WRITE ? 'w' : '-';
	*to++ = flags & VM_EXEC ? 'x' : '-';
	*to++ = flags & VM_MAYSHARE ? 's' : 'p';
	return to;
}

static char *put_pages(char *to, const struct vmi_pages *pages)
{
	to = put_count(to, pages->rss);
	to = put_count(to, pages->anon);
	to = put_count(to, pages->file);
	to = put_count(to, pages->shmem);
	to = put_count(to, pages->swap);
	to = put_count(to, pages->huge);
	to = put_count(to, pages->hugetlb);
	to = put_count(to, pages->dirty);
	to = put_count(to, pages->young);
	to = put_count(to, pages->runs);
	to = put_count(to, pages->maxrun);
	return put_count(to, pages->tables);
}

/* What is not known yet prints as "-": the eight columns of faults. */
static char *put_faults(char *to)
{
	static const char none[] = " - - - - - - - -";

	memcpy(to, none, sizeof(none) - 1);
	return to + sizeof(none) - 1;
}

/**
 * vmi_text_row() - write a row of [vmas]
 * @to: room for VMI_TEXT_ROW bytes and the row's name
 * @row: the row
 *
 * The columns are those of VMINSPECT_VMA_COLUMNS.
 *
 * Return: the end of what was written, which is not terminated.
 */
char *vmi_text_row(char *to, const struct vmi_row *row)
{
	to = put_hex(to, row->start);
	*to++ = '-';
	to = put_hex(to, row->end);
	*to++ = ' ';
	to = put_perms(to, row->flags);
	*to++ = ' ';
	to = put_hex(to, row->offset);
	*to++ = ' ';
	to = put_hex2(to, MAJOR(row->dev));
	*to++ = ':';
	to = put_hex2(to, MINOR(row->dev));
	to = put_count(to, row->ino);
	to = put_count(to, (row->end - row->start) >> PAGE_SHIFT);
	to = put_pages(to, &row->pages);
	to = put_faults(to);
	*to++ = ' ';
	if (!row->name_len)
		*to++ = '-';
	memcpy(to, row->name, row->name_len);
	to += row->name_len;
	*to++ = '\n';
	return to;
}
