// SPDX-License-Identifier: Apache-2.0
// Archives with the plugins of tests/plugins.
#ifndef VLMC_TESTS_ARCHIVE_PLUGIN_SUPPORT_H
#define VLMC_TESTS_ARCHIVE_PLUGIN_SUPPORT_H

#include "archive_support.h"
#include "plugin/registry.h"
#include "plugin/worker.h"

typedef struct kit {
    vlmc_plugins *plugins;
    vlmc_worker *worker;
    vlmc_model *model; // for plain bytes; tokens go through the mixer alone
    uint32_t notices;
    char notice[VLMC_ERROR_TEXT_BYTES]; // the last one
    char noticed[256];                  // the file that it was about
    uint64_t coded;                     // bytes that were turned into tokens
} kit;

// With some of the plugins, by name. `isolated`: with a child process and a limit of 2 seconds.
kit *make_kit(const char *const *names, uint32_t n, bool isolated);
void free_kit(kit *kit);

// What a writer of this kit is made with.
vlmc_writer_params kit_params(kit *kit, const char *path);

// Writes files of mode 0644, or fails the test. `at_most` as in source.
void write_with(const vlmc_writer_params *params, const content *contents, uint32_t n,
                size_t at_most);

// As write_archive and check_archive, with the kit's plugins and model.
void kit_write(kit *kit, const char *path, const content *contents, uint32_t n, size_t at_most);
vlmc_status kit_check(kit *kit, const char *path, const content *contents, uint32_t n,
                      vlmc_error *error);

// A reader with the kit's plugins and model, or a failed test.
vlmc_reader *kit_open(kit *kit, const char *path);

// A file that `plugin` takes: its magic, then letters of which few are x, which zstd packs worse
// than the mixer. malloc'ed.
uint8_t *claimed_bits(const char *plugin, size_t n, uint64_t seed);

#endif
