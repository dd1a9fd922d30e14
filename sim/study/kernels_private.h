/* Rows of kernel tables as the formulas want them; shared by kernels.c and kernels_read.c. */
#ifndef ALIQUOT_STUDY_KERNELS_PRIVATE_H
#define ALIQUOT_STUDY_KERNELS_PRIVATE_H

#include "study/kernels.h"

struct kernel_point {
	enum kernel_table table;
	double seconds; /* measured */
	double flop_s;  /* its FLOP at the data sheet's peak */
	double byte_s;  /* its bytes at the peak of memory or link; decode and mixed: those of one
	                   token of context; sampler: the logits */
	double tokens;  /* prefill: new tokens of a sequence; else context of a sequence */
	int64_t gpus;   /* of an all-reduce */
	size_t slot;    /* the place of that number among those of the table; set by the fit */
};

struct kernel_points {
	struct kernel_point *at;
	size_t n, cap;
};

/* Append the rows of a table; false with errors added. Caller frees points->at either way. */
bool kernels_read(struct kernel_points *points, const char *file, const struct gpu_spec *gpu,
                  const struct llm_spec *llm, struct err *err);

#endif
