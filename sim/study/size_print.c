/* The screen of `aliquot size`. */
#include "study/size_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "report/facts.h"
#include "study/sweep_private.h"

#define WIDTH 100
#define TAIL 26 /* tok/s, pass or fail */

/* "tpot.p95 25.09 ms, limit <= 25 ms" of a run. */
static char *limit_text(const struct size_cell *c, const struct size_run *run, size_t i)
{
	const struct slo *const slo = c->limits.at[i].slo;
	char value[40];
	char *const name = limits_name(&c->limits, i);
	char *const text =
		mem_printf("%s %s %s, limit%s", name,
	                   limit_observed(slo, run->limits[i].observed, value, sizeof(value)),
	                   limit_unit(slo), strchr(slo->text, ' '));
	free(name);
	return text;
}

/* ", 3.1 % over" or " by 3.1 %"; empty where that has no meaning. */
static const char *share_text(double share, const char *before, const char *after, char *buf,
                              size_t size)
{
	const double pct = 100.0 * fabs(share);
	char number[32];
	if (!isfinite(share)) {
		return "";
	}
	snprintf(number, sizeof(number), pct < 0.1 ? "%.1g" : pct < 100.0 ? "%.1f" : "%.0f", pct);
	snprintf(buf, size, "%s%s %%%s", before, number, after);
	return buf;
}

static size_t broken(const struct size_cell *c, const struct size_run *run)
{
	const struct limit *const l = limits_broken(&c->limits, run->limits);
	return (size_t)(l - c->limits.at);
}

static const char *count_text(int64_t n, const char *what, char *buf, size_t size)
{
	char number[32];
	snprintf(buf, size, "%s %s%s", str_thousands(n, number, sizeof(number)), what,
	         n == 1 ? "" : "s");
	return buf;
}

/* "7 replicas on 4 GPUs fail: ..., 2.1 % over" of a run that breaks a limit. */
static char *why_fails(const struct size_cell *c, const struct search_probe *p)
{
	const struct size_run *const run = p->result;
	const size_t i = broken(c, run);
	const double margin = limit_margin(c->limits.at[i].slo, run->limits[i].observed);
	char replicas[48], gpus[48], over[48];
	char *const limit = limit_text(c, run, i);
	char *const text = mem_printf(
		"%s on %s fail%s: %s%s",
		count_text(p->value * c->per_unit, "replica", replicas, sizeof(replicas)),
		count_text(run->gpus, "GPU", gpus, sizeof(gpus)),
		p->value * c->per_unit == 1 ? "s" : "", limit,
		share_text(margin, ", ", margin < 0.0 ? " over" : "", over, sizeof(over)));
	free(limit);
	return text;
}

static void put_cell_name(FILE *out, const struct size_ask *ask, size_t cell)
{
	for (size_t i = 0; i < ask->cells.n_axes; i++) {
		fprintf(out, "%s%s=%s", i == 0 ? " with " : ", ", ask->cells.axes[i].key,
		        sweep_value(&ask->cells, cell, i));
	}
}

/* There is no answer; why, where a single cell says it. */
static void put_nothing(FILE *out, const struct size *s)
{
	const struct search_probe *const most = s->n_cells == 1 ? size_smaller(s->cells) : NULL;
	char *const why = most != NULL ? why_fails(s->cells, most) : NULL;
	fprintf(out, "%s%s%s%s\n", s->interrupted ? "GPUs not known" : "GPUs none",
	        why != NULL ? "    (" : "", why != NULL ? why : "", why != NULL ? ")" : "");
	free(why);
}

static void put_verdict(FILE *out, const struct size_ask *ask, const struct size *s)
{
	char text[48];
	if (s->interrupted) {
		fputs("INCOMPLETE  ", out);
	}
	if (s->best == s->n_cells) {
		put_nothing(out, s);
		return;
	}
	const struct size_cell *const c = &s->cells[s->best];
	const struct search_probe *const smaller = size_smaller(c);
	char *const why = smaller != NULL ? why_fails(c, smaller) : NULL;
	fprintf(out, "GPUs %s", str_thousands(c->gpus, text, sizeof(text)));
	if (isfinite(c->cost_per_hour)) {
		fprintf(out, ", %s an hour", str_human(c->cost_per_hour, text, sizeof(text)));
	}
	put_cell_name(out, ask, s->best);
	fprintf(out, "%s(%s)\n", ask->cells.n_axes > 0 ? "\n     " : "    ",
	        why != NULL        ? why
	        : c->grid.from > 1 ? "fewer replicas were not tried"
	                           : "the fewest replicas there can be");
	free(why);
}

/* What was searched. */
static void put_search(FILE *out, const struct size_cell *c)
{
	char from[32], to[32];
	fprintf(out, "\n%s: %zu runs, %s to %s replicas of",
	        c->end == SIZE_STOPPED ? "interrupted"
	        : c->grid.exhaustive   ? "every number"
	                               : "exact",
	        c->found.n_probes, str_thousands(c->grid.from * c->per_unit, from, sizeof(from)),
	        str_thousands(c->grid.to * c->per_unit, to, sizeof(to)));
	for (size_t i = 0; i < c->n_sized; i++) {
		const struct size_service *const s = &c->sized[i];
		fprintf(out, "%s %s", i == 0 ? "" : " and", c->scenario->services[s->service].name);
		if (c->n_sized > 1) {
			fprintf(out, " %lld", (long long)s->per_unit);
		}
	}
	fputs(c->n_sized > 1 ? " each time\n" : "\n", out);
}

/* Has a limit a column? One on errors that always holds is not worth it. */
static bool has_column(const struct size_cell *c, size_t limit)
{
	bool shown = c->limits.at[limit].slo->metric != SLO_ERROR_RATE;
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct size_run *const run = c->found.probes[i].result;
		shown = shown || !run->limits[limit].ok;
	}
	return shown && !limits_again(&c->limits, limit);
}

static bool emits_tokens(const struct size_cell *c)
{
	bool any = false;
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct size_run *const run = c->found.probes[i].result;
		any = any || run->output_tokens_per_s > 0.0;
	}
	return any;
}

/* The header of the probes; returns how many limits, shown or not, come before the last column. */
static size_t put_header(FILE *out, const struct size_cell *c)
{
	int used = 18;
	size_t n = 0;
	fprintf(out, "\n  %8s%8s", "replicas", "GPUs");
	for (; n < c->limits.n && used <= WIDTH - TAIL; n++) {
		char *const name = limits_name(&c->limits, n);
		const int width = has_column(c, n) ? limit_column(name) : 0;
		used += width;
		if (width > 0 && used <= WIDTH - TAIL) {
			fprintf(out, "%*s", width, name);
		}
		free(name);
	}
	fprintf(out, "%11s\n", emits_tokens(c) ? "tok/s" : "req/s");
	return used <= WIDTH - TAIL ? n : n - 1;
}

static void put_probe(FILE *out, const struct size_cell *c, const struct search_probe *p,
                      size_t columns)
{
	const struct size_run *const run = p->result;
	char buf[40];
	fprintf(out, "  %8s", str_thousands(p->value * c->per_unit, buf, sizeof(buf)));
	fprintf(out, "%8s", str_thousands(run->gpus, buf, sizeof(buf)));
	for (size_t i = 0; i < columns; i++) {
		if (has_column(c, i)) {
			char *const name = limits_name(&c->limits, i);
			fprintf(out, "%*s", limit_column(name),
			        limit_observed(c->limits.at[i].slo, run->limits[i].observed, buf,
			                       sizeof(buf)));
			free(name);
		}
	}
	const double rate = emits_tokens(c) ? run->output_tokens_per_s : run->requests_per_s;
	fprintf(out, "%11s   %s%s\n", str_human(rate, buf, sizeof(buf)), p->pass ? "fail" : "pass",
	        p == size_answer(c) ? "  <- size" : "");
}

static void put_check(FILE *out, const struct size_cell *c)
{
	const struct search_result *const r = &c->found;
	char a[48], b[48];
	if (r->passes_above > 0) {
		fprintf(out, "\ncheck: NOT monotone: %s pass, %s fail again\n",
		        count_text(r->fails_at * c->per_unit, "replica", a, sizeof(a)),
		        str_thousands(r->passes_above * c->per_unit, b, sizeof(b)));
	} else if (r->n_probes > 0) {
		fprintf(out, "\ncheck: monotone between %s and %s at the %zu probed points\n",
		        str_thousands(r->probes[0].value * c->per_unit, a, sizeof(a)),
		        count_text(r->probes[r->n_probes - 1].value * c->per_unit, "replica", b,
		                   sizeof(b)),
		        r->n_probes);
	}
}

static void put_cell_probes(FILE *out, const struct size_cell *c)
{
	put_search(out, c);
	const size_t columns = put_header(out, c);
	for (size_t i = 0; i < c->found.n_probes; i++) {
		put_probe(out, c, &c->found.probes[i], columns);
	}
	if (columns < c->limits.n) {
		fprintf(out, "  %zu more limits are in --format json\n", c->limits.n - columns);
	}
	put_check(out, c);
}

/* The end of a key, or all of it where another axis ends alike. */
static const char *short_key(const struct size_ask *ask, size_t axis)
{
	const char *const key = ask->cells.axes[axis].key;
	const char *const dot = strrchr(key, '.');
	const char *const end = dot != NULL ? dot + 1 : key;
	for (size_t i = 0; i < ask->cells.n_axes; i++) {
		const char *const other = ask->cells.axes[i].key;
		const char *const its = strrchr(other, '.');
		if (i != axis && strcmp(its != NULL ? its + 1 : other, end) == 0) {
			return key;
		}
	}
	return end;
}

static int axis_width(const struct size_ask *ask, size_t axis)
{
	size_t width = strlen(short_key(ask, axis));
	for (size_t i = 0; i < ask->cells.axes[axis].n; i++) {
		const size_t length = strlen(ask->cells.axes[axis].values[i]);
		width = length > width ? length : width;
	}
	return (int)width + 2;
}

/* "ttft.p95@chat 3.1 % left" of the answer, or what breaks at the most that was tried. */
static char *cell_note(const struct size_cell *c)
{
	char share[48];
	if (c->end == SIZE_INFEASIBLE) {
		return mem_strdup("does not fit");
	}
	if (c->end == SIZE_STOPPED) {
		return mem_strdup("interrupted");
	}
	const struct search_probe *const p =
		c->end == SIZE_FOUND ? size_answer(c) : size_smaller(c);
	const struct size_run *const run = p->result;
	const size_t i = c->end == SIZE_FOUND ? size_tightest(c, run) : broken(c, run);
	if (i == c->limits.n) {
		return mem_strdup("");
	}
	const double margin = limit_margin(c->limits.at[i].slo, run->limits[i].observed);
	char *const name = limits_name(&c->limits, i);
	char *const text =
		c->end == SIZE_FOUND
			? mem_printf("%s%s", name,
	                             share_text(margin, " ", " left", share, sizeof(share)))
			: mem_printf("never: %s%s", name,
	                             share_text(margin, " ", " over", share, sizeof(share)));
	free(name);
	return text;
}

static void put_cell(FILE *out, const struct size_ask *ask, const struct size *s, size_t i)
{
	const struct size_cell *const c = &s->cells[i];
	const bool found = c->end == SIZE_FOUND;
	char text[48];
	for (size_t k = 0; k < ask->cells.n_axes; k++) {
		fprintf(out, "  %-*s", axis_width(ask, k) - 2, sweep_value(&ask->cells, i, k));
	}
	fprintf(out, "%11s", found ? str_thousands(c->replicas, text, sizeof(text)) : "-");
	fprintf(out, "%8s", found ? str_thousands(c->gpus, text, sizeof(text)) : "-");
	if (ask->n_prices > 0) {
		fprintf(out, "%11s", found ? str_human(c->cost_per_hour, text, sizeof(text)) : "-");
	}
	char *const note = cell_note(c);
	fprintf(out, "  %s%s\n", note, i == s->best ? "  <- size" : "");
	free(note);
}

static void put_cells(FILE *out, const struct size_ask *ask, const struct size *s)
{
	putc('\n', out);
	for (size_t k = 0; k < ask->cells.n_axes; k++) {
		fprintf(out, "  %-*s", axis_width(ask, k) - 2, short_key(ask, k));
	}
	fprintf(out, "%11s%8s", "replicas", "GPUs");
	fprintf(out, ask->n_prices > 0 ? "%11s  %s\n" : "%.0s  %s\n", "an hour", "tightest limit");
	for (size_t i = 0; i < s->n_cells; i++) {
		put_cell(out, ask, s, i);
	}
}

/* The machines of the answer, and what they do. */
static void put_fleet(FILE *out, const struct size_cell *c, const struct summary *s)
{
	const struct scenario *const sc = c->scenario;
	char text[48];
	fputs("GPUs    ", out);
	for (size_t k = 0; k < sc->n_nodes; k++) {
		const struct scenario_nodes *const nodes = &sc->nodes[k];
		fprintf(out, "%s%s of %lld %s", k == 0 ? "" : " + ",
		        count_text(nodes->count, "node", text, sizeof(text)),
		        (long long)nodes->gpus, nodes->gpu_name);
	}
	fprintf(out, ", busy %s %%", str_human(100.0 * s->gpu_busy, text, sizeof(text)));
	if (c->share < (double)c->gpus) {
		fprintf(out, "; the services ask for %s of them",
		        str_human(c->share, text, sizeof(text)));
	}
	putc('\n', out);
}

static void put_best(FILE *out, const struct size_cell *c, const struct summary *s)
{
	const struct size_run *const run = size_answer(c)->result;
	const size_t tight = size_tightest(c, run);
	char text[48], more[48];
	if (tight < c->limits.n) {
		char *const limit = limit_text(c, run, tight);
		fprintf(out, "margin  %s: %s\n", limit,
		        share_text(
				limit_margin(c->limits.at[tight].slo, run->limits[tight].observed),
				"", " left", text, sizeof(text)));
		free(limit);
	}
	put_fleet(out, c, s);
	if (isfinite(size_token_cost(c, run))) {
		fprintf(out, "cost    %s an hour, %s per million output tokens\n",
		        str_human(c->cost_per_hour, text, sizeof(text)),
		        str_human(size_token_cost(c, run), more, sizeof(more)));
	}
	fputs("binding ", out);
	facts_fold(s->binding, 8, out);
}

void size_print(FILE *out, const struct size_ask *ask, const struct size *s,
                const struct report *best)
{
	const bool found = s->best < s->n_cells;
	put_verdict(out, ask, s);
	if (s->n_cells > 1) {
		put_cells(out, ask, s);
	}
	if (found || s->n_cells == 1) {
		put_cell_probes(out, &s->cells[found ? s->best : 0]);
	}
	if (best != NULL) {
		put_best(out, &s->cells[s->best], best->summary);
	}
}
