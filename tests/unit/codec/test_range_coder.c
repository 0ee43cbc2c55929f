// SPDX-License-Identifier: Apache-2.0
#include "codec/range_coder.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL (1u << VLMC_RANGE_TOTAL_BITS)
#define TOKENS 20000

// Four tokens of which token `large` has nearly everything.
static void skewed(uint32_t large, uint32_t frequencies[4])
{
    for (uint32_t i = 0; i < 4; i++)
        frequencies[i] = i == large ? TOTAL - 3 : 1;
}

static uint32_t cumulative(const uint32_t *frequencies, uint32_t token)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < token; i++)
        sum += frequencies[i];
    return sum;
}

typedef struct message {
    uint32_t n;
    uint32_t frequencies[TOKENS][4];
    uint8_t tokens[TOKENS];
    uint8_t bytes[TOKENS * 3 + 16];
    size_t size;
    double bits; // entropy
} message;

static void encode(message *m)
{
    vlmc_range_encoder encoder;
    vlmc_range_encoder_start(&encoder, m->bytes, sizeof m->bytes);
    m->bits = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        const uint32_t *f = m->frequencies[i];
        vlmc_range_encode(&encoder, cumulative(f, m->tokens[i]), f[m->tokens[i]]);
        m->bits += VLMC_RANGE_TOTAL_BITS - log2(f[m->tokens[i]]);
    }
    m->size = vlmc_range_encoder_finish(&encoder);
}

// True when `size` bytes decode to the message's tokens.
static bool decodes(const message *m, const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); // so that a sanitizer sees one byte too many
    memcpy(exact, bytes, size);
    vlmc_range_decoder decoder;
    vlmc_range_decoder_start(&decoder, exact, size);
    bool same = true;
    for (uint32_t i = 0; i < m->n; i++) {
        const uint32_t *f = m->frequencies[i], value = vlmc_range_decoder_get(&decoder);
        cr_assert(value < TOTAL);
        uint32_t token = 0;
        while (cumulative(f, token + 1) <= value)
            token++;
        vlmc_range_decoder_consume(&decoder, cumulative(f, token), f[token]);
        same = same && token == m->tokens[i];
    }
    free(exact);
    return same && !decoder.damaged;
}

static void check_size(const message *m)
{
    cr_assert(m->size != SIZE_MAX);
    cr_assert(8.0 * (double)m->size > m->bits - 8.0 * 8, "%zu bytes, %f bits", m->size, m->bits);
    cr_assert(8.0 * (double)m->size < m->bits + 16 + 1e-6 * m->n, "%zu bytes, %f bits", m->size,
              m->bits);
}

Test(range_coder, random_messages_round_trip_at_the_size_of_their_entropy)
{
    message *m = malloc(sizeof *m);
    for (uint32_t round = 0; round < 20; round++) {
        m->n = TOKENS / (round + 1);
        uint8_t *random = malloc(m->n * 4);
        fill_random(random, m->n * 4, round);
        for (uint32_t i = 0; i < m->n; i++) {
            const uint32_t f = 1 + (uint32_t)(random[4 * i] << 8 | random[4 * i + 1]) * 60;
            memcpy(m->frequencies[i], (uint32_t[]){f, 2 * f, f, TOTAL - 4 * f}, 16);
            m->tokens[i] = random[4 * i + 2] % 4;
        }
        encode(m);
        cr_assert(decodes(m, m->bytes, m->size), "round %u", round);
        check_size(m);
        free(random);
    }
    free(m);
}

Test(range_coder, tokens_of_frequency_one_and_of_nearly_everything_round_trip)
{
    message *m = malloc(sizeof *m);
    uint8_t random[TOKENS];
    for (uint32_t round = 0; round < 8; round++) {
        m->n = TOKENS;
        fill_random(random, TOKENS, round);
        for (uint32_t i = 0; i < TOKENS; i++) {
            skewed(random[i] % 4, m->frequencies[i]);
            // Even rounds: the expected token; odd ones: now and then an unexpected one.
            m->tokens[i] = (uint8_t)((random[i] % 4 + (round % 2 && random[i] < 64)) % 4);
        }
        encode(m);
        cr_assert(decodes(m, m->bytes, m->size), "round %u", round);
        check_size(m);
    }
    free(m);
}

Test(range_coder, a_carry_runs_through_all_bytes_that_are_ff)
{
    message *m = malloc(sizeof *m);
    // The highest value of the interval each time leaves bytes of 0xFF; then a step up in
    // what is left of it carries, for every length of the run.
    for (uint32_t run = 1; run < 40; run++)
        for (uint32_t last = 0; last < 4; last++) {
            m->n = run + 2;
            for (uint32_t i = 0; i < m->n; i++) {
                memcpy(m->frequencies[i], (uint32_t[]){TOTAL / 2 - 1, 1, 1, TOTAL / 2 - 1}, 16);
                m->tokens[i] = i == 0 ? 1 : i <= run ? 3 : (uint8_t)last;
            }
            encode(m);
            cr_assert(decodes(m, m->bytes, m->size), "run %u, last %u", run, last);
            check_size(m);
        }
    free(m);
}

Test(range_coder, the_empty_message_and_a_sure_one_take_no_byte)
{
    message *m = malloc(sizeof *m);
    m->n = 0;
    encode(m);
    cr_assert_eq(m->size, 0);
    m->n = 1000;
    for (uint32_t i = 0; i < m->n; i++) {
        skewed(0, m->frequencies[i]);
        m->tokens[i] = 0;
    }
    encode(m);
    cr_assert_eq(m->size, 0);
    cr_assert(decodes(m, m->bytes, 0));
    free(m);
}

Test(range_coder, messages_have_no_trailing_zero_byte)
{
    message *m = malloc(sizeof *m);
    for (uint32_t n = 1; n < 600; n++) {
        m->n = n;
        uint8_t random[600];
        fill_random(random, n, n);
        for (uint32_t i = 0; i < n; i++) {
            memcpy(m->frequencies[i], (uint32_t[]){TOTAL / 4, TOTAL / 4, TOTAL / 4, TOTAL / 4}, 16);
            m->tokens[i] = random[i] % 4;
        }
        encode(m);
        cr_assert(m->size == 0 || m->bytes[m->size - 1] != 0);
        cr_assert(decodes(m, m->bytes, m->size));
        check_size(m);
    }
    free(m);
}

Test(range_coder, a_message_that_does_not_fit_is_refused_and_writes_nothing_past_the_end)
{
    uint8_t random[512];
    fill_random(random, sizeof random, 5);
    size_t needed = 0;
    for (size_t capacity = 600; capacity-- > 0;) {
        uint8_t *out = malloc(capacity + 1);
        out[capacity] = 0xA5;
        vlmc_range_encoder encoder;
        vlmc_range_encoder_start(&encoder, out, capacity);
        for (uint32_t i = 0; i < sizeof random; i++)
            vlmc_range_encode(&encoder, (uint32_t)random[i] << 16, 1u << 16);
        const size_t size = vlmc_range_encoder_finish(&encoder);
        cr_assert_eq(out[capacity], 0xA5);
        if (capacity == 599)
            needed = size;
        cr_assert_eq(size, capacity >= needed ? needed : SIZE_MAX, "capacity %zu", capacity);
        free(out);
    }
    cr_assert(needed >= 510 && needed <= 513);
}

Test(range_coder, any_bytes_decode_to_something_without_a_read_past_the_end)
{
    static const uint32_t shapes[4][4] = {
        {TOTAL - 3, 1, 1, 1},
        {1, 1, 1, TOTAL - 3},
        {TOTAL / 4, TOTAL / 4, TOTAL / 4, TOTAL / 4},
        {1, TOTAL / 2 - 1, TOTAL / 2 - 1, 1},
    };
    for (uint32_t round = 0; round < 2000; round++) {
        const size_t size = round % 40;
        uint8_t *bytes = malloc(size ? size : 1);
        fill_random(bytes, size, round);
        if (round % 3 == 0)
            memset(bytes, 0xFF, size);
        vlmc_range_decoder decoder;
        vlmc_range_decoder_start(&decoder, bytes, size);
        for (uint32_t i = 0; i < 200; i++) {
            const uint32_t *f = shapes[(round + i) % 4];
            const uint32_t value = vlmc_range_decoder_get(&decoder);
            cr_assert(value < TOTAL);
            uint32_t token = 0;
            while (cumulative(f, token + 1) <= value)
                token++;
            vlmc_range_decoder_consume(&decoder, cumulative(f, token), f[token]);
            cr_assert(decoder.range >= UINT64_C(1) << 48 && decoder.range <= UINT64_C(1) << 56);
            cr_assert(decoder.code < decoder.range);
        }
        free(bytes);
    }
}
