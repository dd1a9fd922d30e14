/* The ring of past values. */
#include "policy/window.h"

#include "base/check.h"

void window_put(struct window *w, ns_t at, i128_t value)
{
	sim_assert(w->cap > 0);
	if (w->n == w->cap) {
		w->first = (w->first + 1) % w->cap;
		w->n--;
	}
	w->slots[(w->first + w->n) % w->cap] = (struct window_slot){at, value};
	w->n++;
}

void window_forget(struct window *w, ns_t until)
{
	while (w->n > 0 && window_at(w, 0)->at <= until) {
		w->first = (w->first + 1) % w->cap;
		w->n--;
	}
}

void window_put_max(struct window *w, ns_t at, i128_t value)
{
	while (w->n > 0 && window_at(w, w->n - 1)->value <= value) {
		w->n--;
	}
	window_put(w, at, value);
}

i128_t window_sum(const struct window *w, ns_t after)
{
	i128_t sum = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		sum += window_at(w, i)->at > after ? window_at(w, i)->value : 0;
	}
	return sum;
}

i128_t window_growth(const struct window *w, ns_t now, i128_t total, ns_t span, ns_t *over)
{
	sim_assert(w->n > 0);
	uint32_t i = w->n - 1;
	while (i > 0 && window_at(w, i)->at > now - span) {
		i--;
	}
	const struct window_slot *const from = window_at(w, i);
	sim_assert(from->at <= now);
	*over = now - from->at < span ? now - from->at : span;
	return total - from->value;
}
