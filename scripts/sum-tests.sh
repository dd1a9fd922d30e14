#!/bin/sh
# Add up the counts that run-test.sh left. Usage: sum-tests.sh FOLDER; ends with
# "N passed, N failed", exit 1 unless something passed and nothing failed.
set -u

skipped=$(find "$1" -name '*.log' -exec grep -h '^SKIP' {} + | LC_ALL=C sort -u)
[ -z "$skipped" ] || printf 'Not run here:\n%s\n' "$skipped"
find "$1" -name '*.count' -exec cat {} + | awk '
{ passed += $1; failed += $2 }
END {
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0 || passed == 0
}'
