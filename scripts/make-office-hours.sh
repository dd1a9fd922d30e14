#!/bin/sh
# Writes scenarios/traces/office-hours.csv: one invented working day of chat requests, busy before
# and after lunch. Whole-number arithmetic (Park and Miller's generator), so every awk gives the
# same bytes.
# Usage: scripts/make-office-hours.sh >scenarios/traces/office-hours.csv
set -eu
LC_ALL=C
export LC_ALL

awk '
function draw(n) { # a number from 0 to n - 1
	state = (state * 16807) % 2147483647
	return state % n
}
BEGIN {
	state = 20260105
	# Requests of each half hour from 08:00 to 18:00.
	slots = split("4 9 18 28 34 36 33 30 20 12 14 24 31 35 34 30 24 15 8 4", count, " ")
	for (slot = 1; slot <= slots; slot++) {
		for (i = 0; i < count[slot]; i++) {
			ms = 28800000 + (slot - 1) * 1800000 + draw(1800000)
			# Most prompts are short; one in six carries a document.
			input = 40 + draw(300) + draw(300)
			if (draw(6) == 0) {
				input += 1200 + draw(2400)
			}
			output = 16 + draw(160) + draw(160)
			if (draw(8) == 0) {
				output += draw(700)
			}
			printf "%d.%03d,%d,%d\n", int(ms / 1000), ms % 1000, input, output
		}
	}
}' | sort -t , -k 1,1n -k 2,2n -k 3,3n | awk 'BEGIN { print "arrival_s,input_tokens,output_tokens" } { print }'
