// SPDX-License-Identifier: Apache-2.0
#include "dedup.h"

#include "chunk_table.h"
#include "chunker.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(VLMC_DEDUP_PIECE_BYTES > VLMC_CHUNK_BYTES_MAX + VLMC_DEDUP_RUN_BYTES,
               "a piece has room for a chunk behind a run");

struct vlmc_dedup {
    vlmc_chunker chunker;
    vlmc_chunk_table *chunks;
    vlmc_segment_info *pieces; // (n_pieces) those that chunks lie in
    uint32_t n_pieces;
    uint32_t capacity;
    bool used; // chunks lie in the piece that is to be placed
    uint32_t pieces_mark;
    uint64_t chunks_mark;
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to find duplicates");
}

vlmc_status vlmc_dedup_create(vlmc_dedup **dedup, vlmc_error *error)
{
    vlmc_dedup *d = *dedup = calloc(1, sizeof *d);
    if (!d)
        return no_memory(error);
    vlmc_chunker_init(&d->chunker);
    const vlmc_status status = vlmc_chunk_table_create(&d->chunks, error);
    if (status != VLMC_OK)
        vlmc_dedup_destroy(dedup);
    return status;
}

void vlmc_dedup_destroy(vlmc_dedup **dedup)
{
    if (!*dedup)
        return;
    vlmc_chunk_table_destroy(&(*dedup)->chunks);
    free((*dedup)->pieces);
    free(*dedup);
    *dedup = NULL;
}

void vlmc_dedup_begin_file(vlmc_dedup *d)
{
    d->used = false;
    d->pieces_mark = d->n_pieces;
    d->chunks_mark = vlmc_chunk_table_mark(d->chunks);
}

void vlmc_dedup_forget_file(vlmc_dedup *d)
{
    vlmc_chunk_table_forget(d->chunks, d->chunks_mark);
    d->n_pieces = d->pieces_mark;
    d->used = false;
}

// ---- Steps ----

// What a step has come to. New bytes are followed by a run of known ones, which is empty while none
// is under way.
typedef struct scan {
    const uint8_t *bytes; // (n)
    size_t n;
    size_t fresh;
    size_t run;             // bytes of it
    vlmc_chunk_place place; // of its first byte
    bool run_ends;          // a chunk follows that does not continue it
} scan;

// Zeros and the like: whatever packs them does it better than references could.
static bool is_one_byte(const uint8_t *bytes, size_t n)
{
    return n > 1 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

// True when the chunk of n bytes behind the scan is known and where.
static bool look_up(const vlmc_dedup *d, const scan *s, size_t n, uint8_t *digest,
                    vlmc_chunk_place *place)
{
    const uint8_t *chunk = s->bytes + s->fresh + s->run;
    crypto_generichash(digest, VLMC_CHUNK_DIGEST_BYTES, chunk, n, NULL, 0);
    return vlmc_chunk_table_find(d->chunks, digest, place);
}

static bool continues(const scan *s, vlmc_chunk_place place)
{
    return s->run > 0 && place.piece == s->place.piece && place.offset == s->place.offset + s->run;
}

// Takes a chunk of n bytes into the scan, or finds that the run ends before it.
static vlmc_status take_chunk(vlmc_dedup *d, scan *s, size_t n, vlmc_error *error)
{
    uint8_t digest[VLMC_CHUNK_DIGEST_BYTES];
    vlmc_chunk_place place = {0};
    const bool even = is_one_byte(s->bytes + s->fresh + s->run, n);
    const bool known = !even && look_up(d, s, n, digest, &place);
    if (known && continues(s, place)) {
        s->run += n;
        return VLMC_OK;
    }
    s->run_ends = s->run >= VLMC_DEDUP_RUN_BYTES;
    if (s->run_ends)
        return VLMC_OK;
    s->fresh += s->run; // too short
    s->run = 0;
    if (known) {
        s->place = place;
        s->run = n;
        return VLMC_OK;
    }
    if (!even) {
        place = (vlmc_chunk_place){.piece = d->n_pieces, .offset = (uint32_t)s->fresh};
        VLMC_TRY(vlmc_chunk_table_add(d->chunks, digest, place, error));
        d->used = true;
    }
    s->fresh += n;
    return VLMC_OK;
}

// True when new bytes are enough for a step.
static bool is_complete(const scan *s)
{
    if (s->fresh == 0)
        return s->run_ends;
    return s->run >= VLMC_DEDUP_RUN_BYTES || s->fresh >= VLMC_DEDUP_PIECE_BYTES;
}

static vlmc_segment_info part_of(const vlmc_segment_info *piece, uint32_t offset, size_t n)
{
    vlmc_segment_info part = *piece;
    part.n_bytes = n;
    if (piece->tokenizer) {
        part.before = offset;
        part.after = piece->n_bytes - offset - n;
    } else {
        part.first_token += offset;
        part.n_tokens = n;
    }
    return part;
}

vlmc_status vlmc_dedup_next(vlmc_dedup *d, const uint8_t *bytes, size_t n, bool ended,
                            vlmc_dedup_step *step, vlmc_error *error)
{
    scan s = {.bytes = bytes, .n = n};
    *step = (vlmc_dedup_step){0};
    d->used = false;
    if (ended && n < VLMC_DEDUP_RUN_BYTES) {
        step->n = n;
        return VLMC_OK;
    }
    while (!is_complete(&s)) {
        const size_t at = s.fresh + s.run;
        const size_t chunk = at < n ? vlmc_chunker_next(&d->chunker, bytes + at, n - at, ended) : 0;
        if (chunk == 0)
            break;
        VLMC_TRY(take_chunk(d, &s, chunk, error));
    }
    if (ended && s.run < VLMC_DEDUP_RUN_BYTES) {
        s.fresh += s.run; // nothing follows that could make it long enough, or all is new
        s.run = 0;
    }
    step->n = s.fresh;
    if (s.fresh == 0 && s.run >= VLMC_DEDUP_RUN_BYTES) {
        step->n = s.run;
        step->known = true;
        step->segment = part_of(&d->pieces[s.place.piece], s.place.offset, s.run);
    }
    return VLMC_OK;
}

vlmc_status vlmc_dedup_placed(vlmc_dedup *d, const vlmc_segment_info *segment, vlmc_error *error)
{
    if (!d->used)
        return VLMC_OK;
    d->used = false;
    if (d->n_pieces == d->capacity) {
        const uint32_t capacity = 2 * d->capacity + 64;
        vlmc_segment_info *grown = realloc(d->pieces, capacity * sizeof *grown);
        if (!grown)
            return no_memory(error);
        d->pieces = grown;
        d->capacity = capacity;
    }
    d->pieces[d->n_pieces++] = *segment;
    return VLMC_OK;
}
