// SPDX-License-Identifier: Apache-2.0
// Bytes that grow.
#ifndef VLMC_ARCHIVE_BUFFER_H
#define VLMC_ARCHIVE_BUFFER_H

#include "format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Zeros: empty. `bytes` is freed by the owner.
typedef struct vlmc_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
} vlmc_buffer;

// Room for `bytes` more, at *at, which counts as used. False when memory is short.
static inline bool vlmc_buffer_reserve(vlmc_buffer *buffer, size_t bytes, uint8_t **at)
{
    if (bytes > buffer->capacity - buffer->size) {
        const size_t capacity = 2 * buffer->capacity + bytes + 64;
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (!grown)
            return false;
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    *at = buffer->bytes + buffer->size;
    buffer->size += bytes;
    return true;
}

static inline bool vlmc_buffer_add(vlmc_buffer *buffer, const void *bytes, size_t size)
{
    uint8_t *at;
    if (!vlmc_buffer_reserve(buffer, size, &at))
        return false;
    if (size)
        memcpy(at, bytes, size);
    return true;
}

static inline bool vlmc_buffer_add_varint(vlmc_buffer *buffer, uint64_t value)
{
    uint8_t bytes[VLMC_VARINT_BYTES_MAX];
    return vlmc_buffer_add(buffer, bytes, vlmc_varint_write(value, bytes));
}

// With its zero byte.
static inline bool vlmc_buffer_add_string(vlmc_buffer *buffer, const char *text)
{
    return vlmc_buffer_add(buffer, text, strlen(text) + 1);
}

static inline void vlmc_buffer_free(vlmc_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (vlmc_buffer){0};
}

#endif
