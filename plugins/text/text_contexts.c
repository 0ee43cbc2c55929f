// SPDX-License-Identifier: Apache-2.0
#include "text_contexts.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define RING_BYTES 8192u // of each stream; a longer line has nothing above it
#define COLUMN_MAX 4095u

const vlmc_context_declaration text_context_declarations[TEXT_CONTEXTS] = {
    {"above", "the byte above in the line before, and the byte before", 0, VLMC_CONTEXT_MIX},
    {"indent", "the column and the first byte of the line", 0, VLMC_CONTEXT_MIX},
    {"skip", "the second and third byte back", 0, VLMC_CONTEXT_MIX},
};

typedef struct stream {
    uint64_t past;         // the last 8 tokens, the newest in the low byte
    uint32_t at;           // tokens pushed
    uint32_t line, before; // where this line and the one before began
    uint8_t first;         // byte of this line
    uint8_t ring[RING_BYTES];
} stream;

typedef struct contexts {
    uint32_t n_streams;
    stream streams[];
} contexts;

int32_t text_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                             const uint64_t *first_tokens, void **state)
{
    (void)first_tokens;
    *state = NULL;
    text_params unpacked;
    if (!text_params_unpack(params, params_bytes, &unpacked))
        return VLMC_PLUGIN_INVALID;
    if (n_streams < 1 || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    contexts *c = calloc(1, sizeof *c + n_streams * sizeof c->streams[0]);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    c->n_streams = n_streams;
    *state = c;
    return VLMC_PLUGIN_OK;
}

void text_contexts_destroy(void *state)
{
    free(state);
}

static uint32_t above(const stream *s)
{
    const uint32_t at = s->before + (s->at - s->line);
    return at < s->line && s->at - at < RING_BYTES ? s->ring[at % RING_BYTES] : 0;
}

static uint32_t column(const stream *s)
{
    const uint32_t column = s->at - s->line;
    return column < COLUMN_MAX ? column : COLUMN_MAX;
}

void text_next_context(void *state, uint32_t stream_index, uint32_t *values, uint32_t *centre)
{
    const contexts *c = state;
    const stream *s = &c->streams[stream_index];
    values[0] = above(s) << 8 | (uint32_t)(s->past & 255);
    values[1] = column(s) << 8 | s->first;
    values[2] = (uint32_t)(s->past >> 8 & 0xFFFF);
    *centre = 0;
}

void text_push_token(void *state, uint32_t stream_index, uint32_t token)
{
    contexts *c = state;
    stream *s = &c->streams[stream_index];
    s->past = s->past << 8 | (token & 255);
    if (s->at == s->line)
        s->first = (uint8_t)token;
    s->ring[s->at++ % RING_BYTES] = (uint8_t)token;
    if (token == '\n') {
        s->before = s->line;
        s->line = s->at;
        s->first = 0;
    }
}
