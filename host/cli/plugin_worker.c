// SPDX-License-Identifier: Apache-2.0
// vlmc plugin-worker: the process that plugins see untrusted bytes in. No user types this.
#include "cli.h"
#include "plugin/worker.h"

#include <stdio.h>

int cli_plugin_worker(int argc, char **argv)
{
    const int code = vlmc_worker_main(argc, argv);
    if (code == CLI_EXIT_USAGE)
        fputs("vlmc: \"plugin-worker\" is started by vlmc itself; \"vlmc help plugin\" tells what "
              "you can do with plugins\n",
              stderr);
    return code;
}
