// SPDX-License-Identifier: Apache-2.0
#include "audio_support.h"
#include "plugins/audio/layout.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static uint32_t params_of(const char *text, uint8_t params[AUDIO_LAYOUT_BYTES])
{
    uint32_t n = AUDIO_LAYOUT_BYTES;
    const int32_t result = audio_tokenizer("audio.pcm")->parse_params(text, params, &n);
    cr_assert_eq(result, VLMC_PLUGIN_OK, "%s: %d", text, result);
    return n;
}

static void expect_tokens(const char *text, const void *bytes, const void *tokens, size_t n)
{
    uint8_t params[AUDIO_LAYOUT_BYTES];
    plugin_bytes out = {0};
    const uint32_t n_params = params_of(text, params);
    cr_assert_eq(
        plugin_convert(audio_tokenizer("audio.pcm"), true, params, n_params, bytes, n, 0, 1, &out),
        VLMC_PLUGIN_OK);
    cr_assert_eq(out.n, n);
    cr_expect_arr_eq(out.data, tokens, n, "%s", text);
    plugin_free(&out);
}

Test(pcm, tokens_are_offset_binary_with_the_high_byte_first)
{
    expect_tokens("u8", "\x00\x80\xFF", "\x00\x80\xFF", 3);
    expect_tokens("s8", "\x00\x80\xFF", "\x80\x00\x7F", 3);
    expect_tokens("s16le", "\x34\x12\x00\x80", "\x92\x34\x00\x00", 4);
    expect_tokens("s16be", "\x12\x34\x80\x00", "\x92\x34\x00\x00", 4);
    expect_tokens("u16le", "\x34\x12", "\x12\x34", 2);
    expect_tokens("s24le", "\x56\x34\x12", "\x92\x34\x56", 3);
    expect_tokens("s24be", "\xFF\xFF\xFF", "\x7F\xFF\xFF", 3);
}

Test(pcm, bytes_of_a_sample_that_is_not_whole_stay_as_they_are)
{
    expect_tokens("s16le", "\x34\x12\x99", "\x92\x34\x99", 3);
    expect_tokens("s24le", "\x12\x34", "\x12\x34", 2);
    expect_tokens("s24be,stereo", "\x01\x02\x03\x04", "\x81\x02\x03\x04", 4);
}

Test(pcm, every_layout_comes_back_with_any_cut_of_input_and_output)
{
    static const char *const formats[] = {"u8", "s8", "u16le", "s16le", "s16be", "s24le", "s24be"};
    const vlmc_tokenizer *t = audio_tokenizer("audio.pcm");
    uint8_t bytes[1003];
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)plugin_random(&random);
    for (uint32_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        for (size_t n = 0; n < sizeof bytes; n += 1 + n / 8) {
            uint8_t params[AUDIO_LAYOUT_BYTES];
            const uint32_t n_params = params_of(formats[f], params);
            for (size_t piece = 2; piece < 12; piece += 3) {
                plugin_bytes tokens = {0}, back = {0};
                cr_assert_eq(plugin_convert(t, true, params, n_params, bytes, n, piece, n, &tokens),
                             VLMC_PLUGIN_OK);
                cr_assert_eq(tokens.n, n);
                cr_assert_eq(
                    plugin_convert(t, false, params, n_params, tokens.data, n, piece, n + 9, &back),
                    VLMC_PLUGIN_OK);
                cr_assert(back.n == n && (n == 0 || memcmp(back.data, bytes, n) == 0), "%s %zu",
                          formats[f], n);
                plugin_free(&tokens);
                plugin_free(&back);
            }
        }
    }
}

Test(pcm, parameters_are_words_in_any_order)
{
    uint8_t a[AUDIO_LAYOUT_BYTES], b[AUDIO_LAYOUT_BYTES];
    audio_layout layout;
    params_of("rate=44100,s16le,stereo", a);
    params_of("s16le,channels=2,rate=44100", b);
    cr_expect_arr_eq(a, b, sizeof a);
    cr_assert(audio_layout_read(a, sizeof a, &layout));
    cr_expect(layout.sample_bytes == 2 && layout.channels == 2 && layout.rate == 44100);
    cr_expect(layout.is_signed && layout.little_endian);
    params_of("u8,mono,rate=16000", a);
    cr_assert(audio_layout_read(a, sizeof a, &layout));
    cr_expect(layout.sample_bytes == 1 && layout.channels == 1 && layout.rate == 16000);
    cr_expect(!layout.is_signed && !layout.little_endian);
    params_of("s24be", a);
    cr_assert(audio_layout_read(a, sizeof a, &layout));
    cr_expect(layout.sample_bytes == 3 && layout.channels == 1 && layout.rate == 0);
}

Test(pcm, parameters_that_say_nothing_clear_are_refused)
{
    static const char *const texts[] = {
        "",
        ",",
        "mono",
        "s16",
        "s16le,",
        "s16le,,mono",
        "u8,u8",
        "mono,u8,mono",
        "f32le",
        "s32le",
        "u8,rate=0",
        "u8,rate=1x",
        "u8,rate=",
        "u8,rate=999999999999",
        "u8,channels=9",
        "u8,channels=0",
        "S16LE",
        "u8 mono",
    };
    const vlmc_tokenizer *t = audio_tokenizer("audio.pcm");
    for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t params[64];
        uint32_t n = sizeof params;
        cr_expect_eq(t->parse_params(texts[i], params, &n), VLMC_PLUGIN_INVALID, "\"%s\"",
                     texts[i]);
    }
    uint32_t n = 3;
    uint8_t small[3];
    cr_expect_eq(t->parse_params("u8", small, &n), VLMC_PLUGIN_MEMORY);
}

Test(pcm, parameters_from_an_archive_are_checked)
{
    static const uint8_t bad[][AUDIO_LAYOUT_BYTES] = {
        {0, 1, 1, 1}, {4, 1, 1, 1}, {2, 0, 1, 1}, {2, 9, 1, 1}, {2, 1, 2, 1}, {2, 1, 1, 2},
    };
    static const uint8_t good[AUDIO_LAYOUT_BYTES + 1] = {2, 1, 1, 1};
    const vlmc_tokenizer *t = audio_tokenizer("audio.pcm");
    vlmc_token_geometry g;
    void *object;
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(t->geometry(bad[i], sizeof bad[i], &g), VLMC_PLUGIN_INVALID, "%u", i);
        cr_expect_eq(t->decoder_create(bad[i], sizeof bad[i], &object), VLMC_PLUGIN_INVALID);
    }
    cr_expect_eq(t->geometry(good, AUDIO_LAYOUT_BYTES, &g), VLMC_PLUGIN_OK);
    cr_expect_eq(t->geometry(good, AUDIO_LAYOUT_BYTES - 1, &g), VLMC_PLUGIN_INVALID);
    cr_expect_eq(t->geometry(good, AUDIO_LAYOUT_BYTES + 1, &g), VLMC_PLUGIN_INVALID);
    cr_expect_eq(t->geometry(NULL, 0, &g), VLMC_PLUGIN_INVALID);
}
