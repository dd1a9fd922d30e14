#!/bin/sh
# Run every fuzz target for its part of the time, from its corpus in tests/fuzz/corpus/<target>/.
# Usage: fuzz.sh [SECONDS]. What breaks a target is kept in build/fuzz/found/.
set -u

seconds=${1:-60}
targets=$(find build/fuzz/tests/fuzz -name 'fuzz_*' -type f ! -name '*.*' | LC_ALL=C sort)
[ -n "$targets" ] || { echo "fuzz.sh: no target built; run make fuzz" >&2; exit 1; }
n=$(echo "$targets" | wc -l)
each=$((seconds / n))
[ $each -gt 0 ] || each=1

mkdir -p build/fuzz/found
passed=0
failed=0
for target in $targets; do
	name=$(basename "$target")
	short=${name#fuzz_}
	mkdir -p "build/fuzz/corpus/$name"
	set -- "build/fuzz/corpus/$name"
	for seeds in "tests/fuzz/corpus/$name" "tests/fuzz/corpus/$short"; do
		[ ! -d "$seeds" ] || set -- "$@" "$seeds"
	done
	set -- "$@" -max_total_time=$each -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
		"-artifact_prefix=build/fuzz/found/$name-"
	[ ! -f "tests/fuzz/$name.dict" ] || set -- "$@" "-dict=tests/fuzz/$name.dict"
	if "$target" "$@" >"build/fuzz/$name.log" 2>&1; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
		echo "  $name: $runs inputs in $each s"
	else
		failed=$((failed + 1))
		echo "  $name: FAILED"
		tail -n 40 "build/fuzz/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
