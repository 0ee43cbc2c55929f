// SPDX-License-Identifier: Apache-2.0
// The steps of sample_steps.h for processors with AVX2; plugin.cmake says so to the compiler.
#if defined(__AVX2__)
#include "sample_steps.h"

const sample_steps *audio_sample_steps_avx2(const audio_layout *layout)
{
    return steps_for(layout);
}
#else
#include "sample_machine.h"

const sample_steps *audio_sample_steps_avx2(const audio_layout *layout)
{
    (void)layout;
    return NULL;
}
#endif
