// SPDX-License-Identifier: Apache-2.0
// The NEON kernels, compiled twice: base_neon.c for any ARMv8.0, dotprod_neon.c for CPUs with
// the dot product extension. The includer defines, before it includes this,
//   static inline int32x4_t dot4(int32x4_t acc, int8x16_t a, int8x16_t b);
//     acc[i] + Σ_j a[4i + j] b[4i + j], no operand being -128
#ifndef VLMC_CPU_NEON_KERNELS_H
#define VLMC_CPU_NEON_KERNELS_H

#include "kernels.h"
#include "norm_scale.h"
#include "ops.h"

#include <arm_neon.h>

#define VLMC_INLINE static inline __attribute__((always_inline))
#define BLOCK VLMC_CPU_KEY_BLOCK
#define TILE_ROWS 4u // rows (positions or queries) that share each load of 16 weights or keys
// Slots that a tile can touch: 1024 of the window, TILE_ROWS - 1 further positions, both ends
// rounded to blocks.
#define SLOTS_MAX 1088u

// Panel p is (cols / 4, 16 outputs, 4) int8; blocks of 16 keys have the same layout.
static size_t panel_bytes(uint32_t rows, uint32_t cols)
{
    return (size_t)rows * cols;
}

static void pack(vlmc_cpu_linear *linear)
{
    const size_t cols = linear->cols;
    int8_t *panel = linear->panels;
    for (uint32_t i = 0; i < linear->n_parts; i++)
        for (size_t row = 0; row < linear->parts[i].rows; row += 16, panel += 16 * cols) {
            const int8_t *w = linear->parts[i].weight + row * cols;
            for (size_t r = 0; r < 16; r++)
                for (size_t k = 0; k < cols; k++)
                    panel[k / 4 * 64 + r * 4 + k % 4] = w[r * cols + k];
        }
}

// 16 int32 values in order.
typedef struct lanes16 {
    int32x4_t v[4];
} lanes16;

// sums[r] = Σ_k panel * a[r] for R rows.
VLMC_INLINE void tile(const uint32_t R, size_t cols, const int8_t *panel,
                      const int8_t *const a[TILE_ROWS], lanes16 sums[TILE_ROWS])
{
    int32x4_t acc[TILE_ROWS][4];
#pragma GCC unroll 4
    for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            acc[r][i] = vdupq_n_s32(0);
    for (size_t k = 0; k < cols; k += 4, panel += 64) {
        int8x16_t w[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            w[i] = vld1q_s8(panel + 16 * i);
#pragma GCC unroll 4
        for (uint32_t r = 0; r < R; r++) {
            int32_t quad;
            __builtin_memcpy(&quad, a[r] + k, 4);
            const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(quad));
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                acc[r][i] = dot4(acc[r][i], w[i], x);
        }
    }
#pragma GCC unroll 4
    for (uint32_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            sums[r].v[i] = acc[r][i];
}

static void run_tile(uint32_t rows, size_t cols, const int8_t *panel,
                     const int8_t *const a[TILE_ROWS], lanes16 sums[TILE_ROWS])
{
    switch (rows) {
    case 1:
        tile(1, cols, panel, a, sums);
        break;
    case 2:
        tile(2, cols, panel, a, sums);
        break;
    case 3:
        tile(3, cols, panel, a, sums);
        break;
    default:
        tile(4, cols, panel, a, sums);
    }
}

// Requantises outputs 8 half .. 8 half + 7. vrshl by a negative count shifts right and rounds
// by adding 2^(shift-1), in 64 bits that cannot overflow here.
VLMC_INLINE void requant8(int32x4_t *low, int32x4_t *high, const vlmc_cpu_requant *q, int half)
{
    const int32_t *m = q->multiplier + 8 * half;
    const int64_t *se = q->shift_even + 4 * half, *so = q->shift_odd + 4 * half;
    const int32x4_t m0 = vld1q_s32(m), m1 = vld1q_s32(m + 4);
    const int32x4_t even = vuzp1q_s32(*low, *high), odd = vuzp2q_s32(*low, *high);
    const int32x4_t me = vuzp1q_s32(m0, m1), mo = vuzp2q_s32(m0, m1);
    const int64x2_t e0 =
        vrshlq_s64(vmull_s32(vget_low_s32(even), vget_low_s32(me)), vnegq_s64(vld1q_s64(se)));
    const int64x2_t e1 = vrshlq_s64(vmull_high_s32(even, me), vnegq_s64(vld1q_s64(se + 2)));
    const int64x2_t o0 =
        vrshlq_s64(vmull_s32(vget_low_s32(odd), vget_low_s32(mo)), vnegq_s64(vld1q_s64(so)));
    const int64x2_t o1 = vrshlq_s64(vmull_high_s32(odd, mo), vnegq_s64(vld1q_s64(so + 2)));
    const int32x4_t e = vcombine_s32(vmovn_s64(e0), vmovn_s64(e1));
    const int32x4_t o = vcombine_s32(vmovn_s64(o0), vmovn_s64(o1));
    *low = vzip1q_s32(e, o);
    *high = vzip2q_s32(e, o);
}

// 8 int16 values in order, clamped to ±32767.
VLMC_INLINE int16x8_t clamp_int16(int32x4_t low, int32x4_t high)
{
    return vmaxq_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high)), vdupq_n_s16(-32767));
}

// 16 int8 values in order, clamped to ±127.
VLMC_INLINE int8x16_t pack_int8(const lanes16 *v)
{
    const int8x8_t low = vqmovn_s16(clamp_int16(v->v[0], v->v[1]));
    const int8x8_t high = vqmovn_s16(clamp_int16(v->v[2], v->v[3]));
    return vmaxq_s8(vcombine_s8(low, high), vdupq_n_s8(-VLMC_INT8_MAX));
}

static void finish(vlmc_cpu_epilogue epilogue, const vlmc_cpu_requant *q, lanes16 v, void *y,
                   size_t at)
{
    requant8(&v.v[0], &v.v[1], q, 0);
    requant8(&v.v[2], &v.v[3], q, 1);
    if (epilogue == VLMC_CPU_RELU2)
        for (int i = 0; i < 4; i++) {
            const int32x4_t positive = vmaxq_s32(v.v[i], vdupq_n_s32(0));
            const int32x4_t u = vminq_s32(positive, vdupq_n_s32(VLMC_RELU2_MAX));
            v.v[i] = vrshrq_n_s32(vmulq_s32(u, u), 8);
        }
    switch (epilogue) {
    case VLMC_CPU_INT8:
    case VLMC_CPU_RELU2:
        vst1q_s8((int8_t *)y + at, pack_int8(&v));
        break;
    case VLMC_CPU_ADD:
        for (int i = 0; i < 2; i++) {
            int16_t *x = (int16_t *)y + at + 8 * i;
            const int16x8_t sum = vqaddq_s16(vld1q_s16(x), clamp_int16(v.v[2 * i], v.v[2 * i + 1]));
            vst1q_s16(x, vmaxq_s16(sum, vdupq_n_s16(-VLMC_RESIDUAL_MAX)));
        }
        break;
    case VLMC_CPU_INT16:
        for (int i = 0; i < 2; i++)
            vst1q_s16((int16_t *)y + at + 8 * i, clamp_int16(v.v[2 * i], v.v[2 * i + 1]));
        break;
    }
}

static void run_linear(const vlmc_cpu_linear *linear, vlmc_cpu_epilogue epilogue, uint32_t n,
                       const int8_t *a, void *y)
{
    const size_t cols = linear->cols, stride = linear->rows;
    for (uint32_t at = 0, rows; at < n; at += rows, a += rows * cols) {
        rows = n - at < TILE_ROWS ? n - at : TILE_ROWS;
        const int8_t *inputs[TILE_ROWS];
        lanes16 sums[TILE_ROWS];
        for (uint32_t r = 0; r < TILE_ROWS; r++)
            inputs[r] = a + (r < rows ? r : 0) * cols;
        for (uint32_t p = 0; p < linear->rows / 16; p++) {
            const int8_t *panel = (const int8_t *)linear->panels + p * 16 * cols;
            run_tile(rows, cols, panel, inputs, sums);
            for (uint32_t r = 0; r < rows; r++)
                finish(epilogue, &linear->requant[p], sums[r], y, (at + r) * stride + p * 16);
        }
    }
}

static void run_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y)
{
    for (uint32_t p = 0; p < n; p++, gated += 2 * (size_t)hidden, y += hidden)
        for (uint32_t i = 0; i < hidden; i += 8) {
            const int8x8_t gate = vmax_s8(vld1_s8(gated + i), vdup_n_s8(0));
            vst1_s8(y + i, vrshrn_n_s16(vmull_s8(gate, vld1_s8(gated + hidden + i)), 7));
        }
}

// (v * multiplier + 2^(shift-1)) >> shift of 4 lanes.
VLMC_INLINE int32x4_t scale_uniform(int32x4_t v, int32_t multiplier, int32_t shift)
{
    const int64x2_t count = vdupq_n_s64(-shift);
    const int64x2_t low = vrshlq_s64(vmull_n_s32(vget_low_s32(v), multiplier), count);
    const int64x2_t high = vrshlq_s64(vmull_high_n_s32(v, multiplier), count);
    return vcombine_s32(vmovn_s64(low), vmovn_s64(high));
}

static void run_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y)
{
    const uint32_t root_width = vlmc_op_isqrt(width << 16);
    for (uint32_t p = 0; p < n; p++, x += width, y += width) {
        int64x2_t sum = vdupq_n_s64(0);
        for (uint32_t i = 0; i < width; i += 8) {
            const int16x8_t v = vld1q_s16(x + i);
            sum = vpadalq_s32(sum, vmull_s16(vget_low_s16(v), vget_low_s16(v)));
            sum = vpadalq_s32(sum, vmull_high_s16(v, v));
        }
        const vlmc_norm_scale scale = vlmc_norm_scale_of((uint64_t)vaddvq_s64(sum), root_width);
        for (uint32_t i = 0; i < width; i += 16) {
            lanes16 v;
            for (int j = 0; j < 4; j++)
                v.v[j] =
                    scale_uniform(vmovl_s16(vld1_s16(x + i + 4 * j)), scale.factor, scale.shift);
            vst1q_s8(y + i, pack_int8(&v));
        }
    }
}

// A ring is keys in blocks (head_dim / 4, 16 slots, 4), then values (capacity, head_dim).
static size_t ring_bytes(uint32_t head_dim, uint32_t capacity)
{
    return 2 * (size_t)capacity * head_dim;
}

static void store(const vlmc_cpu_attention *attention, void *ring, uint64_t position, uint32_t n,
                  const int8_t *k, const int8_t *v, size_t stride)
{
    const size_t dim = attention->head_dim;
    int8_t *keys = ring, *values = keys + attention->capacity * dim;
    for (uint32_t p = 0; p < n; p++, k += stride, v += stride) {
        const size_t slot = (size_t)((position + p) % attention->capacity);
        int8_t *key = keys + slot / BLOCK * BLOCK * dim + slot % BLOCK * 4;
        for (size_t j = 0; j < dim; j += 4)
            __builtin_memcpy(key + j * BLOCK, k + j, 4);
        __builtin_memcpy(values + slot * dim, v, dim);
    }
}

// Queries that share their loads. Slot i is position first_block * 16 + i.
typedef struct tile_state {
    int32_t scores[TILE_ROWS][SLOTS_MAX];
    int16_t weights[TILE_ROWS][SLOTS_MAX];
    const int8_t *q[TILE_ROWS];
    const int32_t *bias[TILE_ROWS]; // of slot 0
    int8_t *y[TILE_ROWS];
    uint32_t total[TILE_ROWS];
    uint32_t ring_block; // of the first block
    uint32_t ring_blocks;
    uint32_t blocks;
} tile_state;

static void score(uint32_t queries, uint32_t dim, const int8_t *keys, tile_state *s)
{
    lanes16 dots[TILE_ROWS];
    for (uint32_t b = 0, at = s->ring_block; b < s->blocks; b++) {
        run_tile(queries, dim, keys + (size_t)at * BLOCK * dim, s->q, dots);
        at = at + 1 == s->ring_blocks ? 0 : at + 1;
        for (uint32_t r = 0; r < queries; r++)
            for (uint32_t i = 0; i < 4; i++) {
                const size_t slot = (size_t)b * BLOCK + 4 * i;
                vst1q_s32(s->scores[r] + slot,
                          vaddq_s32(dots[r].v[i], vld1q_s32(s->bias[r] + slot)));
            }
    }
}

// attention_weight() of ops.c; table entries are below 2^15, so 15 octaves and more give 0.
static void weigh(uint32_t queries, tile_state *s)
{
    const uint32_t slots = s->blocks * BLOCK;
    for (uint32_t r = 0; r < queries; r++) {
        int32x4_t best = vdupq_n_s32(VLMC_CPU_HIDDEN);
        for (uint32_t i = 0; i < slots; i += 4)
            best = vmaxq_s32(best, vld1q_s32(s->scores[r] + i));
        const int32_t largest = vmaxvq_s32(best);
        uint32_t total = 0;
        for (uint32_t i = 0; i < slots; i++) {
            const uint32_t gap = (uint32_t)(largest - s->scores[r][i]), octave = gap >> 12;
            const uint32_t weight = octave > 14 ? 0 : vlmc_exp2_table[gap >> 4 & 255] >> octave;
            s->weights[r][i] = (int16_t)weight;
            total += weight;
        }
        s->total[r] = total;
    }
}

// Weighted values of one query.
static void mix(uint32_t r, uint32_t dim, const int8_t *values, const tile_state *s)
{
    const uint32_t total = s->total[r];
    const int32_t bits = 32 - __builtin_clz(total);
    const int32_t excess = bits > 16 ? bits - 16 : 0;
    const int32_t reciprocal = (int32_t)(0x7FFFFFFFu / (total >> excess));
    for (uint32_t j = 0; j < dim; j += 16) {
        lanes16 sum;
        for (int i = 0; i < 4; i++)
            sum.v[i] = vdupq_n_s32(0);
        for (uint32_t b = 0, at = s->ring_block; b < s->blocks; b++) {
            const int8_t *value = values + (size_t)at * BLOCK * dim + j;
            const int16_t *weight = s->weights[r] + (size_t)b * BLOCK;
            at = at + 1 == s->ring_blocks ? 0 : at + 1;
            if (vmaxvq_s16(vorrq_s16(vld1q_s16(weight), vld1q_s16(weight + 8))) == 0)
                continue;
            for (uint32_t i = 0; i < BLOCK; i++, value += dim) {
                const int8x16_t v = vld1q_s8(value);
                const int16x8_t low = vmovl_s8(vget_low_s8(v)), high = vmovl_high_s8(v);
                sum.v[0] = vmlal_n_s16(sum.v[0], vget_low_s16(low), weight[i]);
                sum.v[1] = vmlal_high_n_s16(sum.v[1], low, weight[i]);
                sum.v[2] = vmlal_n_s16(sum.v[2], vget_low_s16(high), weight[i]);
                sum.v[3] = vmlal_high_n_s16(sum.v[3], high, weight[i]);
            }
        }
        for (int i = 0; i < 4; i++)
            sum.v[i] = scale_uniform(sum.v[i], reciprocal, 30 + excess);
        vst1q_s8(s->y[r] + j, pack_int8(&sum));
    }
}

static void attend(const vlmc_cpu_attention *attention, const void *ring, uint64_t position,
                   uint32_t n, const int8_t *q, size_t q_stride, int8_t *y, size_t y_stride)
{
    const uint32_t dim = attention->head_dim, group = attention->group;
    const uint32_t window = attention->window;
    const uint64_t queries = (uint64_t)n * group;
    const int8_t *keys = ring, *values = keys + (size_t)attention->capacity * dim;
    tile_state s = {.ring_blocks = attention->capacity / BLOCK};
    for (uint64_t at = 0; at < queries; at += TILE_ROWS) {
        const uint32_t count = queries - at < TILE_ROWS ? (uint32_t)(queries - at) : TILE_ROWS;
        const uint64_t nearest = position + at / group;
        const uint64_t farthest = position + (at + count - 1) / group;
        const uint64_t first = nearest + 1 > window ? nearest + 1 - window : 0;
        const uint64_t first_block = first / BLOCK;
        s.ring_block = (uint32_t)(first_block % s.ring_blocks);
        s.blocks = (uint32_t)(farthest / BLOCK - first_block) + 1;
        for (uint32_t r = 0; r < count; r++) {
            const uint64_t p = (at + r) / group;
            const size_t head = (size_t)((at + r) % group);
            // Slot 0 lies at this distance, which may be outside of the window by less than
            // BLOCK + TILE_ROWS: the pad of the biases covers it.
            const int64_t distance = (int64_t)(position + p - first_block * BLOCK);
            s.q[r] = q + p * q_stride + head * dim;
            s.y[r] = y + p * y_stride + head * dim;
            s.bias[r] = attention->reversed + head * attention->reversed_stride +
                        ((int64_t)window - 1 - distance);
        }
        score(count, dim, keys, &s);
        weigh(count, &s);
        for (uint32_t r = 0; r < count; r++)
            mix(r, dim, values, &s);
    }
}

static const vlmc_cpu_kernels table = {
    .name = "neon",
    .panel_bytes = panel_bytes,
    .pack = pack,
    .linear = run_linear,
    .reglu = run_reglu,
    .norm = run_norm,
    .ring_bytes = ring_bytes,
    .store = store,
    .attend = attend,
    .frequencies = vlmc_op_frequencies,
};

#endif
