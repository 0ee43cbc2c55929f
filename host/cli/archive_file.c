// SPDX-License-Identifier: Apache-2.0
#include "archive_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static vlmc_status open_file(cli_archive_file *file, const char *path, vlmc_error *error)
{
    file->path = realpath(path, NULL);
    if (!file->path)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open %s", path);
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // not to hang on a FIFO
    if (file->fd < 0 || fstat(file->fd, &file->st) != 0)
        return vlmc_fail_os(error, VLMC_ERROR_IO, errno, "cannot open %s", path);
    if (!S_ISREG(file->st.st_mode))
        return vlmc_fail(error, VLMC_ERROR_FORMAT, "%s is not a regular file", path);
    file->file_bytes = (uint64_t)file->st.st_size;
    return VLMC_OK;
}

vlmc_status cli_archive_file_open(cli_archive_file *file, const char *path, vlmc_error *error)
{
    *file = (cli_archive_file){.fd = -1};
    const vlmc_status status = open_file(file, path, error);
    if (status != VLMC_OK)
        cli_archive_file_close(file);
    return status;
}

void cli_archive_file_close(cli_archive_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    free(file->path);
    file->path = NULL;
}

void cli_archive_file_take_over(const cli_archive_file *file, vlmc_output *output)
{
    const int fd = vlmc_output_fd(output);
    // The owner first: a change of it takes bits away.
    if (fchown(fd, file->st.st_uid, file->st.st_gid) != 0 || fchmod(fd, file->st.st_mode & 07777))
        return; // somebody else's archive becomes one's own
}
