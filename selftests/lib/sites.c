// SPDX-License-Identifier: GPL-2.0
/*
 * A call of another's function stands in a module's file as an instruction without
 * its operand, and a relocation that names the function.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "procfile.h"
#include "sites.h"

/* The byte before the operand. */
#define CALL 0xe8
#define JUMP 0xe9

/* How the names of those begin, on any of the kernels. */
static const char *const allocates[] = {
	"__kmalloc", "kmalloc", "__kvmalloc", "kvmalloc", "__vmalloc", "vmalloc", "krealloc",
	"kmem_cache_alloc", "__kmem_cache_create", "kmem_cache_create", "kmemdup", "kstrdup",
	"kasprintf", "__alloc_", "alloc_", "get_zeroed_page", "__get_free_pages", "xa_store",
	"mempool_", "d_alloc", "new_inode", "dentry_open", "vfs_kern_mount", "vfs_path_lookup",
	"lookup_positive_unlocked", "lookup_noperm", "proc_create", "proc_mkdir", "proc_symlink",
	"seq_open", "single_open", "register_", "ftrace_set_filter",
};

/**
 * struct elf - the parts of a module's file that matter
 * @file: all of it
 * @text: the section .text
 * @calls: its relocations
 * @symbols: the table of symbols
 * @names: their names
 * @text_number: number of @text
 */
struct elf {
	const char *file;
	const Elf64_Shdr *text;
	const Elf64_Shdr *calls;
	const Elf64_Shdr *symbols;
	const char *names;
	unsigned int text_number;
};

static bool find_parts(struct elf *elf, const char *file, size_t len)
{
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *section = (const void *)(file + head->e_shoff);
	const char *names;

	*elf = (struct elf){ .file = file };
	if (len < sizeof(*head) || head->e_machine != EM_X86_64)
		return false;
	names = file + section[head->e_shstrndx].sh_offset;
	for (int i = 0; i < head->e_shnum; i++) {
		if (!strcmp(names + section[i].sh_name, ".text")) {
			elf->text = &section[i];
			elf->text_number = i;
		}
		if (!strcmp(names + section[i].sh_name, ".rela.text"))
			elf->calls = &section[i];
		if (section[i].sh_type == SHT_SYMTAB) {
			elf->symbols = &section[i];
			elf->names = file + section[section[i].sh_link].sh_offset;
		}
	}
	return elf->text && elf->calls && elf->symbols;
}

static const Elf64_Sym *symbol(const struct elf *elf, size_t i)
{
	return (const Elf64_Sym *)(elf->file + elf->symbols->sh_offset) + i;
}

static const char *function_at(const struct elf *elf, uint64_t offset)
{
	for (size_t i = 0; i < elf->symbols->sh_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *s = symbol(elf, i);

		if (s->st_shndx == elf->text_number && ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
		    offset >= s->st_value && offset < s->st_value + s->st_size)
			return elf->names + s->st_name;
	}
	return "?";
}

static bool is_allocator(const char *name)
{
	for (size_t i = 0; i < sizeof(allocates) / sizeof(*allocates); i++)
		if (!strncmp(name, allocates[i], strlen(allocates[i])))
			return true;
	return false;
}

/* The compiler split it off, for hardly ever being run: if not into a section of its own. */
static bool is_cold(const char *function)
{
	return strstr(function, ".cold");
}

/* What of somebody else's that allocates does a relocation call? NULL if nothing. */
static const char *callee(const struct elf *elf, const Elf64_Rela *rela)
{
	const Elf64_Sym *s = symbol(elf, ELF64_R_SYM(rela->r_info));
	unsigned int type = ELF64_R_TYPE(rela->r_info);
	const char *name = elf->names + s->st_name;

	if (s->st_shndx != SHN_UNDEF || (type != R_X86_64_PLT32 && type != R_X86_64_PC32))
		return NULL;
	return is_allocator(name) ? name : NULL;
}

static int add_calls(const struct elf *elf, struct site *site, int room)
{
	const Elf64_Rela *rela = (const void *)(elf->file + elf->calls->sh_offset);
	const unsigned char *text = (const void *)(elf->file + elf->text->sh_offset);
	size_t nr = elf->calls->sh_size / sizeof(*rela);
	int sites = 0, err = 0;

	for (; nr--; rela++) {
		const char *name = callee(elf, rela);
		unsigned char code = name ? text[rela->r_offset - 1] : 0;

		if (code == JUMP) {
			diag("%s jumps to %s", function_at(elf, rela->r_offset), name);
			err = -ENOEXEC;
		}
		if (code != CALL || is_cold(function_at(elf, rela->r_offset)) || sites == room)
			continue;
		snprintf(site[sites].callee, sizeof(site->callee), "%s", name);
		snprintf(site[sites].function, sizeof(site->function), "%s",
			 function_at(elf, rela->r_offset));
		site[sites++].back = rela->r_offset + 4;
	}
	return err ?: sites;
}

int sites_read(const char *path, struct site *site, int room)
{
	size_t len = 0;
	char *file = procfile_read(path, &len);
	struct elf elf;
	int sites = -errno;

	if (file)
		sites = find_parts(&elf, file, len) ? add_calls(&elf, site, room) : -ENOEXEC;
	free(file);
	return sites;
}

/* The compiler says how it changed a function. */
static bool is_called(const char *name, const char *function)
{
	size_t len = strlen(function);

	return !strncmp(name, function, len) &&
	       (!name[len] || !strncmp(name + len, ".isra", strlen(".isra")) ||
		!strncmp(name + len, ".constprop", strlen(".constprop")));
}

static const Elf64_Sym *find_function(const struct elf *elf, const char *function)
{
	for (size_t i = 0; i < elf->symbols->sh_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *s = symbol(elf, i);

		if (s->st_shndx == elf->text_number && is_called(elf->names + s->st_name, function))
			return s;
	}
	return NULL;
}

int sites_function(const char *path, const char *function, uint64_t *start, uint64_t *end)
{
	size_t len = 0;
	char *file = procfile_read(path, &len);
	const Elf64_Sym *s = NULL;
	struct elf elf;

	if (file && find_parts(&elf, file, len))
		s = find_function(&elf, function);
	if (s) {
		*start = s->st_value;
		*end = s->st_value + s->st_size;
	} else {
		diag("%s: expected a function %s", path, function);
	}
	free(file);
	return s ? 0 : -ENODATA;
}
