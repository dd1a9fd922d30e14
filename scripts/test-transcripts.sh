#!/bin/sh
# Documented commands print what the documents say. In README files and tests/cli/*.md every fenced
# block marked `console` holds commands ("$ command") and the output that follows them; a line "..."
# stands for any lines. Commands run in the project's folder; only what they print on stdout counts.
# A line "[exit N]" is the exit status, where it is not 0. Ends with "N passed, N failed".
set -u

[ $# -gt 0 ] || set -- README.md sim/README.md scenarios/README.md models/README.md \
	results/reference/README.md tests/cli/*.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$(pwd)/build:$PATH
export PATH

# Cut the blocks into $work/N.command (with its place) and $work/N.expected.
for file; do
	[ -f "$file" ] || continue
	awk -v file="$file" -v work="$work" '
	/^```console/ { inside = 1; next }
	/^```/ { if (inside) { inside = 0 } next }
	!inside { next }
	/^\$ / || more {
		text = more ? $0 : substr($0, 3)
		if (!more) {
			n++
			base = sprintf("%s/%s.%03d", work, stem(file), n)
			print "# " file ":" NR > (base ".command")
			printf "" > (base ".expected")
		}
		print text > (base ".command")
		more = text ~ /\\$/
		next
	}
	n { print > (base ".expected") }
	function stem(f) { gsub(/[^A-Za-z0-9]/, "_", f); return f }' "$file"
done

passed=0
failed=0
for command in "$work"/*.command; do
	[ -f "$command" ] || continue
	base=${command%.command}
	# The tests run this script: it does not run the tests.
	if grep -qE '^(make test|make check|git clone|cd |sudo |\.ci/run)' "$command"; then
		continue
	fi
	sh "$command" >"$base.actual" 2>"$base.stderr"
	status=$?
	[ $status = 0 ] || echo "[exit $status]" >>"$base.actual"
	if awk '
	NR == FNR { want[++n] = $0; next }
	{ got[++m] = $0 }
	function match_from(i, j) {
		for (; i <= n; i++) {
			if (want[i] ~ /^[ \t]*\.\.\.$/) {
				for (; j <= m + 1; j++) {
					if (match_from(i + 1, j)) { return 1 }
				}
				return 0
			}
			if (j > m || want[i] != got[j]) { return 0 }
			j++
		}
		return j > m
	}
	END { exit !match_from(1, 1) }' "$base.expected" "$base.actual"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		sed -n '1s/^# //p' "$command"
		sed -n '2,$s/^/  $ /p' "$command"
		diff -u "$base.expected" "$base.actual" | tail -n +3 | head -n 40
		head -n 5 "$base.stderr"
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
