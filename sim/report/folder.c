/* The result folder of a run (formats.md section 7). */
#include "base/mem.h"
#include "report/gnuplot.h"
#include "report/out.h"
#include "report/report.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void write_run_fn(FILE *out, const struct report *r);
typedef void write_service_fn(FILE *out, const struct report *r, size_t service);

char *report_file_name(const struct report *r, size_t service, const char *stem, const char *tail)
{
	if (r->summary->n_services == 1) {
		return mem_printf("%s%s", stem, tail);
	}
	const char *name = r->summary->services[service].name;
	char *file = mem_printf("%s_%s%s", stem, name, tail);
	bool changed = false;

	for (char *p = file + strlen(stem) + 1; p < file + strlen(file) - strlen(tail); p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		             (*p >= '0' && *p <= '9') || *p == '.' || *p == '-' || *p == '_';

		changed = changed || !plain;
		*p = (char)(plain ? *p : '_');
	}
	if (changed) { /* "a b" and "a/b" stay apart */
		char *numbered = mem_printf("%.*s-%zu%s", (int)(strlen(file) - strlen(tail)), file,
		                            service, tail);

		free(file);
		return numbered;
	}
	return file;
}

static bool write_run(const struct report *r, const char *dir, const char *name,
                      write_run_fn *write, struct err *err)
{
	struct out *o = out_open(dir, name, err);

	if (o == NULL) {
		return false;
	}
	write(out_file(o), r);
	return out_commit(o);
}

static bool write_service(const struct report *r, const char *dir, const char *tail, size_t service,
                          write_service_fn *write, struct err *err)
{
	char *name = report_file_name(r, service, "profile_export", tail);
	struct out *o = out_open(dir, name, err);

	free(name);
	if (o == NULL) {
		return false;
	}
	write(out_file(o), r, service);
	return out_commit(o);
}

static bool write_nvidia(const struct report *r, const char *dir, size_t i, struct err *err)
{
	return write_service(r, dir, "_aiperf.json", i, report_aiperf_json, err) &&
	       write_service(r, dir, "_aiperf.csv", i, report_aiperf_csv, err) &&
	       write_service(r, dir, "_genai_perf.json", i, report_genai_perf_json, err) &&
	       write_service(r, dir, "_genai_perf.csv", i, report_genai_perf_csv, err);
}

/* The figure of one service; that gnuplot is missing is no failure. */
static bool write_figure(const struct report *r, const char *dir, size_t i, struct err *err)
{
	char *plots = mem_printf("%s/plots", dir);
	char *stem = report_file_name(r, i, "run", "");
	char *data = mem_printf("%s.dat", stem), *script = mem_printf("%s.gp", stem);
	struct out *o = out_open(plots, data, err);
	bool ok = false;

	if (o != NULL) {
		gnuplot_data(out_file(o), r, i);
		ok = out_commit(o);
	}
	o = ok ? out_open(plots, script, err) : NULL;
	ok = false;
	if (o != NULL) {
		gnuplot_script(out_file(o), r, i, stem);
		ok = out_commit(o);
	}
	if (ok) {
		gnuplot_run(plots, stem, err);
	}
	free(script);
	free(data);
	free(stem);
	free(plots);
	return ok;
}

/* Whether a document of ours lies in the folder: its first line of keys names our schema. */
static bool holds(const char *dir, const char *name, const char *schema)
{
	char *path = mem_printf("%s/%s", dir, name);
	char head[256];
	FILE *in = fopen(path, "r");
	size_t n = in != NULL ? fread(head, 1, sizeof(head) - 1, in) : 0;

	if (in != NULL) {
		fclose(in);
	}
	free(path);
	head[n] = '\0';
	return strstr(head, schema) != NULL;
}

/* Remove the files of a folder whose names begin so. */
static void remove_files(const char *dir, const char *prefix)
{
	DIR *const folder = opendir(dir);
	struct dirent *entry;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			char *path = mem_printf("%s/%s", dir, entry->d_name);

			(void)unlink(path);
			free(path);
		}
	}
	if (folder != NULL) {
		closedir(folder);
	}
}

/*
 * Results of an earlier run in the same folder: none of them may stand beside those of this one.
 * What says that the folder is whole goes first. Files of other tools stay where no run of ours is.
 */
static void remove_earlier(const char *dir)
{
	static const char *const names[] = {"summary.json", "run.json", "timeslices.csv",
	                                    "scaling.csv"};

	if (!holds(dir, "summary.json", "\"aliquot/summary/") &&
	    !holds(dir, "run.json", "\"aliquot/run/")) {
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = mem_printf("%s/%s", dir, names[i]);

		(void)unlink(path);
		free(path);
	}
	char *plots = mem_printf("%s/plots", dir);

	remove_files(dir, "profile_export");
	remove_files(plots, "run");
	free(plots);
}

bool report_folder(const struct report *r, const char *dir, struct err *err)
{
	size_t n_records;
	bool kept = request_log_records(r->log, &n_records) != NULL;
	bool ok = out_make_folder(dir, err);

	if (ok) {
		remove_earlier(dir);
	}
	ok = ok &&
	     (!kept || write_run(r, dir, "profile_export.jsonl", report_aiperf_records, err)) &&
	     (r->n_series == 0 || write_run(r, dir, "timeslices.csv", report_timeslices, err)) &&
	     (!report_scales(r->summary) ||
	      write_run(r, dir, "scaling.csv", report_scaling_csv, err));
	for (size_t i = 0; i < r->summary->n_services && ok; i++) {
		ok = write_nvidia(r, dir, i, err) && write_figure(r, dir, i, err);
	}
	/* last, so that a folder with a summary is whole */
	return ok && write_run(r, dir, "run.json", report_manifest, err) &&
	       write_run(r, dir, "summary.json", report_json, err);
}

bool report_records_file(const struct report *r, const char *path, struct err *err)
{
	return write_run(r, NULL, path, report_aiperf_records, err);
}
