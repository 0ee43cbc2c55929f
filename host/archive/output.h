// SPDX-License-Identifier: Apache-2.0
// The file that an archive is written to: a temporary name beside the final one, which
// appears by rename when all is on disk; or a descriptor such as a pipe.
#ifndef VLMC_ARCHIVE_OUTPUT_H
#define VLMC_ARCHIVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_output vlmc_output;

// path == NULL: writes to `fd`, which stays open. Else VLMC_ERROR_EXISTS when `path` is there
// and may not be replaced, VLMC_ERROR_REFUSED when it is there and no regular file.
vlmc_status vlmc_output_create(const char *path, int fd, bool replace, vlmc_output **output,
                               vlmc_error *error);

vlmc_status vlmc_output_write(vlmc_output *output, const void *bytes, size_t size,
                              vlmc_error *error);

// Bytes written so far.
uint64_t vlmc_output_size(const vlmc_output *output);

// The file, which may be read and, behind what was written, written to at offsets before commit.
int vlmc_output_fd(const vlmc_output *output);

// Syncs the file, gives it its final name, syncs the folder. VLMC_ERROR_EXISTS when the name was
// taken in the meantime and may not be replaced.
vlmc_status vlmc_output_commit(vlmc_output *output, vlmc_error *error);

// Without a successful commit this removes the temporary file. Accepts NULL.
void vlmc_output_destroy(vlmc_output **output);

#endif
