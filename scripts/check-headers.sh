#!/bin/sh
# Every header of sim/ compiles alone. Each is included into a unit of one line, because a header of
# macros only would be an empty unit. Usage: check-headers.sh [ROOT]; CC and CFLAGS are respected.
set -u
cd "${1:-.}" || exit 2

status=0
for header in $(find sim -name '*.h' | LC_ALL=C sort); do
	# shellcheck disable=SC2086 # a list of flags
	echo 'extern int one_line;' |
		${CC:-cc} ${CFLAGS:--std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror} \
			-Isim -include "$header" -x c -fsyntax-only - || {
		echo "$header: does not compile alone"
		status=1
	}
done
exit $status
