// SPDX-License-Identifier: Apache-2.0
#include "plugin_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY 0x55u

static void fill(uint8_t *bytes, size_t n, const char *magic)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
    memcpy(bytes, magic, strlen(magic));
}

typedef struct collected {
    uint8_t *bytes;
    size_t n;
} collected;

static vlmc_status collect(void *user, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    collected *c = user;
    (void)error;
    memcpy(c->bytes + c->n, bytes, n);
    c->n += n;
    return VLMC_OK;
}

static const vlmc_tokenizer *tokenizer_of(vlmc_plugins *plugins, const char *id)
{
    const vlmc_tokenizer *tokenizer;
    vlmc_error error;
    cr_assert_eq(vlmc_plugins_find_any(plugins, id, &tokenizer, &error), VLMC_OK, "%s", error.text);
    return tokenizer;
}

// All segments of `n` bytes in the window: encoded, decoded again and compared.
static void check_file(vlmc_worker *worker, const uint8_t *bytes, size_t n, uint32_t *segments)
{
    size_t at = 0;
    vlmc_error error;
    uint8_t *copy = malloc(n);
    collected back = {copy, 0};
    cr_assert_not_null(copy);
    for (*segments = 0; at < n; ++*segments) {
        vlmc_worker_segment segment;
        vlmc_worker_tokens tokens;
        cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_OK, "%s",
                     error.text);
        const size_t m = (size_t)segment.bytes;
        if (segment.tokenizer) {
            uint8_t key = segment.params[0];
            cr_assert_eq(vlmc_worker_encode(worker, segment.tokenizer, segment.params,
                                            segment.params_bytes, m, &tokens, &error),
                         VLMC_OK, "%s", error.text);
            cr_assert_eq(tokens.n, m);
            uint8_t *kept = malloc(m);
            memcpy(kept, tokens.tokens, m);
            back.n = 0;
            cr_assert_eq(vlmc_worker_decode_begin(worker, segment.tokenizer, &key, 1, m, &error),
                         VLMC_OK);
            cr_assert_eq(vlmc_worker_decode(worker, kept, m, true, collect, &back, &error), VLMC_OK,
                         "%s", error.text);
            cr_assert_eq(memcmp(copy, bytes + at, m), 0);
            free(kept);
        }
        vlmc_worker_skip(worker, m);
        at += m;
    }
    cr_assert_eq(at, n);
    free(copy);
}

Test(worker, a_file_is_analysed_encoded_and_decoded)
{
    const char *const names[] = {"good", "lossy"};
    static uint8_t bytes[(3u << 20) + 77];
    vlmc_worker_probe probe;
    vlmc_error error;
    uint32_t segments;
    vlmc_plugins *plugins = open_plugins(names, 2, NULL);
    vlmc_worker *worker = make_worker(plugins);
    fill(bytes, sizeof bytes, "good!");
    for (int turn = 0; turn < 2; turn++) {
        begin_file(worker, "x.good", bytes, sizeof bytes);
        cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK, "%s", error.text);
        cr_assert_str_eq(probe.plugin->plugin->id, "good");
        cr_assert_eq(probe.confidence, 90);
        check_file(worker, bytes, sizeof bytes, &segments);
        cr_assert_eq(segments, 5);
    }
    vlmc_worker_destroy(&worker);
    cr_assert_null(worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, it_works_without_a_child_too)
{
    const char *const names[] = {"good"};
    static uint8_t bytes[300000];
    const vlmc_worker_options options = {.plugins = open_plugins(names, 1, NULL),
                                         .in_process = true};
    vlmc_plugins *plugins = options.plugins;
    vlmc_worker *worker;
    vlmc_worker_probe probe;
    vlmc_error error;
    uint32_t segments;
    cr_assert_eq(vlmc_worker_create(&options, &worker, &error), VLMC_OK);
    cr_assert_not(vlmc_worker_isolated(worker));
    fill(bytes, sizeof bytes, "good!");
    begin_file(worker, NULL, bytes, sizeof bytes);
    cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK);
    check_file(worker, bytes, sizeof bytes, &segments);
    cr_assert_eq(segments, 2);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, a_file_that_nobody_claims_is_plain_bytes)
{
    const char *const names[] = {"good"};
    vlmc_worker_probe probe;
    vlmc_worker_segment segment;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    vlmc_worker *worker = make_worker(plugins);
    begin_file(worker, "good.good", "bad", 3);
    cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK);
    cr_assert_null(probe.plugin);
    cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_ERROR_UNSUPPORTED);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

static vlmc_status encode_with(vlmc_worker *worker, vlmc_plugins *plugins, const char *id,
                               const uint8_t *bytes, size_t n, vlmc_error *error)
{
    vlmc_worker_tokens tokens;
    const uint8_t key = KEY;
    begin_file(worker, NULL, bytes, n);
    return vlmc_worker_encode(worker, tokenizer_of(plugins, id), &key, 1, n, &tokens, error);
}

Test(worker, what_a_plugin_does_wrong_in_encode_is_told_and_the_next_call_works)
{
    static const struct {
        const char *plugin;
        const char *says;
    } cases[] = {
        {"lossy", "does not restore"},
        {"trap", "crashed in encode (Aborted)"},
        {"hang", "took longer than 2 seconds"},
        {"stall", "stands still"},
        {"overrun", "more than there was room for"},
    };
    static uint8_t bytes[200000];
    fill(bytes, sizeof bytes, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const names[] = {cases[i].plugin, "good"};
        char id[80];
        vlmc_error error;
        vlmc_plugins *plugins = open_plugins(names, 2, NULL);
        vlmc_worker *worker = make_worker(plugins);
        snprintf(id, sizeof id, "%s.xor", cases[i].plugin);
        cr_assert_eq(encode_with(worker, plugins, id, bytes, sizeof bytes, &error),
                     VLMC_ERROR_PLUGIN);
        cr_assert(strstr(error.text, cases[i].says), "%s: %s", cases[i].plugin, error.text);
        cr_assert(strstr(error.text, cases[i].plugin), "%s", error.text);
        cr_assert_eq(encode_with(worker, plugins, "good.xor", bytes, sizeof bytes, &error), VLMC_OK,
                     "%s", error.text);
        vlmc_worker_destroy(&worker);
        vlmc_plugins_close(&plugins);
    }
}

Test(worker, a_plugin_that_wants_memory_without_end_is_refused_it)
{
    const char *const names[] = {"greedy", "spiller"};
    const char *const ids[] = {"greedy.xor", "spiller.xor"};
    static uint8_t bytes[2 << 20];
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 2, NULL);
    vlmc_worker *worker = make_worker(plugins);
#ifdef __SANITIZE_ADDRESS__
    const size_t n = 1; // its small blocks come from address space that was there at the start
#else
    const size_t n = 2;
#endif
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(encode_with(worker, plugins, ids[i], bytes, sizeof bytes, &error),
                     VLMC_ERROR_PLUGIN);
        // The sanitizers' malloc ends the process where the C library's returns NULL.
        cr_assert(strstr(error.text, "memory") || strstr(error.text, "ended its process"), "%s",
                  error.text);
    }
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, a_crash_in_probe_costs_one_file_and_at_the_third_the_plugin)
{
    const char *const names[] = {"crash", "good"};
    notice_log log = {0};
    vlmc_worker_probe probe;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 2, &log);
    vlmc_worker *worker = make_worker(plugins);
    for (int turn = 0; turn < 5; turn++) {
        begin_file(worker, NULL, "crash!", 6);
        cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error),
                     turn < 3 ? VLMC_ERROR_PLUGIN : VLMC_OK);
        if (turn < 3)
            cr_assert_str_eq(error.text, "the plugin crash crashed in probe (Aborted)");
        cr_assert_eq(log.n, turn < 2 ? 0 : 1);
        begin_file(worker, NULL, "good!..", 7);
        cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK, "%s", error.text);
        cr_assert_str_eq(probe.plugin->plugin->id, "good");
    }
    cr_assert(strstr(log.last, "crash has failed 3 times"), "%s", log.last);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, a_plugin_that_crashes_when_it_is_loaded_is_told_once_and_left_out)
{
    const char *const names[] = {"good", "loadcrash", "newer"};
    notice_log log = {0};
    vlmc_worker_probe probe;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 3, &log);
    vlmc_worker *worker = make_worker(plugins);
    for (int turn = 0; turn < 2; turn++) {
        begin_file(worker, NULL, "good!..", 7);
        cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK, "%s", error.text);
        cr_assert_str_eq(probe.plugin->plugin->id, "good");
        cr_assert_eq(log.n, 2);
    }
    cr_assert_null(vlmc_plugins_load(plugins, 1), "it would crash here too");
    cr_assert_eq(log.n, 2);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, segments_that_make_no_sense_are_refused)
{
    const char *const names[] = {"endless"};
    vlmc_worker_probe probe;
    vlmc_worker_segment segment;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    vlmc_worker *worker = make_worker(plugins);
    begin_file(worker, NULL, "endless!......", 14);
    cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK);
    cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_ERROR_PLUGIN);
    cr_assert(strstr(error.text, "longer than the file"), "%s", error.text);
    cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_ERROR_UNSUPPORTED);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, after_a_crash_in_encode_the_rest_of_the_file_is_plain_bytes)
{
    const char *const names[] = {"trap"};
    vlmc_worker_probe probe;
    vlmc_worker_segment segment;
    vlmc_worker_tokens tokens;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    vlmc_worker *worker = make_worker(plugins);
    begin_file(worker, NULL, "trap!..........", 15);
    cr_assert_eq(vlmc_worker_probe_file(worker, &probe, &error), VLMC_OK);
    cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_OK);
    vlmc_worker_skip(worker, (size_t)segment.bytes);
    cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_OK);
    cr_assert_eq(vlmc_worker_encode(worker, segment.tokenizer, segment.params, segment.params_bytes,
                                    10, &tokens, &error),
                 VLMC_ERROR_PLUGIN);
    cr_assert_eq(vlmc_worker_next_segment(worker, true, &segment, &error), VLMC_ERROR_UNSUPPORTED);
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, a_decoder_is_fed_as_in_the_proof_however_the_tokens_come)
{
    // "cutter" restores only what is cut as it was when it was encoded.
    const char *const names[] = {"cutter"};
    static uint8_t bytes[500000];
    static uint8_t tokens_kept[sizeof bytes];
    static uint8_t copy[sizeof bytes];
    const size_t cuts[] = {sizeof bytes, 65536, 65535, 100000, 7777};
    const uint8_t key = KEY;
    vlmc_worker_tokens tokens;
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    vlmc_worker *worker = make_worker(plugins);
    const vlmc_tokenizer *tokenizer = tokenizer_of(plugins, "cutter.xor");
    fill(bytes, sizeof bytes, "");
    begin_file(worker, NULL, bytes, sizeof bytes);
    cr_assert_eq(vlmc_worker_encode(worker, tokenizer, &key, 1, sizeof bytes, &tokens, &error),
                 VLMC_OK, "%s", error.text);
    memcpy(tokens_kept, tokens.tokens, tokens.n);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        collected back = {copy, 0};
        cr_assert_eq(vlmc_worker_decode_begin(worker, tokenizer, &key, 1, sizeof bytes, &error),
                     VLMC_OK);
        for (size_t at = 0; at < sizeof bytes;) {
            const size_t left = sizeof bytes - at;
            const size_t n = cuts[i] < left ? cuts[i] : left;
            cr_assert_eq(
                vlmc_worker_decode(worker, tokens_kept + at, n, false, collect, &back, &error),
                VLMC_OK, "%s", error.text);
            at += n;
        }
        cr_assert_eq(vlmc_worker_decode(worker, NULL, 0, true, collect, &back, &error), VLMC_OK,
                     "%s", error.text);
        cr_assert_eq(memcmp(copy, bytes, sizeof bytes), 0);
    }
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, tokens_that_make_another_number_of_bytes_are_damage)
{
    const char *const names[] = {"good"};
    static const uint8_t tokens[5000];
    static uint8_t copy[8192];
    const uint64_t sizes[] = {4999, 5001, 0, UINT64_MAX};
    const uint8_t key[2] = {1, 2};
    vlmc_error error;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    vlmc_worker *worker = make_worker(plugins);
    const vlmc_tokenizer *tokenizer = tokenizer_of(plugins, "good.xor");
    for (size_t i = 0; i < 4; i++) {
        collected back = {copy, 0};
        cr_assert_eq(vlmc_worker_decode_begin(worker, tokenizer, key, 1, sizes[i], &error),
                     VLMC_OK);
        cr_assert_eq(vlmc_worker_decode(worker, tokens, 5000, true, collect, &back, &error),
                     VLMC_ERROR_DAMAGED);
        cr_assert_leq(back.n, 5000);
    }
    cr_assert_eq(vlmc_worker_decode_begin(worker, tokenizer, key, 2, 5, &error), VLMC_ERROR_DAMAGED,
                 "parameters that it does not take");
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}

Test(worker, the_window_slides_over_a_file_that_is_longer)
{
    const char *const names[] = {"good"};
    const size_t total = 3 * VLMC_WORKER_WINDOW_BYTES + 12345;
    vlmc_error error;
    size_t read = 0;
    size_t at = 0;
    uint32_t turn = 0;
    vlmc_plugins *plugins = open_plugins(names, 1, NULL);
    vlmc_worker *worker = make_worker(plugins);
    cr_assert_eq(vlmc_worker_begin(worker, NULL, &error), VLMC_OK);
    while (at < total) {
        uint8_t *room;
        const uint8_t *window;
        size_t n;
        vlmc_worker_room(worker, &room, &n);
        n = n < total - read ? n : total - read;
        for (size_t i = 0; i < n; i += 4093) // a trace that says where it is from
            room[i] = (uint8_t)((read + i) * 2654435761u >> 13);
        for (size_t i = 0; i < n; i++)
            if (i % 4093)
                room[i] = 0;
        const size_t first = read;
        vlmc_worker_add(worker, n);
        read += n;
        vlmc_worker_window(worker, &window, &n);
        cr_assert_eq(n,
                     VLMC_WORKER_WINDOW_BYTES < total - at ? VLMC_WORKER_WINDOW_BYTES : total - at);
        cr_assert_eq(at + n, read);
        if (first < read)
            cr_assert_eq(window[first - at], (uint8_t)(first * 2654435761u >> 13));
        const size_t skip = (turn++ % 3 + 1) * 9000001;
        vlmc_worker_skip(worker, skip);
        at += skip < n ? skip : n;
    }
    vlmc_worker_destroy(&worker);
    vlmc_plugins_close(&plugins);
}
