// SPDX-License-Identifier: Apache-2.0
// What is text, and where it ends.
#include "text_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prose[] = "It was the best of times, it was the worst of times, it was the age "
                            "of wisdom, it was the age of foolishness;\n";

static void add_prose(text_bytes *out, size_t n)
{
    while (out->n < n)
        text_add_string(out, prose);
    out->n = n;
}

static void add_noise(text_bytes *out, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t byte = (uint8_t)(text_random(&seed) >> 8);
        text_add(out, &byte, 1);
    }
}

static uint32_t probe(const text_bytes *bytes)
{
    return text_analyser_of_plugin()->probe(bytes->data, bytes->n, "file.txt");
}

Test(text_analyser, a_plain_text_is_one_segment)
{
    text_bytes in = {0};
    add_prose(&in, 100001);
    const text_report r = text_analyse(in.data, in.n);
    cr_assert_eq(r.segments, 1);
    cr_assert_eq(r.text, in.n);
    cr_assert_eq(r.params, 0);
    cr_assert_eq(probe(&in), 80);
    text_free(&in);
}

Test(text_analyser, noise_is_left_alone_whatever_its_name)
{
    text_bytes in = {0};
    add_noise(&in, 100000, 7);
    const text_report r = text_analyse(in.data, in.n);
    cr_assert_eq(r.text, 0);
    cr_assert_eq(r.plain, in.n);
    cr_assert_eq(probe(&in), 0);
    text_free(&in);
}

Test(text_analyser, cr_lf_is_told_only_when_every_line_ends_so)
{
    text_bytes in = {0};
    for (int i = 0; i < 500; i++)
        text_add_string(&in, "A line as DOS wrote it.\r\n");
    cr_assert_eq(text_analyse(in.data, in.n).params, 4);
    text_add_string(&in, "one of another kind\n");
    cr_assert_eq(text_analyse(in.data, in.n).params, 0);
    for (size_t i = 0; i < in.n; i++)
        if (in.data[i] == '\n')
            in.data[i] = ' '; // lone CR, as old Macs wrote it
    cr_assert_eq(text_analyse(in.data, in.n).params, 0);
    text_free(&in);
}

Test(text_analyser, an_8_bit_code_is_text)
{
    text_bytes in = {0}; // koi8-r: mostly bytes above 0xC0
    for (int i = 0; i < 400; i++)
        text_add_string(&in, "\xF7\xD3\xC5 \xD3\xDE\xC1\xD3\xD4\xCC\xC9\xD7\xD9\xC5 "
                             "\xD3\xC5\xCD\xD8\xC9 \xD0\xCF\xC8\xCF\xD6\xC9\n");
    cr_assert_eq(text_analyse(in.data, in.n).text, in.n);
    cr_assert_eq(probe(&in), 60);
    text_free(&in);
}

Test(text_analyser, a_smooth_picture_of_printable_bytes_is_no_text)
{
    text_bytes in = {0};
    uint32_t seed = 3, level = 80;
    for (size_t i = 0; i < 60000; i++) {
        level += text_random(&seed) % 5;
        level = level < 42 ? 42 : level > 122 ? 120 : level - 2;
        const uint8_t byte = (uint8_t)level;
        text_add(&in, &byte, 1);
    }
    cr_assert_eq(text_analyse(in.data, in.n).text, 0);
    text_free(&in);
}

Test(text_analyser, digits_of_pi_and_tables_are_text)
{
    text_bytes in = {0};
    uint32_t seed = 31;
    while (in.n < 50000) {
        char row[64];
        snprintf(row, sizeof row, "%u,%u.%02u\n", text_random(&seed) % 100000,
                 text_random(&seed) % 1000, text_random(&seed) % 100);
        text_add_string(&in, row);
    }
    cr_assert_eq(text_analyse(in.data, in.n).text, in.n);
    text_free(&in);
}

Test(text_analyser, binary_stretches_are_cut_out)
{
    text_bytes in = {0};
    add_prose(&in, 200000);
    add_noise(&in, 100000, 11);
    add_prose(&in, 500000);
    const text_report r = text_analyse(in.data, in.n);
    cr_assert_eq(r.segments, 3);
    cr_assert_eq(r.text_segments, 2);
    cr_assert(r.plain > 90000 && r.plain < 110000);
    text_free(&in);
}

Test(text_analyser, a_little_noise_does_not_cut_a_text)
{
    text_bytes in = {0};
    add_prose(&in, 100000);
    add_noise(&in, 5000, 13);
    add_prose(&in, 200000);
    cr_assert_eq(text_analyse(in.data, in.n).segments, 1);
    text_free(&in);
}

Test(text_analyser, zeros_alone_are_no_text_and_do_not_end_one)
{
    text_bytes in = {0};
    static const uint8_t zeros[50000];
    text_add(&in, zeros, sizeof zeros);
    cr_assert_eq(text_analyse(in.data, in.n).text, 0);
    cr_assert_eq(probe(&in), 0);
    in.n = 0;
    add_prose(&in, 40000);
    text_add(&in, zeros, sizeof zeros);
    cr_assert_eq(text_analyse(in.data, in.n).segments, 1);
    text_free(&in);
}

Test(text_analyser, utf16_is_known_by_its_mark_and_half_a_unit_is_left_over)
{
    for (int big = 0; big < 2; big++) {
        text_bytes in = {0};
        text_bytes utf8 = {0};
        for (int i = 0; i < 900; i++)
            text_add_string(&utf8, "Gr\xC3\xBC\xC3\x9F"
                                   "e \xF0\x9F\x99\x82\r\n");
        text_add(&utf8, "", 1);
        text_add_utf16(&in, (const char *)utf8.data, big);
        cr_assert_eq(probe(&in), 85);
        text_report r = text_analyse(in.data, in.n);
        cr_assert_eq(r.text, in.n);
        cr_assert_eq(r.params, big ? 6 : 5);
        text_add_string(&in, "x");
        r = text_analyse(in.data, in.n);
        cr_assert_eq(r.text, in.n - 1);
        cr_assert_eq(r.plain, 1);
        text_free(&in);
        text_free(&utf8);
    }
}

Test(text_analyser, a_mark_before_noise_promises_nothing)
{
    text_bytes in = {0};
    text_add(&in, "\xFF\xFE", 2);
    add_noise(&in, 60000, 17);
    cr_assert_eq(text_analyse(in.data, in.n).text, 0);
    text_free(&in);
}

Test(text_analyser, a_long_text_is_cut_behind_a_line_into_segments_of_32_mib_at_most)
{
    text_bytes in = {0};
    add_prose(&in, ((size_t)33 << 20) + 5);
    text_report r = text_analyse(in.data, in.n);
    cr_assert_eq(r.segments, 2);
    cr_assert_eq(r.text, in.n);
    memset(in.data, 'x', in.n); // one huge line
    r = text_analyse(in.data, in.n);
    cr_assert_eq(r.segments, 2);
    text_free(&in);
}

Test(text_analyser, any_small_file_is_analysed_safely)
{
    uint32_t seed = 23;
    for (int round = 0; round < 3000; round++) {
        uint8_t in[40];
        const size_t n = 1 + text_random(&seed) % sizeof in;
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(text_random(&seed) >> (round % 2 ? 9 : 13)) & (round % 3 ? 255 : 95);
        if (round % 5 == 0 && n > 2)
            memcpy(in, round % 10 ? "\xFF\xFE" : "\xFE\xFF", 2);
        const text_report r = text_analyse(in, n);
        cr_assert_eq(r.text + r.plain, n);
    }
    cr_assert_eq(text_analyser_of_plugin()->probe(NULL, 0, NULL), 0);
}
