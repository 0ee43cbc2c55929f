// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_write.h"
#include "model/search.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const vlmc_hyperparameters small_hp = {
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
    .contexts = {{VLMC_CONTEXT_NGRAM, 2, 16, 0}, {VLMC_CONTEXT_LINE, 0, 2048, 0}},
};

static vlmc_model *random_model(uint64_t seed)
{
    vlmc_model *model;
    vlmc_error error;
    cr_assert_eq(vlmc_model_random(&small_hp, seed, &model, &error), VLMC_OK, "%s", error.text);
    return model;
}

static uint8_t *written(const vlmc_model *model, size_t *size)
{
    uint8_t *bytes;
    vlmc_error error;
    cr_assert_eq(vlmc_model_write_memory(model, &bytes, size, &error), VLMC_OK, "%s", error.text);
    return bytes;
}

static vlmc_status load(const uint8_t *bytes, size_t size, vlmc_model **model, vlmc_error *error)
{
    uint8_t *exact = malloc(size ? size : 1); // so that a sanitizer sees one byte too many
    memcpy(exact, bytes, size);
    vlmc_status status = vlmc_model_load_memory(exact, size, "test", model, error);
    free(exact);
    return status;
}

Test(gguf, a_written_model_loads_with_the_same_tensors_and_identity)
{
    vlmc_model *model = random_model(1), *again;
    size_t size;
    uint8_t *bytes = written(model, &size);
    vlmc_error error;
    cr_assert_eq(load(bytes, size, &again, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(again->storage_bytes, model->storage_bytes);
    cr_assert(memcmp(again->storage, model->storage, model->storage_bytes) == 0);
    cr_assert(memcmp(again->digest, model->digest, sizeof model->digest) == 0);
    cr_assert_str_eq(again->name, "random");
    cr_assert_str_eq(again->modality, "text");
    free(bytes);
    vlmc_model_destroy(&again);
    vlmc_model_destroy(&model);
}

Test(gguf, identity_depends_on_every_tensor_and_not_on_the_name)
{
    vlmc_model *a = random_model(1), *b = random_model(2), *c = random_model(1);
    cr_assert(memcmp(a->digest, b->digest, sizeof a->digest) != 0);
    cr_assert(memcmp(a->digest, c->digest, sizeof a->digest) == 0);
    vlmc_model_destroy(&a);
    vlmc_model_destroy(&b);
    vlmc_model_destroy(&c);
}

Test(gguf, the_modality_is_kept_and_is_no_part_of_the_identity)
{
    vlmc_model *model = random_model(1), *again;
    snprintf(model->modality, sizeof model->modality, "image");
    size_t size;
    uint8_t *bytes = written(model, &size);
    vlmc_error error;
    cr_assert_eq(load(bytes, size, &again, &error), VLMC_OK, "%s", error.text);
    cr_assert_str_eq(again->modality, "image");
    cr_assert(memcmp(again->digest, model->digest, sizeof model->digest) == 0);
    vlmc_model_destroy(&again);
    uint8_t *value = memmem(bytes, size, "vlmc.modality", 13);
    cr_assert_not_null(value);
    value[13 + 4 + 8] = ' ';
    cr_assert_eq(load(bytes, size, &again, &error), VLMC_ERROR_MODEL_INVALID);
    value[5] = 'n'; // a key that nobody knows: the modality is absent
    cr_assert_eq(load(bytes, size, &again, &error), VLMC_OK, "%s", error.text);
    cr_assert_str_eq(again->modality, "text");
    vlmc_model_destroy(&again);
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(gguf, every_truncation_is_refused)
{
    vlmc_model *model = random_model(3), *again;
    size_t size;
    uint8_t *bytes = written(model, &size);
    // All cuts through the head; cuts through the tensor data in coarse steps.
    for (size_t cut = 0; cut < size; cut += cut < 4000 ? 1 : 997) {
        vlmc_error error = {0};
        vlmc_status status = load(bytes, cut, &again, &error);
        cr_assert_eq(status, VLMC_ERROR_MODEL_INVALID, "cut at %zu", cut);
        cr_assert_null(again);
        cr_assert(strlen(error.text) > 10);
    }
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(gguf, a_flipped_bit_is_refused_or_changes_nothing_unseen)
{
    vlmc_model *model = random_model(4), *again;
    size_t size;
    uint8_t *bytes = written(model, &size);
    for (size_t at = 0; at < size && at < 3000; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            vlmc_error error;
            if (load(bytes, size, &again, &error) == VLMC_OK) {
                // Alignment padding, the name and unused keys may differ; tensors may not
                // unless the identity tells.
                int same = memcmp(again->digest, model->digest, sizeof model->digest) == 0;
                int equal = again->storage_bytes == model->storage_bytes &&
                            memcmp(again->storage, model->storage, model->storage_bytes) == 0 &&
                            memcmp(&again->hp, &model->hp, sizeof model->hp) == 0;
                cr_assert_eq(same, equal, "byte %zu bit %d", at, bit);
                vlmc_model_destroy(&again);
            }
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    free(bytes);
    vlmc_model_destroy(&model);
}

// Overwrites the 32-bit value of a key.
static void patch(uint8_t *bytes, size_t size, const char *key, uint32_t value)
{
    uint8_t *at = memmem(bytes, size, key, strlen(key));
    cr_assert_not_null(at, "%s", key);
    at += strlen(key) + 4;
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

Test(gguf, impossible_hyperparameters_are_refused_before_memory_is_spent)
{
    static const struct {
        const char *key;
        uint32_t value;
    } cases[] = {
        {"vlmc.embedding_length", 33},
        {"vlmc.embedding_length", 0},
        {"vlmc.embedding_length", 8192},
        {"vlmc.block_count", 0},
        {"vlmc.block_count", 0xFFFFFFFF},
        {"vlmc.attention.head_count", 3},
        {"vlmc.attention.head_count", 512},
        {"vlmc.attention.key_length", 0xFFFFFFF0},
        {"vlmc.feed_forward_length", 32768},
        {"vlmc.vocab_size", 65520},
        {"vlmc.attention.sliding_window", 1025},
        {"vlmc.feed_forward_kind", 2},
        {"vlmc.numerics", 1},
        {"general.alignment", 3},
    };
    vlmc_model *model = random_model(5), *again;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        uint8_t *bytes = written(model, &size);
        patch(bytes, size, cases[i].key, cases[i].value);
        vlmc_error error;
        cr_assert_eq(load(bytes, size, &again, &error), VLMC_ERROR_MODEL_INVALID, "%s %u",
                     cases[i].key, cases[i].value);
        free(bytes);
    }
    vlmc_model_destroy(&model);
}

Test(gguf, a_weight_of_minus_128_is_refused)
{
    vlmc_model *model = random_model(6), *again;
    size_t size;
    vlmc_error error;
    ((int8_t *)(uintptr_t)model->head.weight)[5] = -128;
    uint8_t *bytes = written(model, &size);
    cr_assert_eq(load(bytes, size, &again, &error), VLMC_ERROR_MODEL_INVALID);
    cr_assert_not_null(strstr(error.text, "output.weight"));
    free(bytes);
    vlmc_model_destroy(&model);
}

Test(gguf, a_model_is_found_by_name_and_by_digest)
{
    char folder[] = "/tmp/vlmc-test-XXXXXX", file[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/one.gguf", folder);
    vlmc_model *model = random_model(7), *other = random_model(8), *found;
    vlmc_error error;
    cr_assert_eq(vlmc_model_write(model, file, &error), VLMC_OK, "%s", error.text);
    const char *folders[] = {"/nonexistent", folder};
    vlmc_model_path path = {folders, 2};

    cr_assert_eq(vlmc_model_find_name(&path, "one", &found, &error), VLMC_OK);
    vlmc_model_destroy(&found);
    cr_assert_eq(vlmc_model_find_name(&path, "random", &found, &error), VLMC_OK);
    vlmc_model_destroy(&found);
    cr_assert_eq(vlmc_model_find_name(&path, file, &found, &error), VLMC_OK);
    vlmc_model_destroy(&found);
    cr_assert_eq(vlmc_model_find_name(&path, "two", &found, &error), VLMC_ERROR_MODEL_MISSING);
    cr_assert_eq(vlmc_model_find_digest(&path, model->digest, "x", &found, &error), VLMC_OK);
    vlmc_model_destroy(&found);
    cr_assert_eq(vlmc_model_find_digest(&path, other->digest, "random", &found, &error),
                 VLMC_ERROR_MODEL_MISSING);
    cr_assert_not_null(strstr(error.text, "another version"));

    unlink(file);
    rmdir(folder);
    vlmc_model_destroy(&model);
    vlmc_model_destroy(&other);
}
