/* Formulas of single kernels, fitted to their measured times by least squares on log ratios. */
#include "study/kernels.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "study/fit.h"
#include "study/kernels_private.h"

#define STARTS 4
#define WHOLE_PROMPT 512.0 /* tokens from which prefill attention is more than its launch */
#define MOST_IN_FORM 3

struct constant {
	const char *name, *unit;
	struct fit_parameter range;
};

/* A formula over the points of one table. */
struct form {
	const char *title, *formula;
	double (*seconds)(const double *v, const struct kernel_point *p);
	double least_tokens; /* points of fewer are left out */
	struct constant constants[MOST_IN_FORM];
	size_t n;
	enum kernel_table table;
	bool by_gpus; /* the last constant is one per number of GPUs */
};

static double gemm_s(const double *v, const struct kernel_point *p)
{
	return fmax(p->flop_s / v[0], p->byte_s / v[1]) + v[2];
}

static double scores_s(const double *v, const struct kernel_point *p)
{
	return p->flop_s / v[0] + v[1];
}

static double prefill_s(const double *v, const struct kernel_point *p)
{
	return p->flop_s / v[0] + p->byte_s / v[1] + v[2];
}

static double decode_s(const double *v, const struct kernel_point *p)
{
	return fmax(p->tokens, v[1]) * p->byte_s / v[0] + v[2];
}

static double mixed_s(const double *v, const struct kernel_point *p)
{
	return p->flop_s / v[0] + p->tokens * p->byte_s / v[1] + v[2];
}

static double sampler_s(const double *v, const struct kernel_point *p)
{
	return p->byte_s * v[0] + v[1];
}

static double all_reduce_s(const double *v, const struct kernel_point *p)
{
	return p->byte_s / v[0] + v[1 + p->slot];
}

#define SHARE                  \
	{                      \
		0.6, 0.01, 3.0 \
	}
#define OF_A_KERNEL              \
	{                        \
		5e-6, 1e-8, 1e-2 \
	}

/* clang-format off */
static const struct form forms[] = {
	{"matrix products",
	 "max(FLOP / (peak e_compute), bytes / (bandwidth e_memory)) + t_kernel", gemm_s, 0.0,
	 {{"e_compute", "share", SHARE}, {"e_memory", "share", SHARE}, {"t_kernel", "s", OF_A_KERNEL}},
	 3, KERNEL_GEMM, false},
	{"attention over prompts of 512 tokens and more",
	 "FLOP / (peak e_attn) + t_kernel", scores_s, WHOLE_PROMPT,
	 {{"e_attn", "share", SHARE}, {"t_kernel", "s", OF_A_KERNEL}},
	 2, KERNEL_PREFILL, false},
	{"attention over prompts, with its traffic",
	 "FLOP / (peak e_attn) + bytes of Q, K, V and O / (bandwidth e_attn_bytes) + t_kernel",
	 prefill_s, 0.0,
	 {{"e_attn", "share", SHARE}, {"e_attn_bytes", "share", SHARE}, {"t_kernel", "s", OF_A_KERNEL}},
	 3, KERNEL_PREFILL, false},
	{"attention of decodes",
	 "KV bytes of max(context, least_context) / (bandwidth e_kv) + t_kernel", decode_s, 0.0,
	 {{"e_kv", "share", SHARE}, {"least_context", "tokens", {100.0, 0.01, 1e5}},
	  {"t_kernel", "s", OF_A_KERNEL}},
	 3, KERNEL_DECODE, false},
	{"attention over a prompt and of decodes in one launch",
	 "FLOP of the prompt / (peak e_attn) + KV bytes of the decodes / (bandwidth e_kv_mixed) + t_kernel",
	 mixed_s, 0.0,
	 {{"e_attn", "share", SHARE}, {"e_kv_mixed", "share", SHARE}, {"t_kernel", "s", OF_A_KERNEL}},
	 3, KERNEL_MIXED, false},
	{"sampling", "sequences * vocabulary * t_logit + t_kernel", sampler_s, 0.0,
	 {{"t_logit", "s", {1e-11, 1e-14, 1e-7}}, {"t_kernel", "s", OF_A_KERNEL}},
	 2, KERNEL_SAMPLER, false},
	{"all-reduces",
	 "2 (n - 1) / n bytes / (link e_link) + t_link(n)", all_reduce_s, 0.0,
	 {{"e_link", "share", SHARE}, {"t_link", "s", OF_A_KERNEL}},
	 2, KERNEL_ALL_REDUCE, true},
};
/* clang-format on */
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

struct problem {
	const struct form *form;
	struct kernel_points points;
	int64_t gpus[KERNEL_CONSTANTS_MOST]; /* the number of each slot, rising */
	size_t slots;
};

static void residuals(void *arg, const double *values, double *out)
{
	const struct problem *const p = arg;

	for (size_t i = 0; i < p->points.n; i++) {
		const struct kernel_point *const at = &p->points.at[i];
		out[i] = log(p->form->seconds(values, at) / at->seconds);
	}
}

/* The place of a number of GPUs, made when it is new; SIZE_MAX when there are too many. */
static size_t slot_of(struct problem *p, int64_t gpus)
{
	size_t i = 0;

	while (i < p->slots && p->gpus[i] < gpus) {
		i++;
	}
	if (i < p->slots && p->gpus[i] == gpus) {
		return i;
	}
	if (p->slots + p->form->n > KERNEL_CONSTANTS_MOST) {
		return SIZE_MAX;
	}
	for (size_t k = p->slots++; k > i; k--) {
		p->gpus[k] = p->gpus[k - 1];
	}
	p->gpus[i] = gpus;
	return i;
}

/* Copy the form's points of all. */
static void gather(struct problem *p, const struct kernel_points *all)
{
	p->points.at = mem_new(all->n, sizeof(*p->points.at));
	for (size_t i = 0; i < all->n; i++) {
		const struct kernel_point *const at = &all->at[i];
		if (at->table == p->form->table && at->tokens >= p->form->least_tokens) {
			p->points.at[p->points.n++] = *at;
		}
	}
}

/* Number the points by their GPUs; false when there are too many such numbers. */
static bool set_slots(struct problem *p)
{
	for (size_t i = 0; i < p->points.n; i++) {
		if (slot_of(p, p->points.at[i].gpus) == SIZE_MAX) {
			return false;
		}
	}
	for (size_t i = 0; i < p->points.n; i++) {
		p->points.at[i].slot = slot_of(p, p->points.at[i].gpus);
	}
	return true;
}

static void fill(const struct problem *p, const struct fit_result *solved, size_t n,
                 struct kernel_fit *out)
{
	const struct form *const f = p->form;

	*out = (struct kernel_fit){.table = f->table,
	                           .title = f->title,
	                           .formula = f->formula,
	                           .points = p->points.n,
	                           .n = n};
	for (size_t i = 0; i < n; i++) {
		const struct constant *const c = &f->constants[i < f->n ? i : f->n - 1];
		out->at[i] = (struct kernel_constant){
			.name = c->name,
			.unit = c->unit,
			.gpus = f->by_gpus && i + 1 >= f->n ? p->gpus[i + 1 - f->n] : 0,
			.value = solved->value[i],
			.low = solved->low[i],
			.high = solved->high[i],
			.determined = solved->determined[i],
		};
	}
	for (size_t i = 0; i < p->points.n; i++) {
		const struct kernel_point *const at = &p->points.at[i];
		const double error = fabs(f->seconds(solved->value, at) / at->seconds - 1.0);
		out->mean_error += error / (double)p->points.n;
		out->worst_error = fmax(out->worst_error, error);
	}
}

/* Fit a form whose points are gathered. */
static bool solve(struct problem *p, const char *file, struct kernel_report *out, struct err *err)
{
	const struct form *const f = p->form;
	const size_t n = f->by_gpus ? f->n - 1 + p->slots : f->n;
	struct fit_parameter parameters[KERNEL_CONSTANTS_MOST];
	struct fit_result solved;

	if (p->points.n <= n) {
		err_add(err, ERR_INPUT, file,
		        "%zu usable rows of %s are too few to fit %zu constants", p->points.n,
		        f->title, n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		parameters[i] = f->constants[i < f->n ? i : f->n - 1].range;
	}
	const struct fit_problem problem = {.parameters = parameters,
	                                    .n_parameters = n,
	                                    .n_residuals = p->points.n,
	                                    .residuals = residuals,
	                                    .arg = p,
	                                    .starts = STARTS};
	if (!fit_solve(&problem, &solved)) {
		err_add(err, ERR_INPUT, file, "no constants were found for %s", f->title);
		return false;
	}
	sim_assert(out->n < KERNEL_FITS_MOST);
	fill(p, &solved, n, &out->fits[out->n++]);
	return true;
}

/* Fit one form where the table has points for it; a form of part of a table may have none. */
static bool fit_form(const struct form *form, const struct kernel_points *all, const char *file,
                     struct kernel_report *out, struct err *err)
{
	struct problem p = {.form = form};
	bool ok = true;

	gather(&p, all);
	if (form->by_gpus && !set_slots(&p)) {
		err_add(err, ERR_INPUT, file, "all-reduces of more than %d numbers of GPUs",
		        KERNEL_CONSTANTS_MOST - (int)form->n + 1);
		ok = false;
	} else if (p.points.n > 0 && (form->least_tokens <= 0.0 || p.points.n > form->n)) {
		ok = solve(&p, file, out, err);
	}
	free(p.points.at);
	return ok;
}

bool kernels_fit(struct kernel_report *out, const char *file, const struct gpu_spec *gpu,
                 const struct llm_spec *llm, struct err *err)
{
	struct kernel_points points = {0};
	bool ok = kernels_read(&points, file, gpu, llm, err);

	*out = (struct kernel_report){.n = 0};
	for (size_t i = 0; ok && i < N_FORMS; i++) {
		ok = fit_form(&forms[i], &points, file, out, err);
	}
	free(points.at);
	return ok;
}
