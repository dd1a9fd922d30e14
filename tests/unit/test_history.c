/* What queues used over time: windows and decay against closed forms and a plain integral. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "sched/history.h"
#include "test_run.h"

#define HOUR (3600 * NS_PER_S)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
/* A quarter of a part, see history.h. */
#define SLIDING_PPM (1e6 / (4 * HISTORY_PARTS) + 1)

enum { GPU = 1000000 };

static const struct sched_amount none;

static struct sched_amount gpus(int64_t n)
{
	return (struct sched_amount){{n * GPU, 1000 * n, 0}};
}

static void hold(struct history *h, uint32_t queue, int64_t n, ns_t at)
{
	const struct sched_amount amount = gpus(n);
	history_hold(h, queue, &amount, at);
}

static void offer(struct history *h, int64_t n, ns_t at)
{
	const struct sched_amount amount = gpus(n);
	history_offer(h, &amount, at);
}

static int64_t used(const struct history *h, uint32_t queue, ns_t now)
{
	const struct sched_amount u = history_used_ppm(h, queue, now);
	quiet_assert(u.of[SCHED_CPU] == u.of[SCHED_GPU], "CPUs and GPUs differ");
	quiet_assert(u.of[SCHED_MEMORY] == 0, "memory that nobody has");
	return u.of[SCHED_GPU];
}

/* One queue on 8 GPUs. */
static struct history *begin(enum history_window kind, ns_t window, ns_t offset, ns_t half_life)
{
	const struct history_options o = {kind, window, offset, half_life};
	struct history *const h = history_new(&o, 1);
	offer(h, 8, 0);
	return h;
}

static const struct history_options kinds[] = {
	{HISTORY_EVER, 0, 0, 0},
	{HISTORY_EVER, 0, 0, DAY},
	{HISTORY_EVER, 0, 0, HISTORY_LEAST},
	{HISTORY_SLIDING, WEEK, 0, 0},
	{HISTORY_SLIDING, WEEK, 0, DAY},
	{HISTORY_SLIDING, WEEK, 0, 6 * HOUR},
	{HISTORY_SLIDING, 1000 * NS_PER_S + 7, 0, 3 * HOUR},
	{HISTORY_SLIDING, HISTORY_LEAST, 0, HISTORY_LEAST},
	{HISTORY_TUMBLING, DAY, 6 * HOUR, 0},
	{HISTORY_TUMBLING, DAY, 6 * HOUR, 2 * HOUR},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

START_TEST(constant_use_is_its_share_in_every_window)
{
	struct history *const h = history_new(&kinds[_i], 2);
	ck_assert_int_eq(used(h, 0, 5), 0);
	offer(h, 16, 10);
	hold(h, 0, 6, 10);
	hold(h, 1, 16, 10);
	for (ns_t t = 11; t < 20 * WEEK; t += t / 3 + 1) {
		ck_assert_int_eq(used(h, 0, t), 375000);
		ck_assert_int_eq(used(h, 1, t), 1000000);
	}
	history_free(h);
}
END_TEST

START_TEST(without_window_all_counts)
{
	struct history *const h = begin(HISTORY_EVER, 0, 0, 0);
	hold(h, 0, 8, 0);
	hold(h, 0, 0, 3 * DAY);
	ck_assert_int_eq(used(h, 0, 3 * DAY), 1000000);
	ck_assert_int_eq(used(h, 0, 7 * DAY), 428571);  /* 3 / 7 */
	ck_assert_int_eq(used(h, 0, 3000 * DAY), 1000); /* 3 / 3000 */
	history_free(h);
}
END_TEST

START_TEST(a_sliding_window_forgets)
{
	struct history *const h = begin(HISTORY_SLIDING, WEEK, 0, 0);
	hold(h, 0, 8, 0);
	hold(h, 0, 0, 3 * DAY);
	ck_assert_int_eq(used(h, 0, 6 * DAY), 500000); /* not full yet: 3 / 6 */
	ck_assert_int_eq(used(h, 0, 7 * DAY), 428571);
	ck_assert_int_eq(used(h, 0, 8 * DAY), 285714); /* 2 / 7 */
	ck_assert_double_le(fabs((double)used(h, 0, 10 * DAY)), SLIDING_PPM);
	ck_assert_int_eq(used(h, 0, 10 * DAY + HOUR), 0);
	hold(h, 0, 4, 30 * DAY); /* long after */
	ck_assert_int_eq(used(h, 0, 30 * DAY), 0);
	ck_assert_int_eq(used(h, 0, 31 * DAY), 71429); /* 1 / 14 */
	ck_assert_int_eq(used(h, 0, 37 * DAY + HOUR), 500000);
	history_free(h);
}
END_TEST

START_TEST(a_tumbling_window_begins_anew)
{
	struct history *const h = begin(HISTORY_TUMBLING, DAY, 6 * HOUR, 0);
	hold(h, 0, 8, 0);
	ck_assert_int_eq(used(h, 0, 5 * HOUR), 1000000); /* before the first one */
	ck_assert_int_eq(used(h, 0, 6 * HOUR), 0);
	hold(h, 0, 0, 12 * HOUR);
	ck_assert_int_eq(used(h, 0, 18 * HOUR), 500000); /* 6 of the 12 h since 06:00 */
	ck_assert_int_eq(used(h, 0, 30 * HOUR - 1), 250000);
	ck_assert_int_eq(used(h, 0, 30 * HOUR), 0);
	hold(h, 0, 2, 40 * HOUR);
	ck_assert_int_eq(used(h, 0, 50 * HOUR), 125000); /* a quarter, 10 of 20 h */
	ck_assert_int_eq(used(h, 0, 60 * HOUR), 250000);
	history_free(h);
}
END_TEST

START_TEST(use_halves_in_a_half_life)
{
	struct history *const h = begin(HISTORY_EVER, 0, 0, DAY);
	hold(h, 0, 8, 0);
	hold(h, 0, 0, 30 * DAY);
	ck_assert_int_eq(used(h, 0, 31 * DAY), 500000); /* 30 half-lives make 1 - 10^-9 */
	ck_assert_int_eq(used(h, 0, 32 * DAY), 250000);
	ck_assert_int_eq(used(h, 0, 40 * DAY), 977);
	ck_assert_int_eq(used(h, 0, 130 * DAY), 0);
	history_free(h);
}
END_TEST

START_TEST(decay_is_that_of_the_formula)
{
	static const ns_t spans[] = {1000, NS_PER_MS,   NS_PER_S, HOUR + 1,
	                             DAY,  5 * DAY + 7, 20 * DAY};
	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		for (size_t k = 0; k < sizeof(spans) / sizeof(*spans); k++) {
			struct history *const h = begin(HISTORY_EVER, 0, 0, DAY);
			const double busy = (double)spans[i] / (double)DAY * log(2.0);
			const double idle = (double)spans[k] / (double)DAY * log(2.0);
			hold(h, 0, 8, 0);
			hold(h, 0, 0, spans[i]);
			ck_assert_double_le(
				fabs((double)used(h, 0, spans[i] + spans[k]) -
			             1e6 * exp(-idle) * expm1(-busy) / expm1(-busy - idle)),
				0.6);
			history_free(h);
		}
	}
}
END_TEST

START_TEST(the_cluster_may_grow)
{
	struct history *const h = begin(HISTORY_SLIDING, WEEK, 0, 0);
	hold(h, 0, 8, 0);
	offer(h, 16, DAY);
	ck_assert_int_eq(used(h, 0, 2 * DAY), 666667); /* 16 of 24 GPU days */
	history_free(h);
}
END_TEST

START_TEST(large_clusters_and_long_times_fit)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct history *const h = history_new(&kinds[i], 1);
		const struct sched_amount all = {{INT64_C(1) << 54, INT64_C(1) << 54, 1}};
		const struct sched_amount half = {{INT64_C(1) << 53, INT64_C(1) << 53, 0}};
		history_offer(h, &all, 0);
		history_hold(h, 0, &half, 0);
		history_hold(h, 0, &none, NS_HORIZON - 1);
		history_hold(h, 0, &half, NS_HORIZON);
		ck_assert_int_eq(used(h, 0, NS_HORIZON), 500000);
		history_free(h);
	}
}
END_TEST

/* --- against a plain integral -----------------------------------------------------------------
 */

enum { STEPS = 200 };

struct steps {
	ns_t at[STEPS + 1];
	int64_t amount[STEPS];
};

static uint32_t state;

static int64_t draw(int64_t below)
{
	state = state * 1664525U + 1013904223U;
	return (int64_t)(state >> 8) % below;
}

/* Weight of what is held from a to b, as seen at `now`. */
static double weight(const struct history_options *o, ns_t a, ns_t b, ns_t now)
{
	const double tau = (double)o->half_life / log(2.0);
	ns_t from = 0;
	if (o->kind == HISTORY_SLIDING) {
		from = now - o->window;
	} else if (o->kind == HISTORY_TUMBLING && now >= o->offset) {
		from = now - (now - o->offset) % o->window;
	}
	a = a > from ? a : from;
	if (b <= a) {
		return 0.0;
	}
	return o->half_life == 0
	               ? (double)(b - a)
	               : exp(-(double)(now - b) / tau) * -expm1(-(double)(b - a) / tau) * tau;
}

/* What the part that is half forgotten may be off by; after many half-lives it does not matter. */
static double tolerance(const struct history_options *o)
{
	const bool forgotten = o->half_life > 0 && o->half_life < o->window / 20;
	return o->kind == HISTORY_SLIDING && !forgotten ? SLIDING_PPM : 0.6;
}

static double integral(const struct history_options *o, const struct steps *s, size_t n, ns_t now)
{
	double sum = 0.0;
	for (size_t i = 0; i < n; i++) {
		const ns_t end = i + 1 < n ? s->at[i + 1] : now;
		sum += (double)s->amount[i] * weight(o, s->at[i], end, now);
	}
	return n == 0 ? 0.0 : 1e6 * sum / (8.0 * weight(o, 0, now, now));
}

START_TEST(random_use_is_its_integral)
{
	static const ns_t paces[] = {HOUR / 100, HOUR, DAY};
	const struct history_options *const o = &kinds[_i % KINDS];
	const ns_t pace = paces[_i / KINDS];
	struct history *const h = history_new(o, 1);
	struct history *const looked_at = history_new(o, 1);
	struct steps s;
	ns_t now = 0;
	state = (uint32_t)_i + 1;
	offer(h, 8, 0);
	offer(looked_at, 8, 0);
	for (size_t i = 0; i < STEPS; i++) {
		s.at[i] = now;
		s.amount[i] = draw(9);
		hold(h, 0, s.amount[i], now);
		hold(looked_at, 0, s.amount[i], now);
		hold(looked_at, 0, s.amount[i], now + 1); /* the same again */
		now += 2 + draw(1000000) * (pace / 1000000) * (1 + 20 * (draw(30) == 0));
		const int64_t ours = used(looked_at, 0, now);
		const double theirs = integral(o, &s, i + 1, now);
		quiet_assert(fabs((double)ours - theirs) <= tolerance(o),
		             "step %zu: %lld, not %.1f ppm", i, (long long)ours, theirs);
	}
	ck_assert_int_eq(used(h, 0, now), used(looked_at, 0, now));
	history_free(h);
	history_free(looked_at);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("history");
	TCase *const t = tcase_create("history");
	tcase_add_loop_test(t, constant_use_is_its_share_in_every_window, 0, KINDS);
	tcase_add_test(t, without_window_all_counts);
	tcase_add_test(t, a_sliding_window_forgets);
	tcase_add_test(t, a_tumbling_window_begins_anew);
	tcase_add_test(t, use_halves_in_a_half_life);
	tcase_add_test(t, decay_is_that_of_the_formula);
	tcase_add_test(t, the_cluster_may_grow);
	tcase_add_test(t, large_clusters_and_long_times_fit);
	tcase_add_loop_test(t, random_use_is_its_integral, 0, 3 * KINDS);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
