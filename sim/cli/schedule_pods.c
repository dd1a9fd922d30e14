/* `aliquot schedule --nodes --pods`: how full placement policies make the cluster of a trace. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/registry.h"
#include "study/fill.h"
#include "cli/cli.h"

#define MOST_ARRIVE 10.0

/* The policy of that name; NULL with an error. */
static const struct placement_policy *read_policy(struct cli *c, const char *name)
{
	const struct placement_policy *const p = placement_find(name);
	if (p == NULL) {
		size_t n;
		const char *const *const names = registry_names("placement", &n);
		const char *const near = str_nearest(name, names, n);
		err_add(c->err, ERR_USAGE, NULL, "--policy: unknown placement policy \"%s\"%s%s%s",
		        name, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
	}
	return p;
}

/* The policies of "fgd,binpack", or all; *n of them; errors where one is unknown. Caller frees. */
static const struct placement_policy **read_policies(struct cli *c, size_t *n)
{
	size_t known;
	const char *const *const names = registry_names("placement", &known);
	const char *at = cli_value(c, 'Y');
	const struct placement_policy **list = mem_new(known, sizeof(*list));
	*n = 0;
	for (size_t i = 0; at == NULL && i < known; i++) {
		list[(*n)++] = placement_find(names[i]);
	}
	while (at != NULL && *at != '\0' && *n < known) {
		char *const name = mem_printf("%.*s", (int)strcspn(at, ","), at);
		at += strlen(name);
		at += *at == ',';
		list[(*n)++] = read_policy(c, name);
		free(name);
	}
	return list;
}

static double read_arrive(struct cli *c)
{
	const char *const text = cli_value(c, 'T');
	double arrive = 1.3;
	if (text != NULL &&
	    (!str_to_share(text, &arrive) || arrive <= 0.0 || arrive > MOST_ARRIVE)) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--arrive needs a share of the GPUs above 0, up to %g, as in 1.3; got "
		        "\"%s\"",
		        MOST_ARRIVE, text);
	}
	return arrive;
}

/* The values of --parts, as bits: 1 kept, 2 whole; 0 with an error. */
static unsigned read_parts(struct cli *c)
{
	static const char *const known[] = {"kept", "whole", "both"};
	const char *const text = cli_value(c, 'Q');
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(text != NULL ? text : known[0], known[i]) == 0) {
			return i + 1;
		}
	}
	const char *const near = str_nearest(text, known, 3);
	err_add(c->err, ERR_USAGE, NULL, "--parts needs kept, whole or both, got \"%.60s\"%s%s%s",
	        text, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	        near != NULL ? "\"?" : "");
	return 0;
}

static int run(struct cli *c, struct fill_ask *ask)
{
	struct progress *const progress = progress_new(c->quiet);
	struct fill result;
	progress_say(progress, "placing pods");
	const bool done = fill_run(ask, &result);
	progress_end(progress);
	if (done && (c->out_dir == NULL || fill_write(&result, c->out_dir, c->err))) {
		if (c->json) {
			fill_json(stdout, &result);
		} else {
			fill_print(stdout, ask->entries[0].trace, &result);
		}
	}
	fill_fini(&result);
	return done ? 0 : EXIT_INTERRUPTED;
}

/* Read the trace as often as it is looked at, and run every policy on each reading. */
static int read_and_run(struct cli *c, struct fill_ask *ask,
                        const struct placement_policy *const *policies, size_t n, unsigned parts)
{
	struct openb *traces[2] = {NULL, NULL};
	struct fill_entry *const entries = mem_new(2 * n, sizeof(*entries));
	int code = ERR_INPUT;
	for (unsigned whole = 0; whole < 2 && err_count(c->err) == 0; whole++) {
		if ((parts >> whole & 1U) == 0) {
			continue;
		}
		traces[whole] =
			openb_read(cli_value(c, 'N'), cli_value(c, 'O'), whole == 1, c->err);
		for (size_t i = 0; i < n; i++) {
			entries[ask->n_entries++] =
				(struct fill_entry){traces[whole], policies[i], whole == 1};
		}
	}
	ask->entries = entries;
	if (err_count(c->err) == 0 && cli_can_write(c)) {
		code = run(c, ask);
	}
	for (size_t i = 0; i < 2; i++) {
		if (traces[i] != NULL) {
			openb_free(traces[i]);
		}
	}
	free(entries);
	return code;
}

int cli_schedule_pods(struct cli *c)
{
	const int64_t seeds = cli_positive(c, 'D');
	size_t n;
	struct fill_ask ask = {
		.arrive = read_arrive(c),
		.seeds = seeds > 0 ? (size_t)seeds : 10,
		.threads = (size_t)c->jobs,
		.interrupt = &cli_interrupted,
	};
	int code = ERR_USAGE;
	const struct placement_policy **const policies = read_policies(c, &n);
	const unsigned parts = read_parts(c);
	if (cli_value(c, 'N') == NULL || cli_value(c, 'O') == NULL) {
		err_add(c->err, ERR_USAGE, NULL, "--nodes and --pods go together");
	}
	if (err_count(c->err) == 0) {
		code = read_and_run(c, &ask, policies, n, parts);
	}
	free(policies);
	return code;
}
