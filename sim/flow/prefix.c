/* Prefix caching at the events of a request: admitted, computed, gone. The mechanism is state/. */
#include "base/check.h"
#include "state/prefix_cache.h"
#include "flow/flow.h"

static const struct text *text_of(const struct sim *s, const struct request *q)
{
	return &s->cluster.texts.at[q->text];
}

/* What it would find; its last token is always computed, as it says what the next one is. */
static struct prefix_hit look(const struct sim *s, const struct replica *r, const struct request *q)
{
	return prefix_cache_find(r->kv.prefix, text_of(s, q), (q->context - 1) >> r->kv.shift);
}

int64_t prefix_held(const struct sim *s, const struct replica *r, const struct request *q)
{
	return q->text != TEXT_NONE ? look(s, r, q).held : 0;
}

int64_t prefix_admit(struct sim *s, struct replica *r, struct request *q)
{
	if (q->text == TEXT_NONE) {
		return 0;
	}
	const struct prefix_hit hit = look(s, r, q);
	q->span = prefix_cache_hold(&r->kv, text_of(s, q), hit.blocks);
	q->shared = (int32_t)hit.blocks;
	q->prefilled = (int32_t)(hit.blocks << r->kv.shift);
	q->copies = false;
	if (q->preemptions == 0) {
		q->cached = q->prefilled;
	}
	return hit.blocks;
}

void prefix_store(struct sim *s, struct replica *r, struct request *q, int64_t tokens)
{
	const struct text *const text = text_of(s, q);
	const int64_t whole = tokens >> r->kv.shift;
	const int64_t shareable = text_blocks(text);
	const int64_t upto = whole < shareable ? whole : shareable;
	if (upto > q->shared) {
		q->shared = (int32_t)prefix_cache_store(&r->kv, text, q->shared, upto, &q->span);
		q->copies = q->shared < upto;
	}
}

void prefix_release(struct replica *r, struct request *q)
{
	prefix_cache_release(&r->kv, q->span);
	q->shared = 0;
}

void prefix_forget(struct replica *r)
{
	if (r->kv.prefix != NULL) {
		prefix_cache_free(r->kv.prefix);
		r->kv.prefix = prefix_cache_new();
	}
}
