#!/bin/sh
# Run every bundled scenario and golden case in short form, the first seconds of its simulated time.
# Usage: short-runs.sh BINARY [FOLDER]; summaries and records go to FOLDER.
# Ends with "N passed, N failed"; a run passes when it ends by itself with a result.
set -u

binary=$1
out=${2:-$(mktemp -d)}
[ $# -ge 2 ] || trap 'rm -rf "$out"' EXIT
mkdir -p "$out"

passed=0
failed=0
for scenario in scenarios/*.json tests/golden/*/scenario.json; do
	[ -f "$scenario" ] || continue
	name=$(echo "${scenario%.json}" | tr '/' '_')
	"$binary" run "$scenario" --set stop.after=5s -f json --records "$out/$name.jsonl" \
		>"$out/$name.json" 2>"$out/$name.err"
	status=$?
	# 99 is a broken limit: a result like any other.
	if [ $status -eq 0 ] || [ $status -eq 99 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$scenario: exit status $status"
		head -n 20 "$out/$name.err"
	fi
	rm -f "$out/$name.err"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
