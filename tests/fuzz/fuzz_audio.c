// SPDX-License-Identifier: Apache-2.0
// The audio plugin on anything: files, and parameters and tokens from archives.
//
//     clang -fsanitize=fuzzer,address … tests/fuzz/fuzz_audio.c     libFuzzer
//     afl-clang-fast … with libFuzzer's driver                      AFL++
// mutate_audio.c runs the same functions on mutations of tests/fuzz/corpus/audio, for CTest.
#include "fuzz_audio.h"

#include "audio/audio_support.h"

#include <stdio.h>
#include <stdlib.h>

#define WALKED_TOKENS_MAX 3000u // through the contexts
#define STREAMS 3u

void fuzz_audio_file(const uint8_t *data, size_t size)
{
    audio_report report = audio_check_file(data, size, size % 3 ? 0 : 777, size);
    if (report.fault) {
        fprintf(stderr, "%s\n", report.fault);
        abort();
    }
    audio_report_free(&report);
}

// Streams of equal length, as a group has them.
static void walk_contexts(const vlmc_tokenizer *t, const uint8_t *params, uint32_t params_bytes,
                          const vlmc_token_geometry *geometry, const uint8_t *tokens, size_t n)
{
    const uint32_t align = geometry->align_tokens;
    const uint64_t each = (n < WALKED_TOKENS_MAX ? n : WALKED_TOKENS_MAX) / STREAMS / align * align;
    const uint64_t first[STREAMS] = {0, each, 2 * each};
    uint32_t contexts[VLMC_PLUGIN_CONTEXTS_MAX], centre;
    void *state;
    if (t->contexts_create(params, params_bytes, STREAMS, first, &state) != VLMC_PLUGIN_OK)
        abort();
    for (uint64_t i = 0; i < each; i++) {
        for (uint32_t s = 0; s < STREAMS; s++) {
            t->next_context(state, s, contexts, &centre);
            for (uint32_t c = 0; c < t->n_contexts; c++) {
                const uint32_t cardinality = t->contexts[c].cardinality;
                if (cardinality > 0 && contexts[c] >= cardinality)
                    abort();
            }
            if (centre >= t->alphabet)
                abort();
        }
        for (uint32_t s = 0; s < STREAMS; s++)
            t->push_token(state, s, tokens[s * each + i]);
    }
    t->contexts_destroy(state);
}

void fuzz_audio_archive(const char *tokenizer, const uint8_t *params, uint32_t params_bytes,
                        const uint8_t *tokens, size_t n_tokens)
{
    const vlmc_tokenizer *t = audio_tokenizer(tokenizer);
    vlmc_token_geometry geometry;
    audio_bytes out = {0};
    audio_convert(t, false, params, params_bytes, tokens, n_tokens, 0, 1, &out);
    audio_free(&out);
    if (t->geometry(params, params_bytes, &geometry) == VLMC_PLUGIN_OK)
        walk_contexts(t, params, params_bytes, &geometry, tokens, n_tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_audio_file(data, size);
    if (size == 0)
        return 0;
    const size_t most = size - 1 < 300 ? size - 1 : 300;
    const uint32_t n_params = (uint32_t)(data[0] < most ? data[0] : most);
    fuzz_audio_archive(n_params > 8 ? "audio.flac" : "audio.pcm", data + 1, n_params,
                       data + 1 + n_params, size - 1 - n_params);
    return 0;
}
