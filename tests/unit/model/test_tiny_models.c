// SPDX-License-Identifier: Apache-2.0
// The small random models under tests/cli/models: where they come from.
#include "model/gguf_write.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vlmc_model *tiny_model(uint64_t seed)
{
    const vlmc_hyperparameters hp = {
        .vocab = 256,
        .width = 32,
        .layers = 1,
        .heads = 2,
        .kv_heads = 1,
        .head_dim = 16,
        .hidden = 32,
        .window = 16,
        .ffn = VLMC_FFN_RELU2,
        .n_contexts = 2,
        .context_dim = 16,
        .contexts = {{VLMC_CONTEXT_NGRAM, 2, 256, 0}, {VLMC_CONTEXT_WORD, 1, 256, 0}},
    };
    vlmc_model *model;
    vlmc_error error;
    const vlmc_status status = vlmc_model_random(&hp, seed, &model, &error);
    cr_assert_eq(status, VLMC_OK, "%s", error.text);
    snprintf(model->name, sizeof model->name, "tiny");
    return model;
}

static void assert_same_file(const char *name, uint64_t seed)
{
    char path[4096];
    uint8_t *bytes;
    size_t size;
    vlmc_error error;
    vlmc_model *model = tiny_model(seed);
    const vlmc_status status = vlmc_model_write_memory(model, &bytes, &size, &error);
    cr_assert_eq(status, VLMC_OK, "%s", error.text);
    snprintf(path, sizeof path, "%s/tests/cli/models/%s", getenv("VLMC_TEST_SOURCE"), name);
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL, "cannot open %s", path);
    uint8_t *stored = malloc(size + 1);
    const size_t got = fread(stored, 1, size + 1, file);
    cr_assert_eq(got, size);
    cr_assert(memcmp(stored, bytes, size) == 0, "%s differs from what its seed gives", path);
    fclose(file);
    free(stored);
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(tiny_models, are_the_random_models_of_their_seeds)
{
    assert_same_file("tiny.gguf", 1);
    assert_same_file("other/tiny.gguf", 2);
}

Test(tiny_models, of_one_name_have_different_identities)
{
    vlmc_model *a = tiny_model(1), *b = tiny_model(2);
    cr_assert(memcmp(a->digest, b->digest, VLMC_DIGEST_BYTES) != 0);
    cr_assert_str_eq(a->name, b->name);
    vlmc_model_destroy(&a);
    vlmc_model_destroy(&b);
}
