// SPDX-License-Identifier: Apache-2.0
// NEON with the dot product extension of ARMv8.2.
#if defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

// In assembly, since compilers hide the intrinsic unless the whole file may use the extension.
static inline int32x4_t dot4(int32x4_t acc, int8x16_t a, int8x16_t b)
{
    __asm__(".arch armv8.2-a+dotprod\n\tsdot %0.4s, %1.16b, %2.16b" : "+w"(acc) : "w"(a), "w"(b));
    return acc;
}

#include "neon.h"
#include "neon_kernels.h"

const vlmc_cpu_kernels *vlmc_cpu_kernels_neon_dotprod(void)
{
    return &table;
}

int vlmc_cpu_has_dotprod(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & (1UL << 20)) != 0; // HWCAP_ASIMDDP of the kernel's ABI
#elif defined(__APPLE__)
    return 1; // every 64-bit ARM that macOS runs on
#else
    return 0;
#endif
}
#endif
