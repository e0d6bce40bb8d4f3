# SPDX-License-Identifier: GPL-2.0
# What the scripts of this directory share. To be sourced; needs bash.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib.bash"

# shellcheck disable=SC2034 # for the scripts
STYLE=$TREE/selftests/style

# As make's LLVM= has it, and as names of packages and programs end: the newest
# clang there is in Debian 12. The newest kernel wants 17.
LLVM=-19

# copy_module DIRECTORY: the module's source and nothing else, to be built there.
copy_module()
{
	rm -rf "$1"
	mkdir -p "$1"
	rsync -a --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' \
		--include='.clang-tidy' --exclude='.*' "$TREE/Kbuild" "$TREE/module" "$1/"
}

# no_warnings_in LOG: shows those there are.
no_warnings_in()
{
	! grep -E 'warning:|WARNING: modpost|error:|\*\*\*' "$1" | sort -u | grep .
}

# tidy FILE... -- CLANG-ARGUMENT...: clang-tidy, one process for each file.
# Without arguments for clang they are in ./compile_commands.json.
tidy()
{
	local files=() out rc=0

	while (($#)) && [[ $1 != -- ]]; do
		files+=("$1")
		shift
	done
	out=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -I FILE \
		"clang-tidy$LLVM" --quiet FILE "$@" 2>&1) || rc=$?
	grep -vE '^[0-9]+ warnings? generated\.$|^Suppressed |^$' <<<"$out" || true
	return "$rc"
}
