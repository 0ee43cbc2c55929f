// SPDX-License-Identifier: Apache-2.0
// Stands in for the rest of this folder in a build without Vulkan.
#include "gpu.h"

static vlmc_status absent(vlmc_error *error)
{
    return vlmc_fail(
        error, VLMC_ERROR_UNSUPPORTED,
        "this vlmc was built without Vulkan; use -d cpu, or build with VLMC_VULKAN=ON");
}

vlmc_status vlmc_gpu_list(vlmc_gpu_device_info **devices, uint32_t *n, vlmc_error *error)
{
    *devices = NULL;
    *n = 0;
    return absent(error);
}

void vlmc_gpu_list_free(vlmc_gpu_device_info **devices)
{
    *devices = NULL;
}

vlmc_status vlmc_gpu_engine_create(const char *selector, const vlmc_gpu_params *params,
                                   vlmc_engine **engine, vlmc_error *error)
{
    (void)selector;
    (void)params;
    *engine = NULL;
    return absent(error);
}

const vlmc_gpu_device_info *vlmc_gpu_engine_device(const vlmc_engine *engine)
{
    (void)engine;
    return NULL;
}

vlmc_status vlmc_gpu_selftest(const char *selector, const char *cache_dir, bool force,
                              vlmc_gpu_selftest_result *result, vlmc_error *error)
{
    (void)selector;
    (void)cache_dir;
    (void)force;
    *result = (vlmc_gpu_selftest_result){0};
    return absent(error);
}
