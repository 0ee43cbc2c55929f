// SPDX-License-Identifier: Apache-2.0
// Screenshots and drawings are told from photographs, come back, and repeat themselves to good use.
#include "plugins/image/drawing_contexts.h"
#include "png_files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 240u
#define HEIGHT 160u

// A window with the same few symbols all over it, 0..255.
static uint8_t drawn(uint32_t x, uint32_t y, uint32_t channel)
{
    const uint32_t cell = x / 24 + y / 16, in_x = x % 24, in_y = y % 16;
    uint64_t state = (((uint64_t)(cell % 5) << 16 | in_x) << 16 | in_y) * 0x9E3779B97F4A7C15u + 1;
    const bool ink =
        in_x > 3 && in_x < 12 && in_y > 3 && in_y < 12 && plugin_random(&state) % 3 == 0;
    return (uint8_t)(ink ? 40 + 50 * channel : 220 - channel * (cell % 5 == 0 ? 7 : 3));
}

static void put_drawn(plugin_bytes *rows, uint32_t channels, uint32_t prefix)
{
    for (uint32_t y = 0; y < HEIGHT; y++) {
        plugin_put_number(rows, 0, prefix, true);
        for (uint32_t i = 0; i < WIDTH * channels; i++)
            plugin_put_number(rows, drawn(i / channels, y, i % channels), 1, true);
    }
}

static const char *first_tokenizer(const plugin_bytes *file)
{
    static char id[64];
    plugin_report r = image_check_file(file->data, file->n, 3000, 5);
    cr_assert_null(r.fault, "%s", r.fault);
    cr_assert_eq(r.n_coded, 1);
    strncpy(id, r.tokenizers[0], sizeof id - 1);
    plugin_report_free(&r);
    return id;
}

Test(image_drawings, drawings_in_files_of_every_kind_are_known_and_come_back)
{
    static const struct {
        const char *header;
        uint32_t channels;
    } kinds[] = {
        {"P5\n240 160\n255\n", 1},
        {"P6\n240 160\n255\n", 3},
        {"P7\nWIDTH 240\nHEIGHT 160\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n", 4},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        plugin_bytes file = {0}, png = {0}, rows = {0};
        plugin_put_text(&file, kinds[i].header);
        put_drawn(&file, kinds[i].channels, 0);
        cr_assert_str_eq(first_tokenizer(&file), "image.drawing");
        png_recipe r = png_usual();
        r.width = WIDTH;
        r.height = HEIGHT;
        r.colour = (uint8_t[]){0, 0, 0, 2, 6}[kinds[i].channels];
        put_drawn(&rows, kinds[i].channels, 1);
        png_make_of(&r, rows.data, rows.n, &png);
        cr_assert_str_eq(first_tokenizer(&png), "image.png.drawing");
        plugin_free(&file);
        plugin_free(&png);
        plugin_free(&rows);
    }
}

Test(image_drawings, few_colours_make_a_drawing_and_photographs_are_none)
{
    image_layout l = {.width = 100, .channels = 3, .sample_bytes = 1};
    plugin_bytes photograph = {0}, dithered = {0};
    image_put_rows(&photograph, 80, 300, 3, 0);
    cr_assert_not(image_is_drawing(photograph.data, 80, &l, false));
    uint64_t state = 9;
    for (uint32_t i = 0; i < 8000; i++)
        plugin_put_number(&dithered, plugin_random(&state) % 200, 3, true);
    cr_assert(image_is_drawing(dithered.data, 80, &l, false));
    cr_assert_not(image_is_drawing(dithered.data, 0, &l, false)); // rows too long to look at
    for (uint32_t i = 0; i < 100; i++)                            // 300 colours
        memcpy(dithered.data + 3 * i, (uint8_t[]){1, 1, (uint8_t)i}, 3);
    cr_assert_not(image_is_drawing(dithered.data, 80, &l, false));
    l.channels = 1;
    cr_assert_not(image_is_drawing(photograph.data, 80, &l, false));
    cr_assert(image_is_drawing(photograph.data, 80, &l, true));
    l.sample_bytes = 2;
    cr_assert_not(image_is_drawing(photograph.data, 80, &l, true));
    plugin_free(&photograph);
    plugin_free(&dithered);
}

static void *machine_of(const image_layout *layout, uint32_t n_streams, const uint64_t *first)
{
    uint8_t params[IMAGE_LAYOUT_BYTES];
    void *machine;
    image_layout_write(layout, params);
    cr_assert_eq(image_drawing_contexts_create(params, sizeof params, n_streams, first, &machine),
                 VLMC_PLUGIN_OK);
    return machine;
}

Test(image_drawings, what_was_drawn_before_is_expected)
{
    const image_layout l = {.width = WIDTH, .channels = 3, .sample_bytes = 1};
    void *machine = machine_of(&l, 1, &(uint64_t){0});
    plugin_bytes rows = {0};
    put_drawn(&rows, 3, 0);
    uint32_t contexts[IMAGE_DRAWING_N_DECLARATIONS], centre, wrong = 0;
    for (size_t i = 0; i < rows.n; i++) {
        image_drawing_next_context(machine, 0, contexts, &centre);
        wrong += i >= rows.n / 2 && centre != rows.data[i];
        image_drawing_push_token(machine, 0, rows.data[i]);
    }
    cr_assert_lt(wrong, rows.n / 2 / 50, "%u of %zu", wrong, rows.n / 2);
    image_drawing_contexts_destroy(machine);
    plugin_free(&rows);
}

// Drives a machine over random pixels of two colours and noise; the hash of all it says.
static uint64_t driven(const image_layout *layout, uint32_t n_streams, uint32_t steps)
{
    const uint64_t row = image_row_bytes(layout);
    uint64_t first[VLMC_PLUGIN_STREAMS_MAX], state = 77, sum = 0;
    for (uint32_t s = 0; s < n_streams; s++)
        first[s] = s * row * 3 + (s % 2 ? s % row : 0);
    void *machine = machine_of(layout, n_streams, first);
    uint32_t c[IMAGE_DRAWING_N_DECLARATIONS], centre;
    for (uint32_t i = 0; i < steps; i++)
        for (uint32_t s = 0; s < n_streams; s++) {
            image_drawing_next_context(machine, s, c, &centre);
            cr_assert_lt(centre, 256);
            for (uint32_t k = 0; k < IMAGE_DRAWING_N_DECLARATIONS; k++) {
                const vlmc_context_declaration *d = &image_drawing_declarations[k];
                cr_assert(d->cardinality == 0 || c[k] < d->cardinality, "%s", d->name);
                sum = (sum + c[k]) * 0x9E3779B97F4A7C15u;
            }
            sum = (sum + centre) * 0x9E3779B97F4A7C15u;
            const uint32_t r = plugin_random(&state);
            image_drawing_push_token(machine, s, r % 16 ? 200 - r % 2 : r >> 8 & 255);
        }
    image_drawing_contexts_destroy(machine);
    return sum;
}

Test(image_drawings, layouts_of_every_kind_stay_in_range_and_say_the_same_again)
{
    for (uint8_t channels = 1; channels <= 4; channels++)
        for (uint32_t i = 0; i < 6; i++) {
            const image_layout l = {
                .width = (uint32_t[]){1, 2, 3, 7, 64, 300}[i],
                .channels = channels,
                .sample_bytes = 1,
                .prefix = (uint8_t)(i % 3 ? 0 : 1 + i),
                .suffix = (uint8_t)(i % 2 ? 3 : 0),
            };
            for (uint32_t streams = 1; streams <= 5; streams += 4)
                cr_assert_eq(driven(&l, streams, 9000), driven(&l, streams, 9000));
        }
}

Test(image_drawings, samples_of_two_bytes_are_refused)
{
    const image_layout l = {.width = 4, .channels = 1, .sample_bytes = 2};
    uint8_t params[IMAGE_LAYOUT_BYTES];
    vlmc_token_geometry geometry;
    void *machine;
    image_layout_write(&l, params);
    cr_assert_eq(image_drawing_geometry(params, sizeof params, &geometry), VLMC_PLUGIN_INVALID);
    cr_assert_eq(image_drawing_contexts_create(params, sizeof params, 1, &(uint64_t){0}, &machine),
                 VLMC_PLUGIN_INVALID);
    cr_assert_null(machine);
}
