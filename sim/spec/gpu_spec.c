/* Loads GPU data sheets. Does not know what a step costs: that is perf. */
#include "spec/gpu_spec.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "spec/sheet.h"

static const char *const sections[] = {"facts", NULL};

#define FIELD(member) offsetof(struct gpu_spec, member)

/* clang-format off */
const struct option gpu_fact_table[] = {
	{"memory", OPTION_BYTES, FIELD(memory_bytes), 1e9, 1e13, NULL, NULL, "bytes",
	 "memory a process can see, as nvidia-smi reports it"},
	{"bandwidth", OPTION_RATE, FIELD(hbm_bytes_per_s), 1e9, 1e15, NULL, NULL, "bytes/s",
	 "peak bandwidth of that memory"},
	{"flops_bf16", OPTION_REAL, FIELD(flops_per_s[PRECISION_BF16]), 1e9, 1e18, NULL, NULL, "FLOP/s",
	 "dense tensor peak in bf16"},
	{"flops_fp8", OPTION_REAL, FIELD(flops_per_s[PRECISION_FP8]), 0, 1e18, "0", NULL, "FLOP/s",
	 "dense tensor peak in fp8; 0: none"},
	{"flops_nvfp4", OPTION_REAL, FIELD(flops_per_s[PRECISION_NVFP4]), 0, 1e18, "0", NULL, "FLOP/s",
	 "dense tensor peak in fp4; 0: none"},
	{"sms", OPTION_INT, FIELD(sms), 1, 4096, NULL, NULL, "SMs",
	 "streaming multiprocessors"},
	{"host_link", OPTION_RATE, FIELD(host_link_bytes_per_s), 1e8, 1e13, NULL, NULL, "bytes/s",
	 "link to host memory, one direction"},
	{"link_share", OPTION_SHARE, FIELD(link_share), 0.01, 1, "0.8", NULL, "share",
	 "of that link which copies from pinned memory reach"},
	{"link_gpus", OPTION_INT, FIELD(link_gpus), 1, 64, "1", NULL, "GPUs",
	 "of a node that share one such link"},
	{"nvlink", OPTION_RATE, FIELD(nvlink_bytes_per_s), 0, 1e13, "0", NULL, "bytes/s",
	 "link to the other GPUs of the node, one direction; 0: none"},
	{"power", OPTION_REAL, FIELD(power_w), 1, 10000, NULL, NULL, "W",
	 "largest board power"},
	{"price", OPTION_REAL, FIELD(price_per_h), 0, 1e6, "0", NULL, "per h",
	 "price of one GPU hour in any currency; 0: not stated"},
	{"sm_gain", OPTION_REAL, FIELD(sm_gain), 0, 1, NULL, NULL, NULL,
	 "an SM is so much faster while all others rest"},
	{"sm_half", OPTION_REAL, FIELD(sm_half), 0, 10, NULL, NULL, NULL,
	 "share of the SMs beyond which they no longer bound the bandwidth"},
	{"sm_loss", OPTION_SHARE, FIELD(sm_loss), 0, 0.9, NULL, NULL, NULL,
	 "of everyone's speed, lost while two or more share the SMs"},
	{"mig", OPTION_TEXT, FIELD(mig), 0, 0, "", NULL, NULL,
	 "names of the profiles into which MIG cuts it, all of it last"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

struct sheet *gpu_spec_sheet(const char *file, struct err *err)
{
	return sheet_read(file, sections, err);
}

struct gpu_spec *gpu_spec_read(const char *file, struct err *err)
{
	struct sheet *s = gpu_spec_sheet(file, err);
	struct gpu_spec *g;

	if (!s) {
		return NULL;
	}
	g = mem_new(1, sizeof *g);
	g->name = mem_strdup(sheet_name(s));
	g->title = mem_strdup(sheet_title(s));
	if (!sheet_fill(s, "facts", gpu_fact_table, g)) {
		gpu_spec_free(g);
		g = NULL;
	}
	sheet_free(s);
	return g;
}

void gpu_spec_free(struct gpu_spec *g)
{
	if (!g) {
		return;
	}
	free(g->name);
	free(g->title);
	free(g->mig);
	free(g);
}

double gpu_spec_flops(const struct gpu_spec *g, enum precision p)
{
	return g->flops_per_s[p] > 0.0 ? g->flops_per_s[p] : g->flops_per_s[PRECISION_BF16];
}

/* "3g.40gb": 3 and 40; false: it is no such name. */
static bool read_profile(const char *name, size_t length, long *compute, long *gb)
{
	char *end;

	*compute = strtol(name, &end, 10);
	if (end == name || strncmp(end, "g.", 2) != 0) {
		return false;
	}
	const char *const memory = end + 2;

	*gb = strtol(memory, &end, 10);
	return end != memory && strncmp(end, "gb", 2) == 0 && end + 2 == name + length &&
	       *compute >= 1 && *compute <= GPU_SPEC_COMPUTE_SLICES && *gb >= 1;
}

bool gpu_spec_slice(const struct gpu_spec *g, const char *profile, struct mig_slice *out)
{
	const size_t length = strlen(profile);
	long compute, gb, all_compute, all_gb;

	if (g->mig == NULL) {
		return false;
	}
	const char *const last = strrchr(g->mig, ' ') != NULL ? strrchr(g->mig, ' ') + 1 : g->mig;

	for (const char *at = g->mig; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
		if (strcspn(at, " ") == length && strncmp(at, profile, length) == 0 &&
		    read_profile(profile, length, &compute, &gb) &&
		    read_profile(last, strlen(last), &all_compute, &all_gb)) {
			out->compute = (uint32_t)compute;
			out->memory =
				(uint32_t)((GPU_SPEC_MEMORY_SLICES * gb + all_gb / 2) / all_gb);
			return true;
		}
	}
	return false;
}

struct gpu_spec gpu_spec_cut(const struct gpu_spec *g, const struct mig_slice *slice)
{
	const double compute = (double)slice->compute / GPU_SPEC_COMPUTE_SLICES;
	struct gpu_spec cut = *g;

	cut.memory_bytes = g->memory_bytes / GPU_SPEC_MEMORY_SLICES * slice->memory;
	cut.hbm_bytes_per_s = g->hbm_bytes_per_s * slice->memory / GPU_SPEC_MEMORY_SLICES;
	for (int p = 0; p < PRECISION_COUNT; p++) {
		cut.flops_per_s[p] = g->flops_per_s[p] * compute;
	}
	cut.sms = (int64_t)((double)g->sms * compute);
	return cut;
}
