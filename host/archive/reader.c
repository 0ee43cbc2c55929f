// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include "codec/group.h"
#include "format.h"
#include "index.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_GROUP UINT32_MAX

struct vlmc_reader {
    char *path; // or what messages call it
    int fd;
    vlmc_engine_source source;
    vlmc_progress_fn progress;
    void *progress_user;
    vlmc_archive_info info;
    vlmc_index index;
    vlmc_engine *engine;     // NULL until a group needs the model
    vlmc_lockstep *lockstep; // the same
    uint8_t *packed;         // (VLMC_GROUP_BYTES_MAX)
    uint8_t *raw;            // (VLMC_GROUP_BYTES_MAX) content of group `decoded`
    uint32_t decoded;        // or NO_GROUP
    uint64_t bytes_done;     // over all reads
    uint64_t bytes_ahead;    // what the current read takes from the group that is being decoded
    uint64_t packed_done;
};

static vlmc_status read_at(const vlmc_reader *r, uint64_t offset, void *buffer, size_t size,
                           vlmc_error *error)
{
    uint8_t *at = buffer;
    while (size > 0) {
        const ssize_t got = pread(r->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", r->path);
        if (got == 0)
            return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy",
                             r->path);
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return VLMC_OK;
}

static vlmc_status open_file(vlmc_reader *r, const char *path, vlmc_error *error)
{
    // Not to hang on a FIFO without a writer.
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open %s", r->path);
    struct stat st;
    if (fstat(r->fd, &st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", r->path);
    if (!S_ISREG(st.st_mode))
        return vlmc_fail(error, VLMC_ERROR_FORMAT,
                         "%s is not a regular file; copy the archive into one first", r->path);
    r->info.archive_bytes = (uint64_t)st.st_size;
    return VLMC_OK;
}

static vlmc_status read_frame(const vlmc_reader *r, vlmc_footer *footer, vlmc_error *error)
{
    const uint64_t size = r->info.archive_bytes;
    uint8_t header[VLMC_HEADER_BYTES], end[VLMC_FOOTER_BYTES];
    const uint32_t head = size < sizeof header ? (uint32_t)size : (uint32_t)sizeof header;
    VLMC_TRY(read_at(r, 0, header, head, error));
    VLMC_TRY(vlmc_format_read_header(header, head, r->path, error));
    if (size < VLMC_HEADER_BYTES + VLMC_RECORD_BYTES + VLMC_FOOTER_BYTES)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is cut short; get a whole copy", r->path);
    VLMC_TRY(read_at(r, size - sizeof end, end, sizeof end, error));
    if (!vlmc_format_read_footer(end, footer))
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "the end of %s is damaged or missing; get a whole copy", r->path);
    // No overflow: index_packed_bytes is 32 bits wide and size is an off_t.
    const uint64_t tail = VLMC_RECORD_BYTES + (uint64_t)footer->index_packed_bytes + sizeof end;
    if (footer->index_offset < VLMC_HEADER_BYTES || size < tail ||
        footer->index_offset != size - tail)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s is not as long as it was written; get a whole copy", r->path);
    return VLMC_OK;
}

// A record's header and payload, payload checked. `expected` bytes of payload.
static vlmc_status read_record(const vlmc_reader *r, uint64_t offset, uint32_t expected,
                               vlmc_record *record, uint8_t *payload, vlmc_error *error)
{
    uint8_t bytes[VLMC_RECORD_BYTES];
    VLMC_TRY(read_at(r, offset, bytes, sizeof bytes, error));
    if (!vlmc_format_read_record(bytes, record) || record->packed_bytes != expected)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                         (unsigned long long)offset);
    VLMC_TRY(read_at(r, offset + sizeof bytes, payload, expected, error));
    if (vlmc_format_hash(payload, expected) != record->packed_hash)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged between bytes %llu and %llu",
                         r->path, (unsigned long long)offset,
                         (unsigned long long)(offset + sizeof bytes + expected));
    return VLMC_OK;
}

static vlmc_status unpack_index(const vlmc_reader *r, const vlmc_footer *footer,
                                const uint8_t *packed, const vlmc_record *record, uint8_t **raw,
                                vlmc_error *error)
{
    if (record->type != VLMC_RECORD_INDEX || record->raw_bytes > VLMC_INDEX_BYTES_MAX ||
        record->raw_bytes >
            VLMC_INDEX_SLACK_BYTES + (uint64_t)VLMC_INDEX_RATIO_MAX * record->packed_bytes)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the index of %s is damaged; get another copy",
                         r->path);
    *raw = malloc(record->raw_bytes ? record->raw_bytes : 1);
    if (!*raw)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s",
                         r->path);
    uint8_t digest[VLMC_DIGEST_BYTES];
    vlmc_status status = vlmc_group_unpack_plain(record->method, packed, record->packed_bytes, *raw,
                                                 record->raw_bytes, error);
    crypto_hash_sha256(digest, *raw, status == VLMC_OK ? record->raw_bytes : 0);
    if (status != VLMC_OK || vlmc_format_hash(*raw, record->raw_bytes) != record->raw_hash ||
        memcmp(digest, footer->root_digest, sizeof digest) != 0)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "the index of %s is damaged; get another copy",
                         r->path);
    return VLMC_OK;
}

static vlmc_status read_index(vlmc_reader *r, const vlmc_footer *footer, vlmc_error *error)
{
    const uint32_t packed_bytes = footer->index_packed_bytes; // <= size of the file
    uint8_t *raw = NULL, *packed = malloc(packed_bytes ? packed_bytes : 1);
    if (!packed)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the index of %s",
                         r->path);
    vlmc_record record;
    vlmc_status status = read_record(r, footer->index_offset, packed_bytes, &record, packed, error);
    if (status == VLMC_OK)
        status = unpack_index(r, footer, packed, &record, &raw, error);
    free(packed);
    if (status != VLMC_OK) {
        free(raw);
        return status;
    }
    VLMC_TRY(vlmc_index_parse(raw, record.raw_bytes, r->path, &r->index, error));
    if (r->index.records_bytes != footer->index_offset - VLMC_HEADER_BYTES ||
        record.number != r->index.n_records)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s is not as long as it was written; get a whole copy", r->path);
    return VLMC_OK;
}

// The MODEL record says the same as the index; it serves those who rebuild an index.
static vlmc_status check_model_record(const vlmc_reader *r, vlmc_error *error)
{
    const vlmc_model_identity *model = &r->index.model;
    if (!model->present)
        return VLMC_OK;
    uint8_t wanted[VLMC_MODEL_IDENTITY_BYTES_MAX], found[VLMC_MODEL_IDENTITY_BYTES_MAX];
    const uint32_t size = vlmc_format_write_model(model, wanted);
    vlmc_record record;
    VLMC_TRY(read_record(r, r->index.model_offset, size, &record, found, error));
    if (record.type != VLMC_RECORD_MODEL || memcmp(wanted, found, size) != 0)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                         (unsigned long long)r->index.model_offset);
    return VLMC_OK;
}

static void fill_info(vlmc_reader *r, const vlmc_footer *footer)
{
    vlmc_archive_info *info = &r->info;
    info->format_version = VLMC_FORMAT_VERSION;
    info->numerics_version = r->index.model.numerics;
    info->content_bytes = r->index.content_bytes;
    info->n_entries = r->index.n_entries;
    info->n_groups = r->index.n_groups;
    info->has_model = r->index.model.present;
    memcpy(info->model_digest, r->index.model.digest, sizeof info->model_digest);
    memcpy(info->model_name, r->index.model.name, sizeof info->model_name);
    memcpy(info->root_digest, footer->root_digest, sizeof info->root_digest);
}

static vlmc_status open_archive(vlmc_reader *r, const char *path, vlmc_error *error)
{
    vlmc_footer footer;
    VLMC_TRY(open_file(r, path, error));
    VLMC_TRY(read_frame(r, &footer, error));
    VLMC_TRY(read_index(r, &footer, error));
    VLMC_TRY(check_model_record(r, error));
    fill_info(r, &footer);
    r->packed = malloc(VLMC_GROUP_BYTES_MAX);
    r->raw = malloc(VLMC_GROUP_BYTES_MAX);
    if (!r->packed || !r->raw)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", r->path);
    return VLMC_OK;
}

vlmc_status vlmc_reader_open(const char *path, const vlmc_engine_source *engine,
                             vlmc_reader **reader, vlmc_error *error)
{
    return vlmc_reader_open_as(path, path, engine, reader, error);
}

vlmc_status vlmc_reader_open_as(const char *path, const char *name,
                                const vlmc_engine_source *engine, vlmc_reader **reader,
                                vlmc_error *error)
{
    *reader = NULL;
    vlmc_reader *r = calloc(1, sizeof *r);
    if (!r)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", name);
    r->fd = -1;
    r->decoded = NO_GROUP;
    if (engine)
        r->source = *engine;
    r->path = strdup(name);
    const vlmc_status status =
        r->path ? open_archive(r, path, error)
                : vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to read %s", name);
    if (status != VLMC_OK)
        vlmc_reader_destroy(&r);
    *reader = r;
    return status;
}

void vlmc_reader_destroy(vlmc_reader **reader)
{
    vlmc_reader *r = *reader;
    if (!r)
        return;
    vlmc_lockstep_destroy(&r->lockstep);
    vlmc_engine_destroy(&r->engine);
    vlmc_index_destroy(&r->index);
    if (r->fd >= 0)
        close(r->fd);
    free(r->packed);
    free(r->raw);
    free(r->path);
    free(r);
    *reader = NULL;
}

const vlmc_archive_info *vlmc_reader_info(const vlmc_reader *reader)
{
    return &reader->info;
}

const vlmc_entry *vlmc_reader_entry(const vlmc_reader *reader, uint32_t index)
{
    return index < reader->index.n_entries ? &reader->index.entries[index] : NULL;
}

const vlmc_group_info *vlmc_reader_group(const vlmc_reader *reader, uint32_t index)
{
    return index < reader->index.n_groups ? &reader->index.groups[index] : NULL;
}

void vlmc_reader_set_progress(vlmc_reader *reader, vlmc_progress_fn progress, void *user)
{
    reader->progress = progress;
    reader->progress_user = user;
}

// The group that holds byte `offset` of the content, offset < content_bytes.
static uint32_t find_group(const vlmc_index *index, uint64_t offset)
{
    uint32_t low = 0, high = index->n_groups; // starts[low] <= offset < starts[high]
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (index->group_starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t vlmc_reader_packed_bytes(const vlmc_reader *reader, uint32_t entry)
{
    const vlmc_entry *e = vlmc_reader_entry(reader, entry);
    if (!e || e->size_bytes == 0)
        return 0;
    const vlmc_index *index = &reader->index;
    const uint64_t begin = e->offset_bytes, end = begin + e->size_bytes;
    uint64_t sum = 0;
    for (uint32_t g = find_group(index, begin); g < index->n_groups && index->group_starts[g] < end;
         g++) {
        const uint64_t first = index->group_starts[g], last = index->group_starts[g + 1];
        const uint64_t from = begin > first ? begin : first, to = end < last ? end : last;
        sum += (to - from) * index->groups[g].packed_bytes / index->groups[g].raw_bytes;
    }
    return sum;
}

static bool tell_progress(const vlmc_reader *r, uint64_t extra)
{
    return !r->progress || r->progress(r->progress_user, r->bytes_done + extra, r->packed_done);
}

static bool group_tick(void *user, uint32_t raw_done)
{
    const vlmc_reader *r = user;
    return tell_progress(r, raw_done < r->bytes_ahead ? raw_done : r->bytes_ahead);
}

static vlmc_status open_model(vlmc_reader *r, vlmc_error *error)
{
    if (r->lockstep)
        return VLMC_OK;
    const vlmc_model_identity *model = &r->index.model;
    if (model->numerics > VLMC_NUMERICS_VERSION)
        return vlmc_fail(error, VLMC_ERROR_FORMAT,
                         "%s needs numerics version %u, this vlmc has %u; use a newer vlmc",
                         r->path, model->numerics, VLMC_NUMERICS_VERSION);
    if (!r->source.open)
        return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING, "%s needs the model \"%s\"", r->path,
                         model->name);
    if (!r->engine)
        VLMC_TRY(
            r->source.open(r->source.user, model->digest, VLMC_STREAMS_MAX, 1, &r->engine, error));
    if (memcmp(r->engine->model->digest, model->digest, VLMC_DIGEST_BYTES) != 0) {
        vlmc_engine_destroy(&r->engine);
        return vlmc_fail(error, VLMC_ERROR_MODEL_MISSING,
                         "%s needs another model than the one offered: \"%s\"", r->path,
                         model->name);
    }
    return vlmc_lockstep_create(r->engine, NULL, 1, &r->lockstep, error);
}

static vlmc_status decode_model(vlmc_reader *r, const vlmc_group_info *info, vlmc_error *error)
{
    VLMC_TRY(open_model(r, error));
    return vlmc_lockstep_decode(r->lockstep, NULL, r->packed, info->packed_bytes, info->streams, r->raw,
                                info->raw_bytes, group_tick, r, error);
}

// True when the engine failed with its device and another may do the group again.
static bool try_again(vlmc_reader *r, vlmc_status status, const vlmc_error *error)
{
    if (status != VLMC_ERROR_DEVICE || !r->engine)
        return false;
    vlmc_lockstep_destroy(&r->lockstep);
    vlmc_engine_destroy(&r->engine);
    return r->source.lost && r->source.lost(r->source.user, error);
}

static vlmc_status decode_by_any(vlmc_reader *r, const vlmc_group_info *info, vlmc_error *error)
{
    vlmc_error detail = {0};
    vlmc_status status;
    do
        status = decode_model(r, info, &detail);
    while (try_again(r, status, &detail));
    if (status != VLMC_OK && error)
        *error = detail;
    return status;
}

static vlmc_status decode_group(vlmc_reader *r, uint32_t g, vlmc_error *error)
{
    if (r->decoded == g)
        return VLMC_OK;
    r->decoded = NO_GROUP;
    const vlmc_group_info *info = &r->index.groups[g];
    vlmc_record record;
    VLMC_TRY(read_record(r, info->archive_offset, info->packed_bytes, &record, r->packed, error));
    if (record.type != VLMC_RECORD_GROUP || record.method != info->method ||
        record.streams != info->streams || record.raw_bytes != info->raw_bytes ||
        record.number != r->index.group_numbers[g])
        return vlmc_fail(error, VLMC_ERROR_DAMAGED, "%s is damaged at byte %llu", r->path,
                         (unsigned long long)info->archive_offset);
    if (info->method == VLMC_GROUP_MODEL) {
        VLMC_TRY(decode_by_any(r, info, error));
    } else {
        VLMC_TRY(vlmc_group_unpack_plain(info->method, r->packed, info->packed_bytes, r->raw,
                                         info->raw_bytes, error));
    }
    if (vlmc_format_hash(r->raw, info->raw_bytes) != record.raw_hash)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "a part of %s is whole but does not decode to what was packed; try "
                         "another device",
                         r->path);
    r->decoded = g;
    r->packed_done += VLMC_RECORD_BYTES + info->packed_bytes;
    return VLMC_OK;
}

vlmc_status vlmc_reader_check_group(vlmc_reader *reader, uint32_t index, vlmc_error *error)
{
    if (index >= reader->index.n_groups)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s has no group %u", reader->path, index);
    reader->bytes_ahead = 0;
    return decode_group(reader, index, error);
}

static vlmc_status read_content(vlmc_reader *r, const vlmc_entry *entry, vlmc_write_fn write,
                                void *user, uint8_t digest[32], vlmc_error *error)
{
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    uint64_t at = entry->offset_bytes, left = entry->size_bytes;
    for (uint32_t g = left ? find_group(&r->index, at) : 0; left > 0; g++) {
        const uint64_t skip = at - r->index.group_starts[g];
        const uint64_t rest = r->index.groups[g].raw_bytes - skip;
        const size_t n = (size_t)(left < rest ? left : rest);
        r->bytes_ahead = n;
        VLMC_TRY(decode_group(r, g, error));
        crypto_hash_sha256_update(&hash, r->raw + skip, n);
        VLMC_TRY(write(user, r->raw + skip, n, error));
        at += n;
        left -= n;
        r->bytes_done += n;
        if (!tell_progress(r, 0))
            return vlmc_fail(error, VLMC_ERROR_INTERRUPTED, "stopped on request");
    }
    crypto_hash_sha256_final(&hash, digest);
    return VLMC_OK;
}

vlmc_status vlmc_reader_read(vlmc_reader *reader, uint32_t index, vlmc_write_fn write, void *user,
                             vlmc_error *error)
{
    const vlmc_entry *entry = vlmc_reader_entry(reader, index);
    if (!entry || entry->type != VLMC_ENTRY_FILE)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "entry %u of %s has no content", index,
                         reader->path);
    uint8_t digest[32];
    vlmc_error detail = {0};
    const vlmc_status status = read_content(reader, entry, write, user, digest, &detail);
    if (status == VLMC_ERROR_DAMAGED)
        return vlmc_fail(error, status, "%s cannot be read: %s", entry->path, detail.text);
    if (status != VLMC_OK) {
        if (error)
            *error = detail;
        return status;
    }
    if (memcmp(digest, entry->sha256, sizeof digest) != 0)
        return vlmc_fail(error, VLMC_ERROR_DAMAGED,
                         "%s cannot be read: its content is not what was archived", entry->path);
    return VLMC_OK;
}
