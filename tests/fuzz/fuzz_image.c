// SPDX-License-Identifier: Apache-2.0
// The image plugin on anything: files, and parameters and tokens from archives.
//
//     clang -g -O1 -fsanitize=fuzzer,address,undefined -I. -Ihost/include -Itests/unit
//         tests/fuzz/fuzz_image.c tests/unit/image/image_support.c plugins/image/*.c
//         -lz -ljpeg -o fuzz_image && ./fuzz_image tests/fuzz/corpus/image          libFuzzer
//     the same with afl-clang-fast, and its -fsanitize=fuzzer                        AFL++
// mutate_image.c runs the same functions on mutations of tests/fuzz/corpus/image, for CTest.
#include "fuzz_image.h"

#include "image/image_support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALKED_TOKENS_MAX 3000u // through the contexts
#define STREAMS 3u

// Faults that the host finds, as this does, and codes plain bytes: an encoder that refuses, and
// JPEG files whose redundant codes libjpeg writes otherwise or not at all.
static bool is_the_hosts(const char *fault, const uint8_t *data, size_t size)
{
    if (strcmp(fault, "the encoder refused") == 0)
        return true;
    const bool jpeg = size > 2 && data[0] == 0xFF && data[1] == 0xD8;
    return jpeg && (strcmp(fault, "the decoder refused") == 0 ||
                    strcmp(fault, "other bytes came back") == 0);
}

void fuzz_image_file(const uint8_t *data, size_t size)
{
    image_report report = image_check_file(data, size, size % 3 ? 0 : 777, size);
    if (report.fault && !is_the_hosts(report.fault, data, size)) {
        fprintf(stderr, "%s\n", report.fault);
        abort();
    }
    image_report_free(&report);
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
        return;
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

void fuzz_image_archive(const char *tokenizer, const uint8_t *params, uint32_t params_bytes,
                        const uint8_t *tokens, size_t n_tokens)
{
    const vlmc_tokenizer *t = image_tokenizer(tokenizer);
    vlmc_token_geometry geometry;
    image_bytes out = {0};
    image_convert(t, false, params, params_bytes, tokens, n_tokens, 0, 1, &out);
    image_free(&out);
    if (t->geometry(params, params_bytes, &geometry) == VLMC_PLUGIN_OK)
        walk_contexts(t, params, params_bytes, &geometry, tokens, n_tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image_file(data, size);
    if (size == 0)
        return 0;
    const size_t most = size - 1 < 300 ? size - 1 : 300;
    const uint32_t n_params = (uint32_t)(data[0] < most ? data[0] : most);
    fuzz_image_archive(n_params > 17 ? "image.png" : "image.pixels", data + 1, n_params,
                       data + 1 + n_params, size - 1 - n_params);
    return 0;
}
