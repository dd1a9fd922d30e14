#!/bin/sh
# Sweeps over the same axis become one table on stdout, for a figure with a line each: the keys they
# varied give way to one column that says which is which.
# Usage: join-sweeps.sh COLUMN VALUE=TABLE.csv...
set -eu

column=$1
shift
first=yes
for part; do
	awk -F, -v OFS=, -v column="$column" -v value="${part%%=*}" -v first=$first '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == "service") from = i }
		NR == 1 && first != "yes" { next }
		{
			line = $1 OFS (NR == 1 ? column : value)
			for (i = from; i <= NF; i++) line = line OFS $i
			print line
		}' "${part#*=}"
	first=no
done
