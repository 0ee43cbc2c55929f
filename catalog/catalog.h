// SPDX-License-Identifier: Apache-2.0
// The catalog: which archives there are, where, and what is in them. A SQLite file that
// can always be made again from the archives; losing it loses nothing.
//
// Every failure is VLMC_ERROR_CATALOG. A handle is used by one thread at a time; several
// processes may have the same catalog open, each write is one transaction.
#ifndef VLMC_CATALOG_CATALOG_H
#define VLMC_CATALOG_CATALOG_H

#include "archive/archive.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

#define VLMC_CATALOG_VERSION 1 // of the schema, PRAGMA user_version

typedef struct vlmc_catalog vlmc_catalog;

// Opens the catalog at `path`. With `create` a missing one is made, folders included;
// otherwise it must be there. A file that is no catalog, or one of a newer version, is
// refused and left as it is.
vlmc_status vlmc_catalog_open(const char *path, bool create, vlmc_catalog **catalog,
                              vlmc_error *error);
void vlmc_catalog_close(vlmc_catalog **catalog);

// Remembers the archive behind `reader`, its entries, and that a copy lies at `path`
// (absolute). What the catalog knew of another archive at that path is forgotten, and with
// it the archive when that was its only copy. All or nothing.
//   created: seconds since 1970
vlmc_status vlmc_catalog_record(vlmc_catalog *catalog, const vlmc_reader *reader, const char *path,
                                int64_t created, vlmc_error *error);

// One copy of one archive. Pointers live until the visit returns.
typedef struct vlmc_catalog_copy {
    const char *path;
    int64_t created; // seconds since 1970
    uint64_t archive_bytes;
    uint64_t content_bytes;
    uint64_t n_entries;
    const uint8_t *root_digest;  // (32)
    const uint8_t *model_digest; // (32), NULL: needs no model
    const char *model_name;      // NULL: needs no model
} vlmc_catalog_copy;

// One entry of one copy.
typedef struct vlmc_catalog_hit {
    const char *archive; // path of the copy
    const char *path;
    vlmc_entry_type type;
    uint32_t mode;
    int64_t mtime_seconds;
    uint32_t mtime_ns;
    uint64_t size_bytes;
} vlmc_catalog_hit;

// A visit that fails ends the walk and its status is handed on.
typedef vlmc_status (*vlmc_catalog_copy_fn)(void *user, const vlmc_catalog_copy *copy,
                                            vlmc_error *error);
typedef vlmc_status (*vlmc_catalog_hit_fn)(void *user, const vlmc_catalog_hit *hit,
                                           vlmc_error *error);

// All copies, by path.
vlmc_status vlmc_catalog_list(vlmc_catalog *catalog, vlmc_catalog_copy_fn visit, void *user,
                              vlmc_error *error);

// Entries whose path contains `text`, byte for byte, by copy and path.
vlmc_status vlmc_catalog_find(vlmc_catalog *catalog, const char *text, vlmc_catalog_hit_fn visit,
                              void *user, vlmc_error *error);

// SQLite's own integrity check and the foreign keys; the first fault is the error.
vlmc_status vlmc_catalog_check(vlmc_catalog *catalog, vlmc_error *error);

#endif
