// SPDX-License-Identifier: Apache-2.0
// The two tables behind the variant "neon". For *_neon.c only.
#ifndef VLMC_CPU_NEON_H
#define VLMC_CPU_NEON_H

#include "kernels.h"

const vlmc_cpu_kernels *vlmc_cpu_kernels_neon_base(void);
const vlmc_cpu_kernels *vlmc_cpu_kernels_neon_dotprod(void);

// Whether this CPU has the dot product extension.
int vlmc_cpu_has_dotprod(void);

#endif
