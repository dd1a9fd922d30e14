/* The screen of `aliquot ccu` (cli.md 4.4). */
#include "study/ccu_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/facts.h"

#define WIDTH 100
#define TAIL 26      /* tok/s, pass or fail */
#define MOST_ROWS 40 /* of probes; more are cut to those around the boundary */
#define AROUND 8

static const char *users_text(int64_t users, char *buf, size_t size)
{
	return str_thousands(users, buf, size);
}

/* "ttft.max 1,004 ms, limit <= 1000 ms" of the probe that fails first. */
static char *why_fails(const struct ccu *c, int64_t users)
{
	const size_t i = search_index(&c->found, users);
	const struct ccu_run *const run = c->found.probes[i].result;
	const struct limit *const l = ccu_broken(c, i);
	const size_t at = (size_t)(l - c->limits.at);
	char value[40];
	char *const name = limits_name(&c->limits, at);
	char *const text =
		mem_printf("%s %s %s, limit%s", name,
	                   limit_observed(l->slo, run->limits[at].observed, value, sizeof(value)),
	                   limit_unit(l->slo), strchr(l->slo->text, ' '));
	free(name);
	return text;
}

static void put_verdict(FILE *out, const struct ccu *c)
{
	char best[32], fails[32];
	const int64_t fails_at = c->found.fails_at;
	char *const why = fails_at > 0 ? why_fails(c, fails_at) : NULL;
	users_text(fails_at, fails, sizeof(fails));
	fprintf(out, c->found.end == SEARCH_STOPPED ? "INCOMPLETE  CCU at least %s" : "CCU %s",
	        users_text(c->found.best, best, sizeof(best)));
	if (why != NULL) {
		fprintf(out, "    (%s fails: %s)", fails, why);
	} else if (c->found.end == SEARCH_MAX_REACHED) {
		fputs("    (the end of the search; no limit is broken)", out);
	}
	fprintf(out, "\n\n%s: %zu runs, multiples of %lld users from %lld to %lld\n",
	        c->found.end == SEARCH_STOPPED ? "interrupted"
	        : c->grid.exhaustive           ? "every step"
	                                       : "exact to the step",
	        c->found.n_probes, (long long)c->grid.step, (long long)c->grid.from,
	        (long long)c->grid.to);
	free(why);
}

/* Embedding models emit no tokens: of them requests are counted. */
static bool emits_tokens(const struct ccu *c)
{
	bool any = false;
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct ccu_run *const run = c->found.probes[i].result;
		any = any || run->output_tokens_per_s > 0.0;
	}
	return any;
}

/* Width of the column of a limit; 0 of one on what an earlier column shows. */
static int column_width(const struct ccu *c, size_t limit)
{
	char *const name = limits_name(&c->limits, limit);
	const int width = limits_again(&c->limits, limit) ? 0 : limit_column(name);
	free(name);
	return width;
}

/* Names of the limits as columns; those that do not fit are left out. Returns how many fit. */
static size_t put_header(FILE *out, const struct ccu *c)
{
	int used = 10;
	size_t n = 0;
	fprintf(out, "\n  %8s", "users");
	for (; n < c->limits.n; n++) {
		const int width = column_width(c, n);
		used += width;
		if (used > WIDTH - TAIL) {
			break;
		}
		char *const name = limits_name(&c->limits, n);
		fprintf(out, "%*s", width, width > 0 ? name : "");
		free(name);
	}
	fprintf(out, "%11s\n", emits_tokens(c) ? "tok/s" : "req/s");
	return n;
}

static void put_row(FILE *out, const struct ccu *c, size_t i, size_t columns)
{
	const struct search_probe *const p = &c->found.probes[i];
	const struct ccu_run *const run = p->result;
	const struct limit *const l = ccu_broken(c, i);
	char buf[40];
	fprintf(out, "  %8s", users_text(p->value, buf, sizeof(buf)));
	for (size_t k = 0; k < columns; k++) {
		const int width = column_width(c, k);
		if (width > 0) {
			fprintf(out, "%*s", width,
			        limit_observed(c->limits.at[k].slo, run->limits[k].observed, buf,
			                       sizeof(buf)));
		}
	}
	fprintf(out, "%11s   %s%s\n",
	        str_human(emits_tokens(c) ? run->output_tokens_per_s : run->requests_per_s, buf,
	                  sizeof(buf)),
	        l == NULL ? "pass" : "fail", p->value == c->found.best ? "  <- CCU" : "");
}

static void put_probes(FILE *out, const struct ccu *c)
{
	const size_t columns = put_header(out, c);
	size_t near = 0;
	bool cut = false;
	while (near + 1 < c->found.n_probes && c->found.probes[near].value < c->found.best) {
		near++;
	}
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const bool shown = c->found.n_probes <= MOST_ROWS ||
		                   (i + AROUND >= near && i <= near + AROUND);
		if (shown) {
			put_row(out, c, i, columns);
		} else if (!cut) {
			fprintf(out, "  %8s\n", "...");
		}
		cut = !shown;
	}
	if (columns < c->limits.n) {
		fprintf(out, "  %zu more limits are in --format json\n", c->limits.n - columns);
	}
}

/* What the probes say about limits that break more than once. */
static void put_check(FILE *out, const struct ccu *c)
{
	char a[32], b[32];
	const struct search_probe *const p = c->found.probes;
	const size_t n = c->found.n_probes;
	if (c->found.passes_above > 0) {
		fprintf(out,
		        "\ncheck: NOT monotone: %s users fail, %s pass again; CCU is the largest "
		        "below any failure\n",
		        users_text(c->found.fails_at, a, sizeof(a)),
		        users_text(c->found.passes_above, b, sizeof(b)));
	} else if (c->found.best == 0 && c->grid.from > 1) {
		fprintf(out, "\ncheck: fewer than %s users were not tried; --step 1 does\n",
		        users_text(c->grid.from, a, sizeof(a)));
	} else if (n > 0) {
		fprintf(out, "\ncheck: monotone between %s and %s at the %zu probed points\n",
		        users_text(p[0].value, a, sizeof(a)),
		        users_text(p[n - 1].value, b, sizeof(b)), n);
	}
}

/* The share of one service in the users that were found. */
static void put_users(FILE *out, const struct service_summary *v, int64_t users)
{
	const double rate = v->generates ? v->output_tokens_per_s : v->requests_per_s;
	char number[40], text[40];
	fprintf(out, "users   %s: %s, %s %s\n", v->name, users_text(users, text, sizeof(text)),
	        str_human(v->finished > 0 ? rate : 0.0, number, sizeof(number)),
	        v->generates ? "tok/s" : "req/s");
}

static void put_best(FILE *out, const struct ccu *c, const struct report *best)
{
	const struct summary *const s = best->summary;
	size_t n = 0;
	char buf[40];
	for (size_t i = 0; i < s->n_services; i++) {
		n += c->users[i] > 0 ? 1 : 0;
	}
	for (size_t i = 0; i < s->n_services && n > 1; i++) {
		if (c->users[i] > 0) {
			put_users(out, &s->services[i], c->users[i]);
		}
	}
	fprintf(out, "GPUs    %lld, busy %s %%\n", (long long)s->gpus,
	        str_human(100.0 * s->gpu_busy, buf, sizeof(buf)));
	fputs("binding ", out);
	facts_fold(s->binding, 8, out);
}

void ccu_print(FILE *out, const struct ccu *c, const struct report *best)
{
	put_verdict(out, c);
	put_probes(out, c);
	put_check(out, c);
	if (best != NULL) {
		put_best(out, c, best);
	}
}
