// SPDX-License-Identifier: Apache-2.0
// The transformer on a Vulkan device, the list of devices and their self-test.
// Every function may be called from any thread. With a build without Vulkan all but the
// destroy functions return VLMC_ERROR_UNSUPPORTED with a sentence for the user.
#ifndef VLMC_GPU_GPU_H
#define VLMC_GPU_GPU_H

#include "model/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_GPU_DISABLED_MAX 4u
#define VLMC_GPU_SELFTEST_MAX 48u

// A shader variant that the quirk table keeps away from a device.
typedef struct vlmc_gpu_disabled_path {
    const char *path;   // "dot"; static
    const char *reason; // one sentence; static
} vlmc_gpu_disabled_path;

typedef struct vlmc_gpu_device_info {
    uint32_t index; // in the list, as a selector takes it
    char name[256];
    uint32_t vendor_id;
    uint32_t device_id;
    uint32_t driver_version; // as the driver encodes it
    uint32_t driver_id;      // VkDriverId, 0 where the driver does not say
    char driver_name[256];   // "" where the driver does not say
    uint32_t api_version;    // VK_MAKE_API_VERSION
    const char *type;        // "cpu", "integrated", "discrete", "virtual" or "other"; static
    uint64_t heap_bytes;     // largest device-local heap
    uint32_t subgroup_size;
    bool integer_dot; // the device offers packed 4×8 integer dot products
    bool usable;      // Vulkan 1.1 and a compute queue
    uint8_t uuid[16]; // VkPhysicalDeviceProperties::pipelineCacheUUID
    uint32_t n_disabled;
    vlmc_gpu_disabled_path disabled[VLMC_GPU_DISABLED_MAX]; // (n_disabled)
} vlmc_gpu_device_info;

// All Vulkan devices of this machine in the order of their index, 0 of them being no failure.
// No Vulkan loader is VLMC_ERROR_DEVICE. Free with vlmc_gpu_list_free.
vlmc_status vlmc_gpu_list(vlmc_gpu_device_info **devices, uint32_t *n, vlmc_error *error);
void vlmc_gpu_list_free(vlmc_gpu_device_info **devices);

typedef struct vlmc_gpu_params {
    vlmc_engine_params engine; // threads is ignored
    const char *cache_dir;     // folder of the pipeline cache, made if missing; NULL: none
    bool force_portable;       // never use the integer dot product
    uint32_t
        storage_limit_bytes;  // lowers the device's maxStorageBufferRange; 0: as it is; for tests
    uint32_t chunk_positions; // positions taken through the network at once; 0: by device
} vlmc_gpu_params;

// selector: NULL or "" takes the best device (discrete before integrated before virtual before
// CPU), "0" an index of the list, anything else a part of the name, case ignored; a part that
// several names contain is VLMC_ERROR_USAGE and the message names them.
// No loader, no device, device out of memory: VLMC_ERROR_DEVICE. Free with vlmc_engine_destroy.
vlmc_status vlmc_gpu_engine_create(const char *selector, const vlmc_gpu_params *params,
                                   vlmc_engine **engine, vlmc_error *error);

// The device that an engine of vlmc_gpu_engine_create runs on; lives as long as the engine.
const vlmc_gpu_device_info *vlmc_gpu_engine_device(const vlmc_engine *engine);

typedef struct vlmc_gpu_selftest_op {
    const char *name;    // "linear relu2", "attention", "model", …; static
    const char *variant; // "portable" or "dot"; static
    bool passed;
    uint64_t time_ns; // device and transfer, 0 from the cache
} vlmc_gpu_selftest_op;

typedef struct vlmc_gpu_selftest_result {
    vlmc_gpu_device_info device;
    bool cached; // the verdict comes from an earlier run; ops then holds none
    bool passed;
    uint32_t n_ops;
    vlmc_gpu_selftest_op ops[VLMC_GPU_SELFTEST_MAX]; // (n_ops)
} vlmc_gpu_selftest_result;

// Runs every op and a small model on the device and compares with the reference, bit for bit.
// The verdict is kept in a file under cache_dir (NULL: nowhere) for this device, driver
// version, numerics version and set of shaders, and taken from there unless `force`.
// A difference is VLMC_ERROR_SELFTEST; `result` is filled then, too.
vlmc_status vlmc_gpu_selftest(const char *selector, const char *cache_dir, bool force,
                              vlmc_gpu_selftest_result *result, vlmc_error *error);

#endif
