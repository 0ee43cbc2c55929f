// SPDX-License-Identifier: Apache-2.0
// Taking a raw index apart: nothing is read that is not there.
#ifndef VLMC_ARCHIVE_INDEX_CURSOR_H
#define VLMC_ARCHIVE_INDEX_CURSOR_H

#include "format.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <vlmc/status.h>

// What of the raw index is still to be parsed.
typedef struct vlmc_cursor {
    const uint8_t *at;
    size_t left;
    const char *path; // of the archive, for messages
    vlmc_error *error;
} vlmc_cursor;

static inline vlmc_status vlmc_cursor_broken(const vlmc_cursor *c, const char *what)
{
    return vlmc_fail(c->error, VLMC_ERROR_DAMAGED,
                     "the index of %s is damaged (%s); get another copy", c->path, what);
}

static inline vlmc_status vlmc_cursor_no_memory(const vlmc_cursor *c)
{
    return vlmc_fail(c->error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s", c->path);
}

static inline vlmc_status vlmc_cursor_take(vlmc_cursor *c, size_t bytes, const uint8_t **at)
{
    *at = NULL;
    if (bytes > c->left)
        return vlmc_cursor_broken(c, "it ends early");
    *at = c->at;
    c->at += bytes;
    c->left -= bytes;
    return VLMC_OK;
}

static inline vlmc_status vlmc_cursor_byte(vlmc_cursor *c, uint8_t *value)
{
    const uint8_t *p;
    VLMC_TRY(vlmc_cursor_take(c, 1, &p));
    *value = *p;
    return VLMC_OK;
}

// A varint of at most `most`.
static inline vlmc_status vlmc_cursor_number(vlmc_cursor *c, uint64_t most, uint64_t *value)
{
    const uint8_t *p;
    const uint32_t n = vlmc_varint_read(c->at, c->left, value);
    if (!n || *value > most)
        return vlmc_cursor_broken(c, "an impossible number");
    return vlmc_cursor_take(c, n, &p);
}

static inline vlmc_status vlmc_cursor_number32(vlmc_cursor *c, uint32_t most, uint32_t *value)
{
    uint64_t number;
    VLMC_TRY(vlmc_cursor_number(c, most, &number));
    *value = (uint32_t)number;
    return VLMC_OK;
}

// A text of `least` to `most` bytes and its zero byte.
static inline vlmc_status vlmc_cursor_text(vlmc_cursor *c, size_t least, size_t most,
                                           const char **text)
{
    const uint8_t *p;
    const size_t n = strnlen((const char *)c->at, c->left < most + 1 ? c->left : most + 1);
    if (n < least || n > most || n == c->left)
        return vlmc_cursor_broken(c, "an impossible text");
    VLMC_TRY(vlmc_cursor_take(c, n + 1, &p));
    *text = (const char *)p;
    return VLMC_OK;
}

#endif
