// SPDX-License-Identifier: Apache-2.0
// Puts entries of an archive onto the disk, below the current folder and nowhere else.
//
// A file gets its name only when it is complete and its SHA-256 is right. Symlinks come
// last, so that no file can be written through one of them; modes and times of folders are
// set at the end.
#ifndef VLMC_CLI_RESTORE_H
#define VLMC_CLI_RESTORE_H

#include "archive/archive.h"
#include "cli.h"

#include <stdbool.h>

typedef enum restore_overwrite {
    RESTORE_OVERWRITE_NEVER,     // what exists stays, the entry is VLMC_ERROR_EXISTS
    RESTORE_OVERWRITE_ALWAYS,    // files and links are replaced, folders never
    RESTORE_OVERWRITE_NEWER,     // replaced where the archive's is newer, else left alone
    RESTORE_OVERWRITE_DIFFERENT, // left alone where size and time are those of the archive's
} restore_overwrite;

typedef struct restore_options {
    restore_overwrite overwrite;
    bool same_owner;    // give files to the users and groups that they had
    bool numeric_owner; // by id, not by name
    bool special_bits;  // set-user-id, set-group-id and sticky bits, file capabilities
} restore_options;

typedef struct restore restore;

// `cli` hears of attributes that could not be set; it and the reader are borrowed.
vlmc_status restore_create(const restore_options *options, cli *cli, vlmc_reader *reader,
                           restore **restore, vlmc_error *error);

// Restores entry `index`. *skipped: the overwrite policy left an existing entry alone. Damage, an
// unsafe path or an existing entry is an error of this entry only. A hard link is linked to the
// file's first name that this restore has written, or is itself the first.
vlmc_status restore_entry(restore *restore, uint32_t index, bool *skipped, vlmc_error *error);

// Sets modes and times of folders.
vlmc_status restore_finish(restore *restore, vlmc_error *error);

void restore_destroy(restore **restore);

// The same without writing: what restore_entry would find in the entry's place.
vlmc_status restore_check_place(const restore_options *options, const vlmc_entry *entry,
                                bool *skipped, vlmc_error *error);

#endif
