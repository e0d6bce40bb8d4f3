// SPDX-License-Identifier: GPL-2.0
/*
 * Contract: frames of a device (raw frames without accounting) are not resident,
 * copies of them are; /dev/zero is anonymous memory, or shmem when shared.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/kind.h"

KIND_FIXTURE(device)

#define PAGES 16

/* The BIOS's memory: every PC has it, and any kernel lets root map it. */
#define ROM 0xf0000

/* smaps does not look into mappings of raw frames before this kernel. */
#define COPIES_IN_SMAPS_SINCE 6012

static void zero_body(struct target *t, void *arg)
{
	int fd = open("/dev/zero", O_RDWR);
	char *private, *shared;

	(void)arg;
	if (fd < 0)
		target_fail("/dev/zero");
	private = target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_PRIVATE, fd);
	shared = target_map(TARGET_ALONE(1), PAGES, KIND_RW, MAP_SHARED, fd);
	target_write(private, 5, 1);
	target_read(private + 8 * KIND_PAGE, 4, 1);
	target_write(shared, 7, 2);
	target_step(t);
}

TEST_F(device, dev_zero)
{
	KIND_START(zero_body);
	KIND_ROW(TARGET_ALONE(0), "size=16 rss=5 anon=5 file=0 shmem=0 dirty=5");
	KIND_ROW(TARGET_ALONE(1), "size=16 rss=7 anon=0 file=0 shmem=7 dirty=7");
	KIND_AGREES();
}

static char *map_rom(int slot, int prot, int flags)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	char *at;

	if (fd < 0)
		target_fail("/dev/mem");
	at = mmap((void *)TARGET_ALONE(slot), PAGES * KIND_PAGE, prot,
		  flags | MAP_FIXED_NOREPLACE, fd, ROM);
	if (at == MAP_FAILED)
		target_fail("mmap /dev/mem");
	return at;
}

static void shared_body(struct target *t, void *arg)
{
	char *at = map_rom(0, PROT_READ, MAP_SHARED);

	(void)arg;
	target_read(at, PAGES, 1);
	target_step(t);
}

TEST_F(device, dev_mem_shared)
{
	KIND_START(shared_body);
	KIND_ROW(TARGET_ALONE(0),
		 "size=16 rss=0 anon=0 file=0 shmem=0 dirty=0 young=0 runs=0 tables=3");
	KIND_AGREES();
}

static void private_body(struct target *t, void *arg)
{
	char *at = map_rom(0, KIND_RW, MAP_PRIVATE);

	(void)arg;
	target_read(at, PAGES, 1);
	target_write(at + 3 * KIND_PAGE, 2, 5);
	target_step(t);
}

TEST_F(device, dev_mem_private_written)
{
	uint64_t except = machine_kernel() < COPIES_IN_SMAPS_SINCE ? TARGET_ALONE(0) : 0;

	KIND_START(private_body);
	KIND_ROW(TARGET_ALONE(0), "size=16 rss=2 anon=2 file=0 dirty=2 young=2 runs=2 maxrun=1");
	EXPECT_EQ(0, agree_except(self->target.pid, except));
}

static void packet_body(struct target *t, void *arg)
{
	struct tpacket_req ring = {
		.tp_block_size = 4 * KIND_PAGE, .tp_block_nr = 4,
		.tp_frame_size = 2048, .tp_frame_nr = 4 * 4 * KIND_PAGE / 2048,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	(void)arg;
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
		target_fail("PACKET_RX_RING");
	target_map(TARGET_ALONE(0), PAGES, KIND_RW, MAP_SHARED, fd);
	target_step(t);
}

/* Pages of the kernel's that a driver put there are resident, as file pages. */
TEST_F(device, packet_ring)
{
	KIND_START(packet_body);
	KIND_ROW(TARGET_ALONE(0), "size=16 rss=16 anon=0 file=16 shmem=0 swap=0 runs<=4 maxrun>=4");
	KIND_AGREES();
}

static void perf_body(struct target *t, void *arg)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .size = sizeof(attr),
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	char *at;

	(void)arg;
	if (fd < 0)
		target_fail("perf_event_open");
	at = target_map(TARGET_ALONE(0), 1 + 8, KIND_RW, MAP_SHARED, fd);
	target_read(at, 9, 1);
	target_step(t);
}

TEST_F(device, perf_ring)
{
	KIND_START(perf_body);
	KIND_ROW(TARGET_ALONE(0), "size=9 anon=0 shmem=0 swap=0 tables=3");
	KIND_AGREES();
}

static void io_uring_body(struct target *t, void *arg)
{
	struct io_uring_params params = { .flags = 0 };
	int fd = syscall(SYS_io_uring_setup, 64, &params);
	char *at;

	(void)arg;
	if (fd < 0)
		target_fail("io_uring_setup");
	/* the kernel wants to choose the address */
	at = target_map(0, 1, KIND_RW, MAP_SHARED, fd);
	target_read(at, 1, 1);
	t->word[0] = (uintptr_t)at;
	target_step(t);
}

TEST_F(device, io_uring)
{
	KIND_START(io_uring_body);
	KIND_ROW(self->target.word[0], "size=1 anon=0 shmem=0 swap=0");
	KIND_AGREES();
}

TEST_HARNESS_MAIN
