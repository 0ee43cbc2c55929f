// SPDX-License-Identifier: Apache-2.0
#include "schema.h"

#include <inttypes.h>

#define APPLICATION_ID 1986817379 // "vlmc"

// Paths are BLOBs: a name on disk is bytes, not text. Times are seconds since 1970.
static const char tables[] =
    "CREATE TABLE volume ("
    "  id INTEGER PRIMARY KEY,"
    "  identity TEXT NOT NULL UNIQUE," // volume.h
    "  name TEXT UNIQUE,"              // that the user gave
    "  label TEXT,"                    // of the file system
    "  filesystem TEXT,"
    "  point TEXT," // where it was mounted last
    "  seen INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE archive ("
    "  id INTEGER PRIMARY KEY,"
    "  root_digest BLOB NOT NULL UNIQUE CHECK (length(root_digest) = 32),"
    "  format INTEGER NOT NULL,"
    "  numerics INTEGER NOT NULL,"
    "  content_bytes INTEGER NOT NULL,"
    "  n_entries INTEGER NOT NULL,"
    "  created INTEGER NOT NULL," // the earliest time of a copy's file
    "  encrypted INTEGER NOT NULL DEFAULT 0,"
    "  has_names INTEGER NOT NULL," // 1: its entries are here
    "  read_by INTEGER NOT NULL"    // version of the catalog that read the archive
    ") STRICT;"
    "CREATE TABLE copy ("
    "  id INTEGER PRIMARY KEY,"
    "  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,"
    "  volume_id INTEGER NOT NULL REFERENCES volume,"
    "  path BLOB NOT NULL," // on the volume
    "  file_bytes INTEGER NOT NULL,"
    "  file_mtime_ns INTEGER NOT NULL," // since 1970; with the size it tells whether the file
                                        // changed
    "  first_seen INTEGER NOT NULL,"
    "  seen INTEGER NOT NULL,"
    "  missing INTEGER NOT NULL DEFAULT 0," // 1: a scan did not find it
    "  verified INTEGER,"                   // in full, last; of the file as it is
    "  damaged INTEGER NOT NULL DEFAULT 0," // 1: by the last check of the file as it is
    "  UNIQUE (volume_id, path)"
    ") STRICT;"
    "CREATE INDEX copy_archive ON copy (archive_id);"
    "CREATE TABLE verify ("
    "  id INTEGER PRIMARY KEY,"
    "  copy_id INTEGER NOT NULL REFERENCES copy ON DELETE CASCADE,"
    "  at INTEGER NOT NULL,"
    "  level INTEGER NOT NULL,"  // vlmc_catalog_level
    "  result INTEGER NOT NULL," // vlmc_catalog_result
    "  n_files INTEGER NOT NULL,"
    "  n_bad INTEGER NOT NULL,"
    "  device TEXT,"
    "  seconds REAL NOT NULL"
    ") STRICT;"
    "CREATE INDEX verify_copy ON verify (copy_id);"
    "CREATE TABLE move (" // where a copy was before
    "  id INTEGER PRIMARY KEY,"
    "  copy_id INTEGER NOT NULL REFERENCES copy ON DELETE CASCADE,"
    "  at INTEGER NOT NULL," // when that was noticed
    "  volume_id INTEGER NOT NULL REFERENCES volume,"
    "  path BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX move_copy ON move (copy_id);"
    "CREATE TABLE model ("
    "  id INTEGER PRIMARY KEY,"
    "  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),"
    "  name TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE archive_model ("
    "  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,"
    "  number INTEGER NOT NULL," // in the archive, from 1
    "  model_id INTEGER NOT NULL REFERENCES model,"
    "  PRIMARY KEY (archive_id, number)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX archive_model_model ON archive_model (model_id);"
    "CREATE TABLE plugin ("
    "  id INTEGER PRIMARY KEY,"
    "  tokenizer TEXT NOT NULL," // its id
    "  version INTEGER NOT NULL,"
    "  UNIQUE (tokenizer, version)"
    ") STRICT;"
    "CREATE TABLE archive_plugin ("
    "  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,"
    "  plugin_id INTEGER NOT NULL REFERENCES plugin,"
    "  PRIMARY KEY (archive_id, plugin_id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX archive_plugin_plugin ON archive_plugin (plugin_id);"
    "CREATE TABLE content ("
    "  id INTEGER PRIMARY KEY,"
    "  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),"
    "  size_bytes INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE path ("
    "  id INTEGER PRIMARY KEY,"
    "  bytes BLOB NOT NULL UNIQUE"
    ") STRICT;"
    // Holds no text of its own, so what is deleted from it must be named (forget.c). trigram.h.
    "CREATE VIRTUAL TABLE path_trigram USING fts5 ("
    "  text, content = '', columnsize = 0, detail = none, tokenize = 'trigram');"
    "CREATE TABLE entry ("
    "  archive_id INTEGER NOT NULL REFERENCES archive ON DELETE CASCADE,"
    "  position INTEGER NOT NULL," // in the archive's index
    "  path_id INTEGER NOT NULL REFERENCES path,"
    "  type INTEGER NOT NULL," // vlmc_entry_type
    "  mode INTEGER NOT NULL,"
    "  mtime_seconds INTEGER NOT NULL,"
    "  mtime_ns INTEGER NOT NULL,"
    "  content_id INTEGER REFERENCES content," // NULL for folders and symlinks
    "  plugin_id INTEGER REFERENCES plugin,"   // of most of its bytes; NULL: plain
    "  packed_bytes INTEGER NOT NULL,"
    "  PRIMARY KEY (archive_id, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX entry_path ON entry (path_id);"
    "CREATE INDEX entry_content ON entry (content_id) WHERE content_id IS NOT NULL;"
    "PRAGMA application_id = 1986817379;"
    "PRAGMA user_version = 2;";

_Static_assert(VLMC_CATALOG_VERSION == 2, "the version in the script above is written out");

vlmc_status vlmc_schema_create(vlmc_catalog *catalog, vlmc_error *error)
{
    return vlmc_catalog_run(catalog, tables, error);
}

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
    VLMC_TRY(vlmc_catalog_begin(catalog, error));
    vlmc_status status = is_empty(catalog, &empty, error);
    if (status == VLMC_OK && empty)
        status = vlmc_schema_create(catalog, error);
    return vlmc_catalog_end(catalog, status, error);
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
    if (version > VLMC_CATALOG_VERSION || version < 1)
        return vlmc_fail(error, VLMC_ERROR_CATALOG,
                         "the catalog \"%s\" has version %" PRId64
                         ", this program knows up to version %d; use a newer vlmc, or set "
                         "VLMC_CATALOG to another file",
                         catalog->path, version, VLMC_CATALOG_VERSION);
    if (version < VLMC_CATALOG_VERSION)
        return vlmc_schema_migrate(catalog, version, error);
    return VLMC_OK;
}
