// SPDX-License-Identifier: Apache-2.0
#include "tiny_model.h"

#include "codec/lockstep.h"
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

static void must(vlmc_status status, const vlmc_error *error)
{
    if (status == VLMC_OK)
        return;
    fprintf(stderr, "%s\n", error->text);
    abort();
}

// Any bytes decode to something: noise to what has the distribution that it is decoded with.
void fill_from_model(const vlmc_model *model, uint8_t *bytes, uint32_t n, uint64_t seed)
{
    const vlmc_engine_params params = {
        .model = model, .max_streams = VLMC_STREAMS_MAX, .max_steps = 1, .threads = 1};
    const vlmc_mix_settings settings = {VLMC_MIX_FAST, VLMC_MIX_MEMORY_MIN};
    const size_t size = 2 * (size_t)n + 64;
    vlmc_engine *engine;
    vlmc_lockstep *lockstep;
    vlmc_error error = {0};
    uint8_t *noise = malloc(size);
    must(noise ? VLMC_OK : vlmc_fail(&error, VLMC_ERROR_MEMORY, "out of memory"), &error);
    must(vlmc_cpu_engine_create(&params, NULL, &engine, &error), &error);
    must(vlmc_lockstep_create(engine, NULL, &settings, 1, n, &lockstep, &error), &error);
    bytes[0] = 0;
    // A group of one byte tells how one begins.
    must(vlmc_lockstep_encode(lockstep, NULL, bytes, 1, 1, noise, size, &(size_t){0}, NULL, NULL,
                              &error),
         &error);
    fill_random(noise + 1, size - 1, seed);
    must(vlmc_lockstep_decode(lockstep, NULL, noise, size, 1, bytes, n, NULL, NULL, &error),
         &error);
    vlmc_lockstep_destroy(&lockstep);
    vlmc_engine_destroy(&engine);
    free(noise);
}
