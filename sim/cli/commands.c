/* The list of subcommands, and `help` with its topics. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

const struct command commands[] = {
	{"run", "SCENARIO", "simulate once and report TTFT, TPOT, tokens/s and what binds",
         "fsSorgezqjd", 1, 1, cli_run,
         "Examples:\n"
         "  aliquot run chat\n"
         "  aliquot run my.json --set loads.0.users=512 -o results/mine\n"
         "  aliquot run my.json --format json --records requests.jsonl\n"},
	{"ccu", "SCENARIO", "the most concurrent users that meet the limits", "fslmxpaXSozqjd", 1,
         1, cli_ccu,
         "Examples:\n"
         "  aliquot ccu chat\n"
         "  aliquot ccu my.json --slo 'ttft.max <= 1s' -j 2\n"
         "  aliquot ccu my.json --slo 'itl.p95 <= 50ms @chat' --range 64..512+8 --exhaustive\n"},
	{"size", "SCENARIO", "the fewest GPUs, or the cheapest, that serve a load",
         "fslvZWyBIXiSozqjd", 1, 1, cli_size,
         "Replicas grow from 1 until every limit holds, each run on the fewest GPUs that hold them: the\n"
         "first group of nodes grows and shrinks, the others stay. Requests that are refused or lost\n"
         "count as a broken limit, unless one on error_rate says how many may be. With --vary every\n"
         "combination is sized, and the one with the fewest GPUs, or the lowest price, is the answer.\n\n"
         "Examples:\n"
         "  aliquot size chat\n"
         "  aliquot size my.json --for 10000 --slo 'ttft.p95 <= 1s' -j 2\n"
         "  aliquot size my.json --vary services.chat.fraction=0.25,0.5,1\n"
         "  aliquot size chat --vary cluster.nodes.0.gpu=h100-sxm,h200 --price h100-sxm=3 --price h200=4\n"},
	{"sweep", "SCENARIO", "vary keys: one row per combination and service", "bsvZulmxpSoqjd", 1,
         1, cli_sweep,
         "Prints CSV, or writes sweep.csv into -o DIR, beside the command and the scenario that it is of;\n"
         "what does not fit is a row with that status.\n\n"
         "Examples:\n"
         "  aliquot sweep chat --vary loads.0.users=64..1024*2 -o results/users -j 2\n"
         "  aliquot sweep chat --vary services.chat.precision=bf16,fp8 --ccu 'ttft.p95 <= 500ms'\n"
         "  aliquot sweep chat --vary cluster.nodes.0.gpus=1..8*2 --vary services.chat.replicas=1..8*2 --zip\n"},
	{"compare", "BASE NEW", "two results: what changed, and is it better or worse", "ftwz", 2,
         2, cli_compare,
         "BASE and NEW are summary.json or ccu.json files, result folders, or folders of those.\n"
         "Runs are deterministic, so every difference counts unless --tolerance allows it.\n\n"
         "Examples:\n"
         "  aliquot compare results/main results/mine\n"
         "  aliquot compare old.json new.json --tolerance all=0.5 --tolerance ttft.max=10\n"},
	{"plot", "RESULT PRESET", "a figure: its numbers, gnuplot script, png and svg", "oU", 2, 2,
         cli_plot,
         "RESULT is a folder or table of aliquot sweep, for timeline the folder of a run. Presets:\n"
         "  ccu-vs-gpus          the most users (sweep --ccu) over GPUs\n"
         "  tps-vs-gpus          tokens/s over GPUs\n"
         "  tps-vs-users         tokens/s over users\n"
         "  latency-vs-users     TTFT, time per token and latency over users\n"
         "  fraction-efficiency  tokens/s and users per GPU over the fraction\n"
         "  timeline             what runs and waits over simulated time\n\n"
         "Keys that vary beside the axis make lines. A COLUMN of --where may be the last part of a key;\n"
         "more than 15 lines cannot be told apart, and are an error.\n\n"
         "Examples:\n"
         "  aliquot plot results/users latency-vs-users -o results/users/plots\n"
         "  aliquot plot results/users tps-vs-users --where service=chat --where users=64,128,256 -o few\n"
         "  aliquot plot results/office timeline -o results/office/plots\n"},
	{"schedule", "[FILE]", "who gets which GPUs: cluster snapshots, or the pods of a trace",
         "fzNOYQTDoqj", 0, 1, cli_schedule,
         "FILE holds placement_cases, each a cluster with queues and jobs and perhaps what is\n"
         "expected of a scheduler, and fairshare_cases; scenarios/README.md has the keys.\n"
         "With --nodes and --pods instead: how full placement policies make the cluster of a\n"
         "trace. Pods arrive in a drawn order until they ask for --arrive of the GPUs, and stay;\n"
         "what they asked for counts as allocated. -o DIR writes fill.csv and its figure.\n\n"
         "Examples:\n"
         "  aliquot schedule snapshot.json\n"
         "  aliquot schedule kai-cases.json --format json\n"
         "  aliquot schedule --nodes nodes.csv --pods pods.csv --policy fgd,best_fit -j 2\n"
         "  aliquot schedule --nodes nodes.csv --pods pods.csv --policy fgd --parts both -o out\n"},
	{"check", "SCENARIO", "explain every key and whether each model fits; runs nothing",
         "fsSqjd", 1, 1, cli_check,
         "Examples:\n"
         "  aliquot check chat\n"
         "  aliquot check my.json --set services.chat.precision=fp8\n"},
	{"list", "WHAT", "gpus, models, engines, calibrations, scenarios, policies, metrics", "fd",
         1, 1, cli_list,
         "Examples:\n"
         "  aliquot list gpus\n"
         "  aliquot list models --format json\n"},
	{"show", "WHAT NAME", "one gpu, model, engine or calibration, with its sources", "fd", 2, 2,
         cli_show,
         "Examples:\n"
         "  aliquot show gpu h100-nvl\n"
         "  aliquot show model llama-3.1-8b-instruct\n"
         "  aliquot show calibration h100-sxm__trtllm__bf16\n"},
	{"validate", "", "measured rows, or published figures, beside simulated ones", "fRAGEtoqjd",
         0, 0, cli_validate,
         "Without --rows: what was published of Run:ai's fractions with NIM (models/published).\n\n"
         "Examples:\n"
         "  aliquot validate\n"
         "  aliquot validate --rows rows.csv\n"
         "  aliquot validate --rows rows.csv --gpu h200 --format json\n"
         "  aliquot validate --rows stages.csv --against sim_vs_vllm_errors.csv\n"},
	{"calibrate", "", "fit cost constants to measured rows and write the calibration",
         "fLGEPMVJCFHKknocqjd", 0, 0, cli_calibrate,
         "Writes GPU__ENGINE__PRECISION.json, and a picture of it to plots/, into -o DIR or here.\n\n"
         "Examples:\n"
         "  aliquot calibrate --rows rows.csv --gpu h100-sxm --engine trtllm -o mine\n"
         "  aliquot calibrate --rows rows.csv --gpu h200 --engine vllm --free e_compute,h_seq\n"
         "  aliquot calibrate --kernels gemm.csv --gpu h100-sxm\n"
         "  aliquot calibrate --kernels dense.csv --gpu rtx-4090 --model llama-3.1-8b-instruct\n"},
	{"help", "[TOPIC]", "this text, a command, or one of: units, limits, exit-codes", "", 0, 1,
         cli_help,
         "Examples:\n"
         "  aliquot help exit-codes\n"},
	{0},
};

struct topic {
	const char *name, *text;
};

static const struct topic topics[] = {
	{"exit-codes",
         "  0    ran, every limit met\n"
         "  1    unexpected failure (out of memory); a bug aborts by signal instead\n"
         "  2    usage: bad flag or argument\n"
         "  3    scenario or input invalid (file, place, key and suggestion on stderr)\n"
         "  4    infeasible: the model does not fit, or there are too few GPUs\n"
         "  5    cannot read or write\n"
         "  99   a limit is broken, or no number of users or replicas meets the limits,\n"
         "       or a result became worse (compare)\n"
         "  130  interrupted, or requests are left that nobody will ever answer; the\n"
         "       partial result is marked incomplete\n"},
	{"units",
         "  durations   \"250ms\", \"2m30s\", \"1.5s\"; a bare number is in the unit of its key\n"
         "  memory      \"80GiB\" = 80 * 2^30 bytes, \"94GB\" = 94e9 bytes; a bare number is bytes\n"
         "  counts      1500, \"1.5k\", \"2M\"\n"
         "  shares      0.5 or \"50%\"\n"
         "  results     times in ms, rates per second, memory in bytes; in files the key says the unit\n"},
	{"limits",
         "  METRIC[.STAT] OP VALUE[UNIT], as in \"ttft.p95 <= 1s\" or \"tps >= 5k\"\n"
         "  metrics   ttft ttst tpot itl latency queue (times), tps_user, tps rps goodput, error_rate\n"
         "  stats     avg min max std p50 p95 p99.9 ...; default p95 for times\n"
         "  ops       < <= > >= ==\n"
         "  --slo takes \"LIMIT @SERVICE\" too; GenAI-Perf's \"time_to_first_token:1000\" and AIPerf's\n"
         "  \"time_to_first_token:p95:lt:1000\" are read as well, and every limit is echoed in full\n"
         "  tpot is the mean gap of one request (GenAI-Perf's inter_token_latency); itl is every gap.\n"},
};

int cli_help(struct cli *c)
{
	const char *names[16];
	size_t n = 0;
	if (c->n_args == 0) {
		cli_usage(NULL);
		return 0;
	}
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (strcmp(topics[i].name, c->args[0]) == 0) {
			fputs(topics[i].text, stdout);
			return 0;
		}
		names[n++] = topics[i].name;
	}
	for (const struct command *k = commands; k->name != NULL; k++) {
		if (strcmp(k->name, c->args[0]) == 0) {
			cli_usage(k);
			return 0;
		}
		names[n++] = k->name;
	}
	const char *const near = str_nearest(c->args[0], names, n);
	err_add(c->err, ERR_USAGE, NULL, "no help on \"%s\"; %s \"%s\"", c->args[0],
	        near != NULL ? "did you mean" : "try", near != NULL ? near : "exit-codes");
	return ERR_USAGE;
}
