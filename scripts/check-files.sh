#!/bin/sh
# What no compiler sees in the sources of sim/: the name of the include guard, a comment on top that
# says the file's job, at most 500 lines, the own header first. Usage: check-files.sh [ROOT].
set -u
cd "${1:-.}" || exit 2

# shellcheck disable=SC2046 # a list of file names without blanks
awk '
function complain(text) { print FILENAME ": " text; bad = 1 }
function check_end() {
	if (file != "" && lines > 500) {
		print file ": " lines " lines, more than 500"; bad = 1
	}
}
FNR == 1 {
	check_end()
	file = FILENAME
	first_include = ""
	if ($0 !~ /^\/\*/) {
		complain("begins without a comment that says its job")
	}
	guard = toupper(substr(FILENAME, 5))
	gsub(/[^A-Z0-9]/, "_", guard)
	guard = "ALIQUOT_" guard
	want_guard = FILENAME ~ /\.h$/
	own = substr(FILENAME, 5)
	sub(/\.c$/, ".h", own)
	own_exists = FILENAME ~ /\.c$/ && (getline line < ("sim/" own)) >= 0
	close("sim/" own)
}
{ lines = FNR }
want_guard && /^#/ {
	if ($0 != "#ifndef " guard) {
		complain("the include guard must be " guard)
	}
	want_guard = 0
}
/^#[ \t]*include/ && first_include == "" {
	first_include = $2
	if (own_exists && $2 != "\"" own "\"") {
		complain("must include its own header \"" own "\" first")
	}
}
END { check_end(); exit bad }' $(find sim -name '*.[ch]' | LC_ALL=C sort)
