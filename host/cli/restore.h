// SPDX-License-Identifier: Apache-2.0
// Puts entries of an archive onto the disk, below the current folder and nowhere else.
//
// A file gets its name only when it is complete and its SHA-256 is right. Symlinks come
// last, so that no file can be written through one of them; modes and times of folders are
// set at the end.
#ifndef VLMC_CLI_RESTORE_H
#define VLMC_CLI_RESTORE_H

#include "archive/archive.h"

#include <stdbool.h>

typedef enum restore_overwrite {
    RESTORE_OVERWRITE_NEVER,  // what exists stays, the entry is VLMC_ERROR_EXISTS
    RESTORE_OVERWRITE_ALWAYS, // files and links are replaced, folders never
    RESTORE_OVERWRITE_NEWER,  // replaced where the archive's is newer, else left alone
} restore_overwrite;

typedef struct restore restore;

vlmc_status restore_create(restore_overwrite overwrite, restore **restore, vlmc_error *error);

// Restores entry `index`. *skipped: NEWER left an existing entry alone. Damage, an unsafe
// path or an existing entry is an error of this entry only.
vlmc_status restore_entry(restore *restore, vlmc_reader *reader, uint32_t index, bool *skipped,
                          vlmc_error *error);

// Sets modes and times of folders.
vlmc_status restore_finish(restore *restore, vlmc_error *error);

void restore_destroy(restore **restore);

#endif
