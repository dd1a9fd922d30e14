/* GPUs on the screen and in summary.json: all of them, and those that replicas share. */
#include "base/mem.h"
#include "base/str.h"
#include "report/line.h"
#include "report/nvidia.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 44

static void put_all(FILE *out, const struct report *r)
{
	const struct summary *s = r->summary;
	struct line l = line_start(out, "GPUs");
	char text[40];

	for (size_t i = 0; i < r->scenario->n_nodes; i++) {
		const struct scenario_nodes *nodes = &r->scenario->nodes[i];

		line_add(&l, "%s %s", str_thousands(nodes->count * nodes->gpus, text, sizeof(text)),
		         nodes->gpu_name);
	}
	line_add(&l, "allocated %s %%", str_human(100.0 * s->allocated, text, sizeof(text)));
	line_add(&l, "busy %s %%", str_human(100.0 * s->gpu_busy, text, sizeof(text)));
	line_add(&l, "memory %s %%", str_human(100.0 * s->memory_used, text, sizeof(text)));
	line_end(&l);
}

/* GPUs of one group of nodes that hold as many replicas of each service. */
struct alike {
	const struct gpu_summary *first;
	int64_t n;
	double busy, least, most; /* busy: the sum */
	double peak;
};

static bool are_alike(const struct summary *s, const struct gpu_summary *a,
                      const struct gpu_summary *b)
{
	return strcmp(a->nodes, b->nodes) == 0 &&
	       memcmp(a->residents, b->residents, s->n_services * sizeof(*a->residents)) == 0;
}

/* The GPUs that replicas share by what they hold, in order of appearance; returns how many. */
static size_t sort_alike(const struct summary *s, struct alike *list)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_shared; i++) {
		const struct gpu_summary *g = &s->shared[i];
		size_t k = 0;

		while (k < n && !are_alike(s, list[k].first, g)) {
			k++;
		}
		if (k == n) {
			list[n++] = (struct alike){.first = g, .least = g->busy, .most = g->busy};
		}
		list[k].n++;
		list[k].busy += g->busy;
		list[k].least = g->busy < list[k].least ? g->busy : list[k].least;
		list[k].most = g->busy > list[k].most ? g->busy : list[k].most;
		list[k].peak = g->peak > list[k].peak ? g->peak : list[k].peak;
	}
	return n;
}

/* "nvl: 2 chat, 1 embed"; caller frees. */
static char *residents_text(const struct summary *s, const struct gpu_summary *g)
{
	char *text = mem_printf("%s:", g->nodes);
	const char *comma = "";

	for (size_t i = 0; i < s->n_services; i++) {
		if (g->residents[i] > 0) {
			char *more = mem_printf("%s%s %u %s", text, comma, g->residents[i],
			                        s->services[i].name);

			free(text);
			text = more;
			comma = ",";
		}
	}
	return text;
}

/* How much of a text fits: all of it, or up to its last comma within the width, else its first. */
static size_t piece(const char *text, size_t width)
{
	size_t best = 0;

	if (strlen(text) <= width) {
		return strlen(text);
	}
	for (size_t i = 0; (i < width || best == 0) && text[i] != '\0'; i++) {
		best = text[i] == ',' ? i + 1 : best;
	}
	return best > 0 ? best : strlen(text);
}

/* A row: who is there, on as many lines as that takes, and the figures behind the first. */
static void put_row(FILE *out, const char *name, const char *figures)
{
	size_t n = piece(name, NAME_WIDTH);

	fprintf(out, "  %-*.*s %s\n", NAME_WIDTH, (int)n, name, figures);
	for (name += n; *name != '\0'; name += n) {
		name++; /* the space behind the comma */
		n = piece(name, NAME_WIDTH - 2);
		fprintf(out, "    %.*s\n", (int)n, name);
	}
}

static void put_shared(FILE *out, const struct summary *s)
{
	if (s->n_shared == 0) {
		return;
	}
	struct alike *list = mem_new(s->n_shared, sizeof(*list));
	const size_t n = sort_alike(s, list);

	fprintf(out, "  %-*s %8s  %9s %8s %8s  %10s\n", NAME_WIDTH, "shared GPUs, replicas on each",
	        "GPUs", "busy avg", "least", "most", "memory max");
	for (size_t i = 0; i < n; i++) {
		const double v[] = {list[i].busy / (double)list[i].n, list[i].least, list[i].most,
		                    list[i].peak};
		char *name = residents_text(s, list[i].first);
		char text[4][40], count[40], figures[256];

		for (size_t k = 0; k < 4; k++) {
			str_human(100.0 * v[k], text[k], sizeof(text[k]));
		}
		snprintf(figures, sizeof(figures), "%8s  %7s %% %6s %% %6s %%  %8s %%",
		         str_thousands(list[i].n, count, sizeof(count)), text[0], text[1], text[2],
		         text[3]);
		put_row(out, name, figures);
		free(name);
	}
	putc('\n', out);
	free(list);
}

void report_gpus(FILE *out, const struct report *r)
{
	put_shared(out, r->summary);
	put_all(out, r);
}

void report_gpus_json(struct json_writer *w, const struct summary *s)
{
	if (s->n_shared == 0) {
		return;
	}
	json_begin_array(w, "shared_gpus");
	for (size_t i = 0; i < s->n_shared; i++) {
		const struct gpu_summary *g = &s->shared[i];
		char *name = mem_printf("%s-%u gpu %u", g->nodes, g->node, g->index);

		json_begin_object_flat(w, NULL);
		json_put_string(w, "gpu", name);
		json_begin_object_flat(w, "replicas");
		for (size_t k = 0; k < s->n_services; k++) {
			if (g->residents[k] > 0) {
				json_put_int(w, s->services[k].name, g->residents[k]);
			}
		}
		json_end(w);
		json_put_real(w, "busy_pct", 100.0 * g->busy);
		json_put_real(w, "requested_pct", 100.0 * g->requested);
		json_put_real(w, "memory_peak_pct", 100.0 * g->peak);
		json_end(w);
		free(name);
	}
	json_end(w);
}
