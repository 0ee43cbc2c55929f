// SPDX-License-Identifier: Apache-2.0
// What "vlmc catalog ACTION" does, by file.
#ifndef VLMC_CLI_CATALOG_ACTIONS_H
#define VLMC_CLI_CATALOG_ACTIONS_H

#include "catalog/catalog.h"
#include "options.h"

typedef struct catalog_options {
    cli_common common;
    const char *action;
    char **args; // (n_args) behind the action
    int n_args;
    bool all_files;
    bool missing;
    uint64_t limit; // of dups
} catalog_options;

// catalog_list.c: of an open catalog
vlmc_status catalog_list(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error);
vlmc_status catalog_duplicates(const catalog_options *options, vlmc_catalog *catalog,
                               vlmc_error *error);
vlmc_status catalog_volumes(const catalog_options *options, vlmc_catalog *catalog,
                            vlmc_error *error);

// catalog_stats.c
vlmc_status catalog_stats(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error);
vlmc_status catalog_needs_model(const catalog_options *options, vlmc_catalog *catalog,
                                vlmc_error *error);

// catalog_scan.c: these open it themselves
vlmc_status catalog_scan(const catalog_options *options, vlmc_error *error);
vlmc_status catalog_rebuild(const catalog_options *options, vlmc_error *error);

// catalog_keep.c
vlmc_status catalog_check(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error);
vlmc_status catalog_backup(const catalog_options *options, vlmc_catalog *catalog,
                           vlmc_error *error);
vlmc_status catalog_forget(const catalog_options *options, vlmc_catalog *catalog,
                           vlmc_error *error);
vlmc_status catalog_name(const catalog_options *options, vlmc_catalog *catalog, vlmc_error *error);

// The visit of vlmc_catalog_list: a line for each copy; `user` is the cli.
vlmc_status catalog_print_copy(void *user, const vlmc_catalog_copy *copy, vlmc_error *error);

#endif
