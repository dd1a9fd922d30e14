/* Fragments of nodes (semantics.md section 15). */
#include "policy/fragment.h"

static int64_t part_milli(const struct gpu_part *part, bytes_t memory)
{
	return part->whole ? 1000 : part->bytes * 1000 / memory;
}

void fragment_node(const struct cluster *c, uint32_t node, struct fragment_node *out)
{
	const struct node *const at = &c->nodes[node];
	out->n = at->n < FRAGMENT_GPUS ? at->n : FRAGMENT_GPUS;
	out->kind = at->kind;
	out->cpu = at->cpu - at->cpu_used;
	out->memory = at->n > 0 ? c->gpus[at->first].memory : 1;
	for (uint32_t i = 0; i < out->n; i++) {
		out->left[i] = placement_left_milli(&c->gpus[at->first + i]);
	}
}

void fragment_take(struct fragment_node *s, const struct placement_ask *ask, const uint32_t *gpus,
                   uint32_t first)
{
	s->cpu -= ask->cpu;
	for (uint32_t i = 0; i < ask->gpus; i++) {
		s->left[gpus[i] - first] -= part_milli(&ask->part[s->kind], s->memory);
	}
}

/* Thousandths of GPUs that one kind of request cannot use. */
static int64_t unusable(const struct fragment_node *s, int64_t milli, uint32_t gpus, int64_t cpu)
{
	int64_t all = 0, small = 0;
	uint32_t room = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		all += s->left[i];
		small += s->left[i] < milli ? s->left[i] : 0;
		room += s->left[i] >= milli;
	}
	return gpus == 0 || milli == 0 || room < gpus || s->cpu < cpu ? all : small;
}

int64_t fragment_sum(const struct placement_mix *mix, const struct fragment_node *s)
{
	int64_t sum = 0;
	for (size_t i = 0; i < mix->n; i++) {
		const struct placement_ask *const ask = &mix->asks[i];
		sum += mix->shares[i] *
		       unusable(s, part_milli(&ask->part[s->kind], s->memory), ask->gpus, ask->cpu);
	}
	return sum;
}
