// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <stdlib.h>
#include <string.h>

static vlmc_status insert_verification(vlmc_catalog *catalog, int64_t copy,
                                       const vlmc_catalog_verification *v, vlmc_error *error)
{
    sqlite3_stmt *s = NULL;
    VLMC_TRY(vlmc_catalog_prepare(
        catalog,
        "INSERT INTO verify (copy_id, at, level, result, n_files, n_bad, device, seconds)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        &s, error));
    sqlite3_bind_int64(s, 1, copy);
    sqlite3_bind_int64(s, 2, v->at);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)v->level);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)v->result);
    vlmc_catalog_bind_number(s, 5, v->n_files);
    vlmc_catalog_bind_number(s, 6, v->n_bad);
    vlmc_catalog_bind_text(s, 7, v->device);
    sqlite3_bind_double(s, 8, v->seconds);
    vlmc_status status = vlmc_catalog_finish(catalog, s, error);
    sqlite3_finalize(s);
    return status;
}

static vlmc_status record(vlmc_catalog *catalog, const vlmc_reader *reader,
                          const vlmc_record_params *params, const vlmc_catalog_verification *v,
                          vlmc_placed *placed, vlmc_error *error)
{
    int64_t copy, archive;
    VLMC_TRY(vlmc_place_find(catalog, params->place, &copy, &archive, error));
    if (reader) {
        VLMC_TRY(vlmc_record_archive(catalog, reader, params, placed, error));
        copy = placed->copy;
    }
    if (!copy)
        return VLMC_OK;
    VLMC_TRY(insert_verification(catalog, copy, v, error));
    if (v->result == VLMC_CATALOG_DAMAGED)
        return vlmc_catalog_run_with(
            catalog, "UPDATE copy SET damaged = 1, verified = NULL WHERE id = ?", copy, 0, error);
    if (v->result == VLMC_CATALOG_SOUND && v->level == VLMC_CATALOG_DECODE)
        return vlmc_catalog_run_with(catalog,
                                     "UPDATE copy SET damaged = 0, verified = ?2 WHERE id = ?1",
                                     copy, v->at, error);
    return VLMC_OK;
}

vlmc_status vlmc_catalog_record_verify(vlmc_catalog *catalog, const vlmc_reader *reader,
                                       const char *path, vlmc_catalog_names names,
                                       const vlmc_catalog_verification *verification,
                                       vlmc_error *error)
{
    vlmc_place place;
    vlmc_placed placed = {0};
    if (vlmc_mounts_place(catalog->mounts, path, &place, error) != VLMC_OK)
        return vlmc_catalog_no_memory(error);
    const vlmc_record_params params = {.place = &place, .path = path, .names = names};
    vlmc_status status = vlmc_catalog_begin(catalog, error);
    if (status == VLMC_OK)
        status = vlmc_catalog_end(
            catalog, record(catalog, reader, &params, verification, &placed, error), error);
    free(placed.moved_from);
    free(place.path);
    return status;
}
