/*
 * What is said: lengths of prompts and answers, the texts they share, and conversations that grow.
 * When it is said is synthetic.c. Private to it.
 */
#ifndef ALIQUOT_WORKLOAD_TALK_H
#define ALIQUOT_WORKLOAD_TALK_H

#include "workload/workload.h"

struct talk;

/* The streams of load `index`. Caller frees. */
struct talk *talk_new(const struct scenario_load *load, const struct llm_spec *llm, uint64_t seed,
                      size_t index);
void talk_free(struct talk *t);

/* True when requests come in conversations: `speaker` below is who leads one, from 0. */
bool talk_turns(const struct talk *t);

/*
 * The next request of a speaker, whose conversation goes on or begins: fills lengths, images and
 * shared parts.
 */
void talk_next(struct talk *t, uint32_t speaker, struct arrival *out);

/*
 * The last request of a speaker was answered. True when the conversation goes on, *delay later;
 * else the next request of this speaker begins a new one. A conversation ends with its last turn,
 * or when the next would outgrow what the model reads.
 */
bool talk_goes_on(struct talk *t, uint32_t speaker, ns_t *delay);

/* The speaker leaves in the middle of a conversation, if in one. */
void talk_break_off(struct talk *t, uint32_t speaker);

#endif
