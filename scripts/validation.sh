#!/bin/sh
# Make the validation page again: results/reference/validation/README.md from head.md beside it and what
# the program prints about the measured rows in ../shared, and the pictures of replayed runs.
set -eu

shared=../shared
page=results/reference/validation
if [ ! -r $shared/reference/rows.csv ]; then
	echo "SKIPPED: $shared/reference/rows.csv is not there; the page was not made" >&2
	exit 0
fi
out=build/validation
rm -rf $out
mkdir -p $out $page
jobs=$(nproc 2>/dev/null || echo 2)

show() { # COMMAND...: as a reader would type it, and what it prints
	printf '```\n$ %s\n' "$*"
	# 99: a row is off, which the table says; a folder that cannot be replayed says why
	status=0
	"$@" 2>&1 || status=$?
	case $status in 0 | 3 | 99) ;; *) return 1 ;; esac
	printf '```\n\n'
}
PATH=$(pwd)/build:$PATH

{
	cat $page/head.md
	printf '## Closed loops and floods\n\n'
	show aliquot validate --rows $shared/reference/rows.csv -j "$jobs"
	printf '## Open loops, beside other simulators\n\n'
	for file in vllm_h100_runs sim_vs_vllm_errors_38exp sim_vs_vllm_errors_trainval llmservingsim_vs_vllm_errors; do
		show aliquot validate --rows $shared/peer-data/blis/$file.csv -j "$jobs"
	done
	printf '## The very same requests\n\n'
	for run in RTXPRO6000_Llama-3.1-8B RTX4090_Llama-3.1-8B RTXPRO6000_Qwen3-32B RTXPRO6000_Qwen3-30B-A3B-Instruct-2507; do
		show aliquot validate --rows $shared/peer-data/llmservingsim/$run -o $out/$run
		if [ -f $out/$run/replay.png ]; then
			cp $out/$run/replay.png $page/replay-$run.png
			printf '![Requests over time](replay-%s.png)\n\n' "$run"
		fi
	done
	printf '## Calibrations, rows held out\n\n'
	for picture in "$page"/*__*.png; do
		name=$(basename "$picture" .png)
		printf '![%s](%s.png)\n\n' "$name" "$name"
	done
	printf '## Kernel tables\n\n'
	for table in gemm_bf16 context_attention_bf16_hd128 generation_attention_bf16_hd128; do
		show aliquot calibrate --gpu h100-sxm --kernels $shared/peer-data/aiconfigurator/h100_sxm_vllm0.24_$table.csv
	done
	show aliquot calibrate --gpu h100-sxm --kernels $shared/peer-data/apex/comm_H100-SXM-80GB_all_reduce.csv
	for run in RTX4090:rtx-4090 RTXPRO6000:rtx-pro-6000; do
		for table in dense per_sequence attention; do
			show aliquot calibrate --gpu ${run#*:} --model llama-3.1-8b-instruct \
				--kernels $shared/peer-data/llmservingsim/profile_${run%:*}_Llama-3.1-8B_tp1/$table.csv
		done
	done
} >$out/README.md
cp $out/README.md $page/README.md
echo "$page/README.md"
