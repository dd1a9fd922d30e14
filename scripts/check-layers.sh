#!/bin/sh
# Includes inside sim/ go down the levels of sim/layers.txt only, and headers include no cycle.
# Usage: check-layers.sh [ROOT]. Prints every violation; exit 1 if there is one.
set -u
cd "${1:-.}" || exit 2

sources=$(find sim -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort)
status=0

# shellcheck disable=SC2086 # a list of file names without blanks
awk '
function layer(p,  a) { split(p, a, "/"); return a[2] ~ /\.[ch]$/ ? "main" : a[2] }
function exists(p,  line, r) { r = (getline line < p) >= 0; close(p); return r }
FILENAME ~ /layers\.txt$/ { if ($0 !~ /^#/ && NF) { level[$1] = $2 } next }
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	from = layer(FILENAME)
	to = layer("sim/" quoted[2])
	where = FILENAME ":" FNR ": "
	if (!exists("sim/" quoted[2])) {
		print where "no such file: sim/" quoted[2]; bad = 1
	} else if (!(from in level) || !(to in level)) {
		print where "folder is not in sim/layers.txt: " ((from in level) ? to : from); bad = 1
	} else if (from != to && level[to] >= level[from]) {
		print where from " (level " level[from] ") may not include " to " (level " level[to] ")"; bad = 1
	}
}
END { exit bad }' sim/layers.txt $sources || status=1

# tsort wants pairs "header included-header"; it names the members of every loop on stderr.
# shellcheck disable=SC2086
cycle=$(awk '
FILENAME !~ /\.h$/ { next }
/^[ \t]*#[ \t]*include[ \t]*"/ { split($0, quoted, "\""); print substr(FILENAME, 5), quoted[2] }
' $sources /dev/null | tsort 2>&1 >/dev/null)
if [ -n "$cycle" ]; then
	echo "headers include each other:"
	printf '%s\n' "$cycle" | sed 's/^tsort: /  /'
	status=1
fi
exit $status
