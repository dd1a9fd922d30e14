#!/bin/sh
# Fit every calibration again from the measured rows in ../shared (about ten minutes on two cores) and
# draw its picture: models/calibration/*.json and results/reference/validation/*.png. Calibrations
# without rows of their own (h100-nvl) are not made here: their files say where they come from.
# Usage: calibrations.sh [GPU ENGINE]
set -eu

rows=../shared/reference/rows.csv
blis=../shared/peer-data/blis
stages=$blis/vllm_h100_runs.csv
if [ ! -r $rows ] || [ ! -r $stages ]; then
	echo "SKIPPED: $rows and $stages are not there; nothing was fitted" >&2
	exit 0
fi
jobs=$(nproc 2>/dev/null || echo 2)
out=build/calibrations
pictures=results/reference/validation
checked=${CHECKED:-$(date +%F)}
rm -rf $out
mkdir -p $out $pictures models/calibration

fit() { # FILE GPU ENGINE FLAG...
	file=$1 gpu=$2 engine=$3
	shift 3
	case ${only_gpu:-$gpu}/${only_engine:-$engine} in
	"$gpu/$engine") ;;
	*) return 0 ;;
	esac
	build/aliquot calibrate --rows "$file" --gpu "$gpu" --engine "$engine" --starts 2 -j "$jobs" \
		--checked "$checked" -o $out -q "$@"
}

only_gpu=${1:-} only_engine=${2:-}
# TTFT offset of one GPU, from the 23 configurations at TP 1 alone: with several GPUs it would stand in
# for the queue of a front end at its limit.
fit $rows h100-sxm trtllm --precision bf16 --hold t_request=0.0125 \
	--free e_compute,e_memory,t_eager,h_request,t_stream,t_link
fit $rows h100-sxm trtllm --precision fp8
# The runs whose every stage is known first: what is listed again is taken once.
fit $stages h100-sxm vllm --rows $blis/sim_vs_vllm_errors_38exp.csv --rows $blis/sim_vs_vllm_errors_trainval.csv \
	--source blis --precision bf16 --hold h_seq=0 --free e_memory,e_kv,t_layer,t_logit,h_step,t_request,t_link
fit $rows h200-sxm trtllm
fit $rows h200-sxm vllm
fit $rows h200-sxm sglang
fit $rows b200 trtllm
fit $rows b200 vllm
fit $rows gh200 trtllm
fit $rows a100-sxm trtllm
fit $rows l40s trtllm
fit $rows h100-sxm-64gb vllm --precision bf16 --free e_memory,e_kv,t_layer,h_seq,h_request

cp $out/*.json models/calibration/
cp $out/plots/*.png $pictures/
