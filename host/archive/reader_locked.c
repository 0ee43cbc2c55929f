// SPDX-License-Identifier: Apache-2.0
// An encrypted archive without its passphrase: its records are checked as they are on disk, since
// their hashes are those of what is encrypted.
#include "reader.h"
#include "seal_file.h"

#include <stdlib.h>

typedef struct sealed_list {
    uint64_t *offsets; // (capacity)
    uint32_t n;
    uint32_t capacity;
} sealed_list;

static vlmc_status add(sealed_list *list, uint64_t offset, const char *name, vlmc_error *error)
{
    if (list->n == list->capacity) {
        const uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
        uint64_t *grown =
            capacity > list->n ? realloc(list->offsets, capacity * sizeof *grown) : NULL;
        if (!grown)
            return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to check %s", name);
        list->offsets = grown;
        list->capacity = capacity;
    }
    list->offsets[list->n++] = offset;
    return VLMC_OK;
}

// Follows the records' headers from the first SEALED one to the footer.
static vlmc_status list_records(const vlmc_reader *r, sealed_list *list, vlmc_error *error)
{
    const uint64_t end = r->info.archive_bytes - r->info.recovery_bytes - VLMC_FOOTER_BYTES;
    for (uint64_t at = VLMC_KEY_START_BYTES; at < end;) {
        uint8_t bytes[VLMC_RECORD_BYTES];
        vlmc_record record;
        VLMC_TRY(add(list, at, r->path, error));
        VLMC_TRY(vlmc_reader_read_at(r, at, bytes, sizeof bytes, error));
        if (!vlmc_format_read_record(bytes, &record) || record.number != list->n ||
            end - at < sizeof bytes || record.packed_bytes > end - at - sizeof bytes)
            return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                             (unsigned long long)at);
        at += sizeof bytes + record.packed_bytes;
    }
    return add(list, end, r->path, error);
}

vlmc_status vlmc_reader_count_sealed(vlmc_reader *r, uint32_t *n, vlmc_error *error)
{
    *n = r->n_sealed;
    if (r->sealed_offsets)
        return VLMC_OK;
    sealed_list list = {0};
    const vlmc_status status = list_records(r, &list, error);
    if (status != VLMC_OK) {
        free(list.offsets);
        return status;
    }
    r->sealed_offsets = list.offsets;
    r->n_sealed = *n = list.n - 1;
    return VLMC_OK;
}

vlmc_status vlmc_reader_check_sealed(vlmc_reader *r, uint32_t block, vlmc_error *error)
{
    uint8_t digest[32];
    uint32_t n;
    VLMC_TRY(vlmc_reader_count_sealed(r, &n, error));
    if (!r->sealed_offsets || block >= n)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has no block %u", r->path, block);
    const uint64_t at = r->sealed_offsets[block], after = r->sealed_offsets[block + 1];
    const uint32_t sealed_bytes = (uint32_t)(after - at - VLMC_RECORD_BYTES); // as its header says
    return vlmc_reader_sealed_digest(r, at, sealed_bytes, digest, error);
}
