// SPDX-License-Identifier: Apache-2.0
#include "recovery_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t next_number(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static int file_of(const uint8_t *bytes, size_t size)
{
    const int fd = memfd_create("recovery", MFD_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    return fd;
}

protected_file make_protected(size_t archive_bytes, uint32_t percent)
{
    protected_file file = {.archive_bytes = archive_bytes};
    uint64_t state = archive_bytes, size;
    uint8_t *archive = malloc(archive_bytes);
    for (size_t i = 0; i < archive_bytes; i++)
        archive[i] = (uint8_t)next_number(&state);
    const int fd = file_of(archive, archive_bytes);
    vlmc_error error;
    cr_assert_eq(vlmc_recovery_protect(fd, archive_bytes, percent, NULL, &size, &error), VLMC_OK);
    cr_assert_eq(lseek(fd, 0, SEEK_END), size);
    file.size = (size_t)size;
    file.bytes = malloc(file.size);
    cr_assert_eq(pread(fd, file.bytes, file.size, 0), (ssize_t)file.size);
    cr_assert_eq(memcmp(file.bytes, archive, archive_bytes), 0);
    vlmc_recovery_place place;
    bool found;
    cr_assert_eq(vlmc_recovery_find(fd, size, 0, &place, &found, &error), VLMC_OK);
    cr_assert(found && place.at_end && place.shift == 0);
    cr_assert_eq(place.layout.archive_bytes, archive_bytes);
    file.layout = place.layout;
    close(fd);
    free(archive);
    return file;
}

void free_protected(protected_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
}

static bool same_archive(const protected_file *file, int fd)
{
    uint8_t *found = malloc(file->archive_bytes);
    const bool same = pread(fd, found, file->archive_bytes, 0) == (ssize_t)file->archive_bytes &&
                      memcmp(found, file->bytes, file->archive_bytes) == 0;
    free(found);
    return same;
}

bool mends(const protected_file *file, const uint8_t *damaged, size_t size,
           vlmc_recovery_report *report)
{
    const int from = file_of(damaged, size), to = memfd_create("mended", MFD_CLOEXEC);
    vlmc_recovery_place place;
    vlmc_recovery_scan *scan = NULL;
    vlmc_error error;
    bool found, same = false;
    cr_assert_eq(vlmc_recovery_find(from, size, size, &place, &found, &error), VLMC_OK);
    if (found && vlmc_recovery_scan_create(from, size, &place, NULL, &scan, &error) == VLMC_OK) {
        cr_assert_eq(vlmc_recovery_mend(scan, to, NULL, &error), VLMC_OK);
        same = same_archive(file, to);
        if (report)
            *report = *vlmc_recovery_scan_report(scan);
        // What is said to be mended is.
        cr_assert(same || vlmc_recovery_scan_report(scan)->lost_cells > 0);
    }
    vlmc_recovery_scan_destroy(&scan);
    close(from);
    close(to);
    return same;
}
