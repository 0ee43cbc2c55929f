// SPDX-License-Identifier: Apache-2.0
#include "mix.h"

#include "adaptive_map.h"
#include "lines.h"
#include "logistic.h"
#include "match.h"
#include "models.h"
#include "neuron.h"

#include <stdlib.h>
#include <string.h>

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define SELECTS_MAX VLMC_MIX_SELECTS_MAX
// MIX contexts, those of the past, near ones, each SELECT context, and none at all.
#define MODELS_MAX                                                                                 \
    (VLMC_MIX_CONTEXTS_MAX + VLMC_PAST_CONTEXTS_MAX + VLMC_PAST_NEAR_MAX + SELECTS_MAX + 1)
#define INPUTS_EACH 3u
#define OTHER_INPUTS 8u // two of the transformer, a constant, two of the match; the rest stay zero
#define SETS_MAX (5u + SELECTS_MAX)
#define MAPS_MAX (1u + SELECTS_MAX)

#define LINES_LOG2_MIN 10u
#define LINES_LOG2_MAX 24u
#define LINES_EACH 32u // more than the lines that one value of a context can take

#define MAP_UPDATES_START 6u // so sure a map of histories starts

// Where weights start, 16.16. Context models alone share START_ALL; beside a transformer they begin
// with little say, with those of the past among them with none: those find their weight fast.
#define START_ALL (2 * VLMC_WEIGHT_ONE)
#define START_ALONE_MAX (VLMC_WEIGHT_ONE / 2)
#define START_BESIDE 656
#define START_MATCH (VLMC_WEIGHT_ONE / 4)

// Inputs that belong to no context model, behind theirs.
enum { INPUT_MODEL, INPUT_MODEL_LINEAR, INPUT_CONSTANT, INPUT_MATCH };

// STILL * VLMC_STRETCH_MAX is below 2^13, which is what moves a weight at least.
#define STILL 2

#define MATCH_SELECTS (9u * 16u)

_Static_assert(STILL *VLMC_STRETCH_MAX < 1 << 13, "such a step moves no weight");
_Static_assert(MODELS_MAX <= VLMC_MODELS_MAX, "all models have a place");
_Static_assert(INPUTS_EACH *VLMC_MODELS_MAX + OTHER_INPUTS <= VLMC_NEURON_INPUTS_MAX,
               "inputs fit a neuron");
_Static_assert(SETS_MAX <= VLMC_NEURON_LANES, "the last neuron has one input for each set");

typedef struct context_model {
    uint32_t first; // line of its table // (1 << log2_lines)
    uint32_t size;  // values of the context; 0: any hash
    uint32_t log2_lines;
} context_model;

// Weights that one property of the position chooses among.
typedef struct weight_set {
    int32_t *weights; // (size, n_inputs)
    uint32_t size;
} weight_set;

// What vlmc_mix_prepare was told of a stream.
typedef struct prepared {
    uint64_t hashes[MODELS_MAX];
    vlmc_line_place places[MODELS_MAX]; // of the first nibble's lines
    uint32_t selects[SELECTS_MAX];
} prepared;

struct vlmc_mix {
    vlmc_mix_params params;
    const vlmc_neuron_kernels *kernels;
    const vlmc_models_kernels *model_kernels;
    uint32_t max_streams;
    uint32_t n_sets, n_maps;
    uint32_t n_past, n_near; // contexts
    uint32_t n_inputs;       // padded
    vlmc_lines lines;
    vlmc_past past;
    vlmc_matcher matcher;
    prepared *prepared; // (max_streams)
    vlmc_models models;
    uint32_t map_of_matches[VLMC_MATCH_CLASSES]; // that the expected bit comes; the same
    context_model contexts[MODELS_MAX];
    weight_set sets[SETS_MAX];
    vlmc_adaptive_map maps[MAPS_MAX];
    int32_t last_weights[256][VLMC_NEURON_LANES]; // by bits so far
    int32_t start[VLMC_NEURON_INPUTS_MAX];        // weights at first
    int16_t stretch[65536];
    uint16_t squash[2 * VLMC_STRETCH_MAX + 1]; // of x + VLMC_STRETCH_MAX

    // Of the current symbol:
    const prepared *now;
    uint32_t stream;
    uint32_t sums[512]; // tree over the distribution: node i has children 2i, 2i+1
    uint32_t node;      // 1, then the symbol's bits so far with a leading 1
    uint32_t bits_left;
    uint32_t coded; // symbols since reset, for the learning rate
    bool alone;     // the group has one stream, and contexts of the past
    bool matching;  // the match has been right in this symbol so far

    // Of the current nibble and bit:
    vlmc_line_place guesses[MODELS_MAX]; // places of the next nibble's lines
    uint32_t guessed;                    // which nibble that is, 0: none
    uint32_t local;                      // bits of the nibble so far with a leading 1, 1..15
    uint32_t known;                      // models whose node has been updated before
    uint32_t expected;                   // bit that the match expects, when matching
    uint32_t match_class;
    int32_t inputs[VLMC_NEURON_INPUTS_MAX];
    int32_t *chosen[SETS_MAX];              // of each set
    uint32_t set_p[SETS_MAX];               // what they say
    int32_t last_inputs[VLMC_NEURON_LANES]; // the same, stretched
    uint32_t last_p;
};

// ---- Creation ----

static uint32_t log2_lines_for(const vlmc_mix *m, uint32_t size, uint32_t n_tokens)
{
    uint32_t bits = LINES_LOG2_MIN, most = LINES_LOG2_MAX;
    while (most > LINES_LOG2_MIN &&
           (uint64_t)m->models.n << most > UINT64_C(1) << m->params.settings.memory)
        most--;
    while (bits < most && 2u << bits < n_tokens && (size == 0 || (1u << bits) < size * LINES_EACH))
        bits++;
    return bits;
}

static bool add_set(vlmc_mix *m, uint32_t size)
{
    weight_set *set = &m->sets[m->n_sets++];
    set->size = size;
    set->weights = calloc((size_t)size * m->n_inputs, sizeof *set->weights);
    return set->weights != NULL;
}

static bool add_map(vlmc_mix *m, uint32_t size)
{
    return vlmc_adaptive_map_create(&m->maps[m->n_maps++], size);
}

static bool has_past(const vlmc_mix *m)
{
    return m->params.past != VLMC_PAST_NONE;
}

// What there is in groups of so many streams.
static void count_models(vlmc_mix *m, uint32_t n_streams)
{
    const vlmc_mix_params *p = &m->params;
    m->n_past = vlmc_past_n_contexts(p->past, p->settings.effort);
    m->n_near = n_streams > 1 ? vlmc_past_n_near(p->past) : 0;
    m->models.n = p->n_contexts + m->n_past + m->n_near;
    memset(m->contexts, 0, sizeof m->contexts);
    for (uint32_t i = 0; i < p->n_selects; i++)
        m->contexts[m->models.n++].size = p->select_sizes[i];
    m->contexts[m->models.n++].size = 1;
    m->models.n_padded =
        (m->models.n + VLMC_MODELS_LANES - 1) / VLMC_MODELS_LANES * VLMC_MODELS_LANES;
    m->n_inputs = INPUTS_EACH * m->models.n_padded + OTHER_INPUTS;
}

static void set_start(vlmc_mix *m)
{
    memset(m->start, 0, sizeof m->start);
    memset(m->inputs, 0, sizeof m->inputs);
    const int32_t share = START_ALL / (int32_t)m->models.n;
    const int32_t alone = share < START_ALONE_MAX ? share : START_ALONE_MAX;
    for (uint32_t i = 0; i < m->models.n; i++)
        m->start[i] = !m->params.has_model ? alone : has_past(m) ? 0 : START_BESIDE;
    int32_t *other = m->start + INPUTS_EACH * m->models.n_padded;
    if (m->params.has_model)
        other[INPUT_MODEL] = VLMC_WEIGHT_ONE;
    else if (has_past(m))
        other[INPUT_MATCH] = START_MATCH;
}

static size_t count_lines(const vlmc_mix *m, uint32_t n_tokens)
{
    size_t lines = 0;
    for (uint32_t i = 0; i < m->models.n; i++)
        lines += (size_t)1 << log2_lines_for(m, m->contexts[i].size, n_tokens);
    return lines;
}

static bool allocate(vlmc_mix *m, uint32_t max_tokens)
{
    const vlmc_mix_params *p = &m->params;
    count_models(m, 1);
    size_t lines = count_lines(m, max_tokens);
    if (m->max_streams > 1) {
        count_models(m, 2);
        const size_t more = count_lines(m, max_tokens);
        lines = more > lines ? more : lines;
    }
    m->prepared = calloc(m->max_streams, sizeof *m->prepared);
    m->models.maps =
        calloc((size_t)m->models.n_padded * VLMC_NODE_HISTORIES, sizeof *m->models.maps);
    bool ok = vlmc_lines_create(&m->lines, lines) && m->prepared && m->models.maps &&
              vlmc_past_create(&m->past, p->past, p->settings.effort, m->max_streams, max_tokens) &&
              vlmc_matcher_create(&m->matcher, &m->past) && add_set(m, 256) &&
              add_set(m, m->models.n + 1);
    if (has_past(m))
        ok = ok && add_set(m, 256) && add_set(m, 256) && add_set(m, MATCH_SELECTS) &&
             add_map(m, 256);
    for (uint32_t i = 0; i < p->n_selects; i++)
        ok = ok && add_set(m, p->select_sizes[i]) && add_map(m, p->select_sizes[i]);
    if (ok && m->n_maps == 0)
        ok = add_map(m, 1);
    return ok;
}

static void fill_tables(vlmc_mix *m)
{
    vlmc_stretch_table(m->stretch);
    for (int32_t x = -VLMC_STRETCH_MAX; x <= VLMC_STRETCH_MAX; x++)
        m->squash[x + VLMC_STRETCH_MAX] = (uint16_t)vlmc_squash(x);
    for (uint32_t i = 0; i < 4096; i++)
        m->models.stretch[i] = m->stretch[i << 4 | 8];
    for (uint32_t i = 0; i <= VLMC_MAP_UPDATES_MAX; i++)
        m->models.rates[i] = 131072u / (2 * i + 3);
}

vlmc_mix *vlmc_mix_create(const vlmc_mix_params *params, uint32_t max_streams, uint32_t max_tokens)
{
    vlmc_mix *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->params = *params;
    m->kernels = vlmc_neuron_kernels_best();
    m->model_kernels = vlmc_models_kernels_best();
    m->max_streams = max_streams;
    fill_tables(m);
    if (!allocate(m, max_tokens))
        vlmc_mix_destroy(&m);
    return m;
}

void vlmc_mix_destroy(vlmc_mix **mix)
{
    vlmc_mix *m = *mix;
    if (!m)
        return;
    for (uint32_t i = 0; i < m->n_sets; i++)
        free(m->sets[i].weights);
    for (uint32_t i = 0; i < m->n_maps; i++)
        free(m->maps[i].nodes);
    vlmc_matcher_destroy(&m->matcher);
    vlmc_past_destroy(&m->past);
    vlmc_lines_destroy(&m->lines);
    free(m->models.maps);
    free(m->prepared);
    free(m);
    *mix = NULL;
}

// ---- Reset ----

// Where each model's lines are for groups of n_tokens.
static void place_lines(vlmc_mix *m, uint32_t n_tokens)
{
    size_t at = 0;
    for (uint32_t i = 0; i < m->models.n; i++) {
        context_model *model = &m->contexts[i];
        model->log2_lines = log2_lines_for(m, model->size, n_tokens);
        model->first = (uint32_t)at;
        at += (size_t)1 << model->log2_lines;
    }
    m->models.nodes = &m->lines.first->check;
    vlmc_lines_clear(&m->lines, at);
}

// What a node that has seen these bits (behind a leading 1) should say, 22 bits: each bit moves it
// as it would a node, and a little further.
static uint32_t first_guess(uint32_t history)
{
    uint32_t top = 7, p = 1u << 21;
    while (!(history >> top))
        top--;
    for (uint32_t i = 0; i < top; i++) {
        const uint32_t target = history >> (top - 1 - i) & 1 ? (1u << 22) - 1 : 0;
        const int64_t error = (int64_t)target - p;
        p = (uint32_t)(p + error * 10 / (10 * i + 16)); // towards zero
    }
    return p;
}

static void reset_maps(vlmc_mix *m)
{
    uint32_t *maps = m->models.maps;
    for (uint32_t h = 0; h < VLMC_NODE_HISTORIES; h++)
        maps[h] = first_guess(h & 255 ? h & 255 : 1) << 10 | MAP_UPDATES_START;
    for (uint32_t i = 1; i < m->models.n; i++)
        memcpy(maps + (size_t)i * VLMC_NODE_HISTORIES, maps, VLMC_NODE_HISTORIES * sizeof *maps);
    for (uint32_t i = 0; i < VLMC_MATCH_CLASSES; i++) {
        const uint32_t length = i % 32; // 1 - 1 / (length + 2)
        m->map_of_matches[i] = ((1u << 22) - (1u << 22) / (length + 2)) << 10 | 4;
    }
    for (uint32_t i = 0; i < m->n_maps; i++)
        vlmc_adaptive_map_clear(&m->maps[i]);
}

static void reset_weights(vlmc_mix *m)
{
    for (uint32_t i = 0; i < m->n_sets; i++)
        for (uint32_t j = 0; j < m->sets[i].size; j++)
            memcpy(m->sets[i].weights + (size_t)j * m->n_inputs, m->start,
                   m->n_inputs * sizeof *m->start);
    for (uint32_t i = 0; i < 256; i++)
        for (uint32_t j = 0; j < m->n_sets; j++)
            m->last_weights[i][j] = VLMC_WEIGHT_ONE / (int32_t)m->n_sets;
}

void vlmc_mix_reset(vlmc_mix *m, uint32_t n_tokens, uint32_t n_streams, uint32_t n_steps)
{
    count_models(m, n_streams);
    set_start(m);
    place_lines(m, n_tokens);
    vlmc_past_clear(&m->past, n_streams, n_steps);
    vlmc_matcher_clear(&m->matcher, n_tokens);
    reset_maps(m);
    reset_weights(m);
    m->coded = 0;
    m->alone = n_streams == 1 && has_past(m);
}

// ---- A symbol's contexts ----

static uint32_t first_node(const vlmc_mix *m)
{
    return 256u >> m->params.symbol_bits; // its high bits are known to be zero
}

static uint32_t nibble_of(uint32_t node)
{
    return node < 16 ? 0 : node;
}

static vlmc_line_place place_of(const vlmc_mix *m, uint32_t model, uint64_t hash, uint32_t nibble)
{
    const context_model *context = &m->contexts[model];
    vlmc_line_place place = vlmc_line_place_of(hash, nibble, context->log2_lines);
    place.index += context->first; // which is even: what lies beside stays beside
    return place;
}

// Where the lines of a nibble are; they and those beside are asked for, and on their way meanwhile.
static void fetch_lines(const vlmc_mix *m, const uint64_t *hashes, uint32_t nibble,
                        vlmc_line_place *places)
{
    for (uint32_t i = 0; i < m->models.n; i++) {
        places[i] = place_of(m, i, hashes[i], nibble);
        __builtin_prefetch(m->lines.first + places[i].index, 1);
        __builtin_prefetch(m->lines.first + (places[i].index ^ 1), 1);
    }
}

// Of places that were asked for. First all lines, so that their memory is waited for at once; then
// those beside, where a line is another's.
static void find_lines(vlmc_mix *m, const vlmc_line_place *places)
{
    uint32_t others[MODELS_MAX], n_others = 0;
    for (uint32_t i = 0; i < m->models.n; i++) {
        m->models.lines[i] = places[i].index;
        others[n_others] = i;
        n_others += m->lines.first[places[i].index].check != places[i].check;
    }
    for (uint32_t k = 0; k < n_others; k++) {
        const uint32_t i = others[k];
        const vlmc_line *line = vlmc_line_find(m->lines.first, places[i]);
        m->models.lines[i] = (uint32_t)(line - m->lines.first);
    }
}

void vlmc_mix_prepare(vlmc_mix *m, uint32_t stream, const uint32_t *contexts,
                      const uint32_t *selects)
{
    prepared *p = &m->prepared[stream];
    uint64_t *hash = p->hashes;
    for (uint32_t i = 0; i < m->params.n_contexts; i++)
        *hash++ = contexts[i] * MULTIPLIER;
    if (has_past(m)) {
        vlmc_matcher_look(&m->matcher, stream);
        const vlmc_match_stream *match = &m->matcher.streams[stream];
        const uint32_t step = vlmc_match_step(match) & 3;
        vlmc_past_contexts(&m->past, stream,
                           match->predicts ? VLMC_PAST_EXPECTED(match->symbol, step) : 0, hash);
        hash += m->n_past;
        if (m->n_near)
            vlmc_past_near(&m->past, stream, hash);
        hash += m->n_near;
    }
    for (uint32_t i = 0; i < m->params.n_selects; i++) {
        p->selects[i] = selects[i];
        *hash++ = selects[i] * MULTIPLIER;
    }
    *hash = 0;
    fetch_lines(m, p->hashes, nibble_of(first_node(m)), p->places);
}

void vlmc_mix_begin(vlmc_mix *m, uint32_t stream, const uint32_t *frequencies)
{
    if (m->params.has_model) {
        memcpy(m->sums + 256, frequencies, 256 * sizeof *frequencies);
        for (uint32_t i = 255; i >= 1; i--)
            m->sums[i] = m->sums[2 * i] + m->sums[2 * i + 1];
    }
    m->stream = stream;
    m->now = &m->prepared[stream];
    m->node = first_node(m);
    m->guessed = 0;
    m->bits_left = m->params.symbol_bits;
    m->local = m->node < 16 ? m->node : m->node >> 4;
    m->matching = has_past(m) && m->matcher.streams[stream].predicts;
    vlmc_adaptive_map *map = m->maps;
    if (has_past(m))
        (map++)->context = (uint32_t)(m->past.streams[stream].at.last & 255);
    for (uint32_t i = 0; i < m->params.n_selects; i++)
        (map++)->context = m->now->selects[i];
    find_lines(m, m->now->places);
}

// ---- A bit ----

static int32_t clamp(int32_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : x;
}

// How far a probability of 16 bits is from one half, as vlmc_node_linear.
static int32_t linear(uint32_t p)
{
    return ((int32_t)p - 32768) >> 5;
}

static void fill_match(vlmc_mix *m, int32_t *x)
{
    const vlmc_match_stream *match = &m->matcher.streams[m->stream];
    x[0] = x[1] = 0;
    if (m->matching && (match->symbol | 256u) >> m->bits_left != m->node)
        m->matching = false;
    if (!m->matching)
        return;
    m->expected = match->symbol >> (m->bits_left - 1) & 1;
    m->match_class = vlmc_match_class(match);
    const uint32_t p = m->map_of_matches[m->match_class] >> 16;
    const int32_t sign = m->expected ? 1 : -1;
    x[0] = sign * m->stretch[p];
    x[1] = sign * linear(p);
}

static void fill_inputs(vlmc_mix *m)
{
    int32_t *other = m->inputs + INPUTS_EACH * m->models.n_padded;
    m->known = m->model_kernels->look(&m->models, m->local, m->inputs);
    if (m->params.has_model) {
        // Each frequency is at least 1, so neither side of the node is empty.
        const uint32_t node = m->node;
        const uint32_t p = (uint32_t)(((uint64_t)m->sums[2 * node + 1] << 16) / m->sums[node]);
        other[INPUT_MODEL] = m->stretch[p];
        other[INPUT_MODEL_LINEAR] = linear(p);
    }
    other[INPUT_CONSTANT] = 256;
    if (has_past(m))
        fill_match(m, other + INPUT_MATCH);
}

static void choose_weights(vlmc_mix *m)
{
    uint32_t which[SETS_MAX] = {m->node, m->known}, n = 2;
    if (has_past(m)) {
        const uint64_t last = m->past.streams[m->stream].at.last;
        const uint32_t step = m->matching ? 1 + vlmc_match_step(&m->matcher.streams[m->stream]) : 0;
        const uint32_t record = m->past.streams[m->stream].at.record != 0;
        which[n++] = (uint32_t)(last & 255);
        which[n++] = (uint32_t)(last >> 8 & 255);
        which[n++] = step << 4 | record << 3 | (m->bits_left - 1);
    }
    for (uint32_t i = 0; i < m->params.n_selects; i++)
        which[n++] = m->now->selects[i];
    for (uint32_t i = 0; i < n; i++)
        m->chosen[i] = m->sets[i].weights + (size_t)which[i] * m->n_inputs;
}

// What each set says, and what the last neuron makes of that.
static int32_t mix(vlmc_mix *m)
{
    int32_t sums[SETS_MAX], last_sum, *last = m->last_weights[m->node];
    m->kernels->dot(m->chosen, m->n_sets, m->inputs, m->n_inputs, sums);
    for (uint32_t i = 0; i < m->n_sets; i++) {
        m->last_inputs[i] = clamp(sums[i] >> 8, VLMC_STRETCH_MAX);
        m->set_p[i] = m->squash[m->last_inputs[i] + VLMC_STRETCH_MAX];
    }
    m->kernels->dot(&last, 1, m->last_inputs, VLMC_NEURON_LANES, &last_sum);
    const int32_t x = clamp(last_sum >> 8, VLMC_STRETCH_MAX);
    m->last_p = m->squash[x + VLMC_STRETCH_MAX];
    return x;
}

// Most symbols are the likeliest: while the last bit of one is coded, the memory for what will
// follow it is on its way. Where there are more streams, theirs are asked for in vlmc_mix_prepare.
// Speed only.
static void foresee(const vlmc_mix *m)
{
    const uint8_t symbol = (uint8_t)(m->node << 1 | (m->last_p >= 32768));
    const vlmc_match_stream *match = &m->matcher.streams[m->stream];
    uint32_t expected = 0;
    if (m->matching && match->symbol == symbol && match->from + 1 < m->past.stride)
        expected = VLMC_PAST_EXPECTED(m->past.symbols[match->from + 1], vlmc_match_step(match) & 3);
    uint64_t hashes[VLMC_PAST_CONTEXTS_MAX];
    vlmc_past_contexts_after(&m->past, m->stream, symbol, expected, hashes);
    const uint32_t first = m->params.n_contexts, nibble = nibble_of(first_node(m));
    for (uint32_t i = 0; i < m->n_past; i++)
        __builtin_prefetch(m->lines.first + place_of(m, first + i, hashes[i], nibble).index, 1);
    vlmc_matcher_foresee(&m->matcher, m->stream, symbol);
}

uint32_t vlmc_mix_probability(vlmc_mix *m)
{
    for (uint32_t i = 0; i < m->n_maps; i++)
        vlmc_adaptive_map_fetch(&m->maps[i], m->node);
    fill_inputs(m);
    choose_weights(m);
    const int32_t x = mix(m);
    if (m->local >= 8 && m->bits_left > 1) {
        m->guessed = m->node * 2 + (m->last_p >= 32768);
        fetch_lines(m, m->now->hashes, m->guessed, m->guesses);
    } else if (m->bits_left == 1 && m->alone)
        foresee(m);
    uint32_t p = m->last_p * m->n_maps;
    for (uint32_t i = 0; i < m->n_maps; i++)
        p += vlmc_adaptive_map_look(&m->maps[i], m->node, x);
    p = (p + m->n_maps) / (2 * m->n_maps);
    return p < 1 ? 1 : p > 65535 ? 65535 : p;
}

// Units 1/1024. Alone, the mixer must find out fast what its contexts are worth, and those of the
// past are worth much at once; beside other contexts a transformer is left in charge until they
// have learnt something.
static int32_t learning_rate(const vlmc_mix *m)
{
    const uint32_t coded = m->coded;
    if (m->params.has_model && has_past(m))
        return coded < 512 ? 16 : coded < 4096 ? 8 : coded < 32768 ? 4 : 2;
    if (m->params.has_model)
        return coded < 2048 ? 1 : coded < 32768 ? 3 : 2;
    return coded < 128 ? 16 : coded < 512 ? 8 : coded < 4096 ? 6 : coded < 32768 ? 3 : 2;
}

static void learn_weights(vlmc_mix *m, uint32_t bit)
{
    const int32_t target = (int32_t)(bit << 16);
    const int32_t last_rate = m->params.has_model && !has_past(m) ? 1 : 2;
    const int32_t rate = learning_rate(m);
    int32_t steps[SETS_MAX], *moving[SETS_MAX], *last = m->last_weights[m->node];
    uint32_t n_moving = 0;
    for (uint32_t i = 0; i < m->n_sets; i++) {
        const int32_t step = (target - (int32_t)m->set_p[i]) * rate >> 4;
        moving[n_moving] = m->chosen[i];
        steps[n_moving] = step;
        // With a smaller step each weight would stay what it is, as inputs are 2816 at most.
        n_moving += step > STILL || step < -STILL;
    }
    m->kernels->learn(moving, n_moving, m->inputs, m->n_inputs, steps);
    const int32_t last_step = (target - (int32_t)m->last_p) * last_rate >> 4;
    m->kernels->learn(&last, 1, m->last_inputs, VLMC_NEURON_LANES, &last_step);
}

static void end_symbol(vlmc_mix *m)
{
    const uint8_t symbol = (uint8_t)m->node;
    vlmc_past_push(&m->past, m->stream, symbol);
    vlmc_matcher_push(&m->matcher, m->stream, symbol);
    m->coded++;
}

void vlmc_mix_update(vlmc_mix *m, uint32_t bit)
{
    learn_weights(m, bit);
    m->model_kernels->learn(&m->models, m->local, bit);
    if (m->matching) {
        uint32_t *map = &m->map_of_matches[m->match_class];
        *map = vlmc_map_after(*map, bit == m->expected, m->models.rates);
    }
    for (uint32_t i = 0; i < m->n_maps; i++)
        vlmc_adaptive_map_learn(&m->maps[i], bit);
    m->node = m->node * 2 + bit;
    m->local = m->local * 2 + bit;
    m->bits_left--;
    if (m->bits_left == 0) {
        end_symbol(m);
    } else if (m->local >= 16) {
        m->local = 1;
        if (m->guessed != m->node)
            fetch_lines(m, m->now->hashes, m->node, m->guesses);
        find_lines(m, m->guesses);
    }
}
