// SPDX-License-Identifier: Apache-2.0
#include "rekey.h"

#include "reader.h"
#include "seal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_RECORD_BYTES (VLMC_RECORD_BYTES + VLMC_KEY_BYTES)

static vlmc_status same_file(const vlmc_reader *r, int fd, vlmc_error *error)
{
    struct stat opened, now;
    if (fstat(r->fd, &opened) != 0 || fstat(fd, &now) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot read %s", r->path);
    if (opened.st_dev != now.st_dev || opened.st_ino != now.st_ino)
        return vlmc_fail(error, VLMC_ERROR_IO, "%s was replaced meanwhile; try again", r->path);
    return VLMC_OK;
}

static vlmc_status write_key(const vlmc_reader *r, int fd, const uint8_t key[VLMC_KEY_BYTES],
                             vlmc_error *error)
{
    uint8_t bytes[KEY_RECORD_BYTES];
    VLMC_TRY(same_file(r, fd, error));
    vlmc_key_write(key, bytes);
    ssize_t written;
    do
        written = pwrite(fd, bytes, sizeof bytes, VLMC_HEADER_BYTES);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)sizeof bytes || fsync(fd) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, written < 0 ? errno : EIO, "cannot write %s",
                            r->path);
    return VLMC_OK;
}

vlmc_status vlmc_reader_rekey(const vlmc_reader *r, const char *path, const vlmc_secret *passphrase,
                              const vlmc_seal_cost *cost, vlmc_error *error)
{
    uint8_t key[VLMC_KEY_BYTES];
    if (!r->seal)
        return vlmc_fail(error, VLMC_ERROR_USAGE, "%s is not encrypted and has no passphrase",
                         r->path);
    VLMC_TRY(vlmc_seal_rewrap(r->seal, passphrase, cost, key, error));
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot write %s", r->path);
    const vlmc_status status = write_key(r, fd, key, error);
    close(fd);
    return status;
}
