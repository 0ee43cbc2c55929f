// SPDX-License-Identifier: Apache-2.0
#include "mix.h"

#include "logistic.h"
#include "neuron.h"

#include <stdlib.h>
#include <string.h>

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define ORDERS 6u
#define SELECTS_MAX VLMC_MIX_SELECTS_MAX
// MIX contexts, the orders, each SELECT context, and none at all.
#define MODELS_MAX (VLMC_MIX_CONTEXTS_MAX + ORDERS + SELECTS_MAX + 1)
#define INPUTS_EACH 3u
#define SETS_MAX (3u + SELECTS_MAX)
#define MAPS_MAX (1u + SELECTS_MAX)

#define CACHE_LINE_BYTES 64u
#define LINE_NODES 15u // of a nibble
#define LINES_LOG2_MIN 10u
#define LINES_LOG2_MAX 17u
#define LINES_ALL_LOG2 21u // of all context models together, about
#define LINES_EACH 32u     // more than the lines that one value of a context can take

#define COUNT_LIMIT 255u
#define FAST_RATE_BITS 4
#define MAP_STEP 128
#define MAP_NODES (2 * VLMC_STRETCH_MAX / MAP_STEP + 1)
#define MAP_RATE_BITS 5

// Where weights start, 16.16. Context models alone share START_ALL; beside a transformer they begin
// with little say, with orders among them with none: those find their weight fast.
#define START_ALL (2 * VLMC_WEIGHT_ONE)
#define START_ALONE_MAX (VLMC_WEIGHT_ONE / 2)
#define START_BESIDE 656

_Static_assert(INPUTS_EACH *MODELS_MAX + 2 <= VLMC_NEURON_INPUTS_MAX, "inputs fit a neuron");
_Static_assert(SETS_MAX <= VLMC_NEURON_LANES, "the last neuron has one input for each set");

// What followed one context, for the 15 nodes of a nibble. 96 bytes: two lines of the cache.
typedef struct line {
    uint32_t check;
    uint32_t slow[LINE_NODES];     // probability that the bit is 1 (22 bits), updates (10 bits)
    uint16_t fast[LINE_NODES + 1]; // the same, from the last few bits only
} line;

typedef struct context_model {
    line *lines; // (1 << log2_lines)
    line *line;  // of the current nibble
    uint64_t hash;
    uint32_t size; // values of the context; 0: any hash
    uint32_t log2_lines, max_log2_lines;
    uint32_t check;
} context_model;

typedef struct history {
    uint64_t past; // last 8 symbols, newest in the low byte
    uint32_t word; // hash of the word so far and the word before
    uint32_t last_word;
} history;

// Weights that one property of the position chooses among.
typedef struct weight_set {
    int32_t *weights; // (size, n_inputs)
    uint32_t size;
    int32_t *chosen; // of the current bit
    uint32_t p;      // what they say
} weight_set;

// Corrects the mixed probability by what came of it in the same context.
typedef struct adaptive_map {
    uint16_t (*nodes)[MAP_NODES]; // (size, 256)
    uint32_t size;
    uint32_t context; // of the current symbol
    uint16_t *nearest;
} adaptive_map;

struct vlmc_mix {
    vlmc_mix_params params;
    const vlmc_neuron_kernels *kernels;
    uint32_t max_streams;
    uint32_t n_models, n_sets, n_maps;
    uint32_t n_inputs; // padded
    void *storage;
    line *lines;      // in storage, at the begin of a line of the cache
    history *streams; // (max_streams)
    uint32_t stream;
    uint32_t selects[SELECTS_MAX];
    uint32_t sums[512]; // tree over the distribution: node i has children 2i, 2i+1
    uint32_t node;      // 1, then the symbol's bits so far with a leading 1
    uint32_t local;     // the same within the current nibble, 1..15
    uint32_t known;     // models whose current node has been updated before
    uint32_t coded;     // symbols since reset, for the learning rate
    context_model models[MODELS_MAX];
    weight_set sets[SETS_MAX];
    adaptive_map maps[MAPS_MAX];
    int32_t inputs[VLMC_NEURON_INPUTS_MAX];
    int32_t start[VLMC_NEURON_INPUTS_MAX];        // weights at first
    int32_t last_inputs[VLMC_NEURON_LANES];       // what the sets say
    int32_t last_weights[256][VLMC_NEURON_LANES]; // by bits so far
    uint32_t last_p;
    uint16_t reciprocal[COUNT_LIMIT + 1]; // 65536 / (count + 1.5)
    int16_t stretch[65536];
    uint16_t straight[MAP_NODES]; // a map that corrects nothing
};

// ---- Creation ----

static uint32_t log2_lines_for(const vlmc_mix *m, uint32_t size, uint32_t n_tokens)
{
    uint32_t bits = LINES_LOG2_MIN, most = LINES_LOG2_MAX;
    while (most > LINES_LOG2_MIN && (m->n_models << most) > (1u << LINES_ALL_LOG2))
        most--;
    while (bits < most && (1u << bits) < n_tokens / 2 &&
           (size == 0 || (1u << bits) < size * LINES_EACH))
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
    adaptive_map *map = &m->maps[m->n_maps++];
    map->size = size;
    map->nodes = calloc((size_t)size * 256, sizeof *map->nodes);
    return map->nodes != NULL;
}

static void count_models(vlmc_mix *m)
{
    const vlmc_mix_params *p = &m->params;
    m->n_models = p->n_contexts + (p->orders ? ORDERS : 0);
    for (uint32_t i = 0; i < p->n_selects; i++)
        m->models[m->n_models++].size = p->select_sizes[i];
    m->models[m->n_models++].size = 1;
    const uint32_t inputs = p->has_model + 1 + INPUTS_EACH * m->n_models;
    m->n_inputs = (inputs + VLMC_NEURON_LANES - 1) / VLMC_NEURON_LANES * VLMC_NEURON_LANES;
}

static void set_start(vlmc_mix *m)
{
    const int32_t share = START_ALL / (int32_t)m->n_models;
    const int32_t alone = share < START_ALONE_MAX ? share : START_ALONE_MAX;
    uint32_t at = 0;
    if (m->params.has_model)
        m->start[at++] = VLMC_WEIGHT_ONE;
    m->start[at++] = 0;
    for (uint32_t i = 0; i < m->n_models; i++, at += INPUTS_EACH)
        m->start[at] = !m->params.has_model ? alone : m->params.orders ? 0 : START_BESIDE;
}

static bool allocate(vlmc_mix *m, uint32_t max_tokens)
{
    const vlmc_mix_params *p = &m->params;
    size_t lines = 0;
    for (uint32_t i = 0; i < m->n_models; i++) {
        m->models[i].max_log2_lines = log2_lines_for(m, m->models[i].size, max_tokens);
        lines += (size_t)1 << m->models[i].max_log2_lines;
    }
    // Zeros from the system take no memory until a group is large enough to need them.
    m->storage = calloc(lines * sizeof *m->lines + CACHE_LINE_BYTES, 1);
    m->lines = (line *)(((uintptr_t)m->storage + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES *
                        CACHE_LINE_BYTES);
    m->streams = calloc(m->max_streams, sizeof *m->streams);
    bool ok = m->storage && m->streams && add_set(m, 256) && add_set(m, m->n_models + 1);
    if (p->orders)
        ok = ok && add_set(m, 256) && add_map(m, 256);
    for (uint32_t i = 0; i < p->n_selects; i++)
        ok = ok && add_set(m, p->select_sizes[i]) && add_map(m, p->select_sizes[i]);
    if (ok && m->n_maps == 0)
        ok = add_map(m, 1);
    return ok;
}

// Where each model's lines are for groups of n_tokens.
static void place_lines(vlmc_mix *m, uint32_t n_tokens)
{
    line *lines = m->lines;
    for (uint32_t i = 0; i < m->n_models; i++) {
        context_model *model = &m->models[i];
        model->log2_lines = log2_lines_for(m, model->size, n_tokens);
        model->lines = lines;
        lines += (size_t)1 << model->max_log2_lines;
    }
}

static void reset_weights(vlmc_mix *m)
{
    for (uint32_t i = 0; i < m->n_sets; i++)
        for (uint32_t j = 0; j < m->sets[i].size; j++)
            memcpy(m->sets[i].weights + (size_t)j * m->n_inputs, m->start,
                   m->n_inputs * sizeof *m->start);
    for (uint32_t i = 0; i < m->n_maps; i++)
        for (uint32_t j = 0; j < m->maps[i].size * 256; j++)
            memcpy(m->maps[i].nodes[j], m->straight, sizeof m->straight);
    for (uint32_t i = 0; i < 256; i++)
        for (uint32_t j = 0; j < m->n_sets; j++)
            m->last_weights[i][j] = VLMC_WEIGHT_ONE / (int32_t)m->n_sets;
    m->coded = 0;
}

vlmc_mix *vlmc_mix_create(const vlmc_mix_params *params, uint32_t max_streams, uint32_t max_tokens)
{
    vlmc_mix *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->params = *params;
    m->kernels = vlmc_neuron_kernels_best();
    m->max_streams = max_streams;
    count_models(m);
    set_start(m);
    if (!allocate(m, max_tokens)) {
        vlmc_mix_destroy(&m);
        return NULL;
    }
    vlmc_stretch_table(m->stretch);
    for (uint32_t i = 0; i <= COUNT_LIMIT; i++)
        m->reciprocal[i] = (uint16_t)(131072u / (2 * i + 3));
    for (uint32_t i = 0; i < MAP_NODES; i++)
        m->straight[i] = (uint16_t)vlmc_squash((int32_t)i * MAP_STEP - VLMC_STRETCH_MAX);
    place_lines(m, max_tokens);
    reset_weights(m);
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
    free(m->storage);
    free(m->streams);
    free(m);
    *mix = NULL;
}

void vlmc_mix_reset(vlmc_mix *m, uint32_t n_tokens)
{
    place_lines(m, n_tokens);
    for (uint32_t i = 0; i < m->n_models; i++)
        memset(m->models[i].lines, 0, sizeof *m->lines << m->models[i].log2_lines);
    memset(m->streams, 0, m->max_streams * sizeof *m->streams);
    reset_weights(m);
}

// ---- A symbol's contexts ----

static void empty_line(line *l, uint32_t check)
{
    l->check = check;
    for (uint32_t i = 0; i < LINE_NODES; i++) {
        l->slow[i] = 1u << 31; // probability 1/2, count 0
        l->fast[i] = 1u << 15;
    }
}

// The lines of the current nibble, emptied where they held another context. In two passes, so that
// memory is asked for all of them at once.
static void find_lines(vlmc_mix *m, uint32_t nibble)
{
    for (uint32_t i = 0; i < m->n_models; i++) {
        context_model *model = &m->models[i];
        uint64_t h = (model->hash + nibble) * MULTIPLIER;
        h ^= h >> 32;
        h *= MULTIPLIER;
        model->check = (uint32_t)(h & 0xFFFFFFFF) | 1;
        model->line = model->lines + (size_t)(h >> (64 - model->log2_lines));
        __builtin_prefetch(model->line, 1);
        __builtin_prefetch((const uint8_t *)model->line + 64, 1);
    }
    for (uint32_t i = 0; i < m->n_models; i++)
        if (m->models[i].line->check != m->models[i].check)
            empty_line(m->models[i].line, m->models[i].check);
}

static void hash_orders(context_model *models, const history *s)
{
    static const uint8_t lengths[ORDERS - 1] = {1, 2, 3, 5, 7};
    for (uint32_t o = 0; o + 1 < ORDERS; o++) {
        const uint64_t past = s->past & ((UINT64_C(1) << 8 * lengths[o]) - 1);
        models[o].hash = (past * MULTIPLIER ^ past >> 23) + 32 * o;
    }
    models[ORDERS - 1].hash = ((uint64_t)s->last_word << 32 | s->word) * MULTIPLIER;
}

static void set_contexts(vlmc_mix *m, const uint32_t *contexts, const uint32_t *selects)
{
    const history *s = &m->streams[m->stream];
    context_model *model = m->models;
    adaptive_map *map = m->maps;
    for (uint32_t i = 0; i < m->params.n_contexts; i++)
        (model++)->hash = contexts[i] * MULTIPLIER;
    if (m->params.orders) {
        hash_orders(model, s);
        model += ORDERS;
        (map++)->context = (uint32_t)(s->past & 255);
    }
    for (uint32_t i = 0; i < m->params.n_selects; i++) {
        m->selects[i] = selects[i];
        (model++)->hash = selects[i] * MULTIPLIER;
        (map++)->context = selects[i];
    }
    model->hash = 0;
}

void vlmc_mix_begin(vlmc_mix *m, uint32_t stream, const uint32_t *frequencies,
                    const uint32_t *contexts, const uint32_t *selects)
{
    if (m->params.has_model) {
        memcpy(m->sums + 256, frequencies, 256 * sizeof *frequencies);
        for (uint32_t i = 255; i >= 1; i--)
            m->sums[i] = m->sums[2 * i] + m->sums[2 * i + 1];
    }
    m->stream = stream;
    m->node = 256u >> m->params.symbol_bits; // its high bits are known to be zero
    m->local = m->node < 16 ? m->node : m->node >> 4;
    set_contexts(m, contexts, selects);
    find_lines(m, m->node < 16 ? 0 : 16);
}

// ---- A bit ----

static int32_t clamp(int32_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : x;
}

static void fill_inputs(vlmc_mix *m)
{
    int32_t *x = m->inputs;
    if (m->params.has_model) {
        // Each frequency is at least 1, so neither side of the node is empty.
        const uint32_t node = m->node;
        *x++ = m->stretch[((uint64_t)m->sums[2 * node + 1] << 16) / m->sums[node]];
    }
    *x++ = 256;
    m->known = 0;
    for (uint32_t i = 0; i < m->n_models; i++, x += INPUTS_EACH) {
        const line *l = m->models[i].line;
        const uint32_t slow = l->slow[m->local - 1];
        x[0] = x[1] = x[2] = 0;
        if ((slow & 1023) == 0)
            continue; // a context that was never seen has no say
        m->known++;
        x[0] = m->stretch[slow >> 16];
        x[1] = ((int32_t)(slow >> 16) - 32768) >> 5;
        x[2] = m->stretch[l->fast[m->local - 1]];
    }
}

static void choose_weights(vlmc_mix *m)
{
    uint32_t which[SETS_MAX] = {m->node, m->known}, n = 2;
    if (m->params.orders)
        which[n++] = (uint32_t)(m->streams[m->stream].past & 255);
    for (uint32_t i = 0; i < m->params.n_selects; i++)
        which[n++] = m->selects[i];
    for (uint32_t i = 0; i < n; i++)
        m->sets[i].chosen = m->sets[i].weights + (size_t)which[i] * m->n_inputs;
}

// What each set says, and what the last neuron makes of that.
static int32_t mix(vlmc_mix *m)
{
    for (uint32_t i = 0; i < m->n_sets; i++) {
        const int32_t sum = m->kernels->dot(m->sets[i].chosen, m->inputs, m->n_inputs);
        m->last_inputs[i] = clamp(sum >> 8, VLMC_STRETCH_MAX);
        m->sets[i].p = vlmc_squash(m->last_inputs[i]);
    }
    const int32_t sum =
        m->kernels->dot(m->last_weights[m->node], m->last_inputs, VLMC_NEURON_LANES);
    const int32_t x = clamp(sum >> 8, VLMC_STRETCH_MAX);
    m->last_p = vlmc_squash(x);
    return x;
}

// What the map makes of the mixed probability.
static uint32_t look_up(adaptive_map *map, uint32_t node, int32_t x)
{
    uint32_t at = (uint32_t)(x + VLMC_STRETCH_MAX);
    if (at >= (MAP_NODES - 1) * MAP_STEP)
        at = (MAP_NODES - 1) * MAP_STEP - 1;
    uint16_t *nodes = &map->nodes[map->context << 8 | node][at / MAP_STEP];
    const uint32_t f = at % MAP_STEP;
    map->nearest = f < MAP_STEP / 2 ? nodes : nodes + 1;
    return (nodes[0] * (MAP_STEP - f) + nodes[1] * f) / MAP_STEP;
}

uint32_t vlmc_mix_probability(vlmc_mix *m)
{
    fill_inputs(m);
    choose_weights(m);
    const int32_t x = mix(m);
    uint32_t p = m->last_p * m->n_maps;
    for (uint32_t i = 0; i < m->n_maps; i++)
        p += look_up(&m->maps[i], m->node, x);
    p = (p + m->n_maps) / (2 * m->n_maps);
    return p < 1 ? 1 : p > 65535 ? 65535 : p;
}

static void push_symbol(history *s, uint8_t symbol)
{
    s->past = s->past << 8 | symbol;
    if ((symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z') || symbol >= 0x80) {
        s->word = (s->word + (symbol | 32u) + 1) * 0x2C9277B5u;
        s->word ^= s->word >> 15;
    } else if (s->word) {
        s->last_word = s->word;
        s->word = 0;
    }
}

static void update_line(line *l, uint32_t at, const uint16_t *reciprocal, uint32_t bit)
{
    const uint32_t p = l->slow[at] >> 10, count = l->slow[at] & 1023, fast = l->fast[at];
    const int64_t target = bit ? (1 << 22) - 1 : 0;
    const uint32_t moved = (uint32_t)(p + ((target - p) * reciprocal[count] >> 16));
    l->slow[at] = moved << 10 | (count < COUNT_LIMIT ? count + 1 : count);
    l->fast[at] = (uint16_t)(bit ? fast + ((65535 - fast) >> FAST_RATE_BITS)
                                 : fast - (fast >> FAST_RATE_BITS));
}

// Units 1/1024. Alone, the mixer must find out fast what its contexts are worth, and the orders are
// worth much at once; beside other contexts a transformer is left in charge until they have learnt
// something.
static int32_t learning_rate(const vlmc_mix_params *params, uint32_t coded)
{
    if (params->has_model && params->orders)
        return coded < 512 ? 16 : coded < 4096 ? 8 : coded < 32768 ? 4 : 2;
    if (params->has_model)
        return coded < 2048 ? 1 : coded < 32768 ? 3 : 2;
    return coded < 128 ? 16 : coded < 512 ? 8 : coded < 4096 ? 6 : coded < 32768 ? 3 : 2;
}

static void learn(vlmc_mix *m, uint32_t bit)
{
    const int32_t target = (int32_t)(bit << 16);
    const int32_t last_rate = m->params.has_model && !m->params.orders ? 1 : 2;
    const int32_t rate = learning_rate(&m->params, m->coded);
    for (uint32_t i = 0; i < m->n_sets; i++)
        m->kernels->learn(m->sets[i].chosen, m->inputs, m->n_inputs,
                          (target - (int32_t)m->sets[i].p) * rate >> 4);
    m->kernels->learn(m->last_weights[m->node], m->last_inputs, VLMC_NEURON_LANES,
                      (target - (int32_t)m->last_p) * last_rate >> 4);
}

void vlmc_mix_update(vlmc_mix *m, uint32_t bit)
{
    learn(m, bit);
    for (uint32_t i = 0; i < m->n_models; i++)
        update_line(m->models[i].line, m->local - 1, m->reciprocal, bit);
    const int32_t target = bit ? 65535 : 0;
    for (uint32_t i = 0; i < m->n_maps; i++) {
        uint16_t *node = m->maps[i].nearest;
        *node = (uint16_t)(*node + (target - *node) / (1 << MAP_RATE_BITS));
    }
    m->node = m->node * 2 + bit;
    m->local = m->local * 2 + bit;
    if (m->node >= 256) {
        push_symbol(&m->streams[m->stream], (uint8_t)m->node);
        m->coded++;
    } else if (m->local >= 16) {
        m->local = 1;
        find_lines(m, m->node);
    }
}
