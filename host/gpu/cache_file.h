// SPDX-License-Identifier: Apache-2.0
// Small files under the cache folder that may vanish or rot at any time: each carries its length
// and hash, is written to a temporary name and renamed.
#ifndef VLMC_GPU_CACHE_FILE_H
#define VLMC_GPU_CACHE_FILE_H

#include <stdbool.h>
#include <stddef.h>

// The content of folder/name, to be freed, or NULL when it is missing, too long or corrupt.
void *vlmc_gpu_cache_read(const char *folder, const char *name, size_t *size);

// Makes the folder where it is missing. False when the file could not be written.
bool vlmc_gpu_cache_write(const char *folder, const char *name, const void *data, size_t size);

#endif
