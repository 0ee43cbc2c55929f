// SPDX-License-Identifier: Apache-2.0
#include "fuzz_plugin.h"

#include <stdio.h>
#include <stdlib.h>

#define WALKED_TOKENS_MAX 3000u // of each stream through the contexts
#define STREAMS_MAX 3u

void fuzz_file(const uint8_t *data, size_t size)
{
    plugin_report report =
        plugin_check_file(&vlmc_plugin_entry, data, size, size % 3 ? 0 : 777, size, NULL, NULL);
    const fuzz_subject *subject = &fuzz_subject_of_plugin;
    if (report.fault && !(subject->tolerated && subject->tolerated(report.fault, data, size))) {
        fprintf(stderr, "%s\n", report.fault);
        abort();
    }
    plugin_report_free(&report);
}

// Streams of equal length one behind the other, the first one at token `first` of the segment.
static void walk_contexts(const vlmc_tokenizer *t, const uint8_t *params, uint32_t params_bytes,
                          const uint8_t *tokens, uint32_t n_streams, uint64_t each, uint64_t first)
{
    uint64_t starts[STREAMS_MAX];
    uint32_t contexts[VLMC_PLUGIN_CONTEXTS_MAX], centre;
    void *state;
    for (uint32_t s = 0; s < n_streams; s++)
        starts[s] = first + s * each;
    if (t->contexts_create(params, params_bytes, n_streams, starts, &state) != VLMC_PLUGIN_OK)
        return;
    for (uint64_t i = 0; i < each && i < WALKED_TOKENS_MAX; i++) {
        for (uint32_t s = 0; s < n_streams; s++) {
            t->next_context(state, s, contexts, &centre);
            for (uint32_t c = 0; c < t->n_contexts; c++) {
                const uint32_t cardinality = t->contexts[c].cardinality;
                if (cardinality > 0 && contexts[c] >= cardinality)
                    abort();
            }
            if (centre >= t->alphabet)
                abort();
        }
        for (uint32_t s = 0; s < n_streams; s++)
            t->push_token(state, s, tokens[s * each + i] % t->alphabet);
    }
    t->contexts_destroy(state);
}

void fuzz_archive(const vlmc_tokenizer *t, const uint8_t *params, uint32_t params_bytes,
                  const uint8_t *tokens, size_t n_tokens)
{
    vlmc_token_geometry geometry;
    plugin_bytes out = {0};
    plugin_convert(t, false, params, params_bytes, tokens, n_tokens, 0, 1, &out);
    plugin_free(&out);
    if (t->geometry(params, params_bytes, &geometry) != VLMC_PLUGIN_OK)
        return;
    // As many streams as there are tokens for; else one, from the segment's start and from later.
    const uint64_t each = n_tokens / STREAMS_MAX / geometry.align_tokens * geometry.align_tokens;
    if (each > 0)
        walk_contexts(t, params, params_bytes, tokens, STREAMS_MAX, each, 0);
    else
        for (uint64_t k = 0; k < 2; k++)
            walk_contexts(t, params, params_bytes, tokens, 1, n_tokens, k * geometry.align_tokens);
}

// A file; or, behind a first byte of 0, which tokenizer, the length of parameters (16 bits), these,
// and tokens.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || data[0] != 0) {
        fuzz_file(data, size);
        return 0;
    }
    const vlmc_tokenizer_factory *f = vlmc_plugin_entry.factory(VLMC_FACTORY_TOKENIZERS);
    const size_t wish = (size_t)data[2] << 8 | data[3];
    const uint32_t params_bytes = (uint32_t)(wish < size - 4 ? wish : size - 4);
    fuzz_archive(f->tokenizers[data[1] % f->n_tokenizers], data + 4, params_bytes,
                 data + 4 + params_bytes, size - 4 - params_bytes);
    return 0;
}
