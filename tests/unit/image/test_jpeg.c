// SPDX-License-Identifier: Apache-2.0
#include "image_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

typedef struct recipe {
    uint32_t width, height;
    int components; // 1, 3 or 4
    int h, v;       // sampling factors of the first
    int quality;
    int restart; // MCUs
    bool progressive, optimize, arithmetic;
} recipe;

static void put_jpeg(plugin_bytes *file, const recipe *r)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *made = NULL;
    unsigned long made_bytes = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &made, &made_bytes);
    jpeg.image_width = r->width;
    jpeg.image_height = r->height;
    jpeg.input_components = r->components;
    jpeg.in_color_space = r->components == 1   ? JCS_GRAYSCALE
                          : r->components == 3 ? JCS_RGB
                                               : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, r->quality, TRUE);
    jpeg.comp_info[0].h_samp_factor = r->h;
    jpeg.comp_info[0].v_samp_factor = r->v;
    jpeg.restart_interval = (unsigned)r->restart;
    jpeg.optimize_coding = r->optimize;
    jpeg.arith_code = r->arithmetic;
    if (r->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    uint8_t *row = malloc((size_t)r->width * (size_t)r->components);
    for (uint32_t y = 0; y < r->height; y++) {
        for (uint32_t x = 0; x < r->width; x++)
            for (uint32_t c = 0; c < (uint32_t)r->components; c++)
                row[x * (uint32_t)r->components + c] = image_sample(x, y, c);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    plugin_put(file, made, made_bytes);
    free(made);
}

static const recipe usual = {
    .width = 203, .height = 117, .components = 3, .h = 2, .v = 2, .quality = 85};

// Where the file has been turned into tokens and came back, bytes of it that were.
static uint64_t coded_bytes(const plugin_bytes *file, size_t piece_bytes)
{
    plugin_report report = image_check_file(file->data, file->n, piece_bytes, 7);
    cr_assert(!report.fault || strcmp(report.fault, "the encoder refused") == 0, "%s",
              report.fault);
    const uint64_t coded = report.fault ? 0 : report.coded_bytes;
    if (coded > 0)
        cr_assert_str_eq(report.tokenizers[0], "image.jpeg");
    plugin_report_free(&report);
    return coded;
}

Test(jpeg, files_of_every_kind_of_scan_come_back_from_their_coefficients)
{
    const recipe recipes[] = {
        usual,
        {.width = 203, .height = 117, .components = 3, .h = 1, .v = 1, .quality = 96},
        {.width = 64, .height = 200, .components = 3, .h = 2, .v = 1, .quality = 75, .restart = 3},
        {.width = 201, .height = 119, .components = 3, .h = 1, .v = 2, .quality = 50},
        {.width = 203, .height = 117, .components = 1, .h = 1, .v = 1, .quality = 90},
        {.width = 99, .height = 301, .components = 4, .h = 1, .v = 1, .quality = 90},
        {.width = 203,
         .height = 117,
         .components = 3,
         .h = 2,
         .v = 2,
         .quality = 85,
         .progressive = true},
        {.width = 203,
         .height = 117,
         .components = 3,
         .h = 2,
         .v = 2,
         .quality = 85,
         .optimize = true},
        {.width = 1, .height = 1, .components = 3, .h = 4, .v = 2, .quality = 100},
    };
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        plugin_bytes file = {0};
        put_jpeg(&file, &recipes[i]);
        const uint64_t coded = coded_bytes(&file, i % 2 ? 1000 : 0);
        cr_expect(coded + 100 > file.n, "recipe %zu: %llu of %zu bytes", i,
                  (unsigned long long)coded, file.n);
        plugin_free(&file);
    }
}

Test(jpeg, bytes_behind_the_end_of_the_image_stay_plain)
{
    plugin_bytes file = {0};
    put_jpeg(&file, &usual);
    const uint64_t before = coded_bytes(&file, 0);
    plugin_put_text(&file, "a film that the camera put behind the still");
    cr_expect(before > 0);
    cr_expect_eq(coded_bytes(&file, 0), before);
    plugin_free(&file);
}

Test(jpeg, a_file_cut_anywhere_is_plain_bytes)
{
    plugin_bytes file = {0};
    put_jpeg(&file, &usual);
    for (size_t n = 0; n < file.n; n += 1 + file.n / 97) {
        const plugin_bytes cut = {.data = file.data, .n = n};
        cr_expect_eq(coded_bytes(&cut, 0), 0, "cut to %zu bytes", n);
    }
    plugin_free(&file);
}

Test(jpeg, arithmetic_coding_and_twelve_bits_are_plain_bytes)
{
    plugin_bytes file = {0};
    recipe arithmetic = usual;
    arithmetic.arithmetic = true;
    put_jpeg(&file, &arithmetic);
    cr_expect_eq(coded_bytes(&file, 0), 0);
    file.n = 0;
    put_jpeg(&file, &usual);
    for (size_t i = 0; i + 4 < file.n; i++)
        if (file.data[i] == 0xFF && file.data[i + 1] == 0xC0) {
            file.data[i + 4] = 12;
            break;
        }
    cr_expect_eq(coded_bytes(&file, 0), 0);
    plugin_free(&file);
}

// Every dimension that a frame header can claim, over the data of a small picture.
Test(jpeg, claimed_sizes_cost_neither_memory_nor_a_crash)
{
    static const uint16_t sizes[] = {0, 1, 118, 8192, 32768, 65500, 65535};
    plugin_bytes file = {0};
    size_t at = 0;
    put_jpeg(&file, &usual);
    while (!(file.data[at] == 0xFF && file.data[at + 1] == 0xC0))
        at++;
    for (size_t i = 0; i < 49; i++) {
        const uint16_t height = sizes[i / 7], width = sizes[i % 7];
        memcpy(file.data + at + 5,
               (const uint8_t[4]){(uint8_t)(height >> 8), (uint8_t)height, (uint8_t)(width >> 8),
                                  (uint8_t)width},
               4);
        cr_expect_eq(coded_bytes(&file, 0), 0, "%u x %u", width, height);
    }
    plugin_free(&file);
}

Test(jpeg, a_later_unit_of_tokens_needs_none_of_those_before_it)
{
    const vlmc_tokenizer *t = image_tokenizer("image.jpeg");
    plugin_bytes file = {0};
    put_jpeg(
        &file,
        &(recipe){.width = 900, .height = 900, .components = 3, .h = 1, .v = 1, .quality = 98});
    plugin_report report = image_check_file(file.data, file.n, 0, 7);
    cr_assert_null(report.fault, "%s", report.fault);
    const uint64_t unit = 1u << 20;
    cr_assert_gt(report.tokens.n, unit, "%zu tokens", report.tokens.n);
    void *whole, *later;
    const uint64_t first[2] = {0, unit};
    uint32_t a[VLMC_PLUGIN_CONTEXTS_MAX], b[VLMC_PLUGIN_CONTEXTS_MAX], centre;
    const uint32_t n_params = (uint32_t)report.params.n;
    cr_assert_eq(t->contexts_create(report.params.data, n_params, 1, first, &whole), 0);
    cr_assert_eq(t->contexts_create(report.params.data, n_params, 1, first + 1, &later), 0);
    for (uint64_t i = 0; i < report.tokens.n; i++) {
        t->next_context(whole, 0, a, &centre);
        if (i >= unit) {
            t->next_context(later, 0, b, &centre);
            cr_assert_eq(memcmp(a, b, t->n_contexts * sizeof *a), 0, "token %llu",
                         (unsigned long long)i);
            t->push_token(later, 0, report.tokens.data[i]);
        }
        t->push_token(whole, 0, report.tokens.data[i]);
    }
    t->contexts_destroy(whole);
    t->contexts_destroy(later);
    plugin_report_free(&report);
    plugin_free(&file);
}

Test(jpeg, tokens_that_no_encoder_wrote_are_refused)
{
    const vlmc_tokenizer *t = image_tokenizer("image.jpeg");
    plugin_bytes file = {0}, out = {0};
    put_jpeg(&file, &usual);
    plugin_report report = image_check_file(file.data, file.n, 0, 7);
    const uint32_t n_params = (uint32_t)report.params.n;
    const size_t n = report.tokens.n;
    cr_assert_gt(n, 100);
    // One too few, one too many, a count above 49, a token above 15.
    cr_expect_neq(plugin_convert(t, false, report.params.data, n_params, report.tokens.data, n - 1,
                                 0, 1, &out),
                  VLMC_PLUGIN_OK);
    plugin_put(&report.tokens, "", 1);
    cr_expect_neq(plugin_convert(t, false, report.params.data, n_params, report.tokens.data, n + 1,
                                 0, 1, &out),
                  VLMC_PLUGIN_OK);
    for (uint8_t bad = 13; bad <= 16; bad += 3) {
        const uint8_t before = report.tokens.data[0];
        report.tokens.data[0] = bad;
        cr_expect_neq(plugin_convert(t, false, report.params.data, n_params, report.tokens.data, n,
                                     0, 1, &out),
                      VLMC_PLUGIN_OK);
        report.tokens.data[0] = before;
    }
    plugin_free(&out);
    plugin_report_free(&report);
    plugin_free(&file);
}
