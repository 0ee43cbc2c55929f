// SPDX-License-Identifier: Apache-2.0
// The plugin's deflate writes what zlib writes, and its output does not depend on how the input
// comes. (A system whose zlib is not the original one cannot run the comparisons.)
#include "image_support.h"
#include "plugins/image/redeflate.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void zlib_writes(const redeflate_params *p, const plugin_bytes *content, plugin_bytes *out)
{
    uint8_t piece[4096];
    z_stream z = {0};
    cr_assert_eq(
        deflateInit2(&z, p->level, Z_DEFLATED, -p->window_bits, p->memory_level, p->strategy),
        Z_OK);
    z.next_in = content->data;
    z.avail_in = (uInt)content->n;
    for (int result = Z_OK; result == Z_OK;) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        result = deflate(&z, Z_FINISH);
        plugin_put(out, piece, sizeof piece - z.avail_out);
    }
    deflateEnd(&z);
}

static void we_write(const redeflate_params *p, const plugin_bytes *content, size_t piece_bytes,
                     plugin_bytes *out)
{
    redeflate *d = redeflate_create(p);
    cr_assert_not_null(d);
    for (size_t at = 0; !redeflate_done(d);) {
        const size_t left = content->n - at, n = left < piece_bytes ? left : piece_bytes;
        at += redeflate_feed(d, content->data + at, n, n == left);
        size_t n_out;
        const uint8_t *bytes = redeflate_output(d, &n_out);
        plugin_put(out, bytes, n_out);
        redeflate_drop_output(d);
    }
    redeflate_destroy(d);
}

static void expect_same(const redeflate_params *p, const plugin_bytes *content)
{
    plugin_bytes theirs = {0}, ours = {0};
    zlib_writes(p, content, &theirs);
    we_write(p, content, content->n + 1, &ours);
    cr_assert(ours.n == theirs.n && memcmp(ours.data, theirs.data, ours.n) == 0,
              "%zu bytes, level %u strategy %u memory %u window %u", content->n, p->level,
              p->strategy, p->memory_level, p->window_bits);
    plugin_free(&theirs);
    plugin_free(&ours);
}

// Stretches of noise, of one byte, of repetitions far and near, and of a picture.
static void put_mixture(plugin_bytes *content, size_t n, uint64_t seed)
{
    while (content->n < n) {
        const uint32_t kind = plugin_random(&seed) % 5, size = plugin_random(&seed) % 40000 + 1;
        const size_t back = content->n ? plugin_random(&seed) % content->n + 1 : 0;
        const uint8_t fill = (uint8_t)plugin_random(&seed);
        for (uint32_t i = 0; i < size; i++) {
            const uint8_t byte =
                kind == 0   ? (uint8_t)plugin_random(&seed)
                : kind == 1 ? fill
                : kind == 2 && back
                    ? (uint8_t)(content->data[content->n - back] + (plugin_random(&seed) % 50 == 0))
                : kind == 3 ? (uint8_t)(plugin_random(&seed) % 3)
                            : image_sample(i / 3 % 500, i / 1500, i % 3);
            plugin_put(content, &byte, 1);
        }
    }
    content->n = n;
}

Test(image_redeflate, is_zlibs_for_every_level_and_strategy)
{
    plugin_bytes content = {0};
    put_mixture(&content, 400000, 11);
    for (uint8_t level = 1; level <= 9; level++)
        for (uint8_t strategy = 0; strategy <= 4; strategy++) {
            const redeflate_params p = {level, strategy, 8, 15, false};
            expect_same(&p, &content);
        }
    plugin_free(&content);
}

Test(image_redeflate, is_zlibs_for_every_window_and_memory)
{
    plugin_bytes content = {0};
    put_mixture(&content, 150000, 12);
    for (uint8_t bits = 9; bits <= 15; bits++)
        for (uint8_t memory = 1; memory <= 9; memory++) {
            const redeflate_params p = {(uint8_t)(1 + (bits + memory) % 9), 0, memory, bits, false};
            expect_same(&p, &content);
        }
    plugin_free(&content);
}

Test(image_redeflate, is_zlibs_for_sizes_around_the_window_and_none)
{
    static const size_t sizes[] = {0,     1,     2,     3,     4,     257,   258,
                                   261,   262,   32505, 32506, 32768, 65273, 65274,
                                   65275, 65535, 65536, 65537, 98041, 98042};
    plugin_bytes content = {0};
    put_mixture(&content, 98042, 13);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint8_t level = 1; level <= 9; level += 2) {
            const redeflate_params p = {level, i % 2, 8, 15, false};
            const plugin_bytes part = {content.data, sizes[i], sizes[i]};
            expect_same(&p, &part);
        }
    plugin_free(&content);
}

Test(image_redeflate, cuts_of_the_input_do_not_matter)
{
    static const size_t pieces[] = {1, 7, 1000, 65536};
    const redeflate_params p = {9, REDEFLATE_DEFAULT, 9, 15, true};
    plugin_bytes content = {0}, whole = {0};
    put_mixture(&content, 200000, 14);
    we_write(&p, &content, content.n, &whole);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        plugin_bytes cut = {0};
        we_write(&p, &content, pieces[i], &cut);
        cr_assert(cut.n == whole.n && memcmp(cut.data, whole.data, cut.n) == 0);
        plugin_free(&cut);
    }
    plugin_free(&content);
    plugin_free(&whole);
}

Test(image_redeflate, far_matches_of_three_bytes_are_a_choice_and_inflate)
{
    plugin_bytes content = {0}, with = {0}, without = {0};
    for (uint64_t i = 0, seed = 15; i < 60000; i++)
        plugin_put_number(&content, plugin_random(&seed) % 12, 1, false);
    redeflate_params p = {9, REDEFLATE_DEFAULT, 8, 15, false};
    we_write(&p, &content, content.n, &without);
    p.far_threes = true;
    we_write(&p, &content, content.n, &with);
    cr_assert(with.n != without.n || memcmp(with.data, without.data, with.n) != 0);
    uint8_t *out = malloc(content.n);
    z_stream z = {.next_in = with.data, .avail_in = (uInt)with.n};
    cr_assert_eq(inflateInit2(&z, -15), Z_OK);
    z.next_out = out;
    z.avail_out = (uInt)content.n;
    cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    cr_assert(z.total_out == content.n && memcmp(out, content.data, content.n) == 0);
    inflateEnd(&z);
    free(out);
    plugin_free(&content);
    plugin_free(&with);
    plugin_free(&without);
}

Test(image_redeflate, parameters_out_of_range_are_refused)
{
    static const redeflate_params bad[] = {
        {0, 0, 8, 15, false},  {10, 0, 8, 15, false}, {6, 5, 8, 15, false}, {6, 0, 0, 15, false},
        {6, 0, 10, 15, false}, {6, 0, 8, 8, false},   {6, 0, 8, 16, false}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_null(redeflate_create(&bad[i]));
}
