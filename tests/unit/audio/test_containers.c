// SPDX-License-Identifier: Apache-2.0
#include "audio_support.h"
#include "plugins/audio/layout.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_BYTES 12000u

typedef struct wav {
    const char *magic; // NULL: RIFF
    uint32_t format, channels, bits;
    bool extensible, big_endian;
    uint32_t data_bytes;
    const uint32_t *claimed; // size in the data chunk; NULL: the right one
} wav;

static void put_format(plugin_bytes *out, const wav *w)
{
    const bool be = w->big_endian;
    const uint32_t frame = w->channels * ((w->bits + 7) / 8);
    plugin_put_text(out, "fmt ");
    plugin_put_number(out, w->extensible ? 40 : 16, 4, be);
    plugin_put_number(out, w->extensible ? 0xFFFE : w->format, 2, be);
    plugin_put_number(out, w->channels, 2, be);
    plugin_put_number(out, 44100, 4, be);
    plugin_put_number(out, 44100 * frame, 4, be);
    plugin_put_number(out, frame, 2, be);
    plugin_put_number(out, w->bits, 2, be);
    if (!w->extensible)
        return;
    plugin_put_number(out, 22, 2, be);
    plugin_put_number(out, w->bits, 2, be);
    plugin_put_number(out, 3, 4, be);
    plugin_put_number(out, w->format, 2, be);
    plugin_put(out, "\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71", 14);
}

static void put_samples(plugin_bytes *out, uint32_t n_bytes)
{
    uint64_t random = 5;
    for (uint32_t i = 0; i < n_bytes; i++) {
        const uint8_t byte = (uint8_t)plugin_random(&random);
        plugin_put(out, &byte, 1);
    }
}

static void put_data(plugin_bytes *out, const wav *w)
{
    plugin_put_text(out, "data");
    plugin_put_number(out, w->claimed ? *w->claimed : w->data_bytes, 4, w->big_endian);
    put_samples(out, w->data_bytes);
}

static void put_magic(plugin_bytes *out, const wav *w)
{
    plugin_put_text(out, w->magic ? w->magic : "RIFF");
    plugin_put_number(out, 4 + 24 + 8 + w->data_bytes, 4, w->big_endian);
    plugin_put_text(out, "WAVE");
}

static plugin_bytes make_wav(const wav *w)
{
    plugin_bytes out = {0};
    put_magic(&out, w);
    put_format(&out, w);
    put_data(&out, w);
    return out;
}

// Checks the file, frees it and says how many bytes were samples.
static uint64_t samples_in(plugin_bytes *file)
{
    audio_report report = audio_check_file(file->data, file->n, 0, 1);
    const uint64_t n = report.pcm_bytes;
    cr_assert_null(report.fault, "%s", report.fault);
    cr_assert_eq(report.pcm_bytes + report.flac_bytes + report.plain_bytes, file->n);
    audio_report_free(&report);
    plugin_free(file);
    return n;
}

static uint64_t samples_in_wav(const wav *w)
{
    plugin_bytes file = make_wav(w);
    return samples_in(&file);
}

Test(wav, each_integer_layout_is_samples)
{
    for (uint32_t bits = 8; bits <= 24; bits += 8) {
        for (uint32_t channels = 1; channels <= 8; channels++) {
            for (uint32_t kind = 0; kind < 4; kind++) {
                const wav w = {.format = 1,
                               .channels = channels,
                               .bits = bits,
                               .extensible = kind & 1,
                               .big_endian = kind >= 2,
                               .magic = kind >= 2 ? "RIFX" : "RIFF",
                               .data_bytes = SAMPLES_BYTES};
                plugin_bytes file = make_wav(&w);
                audio_report report = audio_check_file(file.data, file.n, 1000, bits + channels);
                cr_assert_null(report.fault, "%s", report.fault);
                cr_expect_eq(report.pcm_bytes, SAMPLES_BYTES);
                const uint8_t expected[AUDIO_LAYOUT_BYTES] = {(uint8_t)(bits / 8),
                                                              (uint8_t)channels,
                                                              bits > 8,
                                                              kind < 2 && bits > 8,
                                                              0x44,
                                                              0xAC};
                cr_expect_arr_eq(report.pcm_params.data, expected, sizeof expected);
                audio_report_free(&report);
                plugin_free(&file);
            }
        }
    }
}

Test(wav, other_samples_stay_plain_bytes)
{
    const wav not_handled[] = {
        {.format = 3, .channels = 1, .bits = 32}, // float
        {.format = 1, .channels = 1, .bits = 32}, // 32-bit integers
        {.format = 3, .channels = 1, .bits = 16}, // half floats
        {.format = 2, .channels = 1, .bits = 4},  // ADPCM
        {.format = 7, .channels = 1, .bits = 8},  // mu-law
        {.format = 1, .channels = 0, .bits = 16}, // none
        {.format = 1, .channels = 9, .bits = 16}, // too many
        {.format = 1, .channels = 65535, .bits = 16},
        {.format = 1, .channels = 1, .bits = 0},
        {.format = 1, .channels = 1, .bits = 65535},
        {.format = 3, .channels = 2, .bits = 32, .extensible = true},
        {.magic = "RIFY", .format = 1, .channels = 1, .bits = 16},
    };
    for (uint32_t i = 0; i < sizeof not_handled / sizeof *not_handled; i++) {
        wav w = not_handled[i];
        w.data_bytes = 2000;
        cr_expect_eq(samples_in_wav(&w), 0, "%u", i);
    }
}

Test(wav, a_size_that_lies_costs_nothing)
{
    const struct {
        uint32_t claimed;
        uint64_t samples;
    } lies[] = {{0xFFFFFFFF, 5001},
                {0xFFFFFFFE, 5001},
                {0x80000000, 5001},
                {0, 5001},
                {5002, 5001},
                {4999, 4999},
                {1, 1}};
    for (uint32_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const wav w = {.format = 1,
                       .channels = 2,
                       .bits = 24,
                       .data_bytes = 5001,
                       .claimed = &lies[i].claimed};
        cr_expect_eq(samples_in_wav(&w), lies[i].samples, "%u", lies[i].claimed);
    }
}

Test(wav, an_empty_data_chunk_before_another_chunk_is_empty)
{
    const wav w = {.format = 1, .channels = 1, .bits = 16};
    plugin_bytes file = make_wav(&w);
    plugin_put_text(&file, "LIST");
    plugin_put_number(&file, 4, 4, false);
    plugin_put_text(&file, "INFO");
    cr_expect_eq(samples_in(&file), 0);
}

Test(wav, chunks_may_come_in_any_order)
{
    const wav w = {.format = 1, .channels = 1, .bits = 16, .data_bytes = 4001};
    plugin_bytes file = {0};
    put_magic(&file, &w);
    plugin_put_text(&file, "odd ");
    plugin_put_number(&file, 3, 4, false);
    plugin_put(&file, "abc", 4); // with its pad byte
    put_data(&file, &w);
    plugin_put(&file, "", 1);
    put_format(&file, &w);
    cr_expect_eq(samples_in(&file), 4001);
}

Test(wav, sizes_of_64_bits_are_read)
{
    const uint32_t unknown = 0xFFFFFFFF;
    for (uint32_t high = 0; high < 2; high++) {
        const wav w = {.magic = high ? "BW64" : "RF64",
                       .format = 1,
                       .channels = 2,
                       .bits = 16,
                       .data_bytes = 6000,
                       .claimed = &unknown};
        plugin_bytes file = {0};
        put_magic(&file, &w);
        plugin_put_text(&file, "ds64");
        plugin_put_number(&file, 28, 4, false);
        plugin_put_number(&file, 0, 4, false);
        plugin_put_number(&file, 0, 4, false);
        plugin_put_number(&file, 4000, 4, false);
        plugin_put_number(&file, high, 4, false);
        for (int i = 0; i < 3; i++)
            plugin_put_number(&file, 0, 4, false);
        put_format(&file, &w);
        put_data(&file, &w);
        cr_expect_eq(samples_in(&file), high ? 6000 : 4000);
    }
}

Test(wav, what_follows_the_samples_is_plain)
{
    const wav w = {.format = 1, .channels = 1, .bits = 8, .data_bytes = 4000};
    plugin_bytes file = make_wav(&w);
    put_samples(&file, 777);
    cr_expect_eq(samples_in(&file), 4000);
}

Test(wav, segments_end_between_frames_and_at_32_MiB)
{
    const wav w = {.format = 1, .channels = 3, .bits = 24};
    const vlmc_analyser *analyser = plugin_analyser(&vlmc_plugin_entry);
    const size_t n = (size_t)70 << 20, head = 44;
    uint8_t *file = calloc(1, n);
    plugin_bytes start = make_wav(&w);
    void *analysis;
    memcpy(file, start.data, head);
    memset(file + 40, 0xFF, 4);
    cr_assert_eq(analyser->create(NULL, &analysis), VLMC_PLUGIN_OK);
    const uint64_t most = (32u << 20) - (32u << 20) % 9;
    const uint64_t expected[] = {head, most, most, n - head - 2 * most};
    size_t at = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const size_t window = n - at < (size_t)64 << 20 ? n - at : (size_t)64 << 20;
        vlmc_segment s;
        cr_assert_eq(analyser->next(analysis, file + at, window, at + window == n, &s), 0);
        cr_expect_eq(s.bytes, expected[i]);
        cr_expect_eq(s.tokenizer != NULL, i > 0);
        at += s.bytes;
    }
    cr_expect_eq(at, n);
    analyser->destroy(analysis);
    plugin_free(&start);
    free(file);
}

typedef struct aiff {
    const char *coding; // NULL: plain AIFF
    uint32_t channels, bits, offset, data_bytes;
} aiff;

static plugin_bytes make_aiff(const aiff *a, bool sound_first)
{
    plugin_bytes out = {0};
    plugin_put_text(&out, "FORM");
    plugin_put_number(&out, 1000, 4, true);
    plugin_put_text(&out, a->coding ? "AIFC" : "AIFF");
    for (int part = 0; part < 2; part++) {
        if ((part == 0) == sound_first) {
            plugin_put_text(&out, "SSND");
            plugin_put_number(&out, 8 + a->data_bytes, 4, true);
            plugin_put_number(&out, a->offset, 4, true);
            plugin_put_number(&out, 0, 4, true);
            put_samples(&out, a->data_bytes + (a->data_bytes & 1));
            continue;
        }
        plugin_put_text(&out, "COMM");
        plugin_put_number(&out, a->coding ? 24 : 18, 4, true);
        plugin_put_number(&out, a->channels, 2, true);
        plugin_put_number(&out, 1000, 4, true);
        plugin_put_number(&out, a->bits, 2, true);
        plugin_put(&out, "\x40\x0E\xAC\x44\0\0\0\0\0\0", 10);
        if (a->coding) {
            plugin_put_text(&out, a->coding);
            plugin_put_number(&out, 0, 2, true);
        }
    }
    return out;
}

Test(aiff, each_integer_layout_is_samples)
{
    static const char *const codings[] = {NULL, "NONE", "twos", "sowt"};
    for (uint32_t i = 0; i < 4 * 3 * 8; i++) {
        const aiff a = {.coding = codings[i % 4],
                        .bits = 8 + 8 * (i / 4 % 3),
                        .channels = 1 + i / 12,
                        .data_bytes = 6000};
        plugin_bytes file = make_aiff(&a, i & 1);
        audio_report report = audio_check_file(file.data, file.n, 500, i);
        cr_assert_null(report.fault, "%s", report.fault);
        cr_expect_eq(report.pcm_bytes, 6000);
        const uint8_t expected[AUDIO_LAYOUT_BYTES] = {
            (uint8_t)(a.bits / 8), (uint8_t)a.channels, 1, i % 4 == 3 && a.bits > 8, 0x44, 0xAC};
        cr_expect_arr_eq(report.pcm_params.data, expected, sizeof expected, "%u", i);
        audio_report_free(&report);
        plugin_free(&file);
    }
}

Test(aiff, samples_begin_behind_the_offset)
{
    const aiff a = {.channels = 1, .bits = 16, .offset = 100, .data_bytes = 6001};
    const aiff beyond = {.channels = 1, .bits = 16, .offset = 0xFFFFFFF0, .data_bytes = 6000};
    plugin_bytes file = make_aiff(&a, false);
    cr_expect_eq(samples_in(&file), 5901);
    file = make_aiff(&beyond, false);
    cr_expect_eq(samples_in(&file), 6000);
}

Test(aiff, other_samples_stay_plain_bytes)
{
    const aiff not_handled[] = {
        {.coding = "fl32", .channels = 1, .bits = 32},
        {.coding = "ulaw", .channels = 1, .bits = 8},
        {.channels = 0, .bits = 16},
        {.channels = 1, .bits = 0},
        {.channels = 1, .bits = 32},
        {.channels = 40000, .bits = 8},
    };
    for (uint32_t i = 0; i < sizeof not_handled / sizeof *not_handled; i++) {
        aiff a = not_handled[i];
        a.data_bytes = 2000;
        plugin_bytes file = make_aiff(&a, i & 1);
        cr_expect_eq(samples_in(&file), 0, "%u", i);
    }
}

// Every prefix, and every byte of the head changed in a few ways.
static void harm(const plugin_bytes *file)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    for (size_t n = 1; n < file->n; n++) {
        audio_report report = audio_check_file(file->data, n, 0, 1);
        cr_assert_null(report.fault, "%zu: %s", n, report.fault);
        audio_report_free(&report);
    }
    for (size_t i = 0; i < 110 && i < file->n; i++) {
        const uint8_t before = file->data[i];
        for (uint32_t v = 0; v < sizeof values; v++) {
            file->data[i] = values[v];
            audio_report report = audio_check_file(file->data, file->n, 0, 1);
            cr_assert_null(report.fault, "%zu: %s", i, report.fault);
            audio_report_free(&report);
        }
        file->data[i] = before;
    }
}

Test(containers, a_file_cut_or_changed_anywhere_comes_back)
{
    const wav w = {.format = 1, .channels = 2, .bits = 16, .extensible = true, .data_bytes = 301};
    const aiff a = {.coding = "NONE", .channels = 2, .bits = 24, .offset = 4, .data_bytes = 301};
    plugin_bytes file = make_wav(&w);
    harm(&file);
    plugin_free(&file);
    file = make_aiff(&a, false);
    harm(&file);
    plugin_free(&file);
}

Test(containers, a_name_alone_is_never_enough)
{
    const vlmc_analyser *analyser = plugin_analyser(&vlmc_plugin_entry);
    const char text[] = "This is a letter, and no sound at all. RIFF WAVE fLaC FORM AIFF.";
    const wav w = {.format = 1, .channels = 1, .bits = 16, .data_bytes = 300};
    plugin_bytes file = make_wav(&w);
    cr_expect_eq(analyser->probe((const uint8_t *)text, sizeof text, "song.wav"), 0);
    cr_expect_eq(analyser->probe((const uint8_t *)text, 0, "song.flac"), 0);
    cr_expect_eq(analyser->probe(file.data, file.n, "letter.txt"), 100);
    cr_expect_eq(analyser->probe(file.data, file.n, NULL), 100);
    cr_expect_eq(analyser->probe(file.data, 12, NULL), 40);
    plugin_free(&file);
}

Test(containers, chunks_without_end_are_read_to_a_limit)
{
    const wav w = {.format = 1, .channels = 1, .bits = 16};
    plugin_bytes file = {0};
    put_magic(&file, &w);
    for (int i = 0; i < 100000; i++)
        plugin_put(&file, "junk\0\0\0\0", 8);
    put_format(&file, &w);
    cr_expect_eq(samples_in(&file), 0);
}
