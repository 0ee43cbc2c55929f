// SPDX-License-Identifier: Apache-2.0
// int8 matrix times int8 activations, docs/numerics.md "Linear".
//
// Workgroup (x, y): LANES * 8 rows from row x * LANES * 8 of the bound part, 8 positions from
// position first_position + 8 y. Each lane keeps an 8 × 8 tile of sums; lanes lie along the
// rows, so activations are the same for a whole workgroup. Nothing depends on the subgroup size.
// Bound: |sum| <= 127 * 127 * 65536 < 2^30.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "dot.glsl"
#include "push_constants.h"

layout(local_size_x_id = VLMC_SPEC_LANES) in;
layout(constant_id = VLMC_SPEC_EPILOGUE) const uint EPILOGUE = VLMC_EPILOGUE_INT8;

// (part_rows / 16, col_words, 4): four rows of one word column each
layout(binding = 0) readonly buffer Weights { uvec4 weights[]; };
layout(binding = 1) readonly buffer Scales { uint scales[]; };         // (rows)
layout(binding = 2) readonly buffer Activations { uint activations[]; }; // (n, col_words)
layout(binding = 3) buffer Outputs { uint outputs[]; };                // (n, rows) int8 or int16
layout(push_constant) uniform Push { vlmc_push_linear push; };

const int R = VLMC_TILE_ROWS;
const int P = VLMC_TILE_POSITIONS;

int relu2(int value)
{
    const int u = clamp(value, 0, 180);
    return (u * u + 128) >> 8;
}

void store_tile_row(uint position, uint row, int value[R])
{
    const uint at = position * push.rows + row;
    if (EPILOGUE == VLMC_EPILOGUE_INT8 || EPILOGUE == VLMC_EPILOGUE_RELU2) {
        for (int i = 0; i < R; i++)
            value[i] = EPILOGUE == VLMC_EPILOGUE_INT8 ? clamp(value[i], -127, 127)
                                                      : relu2(value[i]);
        for (int i = 0; i < R; i += 4)
            outputs[(at + i) / 4] =
                pack_bytes(value[i], value[i + 1], value[i + 2], value[i + 3]);
    } else {
        for (int i = 0; i < R; i += 2) {
            int a = clamp(value[i], -32767, 32767);
            int b = clamp(value[i + 1], -32767, 32767);
            if (EPILOGUE == VLMC_EPILOGUE_ADD) {
                const uint old = outputs[(at + i) / 2];
                a = clamp(half_of(old, 0) + a, -32767, 32767);
                b = clamp(half_of(old, 1) + b, -32767, 32767);
            }
            outputs[(at + i) / 2] = pack_halves(a, b);
        }
    }
}

void main()
{
    const uint row = gl_GlobalInvocationID.x * R;
    const uint position = push.first_position + gl_WorkGroupID.y * P;
    if (row >= push.part_rows)
        return;

    int acc[P][R];
    uint source[P];
    for (int p = 0; p < P; p++) {
        source[p] = min(position + p, push.end_position - 1u) * push.col_words;
        for (int r = 0; r < R; r++)
            acc[p][r] = 0;
    }
    uint at = (row / VLMC_BLOCK_ROWS * push.col_words) * 4u + row % VLMC_BLOCK_ROWS / 4u;
    for (uint k = 0; k < push.col_words; k++, at += 4u) {
        const uvec4 w0 = weights[at];
        const uvec4 w1 = weights[at + 1u];
        for (int p = 0; p < P; p++) {
            const uint a = activations[source[p] + k];
            for (int r = 0; r < 4; r++) {
                acc[p][r] = dot_add(acc[p][r], w0[r], a);
                acc[p][r + 4] = dot_add(acc[p][r + 4], w1[r], a);
            }
        }
    }

    uint scale[R];
    for (int r = 0; r < R; r++)
        scale[r] = scales[push.first_row + row + r];
    for (int p = 0; p < P; p++) {
        if (position + p >= push.end_position)
            break;
        int value[R];
        for (int r = 0; r < R; r++)
            value[r] = requant(acc[p][r], scale[r]);
        store_tile_row(position + p, push.first_row + row, value);
    }
}
