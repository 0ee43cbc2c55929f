// SPDX-License-Identifier: Apache-2.0
#include "cache_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define CACHE_MAGIC UINT64_C(0x31304843434D4C56) // "VLMCCH01"
#define CACHE_LIMIT_BYTES (UINT64_C(256) << 20)

typedef struct cache_header {
    uint64_t magic;
    uint64_t bytes; // that follow
    uint64_t hash;  // XXH3 of those
} cache_header;

void *vlmc_gpu_cache_read(const char *folder, const char *name, size_t *size)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    cache_header header;
    struct stat status;
    void *data = NULL;
    if (fread(&header, sizeof header, 1, file) == 1 && header.magic == CACHE_MAGIC &&
        header.bytes <= CACHE_LIMIT_BYTES && fstat(fileno(file), &status) == 0 &&
        (uint64_t)status.st_size == sizeof header + header.bytes)
        data = malloc(header.bytes ? header.bytes : 1);
    if (data && (fread(data, 1, header.bytes, file) != header.bytes ||
                 XXH3_64bits(data, header.bytes) != header.hash)) {
        free(data);
        data = NULL;
    }
    fclose(file);
    *size = data ? header.bytes : 0;
    return data;
}

static void make_folders(const char *folder)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
        return;
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(path, 0700);
            *at = '/';
        }
    mkdir(path, 0700);
}

bool vlmc_gpu_cache_write(const char *folder, const char *name, const void *data, size_t size)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        snprintf(temporary, sizeof temporary, "%s/%s.XXXXXX", folder, name) >=
            (int)sizeof temporary)
        return false;
    make_folders(folder);
    const int descriptor = mkstemp(temporary);
    if (descriptor < 0)
        return false;
    FILE *file = fdopen(descriptor, "wb");
    if (!file) {
        close(descriptor);
        unlink(temporary);
        return false;
    }
    const cache_header header = {CACHE_MAGIC, size, XXH3_64bits(data, size)};
    bool written =
        fwrite(&header, sizeof header, 1, file) == 1 && fwrite(data, 1, size, file) == size;
    written &= fclose(file) == 0;
    if (!written || rename(temporary, path) != 0) {
        unlink(temporary);
        return false;
    }
    return true;
}
