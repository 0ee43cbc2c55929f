// SPDX-License-Identifier: Apache-2.0
#include "instance.h"

#include <stdio.h>

vlmc_status vlmc_gpu_fail(vlmc_error *error, VkResult result, const char *device, const char *doing)
{
    char name[300];
    snprintf(name, sizeof name, device ? "the device \"%s\"" : "the Vulkan device%s",
             device ? device : "");
    switch (result) {
    case VK_ERROR_DEVICE_LOST:
        vlmc_fail(error, VLMC_ERROR_DEVICE,
                  "%s stopped answering while %s; run again, or use -d cpu", name, doing);
        break;
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
        vlmc_fail(error, VLMC_ERROR_DEVICE,
                  "%s ran out of memory while %s; use a smaller model, or -d cpu", name, doing);
        break;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        vlmc_fail(error, VLMC_ERROR_MEMORY, "the driver of %s ran out of main memory while %s",
                  name, doing);
        break;
    default:
        vlmc_fail(error, VLMC_ERROR_DEVICE,
                  "%s failed while %s (Vulkan error %d); update its driver, or use -d cpu", name,
                  doing, (int)result);
    }
    if (error)
        error->vk_result = result;
    return result == VK_ERROR_OUT_OF_HOST_MEMORY ? VLMC_ERROR_MEMORY : VLMC_ERROR_DEVICE;
}
