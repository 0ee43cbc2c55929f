// SPDX-License-Identifier: Apache-2.0
#include "jpeg_features.h"

#define LINEAR_WEIGHTS 30u
#define MAGNITUDE_WEIGHTS 29u
#define MAGNITUDE_BANDS 5u

// Linear prediction of the coefficient with vertical frequency u <= v, its horizontal one; 256ths.
// Of the block above those with the horizontal frequency v, of the block to the left those with
// the vertical frequency u (8 each), of its own block those between in its column (7) and its row
// (7). The others are these transposed. // (u, v), one row for each u <= v but 0, 0
static const int16_t linear[35][LINEAR_WEIGHTS] = {
    {180, -190, 162,  -121, 108,  -89, 83,  -55, 0, 0, 0, 0, 0, 0, 0,
     0,   -172, -190, -106, -122, -80, -98, -57, 0, 0, 0, 0, 0, 0, 0},
    {133, -124, 97,   -74, 66,  -54, 50,  -39, 0, 0, 0, 0, 0, 0, 0,
     0,   -103, -124, -60, -81, -43, -61, -28, 0, 0, 0, 0, 0, 0, 0},
    {114, -91, 65,  -50, 42,  -34, 35,  -24, 0, 0, 0, 0, 0, 0, 0,
     0,   -73, -85, -38, -55, -27, -42, -21, 0, 0, 0, 0, 0, 0, 0},
    {102, -74, 50,  -37, 32,  -30, 26,  -21, 0, 0, 0, 0, 0, 0, 0,
     0,   -59, -68, -26, -44, -17, -36, -11, 0, 0, 0, 0, 0, 0, 0},
    {93, -60, 39,  -28, 23,  -22, 23,  -17, 0, 0, 0, 0, 0, 0, 0,
     0,  -47, -56, -20, -31, -11, -29, -8,  0, 0, 0, 0, 0, 0, 0},
    {83, -51, 31,  -19, 18,  -17, 20,  -13, 0, 0, 0, 0, 0, 0, 0,
     0,  -36, -43, -14, -26, -8,  -27, -7,  0, 0, 0, 0, 0, 0, 0},
    {76, -43, 26,  -18, 15,  -16, 19,  -13, 0, 0, 0, 0, 0, 0, 0,
     0,  -33, -37, -13, -22, -11, -24, -8,  0, 0, 0, 0, 0, 0, 0},
    {24,  -43, 37, -31, 27, -23, 22, -17, 24, -43, 37, -31, 27, -23, 22,
     -17, 0,   0,  0,   0,  0,   0,  0,   0,  0,   0,  0,   0,  0,   0},
    {28, -41, 32, -27, 23, -21, 17, -17, 6,   -13, 13, -13, 12, -11, 14,
     -8, 0,   0,  0,   0,  0,   0,  0,   -16, 0,   0,  0,   0,  0,   0},
    {22,  -30, 23, -17, 16, -15, 12, -10, 6,   -12, 11, -12, 13, -15, 15,
     -12, 0,   0,  0,   0,  0,   0,  0,   -19, -13, 0,  0,   0,  0,   0},
    {21,  -25, 18, -14, 12, -12, 14, -10, 2,  -5, 6,   -8, 8, -10, 11,
     -10, 0,   0,  0,   0,  0,   0,  0,   -4, -8, -11, 0,  0, 0,   0},
    {19,  -20, 16, -11, 11, -10, 11, -10, 3,  -6, 7,   -7, 7, -10, 13,
     -11, 0,   0,  0,   0,  0,   0,  0,   -8, -4, -12, -9, 0, 0,   0},
    {16, -16, 14, -10, 8, -9, 11, -8, 1,  -3, 3,  -5, 6,  -9, 10,
     -6, 0,   0,  0,   0, 0,  0,  0,  -2, -5, -3, -9, -8, 0,  0},
    {14, -17, 10, -7, 8, -8, 8, -8, 1,  -2, 3,  -3, 4,   -5, 4,
     -7, 0,   0,  0,  0, 0,  0, 0,  -3, -1, -5, -1, -11, -5, 0},
    {10,  -18, 16, -14, 14, -13, 13, -12, 10,  -18, 16, -14, 14, -13, 13,
     -12, -15, 0,  0,   0,  0,   0,  0,   -15, 0,   0,  0,   0,  0,   0},
    {8,   -15, 15, -14, 13, -13, 13, -9, 9,   -16, 14, -14, 15, -13, 15,
     -13, -12, 0,  0,   0,  0,   0,  0,  -26, -15, 0,  0,   0,  0,   0},
    {7,   -14, 11, -10, 10, -10, 11, -7, 3,  -8,  8,   -9, 9, -10, 13,
     -11, -10, 0,  0,   0,  0,   0,  0,  -4, -12, -11, 0,  0, 0,   0},
    {7,   -11, 10, -10, 9, -9, 11, -8, 4,   -8, 8,   -10, 10, -12, 13,
     -12, -7,  0,  0,   0, 0,  0,  0,  -12, -4, -15, -9,  0,  0,   0},
    {7,  -11, 7, -9, 10, -10, 6, -9, 2,  -4, 5,  -6,  7,  -10, 9,
     -7, -5,  0, 0,  0,  0,   0, 0,  -2, -8, -3, -12, -6, 0,   0},
    {5,  -10, 8, -8, 7, -6, 9, -8, 2,  -3, 3,  -4, 5,   -6, 5,
     -4, -5,  0, 0,  0, 0,  0, 0,  -5, -1, -7, -1, -10, -5, 0},
    {8,   -14, 13,  -12, 12, -12, 14, -11, 8,   -14, 13, -12, 12, -12, 14,
     -11, -21, -10, 0,   0,  0,   0,  0,   -21, -10, 0,  0,   0,  0,   0},
    {8,   -11, 12, -10, 13, -12, 12, -10, 4,  -8,  9,   -10, 10, -10, 11,
     -11, -22, -8, 0,   0,  0,   0,  0,   -5, -15, -10, 0,   0,  0,   0},
    {6,   -10, 9,  -8, 10, -12, 10, -12, 4,   -8, 8,   -9, 8, -10, 13,
     -11, -19, -7, 0,  0,  0,   0,  0,   -13, -4, -16, -9, 0, 0,   0},
    {6,  -9,  8,  -8, 8, -10, 10, -8, 2,  -5,  5,  -7,  8,  -11, 10,
     -8, -17, -5, 0,  0, 0,   0,  0,  -2, -10, -4, -14, -7, 0,   0},
    {5,  -8,  9,  -7, 8, -9, 10, -7, 2,  -3, 4,  -5, 5,   -6, 6,
     -5, -15, -6, 0,  0, 0,  0,  0,  -5, -2, -7, -2, -10, -6, 0},
    {4,   -9, 9,   -10, 11, -11, 13, -11, 4,  -9,  9,  -10, 11, -11, 13,
     -11, -4, -14, -7,  0,  0,   0,  0,   -4, -14, -7, 0,   0,  0,   0},
    {4,   -8, 8,   -9, 10, -11, 11, -10, 4,   -8, 8,   -8, 10, -11, 13,
     -11, -4, -14, -7, 0,  0,   0,  0,   -14, -3, -16, -6, 0,  0,   0},
    {3,  -6, 7,   -8, 8, -9, 12, -10, 2,  -5, 6,  -7,  8,  -9, 11,
     -9, -3, -12, -6, 0, 0,  0,  0,   -3, -9, -2, -14, -7, 0,  0},
    {3,  -6, 7,   -7, 8, -9, 8, -8, 2,  -3, 4,  -5, 5,   -7, 6,
     -6, -2, -12, -4, 0, 0,  0, 0,  -5, -1, -7, -2, -10, -5, 0},
    {4,   -8,  7,  -8,  9,  -10, 12, -12, 4,   -8, 7,   -8, 9, -10, 12,
     -12, -12, -4, -15, -6, 0,   0,  0,   -12, -4, -15, -6, 0, 0,   0},
    {4,  -7,  7,  -8,  8,  -10, 11, -11, 3,  -5,  6,  -8,  8,  -10, 10,
     -8, -12, -3, -13, -4, 0,   0,  0,   -2, -10, -2, -15, -5, 0,   0},
    {3,  -6,  7,  -8,  8,  -11, 12, -9, 2,  -3, 4,  -4, 6,   -6, 5,
     -5, -11, -3, -13, -5, 0,   0,  0,  -6, -1, -7, -2, -12, -4, 0},
    {2,  -5, 5,  -6, 8,   -9, 9, -9, 2,  -5, 5,  -6,  8,  -9, 9,
     -9, -2, -9, -2, -14, -4, 0, 0,  -2, -9, -2, -14, -4, 0,  0},
    {2,  -5, 6,   -7, 7,   -9, 10, -9, 2,  -3, 3,  -4, 5,   -4, 6,
     -4, -1, -10, -2, -14, -4, 0,  0,  -6, -1, -7, -1, -11, -5, 0},
    {2,  -3, 4,  -4, 5,  -5,  7,  -6, 2,  -3, 4,  -4, 5,   -5, 7,
     -6, -6, -1, -7, -1, -12, -2, 0,  -6, -1, -7, -1, -12, -2, 0},
};

static const uint8_t linear_row[8] = {0, 7, 14, 20, 25, 29, 32, 34}; // of u = v, less 1 for u = 0

// Weights of the expected magnitude by component and how late the coefficient comes; 512ths. The
// same frequency above, left, above left, above right; the frequencies around it above (down, up,
// right, left) and left; those of its own block that are known; the earlier components' (the first,
// the second, and of it down and right); how many of the rest are not 0; a constant.
static const int16_t magnitude[3][MAGNITUDE_BANDS][MAGNITUDE_WEIGHTS] = {
    {
        {47, 52, 23, 41, 23, 28, 33, 1, 43, 4, 26, 30, 63,   43, 0,
         0,  0,  48, 0,  0,  0,  0,  0, 0,  0, 0,  0,  2590, -41},
        {25, 26, 5, 10, 16, 13, 19, 3, 26, 7, 19, 18, 59,   78, 34,
         31, 50, 0, 55, 36, 5,  3,  0, 0,  0, 0,  0,  1173, 15},
        {19, 23, 4,  10, 12, 16, 14,  8,  16, 9, 11, 21, 60,  63, 16,
         43, 42, 48, 19, 15, 20, -19, 11, 0,  0, 0,  0,  754, -1},
        {18, 20, 7,  12, 11, 14, 1, 11, 8, 10, 4, 19, 55,  49, 24,
         37, 31, 48, 28, 7,  15, 2, 12, 0, 0,  0, 0,  448, -15},
        {13, 13, 8,  11, 12, 9,  -6, 8,  8, 9, -3, 10, 41,  49, 38,
         30, 25, 26, 16, 0,  11, 2,  -5, 0, 0, 0,  0,  403, -7},
    },
    {
        {30, 31, 8,  15, 3, 25, 11, 5, 5,  4, 6, 25, 25,   30, 0,
         0,  0,  24, 0,  0, 0,  0,  0, 12, 0, 0, 0,  2291, 157},
        {17, 14, 2, 6,  1,   13, -5,  8, -2, 3, 5, 20, 55,  37, 29,
         38, 16, 0, 14, -21, 2,  -12, 0, 4,  0, 0, 0,  760, 93},
        {10, 12, 2,  6,  5,  16, -2, 8,   1, 8, 2, 14, 38,  33, 15,
         25, 26, 16, 15, -6, -3, -5, -10, 5, 0, 0, 0,  464, 4},
        {9,  8,  4,  4,  6,  11, -1, 5,  3, 5, 7, 12, 35,  33, 20,
         25, 22, 12, 10, -3, -2, -7, -6, 9, 0, 0, 0,  383, 5},
        {5,  4,  -1, 5, 2,  4,   0,   -1,  0, 1, 5, 8, 24,  26, 18,
         15, 21, 9,  6, -9, -11, -16, -11, 9, 0, 0, 0, 470, 12},
    },
    {
        {20, 23, 4,  11, -1, 23, 1, 4, -1, 5,  1,  21, 25,   34, 0,
         0,  0,  20, 0,  0,  0,  0, 0, 5,  79, -8, -3, 2572, 143},
        {7,  8,  0, 4, -1,  14, -2,  5, -1, 4,  2,   20, 57,  36, 31,
         41, 11, 0, 9, -20, 2,  -21, 0, 2,  59, -10, -6, 783, 89},
        {11, 12, 2,  3,  3,  16, -2, 4,  -1, 7,  4,  12, 37,  33, 11,
         28, 23, 17, 10, -6, -6, -5, -5, 3,  49, -3, -2, 454, 5},
        {8,  9,  1,  2, 6,  13, -1, 2,  -2, 3,  6,  11, 38,  37, 18,
         22, 21, 13, 4, -5, -5, -9, -2, 6,  43, -3, -1, 359, 7},
        {2,  3,  -1, -3, 4,  9,   0,   0,   -3, -1, 6,  6, 29,  33, 12,
         16, 23, 6,  6,  -8, -14, -16, -10, 7,  40, -4, 3, 439, 12},
    },
};

static uint32_t magnitude_of(int32_t x)
{
    return (uint32_t)(x < 0 ? -x : x);
}

const jpeg_block *jpeg_peer(const jpeg_walk *walk, uint32_t component)
{
    static const jpeg_block none;
    if (component >= walk->component)
        return &none;
    const jpeg_component *here = &walk->frame->components[walk->component];
    const jpeg_component *there = &walk->frame->components[component];
    const uint32_t row = (walk->mcu_row * here->v + walk->line) * there->v / here->v;
    const uint32_t column = walk->column * there->h / here->h;
    if (row >= there->rows || column >= there->columns)
        return &none;
    return walk->rows[component].blocks + (size_t)(row % (there->v + 1u)) * there->columns + column;
}

int32_t jpeg_expected(const jpeg_walk *walk)
{
    const uint32_t u = walk->position / 8, v = walk->position % 8;
    const bool swap = u > v;
    const uint32_t low = swap ? v : u, high = swap ? u : v;
    const uint32_t along = swap ? 1 : 8, across = swap ? 8 : 1; // steps to the next frequency
    const int16_t *w = linear[linear_row[low] + high - low - (low == 0)];
    const int16_t *above = (swap ? walk->west : walk->north)->values + high * across;
    const int16_t *left = (swap ? walk->north : walk->west)->values + low * along;
    const int16_t *own = walk->block->values;
    const uint16_t *quant = walk->quant;
    int64_t sum = 0; // 30 terms below 2^11 * 2^16 * 2^8
    for (uint32_t k = 0; k < 8; k++) {
        const uint32_t i = k * along, j = k * across;
        sum += (int64_t)w[k] * above[i] * quant[high * across + i];
        sum += (int64_t)w[8 + k] * left[j] * quant[low * along + j];
    }
    const uint32_t end = low == 0 ? 8 : low;
    for (uint32_t k = 1; k < end; k++)
        sum +=
            (int64_t)w[15 + k] * own[high * across + k * along] * quant[high * across + k * along];
    for (uint32_t k = 1; low > 0 && k < high; k++)
        sum += (int64_t)w[22 + k] * own[low * along + k * across] * quant[low * along + k * across];
    sum /= 16 * (int64_t)quant[walk->position];
    return sum > 32000 ? 32000 : sum < -32000 ? -32000 : (int32_t)sum;
}

// Weighted dequantized magnitude; 0 outside of the block. Of other blocks the lowest
// frequencies are known too.
static int64_t term(const jpeg_walk *walk, const jpeg_block *block, int32_t weight, int32_t u,
                    int32_t v, bool other)
{
    if (u < !other || v < !other || u > 7 || v > 7)
        return 0;
    const uint32_t i = (uint32_t)(8 * u + v);
    return (int64_t)weight * magnitude_of(block->values[i]) * walk->quant[i];
}

uint32_t jpeg_expected_magnitude(const jpeg_walk *walk)
{
    // Offsets of frequencies, vertical and horizontal.
    static const int8_t around[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    static const int8_t known[11][2] = {{0, -1}, {-1, 0}, {-1, -1}, {0, -2}, {-2, 0}, {-1, 1},
                                        {1, -1}, {-2, 1}, {1, -2},  {2, -2}, {-2, 2}};
    static const uint8_t band_end[MAGNITUDE_BANDS] = {3, 6, 15, 28, 49};
    const int32_t u = (int32_t)walk->position / 8, v = (int32_t)walk->position % 8;
    const uint32_t c = walk->component;
    uint32_t band = 0;
    while (walk->index > band_end[band])
        band++;
    const int16_t *w = magnitude[c < 3 ? c : 2][band];
    int64_t sum = term(walk, walk->north, w[0], u, v, true) +
                  term(walk, walk->west, w[1], u, v, true) +
                  term(walk, walk->north_west, w[2], u, v, true) +
                  term(walk, walk->north_east, w[3], u, v, true);
    for (uint32_t k = 0; k < 4; k++) {
        const int32_t i = u + around[k][0], j = v + around[k][1];
        sum += term(walk, walk->north, w[4 + k], i, j, true) +
               term(walk, walk->west, w[8 + k], i, j, true);
    }
    for (uint32_t k = 0; k < 11; k++)
        sum += term(walk, walk->block, w[12 + k], u + known[k][0], v + known[k][1], false);
    if (c > 0)
        sum += term(walk, jpeg_peer(walk, 0), w[23], u, v, true);
    if (c > 1) {
        const jpeg_block *peer = jpeg_peer(walk, 1);
        sum += term(walk, peer, w[24], u, v, true) + term(walk, peer, w[25], u + 1, v, true) +
               term(walk, peer, w[26], u, v + 1, true);
    }
    sum = sum / walk->quant[walk->position] +
          w[27] * (int32_t)walk->left / (int32_t)(50 - walk->index) + w[28];
    return sum < 16 ? 1 : sum > 1 << 19 ? 1 << 15 : (uint32_t)(sum / 16);
}
