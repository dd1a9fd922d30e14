/* What failed in a run, on the screen and in summary.json. */
#include "base/mem.h"
#include "base/str.h"
#include "report/json_writer.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>

#define MOST_SHOWN 12

/* "nvl-0 gpu 3"; caller frees. */
static char *place_text(const struct fault_summary *f)
{
	return f->gpu < 0 ? mem_printf("%s-%u", f->nodes, f->node)
	                  : mem_printf("%s-%u gpu %lld", f->nodes, f->node, (long long)f->gpu);
}

static void put_fault(FILE *out, const struct fault_summary *f, bool jobs)
{
	char *name = place_text(f);
	char at[40], replicas[40], lost[40], recovery[40] = "not in this run";

	if (f->replicas == 0 && f->workers == 0) {
		snprintf(recovery, sizeof(recovery), "-");
	} else if (f->recovery != NS_NEVER) {
		snprintf(recovery, sizeof(recovery), "%.1f s", ns_to_seconds(f->recovery));
	}
	snprintf(at, sizeof(at), "%.1f s", ns_to_seconds(f->at));
	fprintf(out, "  %-11s %-*s %11s %9s %9s ", f->kind, jobs ? 16 : 32, name, at,
	        str_thousands(f->replicas, replicas, sizeof(replicas)),
	        str_thousands(f->lost, lost, sizeof(lost)));
	if (jobs) {
		fprintf(out, " %7s %9s ", str_thousands(f->workers, replicas, sizeof(replicas)),
		        str_human(f->lost_work, lost, sizeof(lost)));
	}
	fprintf(out, " %15s\n", recovery);
	free(name);
}

void report_faults(FILE *out, const struct summary *s)
{
	const size_t shown = s->n_faults > MOST_SHOWN ? MOST_SHOWN : s->n_faults;
	const bool jobs = s->n_jobs > 0;

	if (s->n_faults == 0) {
		return;
	}
	fprintf(out, "  %-11s %-*s %11s %9s %9s ", "fault", jobs ? 16 : 32, "where", "at",
	        "replicas", "lost");
	if (jobs) {
		fprintf(out, " %7s %9s ", "workers", "GPU hours");
	}
	fprintf(out, " %15s\n", "recovered in");
	for (size_t i = 0; i < shown; i++) {
		put_fault(out, &s->faults[i], jobs);
	}
	if (shown < s->n_faults) {
		fprintf(out, "  and %zu more, in the JSON form\n", s->n_faults - shown);
	}
	putc('\n', out);
}

void report_faults_json(struct json_writer *w, const struct summary *s)
{
	if (s->n_faults == 0) {
		return;
	}
	json_begin_array(w, "faults");
	for (size_t i = 0; i < s->n_faults; i++) {
		const struct fault_summary *f = &s->faults[i];
		char *name = place_text(f);

		json_begin_object_flat(w, NULL);
		json_put_string(w, "kind", f->kind);
		json_put_string(w, "where", name);
		json_put_real(w, "at_s", ns_to_seconds(f->at));
		json_put_int(w, "replicas", f->replicas);
		json_put_int(w, "requests_lost", f->lost);
		if (s->n_jobs > 0) {
			json_put_int(w, "workers", f->workers);
			json_put_real(w, "lost_gpu_hours", f->lost_work);
		}
		json_put_real(w, "recovered_in_s",
		              f->recovery == NS_NEVER ? (double)NAN : ns_to_seconds(f->recovery));
		json_end(w);
		free(name);
	}
	json_end(w);
}
