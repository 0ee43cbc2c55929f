// SPDX-License-Identifier: Apache-2.0
// NEON without the dot product extension, and the choice between the two tables.
#if defined(__aarch64__)
#include <arm_neon.h>

// Products of bytes fit in int16: 127 * 127 < 2^15.
static inline int32x4_t dot4(int32x4_t acc, int8x16_t a, int8x16_t b)
{
    const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    const int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
    return vaddq_s32(acc, vpaddq_s32(low, high));
}

#include "neon.h"
#include "neon_kernels.h"

const vlmc_cpu_kernels *vlmc_cpu_kernels_neon_base(void)
{
    return &table;
}

const vlmc_cpu_kernels *vlmc_cpu_kernels_neon(void)
{
    return vlmc_cpu_has_dotprod() ? vlmc_cpu_kernels_neon_dotprod() : &table;
}
#endif
