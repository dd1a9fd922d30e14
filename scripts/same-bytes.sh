#!/bin/sh
# Compilers and optimisation never show: gcc and clang, -O0 and -O2, write the same bytes.
# Ends with "N passed, N failed", one case per build compared with the first.
set -u

out=build/same-bytes
rm -rf "$out"
passed=0
failed=0
first=
for cc in gcc clang; do
	for level in -O0 -O2; do
		build=same-$cc$level
		"${MAKE:-make}" --no-print-directory -s "-j$(nproc)" "VARIANT=$build" "CC=$cc" "CFLAGS=$level" all ||
			exit 1
		scripts/short-runs.sh "build/$build/aliquot" "$out/$build" >"$out.log" || {
			cat "$out.log"
			failed=$((failed + 1))
			continue
		}
		if [ -z "$first" ]; then
			first=$build
		elif diff -rq "$out/$first" "$out/$build"; then
			passed=$((passed + 1))
			echo "  $build: the same bytes as $first in $(find "$out/$build" -type f | wc -l) files"
		else
			failed=$((failed + 1))
		fi
	done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
