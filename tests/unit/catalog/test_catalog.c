// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A path in the test's folder; every test has its own names, for they run one after another.
static char *scratch(const char *name)
{
    char *path = NULL;
    cr_assert(asprintf(&path, "%s/%s", getenv("VLMC_TEST_SCRATCH"), name) > 0);
    unlink(path);
    return path;
}

static vlmc_status read_text(void *user, void *buffer, size_t capacity, size_t *got,
                             vlmc_error *error)
{
    const char **text = user;
    (void)error;
    *got = strlen(*text) < capacity ? strlen(*text) : capacity;
    memcpy(buffer, *text, *got);
    *text += *got;
    return VLMC_OK;
}

// An archive with one folder and one file of the given path and text.
static vlmc_reader *archive(const char *name, const char *path, const char *text)
{
    char *file = scratch(name);
    vlmc_error error;
    vlmc_writer *writer;
    vlmc_reader *reader;
    uint64_t bytes;
    const vlmc_writer_params params = {.path = file, .replace = true};
    const vlmc_entry folder = {.path = "dir", .type = VLMC_ENTRY_FOLDER, .mode = 0755};
    const vlmc_entry entry = {
        .path = path, .type = VLMC_ENTRY_FILE, .mode = 0640, .mtime_seconds = 77, .mtime_ns = 5};
    cr_assert_eq(vlmc_writer_create(&params, &writer, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_writer_add(writer, &folder, NULL, NULL, &error), VLMC_OK);
    cr_assert_eq(vlmc_writer_add(writer, &entry, read_text, &text, &error), VLMC_OK);
    cr_assert_eq(vlmc_writer_finish(writer, &bytes, &error), VLMC_OK, "%s", error.text);
    vlmc_writer_destroy(&writer);
    const vlmc_engine_source no_engine = {0};
    cr_assert_eq(vlmc_reader_open(file, &no_engine, &reader, &error), VLMC_OK);
    free(file);
    return reader;
}

static vlmc_catalog *open_catalog(const char *path)
{
    vlmc_catalog *catalog;
    vlmc_error error;
    cr_assert_eq(vlmc_catalog_open(path, true, &catalog, &error), VLMC_OK, "%s", error.text);
    return catalog;
}

static void record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path)
{
    vlmc_error error;
    cr_assert_eq(vlmc_catalog_record(catalog, reader, path, 1000, &error), VLMC_OK, "%s",
                 error.text);
}

// What a query found, joined: "archive:path;".
typedef struct found {
    char text[1024];
} found;

static vlmc_status note_hit(void *user, const vlmc_catalog_hit *hit, vlmc_error *error)
{
    found *f = user;
    const size_t used = strlen(f->text);
    (void)error;
    snprintf(f->text + used, sizeof f->text - used, "%s:%s;", hit->archive, hit->path);
    return VLMC_OK;
}

static vlmc_status note_copy(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    found *f = user;
    const size_t used = strlen(f->text);
    (void)error;
    snprintf(f->text + used, sizeof f->text - used, "%s;", copy->path);
    return VLMC_OK;
}

static const char *find(vlmc_catalog *catalog, const char *text)
{
    static found f;
    vlmc_error error;
    f.text[0] = 0;
    cr_assert_eq(vlmc_catalog_find(catalog, text, note_hit, &f, &error), VLMC_OK, "%s", error.text);
    return f.text;
}

static const char *list(vlmc_catalog *catalog)
{
    static found f;
    vlmc_error error;
    f.text[0] = 0;
    cr_assert_eq(vlmc_catalog_list(catalog, note_copy, &f, &error), VLMC_OK, "%s", error.text);
    return f.text;
}

// Opens and expects the refusal of `path`, whose sentence contains `text`.
static void assert_refused(const char *path, const char *text)
{
    vlmc_catalog *catalog;
    vlmc_error error;
    cr_assert_eq(vlmc_catalog_open(path, false, &catalog, &error), VLMC_ERROR_CATALOG);
    cr_assert(catalog == NULL);
    cr_assert(strstr(error.text, text) != NULL, "%s", error.text);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *database;
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(database));
    sqlite3_close(database);
}

Test(catalog, finds_paths_by_any_part_of_their_bytes)
{
    char *path = scratch("find.db");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = archive("find.vlmc", "dir/f\xff%_'.txt", "hello");
    record(catalog, reader, "/x/find.vlmc");
    cr_assert_str_eq(find(catalog, "\xff%_"), "/x/find.vlmc:dir/f\xff%_'.txt;");
    cr_assert_str_eq(find(catalog, "dir"), "/x/find.vlmc:dir;/x/find.vlmc:dir/f\xff%_'.txt;");
    cr_assert_str_eq(find(catalog, "DIR"), "");
    cr_assert_str_eq(find(catalog, "%"), "/x/find.vlmc:dir/f\xff%_'.txt;");
    cr_assert_str_eq(find(catalog, "' OR 1 --"), "");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(catalog, an_archive_recorded_twice_is_there_once)
{
    char *path = scratch("twice.db");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = archive("twice.vlmc", "dir/a", "hello");
    record(catalog, reader, "/x/a.vlmc");
    record(catalog, reader, "/x/a.vlmc");
    cr_assert_str_eq(list(catalog), "/x/a.vlmc;");
    record(catalog, reader, "/x/b.vlmc");
    cr_assert_str_eq(list(catalog), "/x/a.vlmc;/x/b.vlmc;");
    cr_assert_str_eq(find(catalog, "dir/a"), "/x/a.vlmc:dir/a;/x/b.vlmc:dir/a;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(catalog, another_archive_at_a_path_takes_its_place)
{
    char *path = scratch("replaced.db");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_error error;
    vlmc_reader *old = archive("old.vlmc", "dir/old", "hello");
    vlmc_reader *new = archive("new.vlmc", "dir/new", "hello");
    record(catalog, old, "/x/a.vlmc");
    record(catalog, new, "/x/a.vlmc");
    cr_assert_str_eq(list(catalog), "/x/a.vlmc;");
    cr_assert_str_eq(find(catalog, "old"), "");
    cr_assert_str_eq(find(catalog, "new"), "/x/a.vlmc:dir/new;");
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&old);
    vlmc_reader_destroy(&new);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(catalog, is_there_after_it_was_closed)
{
    char *path = scratch("again.db");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = archive("again.vlmc", "dir/a", "hello");
    record(catalog, reader, "/x/a.vlmc");
    vlmc_catalog_close(&catalog);
    cr_assert(catalog == NULL);
    catalog = open_catalog(path);
    cr_assert_str_eq(list(catalog), "/x/a.vlmc;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(catalog, of_a_newer_version_is_refused)
{
    char *path = scratch("newer.db");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_catalog_close(&catalog);
    run_sql(path, "PRAGMA user_version = 2");
    assert_refused(path, "newer vlmc");
    free(path);
}

Test(catalog, that_is_another_programs_database_is_refused_and_unchanged)
{
    char *path = scratch("other.db");
    run_sql(path, "CREATE TABLE mine (x); PRAGMA user_version = 1");
    assert_refused(path, "no vlmc catalog");
    run_sql(path, "SELECT x FROM mine");
    free(path);
}

Test(catalog, that_is_missing_is_not_made_for_a_reader)
{
    char *path = scratch("missing.db");
    assert_refused(path, "no catalog");
    cr_assert(access(path, F_OK) != 0);
    free(path);
}

Test(catalog, check_finds_rows_that_belong_to_nothing)
{
    char *path = scratch("orphan.db");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK);
    vlmc_catalog_close(&catalog);
    run_sql(path, "PRAGMA foreign_keys = OFF;"
                  "INSERT INTO copy (archive_id, path, seen) VALUES (42, x'2f61', 0)");
    catalog = open_catalog(path);
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_ERROR_CATALOG);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(catalog, check_finds_damaged_pages)
{
    char *path = scratch("damaged.db");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = archive("damaged.vlmc", "dir/a", "hello");
    record(catalog, reader, "/x/a.vlmc");
    vlmc_catalog_close(&catalog);
    FILE *file = fopen(path, "r+b");
    fseek(file, 4096, SEEK_SET); // the second page: a table or index
    for (int i = 0; i < 2048; i++)
        putc(0xa5, file);
    fclose(file);
    if (vlmc_catalog_open(path, false, &catalog, &error) == VLMC_OK)
        cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_ERROR_CATALOG);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    free(path);
}

// A writer that is killed at any moment leaves the catalog whole, and the others wait for it.
Test(catalog, survives_writers_that_are_killed)
{
    char *path = scratch("killed.db");
    vlmc_error error;
    vlmc_reader *reader = archive("killed.vlmc", "dir/a", "hello");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_catalog_close(&catalog);
    for (int round = 0; round < 20; round++) {
        const pid_t child = fork();
        if (child == 0) {
            for (unsigned i = 0;; i++) {
                char name[32];
                snprintf(name, sizeof name, "/x/%u.vlmc", i % 8);
                vlmc_catalog *mine;
                if (vlmc_catalog_open(path, true, &mine, NULL) == VLMC_OK)
                    vlmc_catalog_record(mine, reader, name, 1000, NULL);
                vlmc_catalog_close(&mine);
            }
        }
        usleep(3000 + 1700 * (unsigned)round);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        catalog = open_catalog(path);
        cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
        record(catalog, reader, "/x/after");
        cr_assert(strstr(list(catalog), "/x/after;") != NULL);
        vlmc_catalog_close(&catalog);
    }
    vlmc_reader_destroy(&reader);
    free(path);
}
