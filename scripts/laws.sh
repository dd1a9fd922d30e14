#!/bin/sh
# Run build/laws/tests/property/test_laws on scenarios FIRST to FIRST + N - 1 in JOBS processes, and add
# up what happened in them. Usage: laws.sh FIRST N JOBS. Logs are in build/laws/part-*.log, scenarios
# that broke a law in build/failed/.
set -u
cd "$(dirname "$0")/.." || exit 2

first=$1
n=$2
jobs=$3
[ "$jobs" -le "$n" ] || jobs=$n

rm -f build/laws/part-*.log build/failed/*.json
part=0
while [ $part -lt "$jobs" ]; do
	from=$((first + n * part / jobs))
	to=$((first + n * (part + 1) / jobs))
	ALIQUOT_LAWS="$from $((to - from))" \
		build/laws/tests/property/test_laws >build/laws/part-$part.log 2>&1 &
	part=$((part + 1))
done
wait

cat build/laws/part-*.log | awk '
/^ *[0-9]+ of [0-9]+ scenarios with a / {
	met = $0
	sub(/^.* scenarios with a /, "", met)
	if (!(met in count)) { order[++kinds] = met }
	count[met] += $1
	next
}
/^[0-9]+%: Checks: / {
	split($0, number, /[^0-9]+/)
	checks += number[2]
	failed += number[3] + number[4]
	next
}
!/^Running suite/ { print }
END {
	for (i = 1; i <= kinds; i++) {
		printf "%6d of %d scenarios with a %s\n", count[order[i]], n, order[i]
	}
	if (checks < n) { failed += n - checks }
	printf "%d passed, %d failed\n", checks - failed, failed
	exit failed > 0
}' n="$n"
