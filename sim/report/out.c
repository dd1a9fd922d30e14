/* Temporary names, renaming, and folders. */
#include "report/out.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct out {
	FILE *file;
	char *path, *temporary; /* temporary NULL: written in place */
	struct err *err;
};

/* True when `dir` is a folder, made here if need be. */
static bool make_one(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0777) == 0) {
		return true;
	}
	int why = errno;

	if (stat(dir, &st) == 0) {
		errno = ENOTDIR;
		return S_ISDIR(st.st_mode);
	}
	errno = why;
	return false;
}

bool out_make_folder(const char *dir, struct err *err)
{
	char *path = mem_strdup(dir);
	bool ok = true;

	for (char *p = path + 1; path[0] != '\0' && ok; p++) {
		char end = *p;

		if (end != '/' && end != '\0') {
			continue;
		}
		*p = '\0';
		if (!make_one(path)) {
			err_add(err, ERR_IO, path, "cannot make the folder: %s", strerror(errno));
			ok = false;
		}
		*p = end;
		if (end == '\0') {
			break;
		}
	}
	free(path);
	return ok;
}

/* The folder of a path; false with an error when it cannot be made. */
static bool make_parent(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path) {
		return true;
	}
	char *dir = mem_printf("%.*s", (int)(slash - path), path);
	bool ok = out_make_folder(dir, err);

	free(dir);
	return ok;
}

static void free_out(struct out *o)
{
	free(o->path);
	free(o->temporary);
	free(o);
}

/*
 * A device or a pipe must not be replaced by renaming: it is written in place, as standard output
 * ("-") and everything reached through a descriptor are, and a link that leads nowhere yet.
 */
static bool is_special(const char *path)
{
	struct stat st;

	if (strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0) {
		return true;
	}
	if (stat(path, &st) == 0) {
		return !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	}
	return lstat(path, &st) == 0;
}

/* Where to write first; -1 with errno. */
static int open_target(struct out *o)
{
	if (strcmp(o->path, "-") == 0) {
		fflush(stdout); /* what was printed before comes before */
		return dup(STDOUT_FILENO);
	}
	if (is_special(o->path)) {
		return open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	}
	/* a link stays one: what it leads to is replaced */
	char *target = realpath(o->path, NULL);

	if (target != NULL) {
		free(o->path);
		o->path = target;
	}
	/* two processes may write the same folder: the loser's whole file is replaced, never mixed
	 */
	o->temporary = mem_printf("%s.%ld.tmp", o->path, (long)getpid());
	return open(o->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

struct out *out_open(const char *dir, const char *name, struct err *err)
{
	struct out *o = mem_new(1, sizeof(*o));

	o->err = err;
	o->path = dir != NULL ? mem_printf("%s/%s", dir, name) : mem_strdup(name);
	if (!make_parent(o->path, err)) {
		free_out(o);
		return NULL;
	}
	int fd = open_target(o);

	o->file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (o->file == NULL) {
		err_add(err, ERR_IO, o->path, "cannot write: %s", strerror(errno));
		free_out(o);
		return NULL;
	}
	return o;
}

FILE *out_file(struct out *o)
{
	return o->file;
}

bool out_commit(struct out *o)
{
	errno = 0;
	bool failed = fflush(o->file) != 0 || ferror(o->file) != 0;
	int why = errno;

	if (fclose(o->file) != 0 && !failed) {
		failed = true;
		why = errno;
	}
	if (!failed && o->temporary != NULL && rename(o->temporary, o->path) != 0) {
		failed = true;
		why = errno;
	}
	if (failed) {
		if (o->temporary != NULL) {
			unlink(o->temporary);
		}
		err_add(o->err, ERR_IO, o->path, "cannot write: %s",
		        why != 0 ? strerror(why) : "an earlier write failed");
	}
	free_out(o);
	return !failed;
}

void out_abort(struct out *o)
{
	if (o == NULL) {
		return;
	}
	fclose(o->file);
	if (o->temporary != NULL) {
		unlink(o->temporary);
	}
	free_out(o);
}
