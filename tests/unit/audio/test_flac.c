// SPDX-License-Identifier: Apache-2.0
#include "flac_files.h"
#include "plugins/audio/flac.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// (n, channels)
static int32_t *make_samples(uint32_t n, uint32_t channels, uint32_t bits)
{
    uint64_t random = 11;
    int32_t *samples = malloc((size_t)n * channels * sizeof *samples);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < channels; c++) // neighbours are alike, so that stereo pays
            samples[i * channels + c] = audio_sample(i, c / 2, bits, &random) + (int32_t)c % 2;
    }
    return samples;
}

static size_t frames_at(const plugin_bytes *file)
{
    flac_stream stream;
    size_t at;
    cr_assert(flac_read_start(file->data, file->n, &stream, &at) && at > 0);
    return at;
}

// Every frame as samples, and few bytes of parameters. Frees the file.
static void expect_all_frames(plugin_bytes *file, size_t piece_bytes)
{
    audio_report report = audio_check_file(file->data, file->n, piece_bytes, file->n);
    cr_assert_null(report.fault, "%s", report.fault);
    cr_expect_eq(report.flac_bytes, file->n - frames_at(file), "%zu of %zu",
                 (size_t)report.flac_bytes, file->n);
    audio_report_free(&report);
    plugin_free(file);
}

static void check_library(flac_spec spec, size_t piece_bytes)
{
    int32_t *samples = make_samples(spec.n_samples, spec.channels, spec.bits);
    spec.samples = samples;
    plugin_bytes file = flac_file_of_library(&spec);
    expect_all_frames(&file, piece_bytes);
    free(samples);
}

Test(flac, files_of_every_level_come_back)
{
    static const uint8_t bits[] = {8, 16, 24, 12, 20};
    for (uint32_t i = 0; i < 9 * 5; i++)
        check_library((flac_spec){.level = i % 9,
                                  .bits = bits[i / 9],
                                  .channels = 1 + (i & 1),
                                  .n_samples = 20000 + i},
                      i % 4 ? 0 : 5000);
}

Test(flac, many_channels_and_odd_blocks_come_back)
{
    for (uint32_t channels = 3; channels <= 8; channels++)
        check_library((flac_spec){.level = 5,
                                  .bits = 16,
                                  .channels = channels,
                                  .block_samples = 1000 + 17 * channels,
                                  .n_samples = 5000},
                      0);
    check_library(
        (flac_spec){
            .level = 8, .bits = 16, .channels = 2, .block_samples = 65535, .n_samples = 70000},
        0);
    check_library(
        (flac_spec){.level = 5, .bits = 16, .channels = 1, .block_samples = 16, .n_samples = 3000},
        0);
}

Test(flac, files_outside_the_subset_come_back)
{
    check_library((flac_spec){.level = 8,
                              .bits = 16,
                              .channels = 2,
                              .block_samples = 32768,
                              .n_samples = 40000,
                              .exhaustive = true},
                  0);
}

static void check_samples(const int32_t *samples, uint32_t n)
{
    plugin_bytes file = flac_file_of_library(
        &(flac_spec){.level = 5, .bits = 16, .channels = 1, .n_samples = n, .samples = samples});
    expect_all_frames(&file, 0);
}

Test(flac, silence_noise_and_wasted_bits_come_back)
{
    static int32_t samples[30000];
    uint64_t random = 3;
    check_samples(samples, 30000);
    for (uint32_t i = 0; i < 30000; i++)
        samples[i] = (int32_t)plugin_random(&random) >> 16;
    check_samples(samples, 30000);
    for (uint32_t i = 0; i < 30000; i++)
        samples[i] = audio_sample(i, 0, 16, &random) & ~15;
    check_samples(samples, 30000);
    for (uint32_t i = 0; i < 30000; i++)
        samples[i] = i & 64 ? 32767 : -32768;
    check_samples(samples, 30000);
}

Test(flac, what_follows_from_samples_is_not_stored)
{
    int32_t *samples = make_samples(200000, 2, 16);
    plugin_bytes file = flac_file_of_library(&(flac_spec){
        .level = 8, .bits = 16, .channels = 2, .n_samples = 200000, .samples = samples});
    audio_report report = audio_check_file(file.data, file.n, 0, 1);
    cr_assert_null(report.fault);
    cr_expect_lt(report.flac_params.n * 500, file.n, "%zu bytes of parameters, %zu of the file",
                 report.flac_params.n, file.n);
    audio_report_free(&report);
    plugin_free(&file);
    free(samples);
}

Test(flac, frames_with_every_choice_of_the_format_come_back)
{
    static const uint8_t bits[] = {8, 12, 16, 20, 24, 4, 23};
    uint64_t random = 1234567;
    for (uint32_t i = 0; i < 7 * 8; i++) {
        plugin_bytes file = {0};
        flac_put_head(&file, 1 + i % 8, bits[i / 8]);
        flac_put_random_frames(&file, 1 + i % 8, bits[i / 8], 40, &random);
        expect_all_frames(&file, i % 3 ? 0 : 3000);
    }
}

Test(flac, a_file_cut_anywhere_comes_back)
{
    uint64_t random = 99;
    plugin_bytes file = {0};
    flac_put_head(&file, 2, 16);
    flac_put_random_frames(&file, 2, 16, 3, &random);
    for (size_t n = 1; n < file.n; n += n < 60 ? 1 : 1 + n / 200) {
        audio_report report = audio_check_file(file.data, n, 0, 1);
        cr_assert_null(report.fault, "%zu: %s", n, report.fault);
        audio_report_free(&report);
    }
    plugin_free(&file);
}

Test(flac, a_broken_frame_costs_itself)
{
    int32_t *samples = make_samples(100000, 1, 16);
    plugin_bytes file = flac_file_of_library(&(flac_spec){
        .level = 5, .bits = 16, .channels = 1, .n_samples = 100000, .samples = samples});
    const size_t frames = file.n - frames_at(&file);
    file.data[file.n / 2] ^= 0x10;
    plugin_put_text(&file, "TAG a tail that is no frame");
    audio_report report = audio_check_file(file.data, file.n, 0, 1);
    cr_assert_null(report.fault);
    cr_expect_lt(report.flac_bytes, frames);
    cr_expect_gt(report.flac_bytes, frames * 9 / 10, "%zu of %zu", (size_t)report.flac_bytes,
                 frames);
    audio_report_free(&report);
    plugin_free(&file);
    free(samples);
}

// Frames without a predictor, for what no encoder writes.
static void put_frame(plugin_bytes *file, flac_frame *f, const flac_stream *stream)
{
    const size_t capacity = 4 << 20;
    bit_writer w = {.bytes = malloc(capacity), .capacity = capacity};
    flac_write_header(&f->header, &w);
    for (uint32_t c = 0; c < stream->channels; c++)
        flac_write_subframe(&f->subframes[c], f->samples[c], f->samples[c], f->header.block_samples,
                            stream->bits, &w);
    flac_write_end(&w);
    cr_assert(!w.over);
    plugin_put(file, w.bytes, w.n_bytes);
    free(w.bytes);
}

Test(flac, a_frame_number_in_too_many_bytes_is_plain)
{
    const flac_stream stream = {.bits = 16, .channels = 1};
    flac_frame *f = calloc(1, sizeof *f);
    plugin_bytes file = {0};
    f->header = (flac_header){.block_code = 8, .block_samples = 256, .number = 0x85};
    f->subframes[0].type = FLAC_VERBATIM;
    flac_put_head(&file, 1, 16);
    const size_t at = file.n;
    put_frame(&file, f, &stream);
    const size_t n = file.n - at;
    uint8_t *frame = file.data + at;
    cr_assert(frame[4] == 0xC2 && frame[5] == 0x85);
    frame[4] = 0xC0; // now 5, which needs one byte
    frame[6] = flac_crc8(frame, 6);
    frame[n - 2] = (uint8_t)(flac_crc16(frame, n - 2) >> 8);
    frame[n - 1] = (uint8_t)flac_crc16(frame, n - 2);
    size_t looked;
    cr_assert_eq(flac_read_frame(f, &stream, frame, n, &looked), n);
    audio_report report = audio_check_file(file.data, file.n, 0, 1);
    cr_assert_null(report.fault);
    cr_expect_eq(report.flac_bytes, 0);
    audio_report_free(&report);
    plugin_free(&file);
    free(f);
}

Test(flac, a_frame_of_too_many_decisions_is_plain_and_the_next_is_not)
{
    const flac_stream stream = {.bits = 16, .channels = 8};
    uint64_t random = 21;
    flac_frame *f = calloc(1, sizeof *f);
    plugin_bytes file = {0};
    f->header = (flac_header){.block_code = 15, .block_samples = 32768, .assignment = 7};
    for (uint32_t c = 0; c < 8; c++) {
        f->subframes[c].type = FLAC_FIXED;
        f->subframes[c].partition_order = 15;
        for (uint32_t i = 0; i < 32768; i++) {
            f->samples[c][i] = (int32_t)(plugin_random(&random) % 17) - 8;
            f->subframes[c].rice[i] = (uint8_t)(plugin_random(&random) % 15);
        }
    }
    flac_put_head(&file, 8, 16);
    put_frame(&file, f, &stream);
    const size_t first = file.n;
    flac_put_random_frames(&file, 8, 16, 5, &random);
    audio_report report = audio_check_file(file.data, file.n, 0, 1);
    cr_assert_null(report.fault);
    cr_expect_eq(report.flac_bytes, file.n - first);
    audio_report_free(&report);
    plugin_free(&file);
    free(f);
}

Test(flac, a_file_of_many_breaks_is_given_up)
{
    uint64_t random = 31;
    plugin_bytes file = {0};
    flac_put_head(&file, 1, 16);
    for (uint32_t i = 0; i < 200; i++) {
        flac_put_random_frames(&file, 1, 16, 1, &random);
        plugin_put_text(&file, "no frame");
    }
    audio_report report = audio_check_file(file.data, file.n, 0, 1);
    cr_assert_null(report.fault);
    cr_expect_gt(report.flac_bytes, 0);
    cr_expect_lt(report.n_segments, 150);
    audio_report_free(&report);
    plugin_free(&file);
}

Test(flac, a_tag_before_the_file_is_skipped)
{
    uint64_t random = 5;
    plugin_bytes file = {0};
    plugin_put(&file, "ID3\4\0\0\0\0\1\2", 10);
    for (int i = 0; i < 130; i++)
        plugin_put(&file, "x", 1);
    flac_put_head(&file, 1, 16);
    flac_put_random_frames(&file, 1, 16, 10, &random);
    cr_expect_eq(plugin_analyser(&vlmc_plugin_entry)->probe(file.data, file.n, NULL), 100);
    expect_all_frames(&file, 0);
}

Test(flac, streams_that_are_not_handled_are_refused)
{
    uint64_t random = 8;
    for (uint32_t bits = 1; bits <= 32; bits++) {
        plugin_bytes file = {0};
        flac_put_head(&file, 2, bits);
        const bool handled = bits >= 4 && bits <= 24;
        cr_expect_eq(plugin_analyser(&vlmc_plugin_entry)->probe(file.data, file.n, "a.flac"),
                     handled ? 100u : 0u, "%u", bits);
        flac_put_random_frames(&file, 2, 16, 2, &random);
        audio_report report = audio_check_file(file.data, file.n, 0, 1);
        cr_assert_null(report.fault);
        cr_expect(handled || report.flac_bytes == 0);
        audio_report_free(&report);
        plugin_free(&file);
    }
}

Test(flac, metadata_that_claims_more_than_there_is_is_plain)
{
    plugin_bytes file = {0};
    flac_put_head(&file, 1, 16);
    file.data[4] = 0; // not the last block
    plugin_put(&file, "\x04\xFF\xFF\xFFshort", 9);
    audio_report report = audio_check_file(file.data, file.n, 0, 1);
    cr_assert_null(report.fault);
    cr_expect_eq(report.plain_bytes, file.n);
    audio_report_free(&report);
    plugin_free(&file);
}

// Parameters and tokens from an archive may be anything.
Test(flac, a_decoder_survives_any_parameters_and_tokens)
{
    const vlmc_tokenizer *t = audio_tokenizer("audio.flac");
    uint64_t random = 77;
    uint32_t refused = 0;
    for (uint32_t round = 0; round < 600; round++) {
        uint8_t params[200], tokens[4000];
        plugin_bytes out = {0};
        const flac_stream stream = {.bits = 4 + round % 21, .channels = 1 + round % 8};
        for (size_t i = 0; i < sizeof params; i++)
            params[i] = (uint8_t)plugin_random(&random);
        for (size_t i = 0; i < sizeof tokens; i++)
            tokens[i] = (uint8_t)(round & 1 ? plugin_random(&random) : 0x80 * (i & 1));
        flac_params_write(&stream, params);
        refused +=
            plugin_convert(t, false, params, plugin_random(&random) % sizeof params, tokens,
                           sizeof tokens, round & 2 ? 100 : 0, round, &out) != VLMC_PLUGIN_OK;
        plugin_free(&out);
    }
    cr_expect_gt(refused, 500);
}

Test(flac, an_encoder_refuses_what_is_no_frame)
{
    const vlmc_tokenizer *t = audio_tokenizer("audio.flac");
    const flac_stream stream = {.bits = 16, .channels = 1};
    uint8_t params[FLAC_PARAMS_HEAD_BYTES];
    plugin_bytes out = {0};
    flac_params_write(&stream, params);
    cr_expect_eq(
        plugin_convert(t, true, params, sizeof params, (const uint8_t *)"no frame", 8, 0, 1, &out),
        VLMC_PLUGIN_INVALID);
    cr_expect_eq(out.n, 0);
    plugin_free(&out);
}
