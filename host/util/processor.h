// SPDX-License-Identifier: Apache-2.0
// What the processor can run. One question for each of the build's sets of flags (CMakeLists.txt):
// a compiler may use all of a set in any file that has it. [thread-safe]
#ifndef VLMC_UTIL_PROCESSOR_H
#define VLMC_UTIL_PROCESSOR_H

#include <stdbool.h>

// Files *_avx2.c. Every processor with AVX2 has the bit instructions of that set too.
static inline bool vlmc_processor_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

// Files *_avx512.c.
static inline bool vlmc_processor_avx512(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

#endif
