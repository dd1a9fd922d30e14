#!/bin/sh
# Every bundled scenario gives what it gave: its summary is compared with the one that is kept in
# results/reference/summaries/NAME/, figure by figure, and a figure that became worse fails. What the
# screen shows of it is at most 100 columns wide.
# Usage: compare.sh [--update] [NAME...]; --update keeps the summaries of today.
# Ends with "N passed, N failed".
set -u

update=no
[ "${1:-}" != --update ] || { update=yes; shift; }
[ $# -gt 0 ] || set -- scenarios/*.json
kept=results/reference/summaries
made=build/compare
PATH=$(pwd)/build:$PATH
export PATH

passed=0
failed=0
for scenario; do
	name=$(basename "$scenario" .json)
	mkdir -p "$made/$name"
	aliquot run "$name" --format json --exit-zero -q >"$made/$name/summary.json" 2>"$made/$name.log"
	status=$?
	if [ $status -eq 0 ] && [ $update = yes ]; then
		mkdir -p "$kept/$name"
		cp "$made/$name/summary.json" "$kept/$name/"
	elif [ $status -eq 0 ]; then
		aliquot compare "$kept/$name" "$made/$name" >"$made/$name.log" 2>&1
		status=$?
	fi
	if [ $status -eq 0 ]; then
		aliquot run "$name" --exit-zero -q >"$made/$name/screen"
		width=$(wc -L <"$made/$name/screen")
		[ "$width" -le 100 ] || { status=1; echo "its screen is $width columns wide" >>"$made/$name.log"; }
	fi
	if [ $status -eq 0 ]; then
		passed=$((passed + 1))
		# better is news as well
		grep '^better' "$made/$name.log" | sed "s/^/$name: /"
	else
		failed=$((failed + 1))
		echo "$name: exit status $status"
		cat "$made/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
