// SPDX-License-Identifier: Apache-2.0
#include "pending.h"

#include "codec/group.h"
#include "util/room.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define JOINED_MAX 4u // tokenizers whose tokens wait at one time

// Pieces of a long stretch that are judged each by itself: so long a run of packed data is worth a
// group of its own, and the bytes behind it a fresh start.
#define BLOCK_BYTES (256u << 10)

// Room that is made for bytes to come.
#define ROOM_BYTES (64u << 10)

// What of one sequence waits.
typedef struct buffer {
    uint32_t number;          // of the tokenizer; 0: plain bytes, or a free buffer
    vlmc_token_coding coding; // with parameters of its own
    uint8_t *params;          // (coding.params_bytes)
    uint8_t *tokens;          // (capacity)
    size_t capacity;
    uint32_t n;
    uint64_t bytes; // of files, that the tokens stand for
    uint64_t mark;  // position of the sequence where the current file began
    uint64_t used;  // time of the last use
} buffer;

struct vlmc_pending {
    vlmc_packer *packer;
    uint32_t limit; // tokens of a group
    buffer plain;
    uint32_t begin;         // in `plain`, of what of the current stretch is not judged yet
    bool judged;            // something of the stretch is
    vlmc_content_kind kind; // of the first block in `plain` that is not neutral
    buffer joined[JOINED_MAX];
    uint64_t now;
};

static vlmc_status make_room(buffer *b, size_t wanted, vlmc_error *error)
{
    if (vlmc_make_room(&b->tokens, &b->capacity, wanted))
        return VLMC_OK;
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
}

vlmc_status vlmc_pending_create(vlmc_packer *packer, vlmc_pending **pending, vlmc_error *error)
{
    vlmc_pending *p = *pending = calloc(1, sizeof *p);
    if (!p)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    p->packer = packer;
    p->limit = vlmc_packer_limit(packer);
    return VLMC_OK;
}

void vlmc_pending_destroy(vlmc_pending **pending)
{
    vlmc_pending *p = *pending;
    if (!p)
        return;
    for (uint32_t i = 0; i < JOINED_MAX; i++) {
        free(p->joined[i].params);
        free(p->joined[i].tokens);
    }
    free(p->plain.tokens);
    free(p);
    *pending = NULL;
}

static uint64_t position(const vlmc_pending *p, const buffer *b)
{
    return vlmc_packer_tokens(p->packer, b->number) + b->n;
}

uint64_t vlmc_pending_plain_position(const vlmc_pending *p)
{
    return position(p, &p->plain);
}

void vlmc_pending_begin_file(vlmc_pending *p)
{
    p->plain.mark = position(p, &p->plain);
    for (uint32_t i = 0; i < JOINED_MAX; i++)
        p->joined[i].mark = position(p, &p->joined[i]);
}

// What n of the tokens that wait stand for, about; for progress.
static uint64_t bytes_of(const buffer *b, uint32_t n)
{
    return b->bytes / b->n * n + b->bytes % b->n * n / b->n; // the last product is below 2^52
}

static void forget(const vlmc_pending *p, buffer *b)
{
    const uint64_t written = vlmc_packer_tokens(p->packer, b->number);
    const uint32_t kept = b->mark > written ? (uint32_t)(b->mark - written) : 0;
    if (b->n > 0 && kept < b->n) {
        b->bytes = bytes_of(b, kept);
        b->n = kept;
    }
}

void vlmc_pending_forget_file(vlmc_pending *p)
{
    forget(p, &p->plain);
    for (uint32_t i = 0; i < JOINED_MAX; i++)
        if (p->joined[i].number)
            forget(p, &p->joined[i]);
}

// Writes the first n tokens that wait; the others move up.
static vlmc_status write_first(vlmc_pending *p, buffer *b, uint32_t n, vlmc_error *error)
{
    if (n == 0)
        return VLMC_OK;
    const uint64_t bytes = b->number ? bytes_of(b, n) : n;
    VLMC_TRY(vlmc_packer_group(p->packer, b->number ? &b->coding : NULL, b->number, b->tokens, n,
                               bytes, error));
    b->n -= n;
    b->bytes -= b->number ? bytes : 0;
    memmove(b->tokens, b->tokens + n, b->n);
    return VLMC_OK;
}

// ---- Plain bytes ----

void vlmc_pending_begin_plain(vlmc_pending *p)
{
    p->begin = p->plain.n;
    p->judged = false;
}

static vlmc_status write_plain(vlmc_pending *p, uint32_t n, vlmc_error *error)
{
    VLMC_TRY(write_first(p, &p->plain, n, error));
    p->kind = VLMC_CONTENT_NEUTRAL;
    p->begin = 0;
    return VLMC_OK;
}

// Judges what waits from `begin` on: a block, the rest of a stretch, or as much as there is room
// for. Where it is unlike what lies before it, that becomes a group.
static vlmc_status judge(vlmc_pending *p, vlmc_error *error)
{
    vlmc_content_kind kind;
    const uint32_t n = p->plain.n - p->begin;
    VLMC_TRY(vlmc_packer_kind(p->packer, p->plain.tokens + p->begin, n, &kind, error));
    if (kind == VLMC_CONTENT_INCOMPRESSIBLE && p->judged && n < BLOCK_BYTES)
        kind = VLMC_CONTENT_NEUTRAL; // too short for a group among others of its stretch
    if (kind != VLMC_CONTENT_NEUTRAL) {
        if (p->kind != VLMC_CONTENT_NEUTRAL && p->kind != kind && p->begin > 0)
            VLMC_TRY(write_plain(p, p->begin, error));
        p->kind = kind;
    }
    p->begin = p->plain.n;
    p->judged = true;
    return VLMC_OK;
}

vlmc_status vlmc_pending_room(vlmc_pending *p, uint8_t **at, size_t *room, vlmc_error *error)
{
    if (p->plain.n - p->begin == BLOCK_BYTES || p->plain.n == p->limit)
        VLMC_TRY(judge(p, error));
    if (p->plain.n == p->limit)
        VLMC_TRY(write_plain(p, p->limit, error));
    const size_t in_group = p->limit - p->plain.n;
    const size_t in_block = BLOCK_BYTES - (p->plain.n - p->begin);
    const size_t most = in_group < in_block ? in_group : in_block;
    VLMC_TRY(make_room(&p->plain, p->plain.n + (most < ROOM_BYTES ? most : ROOM_BYTES), error));
    const size_t held = p->plain.capacity - p->plain.n;
    *at = p->plain.tokens + p->plain.n;
    *room = most < held ? most : held;
    return VLMC_OK;
}

void vlmc_pending_add(vlmc_pending *p, size_t n)
{
    p->plain.n += (uint32_t)n;
}

vlmc_status vlmc_pending_end_plain(vlmc_pending *p, vlmc_error *error)
{
    return judge(p, error);
}

// ---- Tokens ----

// Gives up the buffer not used for longest, if all are in use.
static vlmc_status free_buffer(vlmc_pending *p, buffer **found, vlmc_error *error)
{
    buffer *oldest = *found = &p->joined[0];
    for (uint32_t i = 0; i < JOINED_MAX; i++) {
        buffer *b = &p->joined[i];
        if (!b->number || (oldest->number && b->used < oldest->used))
            oldest = b;
    }
    VLMC_TRY(write_first(p, oldest, oldest->n, error));
    free(oldest->params);
    *oldest = (buffer){.tokens = oldest->tokens, .capacity = oldest->capacity};
    *found = oldest;
    return VLMC_OK;
}

static vlmc_status find_buffer(vlmc_pending *p, uint32_t number, const vlmc_token_coding *coding,
                               buffer **found, vlmc_error *error)
{
    for (uint32_t i = 0; i < JOINED_MAX; i++) {
        *found = &p->joined[i];
        if ((*found)->number == number)
            return VLMC_OK;
    }
    VLMC_TRY(free_buffer(p, found, error));
    buffer *b = *found;
    b->params = malloc(coding->params_bytes ? coding->params_bytes : 1);
    if (!b->params)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    if (coding->params_bytes)
        memcpy(b->params, coding->params, coding->params_bytes);
    b->number = number;
    b->coding = (vlmc_token_coding){
        .tokenizer = coding->tokenizer,
        .params = b->params,
        .params_bytes = coding->params_bytes,
    };
    b->mark = position(p, b);
    return VLMC_OK;
}

vlmc_status vlmc_pending_join(vlmc_pending *p, const vlmc_token_coding *coding,
                              const uint8_t *tokens, size_t n, uint64_t bytes, uint32_t *number,
                              uint64_t *first_token, vlmc_error *error)
{
    buffer *b;
    VLMC_TRY(vlmc_packer_tokenizer(p->packer, coding, number, error));
    VLMC_TRY(find_buffer(p, *number, coding, &b, error));
    b->used = ++p->now;
    *first_token = position(p, b);
    for (size_t at = 0; at < n;) {
        if (b->n == p->limit)
            VLMC_TRY(write_first(p, b, p->limit, error));
        const size_t room = p->limit - b->n, left = n - at;
        const size_t piece = left < room ? left : room;
        VLMC_TRY(make_room(b, b->n + piece, error));
        memcpy(b->tokens + b->n, tokens + at, piece);
        b->n += (uint32_t)piece;
        // For progress; bytes < 2^26, tokens <= 2^28.
        b->bytes += bytes * (at + piece) / n - bytes * at / n;
        at += piece;
    }
    return VLMC_OK;
}

vlmc_status vlmc_pending_finish(vlmc_pending *p, vlmc_error *error)
{
    VLMC_TRY(write_plain(p, p->plain.n, error));
    for (;;) { // by number, so that the order does not depend on which buffer was free
        buffer *first = NULL;
        for (uint32_t i = 0; i < JOINED_MAX; i++)
            if (p->joined[i].n && (!first || p->joined[i].number < first->number))
                first = &p->joined[i];
        if (!first)
            return vlmc_packer_finish(p->packer, error);
        VLMC_TRY(write_first(p, first, first->n, error));
    }
}
