// SPDX-License-Identifier: Apache-2.0
#include "record_walk.h"

#include "format.h"
#include "recovery/bytes_at.h"

#include <stdlib.h>
#include <xxhash.h>

#define CHUNK_BYTES (1u << 20)

typedef struct record_walk {
    int fd;
    uint64_t end; // of what may be read
    uint64_t at;  // of the next record
    uint32_t n;   // records so far
    bool done;    // the INDEX record was there: the footer follows
    vlmc_record record;
} record_walk;

// Is there a footer whose index record begins at `index_at`, or anywhere with 0?
static bool footer_there(int fd, uint64_t archive_bytes, uint64_t index_at)
{
    uint8_t bytes[VLMC_FOOTER_BYTES];
    vlmc_footer footer;
    if (archive_bytes < VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_FOOTER_BYTES ||
        vlmc_recovery_read_at(fd, archive_bytes - sizeof bytes, bytes, sizeof bytes, NULL) !=
            VLMC_OK ||
        !vlmc_format_read_footer(bytes, &footer))
        return false;
    // No overflow: the archive lies in a file, and packed sizes have 32 bits.
    const uint64_t tail = VLMC_RECORD_BYTES + (uint64_t)footer.index_packed_bytes + sizeof bytes;
    return archive_bytes >= VLMC_HEADER_BYTES + tail &&
           footer.index_offset == archive_bytes - tail &&
           (index_at == 0 || footer.index_offset == index_at);
}

bool vlmc_record_walk_footer(int fd, uint64_t archive_bytes)
{
    return footer_there(fd, archive_bytes, 0);
}

// Reads the next record's header. False: it is damaged, or its payload does not fit.
static bool next(record_walk *w)
{
    uint8_t bytes[VLMC_RECORD_BYTES];
    if (w->end - w->at < sizeof bytes ||
        vlmc_recovery_read_at(w->fd, w->at, bytes, sizeof bytes, NULL) != VLMC_OK ||
        !vlmc_format_read_record(bytes, &w->record) || w->record.number != w->n ||
        w->record.packed_bytes > w->end - w->at - sizeof bytes)
        return false;
    w->n++;
    w->done = w->record.type == VLMC_RECORD_INDEX;
    return true;
}

static uint64_t record_end(const record_walk *w)
{
    return w->at + VLMC_RECORD_BYTES + w->record.packed_bytes;
}

vlmc_status vlmc_record_walk_end(int fd, uint64_t file_bytes, uint64_t *archive_bytes, bool *found,
                                 vlmc_error *error)
{
    uint8_t header[VLMC_HEADER_BYTES];
    record_walk walk = {.fd = fd, .end = file_bytes, .at = VLMC_HEADER_BYTES};
    *found = false;
    if (file_bytes < sizeof header)
        return VLMC_OK;
    VLMC_TRY(vlmc_recovery_read_at(fd, 0, header, sizeof header, error));
    if (vlmc_format_read_header(header, sizeof header, "", NULL) != VLMC_OK)
        return VLMC_OK;
    while (walk.n < VLMC_WALK_RECORDS_MAX && next(&walk)) {
        if (walk.done) {
            *archive_bytes = record_end(&walk) + VLMC_FOOTER_BYTES;
            *found = *archive_bytes <= file_bytes && footer_there(fd, *archive_bytes, walk.at);
            return VLMC_OK;
        }
        walk.at = record_end(&walk);
    }
    return VLMC_OK;
}

static vlmc_status damaged(const char *name, uint64_t at, vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", name,
                     (unsigned long long)at);
}

static vlmc_status check_payload(const record_walk *w, XXH3_state_t *hash, uint8_t *buffer,
                                 const char *name, vlmc_recovery_progress *progress,
                                 vlmc_error *error)
{
    XXH3_64bits_reset(hash);
    for (uint64_t at = w->at + VLMC_RECORD_BYTES; at < record_end(w);) {
        const uint64_t left = record_end(w) - at;
        const size_t n = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        VLMC_TRY(vlmc_recovery_read_at(w->fd, at, buffer, n, error));
        XXH3_64bits_update(hash, buffer, n);
        VLMC_TRY(vlmc_recovery_step(progress, n, error));
        at += n;
    }
    return XXH3_64bits_digest(hash) == w->record.packed_hash ? VLMC_OK
                                                             : damaged(name, w->at, error);
}

static vlmc_status check(record_walk *w, XXH3_state_t *hash, uint8_t *buffer, const char *name,
                         vlmc_recovery_progress *progress, vlmc_error *error)
{
    uint8_t header[VLMC_HEADER_BYTES];
    VLMC_TRY(vlmc_recovery_read_at(w->fd, 0, header, sizeof header, error));
    VLMC_TRY(vlmc_format_read_header(header, sizeof header, name, error));
    while (!w->done) {
        if (!next(w))
            return damaged(name, w->at, error);
        VLMC_TRY(check_payload(w, hash, buffer, name, progress, error));
        if (!w->done)
            w->at = record_end(w);
    }
    if (record_end(w) + VLMC_FOOTER_BYTES != w->end || !footer_there(w->fd, w->end, w->at))
        return damaged(name, record_end(w), error);
    return VLMC_OK;
}

vlmc_status vlmc_record_walk_check(int fd, uint64_t archive_bytes, const char *name,
                                   vlmc_recovery_progress *progress, vlmc_error *error)
{
    record_walk walk = {.fd = fd, .end = archive_bytes, .at = VLMC_HEADER_BYTES};
    if (archive_bytes < VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_FOOTER_BYTES)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy", name);
    uint8_t *buffer = malloc(CHUNK_BYTES);
    XXH3_state_t *hash = XXH3_createState();
    vlmc_status status = VLMC_ERROR_MEMORY;
    if (!buffer || !hash)
        vlmc_fail(error, status, "not enough memory to check %s", name);
    else
        status = check(&walk, hash, buffer, name, progress, error);
    XXH3_freeState(hash);
    free(buffer);
    return status;
}
