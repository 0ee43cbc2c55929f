// SPDX-License-Identifier: Apache-2.0
#include "util/utf8.h"

#include <criterion/criterion.h>

static size_t size_of(const char *text, uint32_t *code)
{
    return vlmc_utf8_sequence((const unsigned char *)text, code);
}

Test(utf8, sequences_of_each_length_give_their_code_point)
{
    uint32_t code;
    cr_assert_eq(size_of("a", &code), 1);
    cr_assert_eq(code, 'a');
    cr_assert_eq(size_of("\xc3\xa9t", &code), 2);
    cr_assert_eq(code, 0xe9);
    cr_assert_eq(size_of("\xe2\x80\xae", &code), 3);
    cr_assert_eq(code, 0x202e);
    cr_assert_eq(size_of("\xf4\x8f\xbf\xbf", &code), 4);
    cr_assert_eq(code, 0x10ffff);
}

Test(utf8, what_is_no_sequence_has_no_length)
{
    static const char *const bad[] = {
        "\x80",             // a continuation alone
        "\xc0\xaf",         // overlong
        "\xe0\x9f\xbf",     // overlong
        "\xf0\x8f\xbf\xbf", // overlong
        "\xed\xa0\x80",     // a surrogate
        "\xf4\x90\x80\x80", // beyond Unicode
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe2\x80", // cut short
        "\xc3",
    };
    uint32_t code;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(size_of(bad[i], &code), 0, "text %zu", i);
}
