#!/bin/sh
# Run one test and keep its output and its counts. Usage: run-test.sh NAME COMMAND...
# Reads Check's summaries ("100%: Checks: 3, Failures: 0, Errors: 0") or a last line
# "N passed, N failed". Leaves build/test/NAME.log and NAME.count; sum-tests.sh adds the counts up,
# so this exits 0 even when the test failed.
set -u

name=$1
shift
log=build/test/$name.log
mkdir -p "$(dirname "$log")"

unset ALIQUOT_DATA CK_RUN_SUITE CK_RUN_CASE
# Check gives a test four seconds, too few under sanitizers on a busy machine.
export CK_DEFAULT_TIMEOUT="${CK_DEFAULT_TIMEOUT:-120}" LC_ALL=C UBSAN_OPTIONS=print_stacktrace=1

begin=$(date +%s)
"$@" >"$log" 2>&1 </dev/null
status=$?
seconds=$(($(date +%s) - begin))

# shellcheck disable=SC2046 # two numbers
set -- $(awk '
/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
	split($0, n, /[^0-9]+/)
	checks += n[2]; failed += n[3] + n[4]; found = 1
}
/^[0-9]+ passed, [0-9]+ failed/ { passed = $1; lost = $3; line = 1 }
END { if (found || line) { print checks - failed + passed, failed + lost } else { print "0 0" } }
' "$log")
passed=$1
failed=$2
why=
if [ "$failed" = 0 ] && [ $status -ne 0 ]; then
	failed=1
	why=" (exit status $status)"
elif [ "$failed" = 0 ] && [ "$passed" = 0 ] && ! grep -q '^SKIP' "$log"; then
	failed=1
	why=" (nothing was tested)"
fi
echo "$passed $failed" >"build/test/$name.count"

if [ "$failed" = 0 ]; then
	printf '  PASS  %-32s %5d  %3d s\n' "$name" "$passed" "$seconds"
	grep '^SKIP' "$log"
else
	printf '  FAIL  %-32s %5d of %d%s\n' "$name" "$failed" $((passed + failed)) "$why"
	tail -n 60 "$log" | sed 's/^/        /'
fi
exit 0
