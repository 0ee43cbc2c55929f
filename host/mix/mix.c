// SPDX-License-Identifier: Apache-2.0
#include "mix.h"

#include "logistic.h"

#include <stdlib.h>
#include <string.h>

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define ORDERS 6u               // context models: orders 1, 2, 3, 5, 7 and words
#define INPUTS (2 + 2 * ORDERS) // the transformer, a bias, two for each order
#define WEIGHT_ONE 65536
#define WEIGHT_LIMIT (1 << 22)
#define COUNT_LIMIT 255u
#define LINE_CELLS 16u // one cache line: a check and the 15 nodes of a nibble

// Weight sets: by the token's bits so far, by how many orders know their context, and by the
// token before.
#define SET_BITS 256u
#define SET_KNOWN (ORDERS + 1)
#define SETS 3u

// The last stage corrects the mixed probability by what came of it after the same token and bits:
// APM_NODES interpolation nodes over the stretched probability for each such context.
#define APM_STEP 128
#define APM_NODES (2 * VLMC_STRETCH_MAX / APM_STEP + 1)
#define APM_CONTEXTS 65536u
#define APM_RATE_BITS 5

// A probability that a bit is 1 (22 bits) and how often it was updated (10 bits).
typedef uint32_t cell;

typedef struct order_model {
    cell *lines; // (1 << log2_lines, LINE_CELLS); cell 0 of a line is its check
    uint32_t log2_lines;
    cell *line;    // of the current nibble
    uint64_t hash; // of the current token's context
} order_model;

typedef struct history {
    uint64_t past; // last 8 tokens, newest in the low byte
    uint32_t word; // hash of the word so far and the word before
    uint32_t last_word;
} history;

struct vlmc_mix {
    uint32_t max_streams;
    uint32_t max_log2_lines;
    history *streams; // (max_streams)
    uint32_t stream;
    uint32_t sums[512]; // tree over the byte distribution: node i has children 2i, 2i+1
    uint32_t node;      // 1, then the token's bits so far with a leading 1
    order_model orders[ORDERS];
    uint32_t local; // the same within the current nibble, 1..15
    int32_t inputs[INPUTS];
    uint32_t known; // orders whose current cell has been updated before
    int32_t weights_bits[SET_BITS][INPUTS];
    int32_t weights_known[SET_KNOWN][INPUTS];
    int32_t weights_past[256][INPUTS];
    int32_t *sets[SETS];  // the chosen weights of the current bit
    uint32_t mixed[SETS]; // probability of each of them
    uint32_t coded;       // tokens since reset, for the learning rate
    int16_t stretch[65536];
    uint16_t reciprocal[COUNT_LIMIT + 1]; // 65536 / (count + 1.5)
    uint16_t (*apm)[APM_NODES];           // (APM_CONTEXTS, APM_NODES) probabilities
    uint16_t *apm_node;                   // nearest node of the current bit
    cell *storage;
};

static uint32_t log2_lines_for(uint32_t n_bytes)
{
    uint32_t bits = 10;
    while (bits < 17 && (1u << bits) < n_bytes / 2)
        bits++;
    return bits;
}

vlmc_mix *vlmc_mix_create(uint32_t max_streams, uint32_t max_bytes)
{
    vlmc_mix *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->max_streams = max_streams;
    m->max_log2_lines = log2_lines_for(max_bytes);
    const size_t line_bytes = LINE_CELLS * sizeof(cell);
    m->storage = aligned_alloc(64, (ORDERS * line_bytes) << m->max_log2_lines);
    m->streams = calloc(max_streams, sizeof *m->streams);
    m->apm = malloc(APM_CONTEXTS * sizeof *m->apm);
    if (!m->storage || !m->streams || !m->apm) {
        vlmc_mix_destroy(&m);
        return NULL;
    }
    vlmc_stretch_table(m->stretch);
    for (uint32_t i = 0; i <= COUNT_LIMIT; i++)
        m->reciprocal[i] = (uint16_t)(131072u / (2 * i + 3));
    vlmc_mix_reset(m, max_bytes);
    return m;
}

void vlmc_mix_destroy(vlmc_mix **mix)
{
    if (!*mix)
        return;
    free((*mix)->storage);
    free((*mix)->streams);
    free((*mix)->apm);
    free(*mix);
    *mix = NULL;
}

static void reset_weights(int32_t *weights)
{
    memset(weights, 0, INPUTS * sizeof *weights);
    weights[0] = WEIGHT_ONE; // the transformer alone, until the others have proven themselves
}

void vlmc_mix_reset(vlmc_mix *m, uint32_t n_bytes)
{
    const uint32_t bits = log2_lines_for(n_bytes);
    memset(m->streams, 0, m->max_streams * sizeof *m->streams);
    memset(m->storage, 0, (ORDERS * LINE_CELLS * sizeof(cell)) << bits);
    for (uint32_t o = 0; o < ORDERS; o++) {
        m->orders[o].lines = m->storage + ((size_t)o * LINE_CELLS << bits);
        m->orders[o].log2_lines = bits;
    }
    for (uint32_t i = 0; i < SET_BITS; i++)
        reset_weights(m->weights_bits[i]);
    for (uint32_t i = 0; i < 256; i++)
        reset_weights(m->weights_past[i]);
    for (uint32_t i = 0; i < SET_KNOWN; i++)
        reset_weights(m->weights_known[i]);
    for (uint32_t i = 0; i < APM_NODES; i++)
        m->apm[0][i] = (uint16_t)vlmc_squash((int32_t)i * APM_STEP - VLMC_STRETCH_MAX);
    for (uint32_t i = 1; i < APM_CONTEXTS; i++)
        memcpy(m->apm[i], m->apm[0], sizeof m->apm[0]);
    m->coded = 0;
}

// The line of the current nibble, emptied when it held another context.
static void find_line(order_model *order, uint32_t nibble)
{
    uint64_t h = (order->hash + nibble) * MULTIPLIER;
    h ^= h >> 32;
    h *= MULTIPLIER;
    const uint32_t check = (uint32_t)(h & 0xFFFFFFFF) | 1;
    order->line = order->lines + (size_t)(h >> (64 - order->log2_lines)) * LINE_CELLS;
    if (order->line[0] != check) {
        order->line[0] = check;
        for (uint32_t i = 1; i < LINE_CELLS; i++)
            order->line[i] = 1u << 31; // probability 1/2, count 0
    }
}

void vlmc_mix_begin(vlmc_mix *m, uint32_t stream, const uint32_t *frequencies)
{
    memcpy(m->sums + 256, frequencies, 256 * sizeof *frequencies);
    for (uint32_t i = 255; i >= 1; i--)
        m->sums[i] = m->sums[2 * i] + m->sums[2 * i + 1];
    m->stream = stream;
    m->node = m->local = 1;
    const history *s = &m->streams[stream];
    static const uint8_t lengths[ORDERS - 1] = {1, 2, 3, 5, 7};
    for (uint32_t o = 0; o + 1 < ORDERS; o++) {
        const uint64_t mask = (UINT64_C(1) << 8 * lengths[o]) - 1;
        m->orders[o].hash = ((s->past & mask) * MULTIPLIER ^ (s->past & mask) >> 23) + 32 * o;
    }
    m->orders[ORDERS - 1].hash = ((uint64_t)s->last_word << 32 | s->word) * MULTIPLIER;
    for (uint32_t o = 0; o < ORDERS; o++)
        find_line(&m->orders[o], 0);
}

static int64_t dot(const int32_t *weights, const int32_t *inputs)
{
    int64_t sum = 0; // |weight| <= 2^22, |input| <= 2^12, 14 inputs: below 2^38
    for (uint32_t i = 0; i < INPUTS; i++)
        sum += (int64_t)weights[i] * inputs[i];
    return sum;
}

static int32_t clamp(int64_t x, int32_t limit)
{
    return x > limit ? limit : x < -limit ? -limit : (int32_t)x;
}

// Mean of the mixed probability and what the adaptive map makes of it.
static uint32_t refine(vlmc_mix *m, int32_t x)
{
    const uint32_t context = (uint32_t)(m->streams[m->stream].past & 255) << 8 | m->node;
    uint32_t at = (uint32_t)(x + VLMC_STRETCH_MAX);
    if (at >= (APM_NODES - 1) * APM_STEP)
        at = (APM_NODES - 1) * APM_STEP - 1;
    uint16_t *node = &m->apm[context][at / APM_STEP];
    const uint32_t f = at % APM_STEP;
    const uint32_t mapped = (node[0] * (APM_STEP - f) + node[1] * f) / APM_STEP;
    m->apm_node = f < APM_STEP / 2 ? node : node + 1;
    const uint32_t p = (vlmc_squash(x) + mapped + 1) / 2;
    return p < 1 ? 1 : p > 65535 ? 65535 : p;
}

uint32_t vlmc_mix_probability(vlmc_mix *m)
{
    const uint32_t node = m->node;
    // Each frequency is at least 1, so neither side of the node is empty.
    uint32_t p = (uint32_t)(((uint64_t)m->sums[2 * node + 1] << 16) / m->sums[node]);
    m->inputs[0] = m->stretch[p];
    m->inputs[1] = 256;
    m->known = 0;
    for (uint32_t o = 0; o < ORDERS; o++) {
        const cell c = m->orders[o].line[m->local];
        int32_t *inputs = &m->inputs[2 + 2 * o];
        inputs[0] = inputs[1] = 0;
        if ((c & 1023) == 0)
            continue; // a context that was never seen has no say
        m->known++;
        inputs[0] = m->stretch[c >> 16];
        inputs[1] = ((int32_t)(c >> 16) - 32768) >> 5;
    }
    m->sets[0] = m->weights_bits[node];
    m->sets[1] = m->weights_known[m->known];
    m->sets[2] = m->weights_past[m->streams[m->stream].past & 255];
    int32_t sum = 0;
    for (uint32_t i = 0; i < SETS; i++) {
        const int32_t x = clamp(dot(m->sets[i], m->inputs) >> 16, VLMC_STRETCH_MAX);
        m->mixed[i] = vlmc_squash(x);
        sum += x;
    }
    return refine(m, sum / (int32_t)SETS);
}

static void push_token(history *s, uint8_t token)
{
    s->past = s->past << 8 | token;
    if ((token >= 'a' && token <= 'z') || (token >= 'A' && token <= 'Z') || token >= 0x80) {
        s->word = (s->word + (token | 32u) + 1) * 0x2C9277B5u;
        s->word ^= s->word >> 15;
    } else if (s->word) {
        s->last_word = s->word;
        s->word = 0;
    }
}

// Gradient step on the coding cost: w += rate * error * input.
static void learn(int32_t *weights, const int32_t *inputs, uint32_t p, uint32_t bit, int32_t rate)
{
    const int32_t error = (int32_t)(bit << 16) - (int32_t)p;
    for (uint32_t i = 0; i < INPUTS; i++) {
        const int64_t step = (int64_t)inputs[i] * error * rate; // below 2^12 * 2^16 * 2^6
        weights[i] = clamp(weights[i] + ((step + (1 << 17)) >> 18), WEIGHT_LIMIT);
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

void vlmc_mix_update(vlmc_mix *m, uint32_t bit)
{
    const int32_t rate = learning_rate(m->coded);
    for (uint32_t i = 0; i < SETS; i++)
        learn(m->sets[i], m->inputs, m->mixed[i], bit, rate);
    for (uint32_t o = 0; o < ORDERS; o++)
        update_cell(&m->orders[o].line[m->local], m->reciprocal, bit);
    const int32_t target = bit ? 65535 : 0;
    *m->apm_node = (uint16_t)(*m->apm_node + (target - *m->apm_node) / (1 << APM_RATE_BITS));
    m->node = m->node * 2 + bit;
    m->local = m->local * 2 + bit;
    if (m->node >= 256) {
        push_token(&m->streams[m->stream], (uint8_t)m->node);
        m->coded++;
    } else if (m->local >= 16) {
        m->local = 1;
        for (uint32_t o = 0; o < ORDERS; o++)
            find_line(&m->orders[o], m->node);
    }
}
