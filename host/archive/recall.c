// SPDX-License-Identifier: Apache-2.0
#include "recall.h"

#include "codec/level.h"
#include "format.h"
#include "util/bytes.h"
#include "util/progress.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

// What a power cut may cost beside the groups in work: as much work as this, or as many bytes.
#define SYNC_NS 1000000000u
#define SYNC_BYTES (64u << 20)

struct vlmc_recall {
    vlmc_output *output;
    vlmc_journal *journal;
    uint8_t settings[VLMC_JOURNAL_DIGEST_BYTES];
    uint64_t synced_ns; // when all was on disk
    uint64_t unsynced;  // bytes since then
    bool keeping;       // something is kept since vlmc_recall_begin_kept
    uint32_t taken;
    bool sealed; // the archive is encrypted
};

// Another level, or another program, packs differently.
static void hash_settings(const vlmc_writer_params *params, uint8_t *digest)
{
    const vlmc_level *level = params->level;
    const uint32_t numbers[] = {
        VLMC_FORMAT_VERSION, VLMC_NUMERICS_VERSION,       ZSTD_versionNumber(),
        level->models,       level->stream_tokens,        level->mix.memory,
        level->mix.effort,   params->engine.open != NULL,
    };
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, VLMC_JOURNAL_DIGEST_BYTES);
    crypto_generichash_update(&hash, (const uint8_t *)VLMC_VERSION, sizeof VLMC_VERSION);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint8_t bytes[4];
        vlmc_store32(bytes, numbers[i]);
        crypto_generichash_update(&hash, bytes, sizeof bytes);
    }
    crypto_generichash_final(&hash, digest, VLMC_JOURNAL_DIGEST_BYTES);
}

vlmc_status vlmc_recall_create(const vlmc_writer_params *params, vlmc_output *output,
                               vlmc_recall **recall, vlmc_error *error)
{
    vlmc_recall *r = *recall = calloc(1, sizeof *r);
    if (!r)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to write an archive");
    r->output = output;
    r->sealed = params->seal != NULL;
    r->synced_ns = vlmc_progress_now_ns();
    hash_settings(params, r->settings);
    const vlmc_status status = vlmc_journal_open(params->journal, params->seal, &r->journal, error);
    if (status != VLMC_OK)
        vlmc_recall_destroy(recall);
    return status;
}

static vlmc_status sync_all(vlmc_recall *r, vlmc_error *error)
{
    VLMC_TRY(vlmc_output_sync(r->output, error));
    VLMC_TRY(vlmc_journal_sync(r->journal, error));
    r->synced_ns = vlmc_progress_now_ns();
    r->unsynced = 0;
    return VLMC_OK;
}

void vlmc_recall_destroy(vlmc_recall **recall)
{
    vlmc_recall *r = *recall;
    if (!r)
        return;
    if (r->unsynced > 0)
        sync_all(r, NULL);
    vlmc_journal_close(&r->journal);
    free(r);
    *recall = NULL;
}

void vlmc_recall_key(const vlmc_recall *r, const vlmc_token_coding *coding, const uint8_t *tokens,
                     uint32_t n, uint8_t key[VLMC_JOURNAL_DIGEST_BYTES])
{
    crypto_generichash_state hash;
    uint8_t numbers[20] = {0};
    const char *id = coding ? coding->tokenizer->id : "";
    vlmc_store32(numbers, n);
    if (coding) {
        vlmc_store32(numbers + 4, coding->tokenizer->version);
        vlmc_store32(numbers + 8, coding->params_bytes);
        vlmc_store64(numbers + 12, coding->first_token);
    }
    crypto_generichash_init(&hash, NULL, 0, VLMC_JOURNAL_DIGEST_BYTES);
    crypto_generichash_update(&hash, r->settings, sizeof r->settings);
    crypto_generichash_update(&hash, numbers, sizeof numbers);
    crypto_generichash_update(&hash, (const uint8_t *)id, strlen(id) + 1);
    if (coding && coding->params_bytes)
        crypto_generichash_update(&hash, coding->params, coding->params_bytes);
    crypto_generichash_update(&hash, tokens, n);
    crypto_generichash_final(&hash, key, VLMC_JOURNAL_DIGEST_BYTES);
}

const vlmc_journal_entry *vlmc_recall_find(const vlmc_recall *r,
                                           const uint8_t key[VLMC_JOURNAL_DIGEST_BYTES])
{
    return vlmc_journal_find(r->journal, key);
}

bool vlmc_recall_take(vlmc_recall *r, const vlmc_journal_entry *entry, const uint8_t *tokens,
                      uint32_t n, vlmc_packed_group *packed)
{
    if (entry->size > n || entry->method > VLMC_GROUP_MODEL || entry->streams > VLMC_STREAMS_MAX)
        return false;
    *packed = (vlmc_packed_group){
        .method = entry->method,
        .streams = entry->streams,
        .bytes = tokens,
        .size = entry->size,
    };
    if (entry->method != VLMC_GROUP_STORED)
        packed->bytes = vlmc_journal_payload(r->journal, r->output, entry);
    r->taken += packed->bytes != NULL;
    return packed->bytes != NULL;
}

vlmc_status vlmc_recall_keep(vlmc_recall *r, const vlmc_journal_entry *entry,
                             const uint8_t *payload, vlmc_error *error)
{
    vlmc_journal_entry kept = *entry;
    kept.offset = 0;
    VLMC_TRY(vlmc_journal_add(r->journal, &kept, payload, error));
    r->keeping = true;
    r->unsynced += kept.size;
    return vlmc_progress_now_ns() - r->synced_ns < SYNC_NS && r->unsynced < SYNC_BYTES
               ? VLMC_OK
               : sync_all(r, error);
}

static bool same_entry(const vlmc_journal_entry *a, const vlmc_journal_entry *b)
{
    return a->method == b->method && a->streams == b->streams && a->size == b->size &&
           a->offset == b->offset && a->chose == b->chose && a->with_model == b->with_model &&
           a->model_cost == b->model_cost && memcmp(a->model, b->model, sizeof a->model) == 0;
}

vlmc_status vlmc_recall_written(vlmc_recall *r, const vlmc_journal_entry *entry,
                                const uint8_t *payload, uint64_t record_offset, vlmc_error *error)
{
    vlmc_journal_entry written = *entry;
    const bool stored = entry->method == VLMC_GROUP_STORED;
    const vlmc_journal_entry *known = vlmc_journal_find(r->journal, entry->key);
    const uint64_t place = r->sealed ? record_offset : vlmc_output_size(r->output) - entry->size;
    written.offset = stored ? 0 : place;
    if (!known || !same_entry(known, &written))
        VLMC_TRY(vlmc_journal_add(r->journal, &written, payload, error));
    r->unsynced += entry->size;
    return vlmc_progress_now_ns() - r->synced_ns < SYNC_NS && r->unsynced < SYNC_BYTES
               ? VLMC_OK
               : sync_all(r, error);
}

void vlmc_recall_begin_kept(vlmc_recall *r)
{
    vlmc_journal_mark(r->journal);
    r->keeping = false;
}

vlmc_status vlmc_recall_end_kept(vlmc_recall *r, vlmc_error *error)
{
    if (!r->keeping)
        return VLMC_OK;
    r->keeping = false;
    VLMC_TRY(sync_all(r, error));
    vlmc_journal_release(r->journal);
    return VLMC_OK;
}

uint32_t vlmc_recall_count(const vlmc_recall *r)
{
    return vlmc_journal_count(r->journal);
}

uint32_t vlmc_recall_taken(const vlmc_recall *r)
{
    return r->taken;
}
