// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the rows of tables as text.
 *
 * With 60,000 mappings most of a report's cost is here: seq_printf() takes six
 * times as long for a row.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/kdev_t.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/swab.h>
#include <linux/time64.h>

#include "growth.h"
#include "space.h"
#include "stacks.h"
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

/* What is not known prints as "-": of an untracked process. */
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
	return put_count(to, row->grows);
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

static char *put_word(char *to, const char *word)
{
	size_t len = strlen(word);

	*to++ = ' ';
	memcpy(to, word, len);
	return to + len;
}

static char *put_key(char *to, const char *key)
{
	size_t len = strlen(key);

	memcpy(to, key, len);
	return to + len;
}

/**
 * vmi_text_count() - write a line with a number
 * @to: room for VMI_TEXT_KEY bytes
 * @key: what it is
 * @value: the number
 *
 * Return: the end of what was written, which is not terminated.
 */
char *vmi_text_count(char *to, const char *key, u64 value)
{
	to = put_count(put_key(to, key), value);
	*to++ = '\n';
	return to;
}

/**
 * vmi_text_address() - write a line with an address
 * @to: room for VMI_TEXT_KEY bytes
 * @key: what it is
 * @addr: the address
 *
 * Return: the end of what was written, which is not terminated.
 */
char *vmi_text_address(char *to, const char *key, unsigned long addr)
{
	to = put_key(to, key);
	*to++ = ' ';
	to = put_hex(to, addr, 1);
	*to++ = '\n';
	return to;
}

/* A count that may not be known. */
static char *put_known(char *to, bool known, u64 value)
{
	return known ? put_count(to, value) : put_word(to, "-");
}

static char *put_limit(char *to, unsigned long limit)
{
	return limit == VMI_UNLIMITED ? put_word(to, "unlimited") :
					put_count(to, limit);
}

/* What could be taken for the end of the field is written in octal. */
static char *put_comm(char *to, const char *comm)
{
	*to++ = ' ';
	if (!*comm)
		*to++ = '-';
	for (; *comm; comm++) {
		if (!strchr(" \t\n\v\f\r\\", *comm)) {
			*to++ = *comm;
			continue;
		}
		*to++ = '\\';
		*to++ = '0' + (*comm >> 6);
		*to++ = '0' + (*comm >> 3 & 7);
		*to++ = '0' + (*comm & 7);
	}
	return to;
}

/**
 * vmi_text_stack_name() - name a mapping after the stacks of threads in it
 * @to: room for VMI_TEXT_STACK_NAME bytes
 * @stacks: the stacks
 * @start: first address of the mapping
 * @end: first address behind
 *
 * Return: whether there are any.
 */
bool vmi_text_stack_name(char *to, const struct vmi_stacks *stacks,
			 unsigned long start, unsigned long end)
{
	pid_t tid;
	unsigned int nr = vmi_stacks_in(stacks, start, end, &tid);

	if (nr > 1)
		snprintf(to, VMI_TEXT_STACK_NAME, "[stack:%d+%u]", tid, nr - 1);
	else if (nr)
		snprintf(to, VMI_TEXT_STACK_NAME, "[stack:%d]", tid);
	return nr;
}

static char *put_stack_name(char *to, const struct vmi_stack *stack,
			    const struct vmi_stacks *stacks)
{
	char name[VMI_TEXT_STACK_NAME] = "[stack]";

	if (!stack->initial)
		vmi_text_stack_name(name, stacks, stack->vm_start, stack->vm_end);
	return put_word(to, name);
}

/**
 * vmi_text_stack() - write a row of [stacks]
 * @to: room for VMI_TEXT_STACK bytes
 * @stack: the stack
 * @stacks: the one and all others
 *
 * The columns are those of VMINSPECT_STACK_COLUMNS.
 *
 * Return: the end of what was written, which is not terminated.
 */
char *vmi_text_stack(char *to, const struct vmi_stack *stack,
		     const struct vmi_stacks *stacks)
{
	to = put_dec(to, stack->thread.tid);
	to = put_comm(to, stack->thread.comm);
	if (stack->kind == VMI_STACK_UNKNOWN) {
		to = put_word(to, "- - - - - - - - -");
		*to++ = '\n';
		return to;
	}
	to = put_word(to, stack->kind == VMI_STACK_MAIN ? "main" : "thread");
	*to++ = ' ';
	to = put_address(to, stack->start);
	*to++ = '-';
	to = put_address(to, stack->end);
	to = put_count(to, (stack->end - stack->start) >> PAGE_SHIFT);
	to = put_limit(to, stack->limit);
	to = put_count(to, stack->guard);
	to = put_count(to, stack->touched);
	to = put_known(to, stack->depth_known, stack->depth);
	to = put_count(to, stack->headroom);
	to = put_stack_name(to, stack, stacks);
	*to++ = '\n';
	return to;
}

/* Of an address that is not known, which is never 0. */
static char *put_known_address(char *to, unsigned long addr)
{
	if (!addr)
		return put_word(to, "-");
	*to++ = ' ';
	return put_address(to, addr);
}

static char *put_time(char *to, u64 ns)
{
	u32 rest;

	to = put_dec(to, div_u64_rem(ns, NSEC_PER_SEC, &rest));
	return to + sprintf(to, ".%09u", rest);
}

/**
 * vmi_text_event() - write a row of [growth]
 * @to: room for VMI_TEXT_EVENT bytes
 * @event: the growth
 * @tid: number of the task that caused it, as the reader sees it; 0 if he does not
 *
 * The columns are those of VMINSPECT_GROWTH_COLUMNS.
 *
 * Return: the end of what was written, which is not terminated.
 */
char *vmi_text_event(char *to, const struct vmi_growth_event *event, pid_t tid)
{
	static const char *const causes[] = {
		[VMI_GROWTH_FAULT] = "fault",
		[VMI_GROWTH_EXEC] = "exec",
		[VMI_GROWTH_REMOTE] = "remote",
	};
	static const char *const results[] = {
		[VMI_GROWTH_GROWN] = "grown",
		[VMI_GROWTH_RLIMIT_STACK] = "refused:rlimit_stack",
		[VMI_GROWTH_GUARD_GAP] = "refused:guard_gap",
		[VMI_GROWTH_RLIMIT_AS] = "refused:rlimit_as",
		[VMI_GROWTH_RLIMIT_MEMLOCK] = "refused:rlimit_memlock",
		[VMI_GROWTH_OVERCOMMIT] = "refused:overcommit",
		[VMI_GROWTH_MMAP_MIN_ADDR] = "refused:mmap_min_addr",
		[VMI_GROWTH_OTHER] = "refused:other",
	};

	to = put_time(to, event->time_ns);
	to = put_known(to, tid, tid);
	to = put_comm(to, event->comm);
	to = put_word(to, causes[event->cause]);
	to = put_known_address(to, event->ip);
	to = put_known_address(to, event->sp);
	*to++ = ' ';
	to = put_address(to, event->addr);
	*to++ = ' ';
	to = put_address(to, event->old_start);
	*to++ = ' ';
	to = put_address(to, event->new_start);
	to = put_count(to, (event->end - event->new_start) >> PAGE_SHIFT);
	to = put_limit(to, event->limit);
	to = put_word(to, results[event->result]);
	*to++ = '\n';
	return to;
}
