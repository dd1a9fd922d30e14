/* What the screen says of a load: who asks, how often, and for how much. */
#include "base/str.h"
#include "report/line.h"
#include "report/report.h"

#include <string.h>

static void add_lengths(struct line *l, const char *name, const struct length_dist *d)
{
	char mean[40], deviation[40];

	str_human(d->mean, mean, sizeof(mean));
	if (d->stddev > 0.0) {
		line_add(l, "%s %s +- %s", name, mean,
		         str_human(d->stddev, deviation, sizeof(deviation)));
	} else {
		line_add(l, "%s %s", name, mean);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static const char *arrivals_name(int arrivals)
{
	switch ((enum arrivals)arrivals) {
	case ARRIVALS_CONSTANT:
		return "constant";
	case ARRIVALS_GAMMA:
		return "gamma";
	case ARRIVALS_POISSON:
		break;
	}
	return "poisson";
}

static void add_trace(struct line *l, const struct scenario_load *load)
{
	char text[40];

	line_add(l, "trace %s", base_name(load->file));
	if (load->speedup < 1.0 || load->speedup > 1.0) {
		line_add(l, "%s times as fast", str_human(load->speedup, text, sizeof(text)));
	}
}

static void add_servegen(struct line *l, const struct scenario_load *load)
{
	char text[40];

	line_add(l, "ServeGen clients of %s", base_name(load->folder));
	if (load->from > 0) {
		line_add(l, "from %s", str_duration(load->from, text, sizeof(text)));
	}
	if (load->scale < 1.0 || load->scale > 1.0) {
		line_add(l, "%s times the rate", str_human(load->scale, text, sizeof(text)));
	}
}

static void add_source(struct line *l, const struct scenario_load *load)
{
	char text[40];

	switch ((enum load_kind)load->kind) {
	case LOAD_CONCURRENCY:
		line_add(l, "%s users", str_thousands(load->users, text, sizeof(text)));
		if (load->think > 0) {
			line_add(l, "%s to think", str_duration(load->think, text, sizeof(text)));
		}
		break;
	case LOAD_RATE:
		line_add(l, "%s req/s %s", str_human(load->rate, text, sizeof(text)),
		         arrivals_name(load->arrivals));
		break;
	case LOAD_STAGES:
		line_add(l, "%zu stage%s", load->n_stages, load->n_stages == 1 ? "" : "s");
		break;
	case LOAD_TRACE:
		add_trace(l, load);
		break;
	case LOAD_SERVEGEN:
		add_servegen(l, load);
		break;
	}
}

static void add_text(struct line *l, const struct load_text *t)
{
	char text[40], other[40];

	if (t->turns.mean > 0.0) {
		line_add(l, "conversations of %s turns",
		         str_human(t->turns.mean, text, sizeof(text)));
	}
	if (t->prefix_tokens > 0) {
		line_add(l, "%s prefix%s of %s tokens",
		         str_thousands(t->prefixes, text, sizeof(text)),
		         t->prefixes == 1 ? "" : "es",
		         str_thousands(t->prefix_tokens, other, sizeof(other)));
	}
	if (t->context_tokens > 0) {
		line_add(l, "context of %s tokens",
		         str_thousands(t->context_tokens, text, sizeof(text)));
	}
	if (t->entries > 0) {
		line_add(l, "%s distinct prompts", str_thousands(t->entries, text, sizeof(text)));
	}
}

void report_load(FILE *out, const struct scenario_load *load, bool generates)
{
	struct line l = line_start(out, "load");

	add_source(&l, load);
	if (load_has_lengths(load)) {
		add_text(&l, &load->text);
		add_lengths(&l, "ISL", &load->isl);
		if (generates) {
			add_lengths(&l, "OSL", &load->osl);
		}
	}
	line_end(&l);
}
