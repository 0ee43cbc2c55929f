// SPDX-License-Identifier: Apache-2.0
#include "instance.h"

#include "quirks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// volk keeps the loader's functions in globals. They are trampolines that serve every instance,
// so they are set once, under this lock, and never change afterwards.
static pthread_mutex_t loader_lock = PTHREAD_MUTEX_INITIALIZER;
static bool loader_ready;

static vlmc_status load(VkInstance *handle, vlmc_error *error)
{
    if (!loader_ready && volkInitialize() != VK_SUCCESS)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "no Vulkan loader (libvulkan.so.1) is installed; install the package "
                         "libvulkan1 and your GPU's driver, or use -d cpu");
    // A loader of Vulkan 1.0 has no vkEnumerateInstanceVersion.
    if (volkGetInstanceVersion() < VK_API_VERSION_1_1)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "the installed Vulkan loader is older than version 1.1; update it, or use "
                         "-d cpu");
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "vlmc",
        .pEngineName = "vlmc",
        .apiVersion = VK_API_VERSION_1_1,
    };
    // Layered implementations such as MoltenVK are listed on request only.
    const char *const portability = "VK_KHR_portability_enumeration";
    VkExtensionProperties extensions[256];
    uint32_t n = sizeof extensions / sizeof *extensions, found = 0;
    if (vkEnumerateInstanceExtensionProperties(NULL, &n, extensions) < 0)
        n = 0;
    for (uint32_t i = 0; i < n; i++)
        found |= strcmp(extensions[i].extensionName, portability) == 0;
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .flags = found ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
        .pApplicationInfo = &application,
        .enabledExtensionCount = found,
        .ppEnabledExtensionNames = &portability,
    };
    VkResult result = vkCreateInstance(&info, NULL, handle);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return vlmc_fail(error, VLMC_ERROR_DEVICE,
                         "no Vulkan driver is installed; install your GPU's driver, or use -d cpu");
    if (result != VK_SUCCESS)
        return vlmc_gpu_fail(error, result, NULL, "starting Vulkan");
    if (!loader_ready)
        volkLoadInstanceOnly(*handle);
    loader_ready = true;
    return VLMC_OK;
}

bool vlmc_gpu_has_extension(VkPhysicalDevice physical, const char *name)
{
    uint32_t n = 0;
    if (vkEnumerateDeviceExtensionProperties(physical, NULL, &n, NULL) != VK_SUCCESS || n == 0)
        return false;
    VkExtensionProperties *extensions = calloc(n, sizeof *extensions);
    bool found = false;
    if (extensions && vkEnumerateDeviceExtensionProperties(physical, NULL, &n, extensions) >= 0)
        for (uint32_t i = 0; i < n; i++)
            found |= strcmp(extensions[i].extensionName, name) == 0;
    free(extensions);
    return found;
}

static const char *type_name(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return "cpu";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return "virtual";
    default:
        return "other";
    }
}

static bool has_compute_queue(VkPhysicalDevice physical)
{
    VkQueueFamilyProperties families[64];
    uint32_t n = sizeof families / sizeof *families;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &n, families);
    for (uint32_t i = 0; i < n; i++)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)
            return true;
    return false;
}

static uint64_t local_heap_bytes(VkPhysicalDevice physical)
{
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    uint64_t largest = 0;
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            memory.memoryHeaps[i].size > largest)
            largest = memory.memoryHeaps[i].size;
    return largest;
}

static bool has_integer_dot(VkPhysicalDevice physical)
{
    if (!vlmc_gpu_has_extension(physical, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME))
        return false;
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &dot,
    };
    vkGetPhysicalDeviceFeatures2(physical, &features);
    return dot.shaderIntegerDotProduct;
}

static void describe(VkPhysicalDevice physical, uint32_t index, vlmc_gpu_device_info *info)
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(physical, &properties);
    *info = (vlmc_gpu_device_info){
        .index = index,
        .vendor_id = properties.vendorID,
        .device_id = properties.deviceID,
        .driver_version = properties.driverVersion,
        .api_version = properties.apiVersion,
        .type = type_name(properties.deviceType),
        .heap_bytes = local_heap_bytes(physical),
    };
    snprintf(info->name, sizeof info->name, "%s", properties.deviceName);
    memcpy(info->uuid, properties.pipelineCacheUUID, sizeof info->uuid);
    if (properties.apiVersion < VK_API_VERSION_1_1)
        return; // the queries below are of Vulkan 1.1
    info->usable = has_compute_queue(physical);

    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    };
    const bool named = vlmc_gpu_has_extension(physical, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
    subgroup.pNext = named ? &driver : NULL;
    VkPhysicalDeviceProperties2 query = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    vkGetPhysicalDeviceProperties2(physical, &query);
    info->subgroup_size = subgroup.subgroupSize;
    info->driver_id = (uint32_t)driver.driverID;
    snprintf(info->driver_name, sizeof info->driver_name, "%s", driver.driverName);
    info->integer_dot = has_integer_dot(physical);
    vlmc_gpu_quirks_apply(info);
}

static vlmc_status enumerate(vlmc_gpu_instance *instance, vlmc_error *error)
{
    uint32_t n = 0;
    VkResult result = vkEnumeratePhysicalDevices(instance->handle, &n, NULL);
    if (result == VK_SUCCESS && n > 0) {
        instance->physical = calloc(n, sizeof(VkPhysicalDevice));
        instance->infos = calloc(n, sizeof *instance->infos);
        if (!instance->physical || !instance->infos)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the device list");
        result = vkEnumeratePhysicalDevices(instance->handle, &n, instance->physical);
    }
    // Some loaders say so when no driver works.
    if (result == VK_ERROR_INITIALIZATION_FAILED)
        return VLMC_OK;
    if (result < 0)
        return vlmc_gpu_fail(error, result, NULL, "listing the devices");
    for (uint32_t i = 0; i < n; i++)
        describe(instance->physical[i], i, &instance->infos[i]);
    instance->n_devices = n;
    return VLMC_OK;
}

vlmc_status vlmc_gpu_instance_create(vlmc_gpu_instance *instance, vlmc_error *error)
{
    *instance = (vlmc_gpu_instance){0};
    pthread_mutex_lock(&loader_lock);
    vlmc_status status = load(&instance->handle, error);
    pthread_mutex_unlock(&loader_lock);
    if (status == VLMC_OK)
        status = enumerate(instance, error);
    if (status != VLMC_OK)
        vlmc_gpu_instance_destroy(instance);
    return status;
}

void vlmc_gpu_instance_destroy(vlmc_gpu_instance *instance)
{
    if (instance->handle)
        vkDestroyInstance(instance->handle, NULL);
    free(instance->physical);
    free(instance->infos);
    *instance = (vlmc_gpu_instance){0};
}
