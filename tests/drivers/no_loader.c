// SPDX-License-Identifier: Apache-2.0
// Preloaded (LD_PRELOAD), it hides the Vulkan loader: with it the tests see a machine on which
// libvulkan is not installed.
#include <dlfcn.h>
#include <string.h>

void *dlopen(const char *name, int flags)
{
    if (name && strstr(name, "libvulkan"))
        return NULL;
    void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    return next(name, flags);
}
