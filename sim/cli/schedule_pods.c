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

static int run(struct cli *c, struct fill_ask *ask, const struct openb *trace)
{
	struct progress *const progress = progress_new(c->quiet);
	struct fill result;
	progress_say(progress, "placing pods");
	ask->trace = trace;
	const bool done = fill_run(ask, &result);
	progress_end(progress);
	if (done && c->json) {
		fill_json(stdout, &result);
	} else if (done) {
		fill_print(stdout, trace, &result);
	}
	fill_fini(&result);
	return done ? 0 : EXIT_INTERRUPTED;
}

int cli_schedule_pods(struct cli *c)
{
	const char *const nodes = cli_value(c, 'N'), *const pods = cli_value(c, 'O');
	const int64_t seeds = cli_positive(c, 'D');
	struct fill_ask ask = {
		.arrive = read_arrive(c),
		.seeds = seeds > 0 ? (size_t)seeds : 10,
		.threads = (size_t)c->jobs,
		.interrupt = &cli_interrupted,
	};
	int code = ERR_USAGE;
	const struct placement_policy **const policies = read_policies(c, &ask.n_policies);
	ask.policies = policies;
	if (nodes == NULL || pods == NULL) {
		err_add(c->err, ERR_USAGE, NULL, "--nodes and --pods go together");
	}
	if (err_count(c->err) == 0) {
		struct openb *const trace = openb_read(nodes, pods, c->err);
		code = ERR_INPUT;
		if (trace != NULL) {
			code = run(c, &ask, trace);
			openb_free(trace);
		}
	}
	free(policies);
	return code;
}
