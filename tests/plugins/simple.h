// SPDX-License-Identifier: Apache-2.0
// A small plugin that keeps every rule, as an include: each file of this folder redefines the
// one part that it does wrong. PLUGIN_ID is the id; the plugin takes files that begin with the id
// and "!". Its tokenizer PLUGIN_ID.xor makes each byte a token by exclusive or with a key, its
// one byte of parameters (0x55 without).
#ifndef VLMC_TESTS_PLUGINS_SIMPLE_H
#define VLMC_TESTS_PLUGINS_SIMPLE_H

#include <stdlib.h>
#include <string.h>
#include <vlmc/plugin.h>

#define KEY 0x55u
#define SEGMENT_BYTES ((size_t)1 << 20)

typedef struct simple_coder {
    uint8_t key;
    uint64_t n; // bytes so far
} simple_coder;

typedef struct simple_contexts {
    uint32_t n_streams;
    uint32_t before[VLMC_PLUGIN_STREAMS_MAX];
} simple_contexts;

static inline int32_t simple_parse(const char *text, void *params, uint32_t *params_bytes)
{
    char *end;
    if (strncmp(text, "key=", 4) != 0 || *params_bytes < 1)
        return VLMC_PLUGIN_INVALID;
    const unsigned long key = strtoul(text + 4, &end, 10);
    if (key > 255 || *end)
        return VLMC_PLUGIN_INVALID;
    *(uint8_t *)params = (uint8_t)key;
    *params_bytes = 1;
    return VLMC_PLUGIN_OK;
}

static inline int32_t simple_geometry(const void *params, uint32_t params_bytes,
                                      vlmc_token_geometry *geometry)
{
    (void)params;
    if (params_bytes > 1)
        return VLMC_PLUGIN_INVALID;
    *geometry = (vlmc_token_geometry){.align_tokens = 1, .stream_tokens = 4096};
    return VLMC_PLUGIN_OK;
}

static inline int32_t simple_create(const void *params, uint32_t params_bytes, void **object)
{
    if (params_bytes > 1)
        return VLMC_PLUGIN_INVALID;
    simple_coder *coder = calloc(1, sizeof *coder);
    *object = coder;
    if (!coder)
        return VLMC_PLUGIN_MEMORY;
    coder->key = params_bytes ? *(const uint8_t *)params : KEY;
    return VLMC_PLUGIN_OK;
}

static inline int32_t simple_convert(void *object, vlmc_plugin_io *io)
{
    simple_coder *coder = object;
    const size_t n = io->in_bytes < io->out_capacity ? io->in_bytes : io->out_capacity;
    for (size_t i = 0; i < n; i++)
        io->out[i] = io->in[i] ^ coder->key;
    io->in_used = io->out_made = n;
    io->out_ended = io->in_ended && n == io->in_bytes;
    coder->n += n;
    return VLMC_PLUGIN_OK;
}

static inline void simple_destroy(void *object)
{
    free(object);
}

static inline int32_t simple_contexts_create(const void *params, uint32_t params_bytes,
                                             uint32_t n_streams, const uint64_t *first_tokens,
                                             void **state)
{
    (void)params;
    (void)first_tokens;
    if (params_bytes > 1 || n_streams > VLMC_PLUGIN_STREAMS_MAX)
        return VLMC_PLUGIN_INVALID;
    simple_contexts *contexts = calloc(1, sizeof *contexts);
    *state = contexts;
    if (!contexts)
        return VLMC_PLUGIN_MEMORY;
    contexts->n_streams = n_streams;
    return VLMC_PLUGIN_OK;
}

static inline void simple_next(void *state, uint32_t stream, uint32_t *contexts, uint32_t *centre)
{
    const simple_contexts *s = state;
    contexts[0] = s->before[stream];
    *centre = 0;
}

static inline void simple_push(void *state, uint32_t stream, uint32_t token)
{
    simple_contexts *s = state;
    s->before[stream] = token;
}

static inline uint32_t simple_probe(const uint8_t *bytes, size_t n_bytes, const char *name)
{
    const char magic[] = PLUGIN_ID "!";
    (void)name;
    return n_bytes >= sizeof magic - 1 && memcmp(bytes, magic, sizeof magic - 1) == 0 ? 90 : 0;
}

// The magic as plain bytes, then segments of a mebibyte with the second byte of each as the key.
static inline int32_t simple_analysis(const char *name, void **analysis)
{
    (void)name;
    *analysis = calloc(1, sizeof(simple_coder));
    return *analysis ? VLMC_PLUGIN_OK : VLMC_PLUGIN_MEMORY;
}

static inline int32_t simple_segment(void *analysis, const uint8_t *bytes, size_t n_bytes,
                                     uint32_t at_end, vlmc_segment *segment)
{
    simple_coder *position = analysis;
    (void)at_end;
    if (position->n == 0 && n_bytes > sizeof PLUGIN_ID) {
        segment->bytes = sizeof PLUGIN_ID; // with the "!"
    } else {
        segment->bytes = n_bytes < SEGMENT_BYTES ? n_bytes : SEGMENT_BYTES;
        segment->tokenizer = PLUGIN_ID ".xor";
        position->key = bytes[n_bytes > 1];
        segment->params = &position->key;
        segment->params_bytes = 1;
    }
    position->n += segment->bytes;
    return VLMC_PLUGIN_OK;
}

#endif
