// SPDX-License-Identifier: Apache-2.0
// The image plugin, for fuzz_plugin.h. CTest runs pictures and JPEG files apart.
#include "fuzz_plugin.h"

#include <string.h>
#include <zlib.h>

#define PNG_SIGNATURE_BYTES 8u
#define PNG_EDGE_BYTES 12u

// Faults that the host finds, as this does, and codes plain bytes: an encoder that refuses, and
// JPEG files whose redundant codes libjpeg writes otherwise or not at all.
static bool is_the_hosts(const char *fault, const uint8_t *data, size_t size)
{
    if (strcmp(fault, "the encoder refused") == 0)
        return true;
    const bool jpeg = size > 2 && data[0] == 0xFF && data[1] == 0xD8;
    return jpeg && (strcmp(fault, "the decoder refused") == 0 ||
                    strcmp(fault, "other bytes came back") == 0);
}

// Right checks for the chunks of a PNG file.
static void seal_chunks(plugin_bytes *file)
{
    size_t at = PNG_SIGNATURE_BYTES;
    if (file->n < at || memcmp(file->data, "\x89PNG", 4) != 0)
        return;
    while (file->n - at >= PNG_EDGE_BYTES) {
        uint8_t *p = file->data + at;
        const size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (n > file->n - at - PNG_EDGE_BYTES)
            return;
        const uint32_t check = (uint32_t)crc32(0, p + 4, (uInt)n + 4);
        for (uint32_t i = 0; i < 4; i++)
            p[8 + n + i] = (uint8_t)(check >> (24 - 8 * i));
        at += n + PNG_EDGE_BYTES;
    }
}

const fuzz_subject fuzz_subject_of_plugin = {.tolerated = is_the_hosts, .seal = seal_chunks};
