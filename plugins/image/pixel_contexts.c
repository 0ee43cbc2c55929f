// SPDX-License-Identifier: Apache-2.0
// Raster rows as tokens. The centre is a blend of eight predictors, each weighted by how well it
// did at the neighbouring samples (after Meyer and Tischer, "Glicbawls", 2001); one of them is a
// linear predictor that all streams of the group train together (normalised LMS). What the model
// and the mixer get are the neighbours as distances from the centre, the errors made around the
// sample, and how far the predictors disagree.
#include "pixel_contexts.h"

#include "layout.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PREDICTORS 8u
#define PARITIES 4u // of row and column: colour is often half as fine as brightness
#define NEIGHBOURS 16u
#define LINEAR_NEIGHBOURS 12u // those that the linear predictor uses
#define FEATURES 20u          // of the linear predictor; a picture without colour uses the first 12
#define PIXEL_BYTES_MAX 8u
#define EDGE_BYTES 32u // prefix and suffix together
#define MARGIN 32u     // bytes beside each row: four pixels
#define ROWS 4u        // this one and three above
#define STREAM_TOKENS 24576u
#define STREAM_ROWS 32u
#define CLIP 63 // of distances that get rows of their own
#define DISTANCES 128u

enum {
    CONTEXT_CENTRE,
    CONTEXT_PHASE,
    CONTEXT_WEST, // distances of the neighbours, in the order of `offsets`
    CONTEXT_ERROR_WEST = CONTEXT_WEST + NEIGHBOURS,
    CONTEXT_ERROR_NORTH,
    CONTEXT_ERROR_NORTH_WEST,
    CONTEXT_ERROR_NORTH_EAST,
    CONTEXT_ACTIVITY,
    CONTEXT_LINEAR,
    CONTEXT_MEDIAN,
    CONTEXT_CHANNEL_ERROR,
    CONTEXT_CHANNEL_ERROR_2,
    CONTEXT_CHANNEL_GRADIENT,
    CONTEXT_FRACTION,
    CONTEXT_SPREAD,
    CONTEXT_TEXTURE,
    CONTEXT_BLOCK,
    CONTEXT_MIX, // hashes for the mixer
    CONTEXT_MIX_LAST = CONTEXT_MIX + 11,
    CONTEXT_SELECT_ACTIVITY,
    CONTEXT_SELECT_SPREAD,
    CONTEXTS,
};

#define E VLMC_CONTEXT_EMBED
#define M VLMC_CONTEXT_MIX
#define S VLMC_CONTEXT_SELECT

const vlmc_context_declaration image_pixel_declarations[] = {
    {"centre", "the expected value", 256, E},
    {"phase", "channel, and position in the 8x8 blocks of a picture that was a JPEG file", 520, E},
    {"west", "neighbour to the left, as distance from the centre", DISTANCES, E},
    {"north", "neighbour above", DISTANCES, E},
    {"north-west", "neighbour above left", DISTANCES, E},
    {"north-east", "neighbour above right", DISTANCES, E},
    {"west-west", "two to the left", DISTANCES, E},
    {"north-north", "two above", DISTANCES, E},
    {"north-north-east", "two above, one right", DISTANCES, E},
    {"north-north-west", "two above, one left", DISTANCES, E},
    {"north-east-east", "one above, two right", DISTANCES, E},
    {"north-west-west", "one above, two left", DISTANCES, E},
    {"west-west-west", "three to the left", DISTANCES, E},
    {"north-north-north", "three above", DISTANCES, E},
    {"north-east-east-east", "one above, three right", DISTANCES, E},
    {"north-north-east-east", "two above, two right", DISTANCES, E},
    {"north-north-west-west", "two above, two left", DISTANCES, E},
    {"north-north-north-east", "three above, one right", DISTANCES, E},
    {"error-west", "error of the centre at the left neighbour", DISTANCES, E},
    {"error-north", "error of the centre above", DISTANCES, E},
    {"error-north-west", "error of the centre above left", DISTANCES, E},
    {"error-north-east", "error of the centre above right", DISTANCES, E},
    {"activity", "errors around the sample, logarithmic", 32, E},
    {"linear", "the trained linear prediction, as distance from the centre", DISTANCES, E},
    {"median", "the median prediction, as distance from the centre", DISTANCES, E},
    {"channel-error", "error of the channel before in this pixel", DISTANCES, E},
    {"channel-error-2", "error of the channel before that", DISTANCES, E},
    {"channel-gradient", "value above plus the change of the channel before", DISTANCES, E},
    {"fraction", "eighths of the prediction behind the point, activity, colour or not", 512, E},
    {"spread", "how far the predictors disagree, and the largest error near", 512, E},
    {"texture", "signs and sizes of four neighbours' distances", 4096, E},
    {"block", "activity at each position of a block", 2048, E},
    {"west-north", "left and upper distance", 0, M},
    {"values", "left and upper value", 0, M},
    {"activity-spread", "activity, spread and fraction", 0, M},
    {"errors", "errors to the left and above", 0, M},
    {"predictions", "linear and median distance", 0, M},
    {"level", "centre and activity", 0, M},
    {"channels", "errors of the channels before", 0, M},
    {"north-row", "distances above and above right", 0, M},
    {"row", "distances to the left", 0, M},
    {"exact", "values left, above and above left", 0, M},
    {"pixel", "values of the channels before and the centre", 0, M},
    {"position", "position in the block and activity", 0, M},
    {"select-activity", "activity and channel", 128, S},
    {"select-spread", "spread and error to the left", 64, S},
};

_Static_assert(CONTEXTS == IMAGE_PIXEL_N_DECLARATIONS, "the header's number");
_Static_assert(sizeof image_pixel_declarations / sizeof *image_pixel_declarations == CONTEXTS,
               "one declaration for each context");

// Neighbours: pixels to the right, rows up.
static const struct {
    int8_t x;
    uint8_t up;
} offsets[NEIGHBOURS] = {{-1, 0}, {0, 1},  {-1, 1}, {1, 1}, {-2, 0}, {0, 2}, {1, 2},  {-1, 2},
                         {2, 1},  {-2, 1}, {-3, 0}, {0, 3}, {3, 1},  {2, 2}, {-2, 2}, {1, 3}};

// Where the linear predictors start, 1/65536: least squares over photographs, weighted towards
// smooth places; the features of `features`. First a channel without one before it, then one with
// one, then with two.
static const int32_t linear_start[3][FEATURES] = {
    {12916, 3265, 6475, 8239, -4170, -3687, -1157, 1366, 3615, -229, 2492, 1249},
    {5810, -88, 3976, 7440, -736, -441, -235, 179, 508, -81, 360, 170, 2977, -2042, 3940, 6774},
    {8271, -1304, 5004,  9169,  -652,  -457, -339, 213,  663,   -8,
     372,  217,   -2823, -8666, 10744, 6652, 8760, 5657, -5866, 1839},
};

typedef struct stream {
    uint8_t *samples;      // (ROWS, stride)
    int8_t *errors;        // (2, stride) token minus centre, modulo 256
    uint8_t *misses;       // (2, stride, PREDICTORS) how far each predictor was off
    uint8_t *rows[ROWS];   // in `samples`, behind the margin: this row, then those above
    int8_t *error_rows[2]; // the same in `errors`
    uint8_t *miss_rows[2]; // and in `misses`
    uint32_t channel;      // byte of the pixel, and the pixel of the row, of the next sample
    uint32_t pixel;
    uint8_t edges[ROWS - 1][EDGE_BYTES]; // prefix and suffix of the rows above, the last one first
    uint8_t edge[EDGE_BYTES];            // of this row
    uint32_t at;                         // byte of the row
    uint32_t row;                        // of the segment
    uint32_t rows_seen;
    // Of the current token, from next_context.
    uint32_t n_before;               // channels of the pixel that are known and related, 0..2
    int32_t predictions[PREDICTORS]; // 1/8
    int32_t features[FEATURES];
    int32_t energy; // sum of the features' squares
    uint32_t centre;
} stream;

typedef struct machine {
    image_layout layout;
    uint32_t pixel_bytes;
    uint32_t row_bytes;
    uint32_t sample_row; // bytes of a row that are samples
    uint32_t stride;
    uint32_t n_streams;
    int32_t deltas[NEIGHBOURS];                           // bytes of `offsets` in a row
    int32_t weights[PIXEL_BYTES_MAX][PARITIES][FEATURES]; // 1/65536, shared by the streams
    uint32_t credit[2048];                                // weight of a predictor by its misses
    uint8_t coarse[512];                                  // classes of distances, by distance + 256
    uint8_t octave[512];
    uint8_t logarithm[4096]; // 4 * log2(x + 1)
    stream streams[];
} machine;

static int32_t clamp(int32_t x, int32_t lo, int32_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static uint32_t distance(int32_t d)
{
    return (uint32_t)(clamp(d, -CLIP, CLIP) + CLIP);
}

// Sign and coarse size, 0..15.
static uint32_t coarse_class(int32_t d)
{
    const int32_t size = d < 0 ? -d : d;
    const int32_t level = size < 1    ? 0
                          : size < 2  ? 1
                          : size < 4  ? 2
                          : size < 7  ? 3
                          : size < 12 ? 4
                          : size < 20 ? 5
                          : size < 40 ? 6
                                      : 7;
    return (uint32_t)(d < 0 ? 8 - level : 8 + level) & 15;
}

// Signs and sizes of eight classes for the joint table.
static uint32_t octave_class(int32_t d)
{
    return d < -15  ? 0
           : d < -5 ? 1
           : d < -1 ? 2
           : d < 1  ? 3
           : d < 2  ? 4
           : d < 6  ? 5
           : d < 16 ? 6
                    : 7;
}

// The median of west, north and their plane, without branches.
static int32_t median(int32_t west, int32_t north, int32_t north_west)
{
    const int32_t lo = west < north ? west : north, hi = west < north ? north : west;
    return clamp(west + north - north_west, lo, hi);
}

static uint32_t hash(uint32_t index, uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) + (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(h >> 32);
}

static bool has_blocks(const image_layout *layout)
{
    return layout->phase_x != IMAGE_NO_BLOCKS;
}

int32_t image_pixel_geometry(const void *params, uint32_t params_bytes,
                             vlmc_token_geometry *geometry)
{
    image_layout layout;
    if (!image_layout_read(params, params_bytes, &layout))
        return VLMC_PLUGIN_INVALID;
    const uint32_t row = image_row_bytes(&layout);
    const uint64_t wanted = (uint64_t)row * STREAM_ROWS;
    geometry->align_tokens = row;
    geometry->stream_tokens = wanted < STREAM_TOKENS ? STREAM_TOKENS
                              : wanted > (1u << 20)  ? 1u << 20
                                                     : (uint32_t)wanted;
    return VLMC_PLUGIN_OK;
}

static int32_t create_stream(machine *m, stream *s, uint64_t first_token)
{
    s->samples = malloc((size_t)ROWS * m->stride);
    s->errors = calloc(2, m->stride);
    s->misses = calloc((size_t)2 * m->stride, PREDICTORS);
    if (!s->samples || !s->errors || !s->misses)
        return VLMC_PLUGIN_MEMORY;
    memset(s->samples, 128, (size_t)ROWS * m->stride);
    for (uint32_t up = 0; up < ROWS; up++)
        s->rows[up] = s->samples + (size_t)up * m->stride + MARGIN;
    for (uint32_t up = 0; up < 2; up++) {
        s->error_rows[up] = s->errors + (size_t)up * m->stride + MARGIN;
        s->miss_rows[up] = s->misses + ((size_t)up * m->stride + MARGIN) * PREDICTORS;
    }
    s->row = (uint32_t)(first_token / m->row_bytes);
    s->at = (uint32_t)(first_token % m->row_bytes);
    if (s->at > m->layout.prefix && s->at - m->layout.prefix < m->sample_row) {
        s->channel = (s->at - m->layout.prefix) % m->pixel_bytes;
        s->pixel = (s->at - m->layout.prefix) / m->pixel_bytes;
    }
    return VLMC_PLUGIN_OK;
}

static void fill_tables(machine *m)
{
    for (uint32_t i = 0; i < 2048; i++)
        m->credit[i] = (1u << 24) / (i * i + 8);
    for (uint32_t i = 0; i < 4096; i++) {
        uint32_t bits = 0;
        while (((i + 1) >> bits) > 1)
            bits++;
        const uint32_t below =
            bits >= 2 ? ((i + 1) >> (bits - 2)) & 3 : ((i + 1) << (2 - bits)) & 3;
        m->logarithm[i] = (uint8_t)(bits * 4 + below);
    }
    for (int32_t d = -256; d < 256; d++) {
        m->coarse[d + 256] = (uint8_t)coarse_class(d);
        m->octave[d + 256] = (uint8_t)octave_class(d);
    }
    for (uint32_t c = 0; c < PIXEL_BYTES_MAX; c++) {
        const uint32_t before = m->layout.sample_bytes > 1 || m->layout.channels < 3 ? 0
                                : c > 2                                              ? 0
                                                                                     : c;
        for (uint32_t p = 0; p < PARITIES; p++)
            memcpy(m->weights[c][p], linear_start[before], sizeof m->weights[c][p]);
    }
}

int32_t image_pixel_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                                    const uint64_t *first_tokens, void **state)
{
    image_layout layout;
    *state = NULL;
    if (!image_layout_read(params, params_bytes, &layout) || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    machine *m = calloc(1, sizeof *m + n_streams * sizeof(stream));
    if (!m)
        return VLMC_PLUGIN_MEMORY;
    m->layout = layout;
    m->pixel_bytes = image_pixel_bytes(&layout);
    m->row_bytes = image_row_bytes(&layout);
    m->sample_row = layout.width * m->pixel_bytes;
    m->stride = m->sample_row + 2 * MARGIN;
    m->n_streams = n_streams;
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        m->deltas[i] = offsets[i].x * (int32_t)m->pixel_bytes;
    fill_tables(m);
    for (uint32_t i = 0; i < n_streams; i++) {
        const int32_t result = create_stream(m, &m->streams[i], first_tokens[i]);
        if (result != VLMC_PLUGIN_OK) {
            image_pixel_contexts_destroy(m);
            return result;
        }
    }
    *state = m;
    return VLMC_PLUGIN_OK;
}

void image_pixel_contexts_destroy(void *state)
{
    machine *m = state;
    if (!m)
        return;
    for (uint32_t i = 0; i < m->n_streams; i++) {
        free(m->streams[i].samples);
        free(m->streams[i].errors);
        free(m->streams[i].misses);
    }
    free(m);
}

// True for bytes that are no samples.
static bool at_edge(const machine *m, const stream *s)
{
    return s->at < m->layout.prefix || s->at - m->layout.prefix >= m->sample_row;
}

// Byte of the row's samples.
static uint32_t sample_index(const machine *m, const stream *s)
{
    return s->at - m->layout.prefix;
}

// Where an edge byte lies in `edges`.
static uint32_t edge_index(const machine *m, const stream *s)
{
    return s->at < m->layout.prefix ? s->at : s->at - m->sample_row;
}

// What is known around a sample.
typedef struct neighbourhood {
    int32_t near[NEIGHBOURS]; // as in `offsets`
    int32_t before[5]; // the channel before: at this pixel, west, north, north-west, north-east
    int32_t before_2[5];
    uint32_t channel;
    uint32_t n_before; // channels of this pixel that are known and related, 0..2
} neighbourhood;

static void look_around(const machine *m, const stream *s, neighbourhood *n)
{
    const uint32_t x = sample_index(m, s);
    const int32_t bytes = (int32_t)m->pixel_bytes;
    const uint8_t *rows[ROWS];
    for (uint32_t up = 0; up < ROWS; up++)
        rows[up] = s->rows[up] + x;
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        n->near[i] = rows[offsets[i].up][m->deltas[i]];
    n->channel = s->channel;
    n->n_before = 0;
    if (m->layout.sample_bytes > 1 || m->layout.channels < 3 || n->channel > 2)
        return;
    n->n_before = n->channel;
    if (n->n_before >= 1) {
        n->before[0] = rows[0][-1];
        n->before[1] = rows[0][-1 - bytes];
        n->before[2] = rows[1][-1];
        n->before[3] = rows[1][-1 - bytes];
        n->before[4] = rows[1][-1 + bytes];
    }
    if (n->n_before >= 2) {
        n->before_2[0] = rows[0][-2];
        n->before_2[1] = rows[0][-2 - bytes];
        n->before_2[2] = rows[1][-2];
        n->before_2[3] = rows[1][-2 - bytes];
        n->before_2[4] = rows[1][-2 + bytes];
    }
}

// Of the pixel's row and column, where channels before this one are known; else 0.
static uint32_t parity(const stream *s)
{
    return s->n_before ? (s->row & 1) << 1 | (s->pixel & 1) : 0;
}

static int32_t linear(const int32_t *weights, const int32_t *features)
{
    int32_t sum = 0; // |weight| <= 2^17, |feature| <= 511, 20 of them: below 2^31
    for (uint32_t i = 0; i < FEATURES; i++)
        sum += weights[i] * features[i];
    return sum >> 13;
}

static void predict(const machine *m, stream *s, const neighbourhood *n)
{
    const int32_t *v = n->near;
    const int32_t west = v[0], north = v[1], north_west = v[2], north_east = v[3];
    const int32_t core = (west + north) * 4 + (north_east - north_west) * 2;
    int32_t *p = s->predictions;
    int32_t base;
    p[5] = median(west, north, north_west) * 8;
    if (n->n_before == 0) {
        base = p[5] / 8;
        p[0] = (north + v[8] + west + north_east) * 2; // mean of four around
        p[1] = (west + north_east - north) * 8;
        p[2] = (2 * north - v[5]) * 8;
        p[3] = (2 * west - v[4]) * 8;
        p[4] = core;
    } else {
        const int32_t *r = n->before;
        base = clamp(median(west - r[1], north - r[2], north_west - r[3]) + r[0], 0, 255);
        p[0] = base * 8;
        p[1] = (west - r[1] + north_east - r[4] - north + r[2] + r[0]) * 8;
        p[2] = (north - r[2] + r[0]) * 8;
        p[3] = (west - r[1] + r[0]) * 8;
        p[4] = core - (r[1] + r[2]) * 4 - (r[4] - r[3]) * 2 + r[0] * 8;
    }
    for (uint32_t i = 0; i < LINEAR_NEIGHBOURS; i++)
        s->features[i] = v[i] - base;
    for (uint32_t i = 0; i < 4; i++) {
        s->features[12 + i] = n->n_before >= 1 ? n->before[0] - n->before[1 + i] : 0;
        s->features[16 + i] = n->n_before >= 2 ? n->before_2[0] - n->before_2[1 + i] : 0;
    }
    s->energy = 0;
    for (uint32_t i = 0; i < FEATURES; i++)
        s->energy += s->features[i] * s->features[i];
    p[6] = base * 8 + linear(linear_start[n->n_before], s->features);
    p[7] = base * 8 + linear(m->weights[n->channel][parity(s)], s->features);
    for (uint32_t k = 0; k < PREDICTORS; k++)
        p[k] = clamp(p[k], 0, 255 * 8);
}

// Mean of the predictions, weighted by their misses around the sample; 1/8.
static int32_t blend(const machine *m, const stream *s, uint32_t *worst)
{
    const size_t here = (size_t)sample_index(m, s) * PREDICTORS,
                 pixel = (size_t)m->pixel_bytes * PREDICTORS;
    const uint8_t *row = s->miss_rows[0] + here, *above = s->miss_rows[1] + here;
    uint16_t misses[PREDICTORS];
    for (uint32_t k = 0; k < PREDICTORS; k++)
        misses[k] = (uint16_t)(row[k - pixel] * 2 + above[k] * 2 + above[k - pixel] +
                               above[k + pixel] + row[k - 2 * pixel] + above[k + 2 * pixel]);
    uint64_t sum = 0, total = 0;
    *worst = 0;
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        const uint32_t credit = m->credit[misses[k]];
        sum += (uint64_t)credit * (uint32_t)s->predictions[k];
        total += credit;
        *worst = misses[k] > *worst ? misses[k] : *worst;
    }
    return (int32_t)((sum + total / 2) / total);
}

// A byte that is no sample: the one above is the best guess.
static void edge_context(stream *s, const machine *m, uint32_t *contexts, uint32_t *centre)
{
    const uint32_t at = edge_index(m, s);
    const uint32_t above = s->edges[0][at], above_2 = s->edges[1][at], above_3 = s->edges[2][at];
    s->centre = *centre = above;
    for (uint32_t i = 0; i < CONTEXTS; i++)
        contexts[i] = 0;
    for (uint32_t i = CONTEXT_WEST; i <= CONTEXT_ERROR_NORTH_EAST; i++)
        contexts[i] = CLIP;
    contexts[CONTEXT_CENTRE] = above;
    contexts[CONTEXT_PHASE] = 519;
    for (uint32_t i = CONTEXT_MIX; i <= CONTEXT_MIX_LAST; i++)
        contexts[i] = hash(64 + i, i & 1 ? above << 8 | above_2 : above, i & 2 ? above_3 : at);
    contexts[CONTEXT_SELECT_ACTIVITY] = 127;
    contexts[CONTEXT_SELECT_SPREAD] = 63;
}

static uint32_t block_position(const machine *m, const stream *s)
{
    if (!has_blocks(&m->layout))
        return 64;
    return ((s->pixel + m->layout.phase_x) & 7) | ((s->row + m->layout.phase_y) & 7) << 3;
}

// What kind of value a sample is: 0 grey or first, 1 and 2 later channels of a colour, 3 others
// (alpha, the bytes of 16-bit samples).
static uint32_t channel_kind(const machine *m, const neighbourhood *n)
{
    if (m->layout.sample_bytes > 1)
        return n->channel & 1 ? 6 : 5;
    if (m->layout.channels == 1)
        return 0;
    if (m->layout.channels == 2)
        return n->channel ? 4 : 0;
    return n->channel < 3 ? n->channel + 1 : 4;
}

static void mixer_contexts(const machine *m, const neighbourhood *n, const stream *s, uint32_t *c,
                           uint32_t activity, uint32_t spread)
{
    const int32_t *v = n->near, centre = (int32_t)s->centre;
    const uint8_t *coarse = m->coarse + 256;
    const uint32_t kind = n->channel << 24;
    const uint32_t west = (uint32_t)v[0], north = (uint32_t)v[1], north_west = (uint32_t)v[2];
    const uint32_t before = n->n_before ? c[CONTEXT_CHANNEL_ERROR] : 0;
    const uint32_t before_2 = n->n_before > 1 ? c[CONTEXT_CHANNEL_ERROR_2] : 0;
    uint32_t *h = c + CONTEXT_MIX;
    h[0] = hash(0, kind | coarse[v[0] - centre], coarse[v[1] - centre] << 4 | activity / 3);
    h[1] = hash(1, kind | west, north << 8 | s->centre);
    h[2] = hash(2, kind | activity, spread << 8 | c[CONTEXT_FRACTION] / 32);
    h[3] = hash(3, kind | c[CONTEXT_ERROR_WEST] / 2, c[CONTEXT_ERROR_NORTH] / 2);
    h[4] = hash(4, kind | c[CONTEXT_LINEAR], c[CONTEXT_MEDIAN] / 2);
    h[5] = hash(5, kind | s->centre, activity);
    h[6] = hash(6, kind | before, before_2 << 8 | activity / 4 | parity(s) << 16);
    h[7] =
        hash(7, kind | coarse[v[1] - centre], coarse[v[3] - centre] << 8 | coarse[v[2] - centre]);
    h[8] = hash(8, kind | coarse[v[0] - centre], coarse[v[4] - centre] << 8 | activity / 4);
    h[9] = hash(9, kind | west << 8 | north, north_west);
    h[10] = hash(10, kind | s->centre,
                 n->n_before ? (uint32_t)n->before[0] << 8 |
                                   (n->n_before > 1 ? (uint32_t)n->before_2[0] : 0)
                             : 1u << 16 | west);
    h[11] = hash(11, kind | c[CONTEXT_PHASE], activity / 2);
}

void image_pixel_next_context(void *state, uint32_t stream_index, uint32_t *c, uint32_t *centre)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    if (at_edge(m, s)) {
        edge_context(s, m, c, centre);
        return;
    }
    neighbourhood n = {0};
    look_around(m, s, &n);
    s->n_before = n.n_before;
    predict(m, s, &n);
    uint32_t worst;
    const int32_t blended = blend(m, s, &worst);
    const int32_t value = clamp((blended + 4) >> 3, 0, 255);
    s->centre = *centre = (uint32_t)value;

    const int32_t pixel = (int32_t)m->pixel_bytes;
    const uint32_t x = sample_index(m, s);
    const int8_t *errors = s->error_rows[0] + x, *above = s->error_rows[1] + x;
    const uint32_t around =
        (uint32_t)(2 * abs(errors[-pixel]) + 2 * abs(above[0]) + abs(above[-pixel]) +
                   abs(above[pixel]) + abs(errors[-2 * pixel]) + abs(above[2 * pixel]));
    uint32_t activity = m->logarithm[around] * 3u / 4;
    activity = activity > 31 ? 31 : activity;
    int32_t lowest = s->predictions[0], highest = lowest;
    for (uint32_t k = 1; k < PREDICTORS; k++) {
        lowest = s->predictions[k] < lowest ? s->predictions[k] : lowest;
        highest = s->predictions[k] > highest ? s->predictions[k] : highest;
    }
    uint32_t spread = m->logarithm[highest - lowest] / 3u;
    spread = spread > 15 ? 15 : spread;
    const uint8_t *octave = m->octave + 256;
    const uint32_t kind = channel_kind(m, &n), position = block_position(m, s);

    c[CONTEXT_CENTRE] = s->centre;
    c[CONTEXT_PHASE] = kind * 65 + position;
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        c[CONTEXT_WEST + i] = distance(n.near[i] - value);
    c[CONTEXT_ERROR_WEST] = distance(errors[-pixel]);
    c[CONTEXT_ERROR_NORTH] = distance(above[0]);
    c[CONTEXT_ERROR_NORTH_WEST] = distance(above[-pixel]);
    c[CONTEXT_ERROR_NORTH_EAST] = distance(above[pixel]);
    c[CONTEXT_ACTIVITY] = activity;
    c[CONTEXT_LINEAR] = distance((s->predictions[7] - value * 8) / 4);
    c[CONTEXT_MEDIAN] = distance((s->predictions[5] - value * 8) / 8);
    c[CONTEXT_CHANNEL_ERROR] = n.n_before >= 1 ? distance(errors[-1]) : DISTANCES - 1;
    c[CONTEXT_CHANNEL_ERROR_2] = n.n_before >= 2 ? distance(errors[-2]) : DISTANCES - 1;
    c[CONTEXT_CHANNEL_GRADIENT] =
        n.n_before >= 1 ? distance((s->predictions[2] - value * 8) / 8) : DISTANCES - 1;
    const uint32_t fraction = (uint32_t)(blended + 4 - value * 8) & 7;
    c[CONTEXT_FRACTION] = fraction << 5 | activity | (n.n_before ? 256u : 0);
    uint32_t misses = m->logarithm[worst] / 2u;
    misses = misses > 31 ? 31 : misses;
    c[CONTEXT_SPREAD] = spread << 5 | misses;
    c[CONTEXT_TEXTURE] = octave[n.near[0] - value] << 9 | octave[n.near[1] - value] << 6 |
                         octave[n.near[2] - value] << 3 | octave[n.near[3] - value];
    c[CONTEXT_BLOCK] = (position & 63) << 5 | activity;
    mixer_contexts(m, &n, s, c, activity, spread);
    c[CONTEXT_SELECT_ACTIVITY] = (kind < 3 ? kind : 3) << 5 | activity;
    c[CONTEXT_SELECT_SPREAD] =
        spread << 2 | (uint32_t)(abs(errors[-pixel]) > 3) << 1 | (uint32_t)(abs(above[0]) > 3);
}

// Normalised LMS step, faster where another channel of the pixel is known.
static void learn(int32_t *weights, const stream *s, int32_t error)
{
    const int32_t step = error * 2048 / (s->energy + 64); // |error| <= 2040
    const uint32_t rate = s->n_before ? 4 : 6;
    for (uint32_t i = 0; i < FEATURES; i++)
        weights[i] = clamp(weights[i] + ((step * s->features[i]) >> rate), -(1 << 17), 1 << 17);
}

static void end_row(const machine *m, stream *s)
{
    const uint32_t pixel = m->pixel_bytes;
    uint8_t *row = s->rows[0];
    for (uint32_t i = 0; i < MARGIN; i++) // right of a row its last pixel goes on
        row[m->sample_row + i] = row[m->sample_row - pixel + i % pixel];
    memmove(s->edges[1], s->edges[0], sizeof s->edges - sizeof s->edges[0]);
    memcpy(s->edges[0], s->edge, sizeof s->edge);
    s->at = s->channel = s->pixel = 0;
    s->row++;
    s->rows_seen++;
    uint8_t *next = s->rows[ROWS - 1];
    memmove(s->rows + 1, s->rows, (ROWS - 1) * sizeof *s->rows);
    s->rows[0] = next;
    int8_t *errors = s->error_rows[1];
    s->error_rows[1] = s->error_rows[0];
    s->error_rows[0] = errors;
    uint8_t *misses = s->miss_rows[1];
    s->miss_rows[1] = s->miss_rows[0];
    s->miss_rows[0] = misses;
    for (uint32_t i = 0; i < MARGIN; i++) // left of a row lies the first pixel of the one above
        next[-1 - (int32_t)i] = row[pixel - 1 - i % pixel];
}

static void push_sample(machine *m, stream *s, uint32_t token)
{
    const uint32_t x = sample_index(m, s);
    s->rows[0][x] = (uint8_t)token;
    s->error_rows[0][x] = (int8_t)(uint8_t)(token - s->centre);
    uint8_t *misses = s->miss_rows[0] + (size_t)x * PREDICTORS;
    for (uint32_t k = 0; k < PREDICTORS; k++)
        misses[k] = (uint8_t)(abs((int32_t)token * 8 - s->predictions[k]) >> 3);
    learn(m->weights[s->channel][parity(s)], s, (int32_t)token * 8 - s->predictions[7]);
    if (s->rows_seen == 0) // nothing is known above: what was seen last stands there
        for (uint32_t up = 1; up < ROWS; up++)
            for (uint32_t k = 1; k <= 3; k++)
                s->rows[up][x + k * m->pixel_bytes] = (uint8_t)token;
    if (++s->channel == m->pixel_bytes) {
        s->channel = 0;
        s->pixel++;
    }
}

void image_pixel_push_token(void *state, uint32_t stream_index, uint32_t token)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    if (at_edge(m, s))
        s->edge[edge_index(m, s)] = (uint8_t)token;
    else
        push_sample(m, s, token);
    if (++s->at == m->row_bytes)
        end_row(m, s);
}
