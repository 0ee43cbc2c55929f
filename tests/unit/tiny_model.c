// SPDX-License-Identifier: Apache-2.0
#include "tiny_model.h"

#include "cpu/cpu_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const vlmc_hyperparameters tiny_hyperparameters = {
    .vocab = 256,
    .width = 32,
    .layers = 1,
    .heads = 2,
    .kv_heads = 1,
    .head_dim = 16,
    .hidden = 32,
    .window = 8,
    .n_contexts = 2,
    .context_dim = 16,
    .contexts = {{VLMC_CONTEXT_NGRAM, 2, 16, 0}, {VLMC_CONTEXT_RECALL, 4, 4097, 10}},
};

vlmc_model *tiny_model(uint64_t seed)
{
    vlmc_model *model;
    vlmc_error error;
    if (vlmc_model_random(&tiny_hyperparameters, seed, &model, &error) != VLMC_OK) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return model;
}

static vlmc_status choose_model(void *user, const vlmc_tokenizer *tokenizer,
                                const vlmc_model **model, vlmc_error *error)
{
    (void)error;
    *model = tokenizer ? NULL : user; // tokens: the mixer alone
    return VLMC_OK;
}

static vlmc_status find_model(void *user, const uint8_t *digest, const char *name,
                              const vlmc_model **model, vlmc_error *error)
{
    *model = user;
    if (memcmp(digest, (*model)->digest, VLMC_DIGEST_BYTES) != 0)
        return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING, "no model \"%s\" of that identity", name);
    return VLMC_OK;
}

static vlmc_status open_engine(void *user, const vlmc_model *model, uint32_t max_streams,
                               uint32_t max_steps, vlmc_engine **engine, vlmc_error *error)
{
    const vlmc_engine_params params = {
        .model = model ? model : user,
        .max_streams = max_streams,
        .max_steps = max_steps,
        .threads = 1,
    };
    *engine = NULL;
    return vlmc_cpu_engine_create(&params, NULL, engine, error);
}

vlmc_engine_source tiny_engines(const vlmc_model *model)
{
    union {
        const vlmc_model *in;
        void *out; // the source's user is not const
    } user = {model};
    return (vlmc_engine_source){
        .choose = choose_model, .find = find_model, .open = open_engine, .user = user.out};
}

// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void fill_random(uint8_t *bytes, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(next_random(&seed) >> 32);
}

void fill_text(uint8_t *bytes, size_t n, uint64_t seed)
{
    static const char *const words[] = {
        "the",  "of",    "river", "and",   "a",    "stone", "to",    "in",   "light", "was",
        "that", "tower", "it",    "never", "with", "grey",  "under", "some", "went",  "harbour",
    };
    size_t at = 0, column = 0;
    while (at < n) {
        const uint64_t r = next_random(&seed);
        // The smaller of two draws: frequent and rare words.
        const size_t first = r % 20, second = (r >> 16) % 20;
        const char *word = words[first < second ? first : second];
        const size_t length = strlen(word);
        for (size_t i = 0; i < length && at < n; i++)
            bytes[at++] = (uint8_t)word[i];
        column += length + 1;
        if (at < n)
            bytes[at++] = column > 64 ? '\n' : (r >> 32) % 12 ? ' ' : ',';
        if (column > 64)
            column = 0;
    }
}
