// SPDX-License-Identifier: Apache-2.0
#include "json_out.h"

#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

vlmc_status vlmc_json_line(FILE *stream, json_t *object, vlmc_error *error)
{
    if (!object)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for a line of JSON");
    // On a terminal, names stay within ASCII: jansson lets C1 controls pass as they are.
    const size_t ascii = isatty(fileno(stream)) ? JSON_ENSURE_ASCII : 0;
    int failed = json_dumpf(object, stream, JSON_COMPACT | JSON_REAL_PRECISION(6) | ascii) != 0;
    json_decref(object);
    if (failed || putc('\n', stream) == EOF)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write a line of JSON");
    return VLMC_OK;
}

void vlmc_json_set_base64(json_t *object, const char *key, const uint8_t *bytes, size_t size)
{
    size_t capacity = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
    char *base64 = malloc(capacity);
    if (!base64)
        return;
    sodium_bin2base64(base64, capacity, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    json_object_set_new(object, key, json_string(base64));
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
        uint32_t code;
        const size_t n = vlmc_utf8_sequence(p, &code);
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
    if (dirty) {
        char name[64];
        snprintf(name, sizeof name, "%s_b64", key);
        vlmc_json_set_base64(object, name, (const uint8_t *)text, size);
    }
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
