/* summary.json, schema aliquot/summary/1 (contract.md section 3). Absent kinds are absent keys. */
#include "report/nvidia.h"
#include "report/trust.h"

static void put_dist(struct json_writer *w, const char *key, const struct dist *d)
{
	json_begin_object_flat(w, key);
	json_put_real(w, "avg", d->avg);
	json_put_real(w, "min", d->min);
	json_put_real(w, "max", d->max);
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		json_put_real(w, nvidia_percentile_key(i), d->p[i]);
	}
	json_put_real(w, "std", d->std);
	json_put_int(w, "count", d->count);
	json_end(w);
}

static void put_requests(struct json_writer *w, const struct service_summary *s)
{
	json_begin_object_flat(w, "requests");
	json_put_int(w, "submitted", s->submitted);
	json_put_int(w, "finished", s->finished);
	json_put_int(w, "rejected", s->rejected);
	json_put_int(w, "rejected_too_long", s->too_long);
	json_put_int(w, "lost", s->lost);
	json_put_int(w, "unfinished", s->unfinished);
	json_put_int(w, "warmup", s->warmup);
	json_end(w);
}

/* An average over the replicas and the largest of one. */
static void put_level(struct json_writer *w, const char *key, double avg, int64_t max)
{
	json_begin_object_flat(w, key);
	json_put_real(w, "avg", avg);
	json_put_int(w, "max", max);
	json_end(w);
}

/* Replicas that wait for GPUs. */
static void put_pending(struct json_writer *w, const struct service_summary *s)
{
	json_begin_object_flat(w, "pending");
	json_put_real(w, "avg", s->pending_avg);
	json_put_real(w, "by_quota_avg", s->kept_out_avg);
	json_put_int(w, "at_end", s->pending);
	if (s->reason[0] != '\0') {
		json_put_string(w, "reason", s->reason);
	}
	json_end(w);
}

static void put_replicas(struct json_writer *w, const struct service_summary *s)
{
	json_begin_object_flat(w, "kv");
	json_put_int(w, "capacity_tokens", s->kv_capacity_tokens);
	json_put_int(w, "peak_tokens", s->kv_peak_tokens);
	json_put_int(w, "preemptions", s->preemptions);
	json_end(w);
	json_put_int(w, "cold_starts", s->cold_starts);
	json_put_int(w, "oom_kills", s->oom_kills);
	if (s->swaps >= 0) {
		json_put_int(w, "swaps", s->swaps);
	}
	if (s->moves >= 0) {
		json_put_int(w, "moves", s->moves);
		json_put_int(w, "requests_lost_by_moves", s->moved_lost);
		json_put_real(w, "spread_pct", 100.0 * s->away);
	}
	put_level(w, "replicas", s->replicas_avg, s->replicas);
	if (s->autoscaler != NULL) {
		report_scaling_json(w, s);
	}
	if (s->comes_and_goes) {
		json_put_int(w, "failed_starts", s->failed_starts);
		json_put_int(w, "requests_at_door", s->at_door);
		json_put_real(w, "door_wait_s", s->door_s);
	}
	if (s->scheduled) {
		json_put_int(w, "evictions", s->evicted);
		put_pending(w, s);
	}
	put_level(w, "running", s->running_avg, s->running_max);
	put_level(w, "waiting", s->waiting_avg, s->waiting_max);
	json_put_real(w, "busy_pct", 100.0 * s->busy);
	json_put_real(w, "gpu_busy_pct", 100.0 * s->gpu_busy);
	json_put_real(w, "prefill_pct", 100.0 * s->prefill_share);
	if (s->shares) {
		json_put_real(w, "gpu_wait_pct", 100.0 * s->slowed);
		json_put_real(w, "down_pct", 100.0 * s->down);
	}
}

static void put_service(struct json_writer *w, const struct report *r, size_t i)
{
	const struct service_summary *s = &r->summary->services[i];

	json_begin_object(w, s->name);
	put_requests(w, s);
	if (s->generates) {
		put_dist(w, "ttft_ms", &s->ttft_ms);
		put_dist(w, "ttst_ms", &s->ttst_ms);
		put_dist(w, "tpot_ms", &s->tpot_ms);
		put_dist(w, "itl_ms", &s->itl_ms);
	}
	put_dist(w, "latency_ms", &s->latency_ms);
	put_dist(w, "queue_ms", &s->queue_ms);
	if (s->generates) {
		put_dist(w, "output_tokens_per_s_per_user", &s->tps_user);
		put_dist(w, "output_tokens", &s->output_tokens);
	}
	put_dist(w, "input_tokens", &s->input_tokens);
	if (s->generates) {
		json_put_real(w, "output_tokens_per_s", s->output_tokens_per_s);
	}
	json_put_real(w, "input_tokens_per_s", s->input_tokens_per_s);
	json_put_real(w, "requests_per_s", s->requests_per_s);
	json_put_real(w, "goodput_per_s", s->goodput_per_s);
	if (s->prefix_cache) {
		json_put_int(w, "cached_input_tokens", s->cached_tokens);
		json_put_real(w, "prefix_cache_hit_rate", s->prefix_hit_rate);
	}
	put_replicas(w, s);
	trust_json(w, "trust", r->scenario, i, s);
	json_end(w);
}

static void put_limits(struct json_writer *w, const struct summary *s)
{
	json_put_string(w, "verdict", s->incomplete ? "incomplete" : s->pass ? "pass" : "fail");
	json_begin_array(w, "limits");
	for (size_t i = 0; i < s->n_limits; i++) {
		const struct limit_result *l = &s->limits[i];

		json_begin_object_flat(w, NULL);
		json_put_string(w, "limit", l->limit->text);
		json_put_string(w, "service", s->services[l->service].name);
		json_put_real(w, "observed", l->observed);
		json_put_bool(w, "ok", l->ok);
		json_end(w);
	}
	json_end(w);
}

static void put_cluster(struct json_writer *w, const struct summary *s)
{
	json_begin_object_flat(w, "cluster");
	json_put_int(w, "gpus", s->gpus);
	json_put_real(w, "gpu_busy_pct", 100.0 * s->gpu_busy);
	json_put_real(w, "memory_used_pct", 100.0 * s->memory_used);
	json_put_real(w, "allocated_pct", 100.0 * s->allocated);
	json_end(w);
}

void report_json_value(struct json_writer *w, const char *key, const struct report *r)
{
	const struct summary *s = r->summary;

	json_begin_object(w, key);
	json_put_string(w, "schema", "aliquot/summary/1");
	json_begin_object_flat(w, "scenario");
	json_put_string(w, "name", s->scenario_name);
	json_put_string(w, "hash", s->scenario_hash);
	json_put_int(w, "seed", (int64_t)s->seed);
	json_end(w);
	json_begin_object_flat(w, "build");
	json_put_string(w, "version", s->version);
	json_end(w);
	put_limits(w, s);
	json_put_real(w, "simulated_s", ns_to_seconds(s->simulated));
	json_put_int(w, "events", s->events);
	if (s->incomplete) {
		json_put_bool(w, "incomplete", true);
	}
	json_begin_object(w, "services");
	for (size_t i = 0; i < s->n_services; i++) {
		put_service(w, r, i);
	}
	json_end(w);
	report_jobs_json(w, s);
	put_cluster(w, s);
	report_gpus_json(w, s);
	report_faults_json(w, s);
	report_moves_json(w, s);
	if (s->in_vain[0] != '\0') {
		json_begin_array(w, "notes");
		json_put_string(w, NULL, s->in_vain);
		json_end(w);
	}
	json_put_string(w, "binding", s->binding);
	json_put_string(w, "clock", "simulated");
	json_end(w);
}

void report_json(FILE *out, const struct report *r)
{
	struct json_writer w;

	json_writer_init(&w, out, false);
	report_json_value(&w, NULL, r);
}
