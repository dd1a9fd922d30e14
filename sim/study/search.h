/*
 * The largest value of a grid that passes a test: doubling, then bisection, then a few probes
 * around the boundary that would show a test that is not monotone. What is asked next follows from
 * the answers alone; threads only ask ahead, and what was asked ahead in vain is not in the result.
 */
#ifndef ALIQUOT_STUDY_SEARCH_H
#define ALIQUOT_STUDY_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values from, from + step, ... up to the last one that is at most `to`; all at least 1. */
struct search_grid {
	int64_t from, to, step;
	bool exhaustive; /* ask for every value */
};

struct search_probe {
	int64_t value;
	bool pass;
	void *result; /* of the test; owned by the search until it is taken */
};

/* The test, by threads at once: judge `value`; false ends the search (errors, interrupted). */
typedef bool search_test(void *arg, int64_t value, bool *pass, void **result);

enum search_end {
	SEARCH_FOUND,       /* the value after `best` fails */
	SEARCH_MAX_REACHED, /* nothing fails up to the end of the grid */
	SEARCH_NONE,        /* the smallest value fails */
	SEARCH_STOPPED,     /* a test ended the search; the boundary is between the probes */
};

struct search_result {
	enum search_end end;
	int64_t best;         /* the largest that passes with no failing probe below it; 0: none */
	int64_t fails_at;     /* the smallest failing probe; 0: none fails */
	int64_t passes_above; /* the largest that passes above a failing one; 0: monotone */
	struct search_probe *probes; /* that the search asked for, ascending */
	size_t n_probes;
};

/*
 * Search with up to `threads` tests at once. `drop` frees a result of a probe that was asked ahead
 * in vain. The caller frees the results in `out` and out->probes.
 */
void search_run(const struct search_grid *grid, size_t threads, search_test *test, void *arg,
                void (*drop)(void *result), struct search_result *out);

/* Index of the probe of that value in the result; it must be there. */
size_t search_index(const struct search_result *r, int64_t value);

/* "64..4096" or "64..4096+64" into a grid (step 0 when not given); false when it is neither. */
bool search_range(const char *text, struct search_grid *out);

#endif
