// SPDX-License-Identifier: Apache-2.0
// A Vulkan layer that makes any driver look like a discrete GPU that is broken. With it the tests
// see what happens when a self-test fails and when a device is lost.
//     VLMC_BROKEN_GPU unset      it computes nothing: all dispatches are dropped
//     VLMC_BROKEN_GPU=lost:N     it computes, and is lost when submission N (0, 1, …) of a logical
//                                device is waited for
//     VLMC_BROKEN_GPU=lost:N:M   the same, but only the first M logical devices are ever lost
// One instance at a time, of one driver.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr next_instance_proc;
static PFN_vkGetDeviceProcAddr next_device_proc;
static VkInstance current_instance;
static PFN_vkGetPhysicalDeviceProperties next_properties;
static PFN_vkGetPhysicalDeviceProperties2 next_properties2;
static PFN_vkCmdDispatch next_dispatch;
static PFN_vkQueueSubmit next_submit;
static PFN_vkWaitForFences next_wait;

#define DEVICES_MAX 64u

// Logical devices in the order in which they were made.
static struct {
    const void *key; // that of the loader, which the device shares with its queues
    unsigned submissions;
} devices[DEVICES_MAX];
static unsigned devices_made;

static const void *key_of(const void *device_or_queue)
{
    return *(const void *const *)device_or_queue;
}

// The number, from 0, of a device or of a queue's; a key may have been an earlier one's as well.
static unsigned number_of(const void *device_or_queue)
{
    unsigned i = devices_made - 1;
    while (i > 0 && devices[i].key != key_of(device_or_queue))
        i--;
    return i;
}

static bool is_lost(unsigned number)
{
    const char *text = getenv("VLMC_BROKEN_GPU");
    unsigned first, lossy_devices = UINT32_MAX;
    return text && sscanf(text, "lost:%u:%u", &first, &lossy_devices) >= 1 &&
           number < lossy_devices && devices[number].submissions > first;
}

static void pretend(VkPhysicalDeviceProperties *properties)
{
    static const char name[] = "Broken GPU";
    properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    memcpy(properties->deviceName, name, sizeof name);
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice device,
                                                 VkPhysicalDeviceProperties *properties)
{
    next_properties(device, properties);
    pretend(properties);
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(VkPhysicalDevice device,
                                                  VkPhysicalDeviceProperties2 *properties)
{
    next_properties2(device, properties);
    pretend(&properties->properties);
}

static VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer buffer, uint32_t x, uint32_t y,
                                           uint32_t z)
{
    if (getenv("VLMC_BROKEN_GPU"))
        next_dispatch(buffer, x, y, z);
}

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t n, const VkSubmitInfo *infos,
                                             VkFence fence)
{
    const unsigned number = number_of(queue);
    if (is_lost(number))
        return VK_ERROR_DEVICE_LOST;
    devices[number].submissions++;
    return next_submit(queue, n, infos, fence);
}

// The driver below is sound, so the wait is real: nothing is in use when it is destroyed.
static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, uint32_t n,
                                                      const VkFence *fences, VkBool32 all,
                                                      uint64_t timeout_ns)
{
    const VkResult result = next_wait(device, n, fences, all, timeout_ns);
    return is_lost(number_of(device)) ? VK_ERROR_DEVICE_LOST : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkInstance *instance)
{
    VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)(uintptr_t)info->pNext;
    while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
                    link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerInstanceCreateInfo *)(uintptr_t)link->pNext;
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateInstance next =
        (PFN_vkCreateInstance)next_instance_proc(VK_NULL_HANDLE, "vkCreateInstance");
    const VkResult result = next(info, allocator, instance);
    if (result != VK_SUCCESS)
        return result;
    current_instance = *instance;
    next_properties = (PFN_vkGetPhysicalDeviceProperties)next_instance_proc(
        *instance, "vkGetPhysicalDeviceProperties");
    next_properties2 = (PFN_vkGetPhysicalDeviceProperties2)next_instance_proc(
        *instance, "vkGetPhysicalDeviceProperties2");
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
                                                    const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkDevice *device)
{
    VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)(uintptr_t)info->pNext;
    while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO ||
                    link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerDeviceCreateInfo *)(uintptr_t)link->pNext;
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_device_proc = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    PFN_vkGetInstanceProcAddr instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateDevice next = (PFN_vkCreateDevice)instance_proc(current_instance, "vkCreateDevice");
    const VkResult result = next(physical, info, allocator, device);
    if (result != VK_SUCCESS)
        return result;
    next_dispatch = (PFN_vkCmdDispatch)next_device_proc(*device, "vkCmdDispatch");
    next_submit = (PFN_vkQueueSubmit)next_device_proc(*device, "vkQueueSubmit");
    next_wait = (PFN_vkWaitForFences)next_device_proc(*device, "vkWaitForFences");
    if (devices_made == DEVICES_MAX)
        return VK_ERROR_TOO_MANY_OBJECTS;
    devices[devices_made].key = key_of(*device);
    devices[devices_made++].submissions = 0;
    return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance,
                                                              const char *name);
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *name);

static PFN_vkVoidFunction own_proc(const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } own[] = {
        {"vkGetInstanceProcAddr", (PFN_vkVoidFunction)instance_proc},
        {"vkGetDeviceProcAddr", (PFN_vkVoidFunction)device_proc},
        {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
        {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
        {"vkGetPhysicalDeviceProperties", (PFN_vkVoidFunction)get_properties},
        {"vkGetPhysicalDeviceProperties2", (PFN_vkVoidFunction)get_properties2},
        {"vkGetPhysicalDeviceProperties2KHR", (PFN_vkVoidFunction)get_properties2},
        {"vkCmdDispatch", (PFN_vkVoidFunction)dispatch},
        {"vkQueueSubmit", (PFN_vkVoidFunction)submit},
        {"vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i].name) == 0)
            return own[i].function;
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction own = own_proc(name);
    return own || !next_instance_proc ? own : next_instance_proc(instance, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *name)
{
    PFN_vkVoidFunction own = own_proc(name);
    return own || !next_device_proc ? own : next_device_proc(device, name);
}

VK_LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface)
{
    interface->loaderLayerInterfaceVersion = 2;
    interface->pfnGetInstanceProcAddr = instance_proc;
    interface->pfnGetDeviceProcAddr = device_proc;
    interface->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
