// SPDX-License-Identifier: Apache-2.0
#include "context.h"

#include <stdlib.h>
#include <string.h>

#define HASH_MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define RECALL_ROWS 4097u
#define LINE_ROWS 2048u

// The ABI's limits (vlmc/plugin.h), which the trainer compiles this file without.
#define CONTEXTS_OF_PLUGIN 64u
#define ROWS_OF_PLUGIN 65536u

// What a group remembers of one hashed context: the check guards against
// other contexts in the same slot.
typedef struct recall_slot {
    uint16_t check;
    uint8_t token;
    uint8_t hits; // times in a row that `token` was right, saturating
} recall_slot;

typedef struct stream_state {
    uint64_t past[3]; // last 24 tokens, newest in the low byte of past[0]
    uint32_t word;    // hash of the word so far, 0 between words
    uint32_t last_word;
    uint32_t column;
    uint32_t line_length[2]; // the last two lines, clipped
    uint32_t slot[VLMC_CONTEXTS_MAX];
    uint16_t check[VLMC_CONTEXTS_MAX];
    uint8_t run[VLMC_CONTEXTS_MAX]; // right predictions in a row, saturating
} stream_state;

struct vlmc_contexts {
    vlmc_context_spec specs[VLMC_CONTEXTS_MAX];
    uint32_t n_specs;
    uint32_t n_streams;
    recall_slot *memory[VLMC_CONTEXTS_MAX]; // RECALL: (1 << slots_log2), others NULL
    stream_state *streams;                  // (n_streams)
};

static int is_power_of_two(uint32_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

int vlmc_context_spec_valid(const vlmc_context_spec *spec)
{
    switch (spec->kind) {
    case VLMC_CONTEXT_NGRAM:
        return spec->order >= 1 && spec->order <= 8 && is_power_of_two(spec->rows) &&
               spec->rows >= 2 && spec->rows <= (1u << 20) && spec->slots_log2 == 0;
    case VLMC_CONTEXT_WORD:
        return spec->order >= 1 && spec->order <= 2 && is_power_of_two(spec->rows) &&
               spec->rows >= 2 && spec->rows <= (1u << 20) && spec->slots_log2 == 0;
    case VLMC_CONTEXT_LINE:
        return spec->order == 0 && spec->rows == LINE_ROWS && spec->slots_log2 == 0;
    case VLMC_CONTEXT_RECALL:
        return spec->order >= 1 && spec->order <= 24 && spec->rows == RECALL_ROWS &&
               spec->slots_log2 >= 8 && spec->slots_log2 <= 24;
    case VLMC_CONTEXT_PLUGIN:
        return spec->order < CONTEXTS_OF_PLUGIN && spec->rows >= 1 &&
               spec->rows <= ROWS_OF_PLUGIN && spec->slots_log2 == 0;
    default:
        return 0;
    }
}

vlmc_contexts *vlmc_contexts_create(const vlmc_context_spec *specs, uint32_t n_specs,
                                    uint32_t n_streams)
{
    vlmc_contexts *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (n_specs)
        memcpy(c->specs, specs, n_specs * sizeof *specs);
    c->n_specs = n_specs;
    c->n_streams = n_streams;
    c->streams = calloc(n_streams ? n_streams : 1, sizeof *c->streams);
    if (!c->streams)
        goto fail;
    for (uint32_t i = 0; i < n_specs; i++) {
        if (specs[i].kind != VLMC_CONTEXT_RECALL)
            continue;
        c->memory[i] = calloc((size_t)1 << specs[i].slots_log2, sizeof *c->memory[i]);
        if (!c->memory[i])
            goto fail;
    }
    return c;
fail:
    vlmc_contexts_destroy(&c);
    return NULL;
}

void vlmc_contexts_destroy(vlmc_contexts **contexts)
{
    vlmc_contexts *c = *contexts;
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_specs; i++)
        free(c->memory[i]);
    free(c->streams);
    free(c);
    *contexts = NULL;
}

void vlmc_contexts_reset(vlmc_contexts *c)
{
    memset(c->streams, 0, c->n_streams * sizeof *c->streams);
    for (uint32_t i = 0; i < c->n_specs; i++)
        if (c->memory[i])
            memset(c->memory[i], 0, sizeof(recall_slot) << c->specs[i].slots_log2);
}

// Multiplicative hash of the last `order` tokens, seeded by the order.
static uint64_t hash_past(const uint64_t past[3], uint32_t order)
{
    uint64_t h = order * HASH_MULTIPLIER;
    for (uint32_t i = 0; i < 3 && order > 0; i++) {
        uint64_t word = past[i];
        if (order < 8)
            word &= (UINT64_C(1) << (8 * order)) - 1;
        h = (h ^ word) * HASH_MULTIPLIER;
        h ^= h >> 29;
        order = order > 8 ? order - 8 : 0;
    }
    return h * HASH_MULTIPLIER;
}

static uint32_t log2_rows(uint32_t rows)
{
    uint32_t bits = 0;
    while ((1u << bits) < rows)
        bits++;
    return bits;
}

static uint32_t hit_level(uint32_t hits)
{
    return hits == 0 ? 0 : hits == 1 ? 1 : hits < 4 ? 2 : 3;
}

static uint32_t run_level(uint32_t run)
{
    return run == 0 ? 0 : run < 4 ? 1 : run < 16 ? 2 : 3;
}

static uint32_t line_row(const stream_state *s)
{
    uint32_t column = s->column < 127 ? s->column : 127;
    uint32_t length = s->line_length[0] > s->line_length[1] ? s->line_length[0] : s->line_length[1];
    return column * 16 + (length < 127 ? length : 127) / 8;
}

void vlmc_contexts_rows(vlmc_contexts *c, uint32_t stream, uint32_t *rows)
{
    stream_state *s = &c->streams[stream];
    for (uint32_t i = 0; i < c->n_specs; i++) {
        const vlmc_context_spec *spec = &c->specs[i];
        switch (spec->kind) {
        case VLMC_CONTEXT_NGRAM:
            rows[i] = (uint32_t)(hash_past(s->past, spec->order) >> (64 - log2_rows(spec->rows)));
            break;
        case VLMC_CONTEXT_WORD: {
            uint64_t h =
                ((uint64_t)(spec->order > 1 ? s->last_word : 0) << 32 | s->word) + spec->order;
            h *= HASH_MULTIPLIER;
            h = (h ^ h >> 32) * HASH_MULTIPLIER;
            rows[i] = (uint32_t)(h >> (64 - log2_rows(spec->rows)));
            break;
        }
        case VLMC_CONTEXT_LINE:
            rows[i] = line_row(s);
            break;
        case VLMC_CONTEXT_RECALL: {
            uint64_t h = hash_past(s->past, spec->order);
            s->slot[i] = (uint32_t)(h >> (64 - spec->slots_log2));
            // 0 marks an empty slot, so a check is never 0.
            s->check[i] = (uint16_t)((h >> 8 & 0xFFFF) | 1);
            const recall_slot *slot = &c->memory[i][s->slot[i]];
            rows[i] =
                slot->check != s->check[i]
                    ? 0
                    : 1 + slot->token * 16u + hit_level(slot->hits) * 4 + run_level(s->run[i]);
            break;
        }
        default:
            rows[i] = 0;
        }
    }
}

static void recall_update(recall_slot *slot, uint16_t check, uint8_t *run, uint8_t token)
{
    if (slot->check != check) {
        *slot = (recall_slot){.check = check, .token = token, .hits = 0};
        *run = 0;
    } else if (slot->token == token) {
        slot->hits = (uint8_t)(slot->hits + (slot->hits < 255));
        *run = (uint8_t)(*run + (*run < 255));
    } else {
        if (slot->hits < 4)
            *slot = (recall_slot){.check = check, .token = token, .hits = 0};
        else
            slot->hits = (uint8_t)(slot->hits >> 2);
        *run = 0;
    }
}

static int is_word_byte(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b >= 0x80;
}

void vlmc_contexts_push(vlmc_contexts *c, uint32_t stream, uint8_t token)
{
    stream_state *s = &c->streams[stream];
    for (uint32_t i = 0; i < c->n_specs; i++)
        if (c->memory[i])
            recall_update(&c->memory[i][s->slot[i]], s->check[i], &s->run[i], token);

    s->past[2] = s->past[2] << 8 | s->past[1] >> 56;
    s->past[1] = s->past[1] << 8 | s->past[0] >> 56;
    s->past[0] = s->past[0] << 8 | token;

    if (is_word_byte(token)) {
        uint32_t folded = token >= 'A' && token <= 'Z' ? token + 32u : token;
        s->word = (s->word + folded + 1) * 0x2C9277B5u;
        s->word ^= s->word >> 15;
    } else if (s->word) {
        s->last_word = s->word;
        s->word = 0;
    }
    if (token == '\n') {
        s->line_length[1] = s->line_length[0];
        s->line_length[0] = s->column;
        s->column = 0;
    } else if (s->column < 255) {
        s->column++;
    }
}
