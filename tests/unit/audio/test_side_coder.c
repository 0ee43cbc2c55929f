// SPDX-License-Identifier: Apache-2.0
#include "audio_support.h"
#include "plugins/audio/side_coder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define VALUES 5000u

typedef struct models {
    side_bit bit;
    side_bit tree[64];
    side_number number;
} models;

// The i-th value of each kind: writes it, or reads it and compares.
static void code_all(side_coder *coder, uint32_t n, uint64_t random)
{
    models *m = calloc(1, sizeof *m);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t r = plugin_random(&random), width = plugin_random(&random) % 33;
        const uint32_t raw = width == 32 ? r : r & ((1u << width) - 1);
        const int32_t number = (int32_t)r >> (2 + plugin_random(&random) % 30);
        uint32_t a = r % 50 == 0, b = r % 7 == 0 ? r >> 26 : 5, c = raw;
        int32_t d = number;
        if (!coder->writing)
            a = b = c = 0, d = 0;
        side_code_bit(coder, &m->bit, &a);
        side_code_tree(coder, m->tree, 6, &b);
        side_code_raw(coder, width, &c);
        side_code_number(coder, &m->number, &d);
        cr_assert_eq(a, r % 50 == 0);
        cr_assert_eq(b, r % 7 == 0 ? r >> 26 : 5);
        cr_assert_eq(c, raw);
        cr_assert_eq(d, number, "%d %d", d, number);
    }
    free(m);
}

Test(side_coder, what_was_written_is_read)
{
    for (uint32_t n = 0; n <= VALUES; n = 2 * n + 1) {
        side_coder coder;
        uint8_t *bytes = malloc(20 * VALUES);
        side_write_start(&coder, bytes, 20 * VALUES);
        code_all(&coder, n, n + 1);
        const size_t size = side_write_end(&coder);
        cr_assert(!coder.over);
        uint8_t *exact = malloc(size);
        memcpy(exact, bytes, size);
        side_read_start(&coder, exact, size);
        code_all(&coder, n, n + 1);
        cr_assert(!coder.over);
        free(exact);
        free(bytes);
    }
}

Test(side_coder, a_bit_that_is_always_the_same_costs_next_to_nothing)
{
    side_coder coder;
    side_bit model = {0};
    uint8_t bytes[4096];
    side_write_start(&coder, bytes, sizeof bytes);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t one = 1;
        side_code_bit(&coder, &model, &one);
    }
    cr_expect_lt(side_write_end(&coder), 40);
}

Test(side_coder, no_byte_is_written_beyond_the_end)
{
    uint8_t bytes[32];
    memset(bytes, 0xEE, sizeof bytes);
    side_coder coder;
    side_write_start(&coder, bytes, 16);
    code_all(&coder, 100, 3);
    side_write_end(&coder);
    cr_expect(coder.over);
    for (uint32_t i = 16; i < 32; i++)
        cr_expect_eq(bytes[i], 0xEE);
}

Test(side_coder, reading_far_beyond_the_end_is_noticed)
{
    side_coder coder;
    uint32_t value = 0;
    side_read_start(&coder, (const uint8_t *)"abc", 3);
    for (uint32_t i = 0; i < 10; i++)
        side_code_raw(&coder, 32, &value);
    cr_expect(coder.over);
}
