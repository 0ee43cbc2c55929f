// SPDX-License-Identifier: Apache-2.0
// Files that hold their pixels as they are.
#include "image_support.h"
#include "plugins/image/layout.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static plugin_report check(const plugin_bytes *file, size_t piece_bytes)
{
    plugin_report r = image_check_file(file->data, file->n, piece_bytes, 3);
    cr_assert_null(r.fault, "%s", r.fault);
    cr_assert_eq(r.plain_bytes + r.coded_bytes, file->n);
    return r;
}

// The file holds one raster of `bytes` bytes with this layout.
static plugin_report expect(const plugin_bytes *file, uint64_t bytes, uint32_t width,
                            uint32_t channels, uint32_t sample_bytes, uint32_t suffix)
{
    plugin_report r = check(file, 700);
    image_layout l;
    cr_assert_eq(r.n_coded, 1);
    cr_assert_eq(r.coded_bytes, bytes);
    cr_assert_str_eq(r.tokenizers[0], "image.pixels");
    cr_assert(image_layout_read(r.params.data, r.params.n, &l));
    cr_assert_eq(l.width, width);
    cr_assert_eq(l.channels, channels);
    cr_assert_eq(l.sample_bytes, sample_bytes);
    cr_assert_eq(l.prefix, 0);
    cr_assert_eq(l.suffix, suffix);
    return r;
}

static void expect_layout(const plugin_bytes *file, uint64_t bytes, uint32_t width,
                          uint32_t channels, uint32_t sample_bytes, uint32_t suffix)
{
    plugin_report r = expect(file, bytes, width, channels, sample_bytes, suffix);
    plugin_report_free(&r);
}

static void expect_plain(const plugin_bytes *file)
{
    plugin_report r = check(file, 0);
    cr_assert_eq(r.n_coded, 0);
    plugin_report_free(&r);
}

static plugin_bytes netpbm(const char *header, uint32_t rows, uint32_t row_bytes, uint32_t pixel)
{
    plugin_bytes file = {0};
    plugin_put_text(&file, header);
    image_put_rows(&file, rows, row_bytes, pixel, 0);
    return file;
}

Test(image_rasters, netpbm_headers_of_every_kind_are_understood)
{
    static const struct {
        const char *header;
        uint32_t channels, sample_bytes;
    } kinds[] = {
        {"P5\n100 80\n255\n", 1, 1},
        {"P6\n# a comment\n100 80 # another\n255\n", 3, 1},
        {"P5 100 80 65535\n", 1, 2},
        {"P6\n100\t80\r\n1023\n", 3, 2},
        {"P5\n100 80\n15\n", 1, 1},
        {"P7\nWIDTH 100\nHEIGHT 80\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n", 4, 1},
        {"P7\n# x\nMAXVAL 65535\nDEPTH 2\nHEIGHT 80\nWIDTH 100\nENDHDR\n", 2, 2},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const uint32_t row = 100 * kinds[i].channels * kinds[i].sample_bytes;
        plugin_bytes file = netpbm(kinds[i].header, 80, row, kinds[i].channels);
        expect_layout(&file, 80 * row, 100, kinds[i].channels, kinds[i].sample_bytes, 0);
        cr_assert_geq(plugin_analyser(&vlmc_plugin_entry)->probe(file.data, file.n, NULL), 90);
        plugin_free(&file);
    }
}

Test(image_rasters, netpbm_headers_that_lie_are_plain_bytes)
{
    static const char *const headers[] = {
        "P5\n0 80\n255\n",
        "P5\n100 0\n255\n",
        "P5\n100 80\n0\n",
        "P5\n100 80\n65536\n",
        "P5\n4294967296 80\n255\n",
        "P5\n1048577 80\n255\n",
        "P6\n99999999999999999999999999 80\n255\n",
        "P5\n-1 80\n255\n",
        "P5\n100 80\n",
        "P5\n100 80 255",
        "P4\n100 80\n",
        "P3\n100 80\n255\n",
        "P5100 80 255\n",
        "P7\nWIDTH 100\nHEIGHT 80\nDEPTH 5\nMAXVAL 255\nENDHDR\n",
        "P7\nWIDTH 100\nHEIGHT 80\nMAXVAL 255\nENDHDR\n",
        "P7\nWIDTH\nHEIGHT 80\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        plugin_bytes file = {0};
        plugin_put_text(&file, headers[i]);
        for (uint32_t j = 0; j < 8000; j++)
            plugin_put_text(&file, "."); // never a digit or a space
        expect_plain(&file);
        cr_assert_eq(plugin_analyser(&vlmc_plugin_entry)->probe(file.data, file.n, "x.ppm"), 0,
                     "%s", headers[i]);
        plugin_free(&file);
    }
}

Test(image_rasters, a_raster_that_ends_early_or_goes_on_comes_back)
{
    plugin_bytes file = netpbm("P6\n100 80\n255\n", 80, 300, 3);
    for (size_t n = 0; n <= file.n; n += n < 20 ? 1 : 1111) {
        const plugin_bytes part = {file.data, n, n};
        plugin_report r = check(&part, 0);
        cr_assert_eq(r.coded_bytes, n > 14 ? n - 14 : 0);
        plugin_report_free(&r);
    }
    plugin_put_text(&file, "and what follows");
    expect_layout(&file, 24000, 100, 3, 1, 0);
    plugin_free(&file);
}

Test(image_rasters, a_height_of_four_billion_ends_with_the_file)
{
    plugin_bytes file = netpbm("P6\n1000 4294967295\n255\n", 20, 3000, 3);
    expect_layout(&file, 60000, 1000, 3, 1, 0);
    plugin_free(&file);
}

Test(image_rasters, several_pictures_in_one_file_are_all_found)
{
    plugin_bytes file = {0};
    for (int i = 0; i < 3; i++) {
        plugin_bytes one = netpbm("P5\n100 80\n255\n", 80, 100, 1);
        plugin_put(&file, one.data, one.n);
        plugin_free(&one);
    }
    plugin_report r = check(&file, 0);
    cr_assert_eq(r.n_coded, 3);
    cr_assert_eq(r.coded_bytes, 24000);
    plugin_report_free(&r);
    plugin_free(&file);
}

Test(image_rasters, a_large_raster_is_cut_between_rows)
{
    plugin_bytes file = {0};
    plugin_put_text(&file, "P5\n10007 3500\n255\n");
    const size_t header = file.n, n = header + (size_t)10007 * 3500;
    file.data = realloc(file.data, n);
    cr_assert_not_null(file.data);
    memset(file.data + header, 77, n - header);
    file.n = file.capacity = n;
    plugin_report r = check(&file, 0);
    cr_assert_eq(r.n_coded, 2);
    cr_assert_leq(r.sizes[0], 32u << 20);
    cr_assert_eq(r.sizes[0] % (8 * 10007), 0);
    cr_assert_eq(r.sizes[0] + r.sizes[1], n - header);
    plugin_report_free(&r);
    plugin_free(&file);
}

static plugin_bytes bmp(uint32_t width, int32_t height, uint32_t depth, uint32_t header)
{
    plugin_bytes file = {0};
    const uint32_t palette = depth == 8 ? 1024 : 0, row = (width * depth / 8 + 3) / 4 * 4;
    const uint32_t rows = (uint32_t)(height < 0 ? -height : height);
    plugin_put_text(&file, "BM");
    plugin_put_number(&file, 14 + header + palette + rows * row, 4, false);
    plugin_put_number(&file, 0, 4, false);
    plugin_put_number(&file, 14 + header + palette, 4, false);
    plugin_put_number(&file, header, 4, false);
    plugin_put_number(&file, width, 4, false);
    plugin_put_number(&file, (uint32_t)height, 4, false);
    plugin_put_number(&file, 1, 2, false);
    plugin_put_number(&file, depth, 2, false);
    while (file.n < 14 + header + palette)
        plugin_put_number(&file, 0, 1, false);
    image_put_rows(&file, rows, width * depth / 8, depth / 8, row - width * depth / 8);
    return file;
}

Test(image_rasters, bmp_files_of_every_depth_come_back)
{
    for (uint32_t depth = 8; depth <= 32; depth += depth == 8 ? 16 : 8)
        for (int32_t kind = 0; kind < 4; kind++) {
            const uint32_t width = 101 + (uint32_t)kind, row = (width * depth / 8 + 3) / 4 * 4;
            plugin_bytes file = bmp(width, kind % 2 ? -70 : 70, depth, kind < 2 ? 40 : 124);
            expect_layout(&file, 70 * row, width, depth / 8, 1, row - width * depth / 8);
            plugin_free(&file);
        }
}

Test(image_rasters, tokens_of_a_bmp_are_red_green_blue)
{
    plugin_bytes file = bmp(40, 40, 24, 40);
    plugin_report r = expect(&file, 4800, 40, 3, 1, 0);
    for (uint32_t i = 0; i < 4800; i += 3)
        for (uint32_t c = 0; c < 3; c++)
            cr_assert_eq(r.tokens.data[i + c], file.data[54 + i + 2 - c]);
    plugin_report_free(&r);
    plugin_free(&file);
}

Test(image_rasters, bmp_headers_that_lie_are_plain_bytes)
{
    static const struct {
        uint32_t at, value, n_bytes;
    } lies[] = {
        {10, 3, 4},          {10, 0xFFFFFFFF, 4}, {14, 0, 4}, {14, 0xFFFFFFF0, 4}, {18, 0, 4},
        {18, 0xFFFFFFFF, 4}, {18, 0x40000000, 4}, {22, 0, 4}, {26, 2, 2},          {28, 4, 2},
        {28, 16, 2},         {30, 1, 4},          {30, 4, 4}, {0, 0x4142, 2},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        plugin_bytes file = bmp(100, 70, 24, 40);
        for (uint32_t j = 0; j < lies[i].n_bytes; j++)
            file.data[lies[i].at + j] = (uint8_t)(lies[i].value >> 8 * j);
        expect_plain(&file);
        plugin_free(&file);
    }
}

typedef struct tiff_recipe {
    bool big_endian, directory_last, gap;
    uint32_t width, height, samples, bits, strip_rows;
    uint32_t tile; // side, or 0
} tiff_recipe;

static void put_entry(plugin_bytes *file, const tiff_recipe *t, uint32_t tag, uint32_t type,
                      uint32_t count, uint32_t value)
{
    plugin_put_number(file, tag, 2, t->big_endian);
    plugin_put_number(file, type, 2, t->big_endian);
    plugin_put_number(file, count, 4, t->big_endian);
    plugin_put_number(file, value, type == 3 && count == 1 ? 2 : 4, t->big_endian);
    if (type == 3 && count == 1)
        plugin_put_number(file, 0, 2, t->big_endian);
}

// Parts and directory behind each other, or the directory first; all arrays lie before both.
static plugin_bytes tiff(const tiff_recipe *t, uint64_t *raster_bytes)
{
    plugin_bytes file = {0};
    const uint32_t row = (t->tile ? t->tile : t->width) * t->samples * t->bits / 8;
    const uint32_t part_rows = t->tile ? t->tile : t->strip_rows;
    const uint32_t across = t->tile ? (t->width + t->tile - 1) / t->tile : 1;
    const uint32_t parts = across * ((t->height + part_rows - 1) / part_rows);
    const uint32_t arrays = 8, data = arrays + 8 * parts + 8;
    const uint32_t gap = t->gap ? 10 : 0;
    const uint32_t entries = 11, directory_bytes = 2 + entries * 12 + 4;
    const uint32_t all = t->tile ? parts * part_rows * row : t->height * row;
    const uint32_t first = t->directory_last ? data : data + directory_bytes;
    plugin_put_text(&file, t->big_endian ? "MM" : "II");
    plugin_put_number(&file, 42, 2, t->big_endian);
    plugin_put_number(&file, t->directory_last ? data + all + gap : data, 4, t->big_endian);
    uint32_t at = first, left = all;
    for (uint32_t i = 0; i < parts; i++) {
        plugin_put_number(&file, at + (i > 0 ? gap : 0), 4, t->big_endian);
        at += part_rows * row;
    }
    for (uint32_t i = 0; i < parts; i++) {
        const uint32_t n = left < part_rows * row ? left : part_rows * row;
        plugin_put_number(&file, n, 4, t->big_endian);
        left -= n;
    }
    for (uint32_t i = 0; i < 4; i++)
        plugin_put_number(&file, t->bits, 2, t->big_endian);
    *raster_bytes = t->gap ? part_rows * row : all;
    for (int pass = 0; pass < 2; pass++) {
        if ((pass == 1) == t->directory_last) {
            plugin_put_number(&file, entries, 2, t->big_endian);
            put_entry(&file, t, 256, 4, 1, t->width);
            put_entry(&file, t, 257, 4, 1, t->height);
            put_entry(&file, t, 258, 3, t->samples, t->samples == 1 ? t->bits : data - 8);
            put_entry(&file, t, 259, 3, 1, 1);
            put_entry(&file, t, 262, 3, 1, t->samples > 1 ? 2 : 1);
            put_entry(&file, t, t->tile ? 324 : 273, 4, parts, parts == 1 ? first : arrays);
            put_entry(&file, t, 277, 3, 1, t->samples);
            put_entry(&file, t, t->tile ? 322 : 278, 4, 1, part_rows);
            put_entry(&file, t, t->tile ? 325 : 279, 4, parts,
                      parts == 1 ? all : arrays + 4 * parts);
            put_entry(&file, t, 284, 3, 1, 1);
            put_entry(&file, t, t->tile ? 323 : 305, 4, 1, part_rows);
            plugin_put_number(&file, 0, 4, t->big_endian);
        } else {
            const uint32_t before = t->gap ? part_rows * row : all;
            image_put_rows(&file, before / row, row, t->samples * t->bits / 8, 0);
            plugin_put_number(&file, 0, gap, false);
            image_put_rows(&file, (all - before) / row, row, t->samples * t->bits / 8, 0);
        }
    }
    return file;
}

Test(image_rasters, tiff_files_of_every_kind_come_back)
{
    static const uint32_t samples[] = {1, 3, 4};
    for (uint32_t kind = 0; kind < 48; kind++) {
        const tiff_recipe t = {
            .big_endian = kind & 1,
            .directory_last = kind & 2,
            .bits = kind & 4 ? 16 : 8,
            .tile = kind & 8 ? 32 : 0,
            .samples = samples[kind / 16],
            .width = 120,
            .height = 90,
            .strip_rows = kind & 2 ? 90 : 16,
        };
        uint64_t bytes;
        plugin_bytes file = tiff(&t, &bytes);
        cr_assert_geq(plugin_analyser(&vlmc_plugin_entry)->probe(file.data, file.n, NULL), 90);
        expect_layout(&file, bytes, t.tile ? 32 : 120, t.samples, t.bits / 8, 0);
        plugin_free(&file);
    }
}

Test(image_rasters, tokens_of_a_low_byte_first_tiff_have_the_high_byte_first)
{
    const tiff_recipe t = {.bits = 16, .samples = 1, .width = 60, .height = 60, .strip_rows = 60};
    uint64_t bytes;
    plugin_bytes file = tiff(&t, &bytes);
    plugin_report r = expect(&file, bytes, 60, 1, 2, 0);
    const uint8_t *raster = file.data + file.n - bytes;
    for (uint32_t i = 0; i < bytes; i++)
        cr_assert_eq(r.tokens.data[i], raster[i ^ 1]);
    plugin_report_free(&r);
    plugin_free(&file);
}

Test(image_rasters, strips_with_a_gap_are_taken_up_to_it)
{
    const tiff_recipe t = {
        .gap = true, .bits = 8, .samples = 3, .width = 120, .height = 90, .strip_rows = 30};
    uint64_t bytes;
    plugin_bytes file = tiff(&t, &bytes);
    expect_layout(&file, bytes, 120, 3, 1, 0);
    plugin_free(&file);
}

Test(image_rasters, tiff_bytes_of_any_other_value_do_no_harm)
{
    static const uint8_t values[] = {0, 1, 0x7F, 0x80, 0xFF};
    const tiff_recipe t = {.bits = 8, .samples = 3, .width = 40, .height = 40, .strip_rows = 8};
    uint64_t bytes;
    plugin_bytes file = tiff(&t, &bytes);
    for (size_t i = 0; i < file.n - bytes; i++)
        for (size_t v = 0; v < sizeof values; v++) {
            const uint8_t before = file.data[i];
            file.data[i] = values[v];
            plugin_report r = check(&file, 0);
            plugin_report_free(&r);
            file.data[i] = before;
        }
    plugin_free(&file);
}

Test(image_rasters, a_name_alone_makes_no_picture)
{
    static const char *const names[] = {"a.png", "a.ppm", "a.bmp", "a.tif", "a.jpg"};
    const char text[] = "It was the best of times, it was the worst of times.";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_eq(plugin_analyser(&vlmc_plugin_entry)
                         ->probe((const uint8_t *)text, sizeof text, names[i]),
                     0);
}

// Averages over blocks of 8x8 with their corner at (x0, y0), and a little noise.
static plugin_bytes blocky(uint32_t x0, uint32_t y0)
{
    plugin_bytes file = {0};
    plugin_put_text(&file, "P5\n200 160\n255\n");
    for (uint32_t y = 0; y < 160; y++)
        for (uint32_t x = 0; x < 200; x++) {
            const uint32_t bx = (x + 8 - x0) / 8 * 8, by = (y + 8 - y0) / 8 * 8;
            const uint32_t slope = (x * 2 + y * 3) / 8;
            const uint32_t value = slope + image_sample(bx, by, 0) % 12 + image_sample(x, y, 1) % 3;
            plugin_put_number(&file, value & 255, 1, false);
        }
    return file;
}

Test(image_rasters, blocks_of_a_picture_that_was_a_jpeg_file_are_found)
{
    for (uint32_t i = 0; i < 8; i++) {
        plugin_bytes file = blocky(i, (i * 3 + 1) % 8);
        plugin_report r = check(&file, 0);
        image_layout l;
        cr_assert(image_layout_read(r.params.data, r.params.n, &l));
        cr_assert_eq(l.phase_x, (8 - i) % 8);
        cr_assert_eq(l.phase_y, (8 - (i * 3 + 1) % 8) % 8);
        plugin_report_free(&r);
        plugin_free(&file);
    }
}

Test(image_rasters, a_picture_without_blocks_has_none)
{
    plugin_bytes file = netpbm("P6\n300 200\n255\n", 200, 900, 3);
    plugin_report r = check(&file, 0);
    image_layout l;
    cr_assert(image_layout_read(r.params.data, r.params.n, &l));
    cr_assert_eq(l.phase_x, IMAGE_NO_BLOCKS);
    cr_assert_eq(l.phase_y, IMAGE_NO_BLOCKS);
    plugin_report_free(&r);
    plugin_free(&file);
}

static int32_t parse(const char *text, image_layout *layout, uint8_t *order)
{
    uint8_t params[64];
    uint32_t n = sizeof params;
    const int32_t result = image_tokenizer("image.pixels")->parse_params(text, params, &n);
    if (result == VLMC_PLUGIN_OK) {
        cr_assert(image_layout_read(params, n, layout));
        *order = params[IMAGE_LAYOUT_BYTES];
    }
    return result;
}

Test(image_rasters, parameters_are_read_from_text)
{
    image_layout l;
    uint8_t order;
    cr_assert_eq(parse("width=64,grey", &l, &order), VLMC_PLUGIN_OK);
    cr_assert(l.width == 64 && l.channels == 1 && l.sample_bytes == 1 && l.height == 0);
    cr_assert(l.phase_x == 0 && l.phase_y == 0 && order == 0);
    cr_assert_eq(parse("rgba,width=640,depth=16,height=9,prefix=1,suffix=2,blocks=3:7", &l, &order),
                 VLMC_PLUGIN_OK);
    cr_assert(l.width == 640 && l.channels == 4 && l.sample_bytes == 2 && l.height == 9);
    cr_assert(l.prefix == 1 && l.suffix == 2 && l.phase_x == 3 && l.phase_y == 7);
    cr_assert_eq(parse("width=10,bgr,blocks=none", &l, &order), VLMC_PLUGIN_OK);
    cr_assert(l.phase_x == IMAGE_NO_BLOCKS && l.channels == 3 && order == 2);
    static const char *const bad[] = {"",
                                      "grey",
                                      "width=",
                                      "width=0",
                                      "width=x",
                                      "width=1048577",
                                      "width=99999999999999999999",
                                      "width=-1",
                                      "width=64,gray2",
                                      "width=64,depth=12",
                                      "width=64,prefix=17",
                                      "width=64,blocks=8:0",
                                      "width=64,blocks=0",
                                      "width=64,order=little",
                                      "width=64,height=4294967296",
                                      "width=1048576,rgba,depth=16"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_neq(parse(bad[i], &l, &order), VLMC_PLUGIN_OK, "%s", bad[i]);
}

Test(image_rasters, pixels_of_every_order_come_back_however_they_are_cut)
{
    static const char *const kinds[] = {
        "width=7,bgr", "width=5,bgra,prefix=1,suffix=3", "width=9,grey,depth=16,order=little",
        "width=3,bgr,depth=16,order=little,suffix=1", "width=4,bgra,depth=16,order=little"};
    const vlmc_tokenizer *t = image_tokenizer("image.pixels");
    plugin_bytes in = {0};
    image_put_rows(&in, 10, 50, 3, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t n = 0; n < 200; n += 7) {
            uint8_t params[64];
            uint32_t params_bytes = sizeof params;
            plugin_bytes whole = {0}, tokens = {0}, back = {0};
            cr_assert_eq(t->parse_params(kinds[i], params, &params_bytes), VLMC_PLUGIN_OK);
            plugin_convert(t, true, params, params_bytes, in.data, n, 0, 1, &whole);
            cr_assert_eq(
                plugin_convert(t, true, params, params_bytes, in.data, n, 4, n + 1, &tokens),
                VLMC_PLUGIN_OK);
            cr_assert(tokens.n == n && whole.n == n);
            cr_assert(n == 0 || memcmp(tokens.data, whole.data, n) == 0);
            cr_assert_eq(
                plugin_convert(t, false, params, params_bytes, tokens.data, n, 3, n + 2, &back),
                VLMC_PLUGIN_OK);
            cr_assert(back.n == n && (n == 0 || memcmp(back.data, in.data, n) == 0));
            plugin_free(&whole);
            plugin_free(&tokens);
            plugin_free(&back);
        }
    plugin_free(&in);
}
