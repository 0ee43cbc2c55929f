// SPDX-License-Identifier: Apache-2.0
#include "holes.h"

#define ZEROS_BYTES 65536u
#define PIECE_BYTES ((uint64_t)4 << 20) // of a hole at a time: some milliseconds of hashing

bool vlmc_holes_encode(const vlmc_hole *holes, uint32_t n, vlmc_buffer *out)
{
    uint64_t at = 0;
    bool done = vlmc_buffer_add_varint(out, n);
    for (uint32_t i = 0; i < n && done; i++) {
        done = vlmc_buffer_add_varint(out, holes[i].offset - at) &&
               vlmc_buffer_add_varint(out, holes[i].bytes);
        at = holes[i].offset + holes[i].bytes;
    }
    return done;
}

bool vlmc_holes_valid(const vlmc_hole *holes, uint32_t n, uint64_t size_bytes, uint64_t *bytes)
{
    uint64_t at = 0;
    *bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_hole *hole = &holes[i];
        if (hole->offset < at || (i > 0 && hole->offset == at) || hole->bytes == 0 ||
            hole->offset > size_bytes || hole->bytes > size_bytes - hole->offset)
            return false;
        at = hole->offset + hole->bytes;
        *bytes += hole->bytes;
    }
    return true;
}

static uint64_t next_number(vlmc_hole_walk *walk)
{
    uint64_t value;
    walk->at += vlmc_varint_read(walk->at, VLMC_VARINT_BYTES_MAX, &value);
    return value;
}

vlmc_hole_walk vlmc_hole_walk_begin(const uint8_t *holes)
{
    vlmc_hole_walk walk = {.at = holes};
    walk.left = holes ? (uint32_t)next_number(&walk) : 0;
    return walk;
}

bool vlmc_hole_walk_next(vlmc_hole_walk *walk, uint64_t *data, uint64_t *bytes)
{
    if (walk->left == 0)
        return false;
    walk->left--;
    *data = next_number(walk);
    *bytes = next_number(walk);
    return true;
}

static void next_hole(vlmc_spread *s)
{
    s->before_hole = vlmc_hole_walk_next(&s->walk, &s->data, &s->hole);
}

vlmc_spread vlmc_spread_begin(const uint8_t *holes)
{
    vlmc_spread s = {.walk = vlmc_hole_walk_begin(holes)};
    next_hole(&s);
    return s;
}

bool vlmc_spread_next(vlmc_spread *s, uint64_t n, bool *is_hole, uint64_t *piece)
{
    *is_hole = s->before_hole && s->data == 0;
    if (*is_hole) {
        *piece = s->hole < PIECE_BYTES ? s->hole : PIECE_BYTES;
        s->hole -= *piece;
        if (s->hole == 0)
            next_hole(s);
        return true;
    }
    *piece = s->before_hole && s->data < n ? s->data : n;
    s->data -= s->before_hole ? *piece : 0;
    return *piece > 0;
}

void vlmc_content_hash_zeros(crypto_hash_sha256_state *state, size_t n)
{
    static const uint8_t zeros[ZEROS_BYTES];
    for (; n > 0; n -= n < ZEROS_BYTES ? n : ZEROS_BYTES)
        crypto_hash_sha256_update(state, zeros, n < ZEROS_BYTES ? n : ZEROS_BYTES);
}

void vlmc_content_hash_begin(vlmc_content_hash *h, const uint8_t *holes)
{
    crypto_hash_sha256_init(&h->state);
    h->spread = vlmc_spread_begin(holes);
    h->size_bytes = 0;
}

bool vlmc_content_hash_add(vlmc_content_hash *h, const uint8_t *bytes, size_t n,
                           bool (*tick)(void *user), void *user)
{
    bool is_hole;
    uint64_t piece;
    while (vlmc_spread_next(&h->spread, n, &is_hole, &piece)) {
        h->size_bytes += piece;
        if (!is_hole) {
            crypto_hash_sha256_update(&h->state, bytes, piece);
            bytes += piece;
            n -= (size_t)piece;
            continue;
        }
        vlmc_content_hash_zeros(&h->state, (size_t)piece);
        if (tick && !tick(user))
            return false;
    }
    return true;
}

void vlmc_content_hash_end(vlmc_content_hash *h, uint8_t sha256[32])
{
    crypto_hash_sha256_final(&h->state, sha256);
}
