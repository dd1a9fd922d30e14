/* Reads the tables of an openb trace. Places nothing. */
#include "sched/openb.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

#define MIB (INT64_C(1) << 20)
#define MOST_COLUMNS 8
#define TYPICAL 0.95 /* of the pods, whose kinds are the typical ones */

/* --- tables --------------------------------------------------------------------------------------
 */

struct table {
	struct csv_reader *csv;
	const char *const *columns; /* wanted; NULL ends them */
	size_t place[MOST_COLUMNS]; /* field of each, from 1 */
	size_t n_fields;
	const char *const *row;
};

/* The field of a column in the header; 0: it is not there. */
static size_t find_column(const char *const *header, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(header[i], name) == 0) {
			return i + 1;
		}
	}
	return 0;
}

/* Find all wanted columns; false with an error for each that is not there. */
static bool find_columns(struct table *t, const char *const *header)
{
	bool ok = true;
	for (size_t i = 0; t->columns[i] != NULL; i++) {
		t->place[i] = find_column(header, t->n_fields, t->columns[i]);
		if (t->place[i] == 0) {
			const char *const near = str_nearest(t->columns[i], header, t->n_fields);
			csv_fail(t->csv, 1, "no column \"%s\"%s%s%s", t->columns[i],
			         near != NULL ? "; is it \"" : "", near != NULL ? near : "",
			         near != NULL ? "\"?" : "");
			ok = false;
		}
	}
	return ok;
}

/* Open a table and read its header; false with errors added. */
static bool table_open(struct table *t, const char *file, const char *const *columns,
                       struct err *err)
{
	const char *const *header;
	t->columns = columns;
	t->csv = csv_open(file, err);
	if (t->csv == NULL) {
		return false;
	}
	const size_t before = err_count(err);
	if (!csv_next(t->csv, &header, &t->n_fields)) {
		if (err_count(err) == before) {
			err_add(err, ERR_INPUT, file, "is empty; expected a header with \"%s\"",
			        columns[0]);
		}
		return false;
	}
	return find_columns(t, header);
}

/* The next row that has all fields; false at the end. */
static bool table_next(struct table *t)
{
	size_t n;
	while (csv_next(t->csv, &t->row, &n)) {
		if (n == t->n_fields) {
			return true;
		}
		csv_fail(t->csv, n < t->n_fields ? n : t->n_fields + 1,
		         "%zu fields, the header has %zu", n, t->n_fields);
	}
	return false;
}

static const char *table_text(const struct table *t, size_t column)
{
	return t->row[t->place[column] - 1];
}

/* A whole number in [least, most]; 0 with an error added when it is none. */
static int64_t table_int(const struct table *t, size_t column, int64_t least, int64_t most)
{
	int64_t value;
	const char *const text = table_text(t, column);
	if (str_to_int(text, &value) && value >= least && value <= most) {
		return value;
	}
	csv_fail(t->csv, t->place[column],
	         "%s: expected a whole number from %lld to %lld, got \"%s\"", t->columns[column],
	         (long long)least, (long long)most, text);
	return 0;
}

/* --- nodes ---------------------------------------------------------------------------------------
 */

#define MOST_CPU 10000000
#define MOST_HOST_MIB 1000000000
#define MOST_GPUS_OF_NODE 64

static uint32_t model_of(struct openb *o, const char *name, size_t length)
{
	for (uint32_t i = 0; i < o->n_models; i++) {
		if (strlen(o->models[i]) == length && strncmp(o->models[i], name, length) == 0) {
			return i;
		}
	}
	return OPENB_MODELS;
}

static uint32_t add_model(struct openb *o, const struct table *t, const char *name)
{
	const uint32_t known = model_of(o, name, strlen(name));
	if (known < OPENB_MODELS) {
		return known;
	}
	if (o->n_models == OPENB_MODELS) {
		csv_fail(t->csv, t->place[3], "more than %d GPU models", OPENB_MODELS - 1);
		return 0;
	}
	o->models = mem_resize(o->models, o->n_models + 1, sizeof(*o->models));
	o->models[o->n_models] = mem_strdup(name);
	return o->n_models++;
}

static void read_nodes(struct openb *o, const char *file, struct err *err)
{
	static const char *const columns[] = {"cpu_milli", "memory_mib", "gpu", "model", NULL};
	struct table t;
	size_t room = 0;
	o->models = mem_new(1, sizeof(*o->models));
	o->models[o->n_models++] = mem_strdup("");
	if (table_open(&t, file, columns, err)) {
		while (table_next(&t)) {
			if (o->n_nodes == room) {
				room = room == 0 ? 256 : 2 * room;
				o->nodes = mem_resize(o->nodes, room, sizeof(*o->nodes));
			}
			struct openb_node *const n = &o->nodes[o->n_nodes++];
			n->cpu = table_int(&t, 0, 0, MOST_CPU);
			n->host = table_int(&t, 1, 0, MOST_HOST_MIB) * MIB;
			n->gpus = (uint32_t)table_int(&t, 2, 0, MOST_GPUS_OF_NODE);
			n->model = n->gpus > 0 ? add_model(o, &t, table_text(&t, 3)) : 0;
			o->gpus += n->gpus;
		}
	}
	csv_close(t.csv);
}

/* --- pods ----------------------------------------------------------------------------------------
 */

/* What a pod asks for. */
struct wants {
	int64_t cpu, host, gpus, milli;
	uint64_t models; /* on which it may run, as bits */
};

static bool same(const struct wants *a, const struct wants *b)
{
	return a->cpu == b->cpu && a->host == b->host && a->gpus == b->gpus &&
	       a->milli == b->milli && a->models == b->models;
}

/* "V100M16|V100M32"; models that no node has are left out. */
static uint64_t models_of(struct openb *o, const char *text)
{
	uint64_t models = 0;
	if (text[0] == '\0') {
		return UINT64_MAX;
	}
	while (*text != '\0') {
		const size_t length = strcspn(text, "|");
		const uint32_t model = model_of(o, text, length);
		models |= model < OPENB_MODELS ? UINT64_C(1) << model : 0;
		text += length + (text[length] == '|');
	}
	return models;
}

static void read_wants(struct openb *o, const struct table *t, struct wants *w)
{
	w->cpu = table_int(t, 0, 0, MOST_CPU);
	w->host = table_int(t, 1, 0, MOST_HOST_MIB) * MIB;
	w->gpus = table_int(t, 2, 0, MOST_GPUS_OF_NODE);
	w->milli = table_int(t, 3, w->gpus > 0, OPENB_GPU);
	w->models = w->gpus > 0 ? models_of(o, table_text(t, 4)) : UINT64_MAX;
	w->milli = w->gpus > 0 ? w->milli : 0;
}

static void add_type(struct openb *o, const struct wants *w, bool whole)
{
	struct gpu_part *const part = mem_new(o->n_models, sizeof(*part));
	for (uint32_t k = 0; k < o->n_models; k++) {
		const bool allowed = (w->models >> k & 1) != 0 && (w->gpus == 0 || k > 0);
		const bytes_t asked = whole ? OPENB_GPU : w->milli;
		const bytes_t bytes = w->gpus > 0 ? asked : 1; /* 1: any node will do */
		part[k] = (struct gpu_part){.bytes = allowed ? bytes : 0,
		                            .whole = w->gpus > 0 && asked == OPENB_GPU};
	}
	o->types = mem_resize(o->types, o->n_types + 1, sizeof(*o->types));
	o->types[o->n_types++] = (struct openb_type){
		.ask = {.part = part, .gpus = (uint32_t)w->gpus, .cpu = w->cpu, .host = w->host},
		.milli = w->gpus * w->milli,
	};
}

/* The type of pods that want this; `known` are those of the types so far. */
static uint32_t type_of(struct openb *o, struct wants **known, const struct wants *w, bool whole)
{
	for (uint32_t i = 0; i < o->n_types; i++) {
		if (same(&(*known)[i], w)) {
			return i;
		}
	}
	add_type(o, w, whole);
	*known = mem_resize(*known, o->n_types, sizeof(**known));
	(*known)[o->n_types - 1] = *w;
	return o->n_types - 1;
}

static void read_pods(struct openb *o, const char *file, bool whole, struct err *err)
{
	static const char *const columns[] = {"cpu_milli", "memory_mib", "num_gpu",
	                                      "gpu_milli", "gpu_spec",   NULL};
	struct table t;
	struct wants *known = mem_new(1, sizeof(*known));
	size_t room = 0;
	for (bool more = table_open(&t, file, columns, err) && table_next(&t); more;
	     more = table_next(&t)) {
		struct wants w;
		read_wants(o, &t, &w);
		if (o->n_pods == room) {
			room = room == 0 ? 1024 : 2 * room;
			o->pods = mem_resize(o->pods, room, sizeof(*o->pods));
		}
		o->pods[o->n_pods] = type_of(o, &known, &w, whole);
		o->types[o->pods[o->n_pods++]].pods++;
	}
	csv_close(t.csv);
	free(known);
}

/* --- typical pods --------------------------------------------------------------------------------
 */

/* Kinds for the mix differ in what limits GPUs: not in memory of the host. */
static bool alike(const struct openb *o, const struct placement_ask *a,
                  const struct placement_ask *b)
{
	bool same_parts = true;
	for (uint32_t k = 0; k < o->n_models; k++) {
		same_parts = same_parts && a->part[k].bytes == b->part[k].bytes;
	}
	return a->cpu == b->cpu && a->gpus == b->gpus && same_parts;
}

struct kind {
	struct placement_ask ask;
	uint32_t pods;
};

/* The more frequent first, then the one that came first. */
static uint32_t most_frequent(const struct kind *kinds, uint32_t n)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < n; i++) {
		best = kinds[i].pods > kinds[best].pods ? i : best;
	}
	return best;
}

static void find_typical(struct openb *o)
{
	struct kind *const kinds = mem_new(o->n_types, sizeof(*kinds));
	struct placement_ask *const asks = mem_new(o->n_types, sizeof(*asks));
	int64_t *const shares = mem_new(o->n_types, sizeof(*shares));
	uint32_t n = 0, covered = 0;
	size_t taken = 0;
	for (uint32_t i = 0; i < o->n_types; i++) {
		uint32_t k = 0;
		while (k < n && !alike(o, &kinds[k].ask, &o->types[i].ask)) {
			k++;
		}
		n += k == n;
		kinds[k].ask = o->types[i].ask;
		kinds[k].pods += o->types[i].pods;
	}
	while ((double)covered < TYPICAL * (double)o->n_pods) {
		const uint32_t best = most_frequent(kinds, n);
		asks[taken] = kinds[best].ask;
		shares[taken++] = kinds[best].pods;
		covered += kinds[best].pods;
		kinds[best].pods = 0;
	}
	for (size_t i = 0; i < taken; i++) {
		shares[i] = shares[i] * 1000000 / covered;
	}
	o->mix = (struct placement_mix){asks, shares, taken};
	for (uint32_t i = 0; i < o->n_types; i++) {
		o->types[i].ask.mix = &o->mix;
	}
	free(kinds);
}

struct openb *openb_read(const char *nodes, const char *pods, bool whole, struct err *err)
{
	struct openb *const o = mem_new(1, sizeof(*o));
	const size_t before = err_count(err);
	read_nodes(o, nodes, err);
	read_pods(o, pods, whole, err);
	if (err_count(err) == before && o->gpus == 0) {
		err_add(err, ERR_INPUT, nodes, "no node has a GPU");
	}
	if (err_count(err) == before && o->n_pods == 0) {
		err_add(err, ERR_INPUT, pods, "no pods");
	}
	if (err_count(err) > before) {
		openb_free(o);
		return NULL;
	}
	find_typical(o);
	return o;
}

void openb_free(struct openb *o)
{
	for (uint32_t i = 0; i < o->n_models; i++) {
		free(o->models[i]);
	}
	for (uint32_t i = 0; i < o->n_types; i++) {
		union { /* ours, not const */
			const struct gpu_part *given;
			struct gpu_part *own;
		} part = {o->types[i].ask.part};
		free(part.own);
	}
	union {
		const struct placement_ask *given;
		struct placement_ask *own;
	} asks = {o->mix.asks};
	union {
		const int64_t *given;
		int64_t *own;
	} shares = {o->mix.shares};
	free(asks.own);
	free(shares.own);
	free(o->models);
	free(o->nodes);
	free(o->types);
	free(o->pods);
	free(o);
}

void openb_cluster(const struct openb *o, struct rng *rng, struct cluster *c)
{
	uint32_t *const order = mem_new(o->n_nodes, sizeof(*order));
	cluster_init(c, 0, 0);
	for (uint32_t i = 0; i < o->n_nodes; i++) {
		const uint32_t k = (uint32_t)rng_below(rng, i + 1);
		order[i] = order[k];
		order[k] = i;
	}
	for (uint32_t i = 0; i < o->n_nodes; i++) {
		const struct openb_node *const n = &o->nodes[order[i]];
		cluster_add_nodes(c, n->model, 1, n->gpus, OPENB_GPU);
		c->nodes[i].cpu = n->cpu;
		c->nodes[i].host = n->host;
	}
	free(order);
}
