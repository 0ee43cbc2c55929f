// SPDX-License-Identifier: Apache-2.0
// What a path on disk has besides its content: owner, access control lists, extended attributes;
// and where a file has holes.
#ifndef VLMC_CLI_METADATA_H
#define VLMC_CLI_METADATA_H

#include "archive/archive.h"

#include <sys/stat.h>
#include <vlmc/status.h>

typedef struct metadata metadata;

vlmc_status metadata_create(metadata **metadata, vlmc_error *error);
void metadata_destroy(metadata **metadata);

// Attributes of `path`, whose lstat is `st`; `fd` is the open file, or -1 for what is no file. They
// live until the next call. VLMC_ERROR_IO: some could not be read; the others are there.
vlmc_status metadata_read(metadata *metadata, const char *path, int fd, const struct stat *st,
                          vlmc_attributes *attributes, vlmc_error *error);

// The holes of an open file of st->st_size bytes // (*n), until the next call; none where the file
// system cannot say. The file's position is 0 afterwards.
vlmc_status metadata_holes(metadata *metadata, int fd, const struct stat *st,
                           const vlmc_hole **holes, uint32_t *n, vlmc_error *error);

#endif
