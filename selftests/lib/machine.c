// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diag.h"
#include "machine.h"
#include "procfile.h"
#include "slow.h"

#define MAX_SETTINGS 32
#define THP "/sys/kernel/mm/transparent_hugepage/"

extern char **environ;

/* Settings as they were, oldest first. */
static struct setting {
	char path[128];
	char value[64];
} setting[MAX_SETTINGS];
static int settings;

/* The zram device in use as swap, -1 for none. */
static int swap_device = -1;

/* The directory ramfs is mounted on, empty for none. */
static char ramfs[32];

unsigned int machine_kernel(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (!uname(&name))
		sscanf(name.release, "%u.%u", &major, &minor);
	return major * 1000 + minor;
}

int machine_levels(void)
{
	static int levels;
	char *text;

	if (!levels) {
		text = procfile_read("/proc/cpuinfo", NULL);
		levels = text && strstr(text, " la57") ? 5 : 4;
		free(text);
	}
	return levels;
}

/* The word in brackets if there is one, else the first line. */
static void old_value(char *text, char *value, size_t room)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (close) {
		text = open + 1;
		*close = '\0';
	}
	snprintf(value, room, "%.*s", (int)strcspn(text, "\n"), text);
}

int machine_set(const char *path, const char *value)
{
	char *text = procfile_read(path, NULL);
	struct setting *s = &setting[settings];
	int err;

	if (!text)
		return -errno;
	if (settings == MAX_SETTINGS) {
		free(text);
		return -ENOSPC;
	}
	snprintf(s->path, sizeof(s->path), "%s", path);
	old_value(text, s->value, sizeof(s->value));
	free(text);
	err = procfile_write(path, value);
	if (!err)
		settings++;
	return err;
}

int machine_quiet(void)
{
	static const struct {
		const char *path;
		const char *value;
	} quiet[] = {
		{ THP "khugepaged/max_ptes_none", "0" },
		{ THP "khugepaged/max_ptes_swap", "0" },
		{ THP "khugepaged/scan_sleep_millisecs", "3600000" },
		{ "/sys/kernel/mm/ksm/run", "0" },
		{ "/proc/sys/kernel/numa_balancing", "0" },
		{ "/proc/sys/vm/compaction_proactiveness", "0" },
		/* samples accessed bits, and clears them for it */
		{ "/sys/module/damon_stat/parameters/enabled", "N" },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(quiet) / sizeof(*quiet) && !err; i++) {
		err = machine_set(quiet[i].path, quiet[i].value);
		if (err == -ENOENT)
			err = 0;	/* not built into this kernel: nothing to stop */
	}
	return err;
}

bool machine_is_rt(void)
{
	return !access("/sys/kernel/realtime", F_OK);
}

bool machine_has_thp(void)
{
	return !access(THP, F_OK);
}

int machine_thp(const char *setting, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), THP "%s", setting);
	return machine_has_thp() ? machine_set(path, value) : 0;
}

/* By /proc/kallsyms, as far as need be: it is long. Up to the next symbol. */
bool machine_symbol(const char *symbol, uint64_t *start, uint64_t *end)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], name[256];
	uint64_t address;
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %*c %255s", &address, name) != 2)
			continue;
		if (found && address > *start) {
			*end = address;
			fclose(f);
			return true;
		}
		if (!found && !strcmp(name, symbol)) {
			*start = address;
			found = true;
		}
	}
	if (f)
		fclose(f);
	return false;
}

int machine_stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) ? -errno : 0;
}

/* The time grows with their square. Three levels of the maple tree, reports of many reads. */
#define MANY_IF_SLOW 500

uint64_t machine_mappings(uint64_t wanted)
{
	uint64_t start, end;

	if (wanted <= MANY_IF_SLOW)
		return wanted;
	if (slow_times() > 1 || machine_symbol("validate_mm", &start, &end))
		return MANY_IF_SLOW;
	return wanted;
}

int machine_hugepages(uint64_t bytes, uint64_t count)
{
	char path[128], text[32], *now;
	int err;

	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages", bytes >> 10);
	snprintf(text, sizeof(text), "%" PRIu64, count);
	err = machine_set(path, text);
	if (err)
		return err;
	now = procfile_read(path, NULL);
	if (!now)
		return -errno;
	err = atoi(now);
	free(now);
	return err;
}

int machine_exact_faults(void)
{
	return machine_set("/sys/kernel/debug/fault_around_bytes", "4096");
}

const char *machine_ramfs(void)
{
	snprintf(ramfs, sizeof(ramfs), "/tmp/ramfs.XXXXXX");
	if (mkdtemp(ramfs) && !mount("ramfs", ramfs, "ramfs", 0, NULL))
		return ramfs;
	ramfs[0] = '\0';
	return NULL;
}

/* Run a program to its end with its output discarded. */
static int run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		diag("%s failed", argv[0]);
		return -EIO;
	}
	return 0;
}

/* A new zram device: its number. */
static int add_zram(void)
{
	char *const modprobe[] = { "modprobe", "zram", NULL };
	char *text;
	int device;

	if (access("/sys/class/zram-control", F_OK) && run(modprobe))
		return -ENODEV;
	/* reading the file makes a device */
	text = procfile_read("/sys/class/zram-control/hot_add", NULL);
	if (!text)
		return -errno;
	device = atoi(text);
	free(text);
	return device;
}

int machine_swap_on(unsigned int mebibytes)
{
	char path[64], node[32], size[32];
	char *const mkswap[] = { "mkswap", node, NULL };
	int device = add_zram(), err;

	if (device < 0)
		return device;
	snprintf(node, sizeof(node), "/dev/zram%d", device);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", device);
	snprintf(size, sizeof(size), "%uM", mebibytes);
	swap_device = device;
	err = procfile_write(path, size);
	if (!err)
		err = run(mkswap);
	if (!err && swapon(node, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK))
		err = -errno;
	return err;
}

static void swap_off(void)
{
	char node[32], number[16];

	snprintf(node, sizeof(node), "/dev/zram%d", swap_device);
	snprintf(number, sizeof(number), "%d", swap_device);
	swapoff(node);
	procfile_write("/sys/class/zram-control/hot_remove", number);
	swap_device = -1;
}

void machine_restore(void)
{
	if (swap_device >= 0)
		swap_off();
	if (ramfs[0] && !umount2(ramfs, MNT_DETACH))
		rmdir(ramfs);
	ramfs[0] = '\0';
	while (settings) {
		settings--;
		procfile_write(setting[settings].path, setting[settings].value);
	}
}
