#!/bin/sh
# The committed results are what the program gives. Each results/reference/<name>/ holds `command`, which
# fills a folder named by $OUT, and the files of it that are kept; pictures are made again, not compared.
# A command that ends with status 77 found that data it needs are not there, and is skipped.
# Usage: reference.sh [--update] [NAME...]; --update writes the kept files again.
# Ends with "N passed, N failed".
set -u

update=no
[ "${1:-}" != --update ] || { update=yes; shift; }
[ $# -gt 0 ] || set -- results/reference/*/
PATH=$(pwd)/build:$PATH
export PATH

passed=0
failed=0
for name; do
	kept=results/reference/$(basename "$name")
	[ -f "$kept/command" ] || continue
	OUT=build/reference/$(basename "$name")
	export OUT
	rm -rf "$OUT"
	mkdir -p "$OUT"
	# 99 is a broken limit: a result like any other.
	sh "$kept/command" >"$OUT.log" 2>&1
	status=$?
	bad=
	if [ $status -eq 77 ]; then
		echo "SKIPPED: $kept needs data that are not there"
		continue
	fi
	[ $status -eq 0 ] || [ $status -eq 99 ] || bad="exit status $status"
	for file in $(cd "$kept" && find . -type f ! -name command ! -name README.md | LC_ALL=C sort); do
		if [ $update = yes ]; then
			cp "$OUT/$file" "$kept/$file" || bad="$bad $file"
			continue
		fi
		case $file in
		*.png | *.svg) [ -s "$OUT/$file" ] || bad="$bad $file" ;;
		*) diff -u "$kept/$file" "$OUT/$file" >>"$OUT.log" 2>&1 || bad="$bad $file" ;;
		esac
	done
	if [ -z "$bad" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$kept: $bad"
		head -n 30 "$OUT.log"
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
