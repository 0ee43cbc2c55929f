// SPDX-License-Identifier: Apache-2.0
// The ops of the integer transformer in plain C: the specification in executable form.
// docs/numerics.md gives the formula and the overflow bound of each. All functions are
// pure and [thread-safe]; arrays are row-major, `n` counts positions.
#ifndef VLMC_CPU_OPS_H
#define VLMC_CPU_OPS_H

#include "../model/model.h"

#include <stdint.h>

#define VLMC_RESIDUAL_MAX 32767 // |residual|, units 1/64
#define VLMC_INT8_MAX 127       // |activation|; -128 never occurs
#define VLMC_RELU2_MAX 180      // feed-forward value before squaring, units 1/64
#define VLMC_LOGIT_MAX 32767    // |logit|, units 1/1024 of a bit
#define VLMC_EXP2_ENTRIES 256
#define VLMC_EXP2_ONE 16384 // weight of the largest attention score
#define VLMC_FREQUENCY_BITS 24

// round(VLMC_EXP2_ONE * 2^(-i/256)), integers in the source: no libm decides a bit.
extern const uint16_t vlmc_exp2_table[VLMC_EXP2_ENTRIES];

// round(2^24 * 2^(-i/1024)).
extern const uint32_t vlmc_exp2_fine_table[1024];

// floor((acc * multiplier + 2^(shift-1)) / 2^shift); multiplier 0..65535, shift 16..46.
int32_t vlmc_op_requant(int32_t acc, int32_t multiplier, int32_t shift);

// floor(sqrt(x)).
uint32_t vlmc_op_isqrt(uint32_t x);

// wide[p][c * dim + j] = tables[c][rows[p][c]][j]
//   rows // (n, n_contexts)      wide // (n, n_contexts * context_dim)
void vlmc_op_gather(const vlmc_model *model, uint32_t n, const uint32_t *rows, int8_t *wide);

// x[p] = token[tokens[p]]: x // (n, width)
void vlmc_op_token(const vlmc_model *model, uint32_t n, const uint16_t *tokens, int16_t *x);

// y[p][m] = clamp(requant(Σ_k w[m][k] a[p][k]), ±127): a // (n, cols), y // (n, rows)
void vlmc_op_linear_int8(const vlmc_linear *linear, uint32_t n, const int8_t *a, int8_t *y);

// u = clamp(requant(…), 0, 180), y = min((u² + 128) >> 8, 127)
void vlmc_op_linear_relu2(const vlmc_linear *linear, uint32_t n, const int8_t *a, int8_t *y);

// x[p][m] = clamp(x[p][m] + clamp(requant(…), ±32767), ±32767): x // (n, rows)
void vlmc_op_linear_add(const vlmc_linear *linear, uint32_t n, const int8_t *a, int16_t *x);

// y[p][m] = clamp(requant(…), ±32767): y // (n, rows)
void vlmc_op_linear_int16(const vlmc_linear *linear, uint32_t n, const int8_t *a, int16_t *y);

// y[p][i] = (max(g, 0) * u + 64) >> 7 with g = gated[p][i], u = gated[p][hidden + i]
//   gated // (n, 2 * hidden)     y // (n, hidden)
void vlmc_op_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y);

// y[p] = clamp(round(32 x[p] / rms(x[p])), ±127): x // (n, width), y // (n, width)
void vlmc_op_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y);

// One query position of one head over `count` (1..1024) keys, nearest first; keys[i] and
// values[i] are the rows at distance i:
//   keys[i], values[i] // (head_dim)
//   q // (head_dim)    bias // (count)    y // (head_dim)
void vlmc_op_attention(uint32_t count, uint32_t head_dim, const int8_t *q,
                       const int8_t *const *keys, const int8_t *const *values, const int32_t *bias,
                       int8_t *y);

// Logits to frequencies // (vocab), each >= 1, that sum to exactly 2^24; vocab 2..65536.
void vlmc_op_frequencies(uint32_t vocab, const int16_t *logits, uint32_t *frequencies);

#endif
