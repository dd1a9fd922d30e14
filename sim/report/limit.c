/* Writes what was observed of a limit; the one place that knows the units of limits. */
#include "report/limit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

double limit_margin(const struct slo *slo, double observed)
{
	const bool upper = slo->op == SLO_LT || slo->op == SLO_LE;
	const double room = upper ? slo->value - observed : observed - slo->value;
	return slo->op != SLO_EQ && slo->value > 0.0 ? room / slo->value : (double)NAN;
}

const char *limit_unit(const struct slo *slo)
{
	switch (slo->metric) {
	case SLO_TPS_USER:
	case SLO_TPS:
		return "tok/s";
	case SLO_RPS:
	case SLO_GOODPUT:
		return "req/s";
	case SLO_ERROR_RATE:
		return "%";
	case SLO_TTFT:
	case SLO_TTST:
	case SLO_TPOT:
	case SLO_ITL:
	case SLO_LATENCY:
	case SLO_QUEUE:
		break;
	}
	return "ms";
}

const char *limit_observed(const struct slo *slo, double v, char *buf, size_t size)
{
	enum { SHOWN = 4, ALL = 17 }; /* figures */
	const double scale = slo->metric == SLO_ERROR_RATE ? 100.0 : 1.0;
	double shown;
	int figures = SHOWN;
	if (!isfinite(v)) {
		return "-";
	}
	snprintf(buf, size, "%.*g", figures, v);
	while (figures < ALL && str_to_real(buf, &shown) &&
	       slo_holds(slo, shown) != slo_holds(slo, v)) {
		figures++;
		snprintf(buf, size, "%.*g", figures, v);
	}
	if (figures == SHOWN) {
		return str_human(scale * v, buf, size);
	}
	snprintf(buf, size, "%.*g", figures, scale * v);
	return buf;
}
