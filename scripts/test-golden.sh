#!/bin/sh
# Golden cases: the summary of each tests/golden/<case>/scenario.json is the same to the byte as
# expected.json. Usage: test-golden.sh [--update] [CASE...]; --update writes expected.json again.
set -u

update=no
[ "${1:-}" != --update ] || { update=yes; shift; }
[ $# -gt 0 ] || set -- tests/golden/*/
aliquot=${ALIQUOT:-build/aliquot}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0
failed=0
for case; do
	case=${case%/}
	[ -f "$case/scenario.json" ] || continue
	"$aliquot" run "$case/scenario.json" -f json >"$work/out" 2>"$work/err"
	status=$?
	# 99 is a broken limit: a result like any other.
	if [ $status -ne 0 ] && [ $status -ne 99 ]; then
		echo "$case: exit status $status"
		cat "$work/err"
		failed=$((failed + 1))
	elif [ $update = yes ]; then
		cp "$work/out" "$case/expected.json"
		passed=$((passed + 1))
	elif cmp -s "$work/out" "$case/expected.json"; then
		passed=$((passed + 1))
	else
		echo "$case: differs from expected.json"
		diff -u "$case/expected.json" "$work/out" | head -n 20
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
