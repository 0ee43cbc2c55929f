// SPDX-License-Identifier: Apache-2.0
#include "json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

vlmc_status vlmc_json_line(FILE *stream, json_t *object, vlmc_error *error)
{
    if (!object)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a line of JSON");
    int failed = json_dumpf(object, stream, JSON_COMPACT | JSON_REAL_PRECISION(6)) != 0;
    json_decref(object);
    if (failed || putc('\n', stream) == EOF)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write a line of JSON");
    return VLMC_OK;
}

// Bytes of the UTF-8 sequence at p (as RFC 3629 has it), or 0.
static size_t utf8_sequence(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xc0) != 0x80) // a final NUL stops here
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return size;
}

static void set_base64(json_t *object, const char *key, const char *text, size_t size)
{
    char name[64];
    size_t capacity = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
    char *base64 = malloc(capacity);
    if (!base64)
        return;
    sodium_bin2base64(base64, capacity, (const unsigned char *)text, size,
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(name, sizeof name, "%s_b64", key);
    json_object_set_new(object, name, json_string(base64));
    free(base64);
}

void vlmc_json_set_bytes(json_t *object, const char *key, const char *text)
{
    static const unsigned char replacement[] = {0xef, 0xbf, 0xbd}; // U+FFFD
    size_t size = strlen(text), used = 0;
    char *clean = malloc(3 * size + 1);
    int dirty = 0;
    if (!clean)
        return;
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t n = utf8_sequence(p);
        if (n) {
            memcpy(clean + used, p, n);
            used += n;
            p += n;
        } else {
            memcpy(clean + used, replacement, sizeof replacement);
            used += 3;
            p++;
            dirty = 1;
        }
    }
    json_object_set_new(object, key, json_stringn(clean, used));
    free(clean);
    if (dirty)
        set_base64(object, key, text, size);
}

void vlmc_json_set_hex(json_t *object, const char *key, const uint8_t *bytes, size_t size)
{
    char *text = malloc(2 * size + 1);
    if (!text)
        return;
    sodium_bin2hex(text, 2 * size + 1, bytes, size);
    json_object_set_new(object, key, json_string(text));
    free(text);
}

void vlmc_format_time(int64_t seconds, uint32_t ns, char *text, size_t size)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    size_t used = gmtime_r(&t, &tm) ? strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    if (!used) // a year that no calendar has
        snprintf(text, size, "@%" PRId64, seconds);
    else if (ns)
        snprintf(text + used, size - used, ".%09uZ", (unsigned)ns);
    else
        snprintf(text + used, size - used, "Z");
}

void vlmc_json_set_time(json_t *object, const char *key, int64_t seconds, uint32_t ns)
{
    char text[48];
    vlmc_format_time(seconds, ns, text, sizeof text);
    json_object_set_new(object, key, json_string(text));
}

void vlmc_json_set_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key,
                        json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value)));
}
