/* Words for what autoscalers say. */
#include "policy/autoscaler.h"

const char *autoscale_reason_name(enum autoscale_reason reason)
{
	static const char *const names[AUTOSCALE_REASONS] = {
		[AUTOSCALE_INITIAL] = "initial",       [AUTOSCALE_LOAD] = "load",
		[AUTOSCALE_PANIC] = "panic",           [AUTOSCALE_RATE] = "rate",
		[AUTOSCALE_ACTIVATION] = "activation", [AUTOSCALE_DELAY] = "delay",
		[AUTOSCALE_BOUNDS] = "bounds",         [AUTOSCALE_TOLERANCE] = "tolerance",
		[AUTOSCALE_NO_METRICS] = "no metrics", [AUTOSCALE_IDLE] = "idle",
		[AUTOSCALE_GRACE] = "grace",           [AUTOSCALE_ZERO] = "zero",
		[AUTOSCALE_STARTING] = "starting",     [AUTOSCALE_TIMED_OUT] = "timed out",
		[AUTOSCALE_UNREACHED] = "unreached",
	};
	return names[reason];
}
