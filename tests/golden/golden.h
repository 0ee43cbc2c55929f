// SPDX-License-Identifier: Apache-2.0
#ifndef VLMC_TESTS_GOLDEN_GOLDEN_H
#define VLMC_TESTS_GOLDEN_GOLDEN_H

#include "contents.h"

// The plugins that golden archives with tokens are made by: "good" and "joiner" of tests/plugins,
// in the folder VLMC_TEST_PLUGINS, in this process. Aborts when they are not there.
typedef struct golden_plugins {
    vlmc_plugins *plugins;
    vlmc_worker *worker;
} golden_plugins;

golden_plugins golden_open_plugins(void);
void golden_close_plugins(golden_plugins *plugins);

// The content of an entry, malloc'ed; folder is tests/golden. Aborts when a file is missing.
uint8_t *golden_content(const char *folder, const golden_entry *entry, size_t *size);

// Writes one of golden_archives to `path`, which is replaced. `model` and `plugins` when the
// archive wants them.
vlmc_status golden_write(const char *folder, const golden_archive *archive, const vlmc_model *model,
                         const golden_plugins *plugins, const char *path, vlmc_error *error);

// Opens it, with GOLDEN_PASSPHRASE where it is encrypted.
vlmc_status golden_open(const char *path, const vlmc_engine_source *engines, vlmc_reader **reader,
                        vlmc_error *error);

#endif
