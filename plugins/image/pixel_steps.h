// SPDX-License-Identifier: Apache-2.0
// The two steps of the context machine of pixels, for samples. Compiled once for each instruction
// set, by the files that include it; the loops are of fixed length and over narrow types, so that
// compilers make vectors of them. Integers only, and all variants give the same.
#ifndef IMAGE_PIXEL_STEPS_H
#define IMAGE_PIXEL_STEPS_H

#include "pixel_machine.h"

#include <stdlib.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

static inline int32_t clamp(int32_t x, int32_t lo, int32_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

// The median of west, north and their plane, without branches.
static inline int32_t median(int32_t west, int32_t north, int32_t north_west)
{
    const int32_t lo = west < north ? west : north, hi = west < north ? north : west;
    return clamp(west + north - north_west, lo, hi);
}

static inline uint32_t hash(uint32_t index, uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) + (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(h >> 32);
}

// Makes compilers build one function for each set of constants that it is called with.
#define FOR_EACH_VARIANT static inline __attribute__((always_inline))

// Where a sample lies: a copy, as compilers cannot know that no store changes the stream.
typedef struct place {
    int64_t x;         // byte of the row's samples
    int64_t pixel;     // bytes of one
    uint32_t channel;  // byte of the pixel
    uint32_t n_before; // channels of the pixel that are known and related, 0..2
    uint32_t parity;   // of the pixel's row and column, where there are some; else 0
} place;

FOR_EACH_VARIANT place locate(const machine *m, const stream *s, bool related)
{
    place at = {.x = s->at - m->layout.prefix, .pixel = m->pixel_bytes, .channel = s->channel};
    at.n_before = related && s->channel < 3 ? s->channel : 0;
    at.parity = at.n_before ? (s->row & 1) << 1 | (s->pixel & 1) : 0;
    return at;
}

// ---- Predicting ----

// The values around a sample, as in image_pixel_offsets.
static inline void look_around(const machine *m, const stream *s, place at, uint8_t *near)
{
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        near[i] = s->rows[image_pixel_offsets[i].up][at.x + m->deltas[i]];
}

// A channel before this one: at this pixel, west, north, north-west, north-east.
static inline void look_back(const stream *s, place at, uint32_t n, int32_t *before)
{
    const uint8_t *row = s->rows[0] + at.x - n, *above = s->rows[1] + at.x - n;
    before[0] = row[0];
    before[1] = row[-at.pixel];
    before[2] = above[0];
    before[3] = above[-at.pixel];
    before[4] = above[at.pixel];
}

static inline int32_t linear(const int32_t *weights, const int32_t *features)
{
    int32_t sum = 0; // |weight| <= 2^17, |feature| <= 255, 20 of them: below 2^31
    for (uint32_t i = 0; i < FEATURES; i++)
        sum += weights[i] * features[i];
    return sum >> 13;
}

static inline int32_t linear_at_start(const int16_t *weights, const int32_t *features)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < FEATURES; i++)
        sum += weights[i] * features[i];
    return sum >> 13;
}

// Fills the stream's features, their energy and the predictions.
static inline void predict_portable(const machine *m, stream *s, place at, uint8_t *near)
{
    int32_t before[2][5] = {{0}}; // zeros make the formulas those without colour
    look_around(m, s, at, near);
    for (uint32_t n = 0; n < at.n_before; n++)
        look_back(s, at, n + 1, before[n]);
    const int32_t west = near[0], north = near[1], north_west = near[2], north_east = near[3];
    const int32_t core = (west + north) * 4 + (north_east - north_west) * 2;
    const int32_t *r = before[0];
    const int32_t base = clamp(median(west - r[1], north - r[2], north_west - r[3]) + r[0], 0, 255);
    int32_t p[PREDICTORS];
    p[0] = at.n_before ? base * 8 : (north + near[8] + west + north_east) * 2;
    p[1] = (west - r[1] + north_east - r[4] - north + r[2] + r[0]) * 8;
    p[2] = at.n_before ? (north - r[2] + r[0]) * 8 : (2 * north - near[5]) * 8;
    p[3] = at.n_before ? (west - r[1] + r[0]) * 8 : (2 * west - near[4]) * 8;
    p[4] = core - (r[1] + r[2]) * 4 - (r[4] - r[3]) * 2 + r[0] * 8;
    p[5] = median(west, north, north_west) * 8;
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        s->features[i] = i < LINEAR_NEIGHBOURS ? near[i] - base : 0;
    for (uint32_t i = 0; i < COLOURS; i++)
        s->features[NEIGHBOURS + i] = before[i / 4][0] - before[i / 4][1 + i % 4];
    s->energy = 0;
    for (uint32_t i = 0; i < FEATURES; i++)
        s->energy += s->features[i] * s->features[i];
    p[6] = base * 8 + linear_at_start(image_pixel_linear[at.n_before], s->features);
    p[7] = base * 8 + linear(m->weights[at.channel][at.parity], s->features);
    for (uint32_t k = 0; k < PREDICTORS; k++)
        s->predictions[k] = (uint16_t)clamp(p[k], 0, PREDICTION_MAX);
}

#if defined(__AVX2__)
// Predictions as sums of products: bytes 4k.. of a row of numbers are those that prediction k is
// made of, and their factors. `near` without colour and with it; then the channel before (west,
// north, north-west, north-east at 0.., at the pixel at 8); then median, base and the channel
// before at the pixel.
#define NONE -128
typedef struct combination {
    int8_t numbers[32], factors[32];
} combination;

static const combination of_near[2] = {
    {{1, 8, 0, 3, 0, 3, 1, NONE, 1, 5, NONE, NONE, 0, 4, NONE, NONE, 0, 1, 3, 2},
     {2, 2, 2, 2, 8, 8, -8, 0, 16, -8, 0, 0, 16, -8, 0, 0, 4, 4, 2, -2}},
    {{NONE, NONE, NONE, NONE, 0, 3, 1, NONE, 1, NONE, NONE, NONE, 0, NONE, NONE, NONE, 0, 1, 3, 2},
     {0, 0, 0, 0, 8, 8, -8, 0, 8, 0, 0, 0, 8, 0, 0, 0, 4, 4, 2, -2}}};
static const combination of_before = {
    {NONE, NONE, NONE, NONE, 0, 3, 1, 8, 1, 8, NONE, NONE, 0, 8, NONE, NONE, 0, 1, 3, 2},
    {0, 0, 0, 0, -8, -8, 8, 8, -8, 8, 0, 0, -8, 8, 0, 0, -4, -4, -2, 2}};
static const combination of_base[2] = {
    {{[20] = 0, [24] = 0, [28] = 0}, {[20] = 8, [24] = 8, [28] = 8}},
    {{[0] = 1, [16] = 2, [20] = 0, [24] = 1, [28] = 1},
     {[0] = 8, [16] = 8, [20] = 8, [24] = 8, [28] = 8}}};

static inline __m128i load(const void *bytes)
{
    return _mm_loadu_si128(bytes);
}

static inline __m256i load_wide(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

// Sums of two products, 16 bits: at most 2 * 255 * 16.
static inline __m256i combine(__m128i bytes, const combination *c)
{
    const __m256i picked =
        _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), load_wide(c->numbers));
    return _mm256_maddubs_epi16(picked, load_wide(c->factors));
}

static inline __m128i halves_added(__m256i x)
{
    return _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

typedef struct neighbourhood {
    __m128i near;  // 16 bytes, as in image_pixel_offsets
    __m128i other; // 8 bytes: the channel before, west, north, north-west, north-east, and the
                   // one before that; 0 what there is not
    __m128i self;  // 8 bytes: each of the two four times, at the pixel
} neighbourhood;

FOR_EACH_VARIANT neighbourhood pick(const machine *m, const stream *s, place at, bool related)
{
    __m128i loads[PICK_LOADS];
    for (uint32_t i = 0; i < PICK_LOADS; i++) {
        const pixel_offset begin = pixel_pick_loads[i];
        loads[i] = load(s->rows[begin.up] + at.x + begin.x * at.pixel);
    }
    neighbourhood n = {.near = _mm_shuffle_epi8(loads[0], load(m->picks.near[0]))};
    for (uint32_t i = 1; i < PICK_LOADS; i++)
        n.near = _mm_or_si128(n.near, _mm_shuffle_epi8(loads[i], load(m->picks.near[i])));
    if (related) {
        n.other = _mm_or_si128(_mm_shuffle_epi8(loads[0], load(m->picks.other[at.n_before][0])),
                               _mm_shuffle_epi8(loads[1], load(m->picks.other[at.n_before][1])));
        n.self = _mm_shuffle_epi8(loads[0], load(m->picks.self[at.n_before]));
    } else {
        n.other = n.self = _mm_setzero_si128();
    }
    return n;
}

// Bytes: the median of `near`, the base (that of the differences to the channel before, and it
// added), the channel before at the pixel.
static inline __m128i find_bases(const neighbourhood *n)
{
    const __m128i values = _mm_cvtepu8_epi16(n->near), self = _mm_cvtepu8_epi16(n->self);
    const __m128i differences = _mm_sub_epi16(values, _mm_cvtepu8_epi16(n->other));
    const __m128i west = _mm_unpacklo_epi16(values, differences); // both of each side by side
    const __m128i north = _mm_shuffle_epi32(west, 1), north_west = _mm_shuffle_epi32(west, 2);
    const __m128i plane = _mm_sub_epi16(_mm_add_epi16(west, north), north_west);
    const __m128i lo = _mm_min_epi16(west, north), hi = _mm_max_epi16(west, north);
    const __m128i medians = _mm_min_epi16(_mm_max_epi16(plane, lo), hi);
    const __m128i sums = _mm_add_epi16(medians, _mm_slli_epi32(self, 16));
    return _mm_unpacklo_epi16(_mm_packus_epi16(sums, sums), n->self); // 0..255
}

// predict_portable where the pixel is at most PICK_PIXEL_BYTES_MAX wide.
FOR_EACH_VARIANT void predict(const machine *m, stream *s, place at, bool related, uint8_t *near)
{
    const neighbourhood n = pick(m, s, at, related);
    const bool colour = related && at.n_before > 0;
    const __m128i bases = find_bases(&n);
    __m256i sums =
        _mm256_add_epi16(combine(n.near, &of_near[colour]), combine(bases, &of_base[colour]));
    if (related)
        sums = _mm256_add_epi16(sums, combine(_mm_unpacklo_epi64(n.other, n.self), &of_before));
    const __m256i predictions = _mm256_madd_epi16(sums, _mm256_set1_epi16(1)); // 32 bits

    const __m256i base =
        _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bases), _mm256_set1_epi16((int16_t)0x8001));
    const __m256i used = _mm256_setr_epi32(-1, -1, -1, -1, -1, -1, 0, 0);
    const __m256i x = _mm256_and_si256(_mm256_sub_epi16(_mm256_cvtepu8_epi16(n.near), base), used);
    const __m128i y = _mm_sub_epi16(_mm_cvtepu8_epi16(n.self), _mm_cvtepu8_epi16(n.other));
    const __m256i x0 = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(x));
    const __m256i x1 = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(x, 1));
    const __m256i x2 = _mm256_cvtepi16_epi32(y);
    const int16_t *start = image_pixel_linear[at.n_before];
    const int32_t *weights = m->weights[at.channel][at.parity];
    __m128i linear_start = halves_added(_mm256_madd_epi16(x, load_wide(start)));
    __m128i energy = halves_added(_mm256_madd_epi16(x, x));
    __m256i trained = _mm256_add_epi32(_mm256_mullo_epi32(x0, load_wide(weights)),
                                       _mm256_mullo_epi32(x1, load_wide(weights + 8)));
    if (related) {
        linear_start = _mm_add_epi32(linear_start, _mm_madd_epi16(y, load(start + NEIGHBOURS)));
        energy = _mm_add_epi32(energy, _mm_madd_epi16(y, y));
        trained = _mm256_add_epi32(trained, _mm256_mullo_epi32(x2, load_wide(weights + 16)));
    }
    // The last two of four lanes: both linear predictions.
    const __m128i all = _mm_hadd_epi32(_mm_hadd_epi32(energy, energy),
                                       _mm_hadd_epi32(linear_start, halves_added(trained)));
    const __m128i last = _mm_blend_epi32(_mm_setzero_si128(), _mm_srai_epi32(all, 13), 12);
    const __m128i high = _mm_add_epi32(_mm256_extracti128_si256(predictions, 1), last);
    const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(predictions), high);
    _mm_storeu_si128((__m128i *)s->predictions,
                     _mm_min_epu16(packed, _mm_set1_epi16(PREDICTION_MAX)));
    s->energy = _mm_cvtsi128_si32(all);
    _mm256_storeu_si256((__m256i *)s->features, x0);
    _mm256_storeu_si256((__m256i *)(s->features + 8), x1);
    _mm256_storeu_si256((__m256i *)(s->features + 16), x2);
    _mm_storeu_si128((__m128i *)near, n.near);
}
#else
FOR_EACH_VARIANT void predict(const machine *m, stream *s, place at, bool related, uint8_t *near)
{
    (void)related;
    predict_portable(m, s, at, near);
}
#endif

// One value for each predictor: vectors of GNU C.
typedef uint16_t values __attribute__((vector_size(2 * PREDICTORS)));
typedef int16_t signed_values __attribute__((vector_size(2 * PREDICTORS)));
typedef uint8_t small_values __attribute__((vector_size(PREDICTORS)));

#if defined(__AVX2__)
static inline values load_misses(const uint8_t *misses)
{
    return (values)_mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)misses));
}

// How far predictions are off, in whole steps.
static inline void store_misses(uint8_t *misses, values predictions, uint16_t exact)
{
    const __m128i off = _mm_abs_epi16((__m128i)(exact - predictions));
    _mm_storel_epi64((__m128i *)misses, _mm_packus_epi16(_mm_srli_epi16(off, 3), off));
}
#else
static inline values load_misses(const uint8_t *misses)
{
    small_values v;
    memcpy(&v, misses, sizeof v);
    return __builtin_convertvector(v, values);
}

static inline void store_misses(uint8_t *misses, values predictions, uint16_t exact)
{
    const values off = exact - predictions;
    const values sign = (values)((signed_values)off < 0); // all bits or none
    const small_values sizes = __builtin_convertvector(((off ^ sign) - sign) >> 3, small_values);
    memcpy(misses, &sizes, sizeof sizes);
}
#endif

// Misses of each predictor around the sample, at most 8 * 255.
static inline values sum_misses(const stream *s, place at)
{
    const int64_t pixel = at.pixel * PREDICTORS;
    const uint8_t *row = s->miss_rows[0] + at.x * PREDICTORS,
                  *above = s->miss_rows[1] + at.x * PREDICTORS;
    const values twice = load_misses(row - pixel) + load_misses(above);
    return twice + twice + load_misses(above - pixel) + load_misses(above + pixel) +
           load_misses(row - 2 * pixel) + load_misses(above + 2 * pixel);
}

#if defined(__AVX2__)
static inline uint32_t least(values v)
{
    return (uint32_t)_mm_cvtsi128_si32(_mm_minpos_epu16((__m128i)v)) & 0xFFFF;
}
#else
static inline uint32_t least(values v)
{
    uint16_t each[PREDICTORS], minimum = UINT16_MAX;
    memcpy(each, &v, sizeof each);
    for (uint32_t k = 0; k < PREDICTORS; k++)
        minimum = each[k] < minimum ? each[k] : minimum;
    return minimum;
}
#endif

static inline uint32_t most(values v)
{
    return 0xFFFF - least(~v);
}

// What a mean is made of: credits at most 2^21, predictions below 2^11, eight of them.
typedef struct weighted {
    uint64_t sum;
    uint32_t total;
} weighted;

#if defined(__AVX2__)
static inline weighted weigh(const uint32_t *credits, values predictions, values misses)
{
    const __m256i x = _mm256_cvtepu16_epi32((__m128i)predictions);
    const __m256i c = _mm256_setr_epi32((int32_t)credits[misses[0]], (int32_t)credits[misses[1]],
                                        (int32_t)credits[misses[2]], (int32_t)credits[misses[3]],
                                        (int32_t)credits[misses[4]], (int32_t)credits[misses[5]],
                                        (int32_t)credits[misses[6]], (int32_t)credits[misses[7]]);
    const __m256i odd = _mm256_srli_epi64(c, 32);
    const __m256i products =
        _mm256_add_epi64(_mm256_mul_epu32(c, x), _mm256_mul_epu32(odd, _mm256_srli_epi64(x, 32)));
    const __m256i totals = _mm256_add_epi32(c, odd); // in lanes 0, 2, 4, 6
    const __m128i sum =
        _mm_add_epi64(_mm256_castsi256_si128(products), _mm256_extracti128_si256(products, 1));
    const __m128i total =
        _mm_add_epi32(_mm256_castsi256_si128(totals), _mm256_extracti128_si256(totals, 1));
    return (weighted){(uint64_t)(_mm_cvtsi128_si64(sum) + _mm_extract_epi64(sum, 1)),
                      (uint32_t)(_mm_cvtsi128_si32(total) + _mm_extract_epi32(total, 2))};
}
#else
static inline weighted weigh(const uint32_t *credits, values predictions, values misses)
{
    weighted w = {0};
    uint16_t index[PREDICTORS], p[PREDICTORS];
    memcpy(index, &misses, sizeof index);
    memcpy(p, &predictions, sizeof p);
    for (uint32_t k = 0; k < PREDICTORS; k++) {
        const uint32_t credit = credits[index[k]];
        w.sum += (uint64_t)credit * p[k];
        w.total += credit;
    }
    return w;
}
#endif

// Mean of the predictions, weighted by their misses around the sample; 1/8.
static inline int32_t blend(const uint32_t *credits, values predictions, values misses)
{
    weighted w = weigh(credits, predictions, misses);
    w.sum += w.total / 2;
    // Shorter divisions are faster, and mostly enough.
    return w.sum >> 32 ? (int32_t)(w.sum / w.total) : (int32_t)((uint32_t)w.sum / w.total);
}

// ---- Contexts ----

static inline uint32_t block_position(const machine *m, const stream *s)
{
    const uint32_t x = (s->pixel + m->layout.phase_x) & 7, y = (s->row + m->layout.phase_y) & 7;
    return m->blocks ? x | y << 3 : 64;
}

// What several contexts are made of.
typedef struct outlook {
    uint8_t near[NEIGHBOURS];
    uint32_t centre;
    uint32_t activity, spread;             // classes
    uint32_t error_west, error_north;      // contexts
    uint32_t linear, median;               // contexts
    uint32_t before_error, before_2_error; // contexts, and the values: of the channels before
    uint32_t before, before_2;
} outlook;

// The contexts that come of errors around the sample.
static inline void error_contexts(const machine *m, const stream *s, place at, values predictions,
                                  outlook *o, uint32_t *restrict c)
{
    const uint8_t *row = (const uint8_t *)s->error_rows[0] + at.x,
                  *above = (const uint8_t *)s->error_rows[1] + at.x;
    const uint32_t west = row[-at.pixel], north = above[0], north_west = above[-at.pixel],
                   north_east = above[at.pixel];
    const uint32_t *size = m->error_size;
    const uint8_t *class = m->error_class;
    const uint32_t size_west = size[west], size_north = size[north];
    o->activity = m->activity[2 * (size_west + size_north) + size[north_west] + size[north_east] +
                              size[row[-2 * at.pixel]] + size[above[2 * at.pixel]]];
    o->spread = m->spread[most(predictions) - least(predictions)];
    o->before_error = at.n_before >= 1 ? class[row[-1]] : DISTANCES - 1;
    o->before_2_error = at.n_before >= 2 ? class[row[-2]] : DISTANCES - 1;
    c[CONTEXT_ERROR_WEST] = o->error_west = class[west];
    c[CONTEXT_ERROR_NORTH] = o->error_north = class[north];
    c[CONTEXT_ERROR_NORTH_WEST] = class[north_west];
    c[CONTEXT_ERROR_NORTH_EAST] = class[north_east];
    c[CONTEXT_CHANNEL_ERROR] = o->before_error;
    c[CONTEXT_CHANNEL_ERROR_2] = o->before_2_error;
    c[CONTEXT_SELECT_SPREAD] =
        o->spread << 2 | (uint32_t)(size_west > 3) << 1 | (uint32_t)(size_north > 3);
}

// The neighbours as distances from the centre.
#if defined(__AVX2__)
static inline void neighbour_contexts(const uint8_t *near, int32_t centre, uint32_t *c)
{
    const __m256i clip = _mm256_set1_epi16(CLIP);
    const __m256i d = _mm256_sub_epi16(_mm256_cvtepu8_epi16(load(near)),
                                       _mm256_set1_epi16((int16_t)(centre - CLIP)));
    const __m256i clipped =
        _mm256_max_epi16(_mm256_min_epi16(d, _mm256_add_epi16(clip, clip)), _mm256_setzero_si256());
    _mm256_storeu_si256((__m256i *)c, _mm256_cvtepu16_epi32(_mm256_castsi256_si128(clipped)));
    _mm256_storeu_si256((__m256i *)(c + 8),
                        _mm256_cvtepu16_epi32(_mm256_extracti128_si256(clipped, 1)));
}
#else
static inline void neighbour_contexts(const uint8_t *near, int32_t centre, uint32_t *c)
{
    for (uint32_t i = 0; i < NEIGHBOURS; i++) {
        const int16_t d = (int16_t)(near[i] - centre);
        c[i] = (uint32_t)((d > CLIP ? CLIP : d < -CLIP ? -CLIP : d) + CLIP);
    }
}
#endif

// The contexts that compare with the centre.
static inline void centre_contexts(const machine *m, values predictions, place at, outlook *o,
                                   uint32_t *restrict c)
{
    const int32_t centre = (int32_t)o->centre;
    const uint8_t *near = o->near;
    neighbour_contexts(near, centre, c + CONTEXT_WEST);
    const uint8_t *quarters = m->quarters + 2048 - centre * 8, // by prediction
        *eighths = m->eighths + 2048 - centre * 8;
    c[CONTEXT_LINEAR] = o->linear = quarters[predictions[7]];
    c[CONTEXT_MEDIAN] = o->median = eighths[predictions[5]];
    c[CONTEXT_CHANNEL_GRADIENT] = at.n_before ? eighths[predictions[2]] : DISTANCES - 1;
    const uint8_t *octave = m->octave + 256 - centre; // by value
    c[CONTEXT_TEXTURE] = (uint32_t)octave[near[0]] << 9 | (uint32_t)octave[near[1]] << 6 |
                         (uint32_t)octave[near[2]] << 3 | octave[near[3]];
}

static inline void mixer_contexts(const machine *m, place at, const outlook *o, uint32_t fraction,
                                  uint32_t phase, uint32_t *restrict c)
{
    const uint8_t *coarse = m->coarse + 256 - o->centre, *near = o->near; // by value
    const uint32_t kind = at.channel << 24, activity = o->activity;
    const uint32_t before = at.n_before ? o->before_error : 0;
    const uint32_t before_2 = at.n_before > 1 ? o->before_2_error : 0;
    const uint32_t values_before =
        at.n_before ? o->before << 8 | (at.n_before > 1 ? o->before_2 : 0) : 1u << 16 | near[0];
    const uint32_t west = kind | coarse[near[0]], north = coarse[near[1]];
    uint32_t *h = c + CONTEXT_MIX;
    h[0] = hash(0, west, north << 4 | activity / 3);
    h[1] = hash(1, kind | near[0], (uint32_t)near[1] << 8 | o->centre);
    h[2] = hash(2, kind | activity, o->spread << 8 | fraction / 32);
    h[3] = hash(3, kind | o->error_west / 2, o->error_north / 2);
    h[4] = hash(4, kind | o->linear, o->median / 2);
    h[5] = hash(5, kind | o->centre, activity);
    h[6] = hash(6, kind | before, before_2 << 8 | activity / 4 | at.parity << 16);
    h[7] = hash(7, kind | north, (uint32_t)coarse[near[3]] << 8 | coarse[near[2]]);
    h[8] = hash(8, west, (uint32_t)coarse[near[4]] << 8 | activity / 4);
    h[9] = hash(9, kind | (uint32_t)near[0] << 8 | near[1], near[2]);
    h[10] = hash(10, kind | o->centre, values_before);
    h[11] = hash(11, kind | phase, activity / 2);
}

// `related` and `narrow` (pixels of at most PICK_PIXEL_BYTES_MAX) are constants of a variant.
FOR_EACH_VARIANT void give_context(const machine *m, stream *s, bool related, bool narrow,
                                   uint32_t *restrict c, uint32_t *centre)
{
    const place at = locate(m, s, related);
    const values misses = sum_misses(s, at);
    outlook o;
    if (narrow)
        predict(m, s, at, related, o.near);
    else
        predict_portable(m, s, at, o.near);
    values predictions;
    memcpy(&predictions, s->predictions, sizeof predictions);
    if (related) {
        o.before = s->rows[0][at.x - 1];
        o.before_2 = s->rows[0][at.x - 2];
    }
    error_contexts(m, s, at, predictions, &o, c);
    const int32_t blended = blend(m->credit, predictions, misses);
    const uint32_t rounded = (uint32_t)(blended + 4); // 4..2044
    s->centre = *centre = o.centre = rounded >> 3;
    centre_contexts(m, predictions, at, &o, c);
    const uint32_t kind = m->kinds[at.channel], position = block_position(m, s);
    const uint32_t fraction = (rounded & 7) << 5 | o.activity | (at.n_before ? 256u : 0);
    c[CONTEXT_CENTRE] = o.centre;
    c[CONTEXT_PHASE] = kind * 65 + position;
    c[CONTEXT_ACTIVITY] = o.activity;
    c[CONTEXT_FRACTION] = fraction;
    c[CONTEXT_SPREAD] = o.spread << 5 | m->worst[most(misses)];
    c[CONTEXT_BLOCK] = (position & 63) << 5 | o.activity;
    mixer_contexts(m, at, &o, fraction, kind * 65 + position, c);
    c[CONTEXT_SELECT_ACTIVITY] = (kind < 3 ? kind : 3) << 5 | o.activity;
}

// ---- Learning ----

// Normalised LMS step, faster where another channel of the pixel is known. The learning of others
// than colours has no use for the features of colours.
FOR_EACH_VARIANT void learn(int32_t *restrict weights, const stream *s, place at, int32_t error,
                            bool related)
{
    const int32_t step = error * 2048 / (s->energy + 64); // |error| <= 2040
    const uint32_t rate = at.n_before ? 4 : 6;
    for (uint32_t i = 0; i < (related ? FEATURES : NEIGHBOURS); i++)
        weights[i] = clamp(weights[i] + ((step * s->features[i]) >> rate), -(1 << 17), 1 << 17);
}

FOR_EACH_VARIANT void take_token(machine *m, stream *s, bool related, uint32_t token)
{
    const place at = locate(m, s, related);
    const uint16_t exact = (uint16_t)(token * 8);
    values predictions;
    memcpy(&predictions, s->predictions, sizeof predictions);
    s->rows[0][at.x] = (uint8_t)token;
    s->error_rows[0][at.x] = (int8_t)(uint8_t)(token - s->centre);
    store_misses(s->miss_rows[0] + at.x * PREDICTORS, predictions, exact);
    learn(m->weights[at.channel][at.parity], s, at, exact - predictions[7], related);
    if (s->rows_seen == 0) // nothing is known above: what was seen last stands there
        for (uint32_t up = 1; up < ROWS; up++)
            for (uint32_t k = 1; k <= 3; k++)
                s->rows[up][at.x + k * at.pixel] = (uint8_t)token;
    if (++s->channel == m->pixel_bytes) {
        s->channel = 0;
        s->pixel++;
    }
}

// ---- The variants of an instruction set ----

static void next_of_colours(machine *m, stream *s, uint32_t *contexts, uint32_t *centre)
{
    give_context(m, s, true, true, contexts, centre);
}

static void push_of_colours(machine *m, stream *s, uint32_t token)
{
    take_token(m, s, true, token);
}

static void next_alone(machine *m, stream *s, uint32_t *contexts, uint32_t *centre)
{
    give_context(m, s, false, true, contexts, centre);
}

static void next_of_wide_pixels(machine *m, stream *s, uint32_t *contexts, uint32_t *centre)
{
    give_context(m, s, false, false, contexts, centre);
}

static void push_alone(machine *m, stream *s, uint32_t token)
{
    take_token(m, s, false, token);
}

static const pixel_steps steps_of_colours = {next_of_colours, push_of_colours};
static const pixel_steps steps_alone = {next_alone, push_alone};
static const pixel_steps steps_of_wide_pixels = {next_of_wide_pixels, push_alone};

static inline const pixel_steps *steps_for(const machine *m)
{
    return m->related                               ? &steps_of_colours
           : m->pixel_bytes <= PICK_PIXEL_BYTES_MAX ? &steps_alone
                                                    : &steps_of_wide_pixels;
}

#endif
