/* A validation as JSON. */
#include <stdlib.h>
#include <string.h>

#include "report/json_writer.h"
#include "study/campaign.h"
#include "study/validate_private.h"

static void put_row(struct json_writer *w, const struct validated_row *row)
{
	char *const id = validated_id(row);

	json_begin_object_flat(w, NULL);
	json_put_string(w, "id", id);
	json_put_string(w, "source", row->at->run->source);
	json_put_string(w, "gpu", row->at->gpu);
	json_put_string(w, "model", row->at->model);
	json_put_string(w, "engine", row->at->engine);
	json_put_string(w, "metric", row->value->metric);
	json_put_string(w, "stat", row->value->stat);
	json_put_real(w, "published", row->value->value);
	json_put_real(w, "simulated", row->simulated);
	json_put_real(w, "error_pct", row->error_pct);
	json_put_string(w, "role", validate_roles[row->role]);
	json_put_real(w, "tolerance_pct", row->tolerance_pct);
	json_put_bool(w, "ok", row->ok);
	json_put_string(w, "why", row->why);
	json_end(w);
	free(id);
}

static void put_errors(struct json_writer *w, const struct validation *v, const struct row_pick *p)
{
	struct error_stats e;

	validate_errors(v, p, &e);
	if (e.n > 0) {
		json_begin_object_flat(w, NULL);
		json_put_string(w, "metric", p->metric);
		json_put_bool(w, "tails", p->tails == 1);
		json_put_int(w, "n", (int64_t)e.n);
		json_put_real(w, "mean_pct", e.mean);
		json_put_real(w, "median_pct", e.median);
		json_put_real(w, "worst_pct", e.worst);
		json_put_real(w, "bias_pct", e.bias);
		json_end(w);
	}
}

static void put_group(struct json_writer *w, const struct validation *v, const struct row_group *g)
{
	const struct study_case *const c = g->like;

	json_begin_object(w, NULL);
	json_put_string(w, "source", c->run->source);
	json_put_string(w, "gpu", c->gpu);
	json_put_string(w, "model", c->model);
	json_put_string(w, "engine", c->engine);
	json_put_string(w, "engine_version", c->engine_version);
	json_put_string(w, "precision", precision_names[c->precision]);
	json_put_int(w, "tensor_parallel", c->tp);
	json_put_int(w, "replicas", c->run->replicas > 0 ? c->run->replicas : 1);
	json_put_string(w, "sharing", c->run->sharing);
	json_begin_array(w, "errors");
	for (size_t m = 0; campaign_metrics[m] != NULL; m++) {
		const char *const metric = campaign_metrics[m];
		struct row_pick p = {c, metric, campaign_users(metric), 0, false, -1, 0};
		put_errors(w, v, &p);
		p.tails = 1;
		put_errors(w, v, &p);
	}
	json_end(w);
	json_end(w);
}

static void put_others(struct json_writer *w, const struct validation *v)
{
	names_t names;

	validate_others(v, &names);
	json_begin_array(w, "others");
	for (size_t i = 0; i < names.n; i++) {
		for (size_t m = 0; campaign_metrics[m] != NULL; m++) {
			struct error_stats other, own;
			validate_errors_beside(v, campaign_metrics[m], names.at[i], NULL, &other);
			validate_errors_beside(v, campaign_metrics[m], NULL, names.at[i], &own);
			if (other.n == 0) {
				continue;
			}
			json_begin_object_flat(w, NULL);
			json_put_string(w, "simulator", names.at[i]);
			json_put_string(w, "metric", campaign_metrics[m]);
			json_put_int(w, "n", (int64_t)other.n);
			json_put_real(w, "median_pct", other.median);
			json_put_real(w, "aliquot_median_pct", own.median);
			json_end(w);
		}
	}
	json_end(w);
	free(names.at);
}

static void put_role(struct json_writer *w, const struct validation *v, int role)
{
	struct row_pick p = {NULL, NULL, 0, 0, false, role, -1};
	struct error_stats e;

	validate_errors(v, &p, &e);
	json_begin_object(w, validate_roles[role]);
	json_put_int(w, "n", (int64_t)e.n);
	json_put_real(w, "mape_pct", e.mean);
	json_put_real(w, "median_pct", e.median);
	p.tails = 1;
	validate_errors(v, &p, &e);
	json_begin_object_flat(w, "tails");
	json_put_int(w, "n", (int64_t)e.n);
	json_put_real(w, "mape_pct", e.mean);
	json_end(w);
	json_end(w);
}

void validation_json(const struct validation *v, FILE *out)
{
	struct json_writer w;
	row_groups_t groups;
	int64_t skipped = 0;

	validate_groups(v, &groups);
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/validate/1");
	json_begin_array(&w, "rows");
	for (size_t i = 0; i < v->n_rows; i++) {
		put_row(&w, &v->rows[i]);
		skipped += v->rows[i].role == ROW_SKIPPED;
	}
	json_end(&w);
	json_begin_array(&w, "groups");
	for (size_t i = 0; i < groups.n; i++) {
		put_group(&w, v, &groups.at[i]);
	}
	json_end(&w);
	put_others(&w, v);
	json_begin_object(&w, "summary");
	put_role(&w, v, ROW_PREDICTED);
	put_role(&w, v, ROW_FITTED);
	json_put_int(&w, "skipped", skipped);
	json_put_bool(&w, "ok", validation_ok(v));
	json_end(&w);
	json_end(&w);
	free(groups.at);
}
