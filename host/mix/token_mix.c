// SPDX-License-Identifier: Apache-2.0
#include "token_mix.h"

#include "logistic.h"
#include "neuron.h"

#include <stdlib.h>
#include <string.h>

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define ORDERS 6u
#define MODELS_MAX (VLMC_TOKEN_MIX_CONTEXTS_MAX + ORDERS)
#define INPUTS_EACH 2u
#define SETS_MAX 5u
#define LINE_CELLS 16u // one cache line: a check and the 15 nodes of a nibble
#define LINES_LOG2_MIN 10u
#define LINES_LOG2_MAX 17u
#define LINES_ALL_LOG2 21u // of all context models together, about
#define COUNT_LIMIT 255u
#define APM_STEP 128
#define APM_NODES (2 * VLMC_STRETCH_MAX / APM_STEP + 1)
#define APM_RATE_BITS 5

#ifndef KNOB_RATE
#define KNOB_RATE 16
#endif

// A probability that a bit is 1 (22 bits) and how often it was updated (10 bits).
typedef uint32_t cell;

typedef struct context_model {
    cell *lines;   // (1 << log2_lines, LINE_CELLS); cell 0 of a line is its check
    cell *line;    // of the current nibble
    uint64_t hash; // of the current symbol's context
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
    uint16_t (*nodes)[APM_NODES]; // (size)
    uint32_t size;
    uint32_t context; // of the current symbol, times 256
    uint16_t *nearest;
} adaptive_map;

struct vlmc_token_mix {
    vlmc_token_mix_params params;
    const vlmc_neuron_kernels *kernels;
    uint32_t max_streams;
    uint32_t n_models; // MIX contexts, then the orders
    uint32_t n_inputs; // padded
    uint32_t log2_lines, max_log2_lines;
    cell *storage;
    history *streams; // (max_streams)
    uint32_t stream;
    uint32_t selects[VLMC_TOKEN_MIX_SELECTS_MAX];
    uint32_t sums[512]; // tree over the distribution: node i has children 2i, 2i+1
    uint32_t node;      // 1, then the symbol's bits so far with a leading 1
    uint32_t local;     // the same within the current nibble, 1..15
    uint32_t bit;       // 0..7
    uint32_t known;     // models whose current cell has been updated before
    uint32_t coded;     // symbols since reset, for the learning rate
    uint32_t n_sets, n_maps;
    context_model models[MODELS_MAX];
    weight_set sets[SETS_MAX];
    adaptive_map maps[VLMC_TOKEN_MIX_SELECTS_MAX + 1];
    int32_t inputs[VLMC_NEURON_INPUTS_MAX];
    int32_t start[VLMC_NEURON_INPUTS_MAX]; // weights at first
    uint16_t reciprocal[COUNT_LIMIT + 1];  // 65536 / (count + 1.5)
    int16_t stretch[65536];
    uint16_t straight[APM_NODES]; // a map that corrects nothing
};

static uint32_t log2_lines_for(const vlmc_token_mix *m, uint32_t n_tokens)
{
    uint32_t bits = LINES_LOG2_MIN, most = LINES_LOG2_MAX;
    while (most > LINES_LOG2_MIN && (m->n_models << most) > (1u << LINES_ALL_LOG2))
        most--;
    while (bits < most && (1u << bits) < n_tokens / 2)
        bits++;
    return bits;
}

static bool add_set(vlmc_token_mix *m, uint32_t size)
{
    weight_set *set = &m->sets[m->n_sets++];
    set->size = size;
    set->weights = calloc((size_t)size * m->n_inputs, sizeof *set->weights);
    return set->weights != NULL;
}

static bool add_map(vlmc_token_mix *m, uint32_t size)
{
    adaptive_map *map = &m->maps[m->n_maps++];
    map->size = size * 256;
    map->nodes = calloc(map->size, sizeof *map->nodes);
    return map->nodes != NULL;
}

static void set_start(vlmc_token_mix *m)
{
    const bool alone = !m->params.has_model;
    uint32_t at = 0;
    if (!alone)
        m->start[at++] = VLMC_WEIGHT_ONE;
    m->start[at++] = 0;
    for (uint32_t i = 0; i < m->n_models; i++, at += INPUTS_EACH)
        m->start[at] = alone ? VLMC_WEIGHT_ONE / 4 : 0;
}

static bool allocate(vlmc_token_mix *m, uint32_t max_tokens)
{
    const vlmc_token_mix_params *p = &m->params;
    m->max_log2_lines = log2_lines_for(m, max_tokens);
    const size_t lines = (size_t)m->n_models << m->max_log2_lines;
    m->storage = aligned_alloc(64, (lines ? lines : 1) * LINE_CELLS * sizeof(cell));
    m->streams = calloc(m->max_streams, sizeof *m->streams);
    bool ok = m->storage && m->streams && add_set(m, 256) && add_set(m, m->n_models + 1);
    if (p->orders)
        ok = ok && add_set(m, 256) && add_map(m, 256);
    for (uint32_t i = 0; i < p->n_selects; i++)
        ok = ok && add_set(m, p->select_sizes[i] * 8) && add_map(m, p->select_sizes[i]);
    if (m->n_maps == 0)
        ok = ok && add_map(m, 1);
    return ok;
}

vlmc_token_mix *vlmc_token_mix_create(const vlmc_token_mix_params *params, uint32_t max_streams,
                                      uint32_t max_tokens)
{
    vlmc_token_mix *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->params = *params;
    m->kernels = vlmc_neuron_kernels_best();
    m->max_streams = max_streams;
    m->n_models = params->n_contexts + (params->orders ? ORDERS : 0);
    const uint32_t inputs = params->has_model + 1 + INPUTS_EACH * m->n_models;
    m->n_inputs = (inputs + VLMC_NEURON_LANES - 1) / VLMC_NEURON_LANES * VLMC_NEURON_LANES;
    set_start(m);
    if (!allocate(m, max_tokens)) {
        vlmc_token_mix_destroy(&m);
        return NULL;
    }
    vlmc_stretch_table(m->stretch);
    for (uint32_t i = 0; i <= COUNT_LIMIT; i++)
        m->reciprocal[i] = (uint16_t)(131072u / (2 * i + 3));
    for (uint32_t i = 0; i < APM_NODES; i++)
        m->straight[i] = (uint16_t)vlmc_squash((int32_t)i * APM_STEP - VLMC_STRETCH_MAX);
    vlmc_token_mix_reset(m, max_tokens);
    return m;
}

void vlmc_token_mix_destroy(vlmc_token_mix **mix)
{
    vlmc_token_mix *m = *mix;
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

void vlmc_token_mix_reset(vlmc_token_mix *m, uint32_t n_tokens)
{
    m->log2_lines = log2_lines_for(m, n_tokens);
    memset(m->streams, 0, m->max_streams * sizeof *m->streams);
    memset(m->storage, 0, ((size_t)m->n_models * LINE_CELLS * sizeof(cell)) << m->log2_lines);
    for (uint32_t i = 0; i < m->n_models; i++)
        m->models[i].lines = m->storage + ((size_t)i * LINE_CELLS << m->log2_lines);
    for (uint32_t i = 0; i < m->n_sets; i++)
        for (uint32_t j = 0; j < m->sets[i].size; j++)
            memcpy(m->sets[i].weights + (size_t)j * m->n_inputs, m->start,
                   m->n_inputs * sizeof *m->start);
    for (uint32_t i = 0; i < m->n_maps; i++)
        for (uint32_t j = 0; j < m->maps[i].size; j++)
            memcpy(m->maps[i].nodes[j], m->straight, sizeof m->straight);
    m->coded = 0;
}

// The line of the current nibble, emptied when it held another context.
static void find_line(context_model *model, uint32_t log2_lines, uint32_t nibble)
{
    uint64_t h = (model->hash + nibble) * MULTIPLIER;
    h ^= h >> 32;
    h *= MULTIPLIER;
    const uint32_t check = (uint32_t)(h & 0xFFFFFFFF) | 1;
    model->line = model->lines + (size_t)(h >> (64 - log2_lines)) * LINE_CELLS;
    if (model->line[0] != check) {
        model->line[0] = check;
        for (uint32_t i = 1; i < LINE_CELLS; i++)
            model->line[i] = 1u << 31; // probability 1/2, count 0
    }
}

static void find_lines(vlmc_token_mix *m, uint32_t nibble)
{
    for (uint32_t i = 0; i < m->n_models; i++)
        find_line(&m->models[i], m->log2_lines, nibble);
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

void vlmc_token_mix_begin(vlmc_token_mix *m, uint32_t stream, const uint32_t *frequencies,
                          const uint32_t *contexts, const uint32_t *selects)
{
    const history *s = &m->streams[stream];
    if (m->params.has_model) {
        memcpy(m->sums + 256, frequencies, 256 * sizeof *frequencies);
        for (uint32_t i = 255; i >= 1; i--)
            m->sums[i] = m->sums[2 * i] + m->sums[2 * i + 1];
    }
    m->stream = stream;
    m->node = m->local = 1;
    m->bit = 0;
    for (uint32_t i = 0; i < m->params.n_contexts; i++)
        m->models[i].hash = contexts[i] * MULTIPLIER;
    if (m->params.orders)
        hash_orders(m->models + m->params.n_contexts, s);
    find_lines(m, 0);
    uint32_t map = 0;
    if (m->params.orders)
        m->maps[map++].context = (uint32_t)(s->past & 255) << 8;
    for (uint32_t i = 0; i < m->params.n_selects; i++) {
        m->selects[i] = selects[i];
        m->maps[map++].context = selects[i] << 8;
    }
}

static int32_t clamp(int32_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : x;
}

static void fill_inputs(vlmc_token_mix *m)
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
        const cell c = m->models[i].line[m->local];
        x[0] = x[1] = 0;
        if ((c & 1023) == 0)
            continue; // a context that was never seen has no say
        m->known++;
        x[0] = m->stretch[c >> 16];
        x[1] = ((int32_t)(c >> 16) - 32768) >> 5;
    }
}

static void choose_weights(vlmc_token_mix *m)
{
    weight_set *set = m->sets;
    const uint32_t n = m->n_inputs;
    set[0].chosen = set[0].weights + (size_t)m->node * n;
    set[1].chosen = set[1].weights + (size_t)m->known * n;
    set += 2;
    if (m->params.orders) {
        set->chosen = set->weights + (size_t)(m->streams[m->stream].past & 255) * n;
        set++;
    }
    for (uint32_t i = 0; i < m->params.n_selects; i++, set++)
        set->chosen = set->weights + ((size_t)m->selects[i] * 8 + m->bit) * n;
}

// What the map makes of the mixed probability.
static uint32_t look_up(adaptive_map *map, uint32_t node, int32_t x)
{
    uint32_t at = (uint32_t)(x + VLMC_STRETCH_MAX);
    if (at >= (APM_NODES - 1) * APM_STEP)
        at = (APM_NODES - 1) * APM_STEP - 1;
    uint16_t *nodes = &map->nodes[map->context | node][at / APM_STEP];
    const uint32_t f = at % APM_STEP;
    map->nearest = f < APM_STEP / 2 ? nodes : nodes + 1;
    return (nodes[0] * (APM_STEP - f) + nodes[1] * f) / APM_STEP;
}

uint32_t vlmc_token_mix_probability(vlmc_token_mix *m)
{
    fill_inputs(m);
    choose_weights(m);
    int32_t sum = 0;
    for (uint32_t i = 0; i < m->n_sets; i++) {
        const int32_t dot = m->kernels->dot(m->sets[i].chosen, m->inputs, m->n_inputs);
        const int32_t x = clamp(dot >> 8, VLMC_STRETCH_MAX);
        m->sets[i].p = vlmc_squash(x);
        sum += x;
    }
    const int32_t x = sum / (int32_t)m->n_sets;
    uint32_t p = vlmc_squash(x) * m->n_maps;
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

static void update_cell(cell *c, const uint16_t *reciprocal, uint32_t bit)
{
    const uint32_t p = *c >> 10, count = *c & 1023;
    const int64_t target = bit ? (1 << 22) - 1 : 0;
    const uint32_t moved = (uint32_t)(p + ((target - p) * reciprocal[count] >> 16));
    *c = moved << 10 | (count < COUNT_LIMIT ? count + 1 : count);
}

// Fast at first, slower when much has been learnt; units 1/1024.
static int32_t learning_rate(uint32_t coded)
{
    return coded < 512 ? 32 : coded < 4096 ? 16 : coded < 32768 ? 8 : 4;
}

void vlmc_token_mix_update(vlmc_token_mix *m, uint32_t bit)
{
    const int32_t rate = learning_rate(m->coded);
    for (uint32_t i = 0; i < m->n_sets; i++) {
        const int32_t error = (int32_t)(bit << 16) - (int32_t)m->sets[i].p;
        m->kernels->learn(m->sets[i].chosen, m->inputs, m->n_inputs, error * rate >> 4);
    }
    for (uint32_t i = 0; i < m->n_models; i++)
        update_cell(&m->models[i].line[m->local], m->reciprocal, bit);
    const int32_t target = bit ? 65535 : 0;
    for (uint32_t i = 0; i < m->n_maps; i++) {
        uint16_t *node = m->maps[i].nearest;
        *node = (uint16_t)(*node + (target - *node) / (1 << APM_RATE_BITS));
    }
    m->node = m->node * 2 + bit;
    m->local = m->local * 2 + bit;
    m->bit++;
    if (m->node >= 256) {
        push_symbol(&m->streams[m->stream], (uint8_t)m->node);
        m->coded++;
    } else if (m->local >= 16) {
        m->local = 1;
        find_lines(m, m->node);
    }
}
