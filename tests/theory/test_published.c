/* The published figures of GPU fractions: every one within its tolerance, and said to be what it
 * is. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "spec/scenario.h"
#include "flow/sim.h"
#include "study/published.h"

static struct err *err;
static struct data_dir *data;
static struct published p;

static void run(size_t threads)
{
	const struct published_ask ask = {.data = data, .threads = threads};
	ck_assert_msg(published_run(&ask, &p, err), "%s",
	              err_count(err) > 0 ? err_message(err, 0) : "");
}

static void set_up(void)
{
	err = err_new();
	data = data_dir_open(".", NULL, err);
	ck_assert_msg(data != NULL, "run from the project's root");
	data_dir_index(data);
}

static void tear_down(void)
{
	published_fini(&p);
	p = (struct published){0};
	data_dir_close(data);
	err_free(err);
}

static char *table(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);
	published_print(&p, out);
	fclose(out);
	return text;
}

START_TEST(every_figure_is_within_its_tolerance_for_any_number_of_threads)
{
	size_t n[3] = {0};
	run(1);
	for (size_t i = 0; i < p.n_rows; i++) {
		const struct published_row *const row = &p.rows[i];
		ck_assert_msg(row->ok, "%s: %g, published %g", row->id, row->simulated,
		              row->published);
		ck_assert(strncmp(row->id, "fractioning-", 12) == 0 ||
		          strncmp(row->id, "utilisation-", 12) == 0 ||
		          strncmp(row->id, "cold-", 5) == 0 || strncmp(row->id, "swap-", 5) == 0);
		ck_assert_uint_le(strlen(row->figure), 44);
		ck_assert(isfinite(row->simulated));
		ck_assert_msg(row->judged || row->why != NULL, "%s: why not?", row->id);
		ck_assert(row->role != PUBLISHED_FITTED || row->judged);
		n[row->role] += row->judged || row->role == PUBLISHED_INPUT;
		for (size_t k = 0; k < i; k++) {
			ck_assert_str_ne(p.rows[k].id, row->id);
		}
	}
	ck_assert_uint_ge(n[0] + n[1] + n[2], 24);
	ck_assert_uint_ge(2 * n[PUBLISHED_PREDICTED], n[0] + n[1] + n[2]);
	ck_assert(published_ok(&p));
	char *const one = table();
	for (const char *line = one; *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		ck_assert_uint_le(length, 100);
		line += length + (line[length] == '\n');
	}
	published_fini(&p);
	run(3);
	char *const three = table();
	ck_assert_str_eq(one, three);
	free(one);
	free(three);
}
END_TEST

struct outcome {
	double tokens_per_s, p50_ms;
};

/* One of the three NIMs with so many users, its fraction static, or lent up to its limit (NULL). */
static struct outcome three_nims(const char *nim, const char *fraction, int users)
{
	const struct sim_options options = {.exact = false};
	char path[64], count[16];
	snprintf(path, sizeof(path), "services.%s.fraction_limit", nim);
	snprintf(count, sizeof(count), "%d", users);
	const struct scenario_override set[] = {
		{"loads.0.service", nim}, {"loads.0.users", count}, {path, fraction}};
	struct scenario *const sc =
		scenario_read("three_nims", data, set, fraction != NULL ? 3 : 2, err);
	ck_assert_msg(sc != NULL, "%s", err_count(err) > 0 ? err_message(err, 0) : "");
	struct sim *const sim = sim_new(sc, &options, err);
	struct summary summary;
	struct outcome out = {0.0, 0.0};
	sim_run(sim);
	sim_summary(sim, &summary);
	for (size_t i = 0; i < summary.n_services; i++) {
		const struct service_summary *const s = &summary.services[i];
		const char *why;
		struct slo slo;
		if (strcmp(s->name, nim) == 0) {
			out.tokens_per_s = s->output_tokens_per_s;
			ck_assert(slo_parse("latency.p50 <= 1s", &slo, &why));
			out.p50_ms = summary_observe(s, sim_log(sim), i, &slo);
		}
	}
	summary_fini(&summary);
	sim_free(sim);
	scenario_free(sc);
	return out;
}

START_TEST(request_and_limit_lose_nowhere_to_a_static_fraction)
{
	/* The 12B is bound by its prompts, whatever memory it has. */
	static const struct {
		const char *name, *fraction;
		double gain; /* at 256 users over the best of the static fraction */
	} nims[] = {{"mistral", "0.3", 1.5}, {"vl", "0.4", 0.98}, {"nano", "0.65", 1.15}};
	const char *const name = nims[_i].name;
	double before = 0.0, most = 0.0, last = 0.0;
	for (int users = 1; users <= 256; users *= 2) {
		const struct outcome fixed = three_nims(name, nims[_i].fraction, users);
		const struct outcome lent = three_nims(name, NULL, users);
		ck_assert_msg(lent.tokens_per_s > 0.995 * fixed.tokens_per_s, "%s, %d users", name,
		              users);
		ck_assert_msg(lent.p50_ms < 1.02 * fixed.p50_ms, "%s, %d users: %g, static %g ms",
		              name, users, lent.p50_ms, fixed.p50_ms);
		ck_assert_msg(lent.p50_ms > before, "%s, %d users: p50 fell", name, users);
		before = lent.p50_ms;
		most = fixed.tokens_per_s > most ? fixed.tokens_per_s : most;
		last = lent.tokens_per_s;
	}
	ck_assert_msg(last > nims[_i].gain * most, "%s: %g tokens/s, static at most %g", name, last,
	              most);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("published");
	TCase *const t = tcase_create("published");
	tcase_set_timeout(t, 600);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, every_figure_is_within_its_tolerance_for_any_number_of_threads);
	tcase_add_loop_test(t, request_and_limit_lose_nowhere_to_a_static_fraction, 0, 3);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
