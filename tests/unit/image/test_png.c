// SPDX-License-Identifier: Apache-2.0
// PNG files become rows of pixels and come back as the same bytes, or are left alone.
#include "png_files.h"

#include <criterion/criterion.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static plugin_report check(const plugin_bytes *file, size_t piece_bytes)
{
    plugin_report r = image_check_file(file->data, file->n, piece_bytes, 5);
    cr_assert_null(r.fault, "%s", r.fault);
    cr_assert_eq(r.plain_bytes + r.coded_bytes, file->n);
    return r;
}

static void expect_pixels(const png_recipe *recipe, size_t piece_bytes)
{
    plugin_bytes file = {0};
    png_make(recipe, &file);
    plugin_report r = check(&file, piece_bytes);
    cr_assert_eq(r.n_coded, 1, "depth %u colour %u level %d strategy %d memory %d window %d",
                 recipe->depth, recipe->colour, recipe->level, recipe->strategy,
                 recipe->memory_level, recipe->window_bits);
    const bool drawing = recipe->depth < 8 || recipe->colour == 3; // a byte is no brightness
    cr_assert_str_eq(r.tokenizers[0], drawing ? "image.png.drawing" : "image.png");
    cr_assert_eq(r.n_tokens, (uint64_t)recipe->height * png_row_bytes(recipe));
    plugin_report_free(&r);
    plugin_free(&file);
}

static void expect_bytes(const plugin_bytes *file)
{
    plugin_report r = check(file, 0);
    cr_assert_eq(r.n_coded, 0);
    plugin_report_free(&r);
}

Test(image_png, every_kind_of_pixel_comes_back)
{
    static const uint8_t kinds[][2] = {{1, 0}, {2, 0},  {4, 0},  {8, 0}, {16, 0},
                                       {8, 2}, {16, 2}, {1, 3},  {2, 3}, {4, 3},
                                       {8, 3}, {8, 4},  {16, 4}, {8, 6}, {16, 6}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        png_recipe r = png_usual();
        r.depth = kinds[i][0];
        r.colour = kinds[i][1];
        r.width = 100 + (uint32_t)i;
        r.height = 60;
        expect_pixels(&r, i % 2 ? 0 : 5000);
    }
}

Test(image_png, every_filter_comes_back)
{
    for (uint8_t filter = 0; filter <= 5; filter++) {
        png_recipe r = png_usual();
        r.filter = filter;
        r.height = 90;
        expect_pixels(&r, 0);
    }
}

Test(image_png, tokens_are_filter_types_and_unfiltered_samples)
{
    // Up in the first row and Sub, Average, Paeth below it, worked out by hand.
    const uint8_t rows[] = {2, 10, 20, 30, 1, 5, 5, 5, 3, 1, 1, 1, 4, 2, 2, 2};
    const uint8_t tokens[] = {2, 10, 20, 30, 1, 5, 10, 15, 3, 3, 7, 12, 4, 5, 9, 14};
    png_recipe recipe = png_usual();
    plugin_bytes file = {0};
    recipe.width = 3;
    recipe.height = 4;
    recipe.colour = 0;
    png_make_of(&recipe, rows, sizeof rows, &file);
    plugin_report r = check(&file, 0);
    cr_assert_eq(r.n_coded, 1);
    cr_assert_eq(r.tokens.n, sizeof tokens);
    cr_assert_arr_eq(r.tokens.data, tokens, sizeof tokens);
    plugin_report_free(&r);
    plugin_free(&file);
}

Test(image_png, every_level_and_strategy_of_zlib_is_found)
{
    for (int level = 1; level <= 9; level++)
        for (int strategy = 0; strategy <= 4; strategy++) {
            png_recipe r = png_usual();
            r.level = level;
            r.strategy = strategy;
            r.memory_level = level % 2 ? 8 : 9;
            expect_pixels(&r, 0);
        }
}

Test(image_png, small_windows_and_little_memory_are_found)
{
    for (int bits = 9; bits <= 15; bits++) {
        png_recipe r = png_usual();
        r.window_bits = bits;
        r.memory_level = bits - 6;
        expect_pixels(&r, 0);
    }
}

Test(image_png, a_window_declared_smaller_than_used_is_found)
{
    png_recipe recipe = png_usual();
    plugin_bytes file = {0};
    recipe.chunk_bytes = 0;
    png_make(&recipe, &file);
    uint8_t *chunk = file.data + 8 + 25;
    const uint32_t n =
        (uint32_t)chunk[0] << 24 | (uint32_t)chunk[1] << 16 | (uint32_t)chunk[2] << 8 | chunk[3];
    cr_assert_eq(chunk[8], 0x78);
    chunk[8] = 0x68; // 16 KiB: no match of this picture reaches further
    chunk[9] = (uint8_t)(chunk[9] & 0xC0);
    chunk[9] = (uint8_t)(chunk[9] + 31 - ((chunk[8] << 8) + chunk[9]) % 31);
    const uint32_t check_value = (uint32_t)crc32(0, chunk + 4, n + 4);
    for (uint32_t i = 0; i < 4; i++)
        chunk[8 + n + i] = (uint8_t)(check_value >> (24 - 8 * i));
    plugin_report r = check(&file, 0);
    // When a match does reach further, inflating fails and the file stays as it is.
    cr_assert_leq(r.n_coded, 1);
    plugin_report_free(&r);
    plugin_free(&file);
}

Test(image_png, idat_chunks_of_any_size_come_back)
{
    static const uint32_t sizes[] = {1, 3, 100, 4096, 0, 0xFFFFFF};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        png_recipe r = png_usual();
        r.height = 40;
        r.chunk_bytes = sizes[i];
        r.text = "Comment\0of a file";
        expect_pixels(&r, 0);
    }
}

Test(image_png, idat_chunks_of_uneven_and_no_size_come_back)
{
    static const uint32_t sizes[] = {2, 0, 1, 500, 0, 7, 3000, 0, 100};
    png_recipe recipe = png_usual();
    plugin_bytes one = {0}, many = {0};
    recipe.chunk_bytes = 0;
    recipe.height = 50;
    png_make(&recipe, &one);
    const uint8_t *chunk = one.data + 8 + 25;
    size_t left =
        (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
    const uint8_t *data = chunk + 8;
    plugin_put(&many, one.data, 8 + 25);
    for (uint32_t i = 0; left > 0; i = (i + 1) % 9) {
        const size_t n = left < sizes[i] ? left : sizes[i];
        png_put_chunk(&many, "IDAT", data, n);
        data += n;
        left -= n;
    }
    png_put_chunk(&many, "IDAT", NULL, 0);
    png_put_chunk(&many, "IEND", NULL, 0);
    for (size_t piece = 0; piece < 300; piece += 99) {
        plugin_report r = check(&many, piece);
        cr_assert_eq(r.n_coded, 1);
        plugin_report_free(&r);
    }
    plugin_free(&one);
    plugin_free(&many);
}

Test(image_png, cuts_of_input_and_output_do_not_matter)
{
    static const size_t pieces[] = {2, 3, 17, 1000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        png_recipe r = png_usual();
        r.width = 90;
        r.height = 70;
        r.chunk_bytes = 999;
        expect_pixels(&r, pieces[i]);
    }
}

static void write_to(png_structp png, png_bytep data, size_t n)
{
    plugin_put(png_get_io_ptr(png), data, n);
}

static void no_flush(png_structp png)
{
    (void)png;
}

Test(image_png, what_libpng_writes_comes_back)
{
    for (int kind = 0; kind < 4; kind++) {
        static const int colours[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA,
                                      PNG_COLOR_TYPE_GRAY_ALPHA};
        static const uint32_t channels[] = {1, 3, 4, 2};
        const uint32_t width = 20 + 150 * (uint32_t)kind, height = 15 + 100 * (uint32_t)kind;
        plugin_bytes file = {0}, rows = {0};
        image_put_rows(&rows, height, width * channels[kind], channels[kind], 0);
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png_create_info_struct(png);
        png_set_write_fn(png, &file, write_to, no_flush);
        png_set_IHDR(png, info, width, height, 8, colours[kind], PNG_INTERLACE_NONE,
                     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(png, info);
        for (uint32_t y = 0; y < height; y++)
            png_write_row(png, rows.data + (size_t)y * width * channels[kind]);
        png_write_end(png, info);
        png_destroy_write_struct(&png, &info);
        plugin_report r = check(&file, 0);
        cr_assert_eq(r.n_coded, 1, "kind %d", kind);
        plugin_report_free(&r);
        plugin_free(&file);
        plugin_free(&rows);
    }
}

Test(image_png, what_zlib_did_not_write_is_left_alone)
{
    png_recipe recipe = png_usual();
    plugin_bytes rows = {0}, stored = {0}, file = {0};
    image_put_rows(&rows, recipe.height, png_row_bytes(&recipe), 3, 0);
    for (uint32_t y = 0; y < recipe.height; y++)
        rows.data[(size_t)y * png_row_bytes(&recipe)] = 0;
    const uint8_t start[] = {0x78, 0x01};
    plugin_put(&stored, start, 2);
    for (size_t at = 0; at < rows.n;) { // stored blocks of 1000 bytes: no level of zlib does that
        const size_t n = rows.n - at < 1000 ? rows.n - at : 1000;
        plugin_put_number(&stored, at + n == rows.n, 1, false);
        plugin_put_number(&stored, (uint32_t)n, 2, false);
        plugin_put_number(&stored, ~(uint32_t)n & 0xFFFF, 2, false);
        plugin_put(&stored, rows.data + at, n);
        at += n;
    }
    plugin_put_number(&stored, (uint32_t)adler32(1, rows.data, (uInt)rows.n), 4, true);
    png_put_signature(&file);
    png_put_header(&file, &recipe);
    png_put_chunk(&file, "IDAT", stored.data, stored.n);
    png_put_chunk(&file, "IEND", NULL, 0);
    expect_bytes(&file);
    plugin_free(&rows);
    plugin_free(&stored);
    plugin_free(&file);
}

Test(image_png, hostile_headers_are_left_alone)
{
    static const struct {
        uint32_t width, height;
        uint8_t depth, colour;
    } headers[] = {{0, 200, 8, 2},
                   {300, 0, 8, 2},
                   {0xFFFFFFFF, 200, 8, 2},
                   {300, 0xFFFFFFFF, 8, 2},
                   {0x7FFFFFFF, 0x7FFFFFFF, 16, 6},
                   {0x40000001, 1, 8, 6},
                   {300, 201, 8, 2},
                   {300, 199, 8, 2},
                   {301, 200, 8, 2},
                   {300, 200, 3, 2},
                   {300, 200, 8, 1},
                   {300, 200, 8, 5},
                   {300, 200, 8, 7},
                   {300, 200, 4, 2},
                   {300, 200, 8, 255},
                   {300, 200, 0, 0},
                   {1048577, 1, 8, 0}};
    png_recipe recipe = png_usual();
    plugin_bytes file = {0};
    png_make(&recipe, &file);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        plugin_bytes bad = {0};
        png_recipe lie = recipe;
        lie.width = headers[i].width;
        lie.height = headers[i].height;
        lie.depth = headers[i].depth;
        lie.colour = headers[i].colour;
        png_put_signature(&bad);
        png_put_header(&bad, &lie);
        plugin_put(&bad, file.data + 33, file.n - 33);
        expect_bytes(&bad);
        plugin_free(&bad);
    }
    plugin_free(&file);
}

Test(image_png, a_file_cut_anywhere_is_handled)
{
    png_recipe recipe = png_usual();
    plugin_bytes file = {0};
    recipe.height = 20;
    recipe.chunk_bytes = 700;
    png_make(&recipe, &file);
    for (size_t n = 0; n < file.n; n += n < 80 ? 1 : 97) {
        const plugin_bytes part = {file.data, n, n};
        plugin_report r = check(&part, 0);
        cr_assert(r.n_coded == 0 || n > file.n - 100);
        plugin_report_free(&r);
    }
    plugin_free(&file);
}

Test(image_png, a_wrong_check_or_a_bad_filter_leaves_the_file_alone)
{
    png_recipe recipe = png_usual();
    plugin_bytes file = {0}, rows = {0}, bad = {0};
    png_make(&recipe, &file);
    file.data[8 + 25 + 8 + 100] ^= 1;
    expect_bytes(&file);
    image_put_rows(&rows, recipe.height, png_row_bytes(&recipe), 3, 0);
    memset(rows.data, 0, rows.n);
    rows.data[png_row_bytes(&recipe) * 7] = 5;
    png_make_of(&recipe, rows.data, rows.n, &bad);
    expect_bytes(&bad);
    plugin_free(&file);
    plugin_free(&rows);
    plugin_free(&bad);
}

Test(image_png, params_that_lie_are_refused)
{
    const vlmc_tokenizer *t = image_tokenizer("image.png");
    vlmc_token_geometry geometry;
    png_recipe recipe = png_usual();
    plugin_bytes file = {0};
    png_make(&recipe, &file);
    plugin_report r = check(&file, 0);
    uint8_t params[64];
    cr_assert_leq(r.params.n, sizeof params);
    for (uint32_t n = 0; n < r.params.n; n++)
        cr_assert_neq(t->geometry(r.params.data, n, &geometry), VLMC_PLUGIN_OK);
    static const struct {
        uint32_t at;
        uint8_t value;
    } lies[] = {{7, 0x7F}, {10, 0}, {10, 2},  {11, 1}, {18, 0},  {18, 10},
                {19, 5},   {20, 0}, {20, 10}, {21, 8}, {21, 16}, {22, 2}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        memcpy(params, r.params.data, r.params.n);
        params[lies[i].at] = lies[i].value;
        cr_assert_neq(t->geometry(params, (uint32_t)r.params.n, &geometry), VLMC_PLUGIN_OK,
                      "byte %u", lies[i].at);
        void *object = NULL;
        cr_assert_neq(t->decoder_create(params, (uint32_t)r.params.n, &object), VLMC_PLUGIN_OK);
    }
    plugin_report_free(&r);
    plugin_free(&file);
}

Test(image_png, tokens_that_do_not_fit_the_params_are_refused)
{
    const vlmc_tokenizer *t = image_tokenizer("image.png");
    png_recipe recipe = png_usual();
    plugin_bytes file = {0};
    png_make(&recipe, &file);
    plugin_report r = check(&file, 0);
    for (int kind = 0; kind < 4; kind++) {
        plugin_bytes tokens = {0}, out = {0};
        plugin_put(&tokens, r.tokens.data, r.tokens.n);
        if (kind == 0)
            tokens.n--;
        else if (kind == 1)
            plugin_put(&tokens, "x", 1);
        else if (kind == 2)
            tokens.data[0] = 9; // a filter that is none
        else
            tokens.n = 0;
        cr_assert_neq(plugin_convert(t, false, r.params.data, (uint32_t)r.params.n, tokens.data,
                                     tokens.n, 0, 1, &out),
                      VLMC_PLUGIN_OK, "kind %d", kind);
        plugin_free(&tokens);
        plugin_free(&out);
    }
    plugin_report_free(&r);
    plugin_free(&file);
}
