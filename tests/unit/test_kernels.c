/*
 * Kernel tables: constants that made a table are found again inside their intervals, in every
 * layout, and each way of being wrong is one error with its place.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "study/kernels.h"

static const struct gpu_spec gpu = {
	.hbm_bytes_per_s = 2e12,
	.flops_per_s = {1e15, 2e15, 0.0},
	.host_link_bytes_per_s = 50e9,
	.nvlink_bytes_per_s = 400e9,
};

struct file {
	char *name;
	FILE *out;
};

static void file_open(struct file *f)
{
	f->name = mem_strdup("/tmp/aliquot_kernels_XXXXXX");
	const int fd = mkstemp(f->name);
	ck_assert_int_ge(fd, 0);
	f->out = fdopen(fd, "w");
	ck_assert_ptr_nonnull(f->out);
}

static const struct llm_spec llm = {
	.hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 16384, .vocab = 128256};

/* Fit what was written, layers of `model` if not NULL; the errors are the caller's. */
static bool file_fit_of(struct file *f, struct kernel_report *r, const struct gpu_spec *g,
                        const struct llm_spec *model, struct err *err)
{
	fclose(f->out);
	const bool ok = kernels_fit(r, f->name, g, model, err);
	ck_assert_int_eq(ok, err_count(err) == 0);
	unlink(f->name);
	free(f->name);
	return ok;
}

static bool file_fit(struct file *f, struct kernel_report *r, const struct gpu_spec *g,
                     struct err *err)
{
	return file_fit_of(f, r, g, NULL, err);
}

/* A good table: no error. */
static void file_read_of(struct file *f, struct kernel_report *r, const struct llm_spec *model)
{
	struct err *const err = err_new();
	if (!file_fit_of(f, r, &gpu, model, err)) {
		ck_abort_msg("%s", err_message(err, 0));
	}
	err_free(err);
}

static void file_read(struct file *f, struct kernel_report *r)
{
	file_read_of(f, r, NULL);
}

/* A measuring error of up to 4 per cent, the same in every run. */
static double noisy(double seconds)
{
	static unsigned state;
	state = state * 1664525U + 1013904223U;
	return seconds * (0.96 + 0.08 * (double)(state >> 8) / (double)(1U << 24));
}

static void found(const struct kernel_fit *f, const char *name, int gpus, double value)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct kernel_constant *const c = &f->at[i];
		if (strcmp(c->name, name) == 0 && c->gpus == gpus) {
			ck_assert_msg(c->low < value && value < c->high,
			              "%s(%d): %g is not in %g .. %g", name, gpus, value, c->low,
			              c->high);
			ck_assert_msg(c->high - c->low < 0.1 * value, "%s(%d): %g .. %g is wide",
			              name, gpus, c->low, c->high);
			ck_assert_double_gt(c->value, c->low);
			ck_assert_double_lt(c->value, c->high);
			ck_assert(c->determined);
			ck_assert_double_lt(f->mean_error, 0.03);
			ck_assert_double_gt(f->worst_error, f->mean_error);
			ck_assert_double_lt(f->worst_error, 0.06);
			return;
		}
	}
	ck_abort_msg("no %s for %d GPUs", name, gpus);
}

static const struct kernel_fit *only_fit(const struct kernel_report *r, enum kernel_table table)
{
	ck_assert_uint_eq(r->n, 1);
	ck_assert_int_eq(r->fits[0].table, table);
	return &r->fits[0];
}

static double product_s(double m, double n, double k)
{
	return fmax(2 * m * n * k / (1e15 * 0.7), 2 * (n * k + m * k + m * n) / (2e12 * 0.8)) +
	       4e-6;
}

START_TEST(products)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("n,extra,m,k,latency_ms\n", f.out); /* in any order, among others */
	for (int m = 1; m <= 8192; m *= 2) {
		for (int n = 1024; n <= 16384; n *= 2) {
			fprintf(f.out, "%d,x,%d,4096,%.9g\n", n, m,
			        1e3 * noisy(product_s(m, n, 4096)));
		}
	}
	file_read(&f, &r);
	const struct kernel_fit *const fit = only_fit(&r, KERNEL_GEMM);
	ck_assert_uint_eq(fit->points, 70);
	ck_assert_uint_eq(fit->n, 3);
	found(fit, "e_compute", 0, 0.7);
	found(fit, "e_memory", 0, 0.8);
	found(fit, "t_kernel", 0, 4e-6);
}
END_TEST

START_TEST(products_of_a_layer)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("num_tokens,num_tensor_parallel_workers,n_head,n_kv_head,n_embd,n_expanded_embd,"
	      "use_gated_mlp,attn_pre_proj_ms,attn_post_proj_ms,mlp_up_proj_ms,mlp_down_proj_ms\n",
	      f.out);
	for (int tp = 1; tp <= 4; tp *= 2) {
		const int kv = tp < 2 ? 2 : tp; /* two KV heads: copies beyond two GPUs */
		for (int m = 1; m <= 8192; m *= 2) {
			fprintf(f.out, "%d,%d,32,2,4096,16384,%s,%.9g,%.9g,%.9g,%.9g\n", m, tp,
			        m % 3 == 1 ? "True" : "False",
			        1e3 * noisy(product_s(m, (32 + 2 * kv) * 128.0 / tp, 4096)),
			        1e3 * noisy(product_s(m, 4096, 4096.0 / tp)),
			        1e3 * noisy(product_s(m, (m % 3 == 1 ? 2 : 1) * 16384.0 / tp,
			                              4096)),
			        1e3 * noisy(product_s(m, 4096, 16384.0 / tp)));
		}
	}
	file_read(&f, &r);
	const struct kernel_fit *const fit = only_fit(&r, KERNEL_GEMM);
	ck_assert_uint_eq(fit->points, 4 * 3 * 14);
	found(fit, "e_compute", 0, 0.7);
	found(fit, "e_memory", 0, 0.8);
	found(fit, "t_kernel", 0, 4e-6);
}
END_TEST

START_TEST(a_share_that_no_row_shows_is_not_determined)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("m,n,k,latency_ms\n", f.out);
	for (int m = 4096; m <= 32768; m *= 2) { /* all bound by compute */
		for (int n = 4096; n <= 16384; n *= 2) {
			fprintf(f.out, "%d,%d,4096,%.9g\n", m, n,
			        1e3 * noisy(product_s(m, n, 4096)));
		}
	}
	file_read(&f, &r);
	const struct kernel_fit *const fit = only_fit(&r, KERNEL_GEMM);
	ck_assert_str_eq(fit->at[0].name, "e_compute");
	ck_assert(fit->at[0].determined);
	ck_assert_str_eq(fit->at[1].name, "e_memory");
	ck_assert(!fit->at[1].determined);
}
END_TEST

static double prefill_s(double b, double p, double c, double h, double kv)
{
	return 4 * h * 128 * b * (p * c + p * p / 2) / (1e15 * 0.6) +
	       2 * 128 * b * (2 * h * p + 2 * kv * (p + c)) / (2e12 * 0.4) + 1.2e-5;
}

static double decode_s(double b, double context, double kv)
{
	return 2 * 2 * kv * 128 * b * fmax(context, 150) / (2e12 * 0.85) + 1.1e-5;
}

START_TEST(prefill_attention)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("batch_size,isl,step,num_heads,num_key_value_heads,latency_ms\n", f.out);
	for (int p = 1; p <= 16384; p *= 2) {
		for (int h = 8; h <= 64; h *= 2) {
			for (int c = 0; c <= 8192; c += 4096) {
				fprintf(f.out, "2,%d,%d,%d,8,%.9g\n", p, c, h,
				        1e3 * noisy(prefill_s(2, p, c, h, 8)));
			}
		}
	}
	file_read(&f, &r);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_int_eq(r.fits[0].table, KERNEL_PREFILL);
	ck_assert_uint_eq(r.fits[0].points, 6 * 4 * 3); /* of 512 tokens and more */
	ck_assert_uint_eq(r.fits[0].n, 2);
	ck_assert_double_lt(r.fits[0].at[0].value, 0.6); /* it carries the traffic too */
	ck_assert_int_eq(r.fits[1].table, KERNEL_PREFILL);
	ck_assert_uint_eq(r.fits[1].points, 15 * 4 * 3);
	found(&r.fits[1], "e_attn", 0, 0.6);
	found(&r.fits[1], "e_attn_bytes", 0, 0.4);
	found(&r.fits[1], "t_kernel", 0, 1.2e-5);
}
END_TEST

START_TEST(decode_attention)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("batch_size,isl,step,num_heads,num_key_value_heads,latency_ms\n", f.out);
	for (int b = 1; b <= 256; b *= 4) {
		for (int c = 2; c <= 65536; c *= 2) {
			fprintf(f.out, "%d,1,%d,32,8,%.9g\n", b, c - 1,
			        1e3 * noisy(decode_s(b, c, 8)));
		}
	}
	file_read(&f, &r);
	const struct kernel_fit *const fit = only_fit(&r, KERNEL_DECODE);
	ck_assert_uint_eq(fit->points, 5 * 16);
	found(fit, "e_kv", 0, 0.85);
	found(fit, "least_context", 0, 150);
	found(fit, "t_kernel", 0, 1.1e-5);
}
END_TEST

START_TEST(attention_of_both_kinds)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("batch_size,prefill_chunk_size,kv_cache_size,n_embd,n_q_head,n_kv_head,"
	      "num_tensor_parallel_workers,is_prefill,attn_prefill_ms,attn_decode_ms\n",
	      f.out);
	for (int c = 2; c <= 65536; c *= 2) {
		for (int b = 1; b <= 64; b *= 4) {
			fprintf(f.out, "%d,0,%d,4096,32,8,2,False,0.0,%.9g\n", b, c,
			        1e3 * noisy(decode_s(b, c, 4)));
			fprintf(f.out, "%d,%d,128,4096,32,8,2,True,%.9g,0.0\n", b, c,
			        1e3 * noisy(prefill_s(b, c, 128, 16, 4)));
		}
	}
	file_read(&f, &r);
	ck_assert_uint_eq(r.n, 3);
	ck_assert_uint_eq(r.fits[1].points, 4 * 16);
	found(&r.fits[1], "e_attn", 0, 0.6);
	found(&r.fits[1], "e_attn_bytes", 0, 0.4);
	ck_assert_int_eq(r.fits[2].table, KERNEL_DECODE);
	found(&r.fits[2], "e_kv", 0, 0.85);
	found(&r.fits[2], "least_context", 0, 150);
}
END_TEST

START_TEST(operators_of_a_model)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("layer,tokens,time_us\n", f.out);
	for (int m = 1; m <= 8192; m *= 2) {
		fprintf(f.out, "act_fn,%d,1.5\n", m); /* no product */
		fprintf(f.out, "qkv_proj,%d,%.9g\n", m,
		        1e6 * noisy(product_s(m, (32 + 16) * 128.0, 4096)));
		fprintf(f.out, "o_proj,%d,%.9g\n", m, 1e6 * noisy(product_s(m, 4096, 4096)));
		fprintf(f.out, "gate_up_proj,%d,%.9g\n", m, 1e6 * noisy(product_s(m, 32768, 4096)));
		fprintf(f.out, "down_proj,%d,%.9g\n", m, 1e6 * noisy(product_s(m, 4096, 16384)));
	}
	file_read_of(&f, &r, &llm);
	const struct kernel_fit *const fit = only_fit(&r, KERNEL_GEMM);
	ck_assert_uint_eq(fit->points, 4 * 14);
	found(fit, "e_compute", 0, 0.7);
	found(fit, "e_memory", 0, 0.8);
}
END_TEST

START_TEST(head_and_sampler)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("layer,sequences,time_us\n", f.out);
	for (int m = 1; m <= 1024; m += 31) {
		fprintf(f.out, "lm_head,%d,%.9g\n", m, 1e6 * noisy(product_s(m, 128256, 4096)));
		fprintf(f.out, "sampler,%d,%.9g\n", m, 1e6 * noisy(m * 128256.0 * 2e-11 + 3e-5));
	}
	file_read_of(&f, &r, &llm);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_int_eq(r.fits[0].table, KERNEL_GEMM);
	ck_assert_uint_eq(r.fits[0].points, 34);
	ck_assert_double_lt(r.fits[0].mean_error, 0.03); /* the right products */
	ck_assert_int_eq(r.fits[1].table, KERNEL_SAMPLER);
	ck_assert_uint_eq(r.fits[1].points, 34);
	found(&r.fits[1], "t_logit", 0, 2e-11);
	found(&r.fits[1], "t_kernel", 0, 3e-5);
}
END_TEST

START_TEST(chunks_and_decodes_in_one_launch)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n", f.out);
	for (int c = 16; c <= 8192; c *= 2) {
		for (int cached = 0; cached <= 4096; cached += 2048) {
			fprintf(f.out, "%d,%d,0,0,%.9g\n", c, cached,
			        1e6 * noisy(prefill_s(1, c, cached, 32, 8)));
		}
		for (int b = 1; b <= 256; b *= 4) {
			fprintf(f.out, "0,0,%d,%d,%.9g\n", b, c, 1e6 * noisy(decode_s(b, c, 8)));
			/* the prompt and, at half of the bandwidth that decodes alone reach, theirs
			 */
			const double flop = 4.0 * 32 * 128 * c * (1024 + c / 2.0);
			const double bytes = 4.0 * b * 8 * 128 * 2.0 * c;
			fprintf(f.out, "%d,1024,%d,%d,%.9g\n", c, b, 2 * c,
			        1e6 * noisy(flop / (1e15 * 0.5) + bytes / (2e12 * 0.425) + 9e-6));
		}
	}
	file_read_of(&f, &r, &llm);
	const struct kernel_fit *mixed = NULL, *decodes = NULL;
	for (size_t i = 0; i < r.n; i++) {
		mixed = r.fits[i].table == KERNEL_MIXED ? &r.fits[i] : mixed;
		decodes = r.fits[i].table == KERNEL_DECODE ? &r.fits[i] : decodes;
	}
	ck_assert_ptr_nonnull(mixed);
	ck_assert_uint_eq(mixed->points, 5 * 10);
	found(mixed, "e_attn", 0, 0.5);
	found(mixed, "e_kv_mixed", 0, 0.425);
	found(mixed, "t_kernel", 0, 9e-6);
	ck_assert_ptr_nonnull(decodes);
	ck_assert_uint_eq(decodes->points, 5 * 10);
	found(decodes, "e_kv", 0, 0.85);
}
END_TEST

START_TEST(a_table_of_a_model_needs_the_model)
{
	struct err *const err = err_new();
	struct kernel_report r;
	struct file f;
	file_open(&f);
	fputs("layer,tokens,time_us\no_proj,1,5\n", f.out);
	ck_assert(!file_fit(&f, &r, &gpu, err));
	ck_assert_uint_eq(err_count(err), 1);
	ck_assert_int_eq(err_exit_code(err), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err_message(err, 0),
	                             "a table of operators says nothing of their shapes: name the "
	                             "model with --model"));
	err_free(err);
}
END_TEST

static double all_reduce_s(double n, double bytes, double link)
{
	return 2 * (n - 1) / n * bytes / (link * 0.55) + (4 + n) * 1e-6;
}

static void write_all_reduces(FILE *out, double link)
{
	fputs("gpu,num_nodes,num_gpus_per_node,dtype,size(kb),time(us)\n", out);
	for (int n = 8; n >= 1; n /= 2) {
		fprintf(out, "g,2,%d,half,64,9999\n", n); /* crosses nodes: not counted */
		fprintf(out, "g,1,%d,half,0,%.9g\n", n, 1e6 * noisy(all_reduce_s(n, 0, link)));
		for (int kib = 1; kib <= 131072; kib *= 2) {
			fprintf(out, "g,1,%d,half,%d,%.9g\n", n, kib,
			        n == 1 ? 3.0 : 1e6 * noisy(all_reduce_s(n, kib * 1024.0, link)));
		}
	}
}

static void check_all_reduces(const struct kernel_report *r)
{
	const struct kernel_fit *const fit = only_fit(r, KERNEL_ALL_REDUCE);
	ck_assert_uint_eq(fit->points, 3 * 19); /* one GPU has nobody to talk to */
	ck_assert_uint_eq(fit->n, 4);
	found(fit, "e_link", 0, 0.55);
	for (int n = 2, i = 1; n <= 8; n *= 2, i++) {
		ck_assert_int_eq(fit->at[i].gpus, n);
		found(fit, "t_link", n, (4 + n) * 1e-6);
	}
}

START_TEST(all_reduces)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	write_all_reduces(f.out, 400e9);
	file_read(&f, &r);
	check_all_reduces(&r);
}
END_TEST

START_TEST(without_nvlink_the_host_link_counts)
{
	struct gpu_spec g = gpu;
	struct err *const err = err_new();
	struct file f;
	struct kernel_report r;
	g.nvlink_bytes_per_s = 0.0;
	file_open(&f);
	write_all_reduces(f.out, 50e9);
	ck_assert(file_fit(&f, &r, &g, err));
	check_all_reduces(&r);
	err_free(err);
}
END_TEST

START_TEST(all_reduces_of_workers)
{
	struct file f;
	struct kernel_report r;
	file_open(&f);
	fputs("all_reduce_ms,num_workers,size,collective,devices_per_node\n", f.out);
	for (int n = 2; n <= 8; n *= 2) {
		fprintf(f.out, "9,%d,4096,all_reduce,1\n", n);     /* crosses nodes */
		fprintf(f.out, "9,%d,4096,all_gather,%d\n", n, n); /* another collective */
		for (int bytes = 1024; bytes <= 1 << 28; bytes *= 2) {
			fprintf(f.out, "%.9g,%d,%d,all_reduce,%d\n",
			        1e3 * noisy(all_reduce_s(n, bytes, 400e9)), n, bytes, n);
		}
	}
	file_read(&f, &r);
	check_all_reduces(&r);
}
END_TEST

#define HEADER "m,n,k,latency_ms\n"
#define ROW "1,1024,1024,0.004\n"

START_TEST(mistakes)
{
	static const struct {
		const char *bytes, *message; /* after the file's name */
		size_t count;
	} cases[] = {
		{"", ": no usable rows after the header line", 1},
		{HEADER, ": no usable rows after the header line", 1},
		{"a,b\n1,2\n",
	         ":1:1: no kernel table: expected columns m, n, k, latency_ms, or those of another "
	         "table of products, attention or all-reduces",
	         1},
		{"m,n,k,latency\n" ROW,
	         ":1:1: column \"latency_ms\" is missing from a table of matrix products; is "
	         "\"latency\" meant?",
	         1},
		{"num_nodes,num_gpus_per_node,size(kb),z\n1,2,3,4\n",
	         ":1:1: column \"time(us)\" is missing from a table of all-reduces", 1},
		{HEADER ROW "1,x,1024,0.004\n",
	         ":3:2: n: expected a number of 1 or more, got \"x\"", 1},
		{HEADER ROW "1,1024,1024,0\n",
	         ":3:4: latency_ms: expected a positive number, got \"0\"", 1},
		{HEADER ROW "1,1024,1024,-1\n",
	         ":3:4: latency_ms: expected a positive number, got \"-1\"", 1},
		{HEADER ROW "1,1024,1024,nan\n",
	         ":3:4: latency_ms: expected a positive number, got \"nan\"", 1},
		{HEADER ROW "1,1024\n", ":3:3: k: expected a number of 1 or more, got \"\"", 1},
		{HEADER "0,y,z,w\n" ROW "1,1,1,\n",
	         ":2:1: m: expected a number of 1 or more, got \"0\"", 2},
		{"batch_size,isl,step,num_heads,num_key_value_heads,latency_ms\n1,1,-1,8,8,1\n",
	         ":2:3: step: expected a number of 0 or more, got \"-1\"", 1},
		{HEADER ROW ROW ROW,
	         ": 3 usable rows of matrix products are too few to fit 3 constants", 1},
		{"num_nodes,num_gpus_per_node,size(kb),time(us)\n2,8,1,1\n",
	         ": no usable rows after the header line", 1},
		{HEADER "1,\"2\n", ":2", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err *const err = err_new();
		struct kernel_report r;
		struct file f;
		file_open(&f);
		const size_t name = strlen(f.name);
		fputs(cases[i].bytes, f.out);
		ck_assert(!file_fit(&f, &r, &gpu, err));
		ck_assert_uint_eq(r.n, 0);
		ck_assert_uint_eq(err_count(err), cases[i].count);
		ck_assert_int_eq(err_exit_code(err), ERR_INPUT);
		const char *const message = err_message(err, 0) + name;
		if (strcmp(cases[i].message, ":2") == 0) { /* the reader's own words */
			ck_assert_int_eq(strncmp(message, ":2:", 3), 0);
		} else {
			ck_assert_str_eq(message, cases[i].message);
		}
		err_free(err);
	}
}
END_TEST

START_TEST(too_many_numbers_of_gpus)
{
	struct err *const err = err_new();
	struct kernel_report r;
	struct file f;
	file_open(&f);
	fputs("num_nodes,num_gpus_per_node,size(kb),time(us)\n", f.out);
	for (int n = 2; n <= 11; n++) {
		fprintf(f.out, "1,%d,1,10\n1,%d,1024,20\n", n, n);
	}
	ck_assert(!file_fit(&f, &r, &gpu, err));
	ck_assert_uint_eq(err_count(err), 1);
	ck_assert_ptr_nonnull(
		strstr(err_message(err, 0), "all-reduces of more than 9 numbers of GPUs"));
	err_free(err);
}
END_TEST

START_TEST(no_file)
{
	struct err *const err = err_new();
	struct kernel_report r;
	ck_assert(!kernels_fit(&r, "/nowhere/table.csv", &gpu, NULL, err));
	ck_assert_uint_eq(r.n, 0);
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
	err_free(err);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("kernels");
	TCase *const t = tcase_create("kernels");
	tcase_add_test(t, products);
	tcase_add_test(t, products_of_a_layer);
	tcase_add_test(t, a_share_that_no_row_shows_is_not_determined);
	tcase_add_test(t, prefill_attention);
	tcase_add_test(t, decode_attention);
	tcase_add_test(t, attention_of_both_kinds);
	tcase_add_test(t, operators_of_a_model);
	tcase_add_test(t, head_and_sampler);
	tcase_add_test(t, chunks_and_decodes_in_one_launch);
	tcase_add_test(t, a_table_of_a_model_needs_the_model);
	tcase_add_test(t, all_reduces);
	tcase_add_test(t, without_nvlink_the_host_link_counts);
	tcase_add_test(t, all_reduces_of_workers);
	tcase_add_test(t, mistakes);
	tcase_add_test(t, too_many_numbers_of_gpus);
	tcase_add_test(t, no_file);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
