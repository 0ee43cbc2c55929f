// SPDX-License-Identifier: Apache-2.0
#include "record_walk.h"

#include "format.h"
#include "recovery/bytes_at.h"
#include "util/bytes.h"

#include <stdlib.h>
#include <xxhash.h>

#define CHUNK_BYTES (1u << 20)

typedef struct record_walk {
    int fd;
    uint64_t end;       // of what may be read
    uint64_t at;        // where the last record begins
    uint64_t after;     // where it ends
    uint32_t n;         // records so far
    vlmc_record record; // the last one
} record_walk;

static record_walk begin(int fd, uint64_t end)
{
    return (record_walk){.fd = fd, .end = end, .after = VLMC_HEADER_BYTES};
}

// Of this version; what its flags mean is of no matter here.
static bool header_whole(const uint8_t bytes[VLMC_HEADER_BYTES])
{
    return vlmc_load16(bytes + 8) == VLMC_FORMAT_VERSION &&
           vlmc_load32(bytes + 12) == (uint32_t)vlmc_format_hash(bytes, 12);
}

// Reads the next record's header. False: it is damaged or none, or its payload does not fit.
static bool next(record_walk *w)
{
    uint8_t bytes[VLMC_RECORD_BYTES];
    vlmc_record record;
    if (w->end - w->after < sizeof bytes ||
        vlmc_recovery_read_at(w->fd, w->after, bytes, sizeof bytes, NULL) != VLMC_OK ||
        !vlmc_format_read_record(bytes, &record) || record.number != w->n ||
        record.packed_bytes > w->end - w->after - sizeof bytes)
        return false;
    w->record = record;
    w->at = w->after;
    w->after += sizeof bytes + record.packed_bytes;
    w->n++;
    return true;
}

// Does a footer follow that says that the last record is the index?
static bool at_footer(const record_walk *w)
{
    uint8_t bytes[VLMC_FOOTER_BYTES];
    vlmc_footer footer;
    return w->n > 0 && w->end - w->after >= sizeof bytes &&
           vlmc_recovery_read_at(w->fd, w->after, bytes, sizeof bytes, NULL) == VLMC_OK &&
           vlmc_format_read_footer(bytes, &footer) &&
           footer.index_packed_bytes == w->record.packed_bytes;
}

vlmc_status vlmc_record_walk_end(int fd, uint64_t file_bytes, uint64_t *archive_bytes, bool *found,
                                 vlmc_error *error)
{
    uint8_t header[VLMC_HEADER_BYTES];
    record_walk walk = begin(fd, file_bytes);
    *found = false;
    if (file_bytes < sizeof header)
        return VLMC_OK;
    VLMC_TRY(vlmc_recovery_read_at(fd, 0, header, sizeof header, error));
    if (!header_whole(header))
        return VLMC_OK;
    while (walk.n < VLMC_WALK_RECORDS_MAX && next(&walk))
        ;
    *found = at_footer(&walk);
    *archive_bytes = walk.after + VLMC_FOOTER_BYTES;
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
    for (uint64_t at = w->at + VLMC_RECORD_BYTES; at < w->after;) {
        const uint64_t left = w->after - at;
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
    if (!header_whole(header))
        return damaged(name, 0, error);
    while (next(w))
        VLMC_TRY(check_payload(w, hash, buffer, name, progress, error));
    if (!at_footer(w) || w->after + VLMC_FOOTER_BYTES != w->end)
        return damaged(name, w->after, error);
    return VLMC_OK;
}

vlmc_status vlmc_record_walk_check(int fd, uint64_t archive_bytes, const char *name,
                                   vlmc_recovery_progress *progress, vlmc_error *error)
{
    record_walk walk = begin(fd, archive_bytes);
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
