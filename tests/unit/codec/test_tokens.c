// SPDX-License-Identifier: Apache-2.0
#include "codec/group.h"
#include "codec/lockstep.h"
#include "cpu/cpu_engine.h"
#include "made_up.h"
#include "tiny_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// A model of 256 symbols with two of the tokenizer's contexts; random, so it predicts nothing.
static vlmc_model *model_of_contexts(void)
{
    vlmc_hyperparameters hp = tiny_hyperparameters;
    hp.n_contexts = 4;
    hp.contexts[2] = (vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 0, 256, 0};
    hp.contexts[3] = (vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 2, 9, 0};
    vlmc_model *model;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_model_random(&hp, 3, &model, &error), VLMC_OK, "%s", error.text);
    return model;
}

#define STREAM_TOKENS 6144u // where the tokenizer has no say

typedef struct rig {
    const vlmc_tokenizer *tokenizer;
    vlmc_model *model;
    vlmc_engine *engine;
    vlmc_lockstep *lockstep;
} rig;

static rig set_up(const vlmc_tokenizer *tokenizer, bool with_model, uint32_t max_steps)
{
    rig r = {.tokenizer = tokenizer};
    vlmc_error error = {0};
    if (with_model) {
        r.model = tokenizer && tokenizer->n_contexts ? model_of_contexts() : tiny_model(1);
        const vlmc_engine_params params = {r.model, VLMC_STREAMS_MAX, max_steps, 1};
        cr_assert_eq(vlmc_cpu_engine_create(&params, NULL, &r.engine, &error), VLMC_OK, "%s",
                     error.text);
    }
    cr_assert_eq(vlmc_lockstep_create(r.engine, tokenizer, &made_up_settings, max_steps,
                                      VLMC_GROUP_BYTES_DEFAULT, &r.lockstep, &error),
                 VLMC_OK, "%s", error.text);
    return r;
}

static void tear_down(rig *r)
{
    vlmc_lockstep_destroy(&r->lockstep);
    vlmc_engine_destroy(&r->engine);
    vlmc_model_destroy(&r->model);
}

static vlmc_token_coding coding_of(const rig *r, const made_up_params *params)
{
    return (vlmc_token_coding){r->tokenizer, params, sizeof *params, 0};
}

static const made_up_params honest = {.align = 1, .stream_tokens = 4096};

static size_t check_round_trip(rig *encoder, rig *decoder, const made_up_params *params,
                               const uint8_t *tokens, uint32_t n)
{
    const vlmc_token_coding coding = coding_of(encoder, params);
    uint8_t *packed = malloc(2 * n + 64), *again = malloc(n);
    size_t size;
    uint32_t streams;
    vlmc_error error = {0};
    cr_assert_eq(
        vlmc_lockstep_streams(encoder->lockstep, &coding, n, STREAM_TOKENS, &streams, &error),
        VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_lockstep_encode(encoder->lockstep, &coding, tokens, n, streams, packed,
                                      2 * n + 64, &size, NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert(size != SIZE_MAX);
    cr_assert_eq(vlmc_lockstep_decode(decoder->lockstep, &coding, packed, size, streams, again, n,
                                      NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    cr_assert(memcmp(tokens, again, n) == 0, "%u tokens in %u streams", n, streams);
    free(packed);
    free(again);
    return size;
}

Test(tokens, symbols_are_distances_from_the_centre_small_ones_first)
{
    const uint8_t order[] = {100, 99, 101, 98, 102, 97};
    for (uint8_t symbol = 0; symbol < sizeof order; symbol++)
        cr_assert_eq(vlmc_token_of_symbol(symbol, 100), order[symbol]);
    for (uint32_t centre = 0; centre < 256; centre++)
        for (uint32_t token = 0; token < 256; token++)
            cr_assert_eq(vlmc_token_of_symbol(vlmc_symbol_of_token((uint8_t)token, centre), centre),
                         token);
    cr_assert_eq(vlmc_symbol_of_token(0, 255), 2, "one above the highest is the lowest");
    cr_assert_eq(vlmc_symbol_of_token(128, 0), 255);
}

Test(tokens, every_kind_of_tokenizer_round_trips_with_and_without_a_model)
{
    const vlmc_tokenizer *const tokenizers[] = {&made_up_centred, &made_up_orders, &made_up_bare,
                                                NULL};
    const uint32_t sizes[] = {1, 2, 100, 4097, 30000};
    uint8_t *tokens = malloc(30000);
    fill_walk(tokens, 30000, 100, 1);
    for (uint32_t k = 0; k < sizeof tokenizers / sizeof *tokenizers; k++)
        for (int with_model = 0; with_model < 2; with_model++) {
            rig encoder = set_up(tokenizers[k], with_model, 128);
            rig decoder = set_up(tokenizers[k], with_model, 1);
            for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                check_round_trip(&encoder, &decoder, &honest, tokens, sizes[i]);
            tear_down(&encoder);
            tear_down(&decoder);
        }
    free(tokens);
}

Test(tokens, aligned_cuts_of_odd_sizes_round_trip)
{
    const made_up_params cuts[] = {
        {.align = 7, .stream_tokens = 2048},    {.align = 1000, .stream_tokens = 2048},
        {.align = 2500, .stream_tokens = 3000}, {.align = 9999, .stream_tokens = 2048},
        {.align = 50000, .stream_tokens = 1},
    };
    uint8_t *tokens = malloc(20001);
    fill_walk(tokens, 20001, 256, 2);
    rig encoder = set_up(&made_up_centred, true, 128), decoder = set_up(&made_up_centred, true, 1);
    for (uint32_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        check_round_trip(&encoder, &decoder, &cuts[i], tokens, 20001);
        check_round_trip(&encoder, &decoder, &cuts[i], tokens, 10000);
        check_round_trip(&encoder, &decoder, &cuts[i], tokens, 3);
    }
    tear_down(&encoder);
    tear_down(&decoder);
    free(tokens);
}

Test(tokens, a_tokenizer_whose_segments_do_not_join_says_how_long_streams_are)
{
    const made_up_params params = {.align = 10, .stream_tokens = 5000};
    const struct {
        const vlmc_tokenizer *tokenizer;
        bool with_model;
        uint32_t streams;
    } cases[] = {{&made_up_centred, true, 10}, // as it asks
                 {&made_up_bare, true, 10},
                 {&made_up_orders, true, 5}, // it joins: as the caller asks
                 {&made_up_centred, false, 1},
                 {&made_up_orders, false, 1}};
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r = set_up(cases[i].tokenizer, cases[i].with_model, 1);
        const vlmc_token_coding coding = coding_of(&r, &params);
        uint32_t streams = 0;
        vlmc_error error = {0};
        cr_assert_eq(vlmc_lockstep_streams(r.lockstep, &coding, 50000, 10000, &streams, &error),
                     VLMC_OK, "%s", error.text);
        cr_assert_eq(streams, cases[i].streams, "%u: %u", i, streams);
        tear_down(&r);
    }
}

Test(tokens, centre_and_contexts_save_bytes_without_a_model)
{
    const uint32_t n = 100000;
    uint8_t *tokens = malloc(n);
    fill_walk(tokens, n, 256, 5); // 2.2 bits a token: half stay, a fifth go up or down, rare leaps
    rig centred = set_up(&made_up_centred, false, 1), bare = set_up(&made_up_bare, false, 1);
    const size_t with = check_round_trip(&centred, &centred, &honest, tokens, n);
    const size_t without = check_round_trip(&bare, &bare, &honest, tokens, n);
    cr_assert(with < n * 28 / 100, "%zu", with);
    cr_assert(without > with * 4 / 3, "%zu", without);
    tear_down(&centred);
    tear_down(&bare);
    free(tokens);
}

Test(tokens, slabs_change_no_byte)
{
    const uint32_t n = 20000;
    uint8_t *tokens = malloc(n), *first = malloc(n), *second = malloc(n);
    fill_walk(tokens, n, 256, 6);
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        rig r = set_up(&made_up_centred, true, i ? 5 : 128);
        const vlmc_token_coding coding = coding_of(&r, &honest);
        vlmc_error error = {0};
        cr_assert_eq(vlmc_lockstep_encode(r.lockstep, &coding, tokens, n, 7, i ? second : first, n,
                                          &sizes[i], NULL, NULL, &error),
                     VLMC_OK, "%s", error.text);
        cr_assert(sizes[i] != SIZE_MAX);
        tear_down(&r);
    }
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert(memcmp(first, second, sizes[0]) == 0);
    free(tokens);
    free(first);
    free(second);
}

Test(tokens, a_model_of_32_contexts_codes_the_same_on_every_instruction_set)
{
    const uint32_t n = 6000;
    vlmc_hyperparameters hp = tiny_hyperparameters;
    hp.n_contexts = VLMC_CONTEXTS_MAX;
    for (uint32_t i = 0; i < VLMC_CONTEXTS_MAX; i++)
        hp.contexts[i] = i % 2 ? (vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 0, 256, 0}
                               : (vlmc_context_spec){VLMC_CONTEXT_PLUGIN, 2, 9, 0};
    vlmc_model *model;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_model_random(&hp, 3, &model, &error), VLMC_OK, "%s", error.text);
    uint8_t *tokens = malloc(n), *first = malloc(2 * n), *second = malloc(2 * n);
    fill_walk(tokens, n, 256, 8);
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        rig r = {.tokenizer = &made_up_centred};
        const vlmc_engine_params params = {model, VLMC_STREAMS_MAX, 128, 1};
        cr_assert_eq(vlmc_cpu_engine_create(&params, i ? "reference" : NULL, &r.engine, &error),
                     VLMC_OK);
        cr_assert_eq(vlmc_lockstep_create(r.engine, r.tokenizer, &made_up_settings, 128,
                                          VLMC_GROUP_BYTES_DEFAULT, &r.lockstep, &error),
                     VLMC_OK, "%s", error.text);
        const vlmc_token_coding coding = coding_of(&r, &honest);
        cr_assert_eq(vlmc_lockstep_encode(r.lockstep, &coding, tokens, n, 3, i ? second : first,
                                          2 * n, &sizes[i], NULL, NULL, &error),
                     VLMC_OK, "%s", error.text);
        cr_assert(sizes[i] != SIZE_MAX);
        tear_down(&r);
    }
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert(memcmp(first, second, sizes[0]) == 0);
    vlmc_model_destroy(&model);
    free(tokens);
    free(first);
    free(second);
}

static vlmc_status encode_with_fault(rig *r, uint32_t fault, uint32_t after, vlmc_error *error)
{
    const made_up_params params = {
        .align = 1, .stream_tokens = 4096, .fault = fault, .after = after};
    const vlmc_token_coding coding = coding_of(r, &params);
    uint8_t tokens[9000], out[18000];
    size_t size;
    fill_walk(tokens, sizeof tokens, 100, 7);
    const vlmc_status status = vlmc_lockstep_encode(r->lockstep, &coding, tokens, sizeof tokens, 2,
                                                    out, sizeof out, &size, NULL, NULL, error);
    cr_assert(status == VLMC_OK || size == SIZE_MAX);
    return status;
}

Test(tokens, a_tokenizer_that_breaks_its_rules_is_found_while_encoding)
{
    const vlmc_tokenizer *const tokenizers[] = {&made_up_centred, &made_up_orders};
    for (uint32_t k = 0; k < 2; k++) {
        rig r = set_up(tokenizers[k], true, 128);
        for (uint32_t fault = MADE_UP_FORGETFUL; fault <= MADE_UP_NO_GEOMETRY; fault++)
            for (uint32_t after = 0; after < 9000; after += 4000) {
                vlmc_error error = {0};
                cr_assert_eq(encode_with_fault(&r, fault, after, &error), VLMC_ERROR_PLUGIN,
                             "fault %u", fault);
                cr_assert_not_null(strstr(error.text, tokenizers[k]->id), "%s", error.text);
            }
        vlmc_error error = {0};
        cr_assert_eq(encode_with_fault(&r, MADE_UP_HONEST, 0, &error), VLMC_OK, "%s", error.text);
        tear_down(&r);
    }
}

Test(tokens, a_token_outside_of_the_alphabet_is_found_while_encoding)
{
    rig r = set_up(&made_up_orders, false, 1);
    const vlmc_token_coding coding = coding_of(&r, &honest);
    uint8_t tokens[1000], out[2000];
    size_t size;
    vlmc_error error = {0};
    memset(tokens, 99, sizeof tokens);
    cr_assert_eq(vlmc_lockstep_encode(r.lockstep, &coding, tokens, sizeof tokens, 1, out,
                                      sizeof out, &size, NULL, NULL, &error),
                 VLMC_OK);
    tokens[777] = 100;
    cr_assert_eq(vlmc_lockstep_encode(r.lockstep, &coding, tokens, sizeof tokens, 1, out,
                                      sizeof out, &size, NULL, NULL, &error),
                 VLMC_ERROR_PLUGIN);
    tear_down(&r);
}

Test(tokens, hostile_bytes_and_hostile_tokenizers_decode_to_an_error_or_something_in_bounds)
{
    const vlmc_tokenizer *const tokenizers[] = {&made_up_centred, &made_up_orders, &made_up_bare};
    uint32_t damaged = 0, broken = 0;
    for (uint32_t round = 0; round < 90; round++) {
        rig r = set_up(tokenizers[round % 3], round % 2, 1);
        const uint32_t n = 1 + round * 17, streams = 1 + round % (n < 128 ? n : 128);
        const made_up_params params = {
            .align = 1, .stream_tokens = 64, .fault = round % 6, .after = round % 7};
        const vlmc_token_coding coding = coding_of(&r, &params);
        uint8_t packed[64], *tokens = malloc(n);
        fill_random(packed, sizeof packed, round);
        packed[0] = made_up_settings_byte;
        vlmc_error error = {0};
        const vlmc_status status = vlmc_lockstep_decode(r.lockstep, &coding, packed, round % 64,
                                                        streams, tokens, n, NULL, NULL, &error);
        cr_assert(status == VLMC_OK || status == VLMC_ERROR_DAMAGED || status == VLMC_ERROR_PLUGIN);
        damaged += status == VLMC_ERROR_DAMAGED;
        broken += status == VLMC_ERROR_PLUGIN;
        free(tokens);
        tear_down(&r);
    }
    cr_assert(damaged > 5 && broken > 5, "%u damaged, %u broken", damaged, broken);
}

Test(tokens, tokens_are_never_machine_code)
{
    rig r = set_up(&made_up_centred, false, 1);
    const vlmc_token_coding coding = coding_of(&r, &honest);
    uint8_t tokens[500], packed[1000];
    size_t size;
    vlmc_error error = {0};
    fill_walk(tokens, sizeof tokens, 256, 3);
    cr_assert_eq(vlmc_lockstep_encode(r.lockstep, &coding, tokens, sizeof tokens, 1, packed,
                                      sizeof packed, &size, NULL, NULL, &error),
                 VLMC_OK, "%s", error.text);
    packed[0] |= VLMC_GROUP_X86;
    cr_assert_eq(vlmc_lockstep_decode(r.lockstep, &coding, packed, size, 1, tokens, sizeof tokens,
                                      NULL, NULL, &error),
                 VLMC_ERROR_DAMAGED);
    tear_down(&r);
}

Test(tokens, impossible_numbers_of_streams_are_damage)
{
    rig r = set_up(&made_up_centred, false, 1);
    const made_up_params params = {.align = 100, .stream_tokens = 2048};
    const vlmc_token_coding coding = coding_of(&r, &params);
    uint8_t packed[4] = {made_up_settings_byte}, tokens[1000];
    vlmc_error error;
    const uint32_t bad[] = {0, 11, 129, UINT32_MAX};
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(vlmc_lockstep_decode(r.lockstep, &coding, packed, 4, bad[i], tokens, 1000,
                                          NULL, NULL, &error),
                     VLMC_ERROR_DAMAGED);
    tear_down(&r);
}

Test(tokens, declarations_beyond_the_limits_are_refused)
{
    const vlmc_context_declaration too_large = {"x", "", 65537, VLMC_CONTEXT_EMBED};
    const vlmc_context_declaration no_size = {"x", "", 0, VLMC_CONTEXT_SELECT};
    const vlmc_context_declaration selects[3] = {
        {"a", "", 2, VLMC_CONTEXT_SELECT},
        {"b", "", 2, VLMC_CONTEXT_SELECT},
        {"c", "", 2, VLMC_CONTEXT_SELECT},
    };
    vlmc_tokenizer bad[5] = {made_up_bare, made_up_bare, made_up_bare, made_up_bare, made_up_bare};
    bad[0].contexts = &too_large;
    bad[1].contexts = &no_size;
    bad[2].contexts = selects;
    bad[0].n_contexts = bad[1].n_contexts = 1;
    bad[2].n_contexts = 3;
    bad[3].alphabet = 257;
    bad[4].n_contexts = 65;
    for (uint32_t i = 0; i < 5; i++) {
        vlmc_lockstep *lockstep;
        vlmc_error error;
        cr_assert_eq(vlmc_lockstep_create(NULL, &bad[i], &made_up_settings, 1,
                                          VLMC_GROUP_BYTES_DEFAULT, &lockstep, &error),
                     VLMC_ERROR_PLUGIN);
        cr_assert_null(lockstep);
    }
}

Test(tokens, a_packer_takes_tokens_and_leaves_its_result_when_the_tokenizer_fails)
{
    vlmc_group_packer *packer;
    vlmc_error error = {0};
    cr_assert_eq(vlmc_group_packer_create(true, &packer, &error), VLMC_OK);
    rig r = set_up(&made_up_centred, false, 128);
    const uint32_t n = 50000;
    uint8_t *tokens = malloc(n);
    fill_walk(tokens, n, 256, 9);
    made_up_params params = {.align = 10, .stream_tokens = 5000};
    const vlmc_token_coding coding = coding_of(&r, &params);
    vlmc_packed_group plain, best;
    cr_assert_eq(vlmc_group_pack(packer, tokens, n, &plain, &error), VLMC_OK);
    best = plain;
    params.fault = MADE_UP_FORGETFUL;
    cr_assert_eq(vlmc_group_pack_model(packer, r.lockstep, &coding, tokens, n, STREAM_TOKENS, 0,
                                       &best, NULL, NULL, &error),
                 VLMC_ERROR_PLUGIN);
    cr_assert(memcmp(&best, &plain, sizeof best) == 0);
    params.fault = MADE_UP_HONEST;
    cr_assert_eq(vlmc_group_pack_model(packer, r.lockstep, &coding, tokens, n, STREAM_TOKENS, 0,
                                       &best, NULL, NULL, &error),
                 VLMC_OK);
    cr_assert_eq(best.method, VLMC_GROUP_MODEL);
    cr_assert_eq(best.streams, 1, "without a model");
    cr_assert(best.size < plain.size);
    free(tokens);
    tear_down(&r);
    vlmc_group_packer_destroy(&packer);
}
