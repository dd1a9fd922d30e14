/* Allocation that never returns NULL: out of memory is one message and exit 1, in one place. */
#ifndef ALIQUOT_BASE_MEM_H
#define ALIQUOT_BASE_MEM_H

#include <stddef.h>

/* Zeroed array of n objects of `size` bytes; caller frees with free(). Checks n * size. */
void *mem_new(size_t n, size_t size);

/* Grow or shrink an array to n objects; new bytes are not zeroed. Takes ownership of p. */
void *mem_resize(void *p, size_t n, size_t size);

/* Zeroed array aligned to a cache line (64 bytes); caller frees with free(). */
void *mem_new_aligned(size_t n, size_t size);

/* Copy of a string; NULL stays NULL. Caller frees. */
char *mem_strdup(const char *s);

/* printf into a new string; caller frees. */
__attribute__((format(printf, 1, 2))) char *mem_printf(const char *fmt, ...);

#endif
