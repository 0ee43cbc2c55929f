// SPDX-License-Identifier: Apache-2.0
// Known driver faults. A line of the table keeps a shader variant away from a device.
#ifndef VLMC_GPU_QUIRKS_H
#define VLMC_GPU_QUIRKS_H

#include "gpu.h"

// Fills info->disabled from the device's vendor, driver and driver version. [thread-safe]
void vlmc_gpu_quirks_apply(vlmc_gpu_device_info *info);

bool vlmc_gpu_path_disabled(const vlmc_gpu_device_info *info, const char *path);

#endif
