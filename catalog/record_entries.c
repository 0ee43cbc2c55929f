// SPDX-License-Identifier: Apache-2.0
#include "record_entries.h"

#include "trigram.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIND_PATH,
    ADD_PATH,
    ADD_TRIGRAMS,
    FIND_CONTENT,
    ADD_CONTENT,
    ADD_ENTRY,
    N_STATEMENTS,
};

static const char *const texts[N_STATEMENTS] = {
    [FIND_PATH] = "SELECT id FROM path WHERE bytes = ?",
    [ADD_PATH] = "INSERT INTO path (bytes) VALUES (?)",
    [ADD_TRIGRAMS] = "INSERT INTO path_trigram (rowid, text) VALUES (?, ?)",
    [FIND_CONTENT] = "SELECT id FROM content WHERE sha256 = ?",
    [ADD_CONTENT] = "INSERT INTO content (sha256, size_bytes) VALUES (?, ?)",
    [ADD_ENTRY] = "INSERT INTO entry (archive_id, position, path_id, type, mode, mtime_seconds,"
                  " mtime_ns, content_id, plugin_id, packed_bytes)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

typedef struct recording {
    vlmc_catalog *catalog;
    const vlmc_reader *reader;
    int64_t archive;
    int64_t *plugins;   // (n_tokenizers) rows
    uint32_t n_plugins; // that are known
    sqlite3_stmt *statements[N_STATEMENTS];
} recording;

// The row that `find` finds, or 0.
static vlmc_status find_row(recording *r, int find, int64_t *id, vlmc_error *error)
{
    sqlite3_stmt *s = r->statements[find];
    bool found;
    VLMC_TRY(vlmc_catalog_step(r->catalog, s, &found, error));
    *id = found ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return VLMC_OK;
}

static vlmc_status add_trigrams(recording *r, int64_t id, const char *path, vlmc_error *error)
{
    sqlite3_stmt *s = r->statements[ADD_TRIGRAMS];
    size_t size;
    char *text = vlmc_trigram_text(path, strlen(path), &size);
    if (!text)
        return vlmc_catalog_no_memory(error);
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_text64(s, 2, text, size, SQLITE_STATIC, SQLITE_UTF8);
    vlmc_status status = vlmc_catalog_finish(r->catalog, s, error);
    free(text);
    return status;
}

static vlmc_status record_path(recording *r, const char *path, int64_t *id, vlmc_error *error)
{
    vlmc_catalog_bind_bytes(r->statements[FIND_PATH], 1, path, strlen(path));
    VLMC_TRY(find_row(r, FIND_PATH, id, error));
    if (*id)
        return VLMC_OK;
    vlmc_catalog_bind_bytes(r->statements[ADD_PATH], 1, path, strlen(path));
    VLMC_TRY(vlmc_catalog_finish(r->catalog, r->statements[ADD_PATH], error));
    *id = sqlite3_last_insert_rowid(r->catalog->database);
    return add_trigrams(r, *id, path, error);
}

static vlmc_status record_content(recording *r, const vlmc_entry *entry, int64_t *id,
                                  vlmc_error *error)
{
    vlmc_catalog_bind_bytes(r->statements[FIND_CONTENT], 1, entry->sha256, sizeof entry->sha256);
    VLMC_TRY(find_row(r, FIND_CONTENT, id, error));
    if (*id)
        return VLMC_OK;
    sqlite3_stmt *s = r->statements[ADD_CONTENT];
    vlmc_catalog_bind_bytes(s, 1, entry->sha256, sizeof entry->sha256);
    vlmc_catalog_bind_number(s, 2, entry->size_bytes);
    VLMC_TRY(vlmc_catalog_finish(r->catalog, s, error));
    *id = sqlite3_last_insert_rowid(r->catalog->database);
    return VLMC_OK;
}

typedef struct bytes_by_tokenizer {
    uint32_t tokenizer; // of the longest segment so far
    uint64_t n_bytes;
} bytes_by_tokenizer;

static bool keep_longest(void *user, const vlmc_segment_info *segment)
{
    bytes_by_tokenizer *longest = user;
    if (segment->n_bytes > longest->n_bytes)
        *longest = (bytes_by_tokenizer){segment->tokenizer, segment->n_bytes};
    return true;
}

static vlmc_status record_entry(recording *r, uint32_t index, vlmc_error *error)
{
    const vlmc_entry *entry = vlmc_reader_entry(r->reader, index);
    bytes_by_tokenizer longest = {0};
    int64_t path, content = 0;
    VLMC_TRY(record_path(r, entry->path, &path, error));
    // A hard link has the content of its file.
    const vlmc_entry *file =
        entry->type == VLMC_ENTRY_HARD_LINK ? vlmc_reader_entry(r->reader, entry->target) : entry;
    if (file && file->type == VLMC_ENTRY_FILE)
        VLMC_TRY(record_content(r, file, &content, error));
    if (r->n_plugins)
        vlmc_reader_segments(r->reader, index, keep_longest, &longest);
    sqlite3_stmt *s = r->statements[ADD_ENTRY];
    sqlite3_bind_int64(s, 1, r->archive);
    sqlite3_bind_int64(s, 2, index);
    sqlite3_bind_int64(s, 3, path);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)entry->type);
    sqlite3_bind_int64(s, 5, entry->mode);
    sqlite3_bind_int64(s, 6, entry->mtime_seconds);
    sqlite3_bind_int64(s, 7, entry->mtime_ns);
    if (content)
        sqlite3_bind_int64(s, 8, content);
    if (longest.tokenizer >= 1 && longest.tokenizer <= r->n_plugins)
        sqlite3_bind_int64(s, 9, r->plugins[longest.tokenizer - 1]);
    vlmc_catalog_bind_number(s, 10, vlmc_reader_packed_bytes(r->reader, index));
    return vlmc_catalog_finish(r->catalog, s, error);
}

static vlmc_status record_models(recording *r, vlmc_error *error)
{
    const uint32_t n = vlmc_reader_info(r->reader)->n_models;
    vlmc_status status = VLMC_OK;
    for (uint32_t i = 1; i <= n && status == VLMC_OK; i++) {
        sqlite3_stmt *model = NULL, *link = NULL;
        const vlmc_model_info info = vlmc_reader_model(r->reader, i);
        status = vlmc_catalog_prepare(
            r->catalog,
            "INSERT INTO model (digest, name) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
            &model, error);
        if (status == VLMC_OK)
            status = vlmc_catalog_prepare(r->catalog,
                                          "INSERT INTO archive_model (archive_id, number, model_id)"
                                          " SELECT ?, ?, id FROM model WHERE digest = ?",
                                          &link, error);
        if (status == VLMC_OK) {
            vlmc_catalog_bind_bytes(model, 1, info.digest, 32);
            vlmc_catalog_bind_text(model, 2, info.name);
            status = vlmc_catalog_finish(r->catalog, model, error);
        }
        if (status == VLMC_OK) {
            sqlite3_bind_int64(link, 1, r->archive);
            sqlite3_bind_int64(link, 2, i);
            vlmc_catalog_bind_bytes(link, 3, info.digest, 32);
            status = vlmc_catalog_finish(r->catalog, link, error);
        }
        sqlite3_finalize(model);
        sqlite3_finalize(link);
    }
    return status;
}

static vlmc_status record_plugin(recording *r, const vlmc_tokenizer_info *info, int64_t *id,
                                 vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool found;
    // The update changes nothing, but it makes RETURNING return a row that was there.
    VLMC_TRY(vlmc_catalog_prepare(
        r->catalog,
        "INSERT INTO plugin (tokenizer, version) VALUES (?, ?) ON CONFLICT (tokenizer, version)"
        " DO UPDATE SET version = version RETURNING id",
        &s, error));
    vlmc_catalog_bind_text(s, 1, info->id);
    sqlite3_bind_int64(s, 2, info->version);
    vlmc_status status = vlmc_catalog_step(r->catalog, s, &found, error);
    if (status == VLMC_OK)
        *id = sqlite3_column_int64(s, 0);
    if (status == VLMC_OK)
        status = vlmc_catalog_step(r->catalog, s, &found, error);
    sqlite3_finalize(s);
    return status;
}

// Tokenizers that differ in their parameters only are one plugin.
static vlmc_status record_plugins(recording *r, vlmc_error *error)
{
    const uint32_t n = vlmc_reader_info(r->reader)->n_tokenizers;
    if (n == 0)
        return VLMC_OK;
    r->plugins = calloc(n, sizeof *r->plugins);
    if (!r->plugins)
        return vlmc_catalog_no_memory(error);
    for (uint32_t i = 0; i < n; i++) {
        const vlmc_tokenizer_info info = vlmc_reader_tokenizer(r->reader, i + 1);
        VLMC_TRY(record_plugin(r, &info, &r->plugins[i], error));
        VLMC_TRY(vlmc_catalog_run_with(r->catalog,
                                       "INSERT INTO archive_plugin (archive_id, plugin_id)"
                                       " VALUES (?, ?) ON CONFLICT DO NOTHING",
                                       r->archive, r->plugins[i], error));
    }
    r->n_plugins = n;
    return VLMC_OK;
}

static vlmc_status record_all_entries(recording *r, vlmc_error *error)
{
    const uint32_t n = vlmc_reader_info(r->reader)->n_entries;
    for (int i = 0; i < N_STATEMENTS; i++)
        VLMC_TRY(vlmc_catalog_prepare(r->catalog, texts[i], &r->statements[i], error));
    for (uint32_t i = 0; i < n; i++)
        VLMC_TRY(record_entry(r, i, error));
    return VLMC_OK;
}

vlmc_status vlmc_record_entries(vlmc_catalog *catalog, const vlmc_reader *reader, int64_t archive,
                                bool names, vlmc_error *error)
{
    recording r = {.catalog = catalog, .reader = reader, .archive = archive};
    vlmc_status status = record_models(&r, error);
    if (status == VLMC_OK)
        status = record_plugins(&r, error);
    if (status == VLMC_OK && names)
        status = record_all_entries(&r, error);
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(r.statements[i]);
    free(r.plugins);
    return status;
}
