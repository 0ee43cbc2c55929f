// SPDX-License-Identifier: Apache-2.0
// GNU: copy_file_range.
#include "bytes_at.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 4096u // what is given up at a time where a disk fails
#define COPY_BYTES (1u << 20)
#define SHARE_BYTES (64u << 20)

vlmc_status vlmc_recovery_read_at(int fd, uint64_t offset, void *bytes, size_t size,
                                  vlmc_error *error)
{
    uint8_t *at = bytes;
    size_t most = size;
    while (size > 0) {
        const size_t want = size < most ? size : most;
        // An offset that no file has is one beyond its end.
        const ssize_t got = offset > INT64_MAX ? 0 : pread(fd, at, want, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != EIO)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read the archive");
        if (got == 0) {
            memset(at, 0, size);
            return VLMC_OK;
        }
        if (got < 0 && want > SECTOR_BYTES) {
            most = SECTOR_BYTES;
            continue;
        }
        const size_t done = got < 0 ? want : (size_t)got;
        if (got < 0)
            memset(at, 0, done);
        at += done;
        offset += done;
        size -= done;
    }
    return VLMC_OK;
}

vlmc_status vlmc_recovery_write_at(int fd, uint64_t offset, const void *bytes, size_t size,
                                   vlmc_error *error)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        const ssize_t written = pwrite(fd, at, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write the archive");
        at += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return VLMC_OK;
}

// One piece of a copy within the kernel, which may share blocks. Bytes that were copied.
static size_t copy_quickly(int from, int to, uint64_t offset, size_t size)
{
    off_t in = (off_t)offset, out = (off_t)offset;
    const ssize_t got = copy_file_range(from, &in, to, &out, size, 0);
    return got < 0 ? 0 : (size_t)got; // for whatever reason: the long way may do
}

vlmc_status vlmc_recovery_copy(int from, int to, uint64_t offset, uint64_t size,
                               vlmc_recovery_progress *progress, vlmc_error *error)
{
    const uint64_t end = offset + size;
    uint8_t *buffer = malloc(COPY_BYTES);
    if (!buffer)
        return vlmc_fail(error, VLMC_ERROR_MEMORY, "not enough memory to copy the archive");
    vlmc_status status = VLMC_OK;
    bool quickly = true;
    while (offset < end && status == VLMC_OK) {
        const size_t most = quickly ? SHARE_BYTES : COPY_BYTES;
        size_t n = end - offset < most ? (size_t)(end - offset) : most;
        if (quickly) {
            n = copy_quickly(from, to, offset, n);
            quickly = n > 0;
        } else {
            status = vlmc_recovery_read_at(from, offset, buffer, n, error);
            if (status == VLMC_OK)
                status = vlmc_recovery_write_at(to, offset, buffer, n, error);
        }
        offset += n;
        if (status == VLMC_OK)
            status = vlmc_recovery_step(progress, n, error);
    }
    free(buffer);
    return status;
}
