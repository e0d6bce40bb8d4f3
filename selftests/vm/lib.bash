# SPDX-License-Identifier: GPL-2.0
# What the scripts of this directory share. To be sourced; needs bash.
# shellcheck shell=bash

set -euo pipefail

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TREE=$(cd "$VM/../.." && pwd -P)
# shellcheck disable=SC2034 # for the scripts
BUILD=$TREE/build
CACHE=${VMINSPECT_CACHE:-$HOME/.cache/vminspect}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# apt's lists and a chroot's are asked for news at most this often.
FRESH_MINUTES=720

say()
{
	printf '%s\n' "${0##*/}: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

# kernel_names: every name in the list of kernels.
kernel_names()
{
	awk '!/^#/ && NF { print $1 }' "$VM/kernels"
}

# goal_kernels GOAL: the names of those that a goal tests.
goal_kernels()
{
	awk -v goal="$1" '!/^#/ && $5 == goal { print $1 }' "$VM/kernels"
}

# kernel_field NAME FIELD: one field of a kernel's line.
kernel_field()
{
	awk -v name="$1" -v field="$2" '
		BEGIN { split("name suite package needed goal options", fields)
			for (i in fields) column[fields[i]] = i }
		/^#/ || $1 != name { next }
		field == "options" { $1 = $2 = $3 = $4 = $5 = ""; sub(/^ +/, ""); print }
		field != "options" { print $column[field] }
		{ found = 1 }
		END { exit !found }' "$VM/kernels" ||
		die "$1: no such kernel; there are: $(kernel_names | xargs)"
}

# kernel_option NAME OPTION DEFAULT: one of a kernel's options for the harness.
kernel_option()
{
	local option

	for option in $(kernel_field "$1" options); do
		[[ $option != "vm.$2="* ]] || { echo "${option#*=}"; return; }
	done
	echo "$3"
}

# kernel_append NAME: the options for the kernel's command line.
kernel_append()
{
	kernel_field "$1" options | sed -E 's/(^| )vm\.[^ ]*//g'
}

# kernel_is_built NAME: is it built here, from source?
kernel_is_built()
{
	[[ $(kernel_field "$1" package) == linux-source* ]]
}

# kernel_config_has NAME FRAGMENT: is that part of the configuration it is built with?
kernel_config_has()
{
	[[ ,$(kernel_option "$1" config ""), == *,$2,* ]]
}

# has_coverage NAME: does a run on it say which lines of the module the selftests come by?
# Only all of them.
has_coverage()
{
	kernel_config_has "$1" gcov && [[ ! ${TESTS:-} ]]
}

# kernel_dir NAME: where a fetched kernel is: release, vmlinuz, root/lib/modules.
# One that differs from an earlier one in its options only shares it.
kernel_dir()
{
	echo "$CACHE/kernels/$(awk -v name="$1" '
		/^#/ || !NF { next }
		{ of = $3 ~ /^linux-source/ ? $1 : $2 " " $3 }
		!(of in first) { first[of] = $1 }
		$1 == name { print first[of] }' "$VM/kernels")"
}

# kernel_release NAME: uname -r of a fetched kernel.
kernel_release()
{
	cat "$(kernel_dir "$1")/release"
}

# kernel_has_module NAME MODULE: can the fetched kernel load it, or is it built in?
kernel_has_module()
{
	/sbin/modprobe -d "$(kernel_dir "$1")/root" -S "$(kernel_release "$1")" \
		--show-depends "$2" >/dev/null 2>&1
}

# kernel_build NAME: what modules are built with for a fetched kernel.
kernel_build()
{
	if kernel_is_built "$1"; then
		echo "$(kernel_dir "$1")/build"
	else
		echo "/usr/src/linux-headers-$(kernel_release "$1")"
	fi
}

# kernel_compiler NAME: the suite whose compiler builds for it.
kernel_compiler()
{
	if kernel_is_built "$1"; then
		echo host
	else
		kernel_field "$1" suite
	fi
}

# locked FILE COMMAND...: runs one of several at a time.
locked()
{
	local file=$1

	shift
	mkdir -p "$(dirname "$file")"
	(
		flock 9
		"$@" 9>&-
	) 9>"$file"
}

# is_fresh FILE: was it touched lately?
is_fresh()
{
	[[ -n $(find "$1" -mmin "-$FRESH_MINUTES" 2>/dev/null) ]]
}

# quietly COMMAND...: shows what it printed only if it fails.
quietly()
{
	local log rc=0

	log=$(mktemp)
	"$@" >"$log" 2>&1 || rc=$?
	((rc == 0)) || cat "$log" >&2
	rm -f "$log"
	return "$rc"
}

chroot_dir()
{
	echo "$CACHE/chroot/$1"
}

# in_suite SUITE DIRECTORY COMMAND...: runs a command in a suite's system with
# DIRECTORY, which is at the same path inside, as its working directory. The
# mounts vanish with their namespace.
in_suite()
{
	local suite=$1 directory=$2 root

	shift 2
	if [[ $suite == host ]]; then
		(cd "$directory" && exec "$@")
		return
	fi
	[[ $EUID == 0 ]] || die "not root: cannot use a chroot of Debian $suite"
	root=$(chroot_dir "$suite")
	mkdir -p "$root$directory"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount -- sh -euc '
		root=$1 directory=$2
		shift 2
		mount -t proc proc "$root/proc"
		mount --bind "$directory" "$root$directory"
		exec chroot "$root" sh -euc "cd \"\$0\"; exec \"\$@\"" \
			"$directory" "$@"' sh "$root" "$directory" "$@"
}

update_lists()
{
	local stamp=$CACHE/apt-update.$1

	! is_fresh "$stamp" && [[ $EUID == 0 ]] || return 0
	if quietly in_suite "$1" "$CACHE" apt-get -q update; then
		touch "$stamp"
	else
		say "$1: apt-get update failed: using the package lists that are there"
	fi
}

# apt_update SUITE: learns of new versions, if the last time was long ago.
apt_update()
{
	mkdir -p "$CACHE"
	locked "$CACHE/apt.$1.lock" update_lists "$1"
}

# apt_get SUITE DIRECTORY ARGUMENT...: apt-get, tried again with new lists of
# packages if it fails: a mirror keeps no old versions.
apt_get()
{
	local suite=$1

	apt_update "$suite"
	if ! quietly in_suite "$suite" "$2" apt-get -qy "${@:3}"; then
		rm -f "$CACHE/apt-update.$suite"
		apt_update "$suite"
		quietly in_suite "$suite" "$2" apt-get -qy "${@:3}"
	fi
}

# download SUITE DIRECTORY PACKAGE...: the packages' files into a directory.
download()
{
	apt_get "$1" "$2" -o APT::Sandbox::User=root download "${@:3}" ||
		die "$1: apt-get could not download ${*:3}"
}

# download_source SUITE PACKAGE DIRECTORY [FILE...]: what is in a linux-source
# package, or only these files of it, into a new directory.
download_source()
{
	local suite=$1 package=$2 to=$3 work=$3.download files

	files=("${@:4}")
	rm -rf "$to" "$work"
	mkdir -p "$to" "$work"
	say "fetching $package"
	download "$suite" "$work" "$package"
	# The source is a tar within the package's own.
	dpkg-deb --fsys-tarfile "$work"/*.deb |
		tar -xOf - --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJf - -C "$to" --strip-components=1 "${files[@]/#/$package/}"
	rm -r "$work"
}

# apt_depends SUITE PACKAGE: the names of what its newest version depends on.
apt_depends()
{
	in_suite "$1" "$CACHE" apt-cache show --no-all-versions "$2" |
		sed -n 's/^Depends: //p' | tr ',|' '\n' |
		sed 's/(.*//; s/ //g'
}

# apt_version SUITE PACKAGE: its newest version.
apt_version()
{
	in_suite "$1" "$CACHE" apt-cache show --no-all-versions "$2" |
		sed -n 's/^Version: //p'
}

# apt_install SUITE PACKAGE...: installs what is not installed yet.
apt_install()
{
	local suite=$1 package missing=()

	shift
	for package; do
		# shellcheck disable=SC2016 # dpkg's variable
		[[ $(in_suite "$suite" "$CACHE" dpkg-query -W \
			-f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			missing+=("$package")
	done
	((${#missing[@]})) || return 0
	[[ $EUID == 0 ]] ||
		die "not root: cannot install ${missing[*]} (apt-get install ${missing[*]})"
	command -v apt-get >/dev/null ||
		die "no apt-get: install by other means: ${missing[*]}"
	say "$suite: installing ${missing[*]}"
	apt_get "$suite" "$CACHE" --no-install-recommends \
		-o DPkg::Lock::Timeout=300 install "${missing[@]}" ||
		die "$suite: apt-get could not install ${missing[*]}"
}

# has_stamp DIRECTORY END: is there something in it, whose stamp ends so?
has_stamp()
{
	[[ -e $1/stamp && $(<"$1/stamp") == *"$2" ]]
}

# cached DIRECTORY FUNCTION [END]: has a function bring what is in a directory up to
# date, one process at a time and now and then; when it cannot, what it brought
# before will do, if its stamp ends so.
cached()
{
	local dir=$1 rc

	has_stamp "$dir" "${3:-}" && is_fresh "$dir/.checked" && return
	mkdir -p "$(dirname "$dir")"
	# In a subshell and not as a condition: there errexit is in force.
	set +e
	(
		set -e
		locked "$dir.lock" "$2"
		touch "$dir/.checked"
	)
	rc=$?
	set -e
	((rc == 0)) && return
	has_stamp "$dir" "${3:-}" || exit "$rc"
	say "using what was fetched before: $(<"$dir/stamp")"
}

# guests MOST: how many guests at a time, if there is the memory that QEMU takes for each.
guests()
{
	awk -v most="$1" '/^MemAvailable/ {
		guests = int($2 / 1024 / 4608)
		print guests < 1 ? 1 : guests < most ? guests : most
	}' /proc/meminfo
}

# What a script has counted so far.
passed=0 failed=0 skipped=0

# add PASSED FAILED SKIPPED: counts what others counted.
add()
{
	((passed += $1, failed += $2, skipped += $3)) || true
}

# verdict NAME RESULT TEXT: counts a test of the script's own on that kernel, and
# prints it; the result is ok, skip or not ok.
verdict()
{
	case $2 in
	ok) add 1 0 0 ;;
	skip) add 0 0 1 ;;
	*) add 0 1 0 ;;
	esac
	printf '%s: %s %s\n' "$@"
}

# save_counts FILE: leaves them to the script that called this one.
save_counts()
{
	echo "$passed $failed $skipped" >"$1"
}

# add_file NAME FILE WHAT: counts what a script left in a file for that kernel; without
# it, what it did came to no end.
add_file()
{
	local counts

	if read -ra counts 2>/dev/null <"$2"; then
		add "${counts[@]}"
	else
		verdict "$1" 'not ok' "$3 came to no end"
	fi
}

# judged NAME TEXT LOG...: the verdict on kernel logs; says where what must not be there is.
judged()
{
	local bad

	if bad=$("$VM/judge" "${@:3}"); then
		verdict "$1" ok "nothing bad in $2"
	else
		verdict "$1" 'not ok' "$2 (whole: ${3#"$TREE"/}):"
		printf '%s\n' "$bad" | sed "s/^.*\.log:[0-9]*:/$1:     /" |
			awk '!seen[$0]++' | cat -v
	fi
}

# failures LOG...: if anything failed, what that was, and the first lines of what it
# said: among some thousand results that others printed, nobody finds it.
failures()
{
	((failed > 0)) || return 0
	awk '
		/^[^ ]+: not ok / { said[$1] = 0; print; next }
		!/^[^ ]+:     / { delete said[$1]; next }
		/:     (TAP version|Starting|RUN|[0-9.]+$)|Test failed|        FAIL/ { next }
		$1 in said && ++said[$1] <= 20' "$@"
}

# total: the last line of what tests; fails if anything failed.
total()
{
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0))
}
