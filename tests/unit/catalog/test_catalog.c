// SPDX-License-Identifier: Apache-2.0
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

Test(catalog, an_archive_recorded_twice_is_there_once)
{
    char *path = scratch("twice.db"), *a = scratch("twice_a.vlmc"), *b = scratch("twice_b.vlmc");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *first = make_small_archive(a, "dir/a", "hello");
    vlmc_reader *second = make_small_archive(b, "dir/a", "hello");
    record(catalog, first, a);
    record(catalog, first, a);
    cr_assert_str_eq(list(catalog), "twice_a.vlmc;");
    record(catalog, second, b);
    cr_assert_str_eq(list(catalog), "twice_a.vlmc;twice_b.vlmc;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/a"),
                     "twice_a.vlmc:dir/a;twice_b.vlmc:dir/a;");
    vlmc_reader_destroy(&first);
    vlmc_reader_destroy(&second);
    vlmc_catalog_close(&catalog);
    free(path), free(a), free(b);
}

Test(catalog, another_archive_at_a_path_takes_its_place)
{
    char *path = scratch("replaced.db"), *a = scratch("replaced.vlmc");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_error error;
    vlmc_reader *old = make_small_archive(a, "dir/old", "hello");
    record(catalog, old, a);
    vlmc_reader *new = make_small_archive(a, "dir/new", "hello, you");
    record(catalog, new, a);
    cr_assert_str_eq(list(catalog), "replaced.vlmc;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "old"), "");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "ol"), "");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "new"), "replaced.vlmc:dir/new;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_EXACT, "dir"), "replaced.vlmc:dir;");
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&old);
    vlmc_reader_destroy(&new);
    vlmc_catalog_close(&catalog);
    free(path), free(a);
}

Test(catalog, an_archive_that_was_moved_is_one_copy_with_its_history)
{
    char *path = scratch("moved.db"), *a = scratch("moved_a.vlmc"), *b = scratch("moved_b.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    const vlmc_catalog_verification sound = {.at = 5000, .level = VLMC_CATALOG_DECODE};
    cr_assert_eq(
        vlmc_catalog_record_verify(catalog, reader, a, VLMC_CATALOG_WITH_NAMES, &sound, &error),
        VLMC_OK, "%s", error.text);
    cr_assert_eq(rename(a, b), 0);
    record(catalog, reader, b);
    cr_assert_str_eq(list(catalog), "moved_b.vlmc;");
    cr_assert_str_eq(due(catalog, 5000), "");
    cr_assert_str_eq(due(catalog, 5001), "moved_b.vlmc;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(a), free(b);
}

Test(catalog, what_waited_longest_for_a_full_verification_is_due_first)
{
    char *path = scratch("due.db");
    char *files[3] = {scratch("due_a.vlmc"), scratch("due_b.vlmc"), scratch("due_c.vlmc")};
    const int64_t times[3] = {300, 0, 200}; // 0: never
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    for (int i = 0; i < 3; i++) {
        vlmc_reader *reader = make_small_archive(files[i], "dir/a", "hello");
        vlmc_catalog_verification v = {.at = times[i], .level = VLMC_CATALOG_DECODE};
        if (!times[i])
            v = (vlmc_catalog_verification){.at = 400, .level = VLMC_CATALOG_BLOCKS};
        cr_assert_eq(vlmc_catalog_record_verify(catalog, reader, files[i], VLMC_CATALOG_WITH_NAMES,
                                                &v, &error),
                     VLMC_OK, "%s", error.text);
        vlmc_reader_destroy(&reader);
    }
    cr_assert_str_eq(due(catalog, 1000), "due_b.vlmc;due_c.vlmc;due_a.vlmc;");
    cr_assert_str_eq(due(catalog, 201), "due_b.vlmc;due_c.vlmc;");
    vlmc_catalog_close(&catalog);
    for (int i = 0; i < 3; i++)
        free(files[i]);
    free(path);
}

Test(catalog, a_file_that_changed_is_due_again)
{
    char *path = scratch("changed.db"), *a = scratch("changed.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    const vlmc_catalog_verification sound = {.at = 5000, .level = VLMC_CATALOG_DECODE};
    cr_assert_eq(
        vlmc_catalog_record_verify(catalog, reader, a, VLMC_CATALOG_WITH_NAMES, &sound, &error),
        VLMC_OK, "%s", error.text);
    record(catalog, reader, a);
    cr_assert_str_eq(due(catalog, 5000), "");
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq(utimensat(AT_FDCWD, a, times, 0), 0);
    record(catalog, reader, a);
    cr_assert_str_eq(due(catalog, 5000), "changed.vlmc;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(a);
}

static vlmc_status note_damage(void *user, const vlmc_catalog_copy *copy, vlmc_error *error)
{
    (void)error;
    *(int *)user = copy->is_damaged;
    return VLMC_OK;
}

Test(catalog, an_archive_that_no_longer_opens_is_known_to_be_damaged)
{
    char *path = scratch("bad.db"), *a = scratch("bad.vlmc"), *other = scratch("bad_other.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    record(catalog, reader, a);
    const vlmc_catalog_verification damaged = {.at = 5000, .result = VLMC_CATALOG_DAMAGED};
    cr_assert_eq(
        vlmc_catalog_record_verify(catalog, NULL, a, VLMC_CATALOG_WITH_NAMES, &damaged, &error),
        VLMC_OK, "%s", error.text);
    int is_damaged = 0;
    cr_assert_eq(vlmc_catalog_list(catalog, note_damage, &is_damaged, &error), VLMC_OK);
    cr_assert_eq(is_damaged, 1);
    cr_assert_eq(
        vlmc_catalog_record_verify(catalog, NULL, other, VLMC_CATALOG_WITH_NAMES, &damaged, &error),
        VLMC_OK, "one that it does not know is no error");
    cr_assert_str_eq(list(catalog), "bad.vlmc;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(a), free(other);
}

Test(catalog, learns_names_only_when_it_may_and_keeps_them)
{
    char *path = scratch("secret.db"), *a = scratch("secret.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/secret", "hello");
    cr_assert_eq(vlmc_catalog_record(catalog, reader, a, VLMC_CATALOG_WITHOUT_NAMES, &error),
                 VLMC_OK);
    cr_assert_str_eq(list(catalog), "secret.vlmc;");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "secret"), "");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "s"), "");
    record(catalog, reader, a);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "secret"), "secret.vlmc:dir/secret;");
    cr_assert_eq(vlmc_catalog_record(catalog, reader, a, VLMC_CATALOG_WITHOUT_NAMES, &error),
                 VLMC_OK);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "secret"), "secret.vlmc:dir/secret;");
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(a);
}

Test(catalog, is_there_after_it_was_closed)
{
    char *path = scratch("again.db"), *a = scratch("again.vlmc");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    record(catalog, reader, a);
    vlmc_catalog_close(&catalog);
    cr_assert(catalog == NULL);
    catalog = open_catalog(path);
    cr_assert_str_eq(list(catalog), "again.vlmc;");
    vlmc_reader_destroy(&reader);
    vlmc_catalog_close(&catalog);
    free(path), free(a);
}

Test(catalog, of_a_newer_version_is_refused)
{
    char *path = scratch("newer.db");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_catalog_close(&catalog);
    run_sql(path, "PRAGMA user_version = 3");
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
                  "INSERT INTO volume VALUES (1, 'host:x', NULL, NULL, NULL, NULL, 0);"
                  "INSERT INTO copy (archive_id, volume_id, path, file_bytes, file_mtime_ns,"
                  " first_seen, seen) VALUES (42, 1, x'2f61', 0, 0, 0, 0)");
    catalog = open_catalog(path);
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "belong to nothing") != NULL, "%s", error.text);
    vlmc_catalog_close(&catalog);
    free(path);
}

Test(catalog, check_finds_entries_that_are_gone)
{
    char *path = scratch("gone.db"), *a = scratch("gone.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    record(catalog, reader, a);
    run_sql(path, "DELETE FROM entry WHERE position = 1");
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "not all there") != NULL, "%s", error.text);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    free(path), free(a);
}

Test(catalog, check_finds_an_index_that_lacks_a_path)
{
    char *path = scratch("lacking.db"), *a = scratch("lacking.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    record(catalog, reader, a);
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
    run_sql(path, "INSERT INTO path_trigram (path_trigram) VALUES ('delete-all')");
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "index does not lead") != NULL, "%s", error.text);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    free(path), free(a);
}

Test(catalog, check_finds_damaged_pages)
{
    char *path = scratch("damaged.db"), *a = scratch("damaged.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    record(catalog, reader, a);
    vlmc_catalog_close(&catalog);
    FILE *file = fopen(path, "r+b");
    fseek(file, 3 * 4096, SEEK_SET); // a table or an index
    for (int i = 0; i < 2048; i++)
        putc(0xa5, file);
    fclose(file);
    const vlmc_catalog_params params = {.path = path};
    vlmc_status status = vlmc_catalog_open(&params, &catalog, &error);
    if (status == VLMC_OK)
        status = vlmc_catalog_check(catalog, &error);
    cr_assert_eq(status, VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "rebuild") != NULL, "%s", error.text);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    free(path), free(a);
}

Test(catalog, that_is_locked_says_so_after_a_while)
{
    char *path = scratch("locked.db"), *a = scratch("locked.vlmc");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_catalog_close(&catalog);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    sqlite3 *other;
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const vlmc_catalog_params params = {.path = path, .busy_ms = 30};
    cr_assert_eq(vlmc_catalog_open(&params, &catalog, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_catalog_record(catalog, reader, a, VLMC_CATALOG_WITH_NAMES, &error),
                 VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "locked") != NULL, "%s", error.text);
    cr_assert_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    record(catalog, reader, a);
    cr_assert_str_eq(list(catalog), "locked.vlmc;");
    sqlite3_close(other);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    free(path), free(a);
}

Test(catalog, a_backup_is_a_catalog_of_its_own_and_replaces_nothing)
{
    char *path = scratch("whole.db"), *a = scratch("whole.vlmc"), *copy = scratch("backup.db");
    vlmc_error error;
    struct stat st;
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_reader *reader = make_small_archive(a, "dir/a", "hello");
    record(catalog, reader, a);
    cr_assert_eq(vlmc_catalog_backup(catalog, copy, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_catalog_backup(catalog, copy, &error), VLMC_ERROR_EXISTS);
    vlmc_catalog_close(&catalog);
    catalog = open_catalog(copy);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/a"), "whole.vlmc:dir/a;");
    cr_assert_eq(stat(copy, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    vlmc_catalog_close(&catalog);
    vlmc_reader_destroy(&reader);
    free(path), free(a), free(copy);
}
