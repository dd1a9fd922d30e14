/* Replicas that went back to the GPUs where they are booked, on the screen and in summary.json. */
#include "base/mem.h"
#include "base/str.h"
#include "report/json_writer.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>

#define MOST_SHOWN 12

/* Who needs the place. */
static const char *needed_by(const struct summary *s, const struct move_summary *m)
{
	return m->needed < 0 ? "jobs" : s->services[m->needed].name;
}

static void put_move(FILE *out, const struct summary *s, const struct move_summary *m)
{
	char *const who = mem_printf("%s %u", s->services[m->service].name, m->replica);
	char *const where = mem_printf("%s-%u gpu %u to %u", m->nodes, m->node, m->from, m->to);
	char at[40], lost[40], start[40] = "-";

	if (m->start != NS_NEVER) {
		snprintf(start, sizeof(start), "%.1f s", ns_to_seconds(m->start));
	}
	snprintf(at, sizeof(at), "%.1f s", ns_to_seconds(m->at));
	fprintf(out, "  %-19s %-28s %-12s %11s %7s  %11s\n", who, where, needed_by(s, m), at,
	        str_thousands(m->lost, lost, sizeof(lost)), start);
	free(where);
	free(who);
}

void report_moves(FILE *out, const struct summary *s)
{
	const size_t shown = s->n_moves > MOST_SHOWN ? MOST_SHOWN : s->n_moves;

	if (s->n_moves == 0) {
		return;
	}
	fprintf(out, "  %-19s %-28s %-12s %11s %7s  %11s\n", "moved back", "where", "for", "at",
	        "lost", "starts in");
	for (size_t i = 0; i < shown; i++) {
		put_move(out, s, &s->moves[i]);
	}
	if (shown < s->n_moves) {
		fprintf(out, "  and %zu more, in the JSON form\n", s->n_moves - shown);
	}
	putc('\n', out);
}

void report_moves_json(struct json_writer *w, const struct summary *s)
{
	if (s->n_moves == 0) {
		return;
	}
	json_begin_array(w, "moves");
	for (size_t i = 0; i < s->n_moves; i++) {
		const struct move_summary *const m = &s->moves[i];
		char *const from = mem_printf("%s-%u gpu %u", m->nodes, m->node, m->from);
		char *const to = mem_printf("%s-%u gpu %u", m->nodes, m->node, m->to);

		json_begin_object_flat(w, NULL);
		json_put_real(w, "at_s", ns_to_seconds(m->at));
		json_put_string(w, "service", s->services[m->service].name);
		json_put_int(w, "replica", m->replica);
		json_put_string(w, "from", from);
		json_put_string(w, "to", to);
		json_put_string(w, "for", needed_by(s, m));
		json_put_int(w, "requests_lost", m->lost);
		json_put_real(w, "start_s",
		              m->start == NS_NEVER ? (double)NAN : ns_to_seconds(m->start));
		json_end(w);
		free(from);
		free(to);
	}
	json_end(w);
}
