/* Number formats of weights and KV cache. */
#ifndef ALIQUOT_SPEC_PRECISION_H
#define ALIQUOT_SPEC_PRECISION_H

enum precision {
	PRECISION_BF16, /* fp16 is an alias: it costs the same */
	PRECISION_FP8,
	PRECISION_NVFP4, /* 4-bit values with one fp8 scale per 16: 4.5 bits each */
	PRECISION_COUNT,
};

/* NULL-terminated: "bf16", "fp8", "nvfp4". */
extern const char *const precision_names[];

/* Bytes of one stored value. */
double precision_bytes(enum precision p);

#endif
