// SPDX-License-Identifier: Apache-2.0
// vlmc plugin check
#include "plugin.h"

vlmc_status cli_plugin_check(const cli_plugin_options *options, vlmc_error *error)
{
    (void)options;
    return vlmc_fail(error, VLMC_ERROR_UNSUPPORTED, "not yet");
}
