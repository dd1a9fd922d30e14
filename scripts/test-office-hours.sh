#!/bin/sh
# The bundled trace is what its script makes, to the byte.
set -u
if scripts/make-office-hours.sh | cmp - scenarios/traces/office-hours.csv; then
	echo "1 passed, 0 failed"
else
	echo "0 passed, 1 failed"
	exit 1
fi
