// SPDX-License-Identifier: Apache-2.0
// acc + the dot product of two words of four int8. With VLMC_DOT the packed integer dot
// product of SPV_KHR_integer_dot_product, named by its numbers because the glslc of
// Debian 12 does not know GL_EXT_integer_dot_product.
#ifndef VLMC_DOT_GLSL
#define VLMC_DOT_GLSL

#include "integer.glsl"

#ifdef VLMC_DOT
#extension GL_EXT_spirv_intrinsics : require
// OpSDot; capabilities DotProduct and DotProductInput4x8BitPacked; format 0: packed 4×8.
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018],
                  id = 4450)
int packed_dot(int a, int b, spirv_literal int format);

int dot_add(int acc, uint a, uint b)
{
    return acc + packed_dot(int(a), int(b), 0);
}
#else
int dot_add(int acc, uint a, uint b)
{
    acc += byte_of(a, 0) * byte_of(b, 0);
    acc += byte_of(a, 1) * byte_of(b, 1);
    acc += byte_of(a, 2) * byte_of(b, 2);
    acc += byte_of(a, 3) * byte_of(b, 3);
    return acc;
}
#endif

#endif
