/* Reads kernel tables in the layouts that their authors publish. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/str.h"
#include "base/vec.h"
#include "study/kernels_private.h"

#define BF16_BYTES 2.0
#define HEAD_VALUES 128.0 /* of tables that do not say */
#define COLUMNS_MOST 12

struct reader {
	struct csv_reader *csv;
	const char *file;
	const struct gpu_spec *gpu;
	const struct llm_spec *llm; /* NULL unless the layout needs it */
	struct err *err;
	struct kernel_points *points;
	const char *const *columns; /* of the layout, ended by NULL */
	size_t at[COLUMNS_MOST];    /* where each is */
	const char *const *fields;
	size_t n_fields;
	bool bad; /* a field of this row was */
};

/* --- fields ------------------------------------------------------------------------------------
 */

static const char *text(const struct reader *r, size_t column)
{
	return r->at[column] < r->n_fields ? r->fields[r->at[column]] : "";
}

/* A number of at least `least`; only the first bad field of a row is an error. */
static double number(struct reader *r, size_t column, double least)
{
	double v = 0.0;
	const char *const s = text(r, column);

	if (!r->bad && (!str_to_real(s, &v) || v < least)) {
		csv_fail(r->csv, r->at[column] + 1, "%s: expected a %s, got \"%s\"",
		         r->columns[column],
		         least >= 1.0  ? "number of 1 or more"
		         : least > 0.0 ? "positive number"
		                       : "number of 0 or more",
		         s);
		r->bad = true;
	}
	return v;
}

static double count(struct reader *r, size_t column)
{
	return number(r, column, 1.0);
}

static double duration(struct reader *r, size_t column, double unit)
{
	return number(r, column, DBL_MIN) * unit;
}

static void keep(const struct reader *r, struct kernel_point p)
{
	if (!r->bad) {
		vec_push(r->points, p);
	}
}

/* --- matrix products ---------------------------------------------------------------------------
 */

static void keep_product(const struct reader *r, double m, double n, double k, double seconds)
{
	keep(r, (struct kernel_point){
			.table = KERNEL_GEMM,
			.seconds = seconds,
			.flop_s = 2.0 * m * n * k / gpu_spec_flops(r->gpu, PRECISION_BF16),
			.byte_s = BF16_BYTES * (n * k + m * k + m * n) / r->gpu->hbm_bytes_per_s,
		});
}

static const char *const product_columns[] = {"m", "n", "k", "latency_ms", NULL};

static void product_row(struct reader *r)
{
	const double m = count(r, 0), n = count(r, 1), k = count(r, 2);
	keep_product(r, m, n, k, duration(r, 3, 1e-3));
}

enum {
	L_TOKENS,
	L_GPUS,
	L_HEADS,
	L_KV_HEADS,
	L_HIDDEN,
	L_FFN,
	L_GATED,
	L_QKV_MS,
	L_OUT_MS,
	L_UP_MS,
	L_DOWN_MS
};
static const char *const layer_columns[] = {"num_tokens",
                                            "num_tensor_parallel_workers",
                                            "n_head",
                                            "n_kv_head",
                                            "n_embd",
                                            "n_expanded_embd",
                                            "use_gated_mlp",
                                            "attn_pre_proj_ms",
                                            "attn_post_proj_ms",
                                            "mlp_up_proj_ms",
                                            "mlp_down_proj_ms",
                                            NULL};

static void layer_row(struct reader *r)
{
	const double m = count(r, L_TOKENS), gpus = count(r, L_GPUS);
	const double heads = count(r, L_HEADS), kv_heads = count(r, L_KV_HEADS);
	const double hidden = count(r, L_HIDDEN), ffn = count(r, L_FFN);
	const double ups = strcmp(text(r, L_GATED), "True") == 0 ? 2.0 : 1.0;
	/* beyond one GPU per KV head, engines keep copies */
	const double kv_per_gpu = kv_heads > gpus ? kv_heads / gpus : 1.0;
	const double qkv = (heads / gpus + 2.0 * kv_per_gpu) * hidden / heads;
	const double qkv_s = duration(r, L_QKV_MS, 1e-3), out_s = duration(r, L_OUT_MS, 1e-3);
	const double up_s = duration(r, L_UP_MS, 1e-3), down_s = duration(r, L_DOWN_MS, 1e-3);

	keep_product(r, m, qkv, hidden, qkv_s);
	keep_product(r, m, hidden, hidden / gpus, out_s);
	keep_product(r, m, ups * ffn / gpus, hidden, up_s);
	keep_product(r, m, hidden, ffn / gpus, down_s);
}

/* --- attention ---------------------------------------------------------------------------------
 */

struct attention {
	double batch, tokens, cached, heads, kv_heads, head_values;
};

static void keep_prefill(const struct reader *r, const struct attention *a, double seconds)
{
	const double pairs = a->batch * a->tokens * (a->cached + a->tokens / 2.0);
	/* query and answer of the new tokens, key and value of all */
	const double values = 2.0 * a->batch * a->head_values *
	                      (a->heads * a->tokens + a->kv_heads * (a->tokens + a->cached));
	keep(r, (struct kernel_point){
			.table = KERNEL_PREFILL,
			.seconds = seconds,
			.flop_s = 4.0 * a->heads * a->head_values * pairs /
	                          gpu_spec_flops(r->gpu, PRECISION_BF16),
			.byte_s = BF16_BYTES * values / r->gpu->hbm_bytes_per_s,
			.tokens = a->tokens,
		});
}

static void keep_decode(const struct reader *r, const struct attention *a, double seconds)
{
	keep(r, (struct kernel_point){
			.table = KERNEL_DECODE,
			.seconds = seconds,
			.byte_s = 2.0 * BF16_BYTES * a->batch * a->kv_heads * a->head_values /
	                          r->gpu->hbm_bytes_per_s,
			.tokens = a->cached,
		});
}

static const char *const attention_columns[] = {
	"batch_size", "isl", "step", "num_heads", "num_key_value_heads", "latency_ms", NULL};

/* Whether a row of one token is a prompt or a decode only the whole table says: see decode_if. */
static void attention_row(struct reader *r)
{
	const double batch = count(r, 0), tokens = count(r, 1), cached = number(r, 2, 0.0);
	const double heads = count(r, 3), kv_heads = count(r, 4);
	const struct attention a = {batch, tokens, cached, heads, kv_heads, HEAD_VALUES};
	const struct attention last = {batch, 1, cached + tokens, heads, kv_heads, HEAD_VALUES};
	const double seconds = duration(r, 5, 1e-3);

	keep_prefill(r, &a, seconds);
	keep_decode(r, &last, seconds);
}

/* Of the pairs that attention_row left, keep the decodes if every prompt has one token. */
static void decode_if(struct kernel_points *p, size_t first)
{
	bool decode = true;
	size_t n = first;

	for (size_t i = first; i < p->n; i++) {
		decode = decode && (p->at[i].table == KERNEL_DECODE || p->at[i].tokens <= 1.0);
	}
	for (size_t i = first; i < p->n; i++) {
		if ((p->at[i].table == KERNEL_DECODE) == decode) {
			p->at[n++] = p->at[i];
		}
	}
	p->n = n;
}

enum {
	A_BATCH,
	A_TOKENS,
	A_CACHED,
	A_HIDDEN,
	A_HEADS,
	A_KV_HEADS,
	A_GPUS,
	A_PREFILL,
	A_PREFILL_MS,
	A_DECODE_MS
};
static const char *const paged_columns[] = {"batch_size",
                                            "prefill_chunk_size",
                                            "kv_cache_size",
                                            "n_embd",
                                            "n_q_head",
                                            "n_kv_head",
                                            "num_tensor_parallel_workers",
                                            "is_prefill",
                                            "attn_prefill_ms",
                                            "attn_decode_ms",
                                            NULL};

static void paged_row(struct reader *r)
{
	const bool prefill = strcmp(text(r, A_PREFILL), "True") == 0;
	const double batch = count(r, A_BATCH), cached = number(r, A_CACHED, 0.0);
	const double tokens = prefill ? count(r, A_TOKENS) : 1.0;
	const double hidden = count(r, A_HIDDEN), heads = count(r, A_HEADS);
	const double kv_heads = count(r, A_KV_HEADS), gpus = count(r, A_GPUS);
	const double kv_per_gpu = kv_heads > gpus ? kv_heads / gpus : 1.0;
	const struct attention a = {batch,        tokens,     cached,
	                            heads / gpus, kv_per_gpu, hidden / heads};

	if (prefill) {
		keep_prefill(r, &a, duration(r, A_PREFILL_MS, 1e-3));
	} else {
		keep_decode(r, &a, duration(r, A_DECODE_MS, 1e-3));
	}
}

/* --- all-reduces -------------------------------------------------------------------------------
 */

static void keep_all_reduce(const struct reader *r, double gpus, double bytes, double seconds)
{
	const double link = r->gpu->nvlink_bytes_per_s > 0.0 ? r->gpu->nvlink_bytes_per_s
	                                                     : r->gpu->host_link_bytes_per_s;
	if (gpus < 2.0) { /* nothing crosses the link */
		return;
	}
	keep(r, (struct kernel_point){
			.table = KERNEL_ALL_REDUCE,
			.seconds = seconds,
			.byte_s = 2.0 * (gpus - 1.0) / gpus * bytes / link,
			.gpus = (int64_t)gpus,
		});
}

static const char *const nccl_columns[] = {"num_nodes", "num_gpus_per_node", "size(kb)", "time(us)",
                                           NULL};

static void nccl_row(struct reader *r)
{
	const double nodes = count(r, 0), gpus = count(r, 1);
	const double kib = number(r, 2, 0.0), seconds = duration(r, 3, 1e-6);
	if (nodes <= 1.0) {
		keep_all_reduce(r, gpus, kib * 1024.0, seconds);
	}
}

static const char *const workers_columns[] = {"num_workers", "devices_per_node", "size",
                                              "collective",  "all_reduce_ms",    NULL};

static void workers_row(struct reader *r)
{
	const double gpus = count(r, 0), in_node = count(r, 1);
	const double bytes = number(r, 2, 0.0), seconds = duration(r, 4, 1e-3);
	if (gpus <= in_node && strcmp(text(r, 3), "all_reduce") == 0) {
		keep_all_reduce(r, gpus, bytes, seconds);
	}
}

/* --- operators of one model --------------------------------------------------------------------
 */

static const char *const operator_columns[] = {"layer", "tokens", "time_us", NULL};

/* The products; what is between them takes no part in a formula. */
static void operator_row(struct reader *r)
{
	const double m = count(r, 1), seconds = duration(r, 2, 1e-6);
	const double hidden = (double)r->llm->hidden, ffn = (double)r->llm->ffn;
	const double of_heads = (double)(r->llm->heads * r->llm->head_dim);
	const double qkv = of_heads + 2.0 * (double)(r->llm->kv_heads * r->llm->head_dim);
	const struct {
		const char *layer;
		double n, k;
	} products[] = {{"qkv_proj", qkv, hidden},
	                {"o_proj", hidden, of_heads},
	                {"gate_up_proj", 2.0 * ffn, hidden},
	                {"down_proj", hidden, ffn}};

	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
		if (strcmp(text(r, 0), products[i].layer) == 0) {
			keep_product(r, m, products[i].n, products[i].k, seconds);
		}
	}
}

static const char *const head_columns[] = {"layer", "sequences", "time_us", NULL};

static void head_row(struct reader *r)
{
	const double m = count(r, 1), seconds = duration(r, 2, 1e-6);
	const double vocab = (double)r->llm->vocab;

	if (strcmp(text(r, 0), "lm_head") == 0) {
		keep_product(r, m, vocab, (double)r->llm->hidden, seconds);
	} else if (strcmp(text(r, 0), "sampler") == 0) {
		keep(r, (struct kernel_point){
				.table = KERNEL_SAMPLER, .seconds = seconds, .byte_s = m * vocab});
	}
}

static const char *const chunk_columns[] = {"prefill_chunk", "kv_prefill", "n_decode",
                                            "kv_decode",     "time_us",    NULL};

static void chunk_row(struct reader *r)
{
	const double chunk = number(r, 0, 0.0), cached = number(r, 1, 0.0);
	const double decodes = number(r, 2, 0.0), context = number(r, 3, 0.0);
	const double seconds = duration(r, 4, 1e-6);
	const double heads = (double)r->llm->heads, kv_heads = (double)r->llm->kv_heads;
	const double values = (double)r->llm->head_dim;

	if (decodes <= 0.0) {
		const struct attention a = {1, chunk, cached, heads, kv_heads, values};
		keep_prefill(r, &a, seconds);
	} else if (chunk <= 0.0) {
		const struct attention a = {decodes, 1, context, heads, kv_heads, values};
		keep_decode(r, &a, seconds);
	} else {
		keep(r, (struct kernel_point){
				.table = KERNEL_MIXED,
				.seconds = seconds,
				.flop_s = 4.0 * heads * values * chunk * (cached + chunk / 2.0) /
		                          gpu_spec_flops(r->gpu, PRECISION_BF16),
				.byte_s = 2.0 * BF16_BYTES * decodes * kv_heads * values /
		                          r->gpu->hbm_bytes_per_s,
				.tokens = context,
			});
	}
}

/* --- tables ------------------------------------------------------------------------------------
 */

static const struct layout {
	const char *const *columns;
	void (*row)(struct reader *r);
	const char *title;
	bool of_model; /* the shapes are those of a model that is named beside */
} layouts[] = {
	{product_columns, product_row, "matrix products", false},
	{attention_columns, attention_row, "attention", false},
	{layer_columns, layer_row, "products of a layer", false},
	{paged_columns, paged_row, "attention of both kinds", false},
	{nccl_columns, nccl_row, "all-reduces", false},
	{workers_columns, workers_row, "all-reduces of workers", false},
	{operator_columns, operator_row, "operators", true},
	{head_columns, head_row, "head and sampler", true},
	{chunk_columns, chunk_row, "attention over chunks", true},
};
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static size_t find_field(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->n_fields; i++) {
		if (strcmp(r->fields[i], name) == 0) {
			return i;
		}
	}
	return SIZE_MAX;
}

/* The header names most of a layout's columns, but not this one. */
static void say_missing(const struct reader *r, const struct layout *l, const char *column)
{
	const char *const near = str_nearest(column, r->fields, r->n_fields);
	csv_fail(r->csv, 1, "column \"%s\" is missing from a table of %s%s%s%s", column, l->title,
	         near != NULL ? "; is \"" : "", near != NULL ? near : "",
	         near != NULL ? "\" meant?" : "");
}

/* The layout whose columns are all there, with their places; NULL with one error added. */
static const struct layout *find_layout(struct reader *r)
{
	const struct layout *nearest = NULL;
	const char *missing = NULL;
	double best = 0.5; /* share of the columns: below, it is no such table */

	if (!csv_next(r->csv, &r->fields, &r->n_fields)) {
		return NULL; /* said by the caller, or by csv_next */
	}
	for (size_t l = 0; l < N_LAYOUTS; l++) {
		const char *first_missing = NULL;
		size_t found = 0, n = 0;
		for (; layouts[l].columns[n] != NULL; n++) {
			r->at[n] = find_field(r, layouts[l].columns[n]);
			found += r->at[n] != SIZE_MAX;
			if (r->at[n] == SIZE_MAX && first_missing == NULL) {
				first_missing = layouts[l].columns[n];
			}
		}
		if (found == n) {
			return &layouts[l];
		}
		if ((double)found / (double)n > best) {
			best = (double)found / (double)n;
			nearest = &layouts[l];
			missing = first_missing;
		}
	}
	if (nearest != NULL) {
		say_missing(r, nearest, missing);
	} else {
		csv_fail(r->csv, 1,
		         "no kernel table: expected columns m, n, k, latency_ms, or "
		         "those of another table of products, attention or all-reduces");
	}
	return NULL;
}

bool kernels_read(struct kernel_points *points, const char *file, const struct gpu_spec *gpu,
                  const struct llm_spec *llm, struct err *err)
{
	const size_t before = err_count(err), first = points->n;
	struct reader r = {.file = file, .gpu = gpu, .llm = llm, .err = err, .points = points};

	r.csv = csv_open(file, err);
	if (r.csv == NULL) {
		return false;
	}
	const struct layout *layout = find_layout(&r);
	if (layout != NULL && layout->of_model && llm == NULL) {
		err_add(err, ERR_USAGE, file,
		        "a table of %s says nothing of their shapes: name the model with --model",
		        layout->title);
		layout = NULL;
	}
	if (layout != NULL) {
		r.columns = layout->columns;
		while (csv_next(r.csv, &r.fields, &r.n_fields)) {
			r.bad = false;
			layout->row(&r);
		}
	}
	if (layout != NULL && layout->row == attention_row) {
		decode_if(points, first);
	}
	if (points->n == first && err_count(err) == before) {
		err_add(err, ERR_INPUT, file, "no usable rows after the header line");
	}
	csv_close(r.csv);
	return err_count(err) == before;
}
