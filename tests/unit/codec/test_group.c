// SPDX-License-Identifier: Apache-2.0
#include "codec/group.h"
#include "codec/sample.h"
#include "made_up.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_TOKENS 6144u

static vlmc_packed_group pack(vlmc_group_packer *packer, const uint8_t *raw, uint32_t n)
{
    vlmc_packed_group packed;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_group_pack(packer, raw, n, &packed, &error), VLMC_OK, "%s", error.text);
    cr_assert(packed.size <= n);
    uint8_t *again = malloc(n);
    cr_assert_eq(
        vlmc_group_unpack_plain(packed.method, packed.bytes, packed.size, again, n, &error),
        VLMC_OK, "%s", error.text);
    cr_assert(memcmp(raw, again, n) == 0);
    free(again);
    return packed;
}

static vlmc_group_packer *new_packer(bool with_models)
{
    vlmc_group_packer *packer;
    vlmc_error error;
    cr_assert_eq(vlmc_group_packer_create(with_models, &packer, &error), VLMC_OK);
    return packer;
}

Test(group, random_data_is_stored_and_never_sees_the_model)
{
    vlmc_group_packer *packer = new_packer(true);
    const uint32_t n = VLMC_GROUP_BYTES_DEFAULT;
    uint8_t *raw = malloc(n);
    fill_random(raw, n, 1);
    const vlmc_packed_group packed = pack(packer, raw, n);
    cr_assert_eq(packed.method, VLMC_GROUP_STORED);
    cr_assert_eq(packed.bytes, raw, "stored groups are not copied");
    cr_assert_not(packed.try_model);
    free(raw);
    vlmc_group_packer_destroy(&packer);
}

Test(group, text_goes_to_zstd_and_on_to_the_model)
{
    vlmc_group_packer *packer = new_packer(true);
    uint8_t *raw = malloc(200000);
    fill_text(raw, 200000, 1);
    const vlmc_packed_group packed = pack(packer, raw, 200000);
    cr_assert_eq(packed.method, VLMC_GROUP_ZSTD);
    cr_assert(packed.try_model);
    free(raw);
    vlmc_group_packer_destroy(&packer);
}

Test(group, long_runs_are_left_to_zstd)
{
    vlmc_group_packer *packer = new_packer(true);
    uint8_t *raw = calloc(1, VLMC_GROUP_BYTES_DEFAULT);
    const vlmc_packed_group packed = pack(packer, raw, VLMC_GROUP_BYTES_DEFAULT);
    cr_assert_eq(packed.method, VLMC_GROUP_ZSTD);
    cr_assert(packed.size < 200);
    cr_assert_not(packed.try_model);
    free(raw);
    vlmc_group_packer_destroy(&packer);
}

Test(group, a_few_bytes_are_not_worth_a_model)
{
    vlmc_group_packer *packer = new_packer(true);
    for (uint32_t n = 1; n <= 128; n++) {
        uint8_t raw[128];
        fill_text(raw, n, n);
        cr_assert_not(pack(packer, raw, n).try_model);
    }
    vlmc_group_packer_destroy(&packer);
}

Test(group, the_model_wins_only_by_more_than_it_costs)
{
    vlmc_group_packer *packer = new_packer(true);
    vlmc_model *model = tiny_model(1);
    const vlmc_engine_source source = tiny_engines(model);
    vlmc_engine *engine;
    vlmc_lockstep *lockstep;
    vlmc_error error = {0};
    cr_assert_eq(source.open(source.user, NULL, VLMC_STREAMS_MAX, 128, &engine, &error), VLMC_OK);
    cr_assert_eq(vlmc_lockstep_create(engine, NULL, &made_up_settings, 128,
                                      VLMC_GROUP_BYTES_DEFAULT, &lockstep, &error),
                 VLMC_OK);
    const uint32_t n = 50000;
    uint8_t *raw = malloc(n);
    fill_text(raw, n, 8);
    const vlmc_packed_group plain = pack(packer, raw, n);

    vlmc_packed_group best = plain;
    cr_assert_eq(vlmc_group_pack_model(packer, lockstep, NULL, raw, n, STREAM_TOKENS, 0, &best,
                                       NULL, NULL, &error),
                 VLMC_OK);
    cr_assert_eq(best.method, VLMC_GROUP_MODEL, "%u bytes by zstd", plain.size);
    cr_assert_eq(best.streams, vlmc_cut_streams(n, 1, STREAM_TOKENS));
    cr_assert(best.size < plain.size);

    const uint32_t saved = plain.size - best.size;
    for (uint32_t cost = saved - 1; cost <= saved; cost++) {
        vlmc_packed_group choice = plain;
        cr_assert_eq(vlmc_group_pack_model(packer, lockstep, NULL, raw, n, STREAM_TOKENS, cost,
                                           &choice, NULL, NULL, &error),
                     VLMC_OK);
        cr_assert_eq(choice.method, cost < saved ? VLMC_GROUP_MODEL : VLMC_GROUP_ZSTD);
    }
    free(raw);
    vlmc_lockstep_destroy(&lockstep);
    vlmc_engine_destroy(&engine);
    vlmc_model_destroy(&model);
    vlmc_group_packer_destroy(&packer);
}

Test(group, impossible_plain_groups_are_damage)
{
    uint8_t raw[100] = {0}, out[100];
    vlmc_error error;
    cr_assert_eq(vlmc_group_unpack_plain(VLMC_GROUP_STORED, raw, 99, out, 100, &error),
                 VLMC_ERROR_DAMAGED);
    cr_assert_eq(vlmc_group_unpack_plain(VLMC_GROUP_ZSTD, raw, 100, out, 100, &error),
                 VLMC_ERROR_DAMAGED);
    cr_assert_eq(vlmc_group_unpack_plain(VLMC_GROUP_MODEL, raw, 100, out, 100, &error),
                 VLMC_ERROR_DAMAGED);
    cr_assert_eq(vlmc_group_unpack_plain(77, raw, 100, out, 100, &error), VLMC_ERROR_DAMAGED);
}

Test(sample, entropy_of_known_distributions_is_exact)
{
    uint8_t bytes[65536];
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    cr_assert_eq(vlmc_sample_entropy(bytes, sizeof bytes), 8 * 65536);
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i % 16;
    cr_assert_eq(vlmc_sample_entropy(bytes, sizeof bytes), 4 * 65536);
    memset(bytes, 'x', sizeof bytes);
    cr_assert_eq(vlmc_sample_entropy(bytes, sizeof bytes), 0);
    cr_assert_eq(vlmc_sample_entropy(bytes, 1), 0);
    // Three to one: 2 - 0.75 log2(3) = 0.811278 bits.
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i % 4 == 0;
    const uint32_t entropy = vlmc_sample_entropy(bytes, sizeof bytes);
    cr_assert(entropy >= 53167 && entropy <= 53170, "%u", entropy);
}

Test(sample, a_large_group_has_a_sample_for_each_16_kib_up_to_1_mib_of_them)
{
    cr_assert_eq(vlmc_samples_bytes(65536), 65536);
    cr_assert_eq(vlmc_samples_bytes(1u << 20), 65536);
    cr_assert_eq(vlmc_samples_bytes(3u << 20), 3 * 65536);
    cr_assert_eq(vlmc_samples_bytes(1u << 24), 1u << 20);
    cr_assert_eq(vlmc_samples_bytes(VLMC_GROUP_BYTES_MAX), 1u << 20);
}

Test(sample, samples_reach_from_the_first_byte_to_the_last)
{
    static const uint32_t sizes[] = {65536, 1000003, 5000000, VLMC_GROUP_BYTES_MAX};
    uint8_t *raw = calloc(1, VLMC_GROUP_BYTES_MAX), *samples = malloc(VLMC_SAMPLES_BYTES_MAX);
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint32_t n = sizes[i];
        raw[0] = 1;
        raw[n - 1] = 2;
        vlmc_sample_take(raw, n, samples);
        cr_assert_eq(samples[0], 1);
        cr_assert_eq(samples[vlmc_samples_bytes(n) - 1], 2);
        raw[n - 1] = 0;
    }
    fill_random(raw, 65536, 1);
    vlmc_sample_take(raw, 65536, samples);
    cr_assert(memcmp(raw, samples, 65536) == 0);
    free(raw);
    free(samples);
}
