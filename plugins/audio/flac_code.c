// SPDX-License-Identifier: Apache-2.0
#include "flac_code.h"

// Numbers of frames count up, or by the samples of the last frame.
static uint64_t expected_number(const flac_header *last)
{
    if (last->block_code == 0)
        return 0;
    return last->number + (last->variable ? last->block_samples : 1);
}

static bool same_header(const flac_header *a, const flac_header *b)
{
    return a->variable == b->variable && a->block_code == b->block_code &&
           a->rate_code == b->rate_code && a->bits_code == b->bits_code &&
           a->rate_extra == b->rate_extra && a->block_samples == b->block_samples;
}

static uint32_t code_raw(flac_code *code, uint32_t n_bits, uint32_t value)
{
    side_code_raw(&code->coder, n_bits, &value);
    return value;
}

static uint32_t code_bit(flac_code *code, side_bit *model, uint32_t value)
{
    side_code_bit(&code->coder, model, &value);
    return value;
}

static uint32_t code_tree(flac_code *code, side_bit *models, uint32_t n_bits, uint32_t value)
{
    side_code_tree(&code->coder, models, n_bits, &value);
    return value;
}

bool flac_code_header(flac_code *code, flac_header *h)
{
    const flac_header *last = &code->last;
    const uint64_t expected = expected_number(last);
    if (code_bit(code, &code->same, same_header(h, last))) {
        h->variable = last->variable;
        h->block_code = last->block_code;
        h->rate_code = last->rate_code;
        h->bits_code = last->bits_code;
        h->rate_extra = last->rate_extra;
        h->block_samples = last->block_samples;
    } else {
        h->variable = (uint8_t)code_raw(code, 1, h->variable);
        h->block_code = (uint8_t)code_raw(code, 4, h->block_code);
        h->rate_code = (uint8_t)code_raw(code, 4, h->rate_code);
        h->bits_code = (uint8_t)code_raw(code, 3, h->bits_code);
        h->rate_extra = (uint16_t)code_raw(code, 16, h->rate_extra);
        h->block_samples = code_raw(code, 16, h->block_samples);
    }
    if (code_bit(code, &code->number_follows, h->number == expected)) {
        h->number = expected;
    } else {
        const uint32_t high = code_raw(code, 4, (uint32_t)(h->number >> 32));
        h->number = (uint64_t)high << 32 | code_raw(code, 32, (uint32_t)h->number);
    }
    h->assignment =
        (uint8_t)code_tree(code, code->assignment[last->assignment & 15], 4, h->assignment);
    code->last = *h;
    return !code->coder.over && flac_header_valid(h, &code->stream);
}

// The size of a Rice code for n values, as encoders estimate it from the sum of magnitudes.
static uint64_t rice_cost(uint64_t sum, uint32_t n, uint32_t k)
{
    return (uint64_t)n * (k + 1) + (k ? sum >> (k - 1) : sum << 1);
}

// The smallest k with sum <= n << k.
static uint32_t rice_guess(uint64_t sum, uint32_t n, uint32_t most)
{
    uint32_t k = 0;
    while (k < most && (uint64_t)n << k < sum)
        k++;
    return k;
}

static uint32_t magnitude(int32_t residual)
{
    return residual < 0 ? 0u - (uint32_t)residual : (uint32_t)residual;
}

// The cheapest partition order up to a limit.
static uint32_t guess_partition_order(const flac_code *code, uint32_t order, uint32_t n,
                                      const int32_t *residual)
{
    uint64_t sums[256];
    uint32_t limit = code->order_limit < 8 ? code->order_limit : 8;
    while (limit > 0 && (n >> limit << limit != n || n >> limit <= order))
        limit--;
    uint32_t at = order;
    for (uint32_t p = 0; p < 1u << limit; p++) {
        sums[p] = 0;
        for (const uint32_t end = (p + 1) * (n >> limit); at < end; at++)
            sums[p] += magnitude(residual[at]);
    }
    uint32_t best = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t trial = limit + 1; trial-- > 0;) {
        uint64_t cost = (uint64_t)4 << trial;
        for (uint32_t p = 0; p < 1u << trial; p++) {
            const uint32_t size = (n >> trial) - (p ? 0 : order);
            cost += rice_cost(sums[p], size, rice_guess(sums[p], size, 30));
        }
        if (cost < least) {
            least = cost;
            best = trial;
        }
        for (uint32_t p = 0; p < 1u << trial >> 1; p++)
            sums[p] = sums[2 * p] + sums[2 * p + 1];
    }
    return best;
}

// Where the mean lies between two powers of two says how sure a guess is: 16 steps.
static uint32_t rice_fraction(uint64_t sum, uint32_t n, uint32_t k)
{
    const uint64_t top = (uint64_t)n << k; // sum <= top, and more than its half unless k == 0
    if (top == 0 || sum > top)
        return 0;
    const uint32_t part = (uint32_t)((sum * 32 + top - 1) / top);
    return part < 17 ? 0 : part - 17;
}

static void code_rice(flac_code *code, flac_subframe *s, uint32_t order, uint32_t n,
                      const int32_t *residual)
{
    const uint32_t size = n >> s->partition_order, escape = s->method ? 31 : 15;
    uint32_t at = order, missed = 0; // 0: the last guess was right, 1: too low, 2: too high
    for (uint32_t p = 0; p < 1u << s->partition_order && !code->coder.over; p++) {
        const uint32_t end = (p + 1) * size;
        uint64_t sum = 0;
        for (uint32_t i = at; i < end; i++)
            sum += magnitude(residual[i]);
        const uint32_t guess = rice_guess(sum, end - at, escape - 1);
        const uint32_t raw = s->rice[p] & 31;
        const uint32_t known = s->rice[p] & FLAC_RICE_ESCAPE ? escape : raw;
        side_bit *models = code->rice[rice_fraction(sum, end - at, guess) + 16 * missed];
        const uint32_t k = (guess + code_tree(code, models, 5, (known - guess) & 31)) & 31;
        missed = k == guess ? 0 : k > guess ? 1 : 2;
        if (k > escape)
            code->coder.over = true;
        s->rice[p] = (uint8_t)k;
        if (k == escape)
            s->rice[p] = (uint8_t)(FLAC_RICE_ESCAPE | code_raw(code, 5, raw));
        at = end;
    }
}

// The window whose guess is nearest, beginning with the one of the subframe before.
static uint32_t find_window(const flac_code *code, flac_guess *guess, const flac_subframe *s,
                            uint32_t order)
{
    uint32_t best = 0, least = UINT32_MAX;
    for (uint32_t i = 0; i < FLAC_WINDOWS && least > order / 4; i++) {
        const uint32_t window = (code->window + i) % FLAC_WINDOWS;
        int32_t near[FLAC_ORDER_MAX];
        uint32_t cost = 0;
        flac_guess_coefficients(guess, window, s->precision, s->shift, near);
        for (uint32_t j = 0; j < order; j++) {
            const uint32_t off = magnitude(s->coefficients[j] - near[j]);
            cost += off ? 32u - (uint32_t)__builtin_clz(off) : 0;
        }
        if (cost < least) {
            least = cost;
            best = window;
        }
    }
    return best;
}

static void code_coefficients(flac_code *code, flac_guess *guess, flac_subframe *s,
                              const int32_t *samples, uint32_t n)
{
    const uint32_t order = flac_order(s->type);
    const uint32_t precision = code_tree(code, code->precision, 4, s->precision);
    s->precision = (uint8_t)(precision ? precision : 1);
    s->shift = (uint8_t)code_tree(code, code->shift, 4, s->shift);
    flac_guess_start(guess, samples, n, s->wasted, order);
    const uint32_t known = code->coder.writing ? find_window(code, guess, s, order) : 0;
    const uint32_t window = code_tree(code, code->windows, 4, known);
    if (window >= FLAC_WINDOWS) {
        code->coder.over = true;
        return;
    }
    code->window = (uint8_t)window;
    const int32_t limit = 1 << (s->precision - 1);
    int32_t near[FLAC_ORDER_MAX];
    flac_guess_coefficients(guess, window, s->precision, s->shift, near);
    for (uint32_t i = 0; i < order; i++) {
        int32_t off = s->coefficients[i] - near[i];
        side_code_number(&code->coder, &code->coefficients[window > 0][i], &off);
        const int32_t value = near[i] + off;
        if (value < -limit || value >= limit)
            code->coder.over = true;
        s->coefficients[i] = value;
    }
}

// Predictor and residual coding of a subframe. False when it is not valid.
static bool code_predictor(flac_code *code, flac_guess *room, flac_subframe *s,
                           const int32_t *samples, uint32_t n, int32_t *residual)
{
    const uint32_t order = flac_order(s->type);
    if (order > n)
        return false;
    if (s->type >= FLAC_LPC)
        code_coefficients(code, room, s, samples, n);
    if (code->coder.over || !flac_residual(s, samples, n, residual))
        return false;
    s->method = (uint8_t)code_bit(code, &code->method, s->method);
    const uint32_t guess = guess_partition_order(code, order, n, residual);
    s->partition_order =
        (uint8_t)code_tree(code, code->partition_order[guess], 4, s->partition_order);
    if (n >> s->partition_order << s->partition_order != n || n >> s->partition_order < order)
        return false;
    if (s->partition_order > code->order_limit)
        code->order_limit = s->partition_order;
    code_rice(code, s, order, n, residual);
    return !code->coder.over;
}

// bits: of a sample of this subframe.
static bool code_subframe(flac_code *code, flac_frame *frame, uint32_t channel, uint32_t bits)
{
    flac_subframe *s = &frame->subframes[channel];
    const uint32_t kind = bits > code->stream.bits; // differences have habits of their own
    s->type = (uint8_t)code_tree(code, code->type[kind], 6, s->type);
    if (code_bit(code, &code->wasted_any[kind], s->wasted > 0))
        s->wasted = (uint8_t)code_tree(code, code->wasted[kind], 5, s->wasted);
    else
        s->wasted = 0;
    if (flac_order(s->type) > FLAC_ORDER_MAX || s->wasted >= bits)
        return false;
    return s->type < FLAC_FIXED || code_predictor(code, &frame->guess, s, frame->samples[channel],
                                                  frame->header.block_samples, frame->residual);
}

size_t flac_code_frame(flac_code *code, flac_frame *frame, uint8_t *out, size_t capacity)
{
    const uint32_t n = frame->header.block_samples;
    bit_writer w = {.bytes = out, .capacity = capacity};
    flac_decorrelate(frame, &code->stream);
    flac_write_header(&frame->header, &w);
    for (uint32_t c = 0; c < code->stream.channels; c++) {
        const uint32_t bits = flac_subframe_bits(&frame->header, &code->stream, c);
        if (!code_subframe(code, frame, c, bits))
            return 0;
        flac_write_subframe(&frame->subframes[c], frame->samples[c], frame->residual, n, bits, &w);
    }
    flac_write_end(&w);
    return w.over ? 0 : w.n_bytes;
}
