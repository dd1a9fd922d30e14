/* The fuzzer's bytes as a temporary file, because the loaders take file names. */
#ifndef ALIQUOT_FUZZ_INPUT_FILE_H
#define ALIQUOT_FUZZ_INPUT_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A data sheet must carry the name of its file, so that is always input.json. */
struct input_file {
	char folder[32];
	char name[64];
};

static inline void input_file_write(struct input_file *file, const uint8_t *data, size_t size)
{
	FILE *stream;

	(void)snprintf(file->folder, sizeof(file->folder), "/tmp/aliquot-fuzz-XXXXXX");
	if (mkdtemp(file->folder) == NULL) {
		abort();
	}
	(void)snprintf(file->name, sizeof(file->name), "%s/input.json", file->folder);
	stream = fopen(file->name, "wb");
	if (stream == NULL || fwrite(data, 1, size, stream) != size || fclose(stream) != 0) {
		abort();
	}
}

static inline void input_file_remove(const struct input_file *file)
{
	(void)unlink(file->name);
	(void)rmdir(file->folder);
}

#endif
