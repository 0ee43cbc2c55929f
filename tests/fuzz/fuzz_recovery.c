// SPDX-License-Identifier: Apache-2.0
// Repairs any bytes as an archive with recovery data. Nothing may crash, read out of bounds or take
// memory or time out of proportion. See fuzz_reader.c for how to fuzz with it; mutate_recovery.c
// runs it on mutations of a real file, for CTest.
#include "fuzz_recovery.h"

#include "archive/extent.h"
#include "archive/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_memory(const char *name)
{
    const int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) {
        perror("memfd");
        abort();
    }
    return fd;
}

static void load(int fd, size_t size, uint8_t **bytes)
{
    *bytes = malloc(size ? size : 1);
    if (!*bytes || pread(fd, *bytes, size, 0) != (ssize_t)size)
        abort();
}

static bool repair(int from, int to, size_t bytes, uint8_t **archive, size_t *size)
{
    vlmc_repair *repair;
    vlmc_error error;
    bool whole;
    if (vlmc_repair_create(from, bytes, "it", NULL, &repair, &error) != VLMC_OK)
        return false;
    const vlmc_repair_info *info = vlmc_repair_info_of(repair);
    whole = info->need == VLMC_REPAIR_NOTHING;
    if (!whole && vlmc_repair_write(repair, to, NULL, &whole, &error) != VLMC_OK)
        whole = false;
    *size = info->archive_bytes;
    if (whole)
        load(info->need == VLMC_REPAIR_NOTHING ? from : to, *size, archive);
    vlmc_repair_destroy(&repair);
    return whole;
}

bool fuzz_repairs(const uint8_t *data, size_t bytes, uint8_t **archive, size_t *size)
{
    const int from = open_memory("from"), to = open_memory("to");
    vlmc_archive_extent extent;
    if (write(from, data, bytes) != (ssize_t)bytes)
        abort();
    *archive = NULL;
    if (vlmc_archive_find_extent(from, bytes, "it", &extent, NULL) == VLMC_OK &&
        (extent.archive_bytes > bytes || extent.recovery_bytes != bytes - extent.archive_bytes))
        abort();
    const bool whole = repair(from, to, bytes, archive, size);
    close(from);
    close(to);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *archive;
    size_t archive_bytes;
    fuzz_repairs(data, size, &archive, &archive_bytes);
    free(archive);
    return 0;
}
