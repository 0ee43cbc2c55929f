// SPDX-License-Identifier: Apache-2.0
// Where a check with a time limit stopped, in ~/.local/state/vlmc/verify.
#ifndef VLMC_CLI_VERIFY_STATE_H
#define VLMC_CLI_VERIFY_STATE_H

#include "cli.h"

#include <stdbool.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef enum verify_level {
    VERIFY_HEADER, // structure and index
    VERIFY_BLOCKS, // and that every record is what was written
    VERIFY_DECODE, // and that every file is what was archived
} verify_level;

const char *verify_level_name(verify_level level);

// What is done of an archive. Zeros: nothing.
typedef struct verify_state {
    uint32_t next;     // file or block to go on with
    uint32_t n_blocks; // at level blocks: of how many; an archive that is locked has others
    uint32_t files;
    uint32_t damaged;
    uint32_t unread; // for want of a model or a plugin
    double seconds;
} verify_state;

// False: the archive at `path` is not waiting to be checked.
bool verify_state_waits(const cli *cli, const char *path, verify_level level);

// What an earlier run has done of the archive with this root digest // (32).
void verify_state_load(const cli *cli, const char *path, verify_level level,
                       const uint8_t *root_digest, verify_state *state);

// root_digest NULL: nothing of it is done.
vlmc_status verify_state_save(const cli *cli, const char *path, verify_level level,
                              const uint8_t *root_digest, const verify_state *state,
                              vlmc_error *error);
void verify_state_remove(const cli *cli, const char *path, verify_level level);

#endif
