// SPDX-License-Identifier: Apache-2.0
#include "token_contexts.h"

static vlmc_status broken(const vlmc_tokenizer *tokenizer, const char *what, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_PLUGIN, "the tokenizer %s %s", tokenizer->id, what);
}

vlmc_status vlmc_tokenizer_check(const vlmc_tokenizer *tokenizer, vlmc_error *error)
{
    if (!tokenizer)
        return VLMC_OK;
    if (tokenizer->alphabet < 2 || tokenizer->alphabet > VLMC_PLUGIN_ALPHABET_MAX)
        return broken(tokenizer, "has an impossible alphabet", error);
    if (tokenizer->n_contexts > VLMC_PLUGIN_CONTEXTS_MAX)
        return broken(tokenizer, "declares too many contexts", error);
    uint32_t selects = 0;
    for (uint32_t i = 0; i < tokenizer->n_contexts; i++) {
        const vlmc_context_declaration *context = &tokenizer->contexts[i];
        const uint32_t size = context->cardinality;
        if (context->flags & VLMC_CONTEXT_EMBED && (!size || size > VLMC_PLUGIN_CARDINALITY_MAX))
            return broken(tokenizer, "declares an embedding of an impossible size", error);
        if (!(context->flags & VLMC_CONTEXT_SELECT))
            continue;
        if (!size || size > VLMC_PLUGIN_SELECT_MAX || ++selects > 2)
            return broken(tokenizer, "declares too many or too large selections", error);
    }
    return VLMC_OK;
}

vlmc_status vlmc_token_geometry_of(const vlmc_token_coding *coding, vlmc_token_geometry *geometry,
                                   vlmc_error *error)
{
    *geometry = (vlmc_token_geometry){.align_tokens = 1};
    if (!coding || !coding->tokenizer)
        return VLMC_OK;
    if (coding->tokenizer->geometry(coding->params, coding->params_bytes, geometry) !=
        VLMC_PLUGIN_OK)
        return broken(coding->tokenizer, "refuses its parameters", error);
    return VLMC_OK;
}

vlmc_status vlmc_token_contexts_open(const vlmc_token_coding *coding, const vlmc_cut *cut,
                                     vlmc_token_contexts *contexts, vlmc_error *error)
{
    *contexts = (vlmc_token_contexts){0};
    if (!coding || !coding->tokenizer)
        return VLMC_OK;
    uint64_t first[VLMC_STREAMS_MAX];
    for (uint32_t s = 0; s < cut->streams; s++)
        first[s] = coding->first_token + vlmc_cut_offset(cut, s);
    void *state = NULL;
    const int32_t result = coding->tokenizer->contexts_create(coding->params, coding->params_bytes,
                                                              cut->streams, first, &state);
    if (result == VLMC_PLUGIN_MEMORY)
        return broken(coding->tokenizer, "has not enough memory for its contexts", error);
    if (result != VLMC_PLUGIN_OK)
        return broken(coding->tokenizer, "refuses to compute contexts", error);
    *contexts = (vlmc_token_contexts){.tokenizer = coding->tokenizer, .state = state};
    return VLMC_OK;
}

void vlmc_token_contexts_close(vlmc_token_contexts *contexts)
{
    if (contexts->tokenizer)
        contexts->tokenizer->contexts_destroy(contexts->state);
    *contexts = (vlmc_token_contexts){0};
}

vlmc_status vlmc_token_contexts_next(const vlmc_token_contexts *contexts, uint32_t stream,
                                     uint32_t *values, uint32_t *centre, vlmc_error *error)
{
    const vlmc_tokenizer *tokenizer = contexts->tokenizer;
    *centre = 0;
    if (!tokenizer)
        return VLMC_OK;
    tokenizer->next_context(contexts->state, stream, values, centre);
    for (uint32_t i = 0; i < tokenizer->n_contexts; i++)
        if (tokenizer->contexts[i].cardinality && values[i] >= tokenizer->contexts[i].cardinality)
            return broken(tokenizer, "gave a context that is out of its own range", error);
    if (*centre >= (vlmc_tokenizer_centred(tokenizer) ? tokenizer->alphabet : 1))
        return broken(tokenizer, "gave a centre that is out of range", error);
    return VLMC_OK;
}
