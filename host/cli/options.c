// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include "util/thread_pool.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t usable_cpus(void)
{
    cpu_set_t set;
    long n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                         : sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        n = 1;
    return n > (long)VLMC_THREADS_MAX ? VLMC_THREADS_MAX : (uint32_t)n;
}

void cli_common_init(cli_common *common, cli *cli)
{
    *common = (cli_common){
        .cli = cli,
        .device = cli->env.device ? cli->env.device : "auto",
        .threads = usable_cpus(),
    };
}

error_t cli_common_parse(int key, const char *arg, struct argp_state *state, cli_common *common)
{
    char *end;
    unsigned long n;
    switch (key) {
    case 'd':
        common->device = arg;
        return 0;
    case 't':
        errno = 0;
        n = strtoul(arg, &end, 10);
        if (errno || *end || end == arg || *arg == '-' || n < 1 || n > VLMC_THREADS_MAX)
            argp_error(state, "--threads wants a number from 1 to %u, not \"%s\"", VLMC_THREADS_MAX,
                       arg);
        common->threads = (uint32_t)n;
        return 0;
    case 'q':
        common->cli->quiet = true;
        return 0;
    case CLI_KEY_PASSPHRASE_FILE:
        if (!*arg)
            argp_error(state, "--passphrase-file wants the name of a file, not \"\"");
        common->cli->passphrase_file = arg;
        return 0;
    case CLI_KEY_JSON:
        common->cli->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t cli_one_archive_parse(int key, char *arg, struct argp_state *state, const char **archive)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (*archive)
            argp_error(state, "one archive at a time");
        *archive = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no archive named");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

uint64_t cli_parse_bytes(struct argp_state *state, const char *arg)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(arg, &end, 10);
    unsigned shift = 0;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (errno || end == arg || *arg == '-' || *end || n > (UINT64_MAX >> shift))
        argp_error(state, "\"%s\" is not a number of bytes (such as 4096, 64K, 2M, 10G, 1T)", arg);
    return (uint64_t)n << shift;
}

uint64_t cli_parse_time_ns(struct argp_state *state, const char *arg)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"", 1000},     {"ms", 1},       {"s", 1000},     {"m", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    const uint64_t most_ms = 100ull * 366 * 86400 * 1000;
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(arg, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!errno && end != arg && *arg >= '0' && *arg <= '9' && strcmp(end, units[i].name) == 0 &&
            n > 0 && n <= most_ms / units[i].ms)
            return n * units[i].ms * 1000000u;
    argp_error(state, "\"%s\" is not a time (such as 90s, 10m, 2h, 90d)", arg);
    return 1;
}
