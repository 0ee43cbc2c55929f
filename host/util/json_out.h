// SPDX-License-Identifier: Apache-2.0
// JSON lines on a stream: one object per result, on jansson.
#ifndef VLMC_UTIL_JSON_OUT_H
#define VLMC_UTIL_JSON_OUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <vlmc/status.h>

// Prints `object` and a newline, keys in the order of insertion, and takes the reference.
// A NULL object, which is what jansson hands out when memory is short, is an error.
vlmc_status vlmc_json_line(FILE *stream, json_t *object, vlmc_error *error);

// Sets key to the text; where it is not UTF-8, bad bytes become U+FFFD and KEY_b64 holds the
// bytes themselves in base64.
void vlmc_json_set_bytes(json_t *object, const char *key, const char *text);

// Any bytes in base64.
void vlmc_json_set_base64(json_t *object, const char *key, const uint8_t *bytes, size_t size);

// Lower-case hexadecimal.
void vlmc_json_set_hex(json_t *object, const char *key, const uint8_t *bytes, size_t size);

// "2026-11-24T02:33:14Z", with ".123456789" before the Z where `ns` is not 0.
void vlmc_json_set_time(json_t *object, const char *key, int64_t seconds, uint32_t ns);

// The same as text; size >= 48.
void vlmc_format_time(int64_t seconds, uint32_t ns, char *text, size_t size);

// An unsigned number; those beyond 2^63 - 1, which no file reaches, are cut.
void vlmc_json_set_number(json_t *object, const char *key, uint64_t value);

#endif
