// SPDX-License-Identifier: Apache-2.0
#include "salvage.h"

// The copy of the new catalog that is the row `copy` of the old one.
#define SAME_COPY                                                                                  \
    " FROM old.copy AS was JOIN old.archive ON old.archive.id = was.archive_id"                    \
    " JOIN old.volume ON old.volume.id = was.volume_id"                                            \
    " JOIN main.archive ON main.archive.root_digest = old.archive.root_digest"                     \
    " JOIN main.volume ON main.volume.identity = old.volume.identity"                              \
    " JOIN main.copy ON main.copy.archive_id = main.archive.id"                                    \
    " AND main.copy.volume_id = main.volume.id AND main.copy.path = was.path"

static const char *const steps[] = {
    "UPDATE OR IGNORE main.volume SET name = (SELECT old.volume.name FROM old.volume"
    " WHERE old.volume.identity = main.volume.identity) WHERE name IS NULL",
    "CREATE TABLE temp.salvaged AS SELECT main.copy.id AS id, was.id AS was, was.verified AS"
    " verified, was.damaged AS damaged, was.first_seen AS first_seen, was.file_bytes ="
    " main.copy.file_bytes AND was.file_mtime_ns = main.copy.file_mtime_ns AS same" SAME_COPY,
    "INSERT INTO main.verify (copy_id, at, level, result, n_files, n_bad, device, seconds)"
    " SELECT salvaged.id, at, level, result, n_files, n_bad, device, seconds FROM old.verify"
    " JOIN temp.salvaged ON salvaged.was = old.verify.copy_id",
    "UPDATE main.copy SET first_seen = (SELECT first_seen FROM temp.salvaged WHERE salvaged.id ="
    " main.copy.id) WHERE id IN (SELECT id FROM temp.salvaged)",
    "UPDATE main.copy SET (verified, damaged) = (SELECT verified, damaged FROM temp.salvaged"
    " WHERE salvaged.id = main.copy.id) WHERE id IN (SELECT id FROM temp.salvaged WHERE same)",
    "DROP TABLE temp.salvaged",
};

void vlmc_salvage(vlmc_catalog *catalog, const char *damaged)
{
    sqlite3_stmt *s = NULL;
    vlmc_error unused;
    if (vlmc_catalog_prepare(catalog, "ATTACH ? AS old", &s, &unused) != VLMC_OK)
        return;
    vlmc_catalog_bind_text(s, 1, damaged);
    const vlmc_status attached = vlmc_catalog_finish(catalog, s, &unused);
    sqlite3_finalize(s);
    if (attached == VLMC_OK) {
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            vlmc_catalog_run(catalog, steps[i], &unused);
        vlmc_catalog_run(catalog, "DETACH old", &unused);
    }
    catalog->is_damaged = false; // it was about the old one
}
