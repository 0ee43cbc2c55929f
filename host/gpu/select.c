// SPDX-License-Identifier: Apache-2.0
#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vlmc_status vlmc_gpu_list(vlmc_gpu_device_info **devices, uint32_t *n, vlmc_error *error)
{
    *devices = NULL;
    *n = 0;
    vlmc_gpu_instance instance;
    VLMC_TRY(vlmc_gpu_instance_create(&instance, error));
    *devices = instance.infos;
    *n = instance.n_devices;
    instance.infos = NULL;
    vlmc_gpu_instance_destroy(&instance);
    return VLMC_OK;
}

void vlmc_gpu_list_free(vlmc_gpu_device_info **devices)
{
    free(*devices);
    *devices = NULL;
}

static int rank(const vlmc_gpu_device_info *info)
{
    static const char *const order[] = {"other", "cpu", "virtual", "integrated", "discrete"};
    int found = 0;
    for (int i = 0; i < 5; i++)
        if (strcmp(info->type, order[i]) == 0)
            found = i;
    return info->usable ? found : -1;
}

static vlmc_status select_best(const vlmc_gpu_device_info *infos, uint32_t n, uint32_t *index,
                               vlmc_error *error)
{
    int best = -1;
    for (uint32_t i = 0; i < n; i++)
        if (rank(&infos[i]) > best) {
            best = rank(&infos[i]);
            *index = i;
        }
    if (best < 0)
        return vlmc_fail(
            error, VLMC_ERROR_DEVICE,
            "no Vulkan 1.1 device was found; install your GPU's driver, or use -d cpu");
    return VLMC_OK;
}

// The number that a selector is made of, or UINT32_MAX.
static uint32_t number_of(const char *selector)
{
    const size_t length = strlen(selector);
    if (length == 0 || length > 6 || strspn(selector, "0123456789") != length)
        return UINT32_MAX;
    return (uint32_t)strtoul(selector, NULL, 10);
}

static vlmc_status select_named(const vlmc_gpu_device_info *infos, uint32_t n, const char *selector,
                                uint32_t *index, vlmc_error *error)
{
    char names[VLMC_ERROR_TEXT_BYTES] = "";
    uint32_t matches = 0;
    for (uint32_t i = 0; i < n; i++)
        if (strcasestr(infos[i].name, selector)) {
            const size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%u (%s)", matches ? ", " : "", i,
                     infos[i].name);
            *index = i;
            matches++;
        }
    if (matches == 0)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "no Vulkan device has \"%s\" in its name; \"vlmc device list\" shows them",
                         selector);
    if (matches > 1)
        return vlmc_fail(error, VLMC_ERROR_USAGE,
                         "\"%s\" could mean several devices: %s; give the number", selector, names);
    return VLMC_OK;
}

vlmc_status vlmc_gpu_select(const vlmc_gpu_device_info *infos, uint32_t n, const char *selector,
                            uint32_t *index, vlmc_error *error)
{
    if (!selector || !*selector)
        return select_best(infos, n, index, error);
    const uint32_t number = number_of(selector);
    if (number == UINT32_MAX)
        VLMC_TRY(select_named(infos, n, selector, index, error));
    else if (number >= n)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "there is no Vulkan device %u, only %u; \"vlmc device list\" shows them",
                         number, n);
    else
        *index = number;
    if (!infos[*index].usable)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "the device \"%s\" has no compute queue of Vulkan 1.1; update its driver, "
                         "or use -d cpu",
                         infos[*index].name);
    return VLMC_OK;
}
