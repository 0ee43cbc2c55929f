// SPDX-License-Identifier: Apache-2.0
#include "writer_ahead.h"

#include "intake.h"
#include "plugin/worker.h"

#include <sodium.h>
#include <stdlib.h>

struct vlmc_writer_ahead {
    vlmc_writer_coming coming;
    vlmc_packer *packer;
    vlmc_records *records;
    const vlmc_file_table *files;
    // The file that is looked at; its bytes from `place` on are in the worker's window.
    bool has_file;
    bool ended; // it has been read to its end
    vlmc_coming_file file;
    vlmc_place place;
    // The segment there whose groups are being given, n 0: there is none.
    vlmc_worker_segment segment;
    vlmc_worker_tokens tokens;
    uint32_t next_group;
};

static bool step(void *user);

vlmc_status vlmc_writer_ahead_create(const vlmc_writer_coming *coming, vlmc_packer *packer,
                                     vlmc_records *records, const vlmc_file_table *files,
                                     vlmc_writer_ahead **ahead, vlmc_error *error)
{
    vlmc_writer_ahead *a = *ahead = calloc(1, sizeof *a);
    if (!a)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    a->coming = *coming;
    a->packer = packer;
    a->records = records;
    a->files = files;
    vlmc_packer_set_ahead(packer, step, a);
    return VLMC_OK;
}

void vlmc_writer_ahead_destroy(vlmc_writer_ahead **ahead)
{
    free(*ahead);
    *ahead = NULL;
}

// ---- Files ----

static size_t window(const vlmc_writer_ahead *a, const uint8_t **bytes)
{
    size_t n;
    vlmc_worker_window(a->coming.worker, bytes, &n);
    return n;
}

// As the intake fills it, so that analysers see the same. False: the file cannot be read.
static bool fill_window(vlmc_writer_ahead *a, size_t wanted)
{
    const uint8_t *bytes;
    size_t n = window(a, &bytes);
    while (!a->ended && n < wanted) {
        vlmc_error unused;
        uint8_t *at;
        size_t room, got;
        vlmc_worker_room(a->coming.worker, &at, &room);
        if (room > wanted - n)
            room = wanted - n;
        if (room == 0)
            break;
        if (a->file.read(a->file.user, at, room, &got, &unused) != VLMC_OK || got > room)
            return false;
        a->ended = got == 0;
        vlmc_worker_add(a->coming.worker, got);
        n += got;
    }
    return true;
}

// Will the writer find that the archive has such a file? Where that would take long to know, it
// may.
static bool is_known(const vlmc_writer_ahead *a)
{
    const uint8_t *bytes;
    uint8_t sha256[32];
    vlmc_index_place unused;
    const size_t n = window(a, &bytes);
    if (!vlmc_file_table_has_size(a->files, a->file.size_bytes))
        return false;
    if (!a->ended)
        return true;
    crypto_hash_sha256(sha256, bytes, n);
    return vlmc_file_table_find(a->files, vlmc_records_index(a->records), n, sha256, &unused);
}

// Begins with the next file that a plugin claims. False: there is none at present.
static bool next_file(vlmc_writer_ahead *a)
{
    vlmc_worker *worker = a->coming.worker;
    vlmc_worker_probe probe = {0};
    vlmc_error unused;
    a->has_file = a->ended = false;
    if (!a->coming.next(a->coming.user, vlmc_packer_reached(a->packer).file, &a->file))
        return false;
    a->place = (vlmc_place){.file = a->file.number};
    a->has_file = vlmc_worker_begin(worker, a->file.path, &unused) == VLMC_OK &&
                  fill_window(a, VLMC_WORKER_PROBE_BYTES) &&
                  vlmc_worker_probe_file(worker, &probe, &unused) == VLMC_OK && probe.plugin &&
                  fill_window(a, VLMC_WORKER_WINDOW_BYTES) && !is_known(a);
    return true;
}

// ---- Segments ----

// Is it tokens that the intake packs as a segment of their own?
static bool is_of_interest(const vlmc_writer_ahead *a)
{
    const vlmc_tokenizer *tokenizer = a->segment.tokenizer;
    return tokenizer && !(tokenizer->flags & VLMC_TOKENIZER_JOINS) &&
           a->segment.bytes >= VLMC_SEGMENT_BYTES_MIN &&
           vlmc_place_before(vlmc_packer_reached(a->packer), a->place);
}

static void skip_segment(vlmc_writer_ahead *a)
{
    vlmc_worker_skip(a->coming.worker, (size_t)a->segment.bytes);
    a->place.offset += a->segment.bytes;
    a->tokens.n = 0;
}

// The next segment of the file, with its tokens if they are of interest. False: the file has no
// more that could be of use.
static bool next_segment(vlmc_writer_ahead *a)
{
    vlmc_worker *worker = a->coming.worker;
    const uint8_t *bytes;
    vlmc_error unused;
    if (!fill_window(a, VLMC_WORKER_WINDOW_BYTES) || window(a, &bytes) == 0 ||
        vlmc_worker_next_segment(worker, a->ended, &a->segment, &unused) != VLMC_OK ||
        a->segment.bytes > window(a, &bytes))
        return false;
    if (!is_of_interest(a)) {
        const vlmc_tokenizer *tokenizer = a->segment.tokenizer;
        skip_segment(a);
        return !tokenizer || !(tokenizer->flags & VLMC_TOKENIZER_JOINS); // text, and no pictures
    }
    a->next_group = 0;
    if (vlmc_worker_encode(worker, a->segment.tokenizer, a->segment.params, a->segment.params_bytes,
                           (size_t)a->segment.bytes, &a->tokens, &unused) == VLMC_OK)
        return true;
    a->tokens.n = 0;
    return false;
}

// One thing at a time, so that the packer sees to its groups in between.
static bool step(void *user)
{
    vlmc_writer_ahead *a = user;
    const vlmc_place reached = vlmc_packer_reached(a->packer);
    if (a->has_file && a->place.file < reached.file) {
        a->has_file = false;
        a->tokens.n = 0;
    }
    if (a->tokens.n > 0) {
        const vlmc_token_coding coding = {
            .tokenizer = a->segment.tokenizer,
            .params = a->segment.params,
            .params_bytes = a->segment.params_bytes,
        };
        if (!vlmc_place_before(reached, a->place) ||
            !vlmc_packer_expect(a->packer, a->place, &coding, a->tokens.tokens, a->tokens.n,
                                (size_t)a->segment.bytes, &a->next_group))
            skip_segment(a);
        return true;
    }
    if (!a->has_file)
        return next_file(a);
    a->has_file = next_segment(a);
    return true;
}
