// SPDX-License-Identifier: Apache-2.0
// What the twin does between two matrix products, in one pass over memory each: fused.py compiles
// this file for the processor at hand and calls it through ctypes. Matrices are row-major; bf16 is
// the upper half of a float32. Rounded values are integers that bf16 carries exactly.
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t bf16;

#define LN2 0.69314718f
#define EACH_ROW _Pragma("omp parallel for schedule(static)")

static inline float wide(bf16 x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline bf16 narrow(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (bf16)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static inline float clamped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

// x // (n, d) -> out: x / rms in units of 1 / scale; inverse // (n): 1 / rms
void fused_norm(const float *x, int64_t n, int64_t d, float scale, bf16 *out, float *inverse)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++) {
        const float *a = x + r * d;
        float sum = 0;
        for (int64_t i = 0; i < d; i++)
            sum += a[i] * a[i];
        inverse[r] = 1.0f / sqrtf(sum / (float)d + 1e-6f);
        const float f = inverse[r] * scale;
        for (int64_t i = 0; i < d; i++)
            out[r * d + i] = narrow(clamped(rintf(a[i] * f), -127, 127));
    }
}

// gradient: of the rounded values // (n, d); out: residual + the gradient of x // (n, d)
void fused_norm_back(const float *x, const float *inverse, const bf16 *gradient,
                     const float *residual, int64_t n, int64_t d, float scale, float *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++) {
        const float *a = x + r * d;
        const float f = inverse[r], limit = 127 / scale;
        float dot = 0;
        for (int64_t i = 0; i < d; i++) {
            const float y = a[i] * f;
            dot += fabsf(y) < limit ? wide(gradient[r * d + i]) * y : 0;
        }
        dot /= (float)d;
        for (int64_t i = 0; i < d; i++) {
            const float y = a[i] * f, g = fabsf(y) < limit ? wide(gradient[r * d + i]) : 0;
            out[r * d + i] = (residual ? residual[r * d + i] : 0) + f * scale * (g - y * dot);
        }
    }
}

// x + z * factor, a factor for each column // (n, d)
void fused_residual(const float *x, const bf16 *z, const float *factor, int64_t n, int64_t d,
                    float *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++)
            out[r * d + i] = x[r * d + i] + wide(z[r * d + i]) * factor[i];
}

// x * factor // (n, d)
void fused_scale(const float *x, const float *factor, int64_t n, int64_t d, bf16 *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++)
            out[r * d + i] = narrow(x[r * d + i] * factor[i]);
}

// The feed-forward activation: u = 0..180, u * u / 256 = 0..127 // (n, d)
void fused_square(const bf16 *z, const float *factor, int64_t n, int64_t d, bf16 *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++) {
            const float u = clamped(rintf(wide(z[r * d + i]) * factor[i]), 0, 180);
            out[r * d + i] = narrow(clamped(rintf(u * u * (1.0f / 256)), 0, 127));
        }
}

// gradient // (n, d) becomes the gradient of z.
void fused_square_back(const bf16 *z, const float *factor, int64_t n, int64_t d, bf16 *gradient)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++) {
            const float y = wide(z[r * d + i]) * factor[i], u = clamped(rintf(y), 0, 180);
            const float g = wide(gradient[r * d + i]) * u * factor[i] * (2.0f / 256);
            gradient[r * d + i] = narrow(y > 0 && y < 180 && u * u < 127 * 256 ? g : 0);
        }
}

// The gated activation: z // (n, 2 d) holds gate and value, both -127..127; out // (n, d):
// max(gate, 0) * value / 128
void fused_gate(const bf16 *z, const float *factor, int64_t n, int64_t d, bf16 *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++) {
            const bf16 *a = z + r * 2 * d + i;
            const float gate = clamped(rintf(wide(a[0]) * factor[i]), 0, 127);
            const float value = clamped(rintf(wide(a[d]) * factor[d + i]), -127, 127);
            out[r * d + i] = narrow(clamped(rintf(gate * value * (1.0f / 128)), -127, 127));
        }
}

// gradient // (n, d) -> gz // (n, 2 d)
void fused_gate_back(const bf16 *z, const float *factor, const bf16 *gradient, int64_t n, int64_t d,
                     bf16 *gz)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++) {
            const bf16 *a = z + r * 2 * d + i;
            const float x = wide(a[0]) * factor[i], y = wide(a[d]) * factor[d + i];
            const float gate = clamped(rintf(x), 0, 127), value = clamped(rintf(y), -127, 127);
            const float g = fabsf(gate * value) < 127 * 128 ? wide(gradient[r * d + i]) / 128 : 0;
            gz[r * 2 * d + i] = narrow(x > 0 && x < 127 ? g * value * factor[i] : 0);
            gz[r * 2 * d + d + i] = narrow(fabsf(y) < 127 ? g * gate * factor[d + i] : 0);
        }
}

// z // (b, t, parts * heads * 64) of one part at column `first`, rounded, as out // (b,
// heads_outer, t, heads_inner, 64)
void fused_split(const bf16 *z, const float *factor, int64_t b, int64_t t, int64_t columns,
                 int64_t first, int64_t outer, int64_t inner, bf16 *out)
{
    EACH_ROW
    for (int64_t r = 0; r < b * t; r++)
        for (int64_t o = 0; o < outer; o++) {
            const int64_t from = first + o * inner * 64;
            bf16 *to = out + ((r / t * outer + o) * t + r % t) * inner * 64;
            for (int64_t i = 0; i < inner * 64; i++)
                to[i] = narrow(
                    clamped(rintf(wide(z[r * columns + from + i]) * factor[from + i]), -127, 127));
        }
}

// The gradient of that, into gz // like z
void fused_split_back(const bf16 *z, const float *factor, const bf16 *gradient, int64_t b,
                      int64_t t, int64_t columns, int64_t first, int64_t outer, int64_t inner,
                      bf16 *gz)
{
    EACH_ROW
    for (int64_t r = 0; r < b * t; r++)
        for (int64_t o = 0; o < outer; o++) {
            const int64_t from = first + o * inner * 64;
            const bf16 *g = gradient + ((r / t * outer + o) * t + r % t) * inner * 64;
            for (int64_t i = 0; i < inner * 64; i++) {
                const int64_t at = r * columns + from + i;
                gz[at] = narrow(fabsf(wide(z[at]) * factor[from + i]) < 127
                                    ? wide(g[i]) * factor[from + i]
                                    : 0);
            }
        }
}

// y // (b, outer, t, inner, 64) rounded and as out // (b, t, outer * inner * 64)
void fused_join(const bf16 *y, float factor, int64_t b, int64_t t, int64_t outer, int64_t inner,
                bf16 *out)
{
    EACH_ROW
    for (int64_t r = 0; r < b * t; r++)
        for (int64_t o = 0; o < outer; o++) {
            const bf16 *from = y + ((r / t * outer + o) * t + r % t) * inner * 64;
            bf16 *to = out + (r * outer + o) * inner * 64;
            for (int64_t i = 0; i < inner * 64; i++)
                to[i] = narrow(clamped(rintf(wide(from[i]) * factor), -127, 127));
        }
}

void fused_join_back(const bf16 *y, float factor, const bf16 *gradient, int64_t b, int64_t t,
                     int64_t outer, int64_t inner, bf16 *gy)
{
    EACH_ROW
    for (int64_t r = 0; r < b * t; r++)
        for (int64_t o = 0; o < outer; o++) {
            const int64_t to = ((r / t * outer + o) * t + r % t) * inner * 64;
            const bf16 *g = gradient + (r * outer + o) * inner * 64;
            for (int64_t i = 0; i < inner * 64; i++)
                gy[to + i] =
                    narrow(fabsf(wide(y[to + i]) * factor) < 127 ? wide(g[i]) * factor : 0);
        }
}

// The keys that a position attends to: `length` of them, up to its own, at column `first` of the
// columns that a matrix product gave it. Queries come in blocks of `block` positions; where that is
// all of them the columns are the positions, otherwise the positions of the block before and of its
// own.
typedef struct {
    int64_t first, length, columns;
} keys;

static inline keys keys_of(int64_t here, int64_t t, int64_t block, int64_t window)
{
    const int64_t length = here + 1 < window ? here + 1 : window;
    const int64_t start = block == t ? 0 : here / block * block - block;
    return (keys){here + 1 - length - start, length, block == t ? t : 2 * block};
}

// Scores s // (b, outer, t, inner, columns) in units of 2^-12 become probabilities of the last
// `window` positions. bias // (outer * inner, window): in log2 units by distance, the farthest
// first
void fused_softmax(bf16 *s, const float *bias, int64_t b, int64_t outer, int64_t t, int64_t inner,
                   int64_t block, int64_t window)
{
    EACH_ROW
    for (int64_t r = 0; r < b * outer * t; r++) {
        const keys k = keys_of(r % t, t, block, window);
        for (int64_t h = 0; h < inner; h++) {
            bf16 *a = s + (r * inner + h) * k.columns;
            const float *by = bias + (r / t % outer * inner + h) * window + window - k.length;
            float e[k.length], most = -1e30f, sum = 0;
            for (int64_t j = 0; j < k.length; j++) {
                e[j] = (wide(a[k.first + j]) * (1.0f / 4096) + by[j]) * LN2;
                most = e[j] > most ? e[j] : most;
            }
            for (int64_t j = 0; j < k.length; j++) {
                e[j] = expf(e[j] - most);
                sum += e[j];
            }
            memset(a, 0, (size_t)k.columns * sizeof *a);
            for (int64_t j = 0; j < k.length; j++)
                a[k.first + j] = narrow(e[j] / sum);
        }
    }
}

// g: gradient of the probabilities p, becomes that of the scores; by: adds up that of the bias,
// a copy // (threads, outer * inner, window) for each thread
void fused_softmax_back(const bf16 *p, bf16 *g, float *by, int64_t b, int64_t outer, int64_t t,
                        int64_t inner, int64_t block, int64_t window)
{
    EACH_ROW
    for (int64_t r = 0; r < b * outer * t; r++) {
        const keys k = keys_of(r % t, t, block, window);
        for (int64_t h = 0; h < inner; h++) {
            const bf16 *a = p + (r * inner + h) * k.columns + k.first;
            bf16 *d = g + (r * inner + h) * k.columns;
            const int64_t row = r / t % outer * inner + h;
            float *sums = by + ((int64_t)omp_get_thread_num() * outer * inner + row) * window +
                          window - k.length;
            float e[k.length], dot = 0;
            for (int64_t j = 0; j < k.length; j++) {
                e[j] = wide(d[k.first + j]);
                dot += wide(a[j]) * e[j];
            }
            memset(d, 0, (size_t)k.columns * sizeof *d);
            for (int64_t j = 0; j < k.length; j++) {
                e[j] = wide(a[j]) * (e[j] - dot) * LN2;
                sums[j] += e[j];
                d[k.first + j] = narrow(e[j] * (1.0f / 4096));
            }
        }
    }
}

// Logits z // (n, 256) in log2 units by factor; losses // (n) in nats; z becomes the gradient of
// scale * losses, when scale is not 0.
void fused_loss(bf16 *z, const float *factor, const int64_t *target, int64_t n, float scale,
                float *losses)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++) {
        bf16 *a = z + r * 256;
        float e[256], most = -1e30f, sum = 0;
        for (int i = 0; i < 256; i++) {
            e[i] = wide(a[i]) * factor[i] * LN2;
            most = e[i] > most ? e[i] : most;
        }
        const float wanted = e[target[r]] - most;
        for (int i = 0; i < 256; i++) {
            e[i] = expf(e[i] - most);
            sum += e[i];
        }
        losses[r] = logf(sum) - wanted;
        if (scale == 0)
            continue;
        e[target[r]] -= sum;
        const float f = scale * LN2 / sum;
        for (int i = 0; i < 256; i++)
            a[i] = narrow(e[i] * f * factor[i]);
    }
}

// Rows of a table // (·, d), rounded, into columns of out // (n, columns)
void fused_gather(const float *table, const int64_t *rows, int64_t n, int64_t d, float scale,
                  int64_t columns, bf16 *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++) {
        const float *from = table + rows[r] * d;
        for (int64_t i = 0; i < d; i++)
            out[r * columns + i] = narrow(clamped(rintf(from[i] * scale), -127, 127));
    }
}

// The gradient of the rows, out // (n, d)
void fused_gather_back(const float *table, const int64_t *rows, const bf16 *gradient, int64_t n,
                       int64_t d, float scale, int64_t columns, float *out)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++) {
        const float *from = table + rows[r] * d;
        for (int64_t i = 0; i < d; i++)
            out[r * d + i] =
                fabsf(from[i] * scale) < 127 ? wide(gradient[r * columns + i]) * scale : 0;
    }
}

// x // (n, d): token[before] + z * factor
void fused_begin(const float *token, const int64_t *before, const bf16 *z, const float *factor,
                 int64_t n, int64_t d, float *x)
{
    EACH_ROW
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < d; i++)
            x[r * d + i] = token[before[r] * d + i] + wide(z[r * d + i]) * factor[i];
}

// Adam for the rows of a table // (·, d) that have gradients: gradient // (n, d), of row rows[i]
// each, rows may repeat. first, second: its moments; sums // (·, d): zeros, and zeros again
// afterwards. Bias corrections are in rate and in epsilon. Adds in the order of the gradients,
// whatever the number of threads.
void fused_adam_rows(float *table, float *first, float *second, float *sums, const int64_t *rows,
                     const float *gradient, int64_t n, int64_t d, float beta1, float beta2,
                     float rate, float epsilon)
{
#pragma omp parallel
    {
        const int64_t threads = omp_get_num_threads(), mine = omp_get_thread_num();
        for (int64_t i = 0; i < n; i++)
            if (rows[i] % threads == mine) {
                float *to = sums + rows[i] * d;
                for (int64_t k = 0; k < d; k++)
                    to[k] += gradient[i * d + k];
            }
        for (int64_t i = n; i-- > 0;) {
            const int64_t at = rows[i] * d;
            bool some = false;
            if (rows[i] % threads != mine)
                continue;
            for (int64_t k = 0; k < d; k++)
                some |= sums[at + k] != 0;
            if (!some) // done already, or nothing to do
                continue;
            for (int64_t k = 0; k < d; k++) {
                const float g = sums[at + k];
                first[at + k] = beta1 * first[at + k] + (1 - beta1) * g;
                second[at + k] = beta2 * second[at + k] + (1 - beta2) * g * g;
                table[at + k] -= rate * first[at + k] / (sqrtf(second[at + k]) + epsilon);
                sums[at + k] = 0;
            }
        }
    }
}
