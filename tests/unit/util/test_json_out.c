// SPDX-License-Identifier: Apache-2.0
#include "util/json_out.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// The object as its line.
static char *line_of(json_t *object)
{
    char *buffer = NULL;
    size_t size = 0;
    vlmc_error error;
    FILE *stream = open_memstream(&buffer, &size);
    cr_assert_eq(vlmc_json_line(stream, object, &error), VLMC_OK);
    fclose(stream);
    return buffer;
}

static void assert_path(const char *path, const char *wanted)
{
    json_t *object = json_object();
    vlmc_json_set_bytes(object, "path", path);
    char *line = line_of(object);
    cr_assert_str_eq(line, wanted);
    free(line);
}

Test(json_out, utf8_stays_as_it_is)
{
    assert_path("a/ünï/日本/\U0001f600", "{\"path\":\"a/ünï/日本/\U0001f600\"}\n");
}

Test(json_out, control_characters_and_quotes_are_escaped)
{
    assert_path("a\n\"\\\033", "{\"path\":\"a\\n\\\"\\\\\\u001B\"}\n");
}

Test(json_out, bytes_that_are_not_utf8_are_given_in_base64)
{
    assert_path("a\xff", "{\"path\":\"a\xef\xbf\xbd\",\"path_b64\":\"Yf8=\"}\n");
}

Test(json_out, overlong_surrogate_and_truncated_sequences_are_not_utf8)
{
    static const char *const bad[] = {
        "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xe2\x82", "\x80",         "\xc3",         "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *object = json_object();
        vlmc_json_set_bytes(object, "path", bad[i]);
        cr_assert(json_object_get(object, "path") != NULL);
        cr_assert(json_object_get(object, "path_b64") != NULL, "sequence %zu passed", i);
        json_decref(object);
    }
}

Test(json_out, times_are_utc_with_nanoseconds_where_there_are_some)
{
    json_t *object = json_object();
    vlmc_json_set_time(object, "a", 0, 0);
    vlmc_json_set_time(object, "b", 1000000000, 7);
    vlmc_json_set_time(object, "c", -1, 500000000);
    vlmc_json_set_time(object, "d", INT64_MAX, 0);
    char *line = line_of(object);
    cr_assert_str_eq(line,
                     "{\"a\":\"1970-01-01T00:00:00Z\",\"b\":\"2001-09-09T01:46:40.000000007Z\","
                     "\"c\":\"1969-12-31T23:59:59.500000000Z\",\"d\":\"@9223372036854775807\"}\n");
    free(line);
}

Test(json_out, digests_are_lower_case_hexadecimal)
{
    const uint8_t bytes[] = {0x00, 0xab, 0xff};
    json_t *object = json_object();
    vlmc_json_set_hex(object, "digest", bytes, sizeof bytes);
    char *line = line_of(object);
    cr_assert_str_eq(line, "{\"digest\":\"00abff\"}\n");
    free(line);
}

Test(json_out, a_stream_that_cannot_be_written_is_an_error)
{
    vlmc_error error;
    FILE *full = fopen("/dev/full", "w");
    setvbuf(full, NULL, _IONBF, 0);
    cr_assert_eq(vlmc_json_line(full, json_object(), &error), VLMC_ERROR_IO);
    fclose(full);
    cr_assert_eq(vlmc_json_line(stdout, NULL, &error), VLMC_ERROR_MEMORY);
}
