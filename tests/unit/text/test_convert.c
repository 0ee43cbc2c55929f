// SPDX-License-Identifier: Apache-2.0
// Bytes to tokens and back: line ends, UTF-16, everything hostile.
#include "text_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CRLF 4
#define LE 1
#define BE 2

static int32_t round_trip(uint8_t params, const void *in, size_t n, text_bytes *tokens)
{
    return text_round_trip(&params, 1, in, n, tokens);
}

static void expect(uint8_t params, const void *in, size_t n, const void *tokens, size_t n_tokens)
{
    text_bytes made = {0};
    cr_assert_eq(round_trip(params, in, n, &made), VLMC_PLUGIN_OK);
    cr_assert_eq(made.n, n_tokens);
    cr_assert(n_tokens == 0 || memcmp(made.data, tokens, n_tokens) == 0);
    text_free(&made);
}

Test(text_convert, bytes_are_their_own_tokens)
{
    uint8_t all[768];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 7);
    expect(0, all, sizeof all, all, sizeof all);
    expect(0, "", 0, "", 0);
}

Test(text_convert, cr_lf_becomes_lf_and_lone_cr_stays)
{
    expect(CRLF, "a\r\nb\r\n", 6, "a\nb\n", 4);
    expect(CRLF, "\r\r\n\rx\r", 6, "\r\n\rx\r", 5);
    expect(CRLF, "\r", 1, "\r", 1);
    expect(CRLF, "", 0, "", 0);
}

Test(text_convert, a_lone_lf_among_cr_lf_is_refused_and_not_changed)
{
    cr_assert_eq(round_trip(CRLF, "a\nb\r\n", 5, NULL), VLMC_PLUGIN_UNSUPPORTED);
    cr_assert_eq(round_trip(CRLF, "a\r\n\n", 4, NULL), VLMC_PLUGIN_UNSUPPORTED);
}

Test(text_convert, utf16_becomes_utf8)
{
    const char *text = "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x99\x82\n";
    for (int big = 0; big < 2; big++) {
        text_bytes in = {0}, tokens = {0};
        text_add_utf16(&in, text, big);
        text_add_string(&tokens, "\xEF\xBB\xBF");
        text_add_string(&tokens, text);
        expect(big ? BE : LE, in.data, in.n, tokens.data, tokens.n);
        text_free(&in);
        text_free(&tokens);
    }
}

Test(text_convert, utf16_with_cr_lf_becomes_utf8_with_lf)
{
    expect(LE | CRLF, "\r\0\n\0x\0", 6, "\nx", 2);
    expect(BE | CRLF, "\0\r\0\n\0\r", 6, "\n\r", 2);
    // U+0A0D and U+0D0A are no line ends.
    expect(LE | CRLF, "\x0D\x0A\x0A\x0D", 4, "\xE0\xA8\x8D\xE0\xB4\x8A", 6);
}

Test(text_convert, lone_surrogates_come_back)
{
    expect(BE, "\xD8\x00", 2, "\xED\xA0\x80", 3);                     // high at the end
    expect(BE, "\xD8\x00\x00x", 4, "\xED\xA0\x80x", 4);               // high, then a letter
    expect(BE, "\xDC\x00\x00x", 4, "\xED\xB0\x80x", 4);               // low alone
    expect(BE, "\xDC\x00\xD8\x00", 4, "\xED\xB0\x80\xED\xA0\x80", 6); // the wrong order
    expect(BE, "\xD8\x00\xD8\x00\xDC\x00", 6, "\xED\xA0\x80\xF0\x90\x80\x80", 7);
    expect(BE, "\xDB\xFF\xDF\xFF\xFF\xFF", 6, "\xF4\x8F\xBF\xBF\xEF\xBF\xBF", 7);
}

Test(text_convert, every_unit_of_utf16_comes_back_in_every_neighbourhood)
{
    uint32_t seed = 5;
    uint8_t *in = malloc(2 * 3 * 65536);
    cr_assert_not_null(in);
    for (uint32_t unit = 0; unit < 65536; unit++) {
        const uint32_t before = text_random(&seed) & 1 ? 0xD800u | (text_random(&seed) & 0x7FF)
                                                       : text_random(&seed) & 0xFFFF;
        const uint32_t units[3] = {before, unit, before ^ 0x400};
        for (uint32_t i = 0; i < 3; i++) {
            in[6 * unit + 2 * i] = (uint8_t)units[i];
            in[6 * unit + 2 * i + 1] = (uint8_t)(units[i] >> 8);
        }
    }
    cr_assert_eq(round_trip(LE, in, 6 * 65536, NULL), VLMC_PLUGIN_OK);
    cr_assert_eq(round_trip(BE, in, 6 * 65536, NULL), VLMC_PLUGIN_OK);
    free(in);
}

Test(text_convert, half_a_unit_at_the_end_is_refused)
{
    cr_assert_eq(round_trip(LE, "a\0b", 3, NULL), VLMC_PLUGIN_UNSUPPORTED);
    cr_assert_eq(round_trip(BE | CRLF, "\0", 1, NULL), VLMC_PLUGIN_UNSUPPORTED);
}

Test(text_convert, every_invalid_form_of_utf8_comes_back)
{
    static const char *const forms[] = {
        "\x80",
        "\xBF\xBF",
        "\xC0\x80",
        "\xC1\xBF", // lone and overlong
        "\xC3",
        "\xE2\x82",
        "\xF0\x9F\x99",
        "\xC3(", // cut short
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xF0\x80\x80\x80", // overlong
        "\xED\xA0\x80",
        "\xED\xBF\xBF", // surrogates
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFC\x84\x80\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xFF\xFE",
        "\xEF\xBB\xBF",
    };
    text_bytes all = {0};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const size_t n = strlen(forms[i]);
        expect(0, forms[i], n, forms[i], n);
        cr_assert_eq(round_trip(CRLF, forms[i], n, NULL), VLMC_PLUGIN_OK);
        text_add_string(&all, forms[i]);
    }
    expect(0, all.data, all.n, all.data, all.n);
    text_free(&all);
}

Test(text_convert, tokens_that_no_encoder_made_are_refused_by_the_utf16_decoder)
{
    static const char *const forms[] = {"\x80",
                                        "\xC0\x80",
                                        "\xC1\xBF",
                                        "\xC3",
                                        "\xE2\x82",
                                        "\xC3(",
                                        "\xE0\x80\x80",
                                        "\xF0\x80\x80\x80",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80",
                                        "\xFF",
                                        "\xF0\x9F\x99"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const uint8_t params = LE;
        text_bytes out = {0};
        cr_assert_eq(text_convert(false, &params, 1, (const uint8_t *)forms[i], strlen(forms[i]),
                                  10, 3, &out),
                     VLMC_PLUGIN_INVALID);
        text_free(&out);
    }
}

Test(text_convert, random_bytes_come_back_or_are_refused_with_every_parameter)
{
    static const uint8_t alphabet[] = {'\r', '\n', 0, 'a', 0xD8, 0xDC, 0xFF, 0xFE, 0x80, 0xE2};
    uint32_t seed = 99, taken = 0;
    for (int round = 0; round < 400; round++) {
        uint8_t in[64];
        const size_t n = text_random(&seed) % sizeof in;
        for (size_t i = 0; i < n; i++)
            in[i] = round % 2 ? alphabet[text_random(&seed) % sizeof alphabet]
                              : (uint8_t)text_random(&seed);
        for (uint8_t params = 0; params < 7; params++)
            if ((params & 3) != 3)
                taken += round_trip(params, in, n, NULL) == VLMC_PLUGIN_OK;
    }
    cr_assert(taken > 800);
}

Test(text_convert, parameters_that_nobody_wrote_are_refused)
{
    const vlmc_tokenizer *t = text_tokenizer();
    vlmc_token_geometry geometry;
    void *object;
    for (uint32_t byte = 0; byte < 256; byte++) {
        const uint8_t params[2] = {(uint8_t)byte, 0};
        const bool good = byte < 7 && (byte & 3) != 3;
        cr_assert_eq(t->geometry(params, 1, &geometry) == VLMC_PLUGIN_OK, good);
        cr_assert_eq(t->encoder_create(params, 1, &object) == VLMC_PLUGIN_OK, good);
        t->encoder_destroy(object);
        cr_assert_eq(t->geometry(params, 2, &geometry), VLMC_PLUGIN_INVALID);
    }
    cr_assert_eq(t->geometry(NULL, 0, &geometry), VLMC_PLUGIN_INVALID);
    cr_assert_eq(t->decoder_create(NULL, 0, &object), VLMC_PLUGIN_INVALID);
}

Test(text_convert, parameters_are_parsed_from_text)
{
    static const struct {
        const char *text;
        int32_t result;
        uint8_t params;
    } cases[] = {
        {"", VLMC_PLUGIN_OK, 0},
        {"crlf", VLMC_PLUGIN_OK, 4},
        {"utf16le,crlf", VLMC_PLUGIN_OK, 5},
        {"crlf,utf16be", VLMC_PLUGIN_OK, 6},
        {"crl", VLMC_PLUGIN_INVALID, 0},
        {"crlf=1", VLMC_PLUGIN_INVALID, 0},
        {",", VLMC_PLUGIN_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t params[8] = {0};
        uint32_t n = sizeof params;
        cr_assert_eq(text_tokenizer()->parse_params(cases[i].text, params, &n), cases[i].result);
        cr_assert(cases[i].result != VLMC_PLUGIN_OK || (n == 1 && params[0] == cases[i].params));
    }
    uint32_t none = 0;
    cr_assert_eq(text_tokenizer()->parse_params("", NULL, &none), VLMC_PLUGIN_MEMORY);
}
