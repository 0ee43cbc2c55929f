// SPDX-License-Identifier: Apache-2.0
#include "devices.h"

#include "cpu/cpu_engine.h"
#include "gpu/gpu.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

// What follows "KIND:" in `device`; "" for KIND alone, NULL when it is another kind.
static const char *after_kind(const char *device, const char *kind)
{
    size_t size = strlen(kind);
    if (strncmp(device, kind, size) != 0)
        return NULL;
    if (device[size] == 0)
        return device + size;
    return device[size] == ':' && device[size + 1] ? device + size + 1 : NULL;
}

vlmc_status cli_device_check(const char *device, vlmc_error *error)
{
    const char *variant = after_kind(device, "cpu");
    if (variant && *variant && strcmp(variant, "auto") != 0) {
        for (uint32_t i = 0; vlmc_cpu_variant_name(i); i++)
            if (strcmp(variant, vlmc_cpu_variant_name(i)) == 0)
                return VLMC_OK;
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "there is no CPU variant \"%s\"; \"vlmc device list\" shows them",
                         variant);
    }
    if (strcmp(device, "auto") == 0 || variant || after_kind(device, "vulkan"))
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_USAGE,
                     "there is no device \"%s\"; use auto, cpu, cpu:VARIANT, vulkan, vulkan:INDEX "
                     "or vulkan:NAME",
                     device);
}

const char *cli_cache_folder(const cli_environment *env, char *text, size_t size)
{
    int used = env->cache_home ? snprintf(text, size, "%s/vlmc", env->cache_home)
               : env->home     ? snprintf(text, size, "%s/.cache/vlmc", env->home)
                               : -1;
    return used < 0 || (size_t)used >= size ? NULL : text;
}

static vlmc_status open_gpu(cli *cli, const char *selector, const vlmc_engine_params *params,
                            vlmc_engine **engine, vlmc_error *error)
{
    char folder[PATH_MAX];
    const char *cache = cli_cache_folder(&cli->env, folder, sizeof folder);
    vlmc_gpu_selftest_result result;
    VLMC_TRY(vlmc_gpu_selftest(selector, cache, false, &result, error));
    const vlmc_gpu_params gpu = {.engine = *params, .cache_dir = cache};
    return vlmc_gpu_engine_create(selector, &gpu, engine, error);
}

// A CPU in the shape of a Vulkan device is slower than the CPU itself.
static bool is_real_gpu(const vlmc_gpu_device_info *device)
{
    return device->usable &&
           (strcmp(device->type, "discrete") == 0 || strcmp(device->type, "integrated") == 0 ||
            strcmp(device->type, "virtual") == 0);
}

// The best real GPU's index as a selector; false without one.
static bool find_real_gpu(char selector[16])
{
    static const char *const order[] = {"discrete", "integrated", "virtual"};
    vlmc_gpu_device_info *devices = NULL;
    uint32_t n = 0;
    vlmc_error unused; // no loader is the usual case of a machine without a GPU
    if (vlmc_gpu_list(&devices, &n, &unused) != VLMC_OK)
        return false;
    bool found = false;
    for (size_t kind = 0; kind < 3 && !found; kind++)
        for (uint32_t i = 0; i < n && !found; i++) {
            found = is_real_gpu(&devices[i]) && strcmp(devices[i].type, order[kind]) == 0;
            if (found)
                snprintf(selector, 16, "%u", (unsigned)devices[i].index);
        }
    vlmc_gpu_list_free(&devices);
    return found;
}

static vlmc_status open_auto(cli *cli, const vlmc_engine_params *params, bool *told,
                             vlmc_engine **engine, vlmc_error *error)
{
    char selector[16];
    vlmc_error gpu_error;
    if (find_real_gpu(selector)) {
        if (open_gpu(cli, selector, params, engine, &gpu_error) == VLMC_OK)
            return VLMC_OK;
        if (!*told)
            cli_notice(cli, "using the CPU, because the GPU cannot be used: %s", gpu_error.text);
        *told = true;
    }
    return vlmc_cpu_engine_create(params, NULL, engine, error);
}

vlmc_status cli_device_open(cli *cli, const char *device, const vlmc_engine_params *params,
                            bool *told, vlmc_engine **engine, vlmc_error *error)
{
    *engine = NULL;
    if (strcmp(device, "auto") == 0)
        return open_auto(cli, params, told, engine, error);
    const char *variant = after_kind(device, "cpu");
    if (variant)
        return vlmc_cpu_engine_create(params, *variant ? variant : NULL, engine, error);
    const char *selector = after_kind(device, "vulkan");
    if (selector)
        return open_gpu(cli, *selector ? selector : NULL, params, engine, error);
    return cli_device_check(device, error);
}
