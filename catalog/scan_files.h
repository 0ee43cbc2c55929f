// SPDX-License-Identifier: Apache-2.0
// Files below a folder that may be archives.
#ifndef VLMC_CATALOG_SCAN_FILES_H
#define VLMC_CATALOG_SCAN_FILES_H

#include "database.h"

typedef struct vlmc_scan_files {
    char **paths; // (n), in byte order within each folder
    size_t n;
    size_t capacity;
    vlmc_scan_looked_fn looked; // may be NULL
    void *user;
    uint64_t n_seen; // files, whatever they are
    uint64_t seen_bytes;
} vlmc_scan_files;

// A folder or file that cannot be looked into: the reason. May fail, which ends the walk.
typedef vlmc_status (*vlmc_scan_failed_fn)(void *user, const char *path, const vlmc_error *why,
                                           vlmc_error *error);

// Regular files named *.vlmc, or with `all_files` those that begin as an archive does. The catalog
// says when to stop.
vlmc_status vlmc_scan_files_collect(const vlmc_catalog *catalog, vlmc_scan_files *files,
                                    const char *folder, bool all_files, vlmc_scan_failed_fn failed,
                                    void *user, vlmc_error *error);
vlmc_status vlmc_scan_files_add(vlmc_scan_files *files, const char *path, vlmc_error *error);
void vlmc_scan_files_clear(vlmc_scan_files *files);

#endif
