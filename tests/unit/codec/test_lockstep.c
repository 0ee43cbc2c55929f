// SPDX-License-Identifier: Apache-2.0
#include "codec/lockstep.h"
#include "cpu/cpu_engine.h"
#include "made_up.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_TOKENS 6144u

typedef struct rig {
    vlmc_model *model;
    vlmc_engine *engine, *second;
    vlmc_lockstep *lockstep;
} rig;

static rig set_up(const char *variant, uint32_t max_steps, uint32_t threads)
{
    rig r = {.model = tiny_model(1)};
    vlmc_error error = {0};
    const vlmc_engine_params params = {r.model, VLMC_STREAMS_MAX, max_steps, threads};
    cr_assert_eq(vlmc_cpu_engine_create(&params, variant, &r.engine, &error), VLMC_OK, "%s",
                 error.text);
    cr_assert_eq(vlmc_lockstep_create(r.engine, NULL, &made_up_settings, max_steps,
                                      VLMC_GROUP_BYTES_DEFAULT, &r.lockstep, &error),
                 VLMC_OK, "%s", error.text);
    return r;
}

static void tear_down(rig *r)
{
    vlmc_lockstep_destroy(&r->lockstep);
    vlmc_engine_destroy(&r->engine);
    vlmc_engine_destroy(&r->second);
    vlmc_model_destroy(&r->model);
}

// Decodes by halves, each engine on a thread of its own or both by turns on one.
static rig set_up_halves(vlmc_engine_place place)
{
    rig r = set_up(NULL, 1, 1);
    vlmc_error error = {0};
    cr_assert_eq(r.engine->api->sibling(r.engine, &r.second, &error), VLMC_OK, "%s", error.text);
    r.second->place = place;
    cr_assert_eq(vlmc_lockstep_overlap(r.lockstep, r.second, &error), VLMC_OK, "%s", error.text);
    return r;
}

static size_t encode(rig *r, const uint8_t *raw, uint32_t n, uint32_t streams, uint8_t *out,
                     size_t capacity)
{
    size_t size;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_lockstep_encode(r->lockstep, NULL, raw, n, streams, out, capacity, &size,
                                      NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    return size;
}

static void check_round_trip(rig *encoder, rig *decoder, const uint8_t *raw, uint32_t n,
                             uint32_t streams)
{
    uint8_t *packed = malloc(2 * n + 64), *again = malloc(n);
    const size_t size = encode(encoder, raw, n, streams, packed, 2 * n + 64);
    cr_assert(size != SIZE_MAX);
    vlmc_error error = {0};
    cr_assert_eq(vlmc_lockstep_decode(decoder->lockstep, NULL, packed, size, streams, again, n,
                                      NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert(memcmp(raw, again, n) == 0, "%u bytes in %u streams", n, streams);
    free(packed);
    free(again);
}

Test(lockstep, groups_of_all_sizes_round_trip)
{
    static const uint32_t sizes[] = {1, 2, 3, 127, 128, 129, 6143, 6144, 6145, 12289, 100000};
    rig encoder = set_up(NULL, VLMC_SLAB_STEPS_MAX, 1), decoder = set_up(NULL, 1, 1);
    uint8_t *raw = malloc(100000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fill_text(raw, sizes[i], i);
        check_round_trip(&encoder, &decoder, raw, sizes[i],
                         vlmc_cut_streams(sizes[i], 1, STREAM_TOKENS));
        fill_random(raw, sizes[i], i);
        check_round_trip(&encoder, &decoder, raw, sizes[i],
                         vlmc_cut_streams(sizes[i], 1, STREAM_TOKENS));
    }
    free(raw);
    tear_down(&encoder);
    tear_down(&decoder);
}

Test(lockstep, every_width_round_trips_with_streams_that_end_a_step_early)
{
    rig encoder = set_up(NULL, VLMC_SLAB_STEPS_MAX, 1), decoder = set_up(NULL, 1, 1);
    rig halves = set_up_halves(VLMC_ENGINE_THREADS), apart = set_up_halves(VLMC_ENGINE_DEVICE);
    uint8_t raw[1000];
    fill_text(raw, sizeof raw, 3);
    for (uint32_t streams = 1; streams <= VLMC_STREAMS_MAX; streams++) {
        check_round_trip(&encoder, &decoder, raw, sizeof raw, streams);
        check_round_trip(&encoder, &decoder, raw, streams, streams);
        check_round_trip(&encoder, &halves, raw, sizeof raw, streams);
        check_round_trip(&encoder, &halves, raw, streams, streams);
        check_round_trip(&encoder, &apart, raw, sizeof raw, streams);
        check_round_trip(&encoder, &apart, raw, streams, streams);
    }
    tear_down(&encoder);
    tear_down(&decoder);
    tear_down(&halves);
    tear_down(&apart);
}

Test(lockstep, slabs_threads_and_instruction_sets_change_no_byte)
{
    static const struct {
        const char *variant;
        uint32_t max_steps, threads;
    } machines[] = {{"reference", 1, 1}, {"reference", 7, 1}, {NULL, 32, 2}, {NULL, 128, 3}};
    const uint32_t n = 30001, streams = vlmc_cut_streams(n, 1, STREAM_TOKENS);
    uint8_t *raw = malloc(n), *first = malloc(n), *other = malloc(n);
    fill_text(raw, n, 9);
    size_t first_size = 0;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        rig r = set_up(machines[i].variant, machines[i].max_steps, machines[i].threads);
        const size_t size = encode(&r, raw, n, streams, i ? other : first, n);
        cr_assert(size != SIZE_MAX);
        if (i == 0)
            first_size = size;
        cr_assert_eq(size, first_size);
        cr_assert(i == 0 || memcmp(first, other, size) == 0);
        tear_down(&r);
    }
    free(raw);
    free(first);
    free(other);
}

Test(lockstep, a_coder_that_has_packed_before_packs_as_a_new_one)
{
    const uint32_t n = 5000;
    uint8_t raw[5000], noise[5000], first[6000], second[6000];
    fill_text(raw, n, 1);
    fill_random(noise, n, 2);
    rig r = set_up(NULL, VLMC_SLAB_STEPS_MAX, 1);
    const size_t size = encode(&r, raw, n, 3, first, sizeof first);
    encode(&r, noise, n, 17, second, sizeof second);
    cr_assert_eq(encode(&r, raw, n, 3, second, sizeof second), size);
    cr_assert(memcmp(first, second, size) == 0);
    tear_down(&r);
}

Test(lockstep, what_does_not_fit_is_given_up)
{
    const uint32_t n = 20000;
    uint8_t *raw = malloc(n), *out = malloc(n);
    fill_random(raw, n, 4);
    rig r = set_up(NULL, VLMC_SLAB_STEPS_MAX, 1);
    cr_assert_eq(encode(&r, raw, n, 4, out, n - 1), SIZE_MAX);
    cr_assert_eq(encode(&r, raw, n, 4, out, 0), SIZE_MAX);
    cr_assert_eq(encode(&r, raw, n, 4, out, 10), SIZE_MAX);
    free(raw);
    free(out);
    tear_down(&r);
}

typedef struct counter {
    uint32_t calls, last, stop_after;
} counter;

static bool count(void *user, uint32_t raw_done)
{
    counter *c = user;
    cr_assert(raw_done >= c->last);
    c->last = raw_done;
    return ++c->calls < c->stop_after;
}

Test(lockstep, progress_grows_to_the_end_and_can_stop_both_directions)
{
    const uint32_t n = 20000, streams = 4;
    uint8_t *raw = malloc(n), *packed = malloc(n);
    fill_text(raw, n, 6);
    rig r = set_up(NULL, VLMC_SLAB_STEPS_MAX, 1);
    size_t size;
    vlmc_error error = {0};
    counter whole = {.stop_after = UINT32_MAX};
    cr_assert_eq(vlmc_lockstep_encode(r.lockstep, NULL, raw, n, streams, packed, n, &size, count,
                                      &whole, &error),
                 VLMC_OK);
    cr_assert_eq(whole.last, n);
    cr_assert(whole.calls > 3);
    counter stop = {.stop_after = 2};
    cr_assert_eq(
        vlmc_lockstep_decode(r.lockstep, NULL, packed, size, streams, raw, n, count, &stop, &error),
        VLMC_ERROR_INTERRUPTED);
    stop = (counter){.stop_after = 2};
    cr_assert_eq(vlmc_lockstep_encode(r.lockstep, NULL, raw, n, streams, packed, n, &size, count,
                                      &stop, &error),
                 VLMC_ERROR_INTERRUPTED);
    cr_assert_eq(stop.calls, 2);
    free(raw);
    free(packed);
    tear_down(&r);
}

Test(lockstep, hostile_bytes_decode_to_damage_or_to_something_in_bounds)
{
    rig whole = set_up(NULL, 1, 1), halves = set_up_halves(VLMC_ENGINE_THREADS);
    for (uint32_t round = 0; round < 120; round++) {
        const rig *r = round % 2 ? &halves : &whole;
        const uint32_t n = 1 + round * 7, streams = 1 + round % (n < 128 ? n : 128);
        const size_t size = round % 30;
        uint8_t *packed = malloc(size ? size : 1), *raw = malloc(n);
        fill_random(packed, size, round);
        if (round % 4 == 0)
            memset(packed, 0xFF, size);
        if (round % 8 != 1 && size)
            packed[0] = made_up_settings_byte;
        vlmc_error error = {0};
        const vlmc_status status = vlmc_lockstep_decode(r->lockstep, NULL, packed, size, streams,
                                                        raw, n, NULL, NULL, &error);
        cr_assert(status == VLMC_OK || status == VLMC_ERROR_DAMAGED);
        free(packed);
        free(raw);
    }
    tear_down(&whole);
    tear_down(&halves);
}

Test(lockstep, a_model_of_other_symbols_than_bytes_is_refused)
{
    vlmc_hyperparameters hp = tiny_hyperparameters;
    hp.vocab = 512;
    vlmc_model *model;
    vlmc_engine *engine;
    vlmc_lockstep *lockstep;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_model_random(&hp, 1, &model, &error), VLMC_OK, "%s", error.text);
    const vlmc_engine_params params = {model, 1, 1, 1};
    cr_assert_eq(vlmc_cpu_engine_create(&params, "reference", &engine, &error), VLMC_OK);
    cr_assert_eq(vlmc_lockstep_create(engine, NULL, &made_up_settings, 1, VLMC_GROUP_BYTES_DEFAULT,
                                      &lockstep, &error),
                 VLMC_ERROR_MODEL_INVALID);
    cr_assert_null(lockstep);
    vlmc_engine_destroy(&engine);
    vlmc_model_destroy(&model);
}

static vlmc_lockstep *mixer_alone(const vlmc_mix_settings *settings, uint32_t max_tokens)
{
    vlmc_lockstep *lockstep;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_lockstep_create(NULL, NULL, settings, 128, max_tokens, &lockstep, &error),
                 VLMC_OK, "%s", error.text);
    return lockstep;
}

Test(lockstep, a_group_names_the_settings_of_its_mixer)
{
    uint8_t raw[300], again[300], packed[600];
    fill_text(raw, sizeof raw, 5);
    for (uint32_t effort = VLMC_MIX_FAST; effort <= VLMC_MIX_STRONG; effort++)
        for (uint32_t memory = VLMC_MIX_MEMORY_MIN; memory <= VLMC_MIX_MEMORY_MAX; memory++) {
            const vlmc_mix_settings settings = {effort, memory};
            vlmc_mix_settings told;
            vlmc_lockstep *lockstep = mixer_alone(&settings, sizeof raw);
            size_t size;
            vlmc_error error = {0};
            cr_assert_eq(vlmc_lockstep_encode(lockstep, NULL, raw, sizeof raw, 1, packed,
                                              sizeof packed, &size, NULL, NULL, &error),
                         VLMC_OK, "%s", error.text);
            cr_assert_eq(vlmc_lockstep_settings(packed, size, &told, &error), VLMC_OK);
            cr_assert(told.effort == effort && told.memory == memory);
            cr_assert_eq(vlmc_lockstep_decode(lockstep, NULL, packed, size, 1, again, sizeof raw,
                                              NULL, NULL, &error),
                         VLMC_OK, "%s", error.text);
            cr_assert(memcmp(raw, again, sizeof raw) == 0);
            vlmc_lockstep_destroy(&lockstep);
        }
}

Test(lockstep, a_first_byte_that_names_no_settings_is_damage_or_an_earlier_format)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        const uint8_t packed[2] = {(uint8_t)byte, 0};
        const uint32_t named = byte & ~VLMC_GROUP_X86, effort = named >> 5, memory = named & 31;
        const bool possible = effort <= VLMC_MIX_STRONG && memory < 10;
        const bool earlier = effort <= VLMC_MIX_STRONG && memory >= 17 && memory <= 26;
        vlmc_mix_settings settings;
        vlmc_error error;
        cr_assert_eq(vlmc_lockstep_settings(packed, sizeof packed, &settings, &error),
                     possible  ? VLMC_OK
                     : earlier ? VLMC_ERROR_FORMAT
                               : VLMC_ERROR_DAMAGED,
                     "byte %u", byte);
    }
    vlmc_mix_settings settings;
    vlmc_error error;
    cr_assert_eq(vlmc_lockstep_settings(NULL, 0, &settings, &error), VLMC_ERROR_DAMAGED);
}

Test(lockstep, a_group_with_other_settings_than_the_lock_steps_is_damage)
{
    uint8_t raw[300], packed[600];
    fill_text(raw, sizeof raw, 5);
    vlmc_lockstep *lockstep = mixer_alone(&made_up_settings, sizeof raw);
    size_t size;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_lockstep_encode(lockstep, NULL, raw, sizeof raw, 1, packed, sizeof packed,
                                      &size, NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert_eq(packed[0], made_up_settings_byte);
    for (uint32_t byte = 0; byte < 256; byte++) {
        packed[0] = (uint8_t)byte;
        cr_assert_eq(vlmc_lockstep_decode(lockstep, NULL, packed, size, 1, raw, sizeof raw, NULL,
                                          NULL, &error),
                     (byte & ~VLMC_GROUP_X86) == made_up_settings_byte ? VLMC_OK
                                                                       : VLMC_ERROR_DAMAGED,
                     "byte %u", byte);
    }
    cr_assert_eq(
        vlmc_lockstep_decode(lockstep, NULL, packed, 0, 1, raw, sizeof raw, NULL, NULL, &error),
        VLMC_ERROR_DAMAGED, "an empty group");
    vlmc_lockstep_destroy(&lockstep);
}

Test(lockstep, without_a_model_one_stream_learns_most)
{
    rig r = set_up(NULL, 128, 1);
    vlmc_lockstep *alone = mixer_alone(&made_up_settings, 1000);
    uint32_t streams;
    vlmc_error error;
    const uint32_t sizes[] = {1, 9215, 9216, 100000, VLMC_GROUP_BYTES_MAX};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cr_assert_eq(vlmc_lockstep_streams(r.lockstep, NULL, sizes[i], 6144, &streams, &error),
                     VLMC_OK);
        cr_assert_eq(streams, vlmc_cut_streams(sizes[i], 1, 6144));
        cr_assert_eq(vlmc_lockstep_streams(alone, NULL, sizes[i], 6144, &streams, &error), VLMC_OK);
        cr_assert_eq(streams, 1);
    }
    vlmc_lockstep_destroy(&alone);
    tear_down(&r);
}

Test(lockstep, a_group_larger_than_it_was_made_for_is_refused)
{
    uint8_t raw[300] = {0}, packed[600] = {made_up_settings_byte};
    vlmc_lockstep *lockstep = mixer_alone(&made_up_settings, sizeof raw - 1);
    size_t size;
    vlmc_error error;
    cr_assert_eq(vlmc_lockstep_encode(lockstep, NULL, raw, sizeof raw, 1, packed, sizeof packed,
                                      &size, NULL, NULL, &error),
                 VLMC_ERROR_USAGE);
    cr_assert_eq(size, SIZE_MAX);
    cr_assert_eq(
        vlmc_lockstep_decode(lockstep, NULL, packed, 9, 1, raw, sizeof raw, NULL, NULL, &error),
        VLMC_ERROR_USAGE);
    vlmc_lockstep_destroy(&lockstep);
}

// A text whose second half repeats the first: streams that end at different steps, where the match
// model points into other streams and up to what they have decoded.
Test(lockstep, repeats_across_streams_round_trip)
{
    const uint32_t n = 5011;
    uint8_t *raw = malloc(n);
    rig encoder = set_up(NULL, VLMC_SLAB_STEPS_MAX, 1), decoder = set_up(NULL, 1, 1);
    for (uint32_t streams = 1; streams <= 128; streams = streams * 3 + 1) {
        fill_random(raw, n, streams);
        memcpy(raw + (n + 1) / 2, raw, n / 2);
        check_round_trip(&encoder, &decoder, raw, n, streams);
        for (uint32_t s = 1; s < streams; s++) // every stream the same
            memcpy(raw + s * (n / streams), raw, n / streams);
        check_round_trip(&encoder, &decoder, raw, n, streams);
    }
    free(raw);
    tear_down(&encoder);
    tear_down(&decoder);
}
