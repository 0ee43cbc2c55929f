// SPDX-License-Identifier: Apache-2.0
#include "quirks.h"

#include <string.h>
#include <volk.h>

#define VENDOR_AMD 0x1002u

typedef struct quirk {
    uint32_t vendor_id;   // 0: any
    uint32_t driver_id;   // VkDriverId, 0: any
    uint32_t version_end; // first driver version without the fault, as the driver encodes it
    vlmc_gpu_disabled_path path;
} quirk;

static const quirk quirks[] = {
    {
        .vendor_id = VENDOR_AMD,
        .driver_id = VK_DRIVER_ID_AMD_PROPRIETARY,
        .version_end = UINT32_MAX,
        .path =
            {"dot",
             "AMD's Windows driver computes packed integer dot products wrongly on GCN to RDNA2"},
    },
};

void vlmc_gpu_quirks_apply(vlmc_gpu_device_info *info)
{
    info->n_disabled = 0;
    for (size_t i = 0; i < sizeof quirks / sizeof *quirks; i++) {
        const quirk *q = &quirks[i];
        if ((q->vendor_id && q->vendor_id != info->vendor_id) ||
            (q->driver_id && q->driver_id != info->driver_id) ||
            info->driver_version >= q->version_end || info->n_disabled == VLMC_GPU_DISABLED_MAX)
            continue;
        info->disabled[info->n_disabled++] = q->path;
    }
}

bool vlmc_gpu_path_disabled(const vlmc_gpu_device_info *info, const char *path)
{
    for (uint32_t i = 0; i < info->n_disabled; i++)
        if (strcmp(info->disabled[i].path, path) == 0)
            return true;
    return false;
}
