/* The table and the figure of filling a cluster. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/out.h"
#include "study/fill.h"
#include "study/plot.h"

static bool write_table(const struct fill *f, const char *dir, struct err *err)
{
	struct out *const o = out_open(dir, "fill.csv", err);
	char text[3][40];
	if (o == NULL) {
		return false;
	}
	fputs("policy,parts,arrived_pct,allocated_pct,fragment_pct\n", out_file(o));
	for (size_t i = 0; i < f->n; i++) {
		const struct fill_result *const r = &f->results[i];
		for (size_t k = 0; k < r->n; k++) {
			const struct inflate_look *const l = &r->looks[k];
			fprintf(out_file(o), "%s,%s,%s,%s,%s\n", r->policy,
			        r->whole ? "whole" : "kept",
			        str_real(100.0 * l->arrived, text[0], sizeof(text[0])),
			        str_real(100.0 * l->allocated, text[1], sizeof(text[1])),
			        str_real(100.0 * l->fragment, text[2], sizeof(text[2])));
		}
	}
	return out_commit(o);
}

static bool write_figure(const struct fill *f, const char *dir, struct err *err)
{
	static const char *const labels[] = {"allocated, % of the GPUs",
	                                     "fragments, % of the GPUs"};
	struct plot p = {
		.title = "How full placement policies make a cluster",
		.xlabel = "asked for, % of the GPUs",
		.proportional = true,
		.panels = mem_new(2, sizeof(*p.panels)),
		.n_panels = 2,
	};
	for (size_t panel = 0; panel < 2; panel++) {
		p.panels[panel].ylabel = mem_strdup(labels[panel]);
		for (size_t i = 0; i < f->n; i++) {
			const struct fill_result *const r = &f->results[i];
			char *const name = fill_name(r);
			struct plot_line *const line = plot_line(&p, panel, name);
			for (size_t k = 0; k < r->n; k++) {
				const struct inflate_look *const l = &r->looks[k];
				plot_add(line, 100.0 * l->arrived,
				         100.0 * (panel == 0 ? l->allocated : l->fragment));
			}
			free(name);
		}
	}
	const bool ok = plot_write(&p, dir, "fill", err);
	plot_fini(&p);
	return ok;
}

bool fill_write(const struct fill *f, const char *dir, struct err *err)
{
	return write_table(f, dir, err) && write_figure(f, dir, err);
}
