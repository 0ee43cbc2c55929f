// SPDX-License-Identifier: Apache-2.0
#include "made_up.h"

#include "tiny_model.h"

#include <stdlib.h>
#include <string.h>

const vlmc_mix_settings made_up_settings = {.effort = VLMC_MIX_NORMAL, .memory = 18};
const uint8_t made_up_settings_byte = VLMC_MIX_NORMAL << 5 | (18 - VLMC_MIX_MEMORY_MIN);

typedef struct machine {
    made_up_params params;
    uint32_t alphabet;
    uint32_t centred;
    uint32_t n_contexts;
    uint32_t number; // of the object: a liar's objects differ
    uint32_t pushed;
    uint32_t sum; // over all streams
    uint8_t last[VLMC_PLUGIN_STREAMS_MAX];
    uint8_t before[VLMC_PLUGIN_STREAMS_MAX];
} machine;

static const vlmc_context_declaration declarations[] = {
    {"last", "the token before", 256, VLMC_CONTEXT_EMBED | VLMC_CONTEXT_MIX},
    {"pair", "the two tokens before, hashed", 0, VLMC_CONTEXT_MIX},
    {"change", "size of the last change", 9, VLMC_CONTEXT_EMBED | VLMC_CONTEXT_SELECT},
    {"sum", "what all streams have seen", 16, VLMC_CONTEXT_MIX | VLMC_CONTEXT_SELECT},
};
#define DECLARATIONS (sizeof declarations / sizeof *declarations)

static int32_t geometry(const void *params, uint32_t params_bytes, vlmc_token_geometry *geometry)
{
    const made_up_params *p = params;
    if (params_bytes != sizeof *p || p->fault == MADE_UP_NO_GEOMETRY)
        return VLMC_PLUGIN_INVALID;
    geometry->align_tokens = p->align;
    geometry->stream_tokens = p->stream_tokens;
    return VLMC_PLUGIN_OK;
}

static uint32_t objects; // made so far: what a liar's contexts depend on

static int32_t create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                      const uint64_t *first_tokens, void **state, const vlmc_tokenizer *tokenizer)
{
    const made_up_params *p = params;
    *state = NULL;
    if (params_bytes != sizeof *p || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    if (p->fault == MADE_UP_NO_MEMORY)
        return VLMC_PLUGIN_MEMORY;
    for (uint32_t s = 0; s < n_streams; s++)
        if (first_tokens[s] % p->align != 0)
            return VLMC_PLUGIN_INVALID;
    machine *m = calloc(1, sizeof *m);
    m->params = *p;
    m->alphabet = tokenizer->alphabet;
    m->centred = tokenizer->flags & VLMC_TOKENIZER_CENTRED;
    m->n_contexts = tokenizer->n_contexts;
    m->number = objects++;
    *state = m;
    return VLMC_PLUGIN_OK;
}

static int32_t create_centred(const void *params, uint32_t params_bytes, uint32_t n_streams,
                              const uint64_t *first_tokens, void **state)
{
    return create(params, params_bytes, n_streams, first_tokens, state, &made_up_centred);
}

static int32_t create_orders(const void *params, uint32_t params_bytes, uint32_t n_streams,
                             const uint64_t *first_tokens, void **state)
{
    return create(params, params_bytes, n_streams, first_tokens, state, &made_up_orders);
}

static int32_t create_bare(const void *params, uint32_t params_bytes, uint32_t n_streams,
                           const uint64_t *first_tokens, void **state)
{
    return create(params, params_bytes, n_streams, first_tokens, state, &made_up_bare);
}

static void next_context(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre)
{
    const machine *m = state;
    const uint32_t last = m->last[stream], before = m->before[stream];
    const uint32_t change = last > before ? last - before : before - last;
    const uint32_t fault = m->pushed >= m->params.after ? m->params.fault : MADE_UP_HONEST;
    *centre = m->centred ? last : 0;
    if (fault == MADE_UP_OTHER_CENTRE)
        *centre = (*centre + m->number) % m->alphabet;
    if (fault == MADE_UP_FAR_CENTRE)
        *centre = m->alphabet;
    if (m->n_contexts == 0)
        return;
    contexts[0] = last;
    contexts[1] = (last << 8 | before) * 0x9E3779B1u;
    contexts[2] = change < 8 ? change : 8;
    contexts[3] = (m->sum >> 4) & 15;
    if (fault == MADE_UP_FORGETFUL)
        contexts[1] += m->number;
    if (fault == MADE_UP_OUT_OF_RANGE)
        contexts[2] = 9;
}

static void push_token(void *state, uint32_t stream, uint32_t token)
{
    machine *m = state;
    m->before[stream] = m->last[stream];
    m->last[stream] = (uint8_t)token;
    m->sum += token;
    m->pushed++;
}

#define TOKENIZER(ID, ALPHABET, FLAGS, CONTEXTS, CREATE)                                           \
    {                                                                                              \
        .struct_size = sizeof(vlmc_tokenizer), .version = 1, .id = ID, .modality = "text",         \
        .description = "made up", .alphabet = ALPHABET, .flags = FLAGS, .n_contexts = CONTEXTS,    \
        .contexts = declarations, .geometry = geometry, .contexts_create = CREATE,                 \
        .next_context = next_context, .push_token = push_token, .contexts_destroy = free,          \
    }

const vlmc_tokenizer made_up_centred =
    TOKENIZER("made.centred", 256, VLMC_TOKENIZER_CENTRED, DECLARATIONS, create_centred);
const vlmc_tokenizer made_up_orders = TOKENIZER(
    "made.orders", 100, VLMC_TOKENIZER_JOINS | VLMC_TOKENIZER_ORDERS, DECLARATIONS, create_orders);
const vlmc_tokenizer made_up_bare = TOKENIZER("made.bare", 256, 0, 0, create_bare);

void fill_walk(uint8_t *tokens, uint32_t n, uint32_t alphabet, uint64_t seed)
{
    uint8_t steps[4096];
    uint32_t value = alphabet / 2;
    for (uint32_t i = 0; i < n; i++) {
        if (i % sizeof steps == 0)
            fill_random(steps, sizeof steps, seed + i);
        const uint32_t step = steps[i % sizeof steps];
        value += step < 128 ? 0 : step < 180 ? 1 : step < 232 ? alphabet - 1 : step % alphabet;
        tokens[i] = (uint8_t)(value %= alphabet);
    }
}
