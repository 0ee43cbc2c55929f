// SPDX-License-Identifier: Apache-2.0
#include "util/progress.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const char *bytes_text(uint64_t bytes)
{
    static char text[16];
    vlmc_format_bytes(bytes, text, sizeof text);
    return text;
}

Test(progress, sizes_have_at_most_three_digits)
{
    cr_assert_str_eq(bytes_text(0), "0 B");
    cr_assert_str_eq(bytes_text(999), "999 B");
    cr_assert_str_eq(bytes_text(1000), "1.0 KB");
    cr_assert_str_eq(bytes_text(1999), "1.9 KB");
    cr_assert_str_eq(bytes_text(9999), "9.9 KB");
    cr_assert_str_eq(bytes_text(10000), "10 KB");
    cr_assert_str_eq(bytes_text(999999), "999 KB");
    cr_assert_str_eq(bytes_text(34567890), "34 MB");
    cr_assert_str_eq(bytes_text(UINT64_MAX), "18 EB");
}

static const char *line(uint64_t total, uint64_t done, uint64_t packed, uint64_t elapsed_ns)
{
    static char text[VLMC_PROGRESS_TEXT_BYTES];
    vlmc_progress progress;
    vlmc_progress_begin(&progress, NULL, "packing", total);
    progress.start_ns = 5 * SECOND;
    if (packed) // an archive's header, before the first group
        vlmc_progress_update(&progress, 5 * SECOND, 0, 16);
    vlmc_progress_update(&progress, 5 * SECOND + elapsed_ns, done, packed);
    vlmc_progress_text(&progress, 5 * SECOND + elapsed_ns, 0, text, sizeof text);
    return text;
}

Test(progress, line_names_phase_share_rate_ratio_and_time_left)
{
    cr_assert_str_eq(line(4000000, 1000000, 250000, 10 * SECOND),
                     "packing 25 %, 1.0 MB of 4.0 MB, 100 KB/s, ratio 0.250, 0:30 left");
    cr_assert_str_eq(line(400000000, 1000000, 250000, 100 * SECOND),
                     "packing 0 %, 1.0 MB of 400 MB, 10 KB/s, ratio 0.250, 11:05:00 left");
}

Test(progress, line_without_a_total_promises_no_end)
{
    cr_assert_str_eq(line(0, 1000000, 0, 10 * SECOND), "packing 1.0 MB, 100 KB/s");
}

Test(progress, line_at_the_very_start_divides_by_nothing)
{
    cr_assert_str_eq(line(1000, 0, 0, 0), "packing 0 %, 0 B of 1.0 KB, 0 B/s");
}

Test(progress, stream_gets_at_most_ten_lines_a_second)
{
    char *buffer = NULL;
    size_t size = 0, lines = 0;
    FILE *stream = open_memstream(&buffer, &size);
    vlmc_progress progress;
    vlmc_progress_begin(&progress, stream, "packing", 1000);
    for (uint64_t ms = 0; ms < 2000; ms++)
        vlmc_progress_update(&progress, progress.start_ns + ms * (SECOND / 1000), ms / 2, 0);
    cr_assert(progress.visible);
    vlmc_progress_end(&progress);
    cr_assert_not(progress.visible);
    fclose(stream);
    for (const char *p = buffer; (p = strstr(p, "packing")); p++)
        lines++;
    cr_assert(lines >= 19 && lines <= 22, "%zu lines", lines);
    cr_assert(strchr(buffer, '\n') == NULL, "the line stays one line");
    free(buffer);
}

Test(progress, ratio_is_that_of_complete_groups)
{
    vlmc_progress progress;
    char text[VLMC_PROGRESS_TEXT_BYTES];
    vlmc_progress_begin(&progress, NULL, "packing", 4000000);
    progress.start_ns = 0;
    vlmc_progress_update(&progress, SECOND, 100000, 16);
    vlmc_progress_text(&progress, SECOND, 0, text, sizeof text);
    cr_assert_null(strstr(text, "ratio"), "%s", text);
    vlmc_progress_update(&progress, 2 * SECOND, 1000000, 300000);
    vlmc_progress_update(&progress, 3 * SECOND, 1500000, 300000);
    vlmc_progress_text(&progress, 3 * SECOND, 0, text, sizeof text);
    cr_assert_not_null(strstr(text, "ratio 0.300"), "%s", text);
}

Test(progress, what_is_found_is_counted)
{
    vlmc_progress progress;
    char text[VLMC_PROGRESS_TEXT_BYTES];
    vlmc_progress_begin(&progress, NULL, "looking", 0);
    cr_assert(vlmc_progress_found(&progress, SECOND, 1, 999));
    vlmc_progress_found_text(&progress, 0, text, sizeof text);
    cr_assert_str_eq(text, "looking: 1 file, 999 B found");
    cr_assert_not(vlmc_progress_found(&progress, SECOND + 1, 1234567, 5600000000));
    vlmc_progress_found_text(&progress, 0, text, sizeof text);
    cr_assert_str_eq(text, "looking: 1234567 files, 5.6 GB found");
    vlmc_progress_found_text(&progress, 14, text, sizeof text);
    cr_assert_str_eq(text, "looking: 12345");
}

Test(progress, line_leaves_out_what_does_not_fit)
{
    vlmc_progress progress;
    char text[VLMC_PROGRESS_TEXT_BYTES];
    vlmc_progress_begin(&progress, NULL, "packing", 4000000);
    progress.start_ns = 0;
    vlmc_progress_update(&progress, SECOND, 0, 16);
    vlmc_progress_update(&progress, 10 * SECOND, 1000000, 250000);
    static const char *const wanted[] = {
        "packing 25 %, 1.0 MB of 4.0 MB, 100 KB/s, ratio 0.250, 0:30 left",
        "packing 25 %, 100 KB/s, ratio 0.250, 0:30 left",
        "packing 25 %, 100 KB/s, 0:30 left",
        "packing 25 %, 0:30 left",
        "packing 25 %",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const unsigned columns = (unsigned)strlen(wanted[i]);
        vlmc_progress_text(&progress, 10 * SECOND, columns, text, sizeof text);
        cr_assert_str_eq(text, wanted[i]);
    }
    vlmc_progress_text(&progress, 10 * SECOND, 7, text, sizeof text);
    cr_assert_str_eq(text, "packing");
}

Test(progress, rate_and_time_left_follow_what_happens_now)
{
    vlmc_progress progress;
    char text[VLMC_PROGRESS_TEXT_BYTES];
    uint64_t now = 0, done = 0;
    vlmc_progress_begin(&progress, NULL, "packing", 1000 * 1000 * 1000);
    progress.start_ns = 0;
    for (unsigned i = 0; i < 600; i++) // ten minutes of 1 MB/s
        vlmc_progress_update(&progress, now += SECOND, done += 1000000, 0);
    vlmc_progress_text(&progress, now, 0, text, sizeof text);
    cr_assert_not_null(strstr(text, "1.0 MB/s, 6:40 left"), "%s", text);
    for (unsigned i = 0; i < 120; i++) // two of a tenth of it
        vlmc_progress_update(&progress, now += SECOND, done += 100000, 0);
    vlmc_progress_text(&progress, now, 0, text, sizeof text);
    cr_assert_not_null(strstr(text, "100 KB/s, 1:0"), "%s", text);
}

Test(progress, rate_falls_while_nothing_comes)
{
    vlmc_progress progress;
    char text[VLMC_PROGRESS_TEXT_BYTES];
    vlmc_progress_begin(&progress, NULL, "packing", 4000000);
    progress.start_ns = 0;
    vlmc_progress_update(&progress, 10 * SECOND, 1000000, 0);
    vlmc_progress_text(&progress, 100 * SECOND, 0, text, sizeof text);
    cr_assert_not_null(strstr(text, ", 10 KB/s, 5:00 left"), "%s", text);
}
