// SPDX-License-Identifier: Apache-2.0
// Every op and a small model against the reference, once per device and driver version.
#include "cache_file.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vlmc_shaders.h>
#include <xxhash.h>

#define NUMERICS_VERSION 0u // of docs/numerics.md
#define NAME_BYTES 64u

// What a verdict belongs to, and the verdict.
typedef struct verdict {
    uint8_t uuid[16];
    uint32_t vendor_id;
    uint32_t device_id;
    uint32_t driver_version;
    uint32_t numerics;
    uint64_t shaders;
    uint32_t quirks; // paths that were switched off
    uint32_t passed;
} verdict;

static uint64_t hash_shaders(void)
{
    uint64_t hash = 0;
#define ADD(name) hash = XXH3_64bits_withSeed(vlmc_shader_##name, vlmc_shader_##name##_bytes, hash)
    ADD(gather);
    ADD(norm);
    ADD(linear);
    ADD(reglu);
    ADD(store);
    ADD(attention);
#if VLMC_SHADER_LINEAR_DOT
    ADD(linear_dot);
#endif
#if VLMC_SHADER_ATTENTION_DOT
    ADD(attention_dot);
#endif
#undef ADD
    return hash;
}

static verdict verdict_of(const vlmc_gpu_device_info *info)
{
    verdict v;
    memset(&v, 0, sizeof v);
    memcpy(v.uuid, info->uuid, sizeof v.uuid);
    v.vendor_id = info->vendor_id;
    v.device_id = info->device_id;
    v.driver_version = info->driver_version;
    v.numerics = NUMERICS_VERSION;
    v.shaders = hash_shaders();
    v.quirks = info->n_disabled;
    return v;
}

static void file_name(const vlmc_gpu_device_info *info, char name[NAME_BYTES])
{
    const verdict v = verdict_of(info);
    snprintf(name, NAME_BYTES, "selftest-%016llx.bin",
             (unsigned long long)XXH3_64bits(&v, sizeof v));
}

// True when an earlier run's verdict on the very same device and shaders is at hand.
static bool read_verdict(const char *cache_dir, const vlmc_gpu_device_info *info, bool *passed)
{
    char name[NAME_BYTES];
    file_name(info, name);
    size_t size;
    void *data = vlmc_gpu_cache_read(cache_dir, name, &size);
    verdict wanted = verdict_of(info), found;
    bool known = data && size == sizeof found;
    if (known) {
        memcpy(&found, data, sizeof found);
        *passed = found.passed == 1;
        wanted.passed = *passed;
        known = memcmp(&wanted, &found, sizeof found) == 0;
    }
    free(data);
    return known;
}

static void write_verdict(const char *cache_dir, const vlmc_gpu_device_info *info, bool passed)
{
    char name[NAME_BYTES];
    file_name(info, name);
    verdict v = verdict_of(info);
    v.passed = passed;
    vlmc_gpu_cache_write(cache_dir, name, &v, sizeof v);
}

static void note(vlmc_gpu_selftest_result *result, const char *name, const char *variant,
                 const vlmc_gpu_check *check)
{
    if (result->n_ops == VLMC_GPU_SELFTEST_MAX)
        return;
    result->ops[result->n_ops++] = (vlmc_gpu_selftest_op){
        .name = name,
        .variant = variant,
        .passed = check->wrong == 0 && check->compared > 0,
        .time_ns = check->time_ns,
    };
}

static const vlmc_gpu_data all_data[] = {VLMC_GPU_DATA_RANDOM, VLMC_GPU_DATA_EXTREME,
                                         VLMC_GPU_DATA_ZERO};

static void add(vlmc_gpu_check *sum, const vlmc_gpu_check *check)
{
    sum->compared += check->compared;
    sum->wrong += check->wrong;
    sum->time_ns += check->time_ns;
}

static vlmc_status test_linears(vlmc_gpu *g, const char *variant, vlmc_gpu_selftest_result *result,
                                vlmc_error *error)
{
    static const char *const names[] = {"linear int8", "linear relu2", "linear add",
                                        "linear int16"};
    for (int i = 0; i < 4; i++) {
        vlmc_gpu_check sum = {0}, check;
        for (int data = 0; data < 3; data++) {
            VLMC_TRY(vlmc_gpu_check_linear(g, VLMC_GPU_LINEAR_INT8 + (vlmc_gpu_op)i, 144, 160, 13,
                                           all_data[data], (uint64_t)data + 1, &check, error));
            add(&sum, &check);
        }
        note(result, names[i], variant, &sum);
    }
    return VLMC_OK;
}

static vlmc_status test_rest(vlmc_gpu *g, const char *variant, vlmc_gpu_selftest_result *result,
                             vlmc_error *error)
{
    const vlmc_hyperparameters shape = {.heads = 6, .kv_heads = 2, .head_dim = 48, .window = 21};
    const vlmc_hyperparameters model = {
        .vocab = 256,
        .width = 96,
        .layers = 2,
        .heads = 4,
        .kv_heads = 2,
        .head_dim = 32,
        .hidden = 160,
        .window = 24,
        .n_contexts = 2,
        .context_dim = 16,
        .contexts = {{VLMC_CONTEXT_NGRAM, 2, 256, 0}, {VLMC_CONTEXT_WORD, 1, 64, 0}},
    };
    vlmc_hyperparameters gated = model;
    gated.ffn = VLMC_FFN_REGLU;
    vlmc_gpu_check gather, norm = {0}, reglu = {0}, attention = {0}, forward = {0}, check;
    VLMC_TRY(vlmc_gpu_check_gather(g, 100, 96, 37, 1, &gather, error));
    note(result, "gather", "portable", &gather);
    for (int i = 0; i < 3; i++) {
        const uint64_t seed = (uint64_t)i + 1;
        VLMC_TRY(vlmc_gpu_check_norm(g, 352, 33, all_data[i], seed, &check, error));
        add(&norm, &check);
        VLMC_TRY(vlmc_gpu_check_reglu(g, 352, 5, all_data[i], seed, &check, error));
        add(&reglu, &check);
        VLMC_TRY(vlmc_gpu_check_attention(g, &shape, 3, 5, all_data[i], seed, &check, error));
        add(&attention, &check);
    }
    note(result, "norm", "portable", &norm);
    note(result, "gated relu", "portable", &reglu);
    note(result, "attention", variant, &attention);
    VLMC_TRY(vlmc_gpu_check_model(g, &model, 3, 40, 1, &check, error));
    add(&forward, &check);
    VLMC_TRY(vlmc_gpu_check_model(g, &gated, 3, 40, 2, &check, error));
    add(&forward, &check);
    note(result, "model", variant, &forward);
    return VLMC_OK;
}

// All ops of one variant. *tested is false when the device has no such variant.
static vlmc_status test_variant(const char *selector, const char *cache_dir, bool portable,
                                bool *tested, vlmc_gpu_selftest_result *result, vlmc_error *error)
{
    vlmc_gpu *g;
    VLMC_TRY(vlmc_gpu_create(selector, portable, 0, cache_dir, &g, error));
    *tested = portable || g->device->dot;
    const char *variant = portable ? "portable" : "dot";
    vlmc_status status = VLMC_OK;
    if (*tested) {
        status = test_linears(g, variant, result, error);
        if (status == VLMC_OK)
            status = test_rest(g, variant, result, error);
    }
    vlmc_gpu_destroy(&g);
    return status;
}

// Names the first op that failed; a kept verdict does not say which one it was.
static vlmc_status fail(const vlmc_gpu_selftest_result *result, vlmc_error *error)
{
    char where[64] = "in its last self-test";
    for (uint32_t i = result->n_ops; i-- > 0;)
        if (!result->ops[i].passed)
            snprintf(where, sizeof where, "%s, %s variant", result->ops[i].name,
                     result->ops[i].variant);
    return vlmc_fail(error, VLMC_ERROR_SELFTEST,
                     "the device \"%s\" computes wrong numbers (%s); update its driver, or use "
                     "-d cpu",
                     result->device.name, where);
}

vlmc_status vlmc_gpu_selftest(const char *selector, const char *cache_dir, bool force,
                              vlmc_gpu_selftest_result *result, vlmc_error *error)
{
    *result = (vlmc_gpu_selftest_result){0};
    vlmc_gpu_instance instance;
    uint32_t index = 0;
    VLMC_TRY(vlmc_gpu_instance_create(&instance, error));
    vlmc_status status =
        vlmc_gpu_select(instance.infos, instance.n_devices, selector, &index, error);
    if (status == VLMC_OK)
        result->device = instance.infos[index];
    vlmc_gpu_instance_destroy(&instance);
    VLMC_TRY(status);
    if (cache_dir && !force && read_verdict(cache_dir, &result->device, &result->passed)) {
        result->cached = true;
        return result->passed ? VLMC_OK : fail(result, error);
    }
    bool tested;
    VLMC_TRY(test_variant(selector, cache_dir, true, &tested, result, error));
    VLMC_TRY(test_variant(selector, cache_dir, false, &tested, result, error));
    result->passed = true;
    for (uint32_t i = 0; i < result->n_ops; i++)
        result->passed &= result->ops[i].passed;
    if (cache_dir)
        write_verdict(cache_dir, &result->device, result->passed);
    return result->passed ? VLMC_OK : fail(result, error);
}
