// SPDX-License-Identifier: Apache-2.0
// The transformer on the CPU. Variants and thread counts change the speed, never a bit.
#ifndef VLMC_CPU_CPU_ENGINE_H
#define VLMC_CPU_CPU_ENGINE_H

#include "../model/engine.h"
#include "kernels.h"

// variant: "reference", "avx2", "avx512vnni", "neon", or NULL / "auto" for the best of this CPU;
// one that cannot run here is VLMC_ERROR_UNSUPPORTED. Memory is allocated here and in no
// forward call: about layers * max_streams * (window + min(max_steps, 128)) * 2 * kv_heads *
// head_dim bytes for the KV rings. A forward with a token or row out of range is
// VLMC_ERROR_USAGE and runs nothing.
vlmc_status vlmc_cpu_engine_create(const vlmc_engine_params *params, const char *variant,
                                   vlmc_engine **engine, vlmc_error *error);

#endif
