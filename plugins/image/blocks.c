// SPDX-License-Identifier: Apache-2.0
#include "blocks.h"

#include <stdlib.h>

#define SIDE 8u
#define PIXELS_MIN 32u // of width and height
#define STEPS_MIN 512u // for each phase: fewer say nothing
#define STEP_MAX 24u   // an edge in the picture counts no more than the step between two blocks
// The steps between blocks must be so much larger than those at any other phase, across and down:
// Kodak's pictures, which never were JPEG files, stay below it; half of ImageNet's come above it.
#define EXCESS_PERMILLE 1015u

typedef struct steps {
    uint64_t sums[SIDE];
    uint64_t counts[SIDE];
} steps;

// How far the step from b to c stands out against those before and after it.
static uint32_t step_size(int32_t a, int32_t b, int32_t c, int32_t d)
{
    const uint32_t size = (uint32_t)abs(3 * (c - b) + a - d);
    return size < STEP_MAX ? size : STEP_MAX;
}

// The phase where a block begins, or IMAGE_NO_BLOCKS.
static uint8_t clear_phase(const steps *s)
{
    uint64_t means[SIDE];
    uint32_t best = 0;
    for (uint32_t i = 0; i < SIDE; i++) {
        if (s->counts[i] < STEPS_MIN)
            return IMAGE_NO_BLOCKS;
        means[i] = (s->sums[i] << 10) / s->counts[i];
        if (means[i] > means[best])
            best = i;
    }
    for (uint32_t i = 0; i < SIDE; i++)
        if (i != best && means[best] * 1000 <= means[i] * EXCESS_PERMILLE)
            return IMAGE_NO_BLOCKS;
    return (uint8_t)best;
}

// `stride` bytes between neighbours along the line, `line` the first sample.
static void measure_line(const uint8_t *line, size_t stride, uint32_t n, steps *s)
{
    for (uint32_t i = 2; i + 1 < n; i++) {
        const uint8_t *p = line + i * stride;
        s->sums[i % SIDE] += step_size(*(p - 2 * stride), *(p - stride), *p, *(p + stride));
        s->counts[i % SIDE]++;
    }
}

void image_find_blocks(const uint8_t *rows, uint32_t n_rows, bool low_byte_first,
                       image_layout *layout)
{
    layout->phase_x = layout->phase_y = IMAGE_NO_BLOCKS;
    if (layout->width < PIXELS_MIN || n_rows < PIXELS_MIN)
        return;
    // One channel of each pixel: green, where there is one.
    const uint32_t pixel_bytes = image_pixel_bytes(layout);
    const uint32_t channel = layout->channels >= 3 ? 1 : 0;
    const uint8_t *first = rows + layout->prefix + (size_t)channel * layout->sample_bytes +
                           (low_byte_first && layout->sample_bytes == 2);
    const uint32_t row_bytes = image_row_bytes(layout);
    steps across = {0}, down = {0};
    for (uint32_t y = 0; y < n_rows; y++)
        measure_line(first + (size_t)y * row_bytes, pixel_bytes, layout->width, &across);
    for (uint32_t x = 0; x < layout->width; x++)
        measure_line(first + (size_t)x * pixel_bytes, row_bytes, n_rows, &down);
    const uint8_t x = clear_phase(&across), y = clear_phase(&down);
    if (x == IMAGE_NO_BLOCKS || y == IMAGE_NO_BLOCKS)
        return;
    layout->phase_x = (uint8_t)((SIDE - x) % SIDE);
    layout->phase_y = (uint8_t)((SIDE - y) % SIDE);
}
