// SPDX-License-Identifier: Apache-2.0
#include "forget.h"

#include "place.h"

#include <stdlib.h>
#include <string.h>

// The index by trigrams holds no text: a deletion says what there was.
static const char orphans[] = "INSERT INTO path_trigram (path_trigram, rowid, text)"
                              " SELECT 'delete', id, vlmc_trigram_text(bytes) FROM path"
                              " WHERE id IN (SELECT id FROM temp.gone_path)"
                              " AND NOT EXISTS (SELECT 1 FROM entry WHERE path_id = path.id);"
                              "DELETE FROM path WHERE id IN (SELECT id FROM temp.gone_path)"
                              " AND NOT EXISTS (SELECT 1 FROM entry WHERE path_id = path.id);"
                              "DELETE FROM content WHERE id IN (SELECT id FROM temp.gone_content)"
                              " AND NOT EXISTS (SELECT 1 FROM entry WHERE content_id = content.id);"
                              "DELETE FROM model WHERE NOT EXISTS"
                              " (SELECT 1 FROM archive_model WHERE model_id = model.id);"
                              "DELETE FROM plugin WHERE NOT EXISTS"
                              " (SELECT 1 FROM archive_plugin WHERE plugin_id = plugin.id);"
                              "DROP TABLE temp.gone_path; DROP TABLE temp.gone_content;";

vlmc_status vlmc_forget_entries(vlmc_catalog *catalog, int64_t archive, vlmc_error *error)
{
    static const char *const steps[] = {
        "INSERT INTO temp.gone_path SELECT DISTINCT path_id FROM entry WHERE archive_id = ?",
        "INSERT INTO temp.gone_content SELECT DISTINCT content_id FROM entry WHERE archive_id = ?"
        " AND content_id IS NOT NULL",
        "DELETE FROM entry WHERE archive_id = ?",
        "DELETE FROM archive_model WHERE archive_id = ?",
        "DELETE FROM archive_plugin WHERE archive_id = ?",
    };
    // What a transaction that was rolled back left is gone as well, tables of temp included.
    VLMC_TRY(vlmc_catalog_run(catalog,
                              "CREATE TABLE temp.gone_path (id INTEGER PRIMARY KEY);"
                              "CREATE TABLE temp.gone_content (id INTEGER PRIMARY KEY)",
                              error));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        VLMC_TRY(vlmc_catalog_run_with(catalog, steps[i], archive, 0, error));
    return vlmc_catalog_run(catalog, orphans, error);
}

vlmc_status vlmc_forget_without_copy(vlmc_catalog *catalog, int64_t archive, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    bool has_copy;
    if (archive == 0)
        return VLMC_OK;
    VLMC_TRY(vlmc_catalog_prepare(catalog, "SELECT 1 FROM copy WHERE archive_id = ?", &s, error));
    sqlite3_bind_int64(s, 1, archive);
    vlmc_status status = vlmc_catalog_step(catalog, s, &has_copy, error);
    sqlite3_finalize(s);
    if (status != VLMC_OK || has_copy)
        return status;
    VLMC_TRY(vlmc_forget_entries(catalog, archive, error));
    return vlmc_catalog_run_with(catalog, "DELETE FROM archive WHERE id = ?", archive, 0, error);
}
