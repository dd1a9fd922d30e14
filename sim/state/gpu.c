/* Where MIG puts slices on a GPU (semantics.md section 14). */
#include "state/gpu.h"

#include <stddef.h>

/* The sizes that MIG knows. */
static const struct {
	uint32_t compute, memory;
} sizes[] = {{1, 1}, {1, 2}, {2, 2}, {3, 4}, {4, 4}, {7, 8}};

static bool may_begin(uint8_t taken, uint32_t start, uint32_t compute, uint32_t memory)
{
	return start + compute <= GPU_SPEC_COMPUTE_SLICES &&
	       (taken & gpu_slice_bits((int)start, memory)) == 0;
}

/* Places that are left to slices of all sizes. */
static int places(uint8_t taken)
{
	int n = 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (uint32_t start = 0; start < GPU_SPEC_MEMORY_SLICES; start += sizes[i].memory) {
			n += may_begin(taken, start, sizes[i].compute, sizes[i].memory);
		}
	}
	return n;
}

int gpu_slice_start(uint8_t taken, uint32_t compute, uint32_t memory)
{
	int best = -1, most = -1;
	for (uint32_t start = 0; start < GPU_SPEC_MEMORY_SLICES; start += memory) {
		if (may_begin(taken, start, compute, memory)) {
			const int left =
				places((uint8_t)(taken | gpu_slice_bits((int)start, memory)));
			if (left >= most) {
				most = left;
				best = (int)start;
			}
		}
	}
	return best;
}

void gpu_sort(uint32_t *gpus, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		const uint32_t gpu = gpus[i];
		uint32_t k = i;
		for (; k > 0 && gpus[k - 1] > gpu; k--) {
			gpus[k] = gpus[k - 1];
		}
		gpus[k] = gpu;
	}
}

bool gpu_is_among(const uint32_t *gpus, uint32_t n, uint32_t gpu)
{
	for (uint32_t i = 0; i < n; i++) {
		if (gpus[i] == gpu) {
			return true;
		}
	}
	return false;
}
