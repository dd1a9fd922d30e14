#!/bin/sh
# Ctrl-C in a long run: exit 130, a readable partial result that says that it is incomplete, on the
# screen and in the files, and nothing half written. Ends with "N passed, N failed".
set -u

binary=build/aliquot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

check() {
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "failed: $what"
	fi
}

# interrupt NAME FLAG...: run for a moment, then SIGINT; the exit status goes to $work/NAME.status.
interrupt() {
	name=$1
	shift
	"$binary" run tests/bench/fleet.json --set loads.open.requests=1000000000 --exact \
		--set loads.open.osl.mean=8192 --set loads.open.rate=12 "$@" \
		>"$work/$name.out" 2>"$work/$name.err" &
	child=$!
	sleep 0.4
	kill -INT $child
	wait $child
	echo $? >"$work/$name.status"
}

interrupt screen
check 'exit status 130' grep -qx 130 "$work/screen.status"
check 'the screen says incomplete' grep -qi incomplete "$work/screen.out"
check 'the table is there' grep -q 'time to first token' "$work/screen.out"

interrupt json --format json
check 'exit status 130 with JSON' grep -qx 130 "$work/json.status"
check 'the document says incomplete' grep -q '"incomplete": true' "$work/json.out"
check 'the document is whole' grep -qx '}' "$work/json.out"

interrupt folder -o "$work/out"
check 'exit status 130 with a folder' grep -qx 130 "$work/folder.status"
check 'summary.json says incomplete' grep -q '"incomplete": true' "$work/out/summary.json"
check 'the records are there' test -s "$work/out/profile_export.jsonl"
check 'no temporary file is left' sh -c "! find '$work/out' -name '*.tmp*' -o -name '.*' -type f | grep ."

echo "$passed passed, $failed failed"
[ $failed = 0 ]
