// SPDX-License-Identifier: Apache-2.0
#include "catalog_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// An empty folder; "FOLDER/NAME" as a path is from below().
static char *make_folder(const char *name)
{
    char *path = scratch(name), *command = NULL;
    cr_assert(asprintf(&command, "rm -rf '%s'", path) > 0);
    cr_assert_eq(system(command), 0);
    free(command);
    cr_assert_eq(mkdir(path, 0777), 0);
    return path;
}

static char *below(const char *folder, const char *name)
{
    char *path = NULL;
    cr_assert(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void make(const char *folder, const char *name, const char *inside)
{
    char *path = below(folder, name);
    vlmc_reader *reader = make_small_archive(path, inside, inside);
    vlmc_reader_destroy(&reader);
    free(path);
}

static void move(const char *folder, const char *from, const char *to)
{
    char *a = below(folder, from), *b = below(folder, to);
    cr_assert_eq(rename(a, b), 0);
    free(a), free(b);
}

// "new:NAME;" for each event, in their order.
static char events[4096];

static vlmc_status note_event(void *user, const vlmc_scan_hit *hit, vlmc_error *error)
{
    static const char *const names[] = {"known",   "new",        "moved",    "replaced",
                                        "missing", "unreadable", "no folder"};
    const size_t used = strlen(events);
    (void)user;
    (void)error;
    snprintf(events + used, sizeof events - used, "%s:%s%s%s;", names[hit->event],
             hit->before ? strrchr(hit->before, '/') + 1 : "", hit->before ? ">" : "",
             strrchr(hit->path, '/') + 1);
    return VLMC_OK;
}

static const char *scan_with(vlmc_catalog *catalog, const char *folder, bool all_files)
{
    vlmc_error error;
    const vlmc_scan_params params = {.folder = folder, .all_files = all_files, .visit = note_event};
    events[0] = 0;
    cr_assert_eq(vlmc_catalog_scan(catalog, &params, &error), VLMC_OK, "%s", error.text);
    return events;
}

static const char *scan(vlmc_catalog *catalog, const char *folder)
{
    return scan_with(catalog, folder, false);
}

static const char *rebuild(const char *database, const char *folder, char **aside)
{
    vlmc_error error;
    char *unused = NULL;
    const vlmc_catalog_params params = {.path = database};
    const vlmc_rebuild_params scans = {
        .folders = &folder, .n_folders = folder != NULL, .visit = note_event};
    events[0] = 0;
    cr_assert_eq(vlmc_catalog_rebuild(&params, &scans, aside ? aside : &unused, &error), VLMC_OK,
                 "%s", error.text);
    return events;
}

static void verify(vlmc_catalog *catalog, const char *folder, const char *name, int64_t at)
{
    vlmc_error error;
    char *path = below(folder, name);
    const vlmc_catalog_verification sound = {.at = at, .level = VLMC_CATALOG_DECODE};
    cr_assert_eq(
        vlmc_catalog_record_verify(catalog, NULL, path, VLMC_CATALOG_WITH_NAMES, &sound, &error),
        VLMC_OK, "%s", error.text);
    free(path);
}

static void assert_sound(vlmc_catalog *catalog)
{
    vlmc_error error;
    cr_assert_eq(vlmc_catalog_check(catalog, &error), VLMC_OK, "%s", error.text);
}

Test(scan, finds_what_is_new_known_moved_replaced_and_gone)
{
    char *path = scratch("scan.db"), *folder = make_folder("scan");
    char *sub = below(folder, "sub");
    cr_assert_eq(mkdir(sub, 0777), 0);
    make(folder, "a.vlmc", "dir/a");
    make(sub, "b.vlmc", "dir/b");
    make(folder, "c.vlmc", "dir/c");
    make(folder, "d", "dir/d"); // by its name no archive
    vlmc_catalog *catalog = open_catalog(path);
    cr_assert_str_eq(scan(catalog, folder), "new:a.vlmc;new:c.vlmc;new:b.vlmc;");
    cr_assert_str_eq(scan(catalog, folder), "known:a.vlmc;known:c.vlmc;known:b.vlmc;");
    move(folder, "a.vlmc", "sub/z.vlmc");
    make(folder, "c.vlmc", "dir/other");
    move(sub, "b.vlmc", "b");
    cr_assert_str_eq(scan(catalog, folder), "moved:a.vlmc>z.vlmc;replaced:c.vlmc;missing:b.vlmc;");
    cr_assert_str_eq(scan(catalog, folder), "known:c.vlmc;known:z.vlmc;", "told once");
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/b"), "b.vlmc:dir/b;");
    move(sub, "b", "b.vlmc");
    cr_assert_str_eq(scan(catalog, folder), "known:c.vlmc;known:b.vlmc;known:z.vlmc;");
    cr_assert_str_eq(scan_with(catalog, folder, true),
                     "new:d;known:c.vlmc;known:b.vlmc;known:z.vlmc;");
    assert_sound(catalog);
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(sub);
}

Test(scan, keeps_the_history_of_an_archive_whose_name_another_one_took)
{
    char *path = scratch("rotated.db"), *folder = make_folder("rotated");
    make(folder, "now.vlmc", "dir/first");
    vlmc_catalog *catalog = open_catalog(path);
    scan(catalog, folder);
    verify(catalog, folder, "now.vlmc", 5000);
    move(folder, "now.vlmc", "old.vlmc");
    make(folder, "now.vlmc", "dir/second, and longer");
    cr_assert_str_eq(scan(catalog, folder), "moved:now.vlmc>old.vlmc;new:now.vlmc;");
    cr_assert_str_eq(due(catalog, 5000), "now.vlmc;");
    assert_sound(catalog);
    vlmc_catalog_close(&catalog);
    free(path), free(folder);
}

Test(scan, of_a_folder_says_nothing_of_others)
{
    char *path = scratch("beside.db"), *folder = make_folder("beside"), *gone = below(folder, "a");
    char *longer = below(folder, "ab"), *file = below(longer, "x.vlmc");
    cr_assert_eq(mkdir(gone, 0777) | mkdir(longer, 0777), 0);
    make(longer, "x.vlmc", "dir/x");
    vlmc_catalog *catalog = open_catalog(path);
    scan(catalog, folder);
    cr_assert_eq(unlink(file), 0);
    cr_assert_str_eq(scan(catalog, gone), "");
    cr_assert_str_eq(scan(catalog, longer), "missing:x.vlmc;");
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(gone), free(longer), free(file);
}

Test(scan, goes_on_after_what_is_no_archive)
{
    char *path = scratch("broken.db"), *folder = make_folder("broken");
    char *bad = below(folder, "bad.vlmc"), *link = below(folder, "link.vlmc");
    FILE *file = fopen(bad, "w");
    fputs("no archive at all", file);
    fclose(file);
    make(folder, "good.vlmc", "dir/good");
    cr_assert_eq(symlink("good.vlmc", link), 0);
    vlmc_catalog *catalog = open_catalog(path);
    cr_assert_str_eq(scan(catalog, folder), "unreadable:bad.vlmc;new:good.vlmc;");
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(bad), free(link);
}

static bool stop_soon(void *user)
{
    return --*(int *)user < 0;
}

Test(scan, that_is_stopped_says_so_and_keeps_what_it_found)
{
    char *path = scratch("stopped.db"), *folder = make_folder("stopped");
    vlmc_error error;
    make(folder, "a.vlmc", "dir/a");
    make(folder, "b.vlmc", "dir/b");
    vlmc_catalog *catalog = open_catalog(path);
    vlmc_catalog_close(&catalog);
    // The folder before, a, b, the folder after, the end; then a, and no more.
    int looks = 6;
    const vlmc_catalog_params params = {.path = path, .stop = stop_soon, .user = &looks};
    const vlmc_scan_params scan_params = {.folder = folder};
    cr_assert_eq(vlmc_catalog_open(&params, &catalog, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(vlmc_catalog_scan(catalog, &scan_params, &error), VLMC_ERROR_INTERRUPTED);
    vlmc_catalog_close(&catalog);
    catalog = open_catalog(path);
    cr_assert_str_eq(list(catalog), "a.vlmc;");
    vlmc_catalog_close(&catalog);
    free(path), free(folder);
}

Test(forget, takes_a_copy_and_with_the_last_one_the_archive)
{
    char *path = scratch("forget.db"), *folder = make_folder("forget");
    char *a = below(folder, "a.vlmc"), *b = below(folder, "b.vlmc");
    uint64_t n;
    vlmc_error error;
    make(folder, "a.vlmc", "dir/same");
    make(folder, "b.vlmc", "dir/same");
    make(folder, "c.vlmc", "dir/other");
    vlmc_catalog *catalog = open_catalog(path);
    scan(catalog, folder);
    cr_assert_eq(vlmc_catalog_forget(catalog, a, &n, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/same"), "b.vlmc:dir/same;");
    cr_assert_eq(vlmc_catalog_forget(catalog, b, &n, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "dir/same"), "");
    cr_assert_str_eq(list(catalog), "c.vlmc;");
    cr_assert_eq(vlmc_catalog_forget(catalog, b, &n, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(n, 0);
    assert_sound(catalog);
    unlink(a), unlink(b);
    cr_assert_str_eq(scan(catalog, folder), "known:c.vlmc;");
    char *c = below(folder, "c.vlmc");
    unlink(c);
    cr_assert_str_eq(scan(catalog, folder), "missing:c.vlmc;");
    cr_assert_eq(vlmc_catalog_forget_missing(catalog, &n, &error), VLMC_OK, "%s", error.text);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(list(catalog), "");
    assert_sound(catalog);
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(a), free(b), free(c);
}

// Archives with something in common.
static char *make_some(const char *name)
{
    char *folder = make_folder(name);
    make(folder, "a.vlmc", "dir/a");
    make(folder, "b.vlmc", "dir/b\xff");
    make(folder, "c.vlmc", "dir/a");
    make(folder, "d.vlmc", "dir/long enough for an index");
    return folder;
}

Test(rebuild, from_the_archives_alone_makes_the_same_catalog)
{
    char *path = scratch("same.db"), *folder = make_some("same");
    vlmc_catalog *catalog = open_catalog(path);
    // Recorded in another order than a scan has, with changes on the way.
    static const char *const order[] = {"d.vlmc", "b.vlmc", "a.vlmc", "c.vlmc"};
    for (int i = 0; i < 4; i++) {
        char *file = below(folder, order[i]);
        vlmc_reader *reader;
        vlmc_error error;
        const vlmc_engine_source no_engine = {0};
        cr_assert_eq(vlmc_reader_open(file, &no_engine, &reader, &error), VLMC_OK);
        record(catalog, reader, file);
        vlmc_reader_destroy(&reader);
        free(file);
    }
    move(folder, "c.vlmc", "moved.vlmc");
    make(folder, "b.vlmc", "dir/another b");
    scan(catalog, folder);
    vlmc_catalog_close(&catalog);
    char *before = dump(path);
    unlink(path);
    rebuild(path, folder, NULL);
    char *after = dump(path);
    cr_assert_str_eq(before, after);
    catalog = open_catalog(path);
    assert_sound(catalog);
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(before), free(after);
}

Test(rebuild, mends_a_catalog_that_says_something_else_than_the_archives)
{
    char *path = scratch("mended.db"), *folder = make_some("mended");
    vlmc_catalog *catalog = open_catalog(path);
    scan(catalog, folder);
    verify(catalog, folder, "a.vlmc", 5000);
    vlmc_catalog_close(&catalog);
    char *before = dump(path);
    run_sql(path, "PRAGMA foreign_keys = OFF; DELETE FROM entry WHERE position = 1;"
                  "UPDATE content SET size_bytes = 77; DELETE FROM path WHERE id = 1;"
                  "INSERT INTO path (bytes) VALUES (x'6869');"
                  "INSERT INTO path_trigram (path_trigram) VALUES ('delete-all');"
                  "UPDATE archive SET content_bytes = 1, n_entries = 9;");
    rebuild(path, NULL, NULL);
    char *after = dump(path);
    cr_assert_str_eq(before, after);
    catalog = open_catalog(path);
    assert_sound(catalog);
    cr_assert_str_eq(find(catalog, VLMC_FIND_TEXT, "enough for"),
                     "d.vlmc:dir/long enough for an index;");
    cr_assert_str_eq(due(catalog, 5000), "b.vlmc;c.vlmc;d.vlmc;", "verifications stay");
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(before), free(after);
}

static void damage(const char *path, long offset, int bytes)
{
    FILE *file = fopen(path, "r+b");
    fseek(file, offset, SEEK_SET);
    for (int i = 0; i < bytes; i++)
        putc(0xa5, file);
    fclose(file);
}

Test(rebuild, puts_a_damaged_catalog_aside_and_saves_what_it_can)
{
    char *path = scratch("aside.db"), *folder = make_some("aside"), *aside = NULL;
    char *old = scratch("aside.db.damaged");
    vlmc_error error;
    vlmc_catalog *catalog = open_catalog(path);
    scan(catalog, folder);
    verify(catalog, folder, "a.vlmc", 5000);
    cr_assert_eq(vlmc_catalog_name_volume(catalog, folder, "shelf", &error), VLMC_OK);
    vlmc_catalog_close(&catalog);
    char *before = dump(path);
    // The root page of the table of contents.
    sqlite3 *database;
    sqlite3_stmt *s;
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    sqlite3_prepare_v2(database, "SELECT rootpage FROM sqlite_schema WHERE name = 'content'", -1,
                       &s, NULL);
    cr_assert_eq(sqlite3_step(s), SQLITE_ROW);
    const long page = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(database);
    damage(path, (page - 1) * 4096, 4096);
    const vlmc_catalog_params params = {.path = path};
    cr_assert_eq(vlmc_catalog_rebuild(&params, &(vlmc_rebuild_params){0}, &aside, &error),
                 VLMC_ERROR_CATALOG);
    cr_assert(strstr(error.text, "name the folders") != NULL, "%s", error.text);
    cr_assert(aside == NULL);
    rebuild(path, folder, &aside);
    cr_assert_str_eq(aside, old);
    cr_assert_eq(access(old, F_OK), 0);
    char *after = dump(path);
    cr_assert_str_eq(before, after);
    catalog = open_catalog(path);
    assert_sound(catalog);
    cr_assert_str_eq(due(catalog, 5000), "b.vlmc;c.vlmc;d.vlmc;");
    cr_assert_eq(vlmc_catalog_name_volume(catalog, "shelf", "shelf", &error), VLMC_OK, "%s",
                 error.text);
    vlmc_catalog_close(&catalog);
    free(path), free(folder), free(before), free(after), free(aside), free(old);
}

Test(rebuild, of_what_is_no_database_puts_it_aside)
{
    char *path = scratch("text.db"), *folder = make_some("text"), *aside = NULL;
    char *old = scratch("text.db.damaged");
    FILE *file = fopen(path, "w");
    fputs("this is no database, and it is long enough to be looked at as one", file);
    fclose(file);
    cr_assert_str_eq(rebuild(path, folder, &aside), "new:a.vlmc;new:b.vlmc;new:c.vlmc;new:d.vlmc;");
    cr_assert_str_eq(aside, old);
    free(path), free(folder), free(aside), free(old);
}

Test(rebuild, never_touches_another_programs_database_or_a_newer_catalog)
{
    char *other = scratch("others.db"), *newer = scratch("newer.db"), *aside = NULL;
    vlmc_error error;
    run_sql(other, "CREATE TABLE mine (x)");
    vlmc_catalog *catalog = open_catalog(newer);
    vlmc_catalog_close(&catalog);
    run_sql(newer, "PRAGMA user_version = 99");
    const char *folder = getenv("VLMC_TEST_SCRATCH");
    const vlmc_rebuild_params scans = {.folders = &folder, .n_folders = 1};
    char *const paths[] = {other, newer};
    for (int i = 0; i < 2; i++) {
        const vlmc_catalog_params params = {.path = paths[i]};
        cr_assert_eq(vlmc_catalog_rebuild(&params, &scans, &aside, &error), VLMC_ERROR_CATALOG);
        cr_assert(aside == NULL);
    }
    run_sql(other, "SELECT x FROM mine");
    free(other), free(newer);
}
