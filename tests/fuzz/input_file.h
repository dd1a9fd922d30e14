/* The fuzzer's bytes as a temporary file, because the loaders take file names. */
#ifndef ALIQUOT_FUZZ_INPUT_FILE_H
#define ALIQUOT_FUZZ_INPUT_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct input_file {
	char name[64];
};

static inline void input_file_write(struct input_file *file, const uint8_t *data, size_t size)
{
	int fd;

	(void)snprintf(file->name, sizeof(file->name), "/tmp/aliquot-fuzz-XXXXXX");
	fd = mkstemp(file->name);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		abort();
	}
	(void)close(fd);
}

static inline void input_file_remove(const struct input_file *file)
{
	(void)unlink(file->name);
}

#endif
