/* Allocation with the one place where running out of memory ends the program. */
#include "base/mem.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

static _Noreturn void out_of_memory(size_t n, size_t size)
{
	fprintf(stderr, "aliquot: out of memory (wanted %zu times %zu bytes)\n", n, size);
	exit(1);
}

/* n * size, at least one byte so that NULL always means failure. */
static size_t total_bytes(size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / 2 / size) {
		out_of_memory(n, size);
	}
	return n * size == 0 ? 1 : n * size;
}

void *mem_new(size_t n, size_t size)
{
	void *p = calloc(1, total_bytes(n, size));

	if (p == NULL) {
		out_of_memory(n, size);
	}
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	void *q = realloc(p, total_bytes(n, size));

	if (q == NULL) {
		out_of_memory(n, size);
	}
	return q;
}

void *mem_new_aligned(size_t n, size_t size)
{
	size_t bytes = (total_bytes(n, size) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	void *p = aligned_alloc(CACHE_LINE, bytes);

	if (p == NULL) {
		out_of_memory(n, size);
	}
	memset(p, 0, bytes);
	return p;
}

char *mem_strdup(const char *s)
{
	if (s == NULL) {
		return NULL;
	}
	size_t bytes = strlen(s) + 1;
	char *copy = mem_new(bytes, 1);

	memcpy(copy, s, bytes);
	return copy;
}

char *mem_printf(const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, fmt, args);

	va_end(args);
	sim_assert(length >= 0);
	char *text = mem_new((size_t)length + 1, 1);

	vsnprintf(text, (size_t)length + 1, fmt, again);
	va_end(again);
	return text;
}
