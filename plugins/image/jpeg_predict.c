// SPDX-License-Identifier: Apache-2.0
#include "jpeg_predict.h"

// 8192 * c(k) / 2 * cos((2 x + 1) k pi / 16), the inverse DCT of 8 points. // (frequency, sample)
static const int16_t basis[8][8] = {
    {2896, 2896, 2896, 2896, 2896, 2896, 2896, 2896},
    {4017, 3406, 2276, 799, -799, -2276, -3406, -4017},
    {3784, 1567, -1567, -3784, -3784, -1567, 1567, 3784},
    {3406, -799, -4017, -2276, 2276, 4017, 799, -3406},
    {2896, -2896, -2896, 2896, 2896, -2896, -2896, 2896},
    {2276, -4017, 799, 3406, -3406, -799, 4017, -2276},
    {1567, -3784, 3784, -1567, -1567, 3784, -3784, 1567},
    {799, -2276, 3406, -4017, 4017, -3406, 2276, -799},
};

// The same half a sample before the first one, on the straight line through the first two:
// 3/2 basis[k][0] - 1/2 basis[k][1]. On the other side odd frequencies have the other sign.
static const int32_t at_edge[8] = {2896, 4323, 4893, 5508, 5793, 5422, 4243, 2336};

#define DEQUANTIZED_MAX 16384

static int32_t clamp(int64_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
}

static int32_t dequantize(const jpeg_block *block, const uint16_t *quant, uint32_t i)
{
    return clamp((int32_t)block->values[i] * quant[i], DEQUANTIZED_MAX);
}

// Spectrum along one edge: the sum over the frequencies across it. `along` and `across` are the
// steps in natural order, `far` 1 for the lower or right edge. |sum| <= 8 * 2^14 * 5793 < 2^30.
static int32_t edge_sum(const jpeg_block *block, const uint16_t *quant, uint32_t first,
                        uint32_t across, uint32_t from, bool far)
{
    int32_t sum = 0;
    for (uint32_t k = from; k < 8; k++) {
        const int32_t term = dequantize(block, quant, first + k * across) * at_edge[k];
        sum += far && k % 2 ? -term : term;
    }
    return sum;
}

static int32_t edge_prediction(int32_t there, int32_t here, uint32_t quant)
{
    return clamp(((int64_t)there - here) * 16 / (at_edge[0] * (int32_t)quant), 1 << 20);
}

void jpeg_predict_row(jpeg_walk *walk)
{
    for (uint32_t v = 1; v < 8; v++)
        walk->edge[v] = walk->north->known
                            ? edge_prediction(walk->north->south[v],
                                              edge_sum(walk->block, walk->quant, v, 8, 1, false),
                                              walk->quant[v])
                            : 0;
}

void jpeg_predict_column(jpeg_walk *walk)
{
    for (uint32_t u = 1; u < 8; u++)
        walk->edge[u] =
            walk->west->known
                ? edge_prediction(walk->west->east[u],
                                  edge_sum(walk->block, walk->quant, 8 * u, 1, 1, false),
                                  walk->quant[8 * u])
                : 0;
}

// Samples along an edge from their spectrum, eighths. 64-bit: |sum| < 8 * 2^30 * 2^12.
static void edge_samples(const int32_t *spectrum, int16_t *samples)
{
    for (uint32_t x = 0; x < 8; x++) {
        int64_t sum = 0;
        for (uint32_t k = 0; k < 8; k++)
            sum += (int64_t)spectrum[k] * basis[k][x];
        samples[x] = (int16_t)clamp(sum >> 23, 16383);
    }
}

// Distance of the samples at an edge from the neighbour's: their sum, and what they differ among
// themselves.
static int32_t edge_distance(const int16_t *there, const int16_t *here, uint32_t *spread)
{
    int32_t sum = 0;
    for (uint32_t x = 0; x < 8; x++)
        sum += there[x] - here[x];
    const int32_t mean = sum / 8;
    for (uint32_t x = 0; x < 8; x++) {
        const int32_t d = there[x] - here[x] - mean;
        *spread += (uint32_t)(d < 0 ? -d : d);
    }
    return sum;
}

void jpeg_predict_dc(jpeg_walk *walk)
{
    int32_t spectrum[8];
    int16_t samples[8];
    uint32_t spread_north = 0, spread_west = 0;
    const int32_t step = walk->quant[0];
    int32_t north = 0, west = 0;
    if (walk->north->known) {
        for (uint32_t v = 0; v < 8; v++)
            spectrum[v] = edge_sum(walk->block, walk->quant, v, 8, v == 0, false);
        edge_samples(spectrum, samples);
        north = edge_distance(walk->north->below, samples, &spread_north) * 2 / step;
    }
    if (walk->west->known) {
        for (uint32_t u = 0; u < 8; u++)
            spectrum[u] = edge_sum(walk->block, walk->quant, 8 * u, 1, u == 0, false);
        edge_samples(spectrum, samples);
        west = edge_distance(walk->west->right, samples, &spread_west) * 2 / step;
    }
    int32_t mean;
    if (!walk->west->known) {
        west = mean = north;
        spread_west = spread_north;
    } else if (!walk->north->known) {
        north = mean = west;
        spread_north = spread_west;
    } else { // each the more the less the other can be trusted
        const int64_t n = (int64_t)spread_west * spread_west + 64,
                      w = (int64_t)spread_north * spread_north + 64;
        mean = (int32_t)((north * n + west * w) / (n + w));
    }
    walk->dc_north = north;
    walk->dc_west = west;
    walk->dc = clamp((mean + 8) >> 4, JPEG_DC_MAX);
    walk->dc_spread = (uint32_t)((spread_north + spread_west) / (uint32_t)step);
}

void jpeg_edges(jpeg_block *block, const uint16_t *quant)
{
    for (uint32_t i = 0; i < 8; i++) {
        block->south[i] = edge_sum(block, quant, i, 8, 0, true);
        block->east[i] = edge_sum(block, quant, 8 * i, 1, 0, true);
    }
    edge_samples(block->south, block->below);
    edge_samples(block->east, block->right);
}
