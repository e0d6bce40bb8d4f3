// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a row as text.
 *
 * With 60,000 mappings most of a report's cost is here: seq_printf() takes six
 * times as long for a row.
 */
#include <linux/bitops.h>
#include <linux/kdev_t.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/swab.h>

#include "space.h"
#include "text.h"

/*
 * Eight hexadecimal digits of @value, the first one in the lowest byte. The
 * nibbles are spread to a byte each; adding 6 carries into bit 4 of those that
 * are letters.
 */
static u64 hex8(u32 value)
{
	u64 nibbles = value, letters;

	nibbles = (nibbles | nibbles << 16) & 0x0000ffff0000ffffULL;
	nibbles = (nibbles | nibbles << 8) & 0x00ff00ff00ff00ffULL;
	nibbles = (nibbles | nibbles << 4) & 0x0f0f0f0f0f0f0f0fULL;
	letters = (nibbles + 0x0606060606060606ULL) >> 4 & 0x0101010101010101ULL;
	return swab64(nibbles + 0x3030303030303030ULL +
		      letters * ('a' - '9' - 1));
}

/* An address, in at least eight digits; may write up to 16 bytes. */
static char *put_address(char *to, unsigned long addr)
{
	int digits = max(8, DIV_ROUND_UP(fls64(addr), 4));

	addr <<= 64 - 4 * digits;
	put_unaligned_le64(hex8(addr >> 32), to);
	put_unaligned_le64(hex8(addr), to + 8);
	return to + digits;
}

/* A number in hexadecimal, in at least @width digits. */
static char *put_hex(char *to, u64 value, int width)
{
	int digits = max(width, DIV_ROUND_UP(fls64(value), 4));

	while (digits--)
		*to++ = hex_asc_lo(value >> 4 * digits);
	return to;
}

static noinline char *put_dec(char *to, u64 value)
{
	char digits[20];
	int i = sizeof(digits);

	do {
		digits[--i] = '0' + value % 10;
		value /= 10;
	} while (value);
	memcpy(to, digits + i, sizeof(digits) - i);
	return to + sizeof(digits) - i;
}

/* Most counts of most mappings have one digit. */
static __always_inline char *put_count(char *to, u64 value)
{
	*to++ = ' ';
	if (value >= 10)
		return put_dec(to, value);
	*to++ = '0' + value;
	return to;
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

/* What is not known prints as "-": of an untracked process, and of growth. */
static char *put_faults(char *to, const struct vmi_row *row)
{
	static const char none[] = " - - - - - - - -";
	const struct vmi_faults *faults = &row->faults;
	unsigned int i;
	u64 major;

	if (!row->tracked) {
		memcpy(to, none, sizeof(none) - 1);
		return to + sizeof(none) - 1;
	}
	major = faults->nr[VMI_FAULT_MAJOR];
	to = put_count(to, vmi_faults_sum(faults) - major);
	to = put_count(to, major);
	for (i = 0; i < VMI_FAULT_KINDS; i++)
		to = put_count(to, faults->nr[i]);
	*to++ = ' ';
	*to++ = '-';
	return to;
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
	to = put_address(to, row->start);
	*to++ = '-';
	to = put_address(to, row->end);
	*to++ = ' ';
	to = put_perms(to, row->flags);
	*to++ = ' ';
	to = put_hex(to, row->offset, 1);
	*to++ = ' ';
	to = put_hex(to, MAJOR(row->dev), 2);
	*to++ = ':';
	to = put_hex(to, MINOR(row->dev), 2);
	to = put_count(to, row->ino);
	to = put_count(to, (row->end - row->start) >> PAGE_SHIFT);
	to = put_pages(to, &row->pages);
	to = put_faults(to, row);
	*to++ = ' ';
	if (!row->name_len)
		*to++ = '-';
	memcpy(to, row->name, row->name_len);
	to += row->name_len;
	*to++ = '\n';
	return to;
}
