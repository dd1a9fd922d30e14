/* One GPU data sheet from models/gpu/. Fields and units: models/README.md. */
#ifndef ALIQUOT_SPEC_GPU_SPEC_H
#define ALIQUOT_SPEC_GPU_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/option.h"
#include "base/units.h"
#include "spec/precision.h"
#include "spec/sheet.h"

struct gpu_spec {
	char *name;                          /* file name without .json */
	char *title;                         /* "NVIDIA H100 NVL 94 GB" */
	bytes_t memory_bytes;                /* true bytes (nvidia-smi MiB where known) */
	double hbm_bytes_per_s;              /* peak */
	double flops_per_s[PRECISION_COUNT]; /* dense peak; 0 = no hardware support */
	int64_t sms;
	double host_link_bytes_per_s; /* one direction */
	double link_share;            /* of it that copies from pinned memory reach */
	int64_t link_gpus;            /* GPUs of a node that share one such link */
	double nvlink_bytes_per_s;    /* one direction; 0 = none */
	double power_w;
	double price_per_h; /* 0 = not stated */
	/* kernels on a part of the SMs (perf/sm_share.c) */
	double sm_gain; /* arithmetic per SM is so much faster while all others rest */
	double sm_half; /* share of the SMs that bounds the bandwidth: it saturates beyond */
	double sm_loss; /* of everyone's speed while two or more run */
	char *mig;      /* names of its MIG profiles, all of the GPU last; NULL = none */
};

/* What a MIG profile has of a GPU. */
struct mig_slice {
	uint32_t compute, memory; /* of GPU_SPEC_COMPUTE_SLICES, of GPU_SPEC_MEMORY_SLICES */
};
#define GPU_SPEC_COMPUTE_SLICES 7 /* of a GPU that MIG cuts */
#define GPU_SPEC_MEMORY_SLICES 8

/* The fields of the section "facts", for help, `show` and the field table of models/README.md. */
extern const struct option gpu_fact_table[];

/* The sheet behind it, for the sources of the values; NULL with errors added. Caller frees. */
struct sheet *gpu_spec_sheet(const char *file, struct err *err);

/* Load a sheet; NULL with errors added. Caller frees. */
struct gpu_spec *gpu_spec_read(const char *file, struct err *err);
void gpu_spec_free(struct gpu_spec *g);

/*
 * Dense peak for weights of precision p. Without units for p the weights are widened to bf16 first,
 * as weight-only quantisation does (fp8 on an A100, 4 bits on a Hopper).
 */
double gpu_spec_flops(const struct gpu_spec *g, enum precision p);

/* The slice of a profile, "3g.40gb"; false: the GPU has none of that name. */
bool gpu_spec_slice(const struct gpu_spec *g, const char *profile, struct mig_slice *out);

/*
 * The GPU that such a slice is: g/7 of the arithmetic, m/8 of memory and bandwidth (physics.md
 * section 5). Its texts are those of `g`, it is not to be freed.
 */
struct gpu_spec gpu_spec_cut(const struct gpu_spec *g, const struct mig_slice *slice);

#endif
