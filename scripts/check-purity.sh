#!/bin/sh
# Compiled policies decide and touch nothing: they reference only what is on the list below, and hold
# no writable data. Usage: check-purity.sh OBJECT... (built without LTO and sanitizers).
set -u

# What a policy may call. Extending it is a conscious act: readers only, never something that changes
# state, allocates, schedules or prints.
readers='service_least_loaded gpu_slice_start'
numbers='perf_(step|stream|entry|sm_speed) rng_(uniform|below|exponential|normal|gamma|log|exp)'
errors='err_add check_fail'
library='mem(cpy|set|move|cmp) str(cmp|ncmp|len|chr) sqrt floor ceil fabs fmin fmax'
compiler='_GLOBAL_OFFSET_TABLE_ __u?divti3'

[ $# -gt 0 ] || { echo "check-purity.sh: no object given" >&2; exit 2; }
allowed=$(echo "$readers $numbers $errors $library $compiler" | tr ' ' '|')

status=0
# Policies may share code: what one of the objects defines is checked where it stands.
defined=$(nm --defined-only -g "$@" | awk 'NF == 3 { print $3 }')
for object; do
	bad=$(nm -u "$object" | awk -v allowed="^($allowed)\$" -v defined="$defined" '
		BEGIN { n = split(defined, d, "\n"); for (i = 1; i <= n; i++) { own[d[i]] } }
		$1 == "U" && $2 !~ allowed && !($2 in own) { print $2 }')
	for symbol in $bad; do
		echo "$object: a policy may not use $symbol"
		status=1
	done
	# Constant tables with pointers live in .data.rel.ro; everything else in .data and .bss is writable.
	bad=$(size -A "$object" | awk '
		$1 ~ /^\.(data|bss|tdata|tbss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print $1 }')
	for section in $bad; do
		echo "$object: a policy may not keep static data ($section)"
		status=1
	done
	if nm "$object" | grep -q ' C '; then
		echo "$object: a policy may not keep static data (common)"
		status=1
	fi
done
exit $status
