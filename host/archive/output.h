// SPDX-License-Identifier: Apache-2.0
// Where an archive is written to: a descriptor, or a file that gets its final name only when it is
// complete and on disk.
//
// The file has another name until then. Either it is one that nobody uses and goes when the archive
// does not come about; or the caller gives it a name, as a *partial file*: then it stays whatever
// happens, and whoever writes the same archive again goes on with it. What is written is compared
// with the bytes that are there already, and replaces them from the first difference on: so the
// result is the same as without them. One thread at a time.
#ifndef VLMC_ARCHIVE_OUTPUT_H
#define VLMC_ARCHIVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vlmc/status.h>

typedef struct vlmc_output vlmc_output;

typedef struct vlmc_output_params {
    const char *path;    // final name; NULL: writes to `fd`, which stays open
    int fd;              // used when path is NULL
    bool replace;        // an existing `path` may be replaced
    const char *partial; // name of the partial file, in the folder of `path`; NULL: there is none
} vlmc_output_params;

// VLMC_ERROR_EXISTS when the final name is there and may not be replaced, VLMC_ERROR_REFUSED when
// it is there and no regular file, and when another process writes the same partial file.
vlmc_status vlmc_output_create(const vlmc_output_params *params, vlmc_output **output,
                               vlmc_error *error);

vlmc_status vlmc_output_write(vlmc_output *output, const void *bytes, size_t size,
                              vlmc_error *error);

// Bytes written so far, or found to be there already.
uint64_t vlmc_output_size(const vlmc_output *output);

// Reads back from a partial file, wherever it was written. False: there are no such bytes.
bool vlmc_output_read(const vlmc_output *output, uint64_t offset, void *bytes, size_t size);

// All is written: what an earlier run has left behind it goes.
vlmc_status vlmc_output_end(vlmc_output *output, vlmc_error *error);

// What has been written is on disk when this returns.
vlmc_status vlmc_output_sync(vlmc_output *output, vlmc_error *error);

// The file, which may be read and, behind what was written, written to at offsets before commit.
int vlmc_output_fd(const vlmc_output *output);

// Syncs the file, gives it its final name, syncs the folder. VLMC_ERROR_EXISTS when the name was
// taken in the meantime and may not be replaced.
vlmc_status vlmc_output_commit(vlmc_output *output, vlmc_error *error);

// Without a successful commit this removes the file, unless it is a partial one. Accepts NULL.
void vlmc_output_destroy(vlmc_output **output);

// ---- Partial files ----

// Opens a file to read and write, or makes it with these permissions. VLMC_ERROR_REFUSED when what
// is there is not a regular file of the user's. `create` false: VLMC_ERROR_IO with ENOENT in
// os_error when it is not there.
vlmc_status vlmc_partial_open_own(const char *path, bool create, uint32_t mode, int *fd,
                                  vlmc_error *error);

// The same for a partial file, which is locked: for as long as the descriptor is open no other
// process gets it. VLMC_ERROR_REFUSED with EWOULDBLOCK in os_error when one has it.
vlmc_status vlmc_partial_open(const char *path, bool create, int *fd, vlmc_error *error);

#endif
