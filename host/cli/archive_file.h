// SPDX-License-Identifier: Apache-2.0
// The file of an archive that a command changes or copies as bytes, without opening the archive.
#ifndef VLMC_CLI_ARCHIVE_FILE_H
#define VLMC_CLI_ARCHIVE_FILE_H

#include "archive/output.h"

#include <stdint.h>
#include <sys/stat.h>
#include <vlmc/status.h>

typedef struct cli_archive_file {
    char *path; // where the file is, symlinks followed: what replaces it goes there
    int fd;     // for reading
    uint64_t file_bytes;
    struct stat st;
} cli_archive_file;

// `path` as the user named it. On failure nothing is left open.
vlmc_status cli_archive_file_open(cli_archive_file *file, const char *path, vlmc_error *error);
void cli_archive_file_close(cli_archive_file *file);

// Gives a file that replaces this one its permissions and, where that is allowed, its owner.
void cli_archive_file_take_over(const cli_archive_file *file, vlmc_output *output);

#endif
