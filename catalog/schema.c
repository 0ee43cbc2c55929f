// SPDX-License-Identifier: Apache-2.0
#include "database.h"

#include <inttypes.h>

#define APPLICATION_ID 1986817379 // "vlmc"

// Paths are BLOBs: a name on disk is bytes, not text.
static const char tables[] =
    "CREATE TABLE archive ("
    "  id INTEGER PRIMARY KEY,"
    "  root_digest BLOB NOT NULL UNIQUE CHECK (length(root_digest) = 32),"
    "  format INTEGER NOT NULL,"
    "  numerics INTEGER NOT NULL,"
    "  archive_bytes INTEGER NOT NULL CHECK (archive_bytes >= 0),"
    "  content_bytes INTEGER NOT NULL CHECK (content_bytes >= 0),"
    "  n_entries INTEGER NOT NULL CHECK (n_entries >= 0),"
    "  model_digest BLOB CHECK (length(model_digest) = 32)," // NULL: needs no model
    "  model_name TEXT,"
    "  created INTEGER NOT NULL" // seconds since 1970
    ") STRICT;"
    "CREATE TABLE copy ("
    "  id INTEGER PRIMARY KEY,"
    "  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,"
    "  path BLOB NOT NULL UNIQUE," // absolute
    "  seen INTEGER NOT NULL"      // seconds since 1970
    ") STRICT;"
    "CREATE INDEX copy_archive ON copy (archive_id);"
    "CREATE TABLE entry ("
    "  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,"
    "  position INTEGER NOT NULL," // in the archive's index
    "  path BLOB NOT NULL,"
    "  type INTEGER NOT NULL," // vlmc_entry_type
    "  mode INTEGER NOT NULL,"
    "  mtime_seconds INTEGER NOT NULL,"
    "  mtime_ns INTEGER NOT NULL,"
    "  size_bytes INTEGER NOT NULL,"
    "  packed_bytes INTEGER NOT NULL,"
    "  sha256 BLOB CHECK (length(sha256) = 32)," // NULL for folders and links
    "  PRIMARY KEY (archive_id, position)"
    ") STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = 1986817379;"
    "PRAGMA user_version = 1;";

_Static_assert(VLMC_CATALOG_VERSION == 1, "the version in the script above is written out");

static vlmc_status is_empty(vlmc_catalog *catalog, bool *empty, vlmc_error *error)
{
    int64_t n;
    VLMC_TRY(vlmc_catalog_number(catalog, "SELECT count(*) FROM sqlite_schema", &n, error));
    *empty = n == 0;
    return VLMC_OK;
}

// Another process may have made the tables since the first look: look again, locked.
static vlmc_status make_tables(vlmc_catalog *catalog, vlmc_error *error)
{
    bool empty;
    VLMC_TRY(vlmc_catalog_run(catalog, "BEGIN IMMEDIATE", error));
    vlmc_status status = is_empty(catalog, &empty, error);
    if (status == VLMC_OK && empty)
        status = vlmc_catalog_run(catalog, tables, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_run(catalog, "COMMIT", error);
    if (status != VLMC_OK)
        vlmc_catalog_run(catalog, "ROLLBACK", NULL);
    return status;
}

vlmc_status vlmc_catalog_schema(vlmc_catalog *catalog, vlmc_error *error)
{
    bool empty;
    int64_t id, version;
    VLMC_TRY(is_empty(catalog, &empty, error));
    VLMC_TRY(vlmc_catalog_number(catalog, "PRAGMA user_version", &version, error));
    if (empty && version == 0)
        VLMC_TRY(make_tables(catalog, error));
    VLMC_TRY(vlmc_catalog_number(catalog, "PRAGMA application_id", &id, error));
    VLMC_TRY(vlmc_catalog_number(catalog, "PRAGMA user_version", &version, error));
    if (id != APPLICATION_ID)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "\"%s\" is a database, but no vlmc catalog; set VLMC_CATALOG to another "
                         "file",
                         catalog->path);
    if (version != VLMC_CATALOG_VERSION)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" has version %" PRId64
                         ", this program knows version %d; use a newer vlmc",
                         catalog->path, version, VLMC_CATALOG_VERSION);
    return VLMC_OK;
}
