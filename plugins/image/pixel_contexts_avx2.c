// SPDX-License-Identifier: Apache-2.0
// The steps of pixel_steps.h for processors with AVX2; plugin.cmake says so to the compiler.
#if defined(__AVX2__)
#include "pixel_steps.h"

const pixel_steps *image_pixel_steps_avx2(const machine *m)
{
    return steps_for(m);
}
#else
#include "pixel_machine.h"

const pixel_steps *image_pixel_steps_avx2(const machine *m)
{
    (void)m;
    return NULL;
}
#endif
