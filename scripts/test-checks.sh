#!/bin/sh
# The checks are checked: plant a violation of each rule in a copy of sim/, and see the check fail and
# name the file. Ends with "N passed, N failed".
set -u

root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

fresh() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree"
	cp -R "$root/sim" "$work/tree/sim"
	cd "$work/tree" || exit 2
}

# expect NAME TEXT COMMAND...: the command fails and its output holds TEXT.
expect() {
	name=$1
	text=$2
	shift 2
	if "$@" >"$work/out" 2>&1; then
		echo "$name: not noticed"
		failed=$((failed + 1))
	elif grep -qF "$text" "$work/out"; then
		passed=$((passed + 1))
	else
		echo "$name: failed, but without saying \"$text\":"
		cat "$work/out"
		failed=$((failed + 1))
	fi
	cd "$root" || exit 2
}

# plant FILE LINE...: add lines at the end of a file of the copy.
plant() {
	file=$1
	shift
	printf '%s\n' "$@" >>"$file"
}

layers="$root/scripts/check-layers.sh"
fresh
plant sim/base/err.c '#include "state/request.h"'
expect 'include upwards' 'base (level 0) may not include state (level 2)' "$layers"
fresh
plant sim/perf/roofline.c '#include "state/request.h"'
expect 'include sideways' 'perf (level 2) may not include state (level 2)' "$layers"
fresh
mkdir sim/extra
plant sim/extra/extra.h '/* Nothing. */'
plant sim/flow/engine.c '#include "extra/extra.h"'
expect 'unknown folder' 'not in sim/layers.txt: extra' "$layers"
fresh
plant sim/flow/engine.c '#include "flow/nowhere.h"'
expect 'missing file' 'no such file: sim/flow/nowhere.h' "$layers"
fresh
plant sim/base/units.h '#include "base/err.h"'
plant sim/base/err.h '#include "base/units.h"'
expect 'header cycle' 'base/units.h' "$layers"

fresh
plant sim/base/units.h 'struct needs_more { FILE *f; };'
expect 'header that needs another' 'sim/base/units.h: does not compile alone' "$root/scripts/check-headers.sh"

files="$root/scripts/check-files.sh"
fresh
sed -i 's/ALIQUOT_BASE_ERR_H/ERR_H/' sim/base/err.h
expect 'include guard' 'sim/base/err.h: the include guard must be ALIQUOT_BASE_ERR_H' "$files"
fresh
sed -i 1d sim/base/vec.h
expect 'opening comment' 'sim/base/vec.h: begins without a comment' "$files"
fresh
yes '/* filler */' | head -n 500 >>sim/base/mem.c
expect 'long file' 'sim/base/mem.c: ' "$files"
fresh
sed -i 's|^#include "base/mem.h"|#include "base/check.h"|' sim/base/mem.c
expect 'own header first' 'sim/base/mem.c: must include its own header' "$files"

# policy NAME TEXT LINE...: compile a policy that holds these lines.
purity() {
	name=$1
	text=$2
	shift 2
	fresh
	plant sim/policy/routing/round_robin.c "$@"
	"${CC:-cc}" -std=c11 -O1 -Isim -c -o "$work/policy.o" sim/policy/routing/round_robin.c || exit 2
	expect "$name" "$text" "$root/scripts/check-purity.sh" "$work/policy.o"
}
purity 'policy that changes state' 'may not use service_load_add' \
	'void cheat(struct service *s);' 'void cheat(struct service *s) { service_load_add(s, 0, 1); }'
purity 'policy that allocates' 'may not use malloc' \
	'void *malloc(size_t);' 'void *grab(void);' 'void *grab(void) { return malloc(8); }'
purity 'policy that counts' 'may not keep static data' \
	'int count(void);' 'int count(void) { static int calls; return ++calls; }'
purity 'policy with a table to write to' 'may not keep static data' 'int table[2] = {1, 2};'

# The copy as it stands passes, so that the failures above are due to what was planted.
fresh
for check in check-layers check-headers check-files; do
	if "$root/scripts/$check.sh" >"$work/out" 2>&1; then
		passed=$((passed + 1))
	else
		echo "$check fails on the tree as it is:"
		cat "$work/out"
		failed=$((failed + 1))
	fi
done

# A policy from new-policy.sh compiles, is registered, and is pure.
fresh
if "$root/scripts/new-policy.sh" routing my_routing >"$work/out" 2>&1 &&
	grep -qx 'ROUTING(my_routing)' sim/policy/policies.def &&
	"${CC:-cc}" -std=c11 -Wall -Wextra -Werror -Isim -c -o "$work/policy.o" \
		sim/policy/routing/my_routing.c >>"$work/out" 2>&1 &&
	nm "$work/policy.o" | grep -q ' routing_my_routing$' &&
	"$root/scripts/check-purity.sh" "$work/policy.o" >>"$work/out" 2>&1; then
	passed=$((passed + 1))
else
	echo 'new-policy.sh: the new policy is not usable'
	cat "$work/out"
	failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
