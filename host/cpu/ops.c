// SPDX-License-Identifier: Apache-2.0
#include "ops.h"

#include <string.h>

static int32_t clamp(int32_t x, int32_t lo, int32_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

int32_t vlmc_op_requant(int32_t acc, int32_t multiplier, int32_t shift)
{
    // |acc * multiplier| < 2^31 * 2^16, so the sum stays below 2^48 and the result in int32.
    int64_t product = (int64_t)acc * multiplier + (INT64_C(1) << (shift - 1));
    return (int32_t)(product >> shift);
}

uint32_t vlmc_op_isqrt(uint32_t x)
{
    uint32_t root = 0;
    for (uint32_t bit = 1u << 15; bit; bit >>= 1) {
        uint32_t trial = root | bit;
        if (trial * trial <= x)
            root = trial;
    }
    return root;
}

void vlmc_op_gather(const vlmc_model *model, uint32_t n, const uint32_t *rows, int8_t *wide)
{
    const uint32_t contexts = model->hp.n_contexts, dim = model->hp.context_dim;
    for (uint32_t p = 0; p < n; p++)
        for (uint32_t c = 0; c < contexts; c++)
            memcpy(wide + ((size_t)p * contexts + c) * dim,
                   model->tables[c] + (size_t)rows[(size_t)p * contexts + c] * dim, dim);
}

void vlmc_op_token(const vlmc_model *model, uint32_t n, const uint16_t *tokens, int16_t *x)
{
    const uint32_t width = model->hp.width;
    for (uint32_t p = 0; p < n; p++)
        memcpy(x + (size_t)p * width, model->token + (size_t)tokens[p] * width, width * sizeof *x);
}

static int32_t linear_value(const vlmc_linear *linear, const int8_t *a, uint32_t row)
{
    const int8_t *w = linear->weight + (size_t)row * linear->cols;
    int32_t acc = 0; // |acc| <= 127 * 127 * 65536 < 2^30
    for (uint32_t k = 0; k < linear->cols; k++)
        acc += w[k] * a[k];
    return vlmc_op_requant(acc, linear->multiplier[row], linear->shift[row]);
}

void vlmc_op_linear_int8(const vlmc_linear *linear, uint32_t n, const int8_t *a, int8_t *y)
{
    for (uint32_t p = 0; p < n; p++, a += linear->cols, y += linear->rows)
        for (uint32_t m = 0; m < linear->rows; m++)
            y[m] = (int8_t)clamp(linear_value(linear, a, m), -VLMC_INT8_MAX, VLMC_INT8_MAX);
}

void vlmc_op_linear_relu2(const vlmc_linear *linear, uint32_t n, const int8_t *a, int8_t *y)
{
    for (uint32_t p = 0; p < n; p++, a += linear->cols, y += linear->rows)
        for (uint32_t m = 0; m < linear->rows; m++) {
            int32_t u = clamp(linear_value(linear, a, m), 0, VLMC_RELU2_MAX);
            y[m] = (int8_t)((u * u + 128) >> 8); // 180² + 128 < 128 * 256
        }
}

void vlmc_op_linear_add(const vlmc_linear *linear, uint32_t n, const int8_t *a, int16_t *x)
{
    for (uint32_t p = 0; p < n; p++, a += linear->cols, x += linear->rows)
        for (uint32_t m = 0; m < linear->rows; m++) {
            int32_t delta =
                clamp(linear_value(linear, a, m), -VLMC_RESIDUAL_MAX, VLMC_RESIDUAL_MAX);
            x[m] = (int16_t)clamp(x[m] + delta, -VLMC_RESIDUAL_MAX, VLMC_RESIDUAL_MAX);
        }
}

void vlmc_op_linear_int16(const vlmc_linear *linear, uint32_t n, const int8_t *a, int16_t *y)
{
    for (uint32_t p = 0; p < n; p++, a += linear->cols, y += linear->rows)
        for (uint32_t m = 0; m < linear->rows; m++)
            y[m] = (int16_t)clamp(linear_value(linear, a, m), -VLMC_LOGIT_MAX, VLMC_LOGIT_MAX);
}

void vlmc_op_reglu(uint32_t n, uint32_t hidden, const int8_t *gated, int8_t *y)
{
    for (uint32_t p = 0; p < n; p++, gated += 2 * (size_t)hidden, y += hidden)
        for (uint32_t i = 0; i < hidden; i++) {
            int32_t gate = gated[i] > 0 ? gated[i] : 0;
            y[i] = (int8_t)((gate * gated[hidden + i] + 64) >> 7); // |127 * 127| >> 7 = 126
        }
}

void vlmc_op_norm(uint32_t n, uint32_t width, const int16_t *x, int8_t *y)
{
    const uint32_t root_width = vlmc_op_isqrt(width << 16); // sqrt(width) * 2^8, < 2^15
    for (uint32_t p = 0; p < n; p++, x += width, y += width) {
        uint64_t sum = 0; // <= 2^30 * 2^13
        for (uint32_t i = 0; i < width; i++)
            sum += (uint64_t)((int32_t)x[i] * x[i]);
        if (sum == 0)
            sum = 1;
        // sum = scaled * 4^half with scaled in [2^30, 2^32).
        int32_t half = 0;
        while (sum >= UINT64_C(1) << 32) {
            sum >>= 2;
            half++;
        }
        while (sum < UINT64_C(1) << 30) {
            sum <<= 2;
            half--;
        }
        uint32_t inverse = 0x80000000u / vlmc_op_isqrt((uint32_t)sum); // 2^31 / sqrt, <= 2^16
        int32_t factor = (int32_t)(inverse * root_width);              // < 2^31
        int32_t shift = 34 + half;                                     // 19..41
        for (uint32_t i = 0; i < width; i++) {
            int64_t value = (int64_t)x[i] * factor + (INT64_C(1) << (shift - 1));
            y[i] = (int8_t)clamp((int32_t)(value >> shift), -VLMC_INT8_MAX, VLMC_INT8_MAX);
        }
    }
}

static uint32_t bit_length(uint32_t x)
{
    uint32_t bits = 0;
    for (; x; x >>= 1)
        bits++;
    return bits;
}

// Weight of a score that lies `gap` (units 1/4096 of a bit) below the largest one.
static int32_t attention_weight(int32_t gap)
{
    uint32_t octave = (uint32_t)gap >> 12;
    return octave > 14 ? 0 : vlmc_exp2_table[(gap >> 4) & 255] >> octave;
}

void vlmc_op_attention(uint32_t count, uint32_t head_dim, const int8_t *q,
                       const int8_t *const *keys, const int8_t *const *values, const int32_t *bias,
                       int8_t *y)
{
    int32_t score[1024];
    int32_t largest = INT32_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int32_t dot = 0; // |dot| <= 127² * 128 < 2^21
        for (uint32_t j = 0; j < head_dim; j++)
            dot += q[j] * keys[i][j];
        score[i] = dot + bias[i];
        if (score[i] > largest)
            largest = score[i];
    }
    uint32_t total = 0; // 2^14 .. 2^24
    for (uint32_t i = 0; i < count; i++) {
        score[i] = attention_weight(largest - score[i]);
        total += (uint32_t)score[i];
    }
    // 2^31 / total with 16 significant bits of total.
    uint32_t excess = bit_length(total) > 16 ? bit_length(total) - 16 : 0;
    int32_t reciprocal = (int32_t)(0x7FFFFFFFu / (total >> excess)); // 2^15 .. 2^17
    int32_t shift = 30 + (int32_t)excess; // one less than 31: outputs are in half units of v
    for (uint32_t j = 0; j < head_dim; j++) {
        int32_t sum = 0; // |sum| <= 2^14 * 127 * 1024 < 2^31
        for (uint32_t i = 0; i < count; i++)
            sum += score[i] * values[i][j];
        int64_t value = (int64_t)sum * reciprocal + (INT64_C(1) << (shift - 1));
        y[j] = (int8_t)clamp((int32_t)(value >> shift), -VLMC_INT8_MAX, VLMC_INT8_MAX);
    }
}

void vlmc_op_frequencies(uint32_t vocab, const int16_t *logits, uint32_t *frequencies)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    uint64_t total = 0; // <= 2^24 * 2^16
    for (uint32_t i = 0; i < vocab; i++) {
        uint32_t gap = (uint32_t)(logits[best] - logits[i]); // <= 65534
        uint32_t octave = gap >> 10;                         // <= 63
        frequencies[i] = octave > 24 ? 0 : vlmc_exp2_fine_table[gap & 1023] >> octave;
        total += frequencies[i];
    }
    const uint32_t one = 1u << VLMC_FREQUENCY_BITS;
    const uint64_t scale = ((uint64_t)(one - vocab) << 32) / total; // <= 2^32
    uint32_t sum = 0;
    for (uint32_t i = 0; i < vocab; i++) {
        frequencies[i] = 1 + (uint32_t)(frequencies[i] * scale >> 32);
        sum += frequencies[i];
    }
    frequencies[best] += one - sum; // rounding loss, >= 0
}
