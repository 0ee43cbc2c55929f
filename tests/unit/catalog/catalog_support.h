// SPDX-License-Identifier: Apache-2.0
// Small archives and catalogs for tests.
#ifndef VLMC_TEST_CATALOG_SUPPORT_H
#define VLMC_TEST_CATALOG_SUPPORT_H

#include "catalog/catalog.h"

#include <sqlite3.h>

// A path in the test's folder, where nothing is yet; free(). Every test has its own names, for they
// run one after another.
char *scratch(const char *name);

// A vlmc_read_fn; `user` points to a string, which moves on.
vlmc_status read_text(void *user, void *buffer, size_t capacity, size_t *got, vlmc_error *error);

// A file of an archive.
typedef struct made_file {
    const char *path;
    const char *text; // NULL: a folder
} made_file;

// Writes the archive `file` of `n` files, in place of another, and opens it.
vlmc_reader *make_archive(const char *file, const made_file *files, size_t n);

// The same with the folder "dir" and one file.
vlmc_reader *make_small_archive(const char *file, const char *path, const char *text);

vlmc_catalog *open_catalog(const char *path);
vlmc_catalog *open_catalog_under(const char *path, const char *system);

void record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path);

// What a query found, joined: "archive:path;" for entries, "path;" for copies, names of files only.
const char *find(vlmc_catalog *catalog, vlmc_find_kind kind, const char *pattern);
const char *find_ignoring_case(vlmc_catalog *catalog, vlmc_find_kind kind, const char *pattern);
const char *list(vlmc_catalog *catalog);
const char *due(vlmc_catalog *catalog, int64_t before);

// Opens and expects the refusal of `path`, whose sentence contains `text`.
void assert_refused(const char *path, const char *text);

// Runs SQL on a database file by itself.
void run_sql(const char *path, const char *sql);

// All that the catalog says of archives, in an order that does not depend on how it came to know
// it; free(). Without what archives cannot say: when copies were seen.
char *dump(const char *path);

#endif
