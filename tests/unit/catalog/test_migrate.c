// SPDX-License-Identifier: Apache-2.0
#include "catalog/database.h"
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Version 1, as vlmc made it.
static const char version_1[] =
    "CREATE TABLE archive (  id INTEGER PRIMARY KEY,  root_digest BLOB NOT NULL UNIQUE CHECK "
    "(length(root_digest) = 32),  format INTEGER NOT NULL,  numerics INTEGER NOT NULL,  "
    "archive_bytes INTEGER NOT NULL CHECK (archive_bytes >= 0),  content_bytes INTEGER NOT NULL "
    "CHECK (content_bytes >= 0),  n_entries INTEGER NOT NULL CHECK (n_entries >= 0),  model_digest "
    "BLOB CHECK (length(model_digest) = 32),  model_name TEXT,  created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE copy (  id INTEGER PRIMARY KEY,  archive_id INTEGER NOT NULL REFERENCES archive "
    "ON DELETE CASCADE,  path BLOB NOT NULL UNIQUE,  seen INTEGER NOT NULL) STRICT;"
    "CREATE INDEX copy_archive ON copy (archive_id);"
    "CREATE TABLE entry (  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,  "
    "position INTEGER NOT NULL,  path BLOB NOT NULL,  type INTEGER NOT NULL,  mode INTEGER NOT "
    "NULL,  mtime_seconds INTEGER NOT NULL,  mtime_ns INTEGER NOT NULL,  size_bytes INTEGER NOT "
    "NULL,  packed_bytes INTEGER NOT NULL,  sha256 BLOB CHECK (length(sha256) = 32),  PRIMARY KEY "
    "(archive_id, position)) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = 1986817379;"
    "PRAGMA user_version = 1;";

#define ZEROS_15 "000000000000000000000000000000"
#define ZEROS_31 ZEROS_15 ZEROS_15 "00"

// Two archives with one file in common; the second has two copies.
static const char rows[] =
    "INSERT INTO archive VALUES"
    " (3, zeroblob(32), 0, 1, 500, 1000, 2, x'aa" ZEROS_31 "', 'text', 111),"
    " (5, x'01" ZEROS_31 "', 0, 1, 400, 10, 1, NULL, NULL, 222);"
    "INSERT INTO copy VALUES (1, 3, CAST('/disk/three.vlmc' AS BLOB), 333),"
    " (2, 5, CAST('/disk/five.vlmc' AS BLOB), 444), (7, 5, CAST('/disk/same.vlmc' AS BLOB), 555);"
    "INSERT INTO entry VALUES"
    " (3, 0, CAST('dir' AS BLOB), 1, 493, 10, 1, 0, 0, NULL),"
    " (3, 1, x'6469722f66ff', 0, 420, 20, 2, 1000, 300, x'02" ZEROS_31 "'),"
    " (5, 0, CAST('dir/shared' AS BLOB), 0, 420, 30, 3, 10, 9, x'02" ZEROS_31 "');";

static char *old_catalog(const char *name, const char *extra)
{
    char *path = scratch(name), *backup = NULL;
    cr_assert(asprintf(&backup, "%s.version1", path) > 0);
    unlink(backup);
    free(backup);
    run_sql(path, version_1);
    sqlite3 *database;
    char *message = NULL;
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    sqlite3_exec(database, rows, NULL, NULL, &message);
    cr_assert(!message, "%s", message ? message : "");
    if (extra)
        cr_assert_eq(sqlite3_exec(database, extra, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    return path;
}

Test(migrate, from_version_1_keeps_all_that_it_knew)
{
    char *path = old_catalog("one.db", NULL);
    vlmc_error error;
    int64_t n;
    vlmc_catalog *catalog = open_catalog(path);
    cr_assert_str_eq(list(catalog), "five.vlmc;same.vlmc;three.vlmc;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/f\xff"), "three.vlmc:dir/f\xff;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "shared"),
                     "five.vlmc:dir/shared;same.vlmc:dir/shared;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_HASH, "02000000"),
                     "five.vlmc:dir/shared;same.vlmc:dir/shared;three.vlmc:dir/f\xff;");
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_catalog_number(catalog, "PRAGMA user_version", &n, &error), VLMC_OK);
    cr_assert_eq(n, VLMC_CATALOG_VERSION);
    cr_assert_eq(vlmc_catalog_number(catalog, "PRAGMA foreign_keys", &n, &error), VLMC_OK);
    cr_assert_eq(n, 1);
    cr_assert_eq(vlmc_catalog_number(catalog,
                                     "SELECT count(*) FROM model JOIN archive_model ON model_id ="
                                     " model.id WHERE name = 'text' AND archive_id = 3",
                                     &n, &error),
                 VLMC_OK);
    cr_assert_eq(n, 1);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(migrate, leaves_the_old_catalog_as_a_backup)
{
    char *path = old_catalog("backup.db", NULL), *backup = NULL;
    vlmc_catalog *catalog = open_catalog(path);
    struct stat st;
    cr_assert(vlmc_catalog_backup_made(catalog) != NULL);
    backup = strdup(vlmc_catalog_backup_made(catalog));
    vlmc_catalog_close(&catalog);
    cr_assert_eq(stat(backup, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    run_sql(backup, "SELECT archive_bytes FROM archive"); // a column of version 1
    catalog = open_catalog(path);
    cr_assert(vlmc_catalog_backup_made(catalog) == NULL, "a second time");
    vlmc_catalog_close(&catalog);
    free(path), free(backup);
}

Test(migrate, never_overwrites_an_older_backup)
{
    char *path = old_catalog("older.db", NULL), *backup = NULL;
    cr_assert(asprintf(&backup, "%s.version1", path) > 0);
    FILE *file = fopen(backup, "w");
    fputs("mine", file);
    fclose(file);
    vlmc_catalog *catalog = open_catalog(path);
    cr_assert(strstr(vlmc_catalog_backup_made(catalog), ".version1.2") != NULL);
    unlink(vlmc_catalog_backup_made(catalog));
    vlmc_catalog_close(&catalog);
    struct stat st;
    cr_assert_eq(stat(backup, &st), 0);
    cr_assert_eq(st.st_size, 4);
    free(path), free(backup);
}

Test(migrate, of_a_catalog_with_broken_references_changes_nothing)
{
    char *path =
        old_catalog("broken.db", "PRAGMA foreign_keys = OFF;"
                                 "INSERT INTO entry VALUES (77, 0, x'61', 1, 0, 0, 0, 0, 0, NULL)");
    assert_refused(path, "rebuild");
    run_sql(path, "SELECT archive_bytes FROM archive"); // still version 1
    free(path);
}

Test(migrate, an_archive_that_version_1_read_is_read_again_when_it_is_seen)
{
    char *path = old_catalog("reread.db", NULL), *a = scratch("reread.vlmc");
    vlmc_error error;
    int64_t n;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    // As if version 1 had known this archive, with less in it than there is.
    sqlite3_stmt *s;
    cr_assert_eq(vlmc_catalog_prepare(catalog, "UPDATE archive SET root_digest = ? WHERE id = 5",
                                      &s, &error),
                 VLMC_OK);
    vlmc_catalog_bind_bytes(s, 1, vlmc_reader_info(reader)->root_digest, 32);
    cr_assert_eq(vlmc_catalog_finish(catalog, s, &error), VLMC_OK);
    sqlite3_finalize(s);
    record(catalog, reader, a);
    // Archives come in the order of their paths: whether ours lies before /disk is the machine's.
    cr_assert_str_eq(find(catalog, VLMC_FIND_EXACT, "dir/a"),
                     strcmp(a, "/disk") < 0 ? "reread.vlmc:dir/a;same.vlmc:dir/a;"
                                            : "same.vlmc:dir/a;reread.vlmc:dir/a;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "shared"), "");
    cr_assert_eq(
        vlmc_catalog_number(catalog, "SELECT read_by FROM archive WHERE id = 5", &n, &error),
        VLMC_OK);
    cr_assert_eq(n, VLMC_CATALOG_VERSION);
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(a);
}

Test(migrate, the_write_ahead_log_is_used_where_sqlite_was_mended)
{
    static const int safe[] = {3051003, 3052000, 3050007, 3044006};
    static const int unsafe[] = {3040001, 3044005, 3045000, 3050006, 3051000, 3051002};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        cr_assert(vlmc_catalog_wal_is_safe(safe[i]), "%d", safe[i]);
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        cr_assert_not(vlmc_catalog_wal_is_safe(unsafe[i]), "%d", unsafe[i]);
}
