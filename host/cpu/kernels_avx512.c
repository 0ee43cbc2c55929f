// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "kernels.h"

const vlmc_cpu_kernels *vlmc_cpu_kernels_avx512vnni(void)
{
    return NULL;
}
#endif
