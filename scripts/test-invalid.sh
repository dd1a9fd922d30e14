#!/bin/sh
# Bad input: every tests/invalid/<case>/ must end with exactly the message in `error` and the exit code
# in `exit`, print no result and leave no file behind. `cmd` holds the arguments (one line; default: run
# scenario.json), `stdin` what is fed. Usage: test-invalid.sh [--update] [PROGRAM] [CASE...]; --update
# writes `error` and `exit` again: read them before you believe them.
set -u

update=no
[ "${1:-}" != --update ] || { update=yes; shift; }
program=${1:-build/aliquot}
[ $# -eq 0 ] || shift
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- "$root"/tests/invalid/*/
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
[ -x "$program" ] || { echo "no program at $program" >&2; exit 2; }

ALIQUOT_DATA=$root
LC_ALL=C
export ALIQUOT_DATA LC_ALL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0
failed=0

# Run the case in the current folder; messages name the data folder as $ALIQUOT_DATA.
run_case() {
	args='run scenario.json'
	[ ! -f cmd ] || args=$(cat cmd)
	input=/dev/null
	[ ! -f stdin ] || input=stdin
	find . | sort >"$work/before"
	eval "timeout 20 \"\$program\" $args" <"$input" >"$work/out" 2>"$work/raw"
	echo $? >"$work/exit"
	sed "s|$root|\$ALIQUOT_DATA|g" "$work/raw" >"$work/error"
	find . | sort >"$work/after"
}

check_case() {
	ok=yes
	cmp -s "$work/error" error || { ok=no; diff -u error "$work/error"; }
	cmp -s "$work/exit" exit || { ok=no; echo "exit $(cat "$work/exit"), not $(cat exit)"; }
	[ ! -s "$work/out" ] || { ok=no; echo "wrote to standard output:"; head -n 5 "$work/out"; }
	case $(cat "$work/exit") in
	2 | 3 | 4 | 5) ;;
	*) ok=no; echo "exit $(cat "$work/exit") is none of 2, 3, 4 and 5" ;;
	esac
	cmp -s "$work/before" "$work/after" || { ok=no; diff "$work/before" "$work/after"; }
	[ $ok = yes ]
}

for case; do
	case=${case%/}
	cd "$case" || exit 2
	run_case
	if [ $update = yes ]; then
		cp "$work/error" error
		cp "$work/exit" exit
	fi
	if check_case >"$work/why" 2>&1; then
		passed=$((passed + 1))
	else
		echo "$(basename "$case"):"
		cat "$work/why"
		failed=$((failed + 1))
	fi
	cd "$root" || exit 2
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
