/*
 * How a source measured (physics.md section 4): what its rows do not say but a run must know - how
 * many rounds, which batch cap, which engine options. Data with provenance in models/protocol/, by
 * source; keys in models/README.md.
 */
#ifndef ALIQUOT_STUDY_PROTOCOL_H
#define ALIQUOT_STUDY_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "spec/data_dir.h"

struct protocol;

enum seqs_rule { SEQS_PROFILE, SEQS_NUMBER, SEQS_USERS, SEQS_USERS_LESS_ONE };

/* What holds for one run, all rules applied. */
struct protocol_terms {
	int64_t requests_per_user, warmup_requests_per_user;
	int64_t requests; /* of all users together; 0: by rounds */
	int64_t prompts;  /* of a flood whose row does not say */
	int seqs;         /* enum seqs_rule: the batch cap */
	int64_t max_num_seqs;
	double length_share;  /* lengths are uniform in [share, 1] of the nominal ones; 1: not so */
	double length_spread; /* standard deviation of lengths over their mean, without a share */
	bool fitted;          /* its numbers were chosen by these very rows */
	json_t *engine_options;         /* owned; may be empty */
	json_t *service;                /* further keys of the service; owned */
	json_t *node;                   /* further keys of the node; owned */
	const char *skip;               /* why it is not simulated; "": it is; borrowed */
	const char *engine, *precision; /* of rows that do not say; "": unknown; borrowed */
	const char *engine_version;     /* of rows that do not say; "" unknown; borrowed */
	json_t *load;                   /* further keys of the load; owned */
};

/* Of whom a rule asks; canonical names, "" where unknown. */
struct protocol_ask {
	const char *gpu, *model, *engine, *engine_version, *precision, *load, *workload;
	int64_t tp;
	double isl, osl;     /* tokens */
	const char *sharing; /* as in the row */
	const char *note;    /* of a start; "" else */
};

/* The protocol of a source, "default" where it has none of its own. NULL with errors added. */
struct protocol *protocol_read(const char *source, struct data_dir *data, struct err *err);
void protocol_free(struct protocol *p);
const char *protocol_name(const struct protocol *p);

/* The terms of one run; free with protocol_terms_fini. */
void protocol_apply(const struct protocol *p, const struct protocol_ask *ask,
                    struct protocol_terms *out);
void protocol_terms_fini(struct protocol_terms *t);

#endif
