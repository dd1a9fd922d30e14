/* Reads limits in our grammar and in those of GenAI-Perf and AIPerf, and writes them in one form.
 */
#include "spec/slo.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 1e9 /* of a limit, in its unit; times stay exact to the nanosecond */

enum unit { UNIT_TIME, UNIT_TOKENS, UNIT_REQUESTS, UNIT_SHARE };

struct metric {
	const char *name, *long_name;
	enum slo_metric metric;
	enum unit unit;
	bool per_request;       /* has statistics */
	bool smaller_is_better; /* what "tag:value" means */
};

/* Long names are the tags of GenAI-Perf and AIPerf (formats of their exports). */
static const struct metric metrics[] = {
	{"ttft", "time_to_first_token", SLO_TTFT, UNIT_TIME, true, true},
	{"ttst", "time_to_second_token", SLO_TTST, UNIT_TIME, true, true},
	{"tpot", "inter_token_latency", SLO_TPOT, UNIT_TIME, true, true},
	{"itl", "inter_chunk_latency", SLO_ITL, UNIT_TIME, true, true},
	{"latency", "request_latency", SLO_LATENCY, UNIT_TIME, true, true},
	{"queue", "queue_time", SLO_QUEUE, UNIT_TIME, true, true},
	{"tps_user", "output_token_throughput_per_user", SLO_TPS_USER, UNIT_TOKENS, true, false},
	{"tps", "output_token_throughput", SLO_TPS, UNIT_TOKENS, false, false},
	{"rps", "request_throughput", SLO_RPS, UNIT_REQUESTS, false, false},
	{"goodput", "request_goodput", SLO_GOODPUT, UNIT_REQUESTS, false, false},
	{"error_rate", "error_request_rate", SLO_ERROR_RATE, UNIT_SHARE, false, true},
};
enum { N_METRICS = sizeof(metrics) / sizeof(metrics[0]) };

static const struct {
	const char *text, *word;
	enum slo_op op;
} ops[] = {
	{"<=", "le", SLO_LE}, {">=", "ge", SLO_GE}, {"==", "eq", SLO_EQ},
	{"<", "lt", SLO_LT},  {">", "gt", SLO_GT},
};
enum { N_OPS = sizeof(ops) / sizeof(ops[0]) };

static _Thread_local char reason[256];

/* Remember why, and be false. */
__attribute__((format(printf, 1, 2))) static bool refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return false;
}

/* A copy of text[0..n) without blanks around it; caller frees. */
static char *trimmed(const char *text, size_t n)
{
	while (n > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		n--;
	}
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) {
		n--;
	}
	return mem_printf("%.*s", (int)n, text);
}

static const struct metric *find_metric(const char *name)
{
	const char *known[2 * N_METRICS];

	for (size_t i = 0; i < N_METRICS; i++) {
		if (strcmp(metrics[i].name, name) == 0 || strcmp(metrics[i].long_name, name) == 0) {
			return &metrics[i];
		}
		known[2 * i] = metrics[i].name;
		known[2 * i + 1] = metrics[i].long_name;
	}
	const char *nearest = str_nearest(name, known, sizeof(known) / sizeof(known[0]));

	if (nearest != NULL) {
		refuse("unknown metric \"%.40s\"; did you mean \"%s\"?", name, nearest);
	} else {
		refuse("unknown metric \"%.40s\"; known: ttft, ttst, tpot, itl, latency, queue, tps_user, "
		       "tps, rps, goodput, error_rate",
		       name);
	}
	return NULL;
}

static bool read_percentile(const char *text, struct slo *out)
{
	double p;

	if (text[0] != 'p' || !str_to_real(text + 1, &p) || p < 0.0 || p > 100.0) {
		return refuse(
			"unknown statistic \"%.40s\"; known: avg, min, max, std, p50, p95, p99.9 ...",
			text);
	}
	out->stat = SLO_PERCENTILE;
	out->percentile = p;
	return true;
}

/* The statistic, or the metric's own default when `text` is NULL. */
static bool read_stat(const char *text, const struct metric *m, struct slo *out)
{
	static const struct {
		const char *name;
		enum slo_stat stat;
	} stats[] = {{"avg", SLO_AVG},
	             {"mean", SLO_AVG},
	             {"min", SLO_MIN},
	             {"max", SLO_MAX},
	             {"std", SLO_STD}};

	if (!m->per_request) {
		out->stat = SLO_NONE;
		if (text != NULL && strcmp(text, "avg") != 0) {
			return refuse("%s is one number of the whole run and has no \"%.40s\"",
			              m->name, text);
		}
		return true;
	}
	if (text == NULL) {
		if (m->unit == UNIT_TIME) {
			return read_percentile("p95", out);
		}
		out->stat = SLO_AVG;
		return true;
	}
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		if (strcmp(stats[i].name, text) == 0) {
			out->stat = stats[i].stat;
			return true;
		}
	}
	return read_percentile(strcmp(text, "med") == 0 ? "p50" : text, out);
}

/* Cut one of the units off the end of text; true when it was there. */
static bool cut_unit(char *text, const char *const *units)
{
	size_t length = strlen(text);

	for (; *units != NULL; units++) {
		size_t n = strlen(*units);

		if (length > n && strcmp(text + length - n, *units) == 0) {
			text[length - n] = '\0';
			return true;
		}
	}
	return false;
}

static bool read_rate(const char *text, enum unit unit, double *out)
{
	static const char *const tokens[] = {"tok/s/user", "tokens/sec/user", "tok/s",
	                                     "tokens/s",   "tokens/sec",      NULL};
	static const char *const requests[] = {"req/s", "requests/s", "requests/sec", NULL};
	char *number = mem_strdup(text);

	cut_unit(number, unit == UNIT_TOKENS ? tokens : requests);
	bool ok = str_to_count(number, out);

	free(number);
	return ok || refuse("expected a number of %s, got \"%.40s\"",
	                    unit == UNIT_TOKENS ? "tok/s" : "req/s", text);
}

/* A share above 1: most likely meant in per cent. */
static bool refuse_share(const char *text)
{
	if (strchr(text, '%') != NULL) {
		return refuse("an error rate is at most 100%%, got %.40s", text);
	}
	return refuse("an error rate is a share of all requests, got %.40s; for per cent write "
	              "\"%.40s%%\"",
	              text, text);
}

static bool read_value(const char *text, const struct metric *m, struct slo *out)
{
	ns_t ns = 0;
	double ms;

	switch (m->unit) {
	case UNIT_TIME:
		/* a bare number is milliseconds, as in GenAI-Perf */
		if (str_to_real(text, &ms) && ms >= 0.0 && ms <= LARGEST) {
			ns = ns_from_seconds(ms / 1e3);
		} else if (str_to_real(text, &out->value)) {
			break;
		} else if (!str_to_duration(text, &ns)) {
			return refuse("expected a time like 500ms or 1s, got \"%.40s\"", text);
		}
		out->value = ns_to_ms(ns);
		break;
	case UNIT_TOKENS:
	case UNIT_REQUESTS:
		if (!read_rate(text, m->unit, &out->value)) {
			return false;
		}
		break;
	case UNIT_SHARE:
		if (!str_to_share(text, &out->value)) {
			return refuse("expected a share like 1%% or 0.01, got \"%.40s\"", text);
		}
		break;
	}
	if (out->value < 0.0) {
		return refuse("a limit must not be negative, got %.40s", text);
	}
	if (m->unit == UNIT_SHARE && out->value > 1.0) {
		return refuse_share(text);
	}
	return out->value <= LARGEST || refuse("a limit this large says nothing: %.40s", text);
}

/* A share as the per cent it was written as: 0.07 is 7, not 7.000000000000001. */
static double percent(double share)
{
	char text[40];
	double v;

	snprintf(text, sizeof(text), "%.12g", 100.0 * share);
	return str_to_real(text, &v) ? v : 100.0 * share;
}

static void write_canonical(const struct metric *m, struct slo *out)
{
	static const char *const stat_names[] = {".avg", ".min", ".max", ".std", "", ""};
	static const char *const unit_names[] = {" ms", " tok/s", " req/s", " %"};
	const double shown = m->unit == UNIT_SHARE ? percent(out->value) : out->value;
	char number[40], percentile[40] = "";
	const char *op = "";

	for (size_t i = 0; i < N_OPS; i++) {
		op = ops[i].op == out->op ? ops[i].text : op;
	}
	if (out->stat == SLO_PERCENTILE) {
		char p[32];

		snprintf(percentile, sizeof(percentile), ".p%s",
		         str_real(out->percentile, p, sizeof(p)));
	}
	snprintf(out->text, sizeof(out->text), "%s%s%s %s %s%s", m->name, stat_names[out->stat],
	         percentile, op, str_real(shown, number, sizeof(number)), unit_names[m->unit]);
}

/* The comparison that AIPerf spells as a word. */
static bool read_op_word(const char *word, struct slo *out)
{
	for (size_t i = 0; i < N_OPS; i++) {
		if (strcmp(ops[i].word, word) == 0) {
			out->op = ops[i].op;
			return true;
		}
	}
	return refuse("unknown comparison \"%.40s\"; known: lt, le, gt, ge, eq", word);
}

/* The pieces between the colons: METRIC VALUE, or METRIC STAT OP VALUE. */
static bool read_pieces(char *const *pieces, size_t n, struct slo *out)
{
	if (n != 2 && n != 4) {
		return refuse("expected METRIC:VALUE or METRIC:STAT:OP:VALUE");
	}
	const struct metric *m = find_metric(pieces[0]);

	if (m == NULL) {
		return false;
	}
	out->metric = m->metric;
	out->op = m->smaller_is_better ? SLO_LE : SLO_GE;
	if (!read_stat(n == 4 ? pieces[1] : NULL, m, out) || !read_value(pieces[n - 1], m, out) ||
	    (n == 4 && !read_op_word(pieces[2], out))) {
		return false;
	}
	write_canonical(m, out);
	return true;
}

/* "tag:value" of GenAI-Perf and "tag:stat:op:value" of AIPerf. */
static bool parse_colons(const char *text, struct slo *out)
{
	char *pieces[5];
	size_t n = 0;

	for (const char *at = text; at != NULL && n < 5;) {
		size_t length = strcspn(at, ":");

		pieces[n++] = trimmed(at, length);
		at = at[length] == ':' ? at + length + 1 : NULL;
	}
	bool ok = read_pieces(pieces, n, out);

	for (size_t i = 0; i < n; i++) {
		free(pieces[i]);
	}
	return ok;
}

/* METRIC[.STAT] OP VALUE, with the comparison at `op` of `op_length` characters. */
static bool parse_comparison(const char *text, const char *op, size_t op_length, struct slo *out)
{
	char *left = trimmed(text, (size_t)(op - text));
	char *right = trimmed(op + op_length, strlen(op + op_length));
	char *dot = strchr(left, '.');
	const struct metric *m;

	if (dot != NULL) {
		*dot = '\0';
	}
	m = find_metric(left);
	bool ok = m != NULL && read_stat(dot != NULL ? dot + 1 : NULL, m, out) &&
	          read_value(right, m, out);

	if (ok) {
		out->metric = m->metric;
		write_canonical(m, out);
	}
	free(left);
	free(right);
	return ok;
}

bool slo_parse(const char *text, struct slo *out, const char **why)
{
	struct slo parsed = {.stat = SLO_NONE};
	const char *op = strpbrk(text, "<>=");
	bool ok;

	*why = reason;
	if (op == NULL && strchr(text, ':') != NULL) {
		ok = parse_colons(text, &parsed);
	} else if (op == NULL) {
		ok = refuse("expected a limit like \"ttft.p95 <= 1s\", got \"%.60s\"", text);
	} else {
		size_t i = 0;

		while (i < N_OPS && strncmp(op, ops[i].text, strlen(ops[i].text)) != 0) {
			i++;
		}
		if (i == N_OPS) {
			ok = refuse("unknown comparison in \"%.60s\"; known: < <= > >= ==", text);
		} else {
			parsed.op = ops[i].op;
			ok = parse_comparison(text, op, strlen(ops[i].text), &parsed);
		}
	}
	if (ok) {
		*out = parsed;
	}
	return ok;
}

char *slo_split(const char *text, char **service)
{
	const char *const at = strrchr(text, '@');

	*service = NULL;
	if (at == NULL) {
		return trimmed(text, strlen(text));
	}
	const char *const name = at + 1 + strspn(at + 1, " \t");
	const size_t length = strcspn(name, " \t<>=");

	*service = mem_printf("%.*s", (int)length, name);
	char *const limit = mem_printf("%.*s%s", (int)(at - text), text, name + length);
	char *const alone = trimmed(limit, strlen(limit));

	free(limit);
	return alone;
}

bool slo_needs_tokens(const struct slo *slo)
{
	switch (slo->metric) {
	case SLO_TTFT:
	case SLO_TTST:
	case SLO_TPOT:
	case SLO_ITL:
	case SLO_TPS_USER:
	case SLO_TPS:
		return true;
	case SLO_LATENCY:
	case SLO_QUEUE:
	case SLO_RPS:
	case SLO_GOODPUT:
	case SLO_ERROR_RATE:
		break;
	}
	return false;
}

const char *slo_long_name(const struct slo *slo)
{
	size_t i = 0;

	while (metrics[i].metric != slo->metric) {
		i++;
	}
	return metrics[i].long_name;
}
