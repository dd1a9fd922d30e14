#include "rare.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#define PER_GPU 10
#define PER_NODE 4 /* GPUs */

static void service(FILE *f, int i)
{
	static const char *const models[] = {"llama-3.1-8b-instruct", "mistral-7b-instruct-v0.3",
	                                     "qwen3-8b", "phi-4-mini"};
	fprintf(f,
	        "%s{\"name\": \"m%d\", \"model\": \"%s\", \"engine_options\": {\"kv_pool\": "
	        "\"elastic\"}, \"fraction\": 0.1, \"fraction_limit\": 1}",
	        i > 0 ? ",\n" : "", i, models[i % 4]);
}

static void load(FILE *f, int i, int per_day)
{
	fprintf(f,
	        "%s{\"service\": \"m%d\", \"kind\": \"rate\", \"rate\": %.9f, \"isl\": {\"mean\": "
	        "1000, \"stddev\": 300}, \"osl\": {\"mean\": 200, \"stddev\": 80}}",
	        i > 0 ? ",\n" : "", i, per_day / 86400.0);
}

char *rare_write(int models, int per_day)
{
	char *const name = mem_strdup("/tmp/aliquot-bench-XXXXXX");
	const int fd = mkstemp(name);
	FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
	sim_assert(f != NULL);
	fprintf(f,
	        "{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": %d, "
	        "\"count\": %d}]}, \"scheduler\": {\"placement\": \"spread\", \"swap\": "
	        "{\"host_memory\": \"1TB\"}}, \"stop\": {\"after\": \"24h\"},\n\"services\": [",
	        PER_NODE, models / PER_GPU / PER_NODE);
	for (int i = 0; i < models; i++) {
		service(f, i);
	}
	fprintf(f, "],\n\"loads\": [");
	for (int i = 0; i < models; i++) {
		load(f, i, per_day);
	}
	fprintf(f, "]}\n");
	fclose(f);
	return name;
}
