// SPDX-License-Identifier: Apache-2.0
// vlmc device
#include "cpu/kernels.h"
#include "devices.h"
#include "gpu/gpu.h"
#include "options.h"
#include "util/json_out.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct device_options {
    cli_common common;
    const char *action;
    bool force;
} device_options;

static const struct argp_option option_table[] = {
    {"device", 'd', "DEVICE", 0, "Test this one: vulkan, vulkan:INDEX or vulkan:NAME", 1},
    {"force", 'f', 0, 0, "Test again, even if an earlier verdict is known", 1},
    CLI_OPTIONS_OUTPUT,
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    device_options *options = state->input;
    switch (key) {
    case 'f':
        options->force = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->action)
            argp_error(state, "\"%s\" is one argument too many", arg);
        options->action = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say list or selftest");
        return 0;
    default:
        return cli_common_parse(key, arg, state, &options->common);
    }
}

static const struct argp device_argp = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "list\nselftest",
    .doc = "Lists the devices that -d takes, or compares every operation on the Vulkan devices "
           "with the C reference, bit for bit. Exit code 6: a device computed something else."
           "\vExamples:\n"
           "  vlmc device list\n"
           "  vlmc device selftest -d vulkan:0\n",
};

static vlmc_status list_cpu(const cli *cli, vlmc_error *error)
{
    const char *best = vlmc_cpu_kernels_best()->name;
    for (uint32_t i = 0; vlmc_cpu_variant_name(i); i++) {
        const char *name = vlmc_cpu_variant_name(i);
        const bool available = vlmc_cpu_variant_available(name);
        const bool is_best = strcmp(name, best) == 0;
        char device[64];
        snprintf(device, sizeof device, "cpu:%s", name);
        if (cli->json)
            VLMC_TRY(vlmc_json_line(stdout,
                                    json_pack("{s:s, s:s, s:b, s:b}", "device", device, "type",
                                              "cpu", "available", available, "best", is_best),
                                    error));
        else
            printf("%-16s %s\n", device,
                   is_best     ? "the fastest here"
                   : available ? "available"
                               : "not on this CPU");
    }
    return VLMC_OK;
}

static json_t *gpu_json(const vlmc_gpu_device_info *info)
{
    char device[32], version[32];
    snprintf(device, sizeof device, "vulkan:%u", (unsigned)info->index);
    snprintf(version, sizeof version, "%u.%u.%u", (unsigned)(info->api_version >> 22 & 0x7f),
             (unsigned)(info->api_version >> 12 & 0x3ff), (unsigned)(info->api_version & 0xfff));
    json_t *object = json_object();
    json_t *disabled = json_object();
    json_object_set_new(object, "device", json_string(device));
    json_object_set_new(object, "type", json_string(info->type));
    vlmc_json_set_bytes(object, "name", info->name);
    vlmc_json_set_bytes(object, "driver", info->driver_name);
    vlmc_json_set_number(object, "driver_version", info->driver_version);
    json_object_set_new(object, "api_version", json_string(version));
    vlmc_json_set_number(object, "vendor_id", info->vendor_id);
    vlmc_json_set_number(object, "device_id", info->device_id);
    vlmc_json_set_number(object, "heap_bytes", info->heap_bytes);
    vlmc_json_set_number(object, "subgroup_size", info->subgroup_size);
    json_object_set_new(object, "integer_dot", json_boolean(info->integer_dot));
    json_object_set_new(object, "usable", json_boolean(info->usable));
    for (uint32_t i = 0; i < info->n_disabled; i++)
        json_object_set_new(disabled, info->disabled[i].path,
                            json_string(info->disabled[i].reason));
    json_object_set_new(object, "disabled", disabled);
    return object;
}

static void print_gpu(const vlmc_gpu_device_info *info)
{
    char device[32];
    snprintf(device, sizeof device, "vulkan:%u", (unsigned)info->index);
    printf("%-16s ", device);
    cli_print_escaped(info->name, stdout);
    printf(" (%s, Vulkan %u.%u, %" PRIu64 " MB%s%s)\n", info->type,
           (unsigned)(info->api_version >> 22 & 0x7f), (unsigned)(info->api_version >> 12 & 0x3ff),
           info->heap_bytes / 1000000, info->integer_dot ? ", integer dot product" : "",
           info->usable ? "" : ", not usable");
    for (uint32_t i = 0; i < info->n_disabled; i++)
        printf("%-16s without %s: %s\n", "", info->disabled[i].path, info->disabled[i].reason);
}

static vlmc_status run_list(cli *cli, vlmc_error *error)
{
    vlmc_gpu_device_info *devices = NULL;
    uint32_t n = 0;
    VLMC_TRY(list_cpu(cli, error));
    // Without a loader or in a build without Vulkan the CPU is the list.
    if (vlmc_gpu_list(&devices, &n, error) != VLMC_OK) {
        cli_notice(cli, "no Vulkan devices: %s", error->text);
        return VLMC_OK;
    }
    vlmc_status status = VLMC_OK;
    for (uint32_t i = 0; i < n && status == VLMC_OK; i++) {
        if (cli->json)
            status = vlmc_json_line(stdout, gpu_json(&devices[i]), error);
        else
            print_gpu(&devices[i]);
    }
    vlmc_gpu_list_free(&devices);
    return status;
}

static vlmc_status print_selftest(const cli *cli, const vlmc_gpu_selftest_result *result,
                                  vlmc_error *error)
{
    if (cli->json) {
        json_t *object = gpu_json(&result->device);
        json_t *ops = json_array();
        for (uint32_t i = 0; i < result->n_ops; i++)
            json_array_append_new(ops, json_pack("{s:s, s:s, s:b, s:I}", "op", result->ops[i].name,
                                                 "variant", result->ops[i].variant, "passed",
                                                 result->ops[i].passed, "time_ns",
                                                 (json_int_t)result->ops[i].time_ns));
        json_object_set_new(object, "passed", json_boolean(result->passed));
        json_object_set_new(object, "cached", json_boolean(result->cached));
        json_object_set_new(object, "ops", ops);
        return vlmc_json_line(stdout, object, error);
    }
    print_gpu(&result->device);
    for (uint32_t i = 0; i < result->n_ops; i++)
        printf("  %-20s %-10s %s %8.3f ms\n", result->ops[i].name, result->ops[i].variant,
               result->ops[i].passed ? "equal " : "WRONG ", (double)result->ops[i].time_ns / 1e6);
    printf("  %s%s\n", result->passed ? "passed" : "FAILED",
           result->cached ? " earlier; --force tests again" : "");
    return VLMC_OK;
}

static vlmc_status selftest_one(const device_options *options, const char *selector,
                                vlmc_error *error)
{
    cli *cli = options->common.cli;
    char folder[PATH_MAX];
    vlmc_gpu_selftest_result result = {0};
    vlmc_error print_error;
    const vlmc_status status =
        vlmc_gpu_selftest(selector, cli_cache_folder(&cli->env, folder, sizeof folder),
                          options->force, &result, error);
    if ((status == VLMC_OK || status == VLMC_ERROR_SELFTEST) &&
        print_selftest(cli, &result, &print_error) != VLMC_OK)
        cli_error(cli, &print_error);
    return status;
}

static vlmc_status selftest_all(const device_options *options, vlmc_error *error)
{
    vlmc_gpu_device_info *devices = NULL;
    uint32_t n = 0;
    VLMC_TRY(vlmc_gpu_list(&devices, &n, error));
    for (uint32_t i = 0; i < n; i++) {
        char selector[16];
        snprintf(selector, sizeof selector, "%u", (unsigned)devices[i].index);
        if (!devices[i].usable)
            cli_warn(options->common.cli, "\"%s\" cannot be used and is not tested",
                     devices[i].name);
        else if (selftest_one(options, selector, error) != VLMC_OK)
            cli_error(options->common.cli, error); // and test the others
    }
    vlmc_gpu_list_free(&devices);
    if (n == 0)
        return vlmc_fail(error, VLMC_ERROR_DEVICE, "there is no Vulkan device to test");
    return VLMC_OK;
}

static vlmc_status run(const device_options *options, vlmc_error *error)
{
    const char *device = options->common.device;
    if (strcmp(options->action, "list") == 0)
        return run_list(options->common.cli, error);
    if (strcmp(options->action, "selftest") != 0)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"vlmc device\" can list and selftest, not \"%s\"", options->action);
    VLMC_TRY(cli_device_check(device, error));
    if (strncmp(device, "vulkan", 6) == 0)
        return selftest_one(options, device[6] ? device + 7 : NULL, error);
    if (strcmp(device, "auto") == 0)
        return selftest_all(options, error);
    return vlmc_fail(error, VLMC_ERROR_USAGE,
                     "the self-test compares Vulkan devices with the CPU; use -d vulkan:INDEX");
}

void cli_device(cli *cli, int argc, char **argv)
{
    device_options options = {0};
    vlmc_error error;
    cli_common_init(&options.common, cli);
    cli_parse(&device_argp, argc, argv, &options);
    if (run(&options, &error) != VLMC_OK)
        cli_error(cli, &error);
}
