// SPDX-License-Identifier: Apache-2.0
// A plugin's side contexts for the trainer: contexts.py compiles this file and calls it through
// ctypes.
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <vlmc/plugin.h>

// NULL when the plugin has no such tokenizer. Never closed.
const vlmc_tokenizer *vlmc_training_open(const char *path, const char *id)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const vlmc_plugin *plugin = handle ? dlsym(handle, "vlmc_plugin_entry") : NULL;
    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    const vlmc_tokenizer_factory *factory = plugin->factory(VLMC_FACTORY_TOKENIZERS);
    for (uint32_t i = 0; factory && i < factory->n_tokenizers; i++)
        if (strcmp(factory->tokenizers[i]->id, id) == 0)
            return factory->tokenizers[i];
    return NULL;
}

// Cardinalities and flags of the declared contexts // (64); returns how many there are.
uint32_t vlmc_training_declared(const vlmc_tokenizer *tokenizer, uint32_t *cardinality,
                                uint32_t *flags)
{
    for (uint32_t i = 0; i < tokenizer->n_contexts; i++) {
        cardinality[i] = tokenizer->contexts[i].cardinality;
        flags[i] = tokenizer->contexts[i].flags;
    }
    return tokenizer->n_contexts;
}

static uint8_t symbol_of(const vlmc_tokenizer *tokenizer, uint32_t token, uint32_t centre)
{
    if (!(tokenizer->flags & VLMC_TOKENIZER_CENTRED))
        return (uint8_t)token;
    const int32_t d = (int8_t)(uint8_t)(token - centre);
    return (uint8_t)(d >= 0 ? 2 * d : -2 * d - 1);
}

// One group: tokens // (n_streams, length) to symbols // (n_streams, length) and
// rows // (n_streams, length, n_contexts). 0, or what the plugin refused with.
int32_t vlmc_training_plugin_rows(const vlmc_tokenizer *tokenizer, const void *params,
                                  uint32_t params_bytes, uint32_t n_streams, const uint64_t *first,
                                  const uint8_t *tokens, uint32_t length, uint8_t *symbols,
                                  uint32_t *rows)
{
    void *state;
    uint32_t centres[VLMC_PLUGIN_STREAMS_MAX];
    const int32_t result =
        tokenizer->contexts_create(params, params_bytes, n_streams, first, &state);
    if (result != VLMC_PLUGIN_OK)
        return result;
    for (uint32_t t = 0; t < length; t++) {
        for (uint32_t s = 0; s < n_streams; s++)
            tokenizer->next_context(
                state, s, rows + ((size_t)s * length + t) * tokenizer->n_contexts, &centres[s]);
        for (uint32_t s = 0; s < n_streams; s++) {
            const size_t at = (size_t)s * length + t;
            symbols[at] = symbol_of(tokenizer, tokens[at], centres[s]);
            tokenizer->push_token(state, s, tokens[at]);
        }
    }
    tokenizer->contexts_destroy(state);
    return 0;
}
