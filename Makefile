# SPDX-License-Identifier: GPL-2.0
# make help says what there is.

# Kernel to build the module for: a release, and where its build files are.
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

prefix ?= /usr/local
export prefix

# For check, bench and demo: names out of selftests/vm/kernels, and tests.
export KERNELS TESTS

VM := selftests/vm
# The goal of this makefile is never a file.
.PHONY: all help module tool install uninstall clean check check-tool check-more check-soak check-debug check-kselftest style bench demo

all: module tool

help:
	@echo 'Building'
	@echo '  make               the module for the running kernel, and the tool'
	@echo '  make module        the module only; KVER=RELEASE or KDIR=DIRECTORY: for another kernel'
	@echo '  make tool          the tool only: build/tools/vminspect'
	@echo '  make install       both, and the man page (DESTDIR=, prefix=$(prefix))'
	@echo '  make uninstall     removes what install put there'
	@echo '  make clean         removes all that was built'
	@echo
	@echo 'Trying it out in a virtual machine (root on Debian 12; installs what it needs)'
	@echo '  make demo          boots a kernel and shows the module and the tool at work'
	@echo
	@echo 'Testing (root on Debian 12; installs what it needs)'
	@echo '  make check         all tests: the tool, and the module on Linux 6.1, 6.12 and 7.2'
	@echo '  make check-tool    only the tool, without a kernel'
	@echo '  make check-more    all selftests on more kernels: real-time, cloud, NUMA, 1 and 4 CPUs'
	@echo '  make check-soak    storms of a minute each, 1000 unloads, 20 times the fuzzing'
	@echo '  make check-debug   all selftests on kernels that complain about everything'
	@echo '  make check-kselftest'
	@echo '                     the kernel'"'"'s own tests of mm and proc with and without the module'
	@echo '  make style         coding style and static checks'
	@echo '  make bench         cost of a report, and of counting faults, in instructions'
	@echo
	@echo '  KERNELS="6.1 6.12" for check*, bench, demo: only these; there are:'
	@echo '                     $(shell awk '!/^\#/ && NF { print $$1 }' $(VM)/kernels)'
	@echo '  TESTS="rows access" for check*: only "rows" and "rows_*", ...'
	@echo '  $(VM)/shell 6.12 COMMAND'
	@echo '                     runs one command with the module in a virtual machine'

module:
	@test -e '$(KDIR)/Makefile' || { \
		echo 'No files to build modules with in $(KDIR).' >&2; \
		echo 'Debian: apt-get install linux-headers-$(KVER). make KDIR=DIRECTORY: they are elsewhere.' >&2; \
		exit 1; }
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)' modules

tool:
	@echo '#include <libsmartcols/libsmartcols.h>' | $(CC) -E -o /dev/null - 2>/dev/null || { \
		echo 'No libsmartcols headers. Debian: apt-get install gcc libc6-dev libsmartcols-dev.' >&2; \
		exit 1; }
	$(MAKE) -C tools all

install: module tool
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)' INSTALL_MOD_PATH='$(DESTDIR)' modules_install
	test -n '$(DESTDIR)' || depmod '$(KVER)'
	$(MAKE) -C tools install

uninstall:
	rm -f '$(DESTDIR)/lib/modules/$(KVER)/'*/vminspect.ko* \
		'$(DESTDIR)/lib/modules/$(KVER)/'*/module/vminspect.ko*
	test -n '$(DESTDIR)' || depmod '$(KVER)'
	$(MAKE) -C tools uninstall

clean:
	-test ! -e '$(KDIR)/Makefile' || $(MAKE) -C '$(KDIR)' M='$(CURDIR)' clean
	rm -rf build

check:
	@$(VM)/check

check-tool: tool
	$(MAKE) -C tools check

check-more:
	@$(VM)/check more

# What lasts as long, or is done as often, as VMINSPECT_SOAK says.
check-soak: export VMINSPECT_SOAK ?= 60
check-soak: export KERNELS := $(or $(KERNELS),6.12)
check-soak: export TESTS := $(or $(TESTS),unload_cycles fuzz track_storm storm)
check-soak:
	@$(VM)/check soak

check-debug:
	@$(VM)/check-debug

check-kselftest:
	@$(VM)/check-kselftest $(KERNELS)

style:
	@selftests/style/check

bench:
	@selftests/bench/run

demo:
	@$(VM)/demo
