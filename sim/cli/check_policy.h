/* For `check`: the options of the policies that a scenario chooses, with values and sources. */
#ifndef ALIQUOT_CLI_CHECK_POLICY_H
#define ALIQUOT_CLI_CHECK_POLICY_H

#include <stdbool.h>

#include "base/option.h"
#include "spec/scenario.h"

/* Those of all of them, in the order of the keys; of a scenario that a simulation was built of. */
struct option_log *check_policies(const struct scenario *sc);

/* What a key means; of one that chooses a policy, what that does. */
const char *check_policy_help(const struct option_seen *seen);

/* Is it an option of the policy that this key chooses? */
bool check_is_option_of(const struct option_seen *option, const struct option_seen *policy);

#endif
