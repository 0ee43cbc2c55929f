// SPDX-License-Identifier: Apache-2.0
// From groups to the content of a file.
#include "reader.h"

#include "holes.h"
#include "util/room.h"

#include <sodium.h>
#include <string.h>

// Where the bytes of the file that is being read go.
typedef struct sink {
    vlmc_reader *reader;
    crypto_hash_sha256_state hash;
    vlmc_spread spread;
    vlmc_write_fn write;
    vlmc_hole_fn hole; // NULL: holes are written as zeros
    void *user;
} sink;

static vlmc_status write_zeros(sink *s, uint64_t n, vlmc_error *error)
{
    static const uint8_t zeros[1u << 16];
    for (; n > 0; n -= n < sizeof zeros ? n : sizeof zeros)
        VLMC_TRY(s->write(s->user, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros, error));
    return VLMC_OK;
}

static vlmc_status sink_hole(sink *s, uint64_t n, vlmc_error *error)
{
    vlmc_content_hash_zeros(&s->hash, (size_t)n);
    s->reader->bytes_done += n;
    if (!vlmc_reader_tell(s->reader, 0))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return s->hole ? s->hole(s->user, n, error) : write_zeros(s, n, error);
}

// Data of the file, and the holes before and behind them.
static vlmc_status sink_bytes(void *user, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    sink *s = user;
    bool is_hole;
    uint64_t piece;
    while (vlmc_spread_next(&s->spread, n, &is_hole, &piece)) {
        if (is_hole) {
            VLMC_TRY(sink_hole(s, piece, error));
            continue;
        }
        crypto_hash_sha256_update(&s->hash, bytes, piece);
        VLMC_TRY(s->write(s->user, bytes, (size_t)piece, error));
        bytes += piece;
        n -= (size_t)piece;
    }
    return VLMC_OK;
}

bool vlmc_reader_tell(const vlmc_reader *r, uint64_t tokens)
{
    if (!r->progress)
        return true;
    // Exact for plain bytes, and whatever an index says.
    const double share =
        r->segment_tokens ? (double)(r->tokens_done + tokens) / (double)r->segment_tokens : 0;
    const uint64_t bytes = r->segment_tokens == r->segment_bytes
                               ? r->tokens_done + tokens
                               : (uint64_t)(share * (double)r->segment_bytes);
    return r->progress(r->progress_user, r->bytes_done + bytes, r->packed_done);
}

// Tokens of a segment, all of one group.
static vlmc_status take_tokens(vlmc_reader *r, const vlmc_segment_info *segment,
                               const uint8_t *tokens, size_t n, bool ended, vlmc_worker_sink to,
                               void *user, vlmc_error *error)
{
    if (segment->tokenizer)
        return vlmc_worker_decode(r->worker, tokens, n, ended, to, user, error);
    return to(user, tokens, n, error);
}

static vlmc_status begin_segment(vlmc_reader *r, const vlmc_segment_info *segment,
                                 vlmc_error *error)
{
    r->segment_tokens = segment->n_tokens;
    r->segment_bytes = segment->n_bytes;
    r->tokens_done = 0;
    if (segment->tokenizer == 0)
        return VLMC_OK;
    VLMC_TRY(vlmc_reader_open_tokenizer(r, segment->tokenizer, error));
    return vlmc_worker_decode_begin(r->worker, r->tokenizer.tokenizer, r->tokenizer.params,
                                    r->tokenizer.params_bytes,
                                    segment->before + segment->n_bytes + segment->after, error);
}

// All that the tokens of a segment make.
static vlmc_status decode_segment(vlmc_reader *r, const vlmc_segment_info *segment,
                                  vlmc_worker_sink to, void *user, vlmc_error *error)
{
    const vlmc_index *index = &r->index;
    uint64_t at = segment->first_token, left = segment->n_tokens;
    VLMC_TRY(begin_segment(r, segment, error));
    for (uint32_t i = vlmc_index_find(index, segment->tokenizer, at); left > 0; i++) {
        const uint64_t skip = at - index->starts[i];
        const uint64_t rest = index->groups[index->order[i]].raw_bytes - skip;
        const size_t n = (size_t)(left < rest ? left : rest);
        const uint8_t *tokens;
        r->tokens_ahead = n;
        VLMC_TRY(vlmc_reader_group_tokens(r, index->order[i], &tokens, error));
        at += n;
        left -= n;
        VLMC_TRY(take_tokens(r, segment, tokens + skip, n, left == 0, to, user, error));
        vlmc_reader_cache_took(&r->cache, index->order[i]);
        r->tokens_done += n;
        if (!vlmc_reader_tell(r, 0))
            return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    }
    return VLMC_OK;
}

// ---- Segments with margins ----

static vlmc_status part_bytes(void *user, const uint8_t *bytes, size_t n, vlmc_error *error)
{
    vlmc_reader_part *part = user;
    if (n > part->n_bytes - part->made)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "a tokenizer made too many bytes");
    memcpy(part->bytes + part->made, bytes, n);
    part->made += n;
    return VLMC_OK;
}

static bool is_of_part(const vlmc_reader_part *part, const vlmc_segment_info *segment)
{
    return part->tokenizer == segment->tokenizer && part->first_token == segment->first_token &&
           part->n_tokens == segment->n_tokens &&
           part->n_bytes == segment->before + segment->n_bytes + segment->after;
}

// Its groups have done what they were kept for.
static void took_part(vlmc_reader *r, const vlmc_segment_info *segment)
{
    const vlmc_index *index = &r->index;
    const uint64_t last = segment->first_token + segment->n_tokens - 1;
    const uint32_t end = vlmc_index_find(index, segment->tokenizer, last);
    for (uint32_t i = vlmc_index_find(index, segment->tokenizer, segment->first_token); i <= end;
         i++)
        vlmc_reader_cache_took(&r->cache, index->order[i]);
}

// Decodes what is not there yet. The sizes are below VLMC_MARGIN_BYTES_MAX as the index was parsed.
static vlmc_status use_part(vlmc_reader *r, const vlmc_segment_info *segment, vlmc_error *error)
{
    vlmc_reader_part *part = &r->part;
    if (is_of_part(part, segment)) {
        took_part(r, segment);
        return VLMC_OK;
    }
    part->tokenizer = 0;
    part->first_token = segment->first_token;
    part->n_tokens = segment->n_tokens;
    part->n_bytes = segment->before + segment->n_bytes + segment->after;
    part->made = 0;
    if (!vlmc_make_room(&part->bytes, &part->capacity, (size_t)part->n_bytes))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", r->path);
    VLMC_TRY(decode_segment(r, segment, part_bytes, part, error));
    if (part->made != part->n_bytes)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "a tokenizer made too few bytes");
    part->tokenizer = segment->tokenizer;
    return VLMC_OK;
}

static vlmc_status read_segment(vlmc_reader *r, const vlmc_segment_info *segment, sink *s,
                                vlmc_error *error)
{
    if (segment->before || segment->after) {
        VLMC_TRY(use_part(r, segment, error));
        VLMC_TRY(sink_bytes(s, r->part.bytes + segment->before, (size_t)segment->n_bytes, error));
    } else {
        VLMC_TRY(decode_segment(r, segment, sink_bytes, s, error));
    }
    r->bytes_done += segment->n_bytes;
    r->segment_tokens = r->segment_bytes = r->tokens_done = 0;
    if (!vlmc_reader_tell(r, 0))
        return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    return VLMC_OK;
}

static vlmc_status read_content(vlmc_reader *r, const vlmc_entry *entry, sink *s, vlmc_error *error)
{
    vlmc_segment_info segment;
    if (!vlmc_reader_cache_begin(&r->cache, &r->index))
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", r->path);
    // What is missing is known before the first byte is handed out.
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(entry);
         vlmc_segment_walk_next(&walk, &segment);)
        VLMC_TRY(vlmc_reader_check_needs(r, &segment, error));
    for (vlmc_segment_walk walk = vlmc_segment_walk_begin(entry);
         vlmc_segment_walk_next(&walk, &segment);)
        VLMC_TRY(read_segment(r, &segment, s, error));
    return sink_bytes(s, NULL, 0, error); // a hole at the end
}

vlmc_status vlmc_reader_read(vlmc_reader *reader, uint32_t index, vlmc_write_fn write, void *user,
                             vlmc_error *error)
{
    return vlmc_reader_read_sparse(reader, index, write, NULL, user, error);
}

vlmc_status vlmc_reader_read_sparse(vlmc_reader *reader, uint32_t index, vlmc_write_fn write,
                                    vlmc_hole_fn hole, void *user, vlmc_error *error)
{
    const vlmc_entry *named = vlmc_reader_entry(reader, index);
    const vlmc_entry *entry = named && named->type == VLMC_ENTRY_HARD_LINK
                                  ? vlmc_reader_entry(reader, named->target)
                                  : named;
    if (!entry || entry->type != VLMC_ENTRY_FILE)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "entry %u of %s has no content", index,
                         reader->path);
    sink s = {
        .reader = reader,
        .spread = vlmc_spread_begin(entry->holes),
        .write = write,
        .hole = hole,
        .user = user,
    };
    uint8_t digest[32];
    vlmc_error detail = {0};
    crypto_hash_sha256_init(&s.hash);
    const vlmc_status status = read_content(reader, entry, &s, &detail);
    crypto_hash_sha256_final(&s.hash, digest);
    if (status == VLMC_ERROR_DAMAGED || status == VLMC_ERROR_PLUGIN)
        return vlmc_fail(error, status, "%s cannot be read: %s", named->path, detail.text);
    if (status != VLMC_OK) {
        if (error)
            *error = detail;
        return status;
    }
    if (memcmp(digest, entry->sha256, sizeof digest) != 0)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s cannot be read: its content is not what was archived", named->path);
    return VLMC_OK;
}
