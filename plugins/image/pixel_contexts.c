// SPDX-License-Identifier: Apache-2.0
// Raster rows as tokens. The centre is a blend of eight predictors, each weighted by how well it
// did at the neighbouring samples (after Meyer and Tischer, "Glicbawls", 2001); one of them is a
// linear predictor that all streams of the group train together (normalised LMS). What the model
// and the mixer get are the neighbours as distances from the centre, the errors made around the
// sample, and how far the predictors disagree.
#include "pixel_contexts.h"

#include "pixel_steps.h"

#define STREAM_TOKENS 24576u
#define STREAM_ROWS 32u

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

const pixel_offset image_pixel_offsets[NEIGHBOURS] = {
    {-1, 0}, {0, 1},  {-1, 1}, {1, 1}, {-2, 0}, {0, 2}, {1, 2},  {-1, 2},
    {2, 1},  {-2, 1}, {-3, 0}, {0, 3}, {3, 1},  {2, 2}, {-2, 2}, {1, 3}};

// Least squares over photographs, weighted towards smooth places: first a channel without one
// before it, then one with one, then with two.
const int16_t image_pixel_linear[3][FEATURES] = {
    {12916, 3265, 6475, 8239, -4170, -3687, -1157, 1366, 3615, -229, 2492, 1249},
    {5810, -88, 3976, 7440, -736, -441, -235, 179,   508,  -81,
     360,  170, 0,    0,    0,    0,    2977, -2042, 3940, 6774},
    {8271, -1304, 5004, 9169, -652,  -457,  -339,  213,  663,  -8,   372,   217,
     0,    0,     0,    0,    -2823, -8666, 10744, 6652, 8760, 5657, -5866, 1839},
};

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
    if (!image_at_edge(&m->layout, m->sample_row, s->at)) {
        s->channel = (s->at - m->layout.prefix) % m->pixel_bytes;
        s->pixel = (s->at - m->layout.prefix) / m->pixel_bytes;
    }
    return VLMC_PLUGIN_OK;
}

// 4 * log2(x + 1)
static uint32_t logarithm(uint32_t x)
{
    uint32_t bits = 0;
    while (((x + 1) >> bits) > 1)
        bits++;
    const uint32_t below = bits >= 2 ? ((x + 1) >> (bits - 2)) & 3 : ((x + 1) << (2 - bits)) & 3;
    return bits * 4 + below;
}

static uint8_t at_most(uint32_t x, uint32_t limit)
{
    return (uint8_t)(x < limit ? x : limit);
}

static void fill_tables(machine *m)
{
    for (uint32_t i = 0; i < 2048; i++) {
        m->credit[i] = (1u << 24) / (i * i + 8);
        m->spread[i] = at_most(logarithm(i) / 3, 15);
        m->worst[i] = at_most(logarithm(i) / 2, 31);
    }
    for (uint32_t i = 0; i < sizeof m->activity; i++)
        m->activity[i] = at_most(logarithm(i) * 3 / 4, 31);
    for (int32_t e = -128; e < 128; e++) {
        m->error_size[(uint8_t)e] = (uint32_t)abs(e);
        m->error_class[(uint8_t)e] = (uint8_t)distance(e);
    }
    for (int32_t d = -2048; d < 2048; d++) {
        m->quarters[d + 2048] = (uint8_t)distance(d / 4);
        m->eighths[d + 2048] = (uint8_t)distance(d / 8);
    }
    for (int32_t d = -256; d < 256; d++) {
        m->coarse[d + 256] = (uint8_t)coarse_class(d);
        m->octave[d + 256] = (uint8_t)octave_class(d);
    }
}

// What kind of value a sample is: 0 grey, 1, 2 and 3 channels of a colour, others alpha and the
// bytes of 16-bit samples.
static uint32_t channel_kind(const image_layout *layout, uint32_t channel)
{
    if (layout->sample_bytes > 1)
        return channel & 1 ? 6 : 5;
    if (layout->channels == 1)
        return 0;
    if (layout->channels == 2)
        return channel ? 4 : 0;
    return channel < 3 ? channel + 1 : 4;
}

static void describe_channels(machine *m)
{
    for (uint32_t c = 0; c < PIXEL_BYTES_MAX; c++) {
        const uint32_t before = m->related && c < 3 ? c : 0;
        m->kinds[c] = (uint8_t)channel_kind(&m->layout, c);
        for (uint32_t p = 0; p < PARITIES; p++)
            for (uint32_t i = 0; i < FEATURES; i++)
                m->weights[c][p][i] = image_pixel_linear[before][i];
    }
}

// Which byte of a load lies `x` bytes right of the sample and `up` rows above it; 128: none.
static uint8_t pick_of(const machine *m, uint32_t load, int32_t x, uint32_t up)
{
    const pixel_offset *begin = &pixel_pick_loads[load];
    const int32_t at = x - begin->x * (int32_t)m->pixel_bytes;
    return up == begin->up && at >= 0 && at < 16 ? (uint8_t)at : 128;
}

static void fill_picks(machine *m)
{
    static const pixel_offset around[4] = {{-1, 0}, {0, 1}, {-1, 1}, {1, 1}};
    pixel_picks *picks = &m->picks;
    memset(picks, 128, sizeof *picks); // picks a zero
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        for (uint32_t load = 0, found = 0; load < PICK_LOADS && !found; load++) {
            picks->near[load][i] = pick_of(m, load, m->deltas[i], image_pixel_offsets[i].up);
            found = picks->near[load][i] < 128;
        }
    for (uint32_t n_before = 1; m->related && n_before <= 2; n_before++)
        for (uint32_t i = 0; i < 4 * n_before; i++) {
            const int32_t back = -1 - (int32_t)i / 4;
            const pixel_offset *o = &around[i % 4];
            for (uint32_t load = 0; load < 2; load++)
                picks->other[n_before][load][i] =
                    pick_of(m, load, back + o->x * (int32_t)m->pixel_bytes, o->up);
            picks->self[n_before][i] = pick_of(m, 0, back, 0);
        }
}

static const pixel_steps *best_steps(const machine *m)
{
#if defined(__x86_64__)
    // Every processor with AVX2 has BMI, BMI2 and LZCNT too.
    const pixel_steps *steps = image_pixel_steps_avx2(m);
    if (steps && __builtin_cpu_supports("avx2"))
        return steps;
#endif
    return steps_for(m);
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
    m->related = layout.sample_bytes == 1 && layout.channels >= 3;
    m->blocks = layout.phase_x != IMAGE_NO_BLOCKS;
    m->steps = best_steps(m);
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        m->deltas[i] = image_pixel_offsets[i].x * (int32_t)m->pixel_bytes;
    fill_tables(m);
    describe_channels(m);
    fill_picks(m);
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

// A byte that is no sample: the one above is the best guess.
static void edge_context(stream *s, const machine *m, uint32_t *contexts, uint32_t *centre)
{
    const uint32_t at = image_edge_index(&m->layout, m->sample_row, s->at);
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

void image_pixel_next_context(void *state, uint32_t stream_index, uint32_t *contexts,
                              uint32_t *centre)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    if (image_at_edge(&m->layout, m->sample_row, s->at))
        edge_context(s, m, contexts, centre);
    else
        m->steps->next_sample(m, s, contexts, centre);
}

void image_pixel_push_token(void *state, uint32_t stream_index, uint32_t token)
{
    machine *m = state;
    stream *s = &m->streams[stream_index];
    if (image_at_edge(&m->layout, m->sample_row, s->at))
        s->edge[image_edge_index(&m->layout, m->sample_row, s->at)] = (uint8_t)token;
    else
        m->steps->push_sample(m, s, token);
    if (++s->at == m->row_bytes)
        end_row(m, s);
}
