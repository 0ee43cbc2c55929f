// SPDX-License-Identifier: Apache-2.0
#include "jpeg_contexts.h"

#include "jpeg_coder.h"
#include "jpeg_mixing.h"

#include <stdlib.h>

#define MEMORY_BYTES_MAX (64u << 20)

typedef struct contexts {
    jpeg_frame frame;
    uint32_t n_streams;
    jpeg_position streams[];
} contexts;

void jpeg_contexts_destroy(void *state)
{
    contexts *c = state;
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_streams; i++)
        jpeg_walk_destroy(&c->streams[i].walk);
    free(c);
}

static int32_t read_params(const void *params, uint32_t params_bytes, jpeg_frame *frame)
{
    size_t head_bytes;
    uint8_t *head = malloc(JPEG_HEAD_BYTES_MAX);
    if (!head)
        return VLMC_PLUGIN_MEMORY;
    const int32_t result = jpeg_params_frame(params, params_bytes, head, &head_bytes, frame);
    free(head);
    return result;
}

int32_t jpeg_contexts_create(const void *params, uint32_t params_bytes, uint32_t n_streams,
                             const uint64_t *first_tokens, void **state)
{
    *state = NULL;
    if (n_streams < 1 || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    contexts *c = calloc(1, sizeof *c + n_streams * sizeof *c->streams);
    if (!c)
        return VLMC_PLUGIN_MEMORY;
    int32_t result = read_params(params, params_bytes, &c->frame);
    if (result == VLMC_PLUGIN_OK && n_streams * jpeg_walk_bytes(&c->frame) > MEMORY_BYTES_MAX)
        result = VLMC_PLUGIN_MEMORY;
    for (uint32_t i = 0; i < n_streams && result == VLMC_PLUGIN_OK; i++) {
        if (first_tokens[i] % JPEG_UNIT_TOKENS != 0)
            result = VLMC_PLUGIN_INVALID;
        else if (!jpeg_walk_create(&c->frame, first_tokens[i], &c->streams[i].walk))
            result = VLMC_PLUGIN_MEMORY;
        else
            c->n_streams++;
    }
    if (result != VLMC_PLUGIN_OK) {
        jpeg_contexts_destroy(c);
        return result;
    }
    *state = c;
    return VLMC_PLUGIN_OK;
}

void jpeg_push_token(void *state, uint32_t stream, uint32_t token)
{
    contexts *c = state;
    jpeg_walk_push(&c->streams[stream].walk, token);
}

void jpeg_next_context(void *state, uint32_t stream, uint32_t *values, uint32_t *centre)
{
    contexts *c = state;
    jpeg_list_contexts(&c->streams[stream], values);
    *centre = 0;
}
