// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "disk.h"

#define SIZE "64M"

/* The directory with the disk's image and the one it is mounted on, empty for none. */
static char work[32];
static char files[48];

static int shell(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "cd %s && %s", work, command);
	if (!system(line))
		return 0;
	diag("%s: failed", line);
	return -EIO;
}

const char *disk_mount(void)
{
	snprintf(work, sizeof(work), "/tmp/disk.XXXXXX");
	if (!mkdtemp(work)) {
		work[0] = '\0';
		return NULL;
	}
	snprintf(files, sizeof(files), "%s/files", work);
	if (shell("mkdir files && truncate -s " SIZE " image && mkfs.ext4 -q -b 4096 image") ||
	    shell("mount -o loop image files"))
		return NULL;
	return files;
}

void disk_unmount(void)
{
	if (!work[0])
		return;
	shell("umount files && rm image && rmdir files");
	rmdir(work);
	work[0] = '\0';
}

int disk_forget(int fd)
{
	int err;

	if (fsync(fd))
		return -errno;
	err = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return -err;
}

/* Page by page, for page cache that comes in single pages. */
static int fill(int fd, uint64_t pages)
{
	char page[4096];

	memset(page, 'v', sizeof(page));
	for (uint64_t i = 0; i < pages; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			return errno ? -errno : -EIO;
	return 0;
}

int disk_file(const char *name, uint64_t pages)
{
	char path[96];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", files, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = fill(fd, pages);
	if (!err)
		err = disk_forget(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}
