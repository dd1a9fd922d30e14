/* Data folders and measured tables for tests, made from text. */
#include "study.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static const char default_protocol[] =
	"{\"name\": \"default\", \"title\": \"ten rounds\", \"rules\": [{\"source\": \"the test\"}]}";

char *test_study_path(const struct test_study *t, const char *name)
{
	return mem_printf("%s/%s", t->folder, name);
}

void test_study_file(const struct test_study *t, const char *name, const char *text)
{
	char *const path = test_study_path(t, name);
	FILE *const f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		abort();
	}
	free(path);
}

static void link_sheets(const struct test_study *t, const char *kind)
{
	char here[512];
	char *const to = mem_printf("%s/models/%s", t->folder, kind);
	if (getcwd(here, sizeof(here)) == NULL) {
		abort();
	}
	char *const from = mem_printf("%s/models/%s", here, kind);
	if (symlink(from, to) != 0) {
		abort();
	}
	free(from);
	free(to);
}

void test_study_begin(struct test_study *t)
{
	static const char *const folders[] = {"models", "models/protocol", "models/calibration",
	                                      "scenarios"};
	memset(t, 0, sizeof(*t));
	strcpy(t->folder, "/tmp/aliquot-study-XXXXXX");
	if (mkdtemp(t->folder) == NULL) {
		abort();
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *const path = test_study_path(t, folders[i]);
		if (mkdir(path, 0700) != 0) {
			abort();
		}
		free(path);
	}
	link_sheets(t, "gpu");
	link_sheets(t, "llm");
	link_sheets(t, "engine");
	test_study_file(t, "models/protocol/default.json", default_protocol);
	t->err = err_new();
}

static void remove_folder(const char *folder)
{
	DIR *const dir = opendir(folder);
	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;
		char *const path = mem_printf("%s/%s", folder, e->d_name);
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode)) {
				remove_folder(path);
			} else {
				unlink(path);
			}
		}
		free(path);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	rmdir(folder);
}

void test_study_end(struct test_study *t)
{
	if (t->cases.at != NULL) {
		case_list_fini(&t->cases);
	}
	measured_free(t->table);
	data_dir_close(t->data);
	err_free(t->err);
	remove_folder(t->folder);
}

bool test_study_table(struct test_study *t, const char *csv)
{
	char *const path = test_study_path(t, "rows.csv");
	test_study_file(t, "rows.csv", csv);
	measured_free(t->table);
	t->table = measured_read(path, t->err);
	free(path);
	return t->table != NULL;
}

void test_study_rows(struct test_study *t, const char *csv)
{
	if (t->cases.at != NULL) {
		case_list_fini(&t->cases);
	}
	if (t->data == NULL) {
		t->data = data_dir_open(t->folder, NULL, t->err);
	}
	if (t->data == NULL || !test_study_table(t, csv) ||
	    !case_list_make(&t->cases, t->table, t->data, t->err)) {
		err_print(t->err, stderr);
		abort();
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *contents_of(const char *path)
{
	FILE *const f = fopen(path, "rb");
	char *text = mem_strdup("");
	char line[4096];
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *const longer = mem_printf("%s%s", text, line);
		free(text);
		text = longer;
	}
	if (f != NULL) {
		fclose(f);
	}
	return text;
}

char *test_study_contents(const char *folder)
{
	DIR *const dir = opendir(folder);
	char *names[64], *text = mem_strdup("");
	size_t n = 0;
	for (const struct dirent *e; dir != NULL && n < 64 && (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] != '.' && strstr(e->d_name, ".png") == NULL) {
			names[n++] = mem_strdup(e->d_name);
		}
	}
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		char *const path = mem_printf("%s/%s", folder, names[i]);
		const bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
		char *const inner = is_dir ? test_study_contents(path) : contents_of(path);
		char *const longer = mem_printf("%s== %s\n%s", text, names[i], inner);
		free(text);
		free(inner);
		free(path);
		free(names[i]);
		text = longer;
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return text;
}
