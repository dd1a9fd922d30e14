/* Named random streams on GSL's Mersenne twister, and draws made of basic IEEE operations. */
#include "base/rng.h"

#include <gsl/gsl_rng.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define LN2 0.69314718055994530942
#define TWO_32 4294967296.0

/*
 * Ziggurat of the exponential density (Marsaglia and Tsang 2000): 256 layers of equal area, of
 * which layer i reaches to x[i]. Start of the tail and area are theirs; the tables follow.
 */
#define LAYERS 256
#define TAIL 7.69711747013104972
#define LAYER_AREA 3.9496598225815571993e-3

struct ziggurat {
	double x[LAYERS + 1];
	double f[LAYERS + 1]; /* exp(-x) */
};

struct rng {
	gsl_rng *gsl;
	struct ziggurat *ziggurat; /* made at the first exponential draw */
	double spare;              /* second normal of a pair; valid only when has_spare */
	int has_spare;
};

/* FNV-1a, 64 bit (Fowler, Noll, Vo): spreads seed and name over the generator's seed. */
static uint64_t hash(uint64_t seed, const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (int i = 0; i < 8; i++) {
		h = (h ^ ((seed >> (8 * i)) & 0xff)) * UINT64_C(1099511628211);
	}
	for (; *name != '\0'; name++) {
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	}
	return h ^ (h >> 32);
}

struct rng *rng_new(uint64_t seed, const char *name)
{
	struct rng *r = mem_new(1, sizeof(*r));
	r->gsl = gsl_rng_alloc(gsl_rng_mt19937);
	sim_assert(r->gsl != NULL);
	gsl_rng_set(r->gsl, (unsigned long)(hash(seed, name) & 0xffffffff));
	return r;
}

void rng_free(struct rng *r)
{
	if (r != NULL) {
		gsl_rng_free(r->gsl);
		free(r->ziggurat);
		free(r);
	}
}

double rng_uniform(struct rng *r)
{
	return ((double)gsl_rng_get(r->gsl) + 0.5) * (1.0 / TWO_32);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	sim_assert(n >= 1);
	const uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* reject the uneven tail */
	for (;;) {
		uint64_t x = (uint64_t)gsl_rng_get(r->gsl) << 32;
		x |= (uint64_t)gsl_rng_get(r->gsl);
		if (x < limit) {
			return x % n;
		}
	}
}

static struct ziggurat *ziggurat_new(void)
{
	struct ziggurat *const z = mem_new(1, sizeof(*z));
	z->x[0] = LAYER_AREA * rng_exp(TAIL); /* as if the tail were part of the rectangle */
	z->x[1] = TAIL;
	for (int i = 2; i < LAYERS; i++) {
		z->x[i] = -rng_log(LAYER_AREA / z->x[i - 1] + rng_exp(-z->x[i - 1]));
	}
	z->x[LAYERS] = 0.0;
	for (int i = 0; i <= LAYERS; i++) {
		z->f[i] = rng_exp(-z->x[i]);
	}
	return z;
}

double rng_exponential(struct rng *r)
{
	if (r->ziggurat == NULL) {
		r->ziggurat = ziggurat_new();
	}
	const struct ziggurat *const z = r->ziggurat;
	for (;;) { /* 99 of 100 draws end at the first test */
		const uint64_t bits = gsl_rng_get(r->gsl);
		const size_t i = bits % LAYERS;
		const uint64_t place = bits / LAYERS; /* the other 24 bits */
		const double x = ((double)place + 0.5) * (LAYERS / TWO_32) * z->x[i];
		if (x < z->x[i + 1]) {
			return x;
		}
		if (i == 0) {
			return TAIL - rng_log(rng_uniform(r));
		}
		if (z->f[i] + rng_uniform(r) * (z->f[i + 1] - z->f[i]) < rng_exp(-x)) {
			return x;
		}
	}
}

double rng_normal(struct rng *r)
{
	if (r->has_spare) {
		r->has_spare = 0;
		return r->spare;
	}
	for (;;) { /* Marsaglia's polar method */
		const double x = 2.0 * rng_uniform(r) - 1.0;
		const double y = 2.0 * rng_uniform(r) - 1.0;
		const double s = x * x + y * y;
		if (s > 0.0 && s < 1.0) {
			const double f = __builtin_sqrt(-2.0 * rng_log(s) / s);
			r->spare = y * f;
			r->has_spare = 1;
			return x * f;
		}
	}
}

double rng_gamma(struct rng *r, double shape)
{
	sim_assert(shape > 0.0);
	if (shape < 1.0) { /* boost: gamma(a) = gamma(a + 1) * u^(1/a) */
		const double u = rng_uniform(r);
		return rng_gamma(r, shape + 1.0) * rng_exp(rng_log(u) / shape);
	}
	const double d = shape - 1.0 / 3.0;
	const double c = 1.0 / __builtin_sqrt(9.0 * d);
	for (;;) {
		const double x = rng_normal(r);
		const double t = 1.0 + c * x;
		if (t <= 0.0) {
			continue;
		}
		const double v = t * t * t;
		const double u = rng_uniform(r);
		if (rng_log(u) < 0.5 * x * x + d - d * v + d * rng_log(v)) {
			return d * v;
		}
	}
}

double rng_weibull(struct rng *r, double shape)
{
	sim_assert(shape >= 0.01); /* the exponent below stays in range */
	return rng_exp(rng_log(rng_exponential(r)) / shape);
}

/* Lanczos' approximation with g = 7 and nine terms (Godfrey's coefficients). */
double rng_factorial(double x)
{
	static const double terms[] = {
		676.5203681218851,     -1259.1392167224028,   771.32342877765313,
		-176.61502916214059,   12.507343278686905,    -0.13857109526572012,
		9.9843695780195716e-6, 1.5056327351493116e-7,
	};
	double sum = 0.99999999999980993;
	sim_assert(x >= 0.0 && x <= 150.0);
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		sum += terms[i] / (x + 1.0 + (double)i);
	}
	const double t = x + 7.5;
	return 2.5066282746310005 * sum * rng_exp((x + 0.5) * rng_log(t) - t);
}

double rng_log(double x)
{
	uint64_t bits;
	sim_assert(x > 0.0);
	memcpy(&bits, &x, sizeof(bits));
	int exponent = (int)(bits >> 52) - 1023;
	sim_assert(exponent > -1023 && exponent < 1024); /* normal numbers only */
	bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000);
	double m;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.41421356237309504880) {
		m *= 0.5;
		exponent++;
	}
	/* ln m = 2 atanh(f) = 2 (f + f^3/3 + ...), |f| < 0.1716: eleven terms reach 1e-17, summed
	   in pairs so that the processor need not wait for one after the other */
	const double f = (m - 1.0) / (m + 1.0);
	const double g = f * f;
	const double g2 = g * g;
	const double g4 = g2 * g2;
	const double low = (1.0 + g * (1.0 / 3)) + g2 * (1.0 / 5 + g * (1.0 / 7));
	const double middle = (1.0 / 9 + g * (1.0 / 11)) + g2 * (1.0 / 13 + g * (1.0 / 15));
	const double high = (1.0 / 17 + g * (1.0 / 19)) + g2 * (1.0 / 21);
	return (double)exponent * LN2 + 2.0 * f * (low + g4 * (middle + g4 * high));
}

double rng_exp(double x)
{
	if (x < -700.0) {
		return 0.0;
	}
	sim_assert(x < 700.0);
	const double scaled = x / LN2;
	const int n = (int)(scaled + (scaled < 0.0 ? -0.5 : 0.5));
	const double rest = x - (double)n * LN2;
	double sum = 1.0;
	for (int k = 16; k >= 1; k--) {
		sum = 1.0 + sum * rest / (double)k;
	}
	const uint64_t bits = (uint64_t)(n + 1023) << 52;
	double power;
	memcpy(&power, &bits, sizeof(power));
	return sum * power;
}
