// SPDX-License-Identifier: Apache-2.0
// GNU: fallocate, to give room in the middle of a file back.
#include "journal.h"

#include "codec/cut.h"
#include "codec/method.h"
#include "format.h"
#include "util/bytes.h"
#include "util/room.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "VLMC journal 1\n"
#define MAGIC_BYTES 16u
#define MARKER 0x6a637274u

#define ENTRY_BYTES 136u
#define CHECK_AT 128u

#define FLAG_CHOSE 1u
#define FLAG_WITH_MODEL 2u
#define FLAG_INSIDE 4u // the payload follows

#define SLOTS_MIN 256u

typedef struct item {
    vlmc_journal_entry entry;
    uint8_t payload[VLMC_JOURNAL_DIGEST_BYTES];
    uint64_t at; // of the payload in the journal; 0: it is not there
} item;

struct vlmc_journal {
    char *path;
    const vlmc_seal *seal; // NULL: nothing is encrypted
    int fd;
    uint64_t size; // up to the end of the last sound entry
    uint64_t mark;
    item *items; // (capacity)
    uint32_t n;
    uint32_t capacity;
    uint32_t n_keys;
    uint32_t *slots; // (n_slots) number of an item, + 1; a power of two, at most half of them taken
    uint32_t n_slots;
    uint8_t *payload; // (payload_capacity)
    size_t payload_capacity;
    uint8_t *sealed; // (sealed_capacity)
    size_t sealed_capacity;
};

static vlmc_status no_memory(vlmc_error *error)
{
    return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory for the journal of a job");
}

// Bytes that something takes in the file.
static uint32_t on_disk(const vlmc_journal *j, uint32_t bytes)
{
    return bytes + (j->seal ? VLMC_BLOB_EXTRA_BYTES : 0);
}

// ---- The table ----

static uint32_t *find_slot(const vlmc_journal *j, const uint8_t key[VLMC_JOURNAL_DIGEST_BYTES])
{
    uint32_t i = vlmc_load32(key) & (j->n_slots - 1);
    while (j->slots[i] &&
           memcmp(j->items[j->slots[i] - 1].entry.key, key, VLMC_JOURNAL_DIGEST_BYTES) != 0)
        i = (i + 1) & (j->n_slots - 1);
    return &j->slots[i];
}

static bool grow_slots(vlmc_journal *j)
{
    if (2 * (j->n + 1) <= j->n_slots)
        return true;
    const uint32_t n = j->n_slots ? 2 * j->n_slots : SLOTS_MIN;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    free(j->slots);
    j->slots = slots;
    j->n_slots = n;
    for (uint32_t i = 0; i < j->n; i++)
        *find_slot(j, j->items[i].entry.key) = i + 1;
    return true;
}

static bool remember(vlmc_journal *j, const item *new_item)
{
    if (j->n == j->capacity) {
        const uint32_t capacity = 2 * j->capacity + 64;
        item *items = realloc(j->items, capacity * sizeof *items);
        if (!items)
            return false;
        j->items = items;
        j->capacity = capacity;
    }
    if (!grow_slots(j))
        return false;
    j->items[j->n] = *new_item;
    uint32_t *slot = find_slot(j, new_item->entry.key);
    j->n_keys += *slot == 0;
    *slot = ++j->n;
    return true;
}

// ---- Entries on disk ----

static void write_entry(const item *i, bool inside, uint8_t bytes[ENTRY_BYTES])
{
    const vlmc_journal_entry *e = &i->entry;
    memset(bytes, 0, ENTRY_BYTES);
    vlmc_store32(bytes, MARKER);
    bytes[4] = e->method;
    bytes[5] = e->streams;
    bytes[6] = (uint8_t)((e->chose ? FLAG_CHOSE : 0) | (e->with_model ? FLAG_WITH_MODEL : 0) |
                         (inside ? FLAG_INSIDE : 0));
    vlmc_store32(bytes + 8, e->size);
    vlmc_store32(bytes + 12, e->model_cost);
    vlmc_store64(bytes + 16, e->offset);
    memcpy(bytes + 24, e->key, sizeof e->key);
    memcpy(bytes + 56, e->model, sizeof e->model);
    memcpy(bytes + 88, i->payload, sizeof i->payload);
    vlmc_store64(bytes + CHECK_AT, XXH3_64bits(bytes, CHECK_AT));
}

// False: not an entry. *inside: bytes that follow it.
static bool read_entry(const uint8_t bytes[ENTRY_BYTES], item *i, uint32_t *inside)
{
    if (vlmc_load32(bytes) != MARKER ||
        vlmc_load64(bytes + CHECK_AT) != XXH3_64bits(bytes, CHECK_AT))
        return false;
    i->entry = (vlmc_journal_entry){
        .method = bytes[4],
        .streams = bytes[5],
        .chose = bytes[6] & FLAG_CHOSE,
        .with_model = bytes[6] & FLAG_WITH_MODEL,
        .size = vlmc_load32(bytes + 8),
        .model_cost = vlmc_load32(bytes + 12),
        .offset = vlmc_load64(bytes + 16),
    };
    memcpy(i->entry.key, bytes + 24, sizeof i->entry.key);
    memcpy(i->entry.model, bytes + 56, sizeof i->entry.model);
    memcpy(i->payload, bytes + 88, sizeof i->payload);
    *inside = bytes[6] & FLAG_INSIDE ? i->entry.size : 0;
    return true;
}

static bool read_at(const vlmc_journal *j, uint64_t offset, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        const ssize_t got = pread(j->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

// Reads what append has written. False: it is not there any more, or never was.
static bool read_back(vlmc_journal *j, uint64_t offset, uint8_t *bytes, uint32_t size)
{
    if (!j->seal)
        return read_at(j, offset, bytes, size);
    return vlmc_make_room(&j->sealed, &j->sealed_capacity, on_disk(j, size)) &&
           read_at(j, offset, j->sealed, on_disk(j, size)) &&
           vlmc_unseal_blob(j->seal, offset, j->sealed, size, bytes);
}

static vlmc_status append_bytes(vlmc_journal *j, const uint8_t *bytes, size_t size,
                                vlmc_error *error)
{
    uint64_t at = j->size;
    while (size > 0) {
        const ssize_t written = pwrite(j->fd, bytes, size, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", j->path);
        bytes += written;
        size -= (size_t)written;
        at += (uint64_t)written;
    }
    j->size = at;
    return VLMC_OK;
}

static vlmc_status append(vlmc_journal *j, const uint8_t *bytes, uint32_t size, vlmc_error *error)
{
    if (!j->seal)
        return append_bytes(j, bytes, size, error);
    if (!vlmc_make_room(&j->sealed, &j->sealed_capacity, on_disk(j, size)))
        return no_memory(error);
    vlmc_seal_blob(j->seal, j->size, bytes, size, j->sealed);
    return append_bytes(j, j->sealed, on_disk(j, size), error);
}

// ---- Opening ----

// Reads entries up to the first that is not whole, and cuts the file there.
static vlmc_status read_all(vlmc_journal *j, vlmc_error *error)
{
    struct stat st;
    uint8_t bytes[ENTRY_BYTES];
    if (fstat(j->fd, &st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", j->path);
    const uint64_t end = (uint64_t)st.st_size;
    if (end >= MAGIC_BYTES && read_at(j, 0, bytes, MAGIC_BYTES) &&
        memcmp(bytes, MAGIC, MAGIC_BYTES) == 0)
        j->size = MAGIC_BYTES;
    const uint32_t each = on_disk(j, ENTRY_BYTES);
    while (j->size > 0 && end - j->size >= each && read_back(j, j->size, bytes, ENTRY_BYTES)) {
        item i;
        uint32_t inside;
        if (!read_entry(bytes, &i, &inside) || inside > VLMC_GROUP_BYTES_MAX)
            break;
        if (inside)
            inside = on_disk(j, inside);
        if (end - j->size - each < inside)
            break;
        i.at = inside ? j->size + each : 0;
        if (!remember(j, &i))
            return no_memory(error);
        j->size += each + inside;
    }
    if (j->size < end && ftruncate(j->fd, (off_t)j->size) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", j->path);
    return j->size > 0 ? VLMC_OK : append_bytes(j, (const uint8_t *)MAGIC, MAGIC_BYTES, error);
}

static vlmc_status open_file(vlmc_journal *j, const char *path, vlmc_error *error)
{
    j->path = strdup(path);
    if (!j->path || !grow_slots(j))
        return no_memory(error);
    VLMC_TRY(vlmc_partial_open_own(path, true, 0600, &j->fd, error));
    return read_all(j, error);
}

vlmc_status vlmc_journal_open(const char *path, const vlmc_seal *seal, vlmc_journal **journal,
                              vlmc_error *error)
{
    vlmc_journal *j = *journal = calloc(1, sizeof *j);
    if (!j)
        return no_memory(error);
    j->fd = -1;
    j->seal = seal;
    const vlmc_status status = open_file(j, path, error);
    if (status != VLMC_OK)
        vlmc_journal_close(journal);
    return status;
}

void vlmc_journal_close(vlmc_journal **journal)
{
    vlmc_journal *j = *journal;
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j->payload);
    free(j->sealed);
    free(j->slots);
    free(j->items);
    free(j->path);
    free(j);
    *journal = NULL;
}

// ---- Use ----

uint32_t vlmc_journal_count(const vlmc_journal *j)
{
    return j->n_keys;
}

const vlmc_journal_entry *vlmc_journal_find(const vlmc_journal *j,
                                            const uint8_t key[VLMC_JOURNAL_DIGEST_BYTES])
{
    const uint32_t slot = *find_slot(j, key);
    return slot ? &j->items[slot - 1].entry : NULL;
}

// The payload of a group that was written as a SEALED record at `offset`: what follows its tag.
static bool read_sealed(vlmc_journal *j, const vlmc_output *output, uint64_t offset, uint32_t size)
{
    uint8_t header[VLMC_RECORD_BYTES];
    vlmc_record record;
    uint32_t packed;
    if (!vlmc_output_read(output, offset, header, sizeof header) ||
        !vlmc_format_read_record(header, &record) || record.type != VLMC_RECORD_SEALED ||
        !vlmc_unsealed_bytes(record.packed_bytes, &packed) || packed < size ||
        packed - size > VLMC_GROUP_TAG_BYTES_MAX ||
        !vlmc_make_room(&j->sealed, &j->sealed_capacity, record.packed_bytes) ||
        !vlmc_make_room(&j->payload, &j->payload_capacity, packed) ||
        !vlmc_output_read(output, offset + sizeof header, j->sealed, record.packed_bytes))
        return false;
    record.packed_bytes = packed;
    if (!vlmc_unseal_record(j->seal, &record, j->sealed, j->payload))
        return false;
    memmove(j->payload, j->payload + (packed - size), size);
    return true;
}

const uint8_t *vlmc_journal_payload(vlmc_journal *j, const vlmc_output *output,
                                    const vlmc_journal_entry *entry)
{
    const item *i = (const item *)entry; // its first member
    uint8_t digest[VLMC_JOURNAL_DIGEST_BYTES];
    if (entry->size > VLMC_GROUP_BYTES_MAX ||
        !vlmc_make_room(&j->payload, &j->payload_capacity, entry->size ? entry->size : 1))
        return NULL;
    const bool found = i->at     ? read_back(j, i->at, j->payload, entry->size)
                       : j->seal ? read_sealed(j, output, entry->offset, entry->size)
                                 : vlmc_output_read(output, entry->offset, j->payload, entry->size);
    if (!found)
        return NULL;
    crypto_generichash(digest, sizeof digest, j->payload, entry->size, NULL, 0);
    return memcmp(digest, i->payload, sizeof digest) == 0 ? j->payload : NULL;
}

vlmc_status vlmc_journal_add(vlmc_journal *j, const vlmc_journal_entry *entry,
                             const uint8_t *payload, vlmc_error *error)
{
    item i = {.entry = *entry};
    uint8_t bytes[ENTRY_BYTES];
    const bool inside = entry->offset == 0 && entry->method != VLMC_GROUP_STORED;
    const uint64_t before = j->size;
    if (entry->method != VLMC_GROUP_STORED)
        crypto_generichash(i.payload, sizeof i.payload, payload, entry->size, NULL, 0);
    write_entry(&i, inside, bytes);
    VLMC_TRY(append(j, bytes, sizeof bytes, error));
    if (inside)
        VLMC_TRY(append(j, payload, entry->size, error));
    i.at = inside ? before + on_disk(j, ENTRY_BYTES) : 0;
    return remember(j, &i) ? VLMC_OK : no_memory(error);
}

vlmc_status vlmc_journal_sync(vlmc_journal *j, vlmc_error *error)
{
    if (fdatasync(j->fd) == 0 || errno == EINVAL || errno == ENOTSUP)
        return VLMC_OK;
    return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", j->path);
}

void vlmc_journal_mark(vlmc_journal *j)
{
    j->mark = j->size;
}

void vlmc_journal_release(vlmc_journal *j)
{
    for (uint32_t i = j->n; i-- > 0;) {
        item *kept = &j->items[i];
        if (kept->at && kept->at < j->mark)
            return;
        if (kept->at)
            fallocate(j->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)kept->at,
                      (off_t)on_disk(j, kept->entry.size));
    }
}
