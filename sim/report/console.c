/* The screen of `aliquot run` (cli.md 4.4): verdict, what was simulated, distributions, cause,
 * trust. */
#include "base/mem.h"
#include "base/str.h"
#include "report/facts.h"
#include "report/limit.h"
#include "report/line.h"
#include "report/report.h"
#include "report/trust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_WAITING 0.01 /* replicas on average: less is a second here and there */
#define GREEN "\033[32m"
#define RED "\033[31m"
#define PLAIN "\033[0m"
#define SECONDS_FROM_MS 1000.0 /* rows whose average is longer than this are shown in seconds */

/* Column of a percentile in struct dist. */
enum { P50 = 4, P90 = 6, P95 = 7, P99 = 8 };

/* Four significant figures, "-" when undefined. */
static const char *human(double v, char *buf, size_t size)
{
	return isfinite(v) ? str_human(v, buf, size) : "-";
}

/* Text and escape codes round it, when colour is wanted. */
static void put_verdict(FILE *out, bool good, const char *text, bool colour)
{
	if (colour) {
		fprintf(out, "%s%s%s", good ? GREEN : RED, text, PLAIN);
	} else {
		fputs(text, out);
	}
}

static void put_head(FILE *out, const struct summary *s, bool colour)
{
	char seconds[40], events[40];
	size_t met = 0;

	for (size_t i = 0; i < s->n_limits; i++) {
		met += s->limits[i].ok ? 1 : 0;
	}
	if (s->incomplete) {
		put_verdict(out, false, "INCOMPLETE", colour);
		if (s->n_limits > 0) {
			fprintf(out, "  %zu of %zu limits met so far", met, s->n_limits);
		}
		fputs("    ", out);
	} else if (s->n_limits > 0) {
		put_verdict(out, s->pass, s->pass ? "PASS" : "FAIL", colour);
		fprintf(out, "  %zu of %zu limits met    ", met, s->n_limits);
	}
	fprintf(out, "%s s simulated, %s events\n",
	        str_human(ns_to_seconds(s->simulated), seconds, sizeof(seconds)),
	        str_thousands(s->events, events, sizeof(events)));
	if (s->incomplete) {
		fputs("interrupted, at the horizon of 100 years, or left with requests that "
		      "nobody will answer:\nthe results cover the time until then\n",
		      out);
	}
	putc('\n', out);
}

/* An observed value with the unit of its metric. */
static const char *observed_text(const struct limit_result *l, char *buf, size_t size)
{
	char number[40];
	const char *const text = limit_observed(l->limit, l->observed, number, sizeof(number));
	const bool any = isfinite(l->observed);
	snprintf(buf, size, "%s%s%s", text, any ? " " : "", any ? limit_unit(l->limit) : "");
	return buf;
}

/* How far inside the limit, in per cent of it; negative outside. */
static const char *margin_text(const struct limit_result *l, char *buf, size_t size)
{
	const double pct = 100.0 * limit_margin(l->limit, l->observed);
	if (!isfinite(pct)) {
		return "-";
	}
	if (pct > 1000.0 || pct < -1000.0) {
		return pct > 0.0 ? "> 1,000 %" : "< -1,000 %";
	}
	/* a limit just missed is not missed by -0.0 % */
	snprintf(buf, size, !l->ok && fabs(pct) < 0.05 ? "%.1g %%" : "%.1f %%", pct);
	return buf;
}

static int longer(int width, const char *text)
{
	const size_t length = strlen(text);

	return length > (size_t)width ? (int)length : width;
}

static void put_limits(FILE *out, const struct summary *s, bool colour)
{
	const bool several = s->n_services > 1;
	int width = 5, name_width = 7; /* "limit", "service" */

	if (s->n_limits == 0) {
		return;
	}
	for (size_t i = 0; i < s->n_limits; i++) {
		width = longer(width, s->limits[i].limit->text);
		name_width = longer(name_width, s->services[s->limits[i].service].name);
	}
	name_width = several ? name_width + 2 : 0;
	fprintf(out, "  %-*s%-*s  %14s  %10s\n", name_width, several ? "service" : "", width,
	        "limit", "observed", "margin");
	for (size_t i = 0; i < s->n_limits; i++) {
		const struct limit_result *l = &s->limits[i];
		char observed[64], margin[64];

		fprintf(out, "  %-*s%-*s  %14s  %10s   ", name_width,
		        several ? s->services[l->service].name : "", width, l->limit->text,
		        observed_text(l, observed, sizeof(observed)),
		        margin_text(l, margin, sizeof(margin)));
		put_verdict(out, l->ok, l->ok ? "ok" : "broken", colour);
		putc('\n', out);
	}
	putc('\n', out);
}

static void put_what(FILE *out, const struct report *r, size_t i)
{
	const struct scenario_service *s = &r->scenario->services[i];
	struct line l = line_start(out, s->name);
	char text[40];

	line_add(&l, "%s", s->model_name);
	line_add(&l, "%s weights", precision_names[s->precision]);
	line_add(&l, "%s KV", precision_names[s->kv_precision]);
	line_add(&l, "engine %s", s->engine_name);
	char *const part = scenario_part_text(s);
	line_add(&l, "%s%s replica%s of %s", s->initial == s->places ? "" : "up to ",
	         str_thousands(s->places, text, sizeof(text)), s->places == 1 ? "" : "s", part);
	free(part);
	if (scenario_borrows(s)) {
		line_add(&l, "up to %s", scenario_limit_text(s, text, sizeof(text)));
	}
	line_end(&l);
	for (size_t k = 0; k < r->scenario->n_loads; k++) {
		if (r->scenario->loads[k].service == i) {
			report_load(out, &r->scenario->loads[k], r->summary->services[i].generates);
		}
	}
}

static void put_metric(FILE *out, const char *word, const char *what, const char *unit,
                       const struct dist *d)
{
	bool seconds = strcmp(unit, "ms") == 0 && d->avg >= SECONDS_FROM_MS;
	const double v[] = {d->avg, d->p[P50], d->p[P90], d->p[P95], d->p[P99], d->max};

	if (d->count == 0) {
		return;
	}
	fprintf(out, "  %-9s%-20s%6s", word, what, seconds ? "s" : unit);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char buf[40];

		fprintf(out, " %9s", human(seconds ? v[i] / 1e3 : v[i], buf, sizeof(buf)));
	}
	putc('\n', out);
}

static void put_table(FILE *out, const struct service_summary *s)
{
	if (s->finished == 0) {
		putc('\n', out);
		return;
	}
	fprintf(out, "\n  %-9s%-20s%6s %9s %9s %9s %9s %9s %9s\n", "metric", "", "unit", "avg",
	        "p50", "p90", "p95", "p99", "max");
	if (s->generates) {
		put_metric(out, "ttft", "time to first token", "ms", &s->ttft_ms);
		put_metric(out, "tpot", "mean time per token", "ms", &s->tpot_ms);
		put_metric(out, "itl", "every token gap", "ms", &s->itl_ms);
	}
	put_metric(out, "latency", "whole request", "ms", &s->latency_ms);
	put_metric(out, "queue", "wait for a batch", "ms", &s->queue_ms);
	if (s->generates) {
		put_metric(out, "tps_user", "per user", "tok/s", &s->tps_user);
	}
	putc('\n', out);
}

static void put_counts(FILE *out, const struct service_summary *s)
{
	struct line l = line_start(out, "requests");
	char text[40];

	line_add(&l, "%s finished", str_thousands(s->finished, text, sizeof(text)));
	line_add(&l, "%s rejected", str_thousands(s->rejected, text, sizeof(text)));
	if (s->too_long > 0) {
		line_add(&l, "%s of them longer than context or KV cache",
		         str_thousands(s->too_long, text, sizeof(text)));
	}
	if (s->lost > 0) {
		line_add(&l, "%s lost", str_thousands(s->lost, text, sizeof(text)));
	}
	if (s->unfinished > 0) {
		line_add(&l, "%s unfinished", str_thousands(s->unfinished, text, sizeof(text)));
	}
	if (s->warmup > 0) {
		line_add(&l, "%s warm-up not counted",
		         str_thousands(s->warmup, text, sizeof(text)));
	}
	line_end(&l);
}

static void put_rates(FILE *out, const struct service_summary *s)
{
	struct line l = line_start(out, "throughput");
	char text[40], part[40];

	if (s->generates) {
		line_add(&l, "%s tok/s out", human(s->output_tokens_per_s, text, sizeof(text)));
	}
	line_add(&l, "%s tok/s in", human(s->input_tokens_per_s, text, sizeof(text)));
	line_add(&l, "%s req/s", human(s->requests_per_s, text, sizeof(text)));
	if (!isnan(s->goodput_per_s)) {
		line_add(&l, "goodput %s req/s (%s %%)",
		         human(s->goodput_per_s, text, sizeof(text)),
		         human(100.0 * s->goodput_per_s / s->requests_per_s, part, sizeof(part)));
	}
	line_end(&l);
}

static void put_replicas(FILE *out, const struct service_summary *s)
{
	struct line l = line_start(out, "replicas");
	char text[40], most[40];

	line_add(&l, "busy %s %%", human(100.0 * s->busy, text, sizeof(text)));
	if (s->shares) {
		line_add(&l, "waiting for the GPU %s %%",
		         human(100.0 * s->slowed, text, sizeof(text)));
	}
	line_add(&l, "%s running per replica (max %s of %lld)",
	         human(s->running_avg, text, sizeof(text)),
	         str_thousands(s->running_max, most, sizeof(most)), (long long)s->max_num_seqs);
	line_add(&l, "%s waiting per replica (max %s)", human(s->waiting_avg, text, sizeof(text)),
	         str_thousands(s->waiting_max, most, sizeof(most)));
	if (s->kv_capacity_tokens > 0) {
		line_add(&l, "KV peak %s %% of %s tokens",
		         human(100.0 * (double)s->kv_peak_tokens / (double)s->kv_capacity_tokens,
		               text, sizeof(text)),
		         str_thousands(s->kv_capacity_tokens, most, sizeof(most)));
	}
	if (s->prefix_cache) {
		line_add(&l, "prefix cache hit %s %% of prompt tokens",
		         human(100.0 * s->prefix_hit_rate, text, sizeof(text)));
	}
	line_add(&l, "preempted %s", str_thousands(s->preemptions, text, sizeof(text)));
	if (s->swaps >= 0) {
		line_add(&l, "came back from host memory %s",
		         str_thousands(s->swaps, text, sizeof(text)));
	}
	if (s->oom_kills > 0) {
		line_add(&l, "killed for others' memory %s",
		         str_thousands(s->oom_kills, text, sizeof(text)));
	}
	if (s->oom_kills > 0 || s->moves > 0) {
		line_add(&l, "started again %s", str_thousands(s->cold_starts, text, sizeof(text)));
		line_add(&l, "down %s %%", human(100.0 * s->down, text, sizeof(text)));
	}
	line_end(&l);
}

/* Replicas that the scheduler gave no GPUs yet. */
static void put_waits(FILE *out, const struct service_summary *s)
{
	struct line l = line_start(out, "waits");
	char text[40];

	line_add(&l, "%s replicas for GPUs on average", human(s->pending_avg, text, sizeof(text)));
	if (s->kept_out_avg > 0.0) {
		line_add(&l, "%s of them for a quota or a limit",
		         human(s->kept_out_avg, text, sizeof(text)));
	}
	if (s->pending > 0) {
		line_add(&l, "at the end %s: %s", str_thousands(s->pending, text, sizeof(text)),
		         s->reason);
	}
	line_end(&l);
}

/* Replicas that are not there all the time. */
static void put_lives(FILE *out, const struct service_summary *s)
{
	struct line l = line_start(out, "life");
	char text[40];

	line_add(&l, "%s replicas on GPUs on average", human(s->replicas_avg, text, sizeof(text)));
	line_add(&l, "at most %s ready", str_thousands(s->replicas, text, sizeof(text)));
	line_add(&l, "cold starts %s", str_thousands(s->cold_starts, text, sizeof(text)));
	if (s->failed_starts > 0) {
		line_add(&l, "given up %s", str_thousands(s->failed_starts, text, sizeof(text)));
	}
	line_add(&l, "requests that found none ready %s",
	         str_thousands(s->at_door, text, sizeof(text)));
	if (s->at_door > 0) {
		line_add(&l, "which waited %s s for one", human(s->door_s, text, sizeof(text)));
	}
	if (s->evicted > 0) {
		line_add(&l, "evicted %s", str_thousands(s->evicted, text, sizeof(text)));
	}
	line_end(&l);
	if (s->pending > 0 || s->pending_avg >= LEAST_WAITING) {
		put_waits(out, s);
	}
}

/* Replicas that are spread over the GPUs of their node. */
static void put_spread(FILE *out, const struct service_summary *s)
{
	struct line l = line_start(out, "spread");
	char text[40];

	line_add(&l, "%s %% of the time on other GPUs than booked",
	         human(100.0 * s->away, text, sizeof(text)));
	line_add(&l, "moved back %s", str_thousands(s->moves, text, sizeof(text)));
	if (s->moves > 0) {
		line_add(&l, "%s requests lost by it",
		         str_thousands(s->moved_lost, text, sizeof(text)));
	}
	line_end(&l);
}

/* What the numbers rest on, on each kind of GPU. */
static void put_trust(FILE *out, const struct report *r, size_t i)
{
	struct trust *list = mem_new(r->scenario->n_nodes, sizeof(*list));
	size_t n = trust_of(r->scenario, i, &r->summary->services[i], list);

	for (size_t k = 0; k < n; k++) {
		char *text = trust_text(&list[k]);

		line_start(out, k == 0 ? "trust" : "");
		facts_fold(text, LINE_LABEL, out);
		free(text);
		trust_fini(&list[k]);
	}
	free(list);
}

/* Of a service that nobody asks there is nothing to say, unless its memory was asked back. */
static bool is_idle(const struct report *r, size_t i)
{
	return r->summary->services[i].oom_kills == 0 && !scenario_is_asked(r->scenario, i);
}

static void put_service(FILE *out, const struct report *r, size_t i)
{
	const struct service_summary *const v = &r->summary->services[i];

	put_what(out, r, i);
	if (is_idle(r, i)) {
		struct line l = line_start(out, "load");
		line_add(&l, "none");
		line_end(&l);
	} else {
		put_table(out, v);
		put_counts(out, v);
		put_rates(out, v);
		put_replicas(out, v);
	}
	if (v->comes_and_goes) {
		put_lives(out, v);
	}
	if (v->moves >= 0) {
		put_spread(out, v);
	}
	if (v->autoscaler != NULL) {
		report_scaling(out, v);
	}
	if (!is_idle(r, i)) {
		put_trust(out, r, i);
	}
	putc('\n', out);
}

void report_console(FILE *out, const struct report *r, bool colour)
{
	const struct summary *s = r->summary;

	put_head(out, s, colour);
	put_limits(out, s, colour);
	for (size_t i = 0; i < s->n_services; i++) {
		put_service(out, r, i);
	}
	report_jobs(out, r);
	report_faults(out, s);
	report_moves(out, s);
	report_gpus(out, r);
	line_start(out, "binding");
	facts_fold(s->binding, LINE_LABEL, out);
}
