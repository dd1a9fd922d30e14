#!/bin/sh
# The texts of --help hold what they promise: lines of at most 100 columns, flags that are all told
# apart, examples that run. Every example runs as it stands, in a folder where the files that it names
# are there. Ends with "N passed, N failed".
set -u

root=$(pwd)
PATH=$root/build:$PATH
export PATH
shared=$root/../shared
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

fail() {
	failed=$((failed + 1))
	echo "$1"
}

aliquot --help >"$work/program.txt"
wide=$(awk 'length($0) > 100' "$work/program.txt")
[ -z "$wide" ] || fail "aliquot --help is wider than 100 columns: $wide"
awk '$1 == "aliquot" { print $2 }' "$work/program.txt" | grep -v '^COMMAND$' >"$work/commands"
for topic in units limits exit-codes; do
	aliquot help $topic >"$work/$topic.txt" || fail "aliquot help $topic: exit status $?"
	[ "$(wc -L <"$work/$topic.txt")" -le 100 ] || fail "aliquot help $topic is wider than 100 columns"
done
while read -r command; do
	aliquot "$command" --help >"$work/$command.txt" || fail "aliquot $command --help: exit status $?"
	wide=$(awk 'length($0) > 100' "$work/$command.txt")
	twice=$(grep -oE '^ +(-[a-z], )?--[a-z-]+' "$work/$command.txt" | grep -oE -e '--[a-z-]+' | sort | uniq -d)
	if [ -z "$wide$twice" ]; then
		passed=$((passed + 1))
	else
		fail "aliquot $command --help: wider than 100 columns or told twice: $wide $twice"
	fi
done <"$work/commands"

# The files that examples name.
mkdir -p "$work/run/results"
cd "$work/run" || exit 1
cp "$root/scenarios/chat.json" my.json
cp "$root/scenarios/snapshots/two_teams.json" snapshot.json
cp snapshot.json kai-cases.json
# Rows of an L40S that are there, and simulated ones as if they were measured on others.
simulated() { # GPU ENGINE
	aliquot sweep chat --set cluster.nodes.0.gpu="$1" --set services.chat.engine="$2" --set cluster.nodes.0.gpus=1 \
		--set services.chat.replicas=1 --set loads.0.osl=128 --set loads.0.requests_per_user=4 \
		--vary loads.0.isl=128,1024,4096 --vary loads.0.users=1,8,32,128 -q -f json |
		awk -v gpu="$1" -v engine="$2" '
			function field(name) {
				match($0, "\"" name "\": \"?[^\",]*")
				text = substr($0, RSTART, RLENGTH)
				sub(/.*: "?/, "", text)
				return text
			}
			/"cell":/ {
				row = "made-up," gpu ",llama-3.1-8b-instruct,bf16," field("loads.0.isl") ",128," field("loads.0.users")
				print row ",tpot,mean," field("tpot_avg_ms") ",ms," engine ",1,1,closed"
				print row ",ttft,mean," field("ttft_avg_ms") ",ms," engine ",1,1,closed"
			}'
}
{
	cat "$root/tests/cli/rows.csv"
	simulated h200 vllm
	simulated h100-sxm trtllm
} >rows.csv
printf '%s\n' sn,cpu_milli,memory_mib,gpu,model a,64000,262144,4,V100M32 b,64000,262144,8,V100M32 >nodes.csv
printf '%s\n' name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec p,1000,1024,1,300, q,8000,4096,1,1000, \
	r,8000,4096,2,1000, >pods.csv
aliquot run chat -q -f json >old.json
aliquot run chat -q -f json >new.json
aliquot run my.json --set loads.0.users=512 -q -o results/main >/dev/null 2>&1
aliquot run office_hours -q -o results/office >/dev/null 2>&1
peers=$shared/peer-data
if [ -r "$peers/blis/vllm_h100_runs.csv" ]; then
	cp "$peers/blis/vllm_h100_runs.csv" stages.csv
	cp "$peers/blis/sim_vs_vllm_errors_38exp.csv" sim_vs_vllm_errors.csv
	cp "$peers/aiconfigurator/h100_sxm_vllm0.24_gemm_bf16.csv" gemm.csv
	cp "$peers/llmservingsim/profile_RTX4090_Llama-3.1-8B_tp1/dense.csv" dense.csv
fi

example() { # COMMAND LINE
	# takes a minute, and tests/cli/studies.md runs it
	[ "$1" != "aliquot validate" ] || return
	for file in stages.csv gemm.csv dense.csv; do
		case $1 in *" $file"*) [ -e $file ] || { echo "SKIPPED: $1: no $file"; return; } ;; esac
	done
	sh -c "$1" >out.txt 2>err.txt
	status=$?
	# 99 is a broken limit: a result like any other
	if [ $status -eq 0 ] || [ $status -eq 99 ]; then
		passed=$((passed + 1))
	else
		fail "$1: exit status $status"
		head -n 5 err.txt
	fi
}

while read -r command; do
	sed -n '/^Examples:/,$ { /^  aliquot /s/^  //p; }' "$work/$command.txt"
done <"$work/commands" >"$work/examples"
sed -n 's/^\(Try: \|     \)\(aliquot [a-z]* [a-z-]*\)  .*/\2/p' "$work/program.txt" | grep -v COMMAND >>"$work/examples"
[ "$(wc -l <"$work/examples")" -ge 25 ] || fail "found $(wc -l <"$work/examples") examples only"
while read -r line; do
	example "$line"
done <"$work/examples"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
