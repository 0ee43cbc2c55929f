// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "avx2.h"

static const vlmc_cpu_kernels table = {
    .name = "avx2",
    .panel_bytes = vlmc_avx2_panel_bytes,
    .pack = vlmc_avx2_pack,
    .linear = vlmc_avx2_linear,
    .reglu = vlmc_avx2_reglu,
    .norm = vlmc_avx2_norm,
    .ring_bytes = vlmc_avx2_ring_bytes,
    .store = vlmc_avx2_store,
    .attend = vlmc_avx2_attend,
    .frequencies = vlmc_avx2_frequencies,
};

const vlmc_cpu_kernels *vlmc_cpu_kernels_avx2(void)
{
    return &table;
}
#endif
