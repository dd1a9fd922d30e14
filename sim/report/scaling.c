/* What autoscalers did: a line of the screen, a part of summary.json, and scaling.csv. */
#include "report/json_writer.h"
#include "report/line.h"
#include "report/report.h"

#include "base/str.h"

#include <string.h>

/* How often what is wanted went up and down, and the most. */
struct moves {
	size_t up, down;
	uint32_t most;
};

static struct moves count_moves(const struct service_summary *s)
{
	struct moves m = {0, 0, 0};

	for (size_t i = 0; i < s->n_changes; i++) {
		m.up += s->changes[i].to > s->changes[i].from;
		m.down += s->changes[i].to < s->changes[i].from;
		m.most = s->changes[i].from > m.most ? s->changes[i].from : m.most;
		m.most = s->changes[i].to > m.most ? s->changes[i].to : m.most;
	}
	return m;
}

/* Was this reason there before change i? */
static bool is_known(const struct service_summary *s, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(s->changes[k].reason, s->changes[i].reason) == 0) {
			return true;
		}
	}
	return false;
}

static size_t count_reason(const struct service_summary *s, const char *reason)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_changes; i++) {
		n += strcmp(s->changes[i].reason, reason) == 0;
	}
	return n;
}

void report_scaling(FILE *out, const struct service_summary *s)
{
	const struct moves m = count_moves(s);
	struct line l = line_start(out, "scaling");

	line_add(&l, "%s", s->autoscaler);
	if (s->n_changes == 0) {
		line_add(&l, "nothing changed");
	} else {
		line_add(&l, "%zu times up", m.up);
		line_add(&l, "%zu down", m.down);
		line_add(&l, "at most %u wanted", m.most);
	}
	for (size_t i = 0; i < s->n_changes; i++) {
		if (!is_known(s, i)) {
			line_add(&l, "for %s %zu", s->changes[i].reason,
			         count_reason(s, s->changes[i].reason));
		}
	}
	line_end(&l);
}

void report_scaling_json(struct json_writer *w, const struct service_summary *s)
{
	const struct moves m = count_moves(s);

	json_begin_object_flat(w, "autoscaler");
	json_put_string(w, "policy", s->autoscaler);
	json_put_int(w, "up", (int64_t)m.up);
	json_put_int(w, "down", (int64_t)m.down);
	json_put_int(w, "most_wanted", m.most);
	json_end(w);
}

void report_scaling_csv(FILE *out, const struct report *r)
{
	const struct summary *s = r->summary;
	char time[40];

	fputs("time_s,service,from,to,ready,reason\n", out);
	for (size_t i = 0; i < s->n_services; i++) {
		for (size_t k = 0; k < s->services[i].n_changes; k++) {
			const struct scale_change *c = &s->services[i].changes[k];

			fprintf(out, "%s,%s,%u,%u,%u,%s\n",
			        str_real(ns_to_seconds(c->at), time, sizeof(time)),
			        s->services[i].name, c->from, c->to, c->ready, c->reason);
		}
	}
}

bool report_scales(const struct summary *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n_services; i++) {
		any = any || s->services[i].autoscaler != NULL;
	}
	return any;
}
