// SPDX-License-Identifier: Apache-2.0
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *scratch(const char *name)
{
    char *path = NULL;
    cr_assert(asprintf(&path, "%s/%s", getenv("VLMC_TEST_SCRATCH"), name) > 0);
    unlink(path);
    return path;
}

vlmc_status read_text(void *user, void *buffer, size_t capacity, size_t *got, vlmc_error *error)
{
    const char **text = user;
    (void)error;
    *got = strlen(*text) < capacity ? strlen(*text) : capacity;
    memcpy(buffer, *text, *got);
    *text += *got;
    return VLMC_OK;
}

vlmc_reader *make_archive(const char *file, const made_file *files, size_t n)
{
    vlmc_error error;
    vlmc_writer *writer;
    vlmc_reader *reader;
    uint64_t bytes;
    const vlmc_writer_params params = {.path = file, .replace = true};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    for (size_t i = 0; i < n; i++) {
        const char *text = files[i].text;
        const vlmc_entry entry = {
            .path = files[i].path,
            .type = text ? VLMC_ENTRY_FILE : VLMC_ENTRY_FOLDER,
            .mode = text ? 0640 : 0755,
            .mtime_seconds = 77,
            .mtime_ns = 5,
        };
        cr_assert_eq(vlmc_writer_add(writer, &entry, text ? read_text : NULL, &text, &error),
                     VLMC_OK, "%s", error.text);
    }
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    const vlmc_engine_source no_engine = {0};
    cr_assert_eq(vlmc_reader_open(file, &no_engine, &reader, &error), VLMC_OK);
    return reader;
}

vlmc_reader *make_small_archive(const char *file, const char *path, const char *text)
{
    const made_file files[] = {{"dir", NULL}, {path, text}};
    return make_archive(file, files, 2);
}

vlmc_catalog *open_catalog_under(const char *path, const char *system)
{
    vlmc_catalog *catalog;
    vlmc_error error;
    const vlmc_catalog_params params = {.path = path, .create = true, .system = system};
    cr_assert_eq(vlmc_catalog_open(&params, &catalog, &error), VLMC_OK, "%s", error.text);
    return catalog;
}

vlmc_catalog *open_catalog(const char *path)
{
    return open_catalog_under(path, NULL);
}

void record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path)
{
    vlmc_error error;
    cr_assert_eq(vlmc_catalog_record(catalog, reader, path, VLMC_CATALOG_WITH_NAMES, &error),
                 VLMC_OK, "%s", error.text);
}

typedef struct found {
    char text[4096];
} found;

static void note(found *f, const vlmc_catalog_location *location, const char *path)
{
    const size_t used = strlen(f->text);
    const char *name = strrchr(location->volume_path, '/') + 1;
    snprintf(f->text + used, sizeof f->text - used, "%s%s%s%s%s%s;", location->path ? "" : "[",
             location->path ? "" : location->volume, location->path ? "" : "]", name,
             path ? ":" : "", path ? path : "");
}

static vlmc_status note_hit(void *user, const vlmc_catalog_hit *hit, vlmc_error *error)
{
    (void)error;
    note(user, &hit->archive, hit->path);
    return VLMC_OK;
}

static vlmc_status note_copy(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    (void)error;
    note(user, &copy->location, NULL);
    return VLMC_OK;
}

static const char *find_with(vlmc_catalog *catalog, const vlmc_find_params *params)
{
    static found f;
    vlmc_error error;
    f.text[0] = 0;
    cr_assert_eq(vlmc_catalog_find(catalog, params, note_hit, &f, &error), VLMC_OK, "%s",
                 error.text);
    return f.text;
}

const char *find(vlmc_catalog *catalog, vlmc_find_kind kind, const char *pattern)
{
    return find_with(catalog, &(vlmc_find_params){.kind = kind, .pattern = pattern});
}

const char *find_ignoring_case(vlmc_catalog *catalog, vlmc_find_kind kind, const char *pattern)
{
    return find_with(catalog,
                     &(vlmc_find_params){.kind = kind, .pattern = pattern, .ignore_case = true});
}

const char *list(vlmc_catalog *catalog)
{
    static found f;
    vlmc_error error;
    f.text[0] = 0;
    cr_assert_eq(vlmc_catalog_list(catalog, note_copy, &f, &error), VLMC_OK, "%s", error.text);
    return f.text;
}

const char *due(vlmc_catalog *catalog, int64_t before)
{
    static found f;
    vlmc_error error;
    f.text[0] = 0;
    cr_assert_eq(vlmc_catalog_due(catalog, before, note_copy, &f, &error), VLMC_OK, "%s",
                 error.text);
    return f.text;
}

void assert_refused(const char *path, const char *text)
{
    vlmc_catalog *catalog;
    vlmc_error error;
    const vlmc_catalog_params params = {.path = path};
    cr_assert_eq(vlmc_catalog_open(&params, &catalog, &error), VLMC_ERROR_CATALOG);
    cr_assert(catalog == NULL);
    cr_assert(strstr(error.text, text) != NULL, "%s", error.text);
}

void run_sql(const char *path, const char *sql)
{
    sqlite3 *database;
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(database));
    sqlite3_close(database);
}

static void dump_query(sqlite3 *database, const char *query, FILE *to)
{
    sqlite3_stmt *s;
    cr_assert_eq(sqlite3_prepare_v2(database, query, -1, &s, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(database));
    while (sqlite3_step(s) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const char *text = (const char *)sqlite3_column_text(s, i);
            fprintf(to, "%s|", text ? text : "NULL");
        }
        putc('\n', to);
    }
    sqlite3_finalize(s);
}

char *dump(const char *path)
{
    static const char *const queries[] = {
        "SELECT identity, label, filesystem FROM volume ORDER BY identity",
        "SELECT hex(root_digest), format, numerics, content_bytes, n_entries, created, has_names,"
        " read_by FROM archive ORDER BY root_digest",
        "SELECT hex(root_digest), identity, hex(path), file_bytes, file_mtime_ns, missing FROM copy"
        " JOIN archive ON archive.id = archive_id JOIN volume ON volume.id = volume_id"
        " ORDER BY identity, path",
        "SELECT hex(digest), name, hex(root_digest), number FROM model"
        " LEFT JOIN archive_model ON model_id = model.id LEFT JOIN archive ON archive.id ="
        " archive_id ORDER BY digest, root_digest, number",
        "SELECT tokenizer, version, hex(root_digest) FROM plugin"
        " LEFT JOIN archive_plugin ON plugin_id = plugin.id LEFT JOIN archive ON archive.id ="
        " archive_id ORDER BY tokenizer, version, root_digest",
        "SELECT hex(sha256), size_bytes FROM content ORDER BY sha256",
        "SELECT hex(bytes) FROM path ORDER BY bytes",
        "SELECT hex(root_digest), position, hex(path.bytes), type, mode, mtime_seconds, mtime_ns,"
        " hex(sha256), tokenizer, plugin.version, packed_bytes FROM entry"
        " JOIN archive ON archive.id = archive_id JOIN path ON path.id = path_id"
        " LEFT JOIN content ON content.id = content_id LEFT JOIN plugin ON plugin.id = plugin_id"
        " ORDER BY root_digest, position",
    };
    sqlite3 *database;
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        fprintf(to, "-- %zu\n", i);
        dump_query(database, queries[i], to);
    }
    sqlite3_close(database);
    fclose(to);
    return text;
}
