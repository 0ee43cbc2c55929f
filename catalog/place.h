// SPDX-License-Identifier: Apache-2.0
// Copies: where an archive is, by volume and path.
#ifndef VLMC_CATALOG_PLACE_H
#define VLMC_CATALOG_PLACE_H

#include "database.h"

// What tells whether a file changed.
typedef struct vlmc_file_state {
    int64_t bytes;
    int64_t mtime_ns; // since 1970
} vlmc_file_state;

// False when there is no such file.
bool vlmc_place_look(const char *path, vlmc_file_state *state);

// The row of the place's volume, made when there is none; it was seen at `now`.
vlmc_status vlmc_place_volume(vlmc_catalog *catalog, const vlmc_place *place, int64_t now,
                              int64_t *id, vlmc_error *error);

// The copy at a place, and its archive; *copy 0: none.
vlmc_status vlmc_place_find(vlmc_catalog *catalog, const vlmc_place *place, int64_t *copy,
                            int64_t *archive, vlmc_error *error);

// What became of a copy.
typedef struct vlmc_placed {
    int64_t copy;     // its row
    bool was_there;   // it was known there
    int64_t replaced; // the archive that was known there before; 0: none
    char *moved_from; // where it was before, on whatever volume; NULL: it has not moved; free()
} vlmc_placed;

// Says that a copy of `archive` is at the place: one that is known, that has moved, or a new one.
vlmc_status vlmc_place_copy(vlmc_catalog *catalog, int64_t archive, const vlmc_place *place,
                            const vlmc_file_state *state, vlmc_placed *placed, vlmc_error *error);

// Is there no file any more, as far as one can tell? Not so when it cannot be looked for.
bool vlmc_place_is_gone(const char *path);

// Columns of volume and copy that vlmc_place_column turns into a location.
#define VLMC_PLACE_COLUMNS "volume.identity, volume.name, volume.label, copy.path, copy.missing"
#define VLMC_PLACE_N_COLUMNS 5

// Where the copy of a row is now, from `column` on. vlmc_place_clear frees it.
vlmc_status vlmc_place_column(vlmc_catalog *catalog, sqlite3_stmt *statement, int column,
                              vlmc_catalog_location *location, vlmc_error *error);
void vlmc_place_clear(vlmc_catalog_location *location);

#endif
