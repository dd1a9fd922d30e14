/*
 * What compute-share policies have in common: requests first, then equal parts up to the limits;
 * and whose turn it is.
 */
#include "policy/compute_share.h"
#include "base/check.h"

/* Give every open one an equal part of `left`, up to its limit; returns what is left then. */
static int64_t fill_once(const int64_t *limit, uint32_t n, int64_t left, int64_t *share)
{
	uint32_t open = 0;
	for (uint32_t i = 0; i < n; i++) {
		open += share[i] < limit[i];
	}
	if (open == 0) {
		return 0;
	}
	const int64_t part = left / open;
	int64_t rest = left % open;
	for (uint32_t i = 0; i < n; i++) {
		if (share[i] < limit[i]) {
			const int64_t due = part + (rest > 0);
			const int64_t room = limit[i] - share[i];
			const int64_t given = due < room ? due : room;
			rest -= rest > 0;
			share[i] += given;
			left -= given;
		}
	}
	return left;
}

void compute_share_fill(const int64_t *request, const int64_t *limit, uint32_t n, int64_t all,
                        int64_t *share)
{
	int64_t asked = 0;
	for (uint32_t i = 0; i < n; i++) {
		asked += request[i];
	}
	int64_t left = all;
	for (uint32_t i = 0; i < n; i++) {
		share[i] = asked > all ? request[i] * all / asked : request[i];
		left -= share[i];
	}
	while (left > 0) {
		left = fill_once(limit, n, left, share);
	}
}

struct share_turn share_turn_of(const struct share_turns *turns, const struct share_user *users,
                                uint32_t n, int64_t turn)
{
	const int64_t least = (int64_t)(1.0 / turns->granularity + 0.5);
	int64_t end[SHARE_MOST], taken = 0, open = 0;
	for (uint32_t i = 0; i < n; i++) {
		const int64_t own = (users[i].fraction * least + SHARE_WHOLE / 2) / SHARE_WHOLE;
		taken += own > 0 || users[i].fraction == 0 ? own : 1;
		open = users[i].fraction == 0 ? 1 : open;
		end[i] = taken;
	}
	const int64_t plan = taken + open > least ? taken + open : least;
	sim_assert(plan > 0);
	const int64_t at = turn % plan;
	struct share_turn t = {SHARE_NOBODY, (uint64_t)(at + turn / plan)};
	for (uint32_t i = 0; i < n && t.owner == SHARE_NOBODY; i++) {
		t.owner = at < end[i] ? i : SHARE_NOBODY;
	}
	return t;
}
