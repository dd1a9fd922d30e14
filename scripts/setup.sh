#!/bin/sh
# Make sure that the Debian packages are there. Usage: setup.sh [--check] GROUP...
# Groups: build (compiler and libraries), test (Check, gnuplot), ci (clang and the checkers).
# Without --check, missing packages are installed when that is possible without a question.
set -u

# What proves that a package is there, probed without starting dpkg: a command or a file.
have() {
	case $1 in
	gcc) command -v "${CC:-cc}" ;;
	libc6-dev) header stdio.h ;;
	libgsl-dev) pkg-config --exists gsl ;;
	libjansson-dev) pkg-config --exists jansson ;;
	libcsv-dev) header csv.h ;;
	check) pkg-config --exists check ;;
	pkg-config | make | clang | clang-format | clang-tidy | cppcheck | shellcheck)
		command -v "$1" ;;
	gnuplot-nox) command -v gnuplot ;;
	libclang-rt-14-dev) ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a ;;
	esac >/dev/null 2>&1
}

header() {
	for dir in /usr/include /usr/local/include /usr/include/"$(uname -m)"-linux-gnu; do
		[ -f "$dir/$1" ] && return 0
	done
	printf '#include <%s>\n' "$1" | "${CC:-cc}" -E - 2>/dev/null
}

check_only=no
missing=
for group; do
	case $group in
	--check) check_only=yes; packages= ;;
	build) packages='gcc libc6-dev make pkg-config libgsl-dev libjansson-dev libcsv-dev' ;;
	test) packages='check gnuplot-nox' ;;
	ci) packages='clang libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck' ;;
	*) echo "setup.sh: unknown group \"$group\" (build, test or ci)" >&2; exit 2 ;;
	esac
	for package in $packages; do
		have "$package" || missing="$missing $package"
	done
done
[ -z "$missing" ] && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root='sudo '
if [ $check_only = yes ] || ! command -v apt-get >/dev/null 2>&1 ||
	{ [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; }; then
	echo "Missing:$missing" >&2
	echo "On Debian or Ubuntu: ${as_root}apt-get install -y$missing" >&2
	exit 1
fi

echo "Installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# The lists of a fresh machine are empty or old: fetch them once.
# shellcheck disable=SC2086 # lists of words
if ! ${as_root}apt-get update -qq >&2 ||
	! ${as_root}apt-get install -y -qq --no-install-recommends $missing >&2; then
	echo "Could not install; try: ${as_root}apt-get install -y$missing" >&2
	exit 1
fi
