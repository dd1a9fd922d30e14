/*
 * What the text of a request shares with others, as runs of tokens named by numbers: the same name
 * after the same text is the same text. Said by a load, used by the KV caches.
 */
#ifndef ALIQUOT_SPEC_PROMPT_H
#define ALIQUOT_SPEC_PROMPT_H

#include <stdint.h>

struct prompt_part {
	uint64_t name; /* of its first token on; a prefix of it bears the same name */
	int32_t tokens;
};

/* Tokens of a last part that goes on to the end of the answer: a conversation. */
#define PROMPT_OPEN INT32_MAX

/* A well mixed number of both: the finalizer of MurmurHash3 (Appleby, public domain). */
static inline uint64_t prompt_mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) + b;
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

#endif
