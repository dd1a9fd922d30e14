#!/bin/sh
# Begin a policy: copy the simplest one of its kind and register it.
# Usage: new-policy.sh KIND NAME, for example: new-policy.sh routing my_routing
set -eu

usage() {
	echo "usage: scripts/new-policy.sh KIND NAME" >&2
	echo "kinds: $(kinds)" >&2
	exit 2
}
kinds() {
	find sim/policy -mindepth 1 -maxdepth 1 -type d | sed 's|.*/||' | LC_ALL=C sort | tr '\n' ' '
}

[ -f sim/policy/policies.def ] || { echo "new-policy.sh: run me in the project's folder" >&2; exit 2; }
[ $# = 2 ] || usage
kind=$1
name=$2
[ -d "sim/policy/$kind" ] || usage
case $name in
'' | [0-9]* | *[!a-z0-9_]*)
	echo "new-policy.sh: \"$name\" must be lower case letters, digits and _" >&2
	exit 2
	;;
esac
file=sim/policy/$kind/$name.c
[ ! -e "$file" ] || { echo "new-policy.sh: $file is there already" >&2; exit 2; }

macro=$(echo "$kind" | tr '[:lower:]' '[:upper:]')
# The first policy of the kind in the list is the one to start from.
model=$(sed -n "s/^$macro(\\(.*\\))\$/\\1/p" sim/policy/policies.def | head -n 1)
[ -n "$model" ] || { echo "new-policy.sh: no policy of kind $kind to start from" >&2; exit 1; }

sed "s/$model/$name/g" "sim/policy/$kind/$model.c" >"$file"
# After the last line of its kind, so that kinds stay together and `list` keeps its order.
awk -v macro="$macro" -v line="$macro($name)" '
{ text[NR] = $0 }
index($0, macro "(") == 1 { last = NR }
END { for (i = 1; i <= NR; i++) { print text[i]; if (i == last) { print line } } }
' sim/policy/policies.def >sim/policy/policies.def.new
mv sim/policy/policies.def.new sim/policy/policies.def

echo "$file begins as a copy of $model.c and is registered in sim/policy/policies.def."
echo "Next: write its help and its route, then run: make test"
