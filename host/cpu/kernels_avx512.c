// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include "avx512.h"

static const vlmc_cpu_kernels table = {
    .name = "avx512vnni",
    .panel_bytes = vlmc_avx512_panel_bytes,
    .pack = vlmc_avx512_pack,
    .linear = vlmc_avx512_linear,
    .reglu = vlmc_avx512_reglu,
    .norm = vlmc_avx512_norm,
    .ring_bytes = vlmc_avx512_ring_bytes,
    .store = vlmc_avx512_store,
    .attend = vlmc_avx512_attend,
    .frequencies = vlmc_avx512_frequencies,
};

const vlmc_cpu_kernels *vlmc_cpu_kernels_avx512vnni(void)
{
    return &table;
}
#endif
