// SPDX-License-Identifier: Apache-2.0
// vlmc plugin
#include "options.h"
#include "plugins.h"

void cli_plugin(cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    vlmc_error error;
    vlmc_fail(&error, VLMC_ERROR_UNSUPPORTED, "nothing yet");
    cli_error(cli, &error);
}
